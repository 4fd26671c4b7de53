//! What has to be done so that the account holds what the bundle says: pure, from what was read to a list of actions.
//!
//! Input: a bundle that passed checks 1 to 9, and the account's state. Output: a [`Plan`], or every reason why the
//! account refuses it (check 10). Everything is reconciled; nothing that is not the cluster's is touched.

pub(crate) mod action;
mod adopted;
pub mod approval;
pub mod choices;
pub(crate) mod desired;
mod diff;
mod digest;
pub mod file;
mod finding;
pub(crate) mod head;
pub(crate) mod meaning;
mod orphans;
mod ownership;
pub(crate) mod reconcile;
pub mod refusal;
pub(crate) mod removal;
pub(crate) mod show;

use bundle_schema::escape::escaped_json;
use bundle_schema::names::{Sha256, Timestamp};
use bundle_schema::signature::Signer;
use serde::{Deserialize, Serialize};

use self::action::{Action, Call, Change, Changed, RecordVersion};
pub use self::approval::{Approval, ApprovedPlan};
use self::choices::{Choices, Flags};
use self::desired::Desired;
use self::digest::{Digested, lasting_part};
use self::file::{PLAN_VERSION, Subject};
use self::finding::{Finding, findings};
use self::head::{BundleId, Head};
use self::ownership::Ownership;
use self::refusal::Refused;
use crate::account::live::LiveState;
use crate::admit::Admitted;
use crate::record::{Made, Place, Record, RecordState};

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Operation {
    /// The account is to hold what the bundle says.
    Apply,
    /// Nothing of it is to be left.
    Delete,
}

impl Operation {
    /// The command that does it.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Delete => "delete",
        }
    }

    /// The command that writes a plan of it to a file.
    pub(crate) fn planner(self) -> &'static str {
        match self {
            Self::Apply => "plan --output FILE",
            Self::Delete => "delete --output FILE",
        }
    }
}

/// What an apply or a deletion will do, in order. Printed, digested and executed is this one value.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    operation: Operation,
    head: Head,
    flags: Flags,
    actions: Vec<Action>,
    findings: Vec<Finding>,
    digest: Sha256,
}

impl Plan {
    /// Check 10 and, where it holds, the actions.
    pub fn compute(bundle: &Admitted, live: &LiveState, choices: &Choices, now: Timestamp) -> Result<Self, Refused> {
        Self::of(&Desired::of(bundle), live, choices, bundle.bundle().signers(), now)
    }

    pub(crate) fn of(
        desired: &Desired<'_>,
        live: &LiveState,
        choices: &Choices,
        signers: &[Signer],
        now: Timestamp,
    ) -> Result<Self, Refused> {
        let mut actions = reconcile::account(desired, live, choices.prunes());
        refusal::check(desired, live, choices, &actions)?;
        let ownership = Ownership::new(desired, live, choices);
        actions.extend(orphans::removals(desired, &ownership, choices));
        let actions = recorded(desired, live, &ownership, actions);
        let findings = findings(desired, live, choices, &actions, now);
        let head = Head::new(desired, live, ownership.record(), signers, now);
        Ok(Self::new(Operation::Apply, head, choices.flags(), actions, findings))
    }

    fn new(operation: Operation, head: Head, flags: Flags, actions: Vec<Action>, findings: Vec<Finding>) -> Self {
        let digested = Digested {
            account_id: &head.account_id,
            actions: &actions.iter().map(Action::to_value).collect::<Vec<_>>(),
            bundle_sha256: &head.bundle.sha256,
            choices: flags,
            findings: &findings.iter().map(|finding| lasting_part(finding.to_value())).collect::<Vec<_>>(),
            operation,
        };
        let digest = digested.digest();
        Self { operation, head, flags, actions, findings, digest }
    }

    pub(crate) fn flags(&self) -> Flags {
        self.flags
    }

    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether the account holds what the bundle says, and nothing of others on it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.is_empty() && !self.findings.iter().any(Finding::is_foreign)
    }

    /// The SHA-256 of the plan's actions and findings, with the account and the bundle that they are for.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn actions(&self) -> &[Action] {
        &self.actions
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What the plan is for.
    fn subject(&self) -> Subject<'_> {
        let BundleId { name, serial, sha256, .. } = &self.head.bundle;
        let (operation, account_id, flags) = (self.operation, &self.head.account_id, self.flags);
        Subject { operation, account_id, name, serial: *serial, sha256, flags }
    }

    /// The plan for a program: the same content as for a person, in a stable order. It is what a plan file holds (`PLAN.md`).
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            plan_version: u32,
            operation: Operation,
            #[serde(flatten)]
            head: &'a Head,
            choices: Flags,
            actions: Vec<Changed<'a>>,
            findings: &'a [Finding],
            create: usize,
            update: usize,
            delete: usize,
            clean: bool,
            digest: &'a Sha256,
        }
        let Self { operation, head, flags, actions, findings, digest } = self;
        let count = |change| actions.iter().filter(|action| action.change() == change).count();
        let wire = Wire {
            plan_version: PLAN_VERSION,
            operation: *operation,
            head,
            choices: *flags,
            actions: actions.iter().map(Action::changed).collect(),
            findings,
            create: count(Change::Create),
            update: count(Change::Update),
            delete: count(Change::Delete),
            clean: self.is_clean(),
            digest,
        };
        // Strings are UTF-8 and may hold what moves a terminal's cursor: JSON for a program still passes through one.
        let mut json = escaped_json(&serde_json::to_string_pretty(&wire).unwrap_or_default());
        json.push('\n');
        json
    }
}

/// The actions between those that open and close the record; none where nothing is to do and the record says so.
fn recorded(desired: &Desired<'_>, live: &LiveState, ownership: &Ownership<'_>, actions: Vec<Action>) -> Vec<Action> {
    let header = &desired.contents().header;
    let (known, making) = ownership.made_and_making();
    let says_so = |record: &Record| {
        // The thumbprints are what IAM had then; a change of theirs is a finding.
        let ids = |made: &Made| (made.provider.as_ref().map(|provider| provider.created), made.roles.clone());
        record.state == RecordState::Applied
            && (record.serial, &record.sha256) == (header.serial, desired.digest())
            && ids(&record.made) == ids(&known)
    };
    let read = live.record();
    let found = read.and_then(|read| Some((read, read.content.as_ref().ok()?)));
    if actions.is_empty() && found.is_some_and(|(_, record)| says_so(record)) {
        return actions;
    }
    let before = found.map(|(read, record)| RecordVersion::of(&read.etag, record));
    let (place, provider) = (desired.place(), desired.issuer().map(|_| header.provider_arn()));
    let resource = place.arn(header);
    // What holds the record is made first.
    let in_tags = matches!(place, Place::Provider { .. });
    let (mut all, rest): (Vec<_>, Vec<_>) = actions.into_iter().partition(|action| match action.call {
        Call::CreateBucket { .. } => true,
        Call::CreateProvider { .. } => in_tags,
        _ => false,
    });
    let open = Call::OpenRecord { place: place.clone(), before, known, making };
    all.push(Action { resource: resource.clone(), call: open });
    all.extend(rest);
    all.push(Action { resource, call: Call::CloseRecord { place, provider_arn: provider } });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Held, contents, digest};
    use bundle_schema::documents::contents::Contents;

    fn plan(contents: &Contents, held: &Held) -> Result<Plan, String> {
        let at = Timestamp::from_unix(1_795_000_000).unwrap();
        let signer = Signer { role: "reviewer".to_owned(), key: "RWQ".to_owned(), trusted_comment: "t".to_owned() };
        let plan = Plan::of(&Desired::for_test(contents, &digest()), &held.state(), &Choices::default(), &[signer], at);
        plan.map_err(|refused| refused.to_string())
    }

    fn lines(plan: &Plan) -> Vec<String> {
        plan.actions.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nothing_to_do() {
        let contents = contents();
        let plan = plan(&contents, &Held::everything(&contents)).unwrap();
        assert_eq!(lines(&plan), Vec::<String>::new());
        assert!(plan.is_empty());
        assert_eq!(
            plan.text().to_string(),
            format!(
                "Bundle    prod serial 7
SHA-256   {}
Created   2026-09-21T14:13:20Z, expires 2027-01-15T08:00:00Z
Signed    reviewer RWQ
Account   123456789012 (aws, us-east-2)
Issuer    https://prod-oidc.s3.us-east-2.amazonaws.com
Holds     serial 7, applied, 1970-01-01T00:00:00Z, by
          arn:aws:iam::123456789012:user/x
Caller    arn:aws:iam::123456789012:user/x
Time      2026-11-18T11:06:40Z

Nothing to do: the account holds what the bundle says.
plan digest: {}
",
                digest(),
                plan.digest
            )
        );
        assert!(plan.is_clean());
    }

    #[test]
    fn a_new_account_gets_everything_in_order() {
        let plan = plan(&contents(), &Held::nothing()).unwrap();
        assert_eq!(
            lines(&plan),
            [
                "s3:CreateBucket bucket prod-oidc",
                "s3:PutObject sts-airlock/record.json",
                "s3:PutBucketPublicAccessBlock bucket prod-oidc",
                "s3:PutBucketPolicy bucket prod-oidc",
                "s3:PutObject .well-known/openid-configuration",
                "s3:PutObject keys.json",
                "s3:PutObject openid/v1/jwks",
                "iam:CreateOpenIDConnectProvider identity provider prod-oidc.s3.us-east-2.amazonaws.com",
                "iam:CreateRole role prod-disk",
                "iam:CreateRole role prod-registry",
                "iam:PutRolePolicy role prod-disk",
                "iam:PutRolePolicy role prod-registry",
                "s3:PutObject sts-airlock/record.json",
            ]
        );
        let text = plan.text().to_string();
        let (_, shown) = text.split_once("Time      2026-11-18T11:06:40Z\n\n").unwrap();
        assert_eq!(
            shown,
            format!(
                "+ bucket prod-oidc
    region        us-east-2
    tags          Name=prod, openshift.io/cloud-credential-operator/prod=owned,
                  sts-airlock/bundle-sha256={},
                  sts-airlock/serial=7
    record        sts-airlock/record.json, private
    public access by bucket policy only; ACLs are blocked
    policy        everybody may read the issuer's documents
    document      .well-known/openid-configuration
    document      keys.json
    signing key   BjTPeU-VeuC2IlK_BvjCx2TY4_UGnoTdOhbdPx8P6J0
    document      openid/v1/jwks
    calls         s3:CreateBucket, s3:PutObject, s3:PutBucketPublicAccessBlock,
                  s3:PutBucketPolicy

+ identity provider prod-oidc.s3.us-east-2.amazonaws.com
    audiences     openshift, sts.amazonaws.com
    calls         iam:CreateOpenIDConnectProvider

+ role prod-disk
    assumed by    disk/operator
    allows        ec2:DescribeVolumes, ec2:AttachVolume on *
    calls         iam:CreateRole, iam:PutRolePolicy

+ role prod-registry
    assumed by    registry/operator
    allows        ec2:DescribeVolumes, ec2:AttachVolume on *
    calls         iam:CreateRole, iam:PutRolePolicy

Plan: create 4 resources, update 0 resources (13 calls).
plan digest: {}
",
                digest(),
                plan.digest
            )
        );
    }

    #[test]
    fn the_digest_is_of_what_is_done() {
        let (first, again) =
            (plan(&contents(), &Held::nothing()).unwrap(), plan(&contents(), &Held::nothing()).unwrap());
        assert_eq!(first, again);
        let mut other = contents();
        other.roles[0].create.description.push('!');
        assert_ne!(plan(&other, &Held::nothing()).unwrap().digest, first.digest);
        let json: serde_json::Value = serde_json::from_str(&first.to_json()).unwrap();
        assert_eq!((&json["digest"], &json["create"]), (&first.digest.as_str().into(), &12.into()));
        for (value, action) in json["actions"].as_array().unwrap().iter().zip(&first.actions) {
            assert_eq!(
                (&value["call"], &value["change"]),
                (&action.name().into(), &serde_json::to_value(action.change()).unwrap())
            );
        }
    }

    #[test]
    fn what_others_added_is_named_and_not_clean() {
        let contents = contents();
        let mut held = Held::everything(&contents);
        held.role("prod-disk").other_inline = vec!["a\u{1b}".to_owned()];
        held.role("prod-disk").attached = vec!["arn:aws:iam::aws:policy/b".to_owned()];
        held.role("prod-disk").tags.insert("map".to_owned(), "1".to_owned());
        held.role("prod-registry").tags.insert("map".to_owned(), "2".to_owned());
        held.bucket().tags.insert("map".to_owned(), "2".to_owned());
        held.bucket().tags.insert("aws:cloudformation".to_owned(), "x".to_owned());
        let foreign = plan(&contents, &held).unwrap();
        assert!(foreign.is_empty() && !foreign.is_clean());
        let text = foreign.text().to_string();
        let (_, shown) = text.split_once("Time      2026-11-18T11:06:40Z\n\n").unwrap();
        assert_eq!(
            shown,
            format!(
                "! role prod-disk has policies that are not in the bundle, and keeps them:
    arn:aws:iam::aws:policy/b, a\\u{{1b}}
! tag map is not in the bundle, and stays on arn:aws:s3:::prod-oidc and 2 other
    resources

Nothing to change, but what is marked with ! above is not the bundle's.
plan digest: {}
",
                foreign.digest
            )
        );
        assert_ne!(foreign.digest, plan(&contents, &Held::everything(&contents)).unwrap().digest);
    }

    #[test]
    fn a_change_of_keys_is_a_headline() {
        let contents = contents();
        let mut held = Held::everything(&contents);
        for key in ["keys.json", "openid/v1/jwks"] {
            let old = b"{\"keys\": [{\"kid\": \"old\"}]}".to_vec();
            held.bucket().objects.get_mut(key).unwrap().body = Some(old);
        }
        let text = plan(&contents, &held).unwrap().text().to_string();
        assert!(
            text.contains(
                "! THE SIGNING KEY CHANGES: published now: old; then:
    BjTPeU-VeuC2IlK_BvjCx2TY4_UGnoTdOhbdPx8P6J0. AWS refuses every token that is
    signed by a key that is no longer published
"
            ),
            "{text}"
        );
        assert_eq!(text.matches("SIGNING KEY CHANGES").count(), 1);
    }

    #[test]
    fn without_a_bucket_the_provider_comes_first_and_holds_the_record() {
        use crate::fixture::{hosted_contents, hosted_held, read};

        let contents = hosted_contents();
        let provider = "identity provider oidc.example.com/prod";
        let new = plan(&contents, &Held::nothing()).unwrap();
        let expected = [
            &format!("iam:CreateOpenIDConnectProvider {provider}"),
            "iam:TagOpenIDConnectProvider sts-airlock/record/prod",
            "iam:CreateRole role prod-disk",
            "iam:CreateRole role prod-registry",
            "iam:PutRolePolicy role prod-disk",
            "iam:PutRolePolicy role prod-registry",
            "iam:TagOpenIDConnectProvider sts-airlock/record/prod",
        ];
        assert_eq!(lines(&new), expected);
        for (later, action) in new.actions.iter().enumerate().skip(1) {
            assert!(action.waits_for(&new.actions[0]), "{later}");
        }

        let digest = digest();
        let of = |held: &Held| {
            let (desired, live) = (Desired::for_test(&contents, &digest), read(&contents, held));
            Plan::of(&desired, &live, &Choices::default(), &[], Timestamp::from_unix(0).unwrap())
        };
        let mut held = hosted_held();
        assert!(of(&held).unwrap().is_clean(), "its record is no tag of others");
        // A run that was cut off before it wrote the record leaves the provider as the plan makes it.
        held.roles.clear();
        held.provider().tags.retain(|key, _| !key.starts_with("sts-airlock/record/"));
        let made = held.provider.clone();
        assert_eq!(lines(&of(&held).unwrap()), expected[1..]);
        held.provider().client_ids.push("another".to_owned());
        let says = "identity provider arn:aws:iam::123456789012:oidc-provider/oidc.example.com/prod carries the cluster's tag, but is \
                    not in the record of what was made here (made 2026-09-21T14:13:20Z)";
        assert!(of(&held).unwrap_err().to_string().starts_with(says));
        // A record that was copied to another provider is not that provider's.
        held = hosted_held();
        held.provider().client_ids.push("another".to_owned());
        held.provider().created = Timestamp::from_unix(1_790_000_001).unwrap();
        let says = says.replace("14:13:20Z", "14:13:21Z");
        assert!(of(&held).unwrap_err().to_string().starts_with(&says));
        // Without the cluster's tag it is nobody's.
        held.provider = made;
        held.provider().tags.clear();
        assert!(of(&held).unwrap_err().to_string().contains("exists and is not this cluster's"));
    }
}
