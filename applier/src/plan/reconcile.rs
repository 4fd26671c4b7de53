//! The difference between what an account holds and what it should hold, as actions. Pure, one function a resource.
//!
//! A difference in spelling alone is none: policies are compared by meaning, lists without order where AWS gives none.

use std::collections::{BTreeMap, BTreeSet};

use bundle_schema::documents::contents::{BucketDocuments, IssuerDocuments, RoleDocuments};
use bundle_schema::documents::{CreateOpenIdConnectProvider, CreateRole, ObjectOwnership};
use bundle_schema::names::{Audience, BucketName, Thumbprint};

use crate::account::live::Tags;
use crate::account::live::{BucketState, LiveBucket, LiveObject, LiveProvider, LiveRole, LiveState};
use crate::plan::action::{Action, Call, NewObject, Object, RoleSettings};
use crate::plan::desired::{Desired, MAX_OBJECT_TAGS, MAX_SESSION_DURATION, is_system_tag, tags};
use crate::plan::meaning::same_policy;

/// How S3 spells [`ObjectOwnership::BucketOwnerEnforced`].
const OWNER_ENFORCED: &str = "BucketOwnerEnforced";

impl LiveBucket {
    /// Where `s3:TagResource` is denied, a bucket is made without tags, and a run cut off right there leaves one that is ours
    /// and does not say so. It holds nothing and lets nobody in, so taking it over costs nobody anything.
    pub(crate) fn is_left_by_a_cut_off_run(&self) -> bool {
        self.tags.keys().all(|key| is_system_tag(key)) && self.is_new()
    }

    /// Whether nothing was done with it since it was made.
    pub(crate) fn is_new(&self) -> bool {
        self.is_empty && self.policy.is_none() && self.ownership.as_deref() == Some(OWNER_ENFORCED)
    }
}

/// All actions but those of the record, in the order in which they may be done one after the other.
pub(crate) fn account(desired: &Desired<'_>, live: &LiveState, prune: bool) -> Vec<Action> {
    let header = &desired.contents().header;
    let mut actions = desired.issuer().map(|issuer| self::issuer(desired, issuer, live)).unwrap_or_default();
    let mut last = Vec::new();
    for documents in &desired.contents().roles {
        let name = &documents.create.role_name;
        let (arn, live) = (header.role_arn(name), live.role(name));
        let action = |call| Action { resource: arn.clone(), call };
        if let Some(live) = live.filter(|_| prune) {
            actions.extend(removals(&documents.create, live).map(action));
        }
        actions.extend(role(&documents.create, live).into_iter().map(action));
        last.extend(role_policy(documents, live).map(action));
        // A boundary goes when nothing else is left to put right.
        last.extend(live.and_then(|live| boundary_removal(&documents.create, live)).map(action));
    }
    actions.extend(last);
    actions
}

/// The issuer: the bucket and its objects, unless somebody else publishes them, and the identity provider.
fn issuer(desired: &Desired<'_>, issuer: &IssuerDocuments, live: &LiveState) -> Vec<Action> {
    let bucket = issuer.bucket.as_ref();
    let mut actions = bucket.map(|documents| self::bucket(desired, issuer, documents, live)).unwrap_or_default();
    let arn = desired.contents().header.provider_arn();
    actions.extend(
        self::provider(&issuer.provider, &desired.provider_tags(issuer), live.provider())
            .into_iter()
            .map(|call| Action { resource: arn.clone(), call }),
    );
    actions
}

/// The bucket and its objects.
fn bucket(
    desired: &Desired<'_>,
    issuer: &IssuerDocuments,
    documents: &BucketDocuments,
    live: &LiveState,
) -> Vec<Action> {
    let absent = LiveBucket::default();
    let mut actions = Vec::new();
    let bucket = match live.bucket() {
        BucketState::Present(bucket) => bucket,
        // The check before planning let nothing else through.
        BucketState::Absent | BucketState::Forbidden | BucketState::InRegion(_) => {
            let (input, tags) = (documents.create.clone(), desired.bucket_tags(documents));
            let call = Call::CreateBucket { input, tags: tags.clone() };
            actions.push(Action { resource: desired.bucket_arn(), call });
            // Made with its tags and the owner enforced; the other settings follow.
            &LiveBucket { tags, ownership: Some(OWNER_ENFORCED.to_owned()), ..absent }
        }
    };
    actions.extend(bucket_settings(desired, documents, bucket));
    for object in desired.objects(issuer) {
        actions.extend(self::object(desired, object, &bucket.objects));
    }
    actions
}

/// Whether a role is exactly what the bundle makes, or on its way there: nobody has added anything, and at most the policy
/// is missing.
pub(crate) fn is_as_made(documents: &RoleDocuments, live: &LiveRole) -> bool {
    let has_our_policy = live.policy.is_some() && role_policy(documents, Some(live)).is_none();
    let policy = live.policy.clone().filter(|_| !has_our_policy);
    is_just_made(&documents.create, &LiveRole { policy, ..live.clone() })
}

/// Whether a role is exactly what `CreateRole` makes: nobody has given it anything.
pub(crate) fn is_just_made(input: &CreateRole, live: &LiveRole) -> bool {
    live.path == input.path.as_str()
        && live.policy.is_none()
        && live.other_inline.is_empty()
        && live.attached.is_empty()
        && role(input, Some(live)).is_empty()
        && boundary_removal(input, live).is_none()
}

/// What others attached to a role or put into it goes, before the role is given anything.
fn removals<'a>(input: &'a CreateRole, live: &'a LiveRole) -> impl Iterator<Item = Call> + 'a {
    let role = || input.role_name.clone();
    let detach = move |policy_arn: &String| Call::DetachPolicy { role: role(), policy_arn: policy_arn.clone() };
    let delete = move |policy_name: &String| Call::DeletePolicy { role: role(), policy_name: policy_name.clone() };
    live.attached.iter().map(detach).chain(live.other_inline.iter().map(delete))
}

fn boundary_removal(input: &CreateRole, live: &LiveRole) -> Option<Call> {
    let before = live.boundary.clone().filter(|_| input.permissions_boundary.is_none())?;
    Some(Call::RemoveBoundary { role: input.role_name.clone(), before })
}

fn bucket_settings(desired: &Desired<'_>, documents: &BucketDocuments, live: &LiveBucket) -> Vec<Action> {
    let bucket: BucketName = desired.contents().header.bucket();
    let mut calls = Vec::new();

    // Setting a bucket's tags replaces them all; those of others, and AWS's own, stay.
    let wanted = with_tags_of_others(desired.bucket_tags(documents), &live.tags);
    if live.tags != wanted {
        calls.push(Call::TagBucket { bucket: bucket.clone(), before: live.tags.clone(), after: wanted });
    }
    if live.ownership.as_deref() != Some(OWNER_ENFORCED) {
        let after = ObjectOwnership::BucketOwnerEnforced;
        calls.push(Call::SetOwnership { bucket, before: live.ownership.clone(), after });
    }
    if live.public_access_block != Some(documents.public_access_block.public_access_block_configuration) {
        let (input, before) = (documents.public_access_block.clone(), live.public_access_block);
        calls.push(Call::BlockPublicAccess { input, before });
    }
    if !live.policy.as_deref().is_some_and(|policy| same_policy(&documents.policy.policy.text(), policy)) {
        calls.push(Call::SetBucketPolicy { input: documents.policy.clone(), before: live.policy.clone() });
    }
    calls.into_iter().map(|call| Action { resource: desired.bucket_arn(), call }).collect()
}

fn object(desired: &Desired<'_>, mut after: NewObject, live: &BTreeMap<String, LiveObject>) -> Option<Action> {
    let live = live.get(after.key);
    if live.is_some_and(|live| same_object(&after, live)) {
        return None;
    }
    if let Some(live) = live {
        let all = with_tags_of_others(after.tags.clone(), &live.tags);
        after.tags = if all.len() <= MAX_OBJECT_TAGS { all } else { after.tags };
    }
    let before = live.map(|live| Object {
        etag: live.etag.clone(),
        content_type: live.content_type.clone(),
        encryption: live.encryption.clone(),
        tags: live.tags.clone(),
        body: live.body.clone().and_then(|body| String::from_utf8(body).ok()),
    });
    let resource = format!("{}/{}", desired.bucket_arn(), after.key);
    let bucket = desired.contents().header.bucket();
    Some(Action { resource, call: Call::PutObject { bucket, before, after } })
}

/// Whether the bucket holds this object; tags of others do not count.
pub(crate) fn same_object(ours: &NewObject, live: &LiveObject) -> bool {
    live.body.as_deref() == Some(ours.body.as_bytes())
        && live.content_type.as_deref() == Some(ours.content_type)
        && live.encryption.as_deref().is_none_or(|encryption| encryption == ours.encryption)
        && ours.tags.iter().all(|(key, value)| live.tags.get(key) == Some(value))
}

/// What a provider lacks, with these tags.
pub(crate) fn provider(
    input: &CreateOpenIdConnectProvider,
    wanted_tags: &Tags,
    live: Option<&LiveProvider>,
) -> Vec<Call> {
    let Some(live) = live else {
        return vec![Call::CreateProvider { input: input.clone(), tags: wanted_tags.clone() }];
    };
    let mut calls = Vec::new();
    let held: BTreeSet<&str> = live.client_ids.iter().map(String::as_str).collect();
    let wanted: BTreeSet<&str> = input.client_id_list.iter().map(Audience::as_str).collect();
    let missing = input.client_id_list.iter().filter(|audience| !held.contains(audience.as_str()));
    calls.extend(missing.map(|client_id| Call::AddClientId { client_id: client_id.clone() }));
    let foreign = held.difference(&wanted);
    calls.extend(foreign.map(|client_id| Call::RemoveClientId { client_id: (*client_id).to_owned() }));
    // Left out of the bundle, thumbprints are IAM's own business.
    if let Some(thumbprints) = &input.thumbprint_list {
        let lower = |texts: Vec<&str>| texts.into_iter().map(str::to_ascii_lowercase).collect::<BTreeSet<_>>();
        let ours = lower(thumbprints.iter().map(Thumbprint::as_str).collect());
        if lower(live.thumbprints.iter().map(String::as_str).collect()) != ours {
            calls.push(Call::SetThumbprints { before: live.thumbprints.clone(), after: thumbprints.clone() });
        }
    }
    let (before, after) = tag_changes(wanted_tags, &live.tags);
    if !after.is_empty() {
        calls.push(Call::TagProvider { before, after });
    }
    calls
}

/// What a role lacks, its policy and a boundary to remove aside.
pub(crate) fn role(input: &CreateRole, live: Option<&LiveRole>) -> Vec<Call> {
    let Some(live) = live else { return vec![Call::CreateRole { input: input.clone() }] };
    let mut calls = Vec::new();
    let role = || input.role_name.clone();
    // The boundary comes first: what follows never holds beyond it.
    if let Some(wanted) =
        input.permissions_boundary.as_ref().filter(|wanted| live.boundary.as_deref() != Some(wanted.as_str()))
    {
        calls.push(Call::SetBoundary { role: role(), before: live.boundary.clone(), after: wanted.clone() });
    }
    if !same_policy(&input.assume_role_policy_document.text(), &live.trust) {
        let (before, after) = (live.trust.clone(), input.assume_role_policy_document.clone());
        calls.push(Call::SetTrustPolicy { role: role(), before, after });
    }
    let session = live.max_session_duration.unwrap_or(MAX_SESSION_DURATION);
    if live.description.as_deref().unwrap_or_default() != input.description || session != MAX_SESSION_DURATION {
        let before =
            RoleSettings { description: live.description.clone(), max_session_duration: live.max_session_duration };
        let after = RoleSettings {
            description: Some(input.description.clone()),
            max_session_duration: Some(MAX_SESSION_DURATION),
        };
        calls.push(Call::UpdateRole { role: role(), before, after });
    }
    let (before, after) = tag_changes(&tags(&input.tags), &live.tags);
    if !after.is_empty() {
        calls.push(Call::TagRole { role: role(), before, after });
    }
    calls
}

fn role_policy(documents: &RoleDocuments, live: Option<&LiveRole>) -> Option<Call> {
    let before = live.and_then(|live| live.policy.clone());
    let ours = documents.policy.policy_document.text();
    let is_there = before.as_deref().is_some_and(|live| same_policy(&ours, live));
    (!is_there).then(|| Call::SetRolePolicy { input: documents.policy.clone(), before })
}

/// The tags to set, and what they replace. Tags of others stay: organisations tag what they like.
fn tag_changes(wanted: &Tags, live: &Tags) -> (Tags, Tags) {
    let own = |(key, value): (&String, &String)| (key.clone(), value.clone());
    let after: Tags = wanted.iter().filter(|(key, value)| live.get(*key) != Some(*value)).map(own).collect();
    let before: Tags = live.iter().filter(|(key, _)| after.contains_key(*key)).map(own).collect();
    (before, after)
}

/// Our tags, and those of others that are there.
fn with_tags_of_others(ours: Tags, live: &Tags) -> Tags {
    let mut all = live.clone();
    all.extend(ours);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Held, contents, digest, parsed, tag_set};
    use crate::plan::show::shown;
    use bundle_schema::documents::contents::Contents;

    fn plan(contents: &Contents, held: &Held) -> Vec<Action> {
        crate::fixture::plan(contents, &held.state()).unwrap().actions().to_vec()
    }

    fn lines(actions: &[Action]) -> Vec<String> {
        actions.iter().map(ToString::to_string).collect()
    }

    /// What a change to an account that holds everything makes the plan say.
    fn after(change: impl FnOnce(&mut Held)) -> String {
        let contents = contents();
        let mut held = Held::everything(&contents);
        change(&mut held);
        shown(&plan(&contents, &held))
    }

    #[test]
    fn every_setting_of_a_role_is_reconciled() {
        let change = |change: fn(&mut crate::account::live::LiveRole)| after(|held| change(held.role("prod-disk")));
        assert_eq!(
            change(|role| role.description = None),
            "~ role prod-disk\n  ~ settings (iam:UpdateRole)\n      + description: OpenShift role for disk/creds\n        session duration: 3600 seconds\n"
        );
        assert_eq!(
            change(|role| role.max_session_duration = Some(43200)),
            "~ role prod-disk\n  ~ settings (iam:UpdateRole)\n        description: OpenShift role for disk/creds\n      - session duration: 43200 seconds\n      + session duration: 3600 seconds\n"
        );
        assert_eq!(
            change(|role| role.boundary = Some("arn:aws:iam::aws:policy/x\u{1b}".to_owned())),
            "~ role prod-disk\n  ~ permissions boundary (iam:DeleteRolePermissionsBoundary)\n      - arn:aws:iam::aws:policy/x\\u{1b}\n"
        );
        assert_eq!(
            change(|role| role.tags = tag_set(&[
                ("Name", "other"),
                ("openshift.io/cloud-credential-operator/prod", "owned"),
                ("extra", "1"),
                ("aws:created", "x")
            ])),
            "~ role prod-disk\n  ~ tags (iam:TagRole)\n      - Name = other\n      + Name = prod\n",
            "tags of others stay"
        );
        assert_eq!(
            change(|role| role.policy =
                Some(role.policy.clone().unwrap().replace("ec2:DescribeVolumes", "ec2:DetachVolume"))),
            "~ role prod-disk
  ~ permissions (iam:PutRolePolicy)
        (2 unchanged lines)
            {
              \"Action\": [
                \"ec2:AttachVolume\",
      -         \"ec2:DetachVolume\"
      +         \"ec2:DescribeVolumes\"
              ],
              \"Effect\": \"Allow\",
              \"Resource\": [
        (6 unchanged lines)
"
        );
        assert_eq!(
            change(|role| role.policy = None),
            "~ role prod-disk\n    allows        ec2:DescribeVolumes, ec2:AttachVolume on *\n    calls         iam:PutRolePolicy\n"
        );
        assert!(
            change(|role| role.trust = role.trust.replace("disk:operator", "disk:other"))
                .starts_with("~ role prod-disk\n  ~ trust policy (iam:UpdateAssumeRolePolicy)\n")
        );
        assert_eq!(change(|role| role.trust = readable(&role.trust)), "");
    }

    fn readable(policy: &str) -> String {
        crate::plan::meaning::readable_policy(policy)
    }

    #[test]
    fn every_setting_of_the_provider_is_reconciled() {
        let name = "identity provider prod-oidc.s3.us-east-2.amazonaws.com";
        assert_eq!(
            after(|held| held.provider.as_mut().unwrap().client_ids = vec!["openshift".to_owned(), "x".to_owned()]),
            format!(
                "~ {name}\n  ~ audience (iam:AddClientIDToOpenIDConnectProvider)\n      + sts.amazonaws.com\n  ~ audience (iam:RemoveClientIDFromOpenIDConnectProvider)\n      - x\n"
            )
        );
        // A bundle without thumbprints leaves those that IAM has.
        assert_eq!(after(|held| held.provider.as_mut().unwrap().thumbprints = vec!["B".repeat(40)]), "");
        let mut contents = contents();
        contents.issuer.as_mut().unwrap().provider.thumbprint_list = Some(vec![parsed(&"a".repeat(40))]);
        let mut held = Held::everything(&contents);
        assert!(plan(&contents, &held).is_empty(), "IAM answers in upper case");
        held.provider.as_mut().unwrap().thumbprints = vec!["B".repeat(40)];
        let changed = lines(&plan(&contents, &held));
        assert_eq!(changed[1], format!("iam:UpdateOpenIDConnectProviderThumbprint {name}"));
        assert_eq!(changed.len(), 3, "between the record's two");
    }

    #[test]
    fn every_setting_of_the_bucket_is_reconciled() {
        let change = |change: fn(&mut crate::account::live::LiveBucket)| after(|held| change(held.bucket()));
        let expect = |lines: &str| format!("~ bucket prod-oidc\n{lines}");
        assert_eq!(
            change(|bucket| bucket.ownership = Some("ObjectWriter".to_owned())),
            expect(
                "  ~ object ownership (s3:PutBucketOwnershipControls)\n      - ObjectWriter\n      + BucketOwnerEnforced\n"
            )
        );
        assert_eq!(
            change(|bucket| bucket.public_access_block.as_mut().unwrap().block_public_policy = true),
            expect(
                "  ~ public access block (s3:PutBucketPublicAccessBlock)\n        {\n          \"BlockPublicAcls\": true,\n          \"IgnorePublicAcls\": true,\n      -   \"BlockPublicPolicy\": true,\n      +   \"BlockPublicPolicy\": false,\n          \"RestrictPublicBuckets\": false\n        }\n"
            )
        );
        assert_eq!(
            change(|bucket| {
                bucket.tags.insert("extra".to_owned(), "1".to_owned());
                bucket.tags.insert("aws:x".to_owned(), "2".to_owned());
            }),
            "",
            "tags of others stay"
        );
        assert_eq!(
            change(|bucket| {
                bucket.tags.insert("extra".to_owned(), "1".to_owned());
                bucket.tags.remove("Name");
            }),
            expect(&format!(
                "  ~ tags (s3:PutBucketTagging)\n      + Name = prod\n        extra = 1\n        openshift.io/cloud-credential-operator/prod = owned\n        sts-airlock/bundle-sha256 =\n            {}\n        (1 unchanged line)\n",
                digest()
            ))
        );
        assert_eq!(
            change(|bucket| bucket.objects.get_mut("keys.json").unwrap().content_type = None),
            expect("  ~ document keys.json (s3:PutObject)\n      + content type application/json\n")
        );
        assert_eq!(
            change(|bucket| bucket.objects.get_mut("keys.json").unwrap().encryption = Some("aws:kms".to_owned())),
            expect("  ~ document keys.json (s3:PutObject)\n      - encryption aws:kms\n      + encryption AES256\n")
        );
        assert_eq!(
            change(|bucket| bucket.objects.get_mut("keys.json").unwrap().body = None),
            expect("  ~ document keys.json (s3:PutObject)\n      - content that is too long, or not text\n")
        );
        assert_eq!(
            change(|bucket| bucket.policy = None),
            expect(
                "    policy        everybody may read the issuer's documents\n    calls         s3:PutBucketPolicy\n"
            )
        );
    }

    #[test]
    fn the_record_is_renewed_before_anything_else() {
        let contents = contents();
        let mut held = Held::everything(&contents);
        held.bucket().tags.insert("sts-airlock/serial".to_owned(), "6".to_owned());
        held.bucket().public_access_block = None;
        assert_eq!(
            lines(&plan(&contents, &held)),
            [
                "s3:PutObject sts-airlock/record.json",
                "s3:PutBucketTagging bucket prod-oidc",
                "s3:PutBucketPublicAccessBlock bucket prod-oidc",
                "s3:PutObject sts-airlock/record.json",
            ]
        );
    }

    #[test]
    fn a_bucket_that_a_cut_off_run_left_is_taken_over() {
        let contents = contents();
        let mut held = Held::everything(&contents);
        (held.provider, held.roles) = (None, std::collections::BTreeMap::new());
        *held.bucket() = crate::account::live::LiveBucket {
            ownership: Some("BucketOwnerEnforced".to_owned()),
            is_empty: true,
            ..Default::default()
        };
        let taken = crate::fixture::plan(&contents, &held.state()).unwrap();
        assert!(taken.text().to_string().contains(
            "! bucket prod-oidc is untagged, empty and without a policy, as an interrupted\n    apply leaves it; it is taken over\n"
        ));
        assert_eq!(taken.actions()[1].to_string(), "s3:PutBucketTagging bucket prod-oidc");
        let spoils: [fn(&mut crate::account::live::LiveBucket); 4] = [
            |bucket| bucket.is_empty = false,
            |bucket| bucket.policy = Some("{}".to_owned()),
            |bucket| bucket.ownership = None,
            |bucket| bucket.tags = tag_set(&[("team", "x")]),
        ];
        for spoil in spoils {
            let mut held = held.clone();
            spoil(held.bucket());
            assert_eq!(
                crate::fixture::plan(&contents, &held.state()).unwrap_err().to_string(),
                "bucket prod-oidc exists and is not this cluster's: its tag openshift.io/cloud-credential-operator/prod is missing, not owned\n  if it is the cluster's, restore the tag, or look at it and take it over with --adopt; if not, make the bundle with another --name"
            );
        }
    }
}
