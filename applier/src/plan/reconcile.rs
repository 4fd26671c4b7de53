//! The difference between what an account holds and what it should hold, as actions. Pure, one function a resource.
//!
//! A difference in spelling alone is none: policies are compared by meaning, lists without order where AWS gives none.

pub(crate) mod cloudfront;

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
    let mut actions = desired.bucket().map(|documents| bucket(desired, documents, live)).unwrap_or_default();
    actions.extend(desired.issuer().into_iter().flat_map(|issuer| identity_provider(desired, issuer, live)));
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

fn identity_provider(desired: &Desired<'_>, issuer: &IssuerDocuments, live: &LiveState) -> Vec<Action> {
    let Some(arn) = desired.provider_arn() else { return Vec::new() };
    let calls = provider(&issuer.provider, &desired.provider_tags(issuer), live.provider());
    calls.into_iter().map(|call| Action { resource: arn.clone(), call }).collect()
}

/// The bucket and its objects.
fn bucket(desired: &Desired<'_>, documents: &BucketDocuments, live: &LiveState) -> Vec<Action> {
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
    // The policy names the distribution.
    actions.extend(cloudfront::actions(desired, live));
    actions.extend(bucket_policy(desired, documents, bucket, live));
    for object in desired.issuer().into_iter().flat_map(|issuer| desired.objects(issuer)) {
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
    calls.into_iter().map(|call| Action { resource: desired.bucket_arn(), call }).collect()
}

fn bucket_policy(
    desired: &Desired<'_>,
    documents: &BucketDocuments,
    bucket: &LiveBucket,
    live: &LiveState,
) -> Option<Action> {
    let input = cloudfront::bucket_policy(desired, documents.policy.as_ref()?, live);
    let before = bucket.policy.clone();
    let is_there = before.as_deref().is_some_and(|policy| same_policy(&input.policy.text(), policy));
    (!is_there).then(|| Action { resource: desired.bucket_arn(), call: Call::SetBucketPolicy { input, before } })
}

fn object(desired: &Desired<'_>, mut after: NewObject, live: &BTreeMap<String, LiveObject>) -> Option<Action> {
    let live = live.get(&after.key);
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
mod tests;
