//! What has to be done so that the account holds what the bundle says: pure, from what was read to a list of actions.
//!
//! Input: a bundle that passed checks 1 to 9, and the account's state. Output: a [`Plan`], or every reason why the
//! account refuses it (check 10). Everything is reconciled; nothing that is not the cluster's is touched.

pub(crate) mod action;
mod adopted;
pub mod choices;
pub(crate) mod desired;
mod diff;
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
use bundle_schema::receipt::{self, ApprovedBy};
use bundle_schema::signature::Signer;
use serde::Serialize;

use self::action::{Action, Call, Change, RecordVersion};
use self::choices::Choices;
use self::desired::Desired;
use self::finding::{Finding, findings};
use self::head::Head;
use self::ownership::Ownership;
use self::refusal::Refused;
use crate::account::live::LiveState;
use crate::admit::Admitted;
use crate::record::{Made, RECORD_KEY, Record, RecordState};

/// What is digested: everything that decides what an apply does, what it replaces, and what a person was told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Digested<'a> {
    account_id: &'a str,
    bundle_sha256: &'a Sha256,
    actions: &'a [Action],
    findings: Vec<Finding>,
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Operation {
    /// The account is to hold what the bundle says.
    Apply,
    /// Nothing of it is to be left.
    Delete,
}

/// What an apply or a deletion will do, in order. Printed, digested and executed is this one value.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    operation: Operation,
    head: Head,
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
        Ok(Self::new(Operation::Apply, head, actions, findings))
    }

    fn new(operation: Operation, head: Head, actions: Vec<Action>, findings: Vec<Finding>) -> Self {
        let digested = Digested {
            account_id: head.account_id.as_str(),
            bundle_sha256: &head.bundle.sha256,
            actions: &actions,
            findings: findings.iter().map(Finding::digested).collect(),
        };
        // Writing fails only for maps with keys that are not strings; no action has one.
        let digest = Sha256::of(&serde_json::to_vec(&digested).unwrap_or_default());
        Self { operation, head, actions, findings, digest }
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

    /// The plan for a program: the same content as for a person, in a stable order.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Changed<'a> {
            change: Change,
            #[serde(flatten)]
            action: &'a Action,
        }
        #[derive(Serialize)]
        struct Wire<'a> {
            #[serde(flatten)]
            head: &'a Head,
            actions: Vec<Changed<'a>>,
            findings: &'a [Finding],
            create: usize,
            update: usize,
            delete: usize,
            clean: bool,
            digest: &'a Sha256,
        }
        let Self { operation: _, head, actions, findings, digest } = self;
        let count = |change| actions.iter().filter(|action| action.change() == change).count();
        let wire = Wire {
            head,
            actions: actions.iter().map(|action| Changed { change: action.change(), action }).collect(),
            findings,
            create: count(Change::Create),
            update: count(Change::Update),
            delete: count(Change::Delete),
            clean: self.is_clean(),
            digest,
        };
        // Strings are UTF-8 and may hold what moves a terminal's cursor: JSON for a program still passes through one.
        escaped_json(&serde_json::to_string_pretty(&wire).unwrap_or_default())
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
    let resource = format!("{}/{RECORD_KEY}", desired.bucket_arn());
    let (mut all, rest): (Vec<_>, Vec<_>) =
        actions.into_iter().partition(|action| matches!(action.call, Call::CreateBucket { .. }));
    let open = Call::OpenRecord { bucket: header.name.bucket(), before, known, making };
    all.push(Action { resource: resource.clone(), call: open });
    all.extend(rest);
    all.push(Action { resource, call: Call::CloseRecord { provider_arn: header.provider_arn() } });
    all
}

/// How a plan was agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// With `--yes`, whatever it is.
    Yes,
    /// By somebody who read the plan of this digest just now, on a terminal.
    Terminal(Sha256),
    /// By whoever named its digest with `--plan-digest`.
    Digest(Sha256),
}

/// The plan that was approved is not the one that the account needs now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "plan digest mismatch: approved {approved}, current {found}\n  the bundle or the account changed since: read the new plan with `plan`, and approve that one"
)]
pub struct OtherPlan {
    found: Sha256,
    approved: Sha256,
}

/// A plan that may be executed.
#[derive(Debug)]
pub struct ApprovedPlan {
    plan: Plan,
    approval: receipt::Approval,
}

impl Plan {
    /// Agrees to this plan. One without actions changes nothing, so every approval fits it.
    pub fn approve(self, approval: Approval) -> Result<ApprovedPlan, OtherPlan> {
        let by = match approval {
            _ if self.is_empty() => ApprovedBy::NothingToDo,
            Approval::Yes => ApprovedBy::Yes,
            Approval::Terminal(approved) | Approval::Digest(approved) if approved != self.digest => {
                return Err(OtherPlan { found: self.digest, approved });
            }
            Approval::Terminal(_) => ApprovedBy::Terminal,
            Approval::Digest(_) => ApprovedBy::PlanDigest,
        };
        let approval = receipt::Approval { by, plan_digest: self.digest.clone() };
        Ok(ApprovedPlan { plan: self, approval })
    }
}

impl ApprovedPlan {
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How it was agreed to.
    pub(crate) fn approval(&self) -> &receipt::Approval {
        &self.approval
    }

    pub(crate) fn into_plan(self) -> (Plan, receipt::Approval) {
        (self.plan, self.approval)
    }
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
    fn a_plan_is_approved_by_its_own_digest_only() {
        let new = || plan(&contents(), &Held::nothing()).unwrap();
        assert!(new().approve(Approval::Yes).is_ok());
        assert!(new().approve(Approval::Digest(new().digest)).is_ok());
        let other = new().approve(Approval::Digest(digest())).unwrap_err();
        assert_eq!(
            other.to_string(),
            format!(
                "plan digest mismatch: approved {}, current {}\n  the bundle or the account changed since: read the new plan with `plan`, and approve that one",
                digest(),
                new().digest
            )
        );
        let empty = plan(&contents(), &Held::everything(&contents())).unwrap();
        assert!(empty.approve(Approval::Digest(digest())).is_ok());
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
}
