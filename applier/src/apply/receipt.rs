//! What an apply or a deletion did: the receipt, filled. Its form is `bundle_schema::receipt`.

use std::fmt;

use bundle_schema::documents::index::Kind;
use bundle_schema::escape::Escaped;
use bundle_schema::names::Timestamp;
use bundle_schema::receipt::{
    self, Approval, BundleSigner, Deployment, Distribution, Ending, Entry, IssuerCheck, RECEIPT_VERSION,
};
use bundle_schema::record::Record;

use crate::apply::failure::ActionError;
use crate::plan::choices::Flags;
use crate::plan::head::Head;
use crate::plan::{Operation, Plan};

/// What a run adds to its plan.
#[derive(Clone)]
pub(super) struct Ran {
    pub(super) approval: Approval,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
    pub(super) entries: Vec<Entry>,
    /// In the plan's order, the issuer's last.
    pub(super) errors: Vec<ActionError>,
    pub(super) distribution: Option<Distribution>,
    pub(super) deployment: Option<Deployment>,
    pub(super) issuer_check: Option<IssuerCheck>,
    pub(super) record: Option<Record>,
}

impl Ran {
    /// A run that has done nothing yet.
    pub(super) fn new(approval: Approval, started: Timestamp, entries: Vec<Entry>) -> Self {
        Self {
            approval,
            started,
            finished: started,
            entries,
            errors: Vec::new(),
            distribution: None,
            deployment: None,
            issuer_check: None,
            record: None,
        }
    }
}

/// What an apply or a deletion did.
#[derive(Debug)]
pub struct Receipt {
    written: receipt::Receipt,
    errors: Vec<ActionError>,
}

impl Receipt {
    pub(super) fn new(plan: &Plan, ran: Ran) -> Self {
        let Ran { approval, started, finished, entries, errors, distribution, deployment, issuer_check, record } = ran;
        let Head { bundle, account_id, partition, region, caller, .. } = plan.head().clone();
        let written = receipt::Receipt {
            version: RECEIPT_VERSION,
            applier_version: env!("CARGO_PKG_VERSION").to_owned(),
            operation: plan.operation().into(),
            ending: Ending::of(&entries, deployment.as_ref(), issuer_check.as_ref()),
            bundle,
            signers: signers(plan.head()),
            account_id,
            partition,
            region,
            caller,
            plan_digest: plan.digest().clone(),
            approval,
            choices: plan.flags().into(),
            started,
            finished,
            actions: entries,
            distribution,
            deployment,
            issuer_check,
            record,
        };
        Self { written, errors }
    }

    /// How it ended.
    #[must_use]
    pub fn ending(&self) -> Ending {
        self.written.ending
    }

    /// The distribution that gives an issuer its name, once it is deployed.
    pub(crate) fn names_issuer(&self) -> Option<&Distribution> {
        let is_deployed = self.written.deployment == Some(Deployment::Done);
        self.written.distribution.as_ref().filter(|_| is_deployed && self.written.bundle.kind == Kind::Endpoint)
    }

    /// The error that says most: that somebody else came in between, or else the first that is a cause.
    pub(crate) fn first_error(&self) -> Option<ActionError> {
        let is_taken = self.errors.iter().find(|error| matches!(error, ActionError::Taken { .. }));
        let cause = self.errors.iter().find(|error| !error.is_consequence());
        is_taken.or(cause).or(self.errors.first()).cloned()
    }

    /// Its bytes: canonical JSON. Nothing in it moves a terminal's cursor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.written.to_bytes()
    }
}

/// One line for a person.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.counts().fmt(f)
    }
}

/// Who signed the bundle. A role's name is of the trust file, which may have any.
pub(super) fn signers(head: &Head) -> Vec<BundleSigner> {
    let signer = |signer: &bundle_schema::signature::Signer| BundleSigner {
        role: Escaped(&signer.role).to_string(),
        key: signer.key.clone(),
        trusted_comment: signer.trusted_comment.clone(),
    };
    head.signers.iter().map(signer).collect()
}

impl From<Operation> for receipt::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Apply => Self::Apply,
            Operation::Delete => Self::Delete,
        }
    }
}

impl From<Flags> for receipt::Choices {
    fn from(flags: Flags) -> Self {
        let Flags { adopt, allow_rollback, leave_foreign_policies, prune } = flags;
        Self { adopt, allow_rollback, prune, leave_foreign_policies }
    }
}

#[cfg(test)]
mod tests {
    use bundle_schema::receipt::{ApprovedBy, Outcome, RequestId, Sent};

    use super::*;
    use crate::account::{AwsError, answered};
    use crate::apply::failure::error_text;
    use crate::fixture::{Held, SIGNING_KEY, contents, digest, plan_signed_by};
    use crate::plan::Approval as Approved;
    use crate::plan::action::Action;
    use crate::plan::choices::Choices;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    fn receipt() -> Receipt {
        let contents = contents();
        let mut held = Held::everything(&contents);
        held.role("prod-disk").description = None;
        held.role("prod-registry").policy = None;
        held.bucket().ownership = None;
        let live = held.state();
        let choices = Choices { allow_rollback: true, ..Choices::default() };
        let plan = plan_signed_by("gene\u{1b}rator", &contents, &live, &choices);
        let digest = plan.digest().clone();
        let (plan, approval) = plan.approve(Approved::Digest(digest)).unwrap().into_plan();
        let error = ActionError::CutOff { resource: "r\u{1b}".to_owned() };
        let sent = |id: &str, attempts| {
            let request_ids = vec![RequestId::new(id).unwrap()];
            Sent { began: at(1), ended: at(2), attempts, request_ids }
        };
        let outcomes = vec![
            Outcome::Done(sent("A", 1)),
            Outcome::AlreadyDone(sent("B", 2)),
            Outcome::Failed { error: error_text(&error), sent: sent("C", 3) },
            Outcome::NotReached,
            Outcome::NotReached,
        ];
        let entry = |(action, outcome): (&Action, Outcome)| Entry {
            change: action.change(),
            call: action.call_name(),
            resource: action.resource.clone(),
            outcome,
        };
        let ran = Ran {
            approval,
            started: at(0),
            finished: at(60),
            entries: plan.actions().iter().zip(outcomes).map(entry).collect(),
            errors: vec![error],
            distribution: None,
            deployment: None,
            issuer_check: Some(IssuerCheck::NotReached),
            record: None,
        };
        Receipt::new(&plan, ran)
    }

    #[test]
    fn a_receipt_says_how_every_action_ended() {
        let receipt = receipt();
        assert_eq!(receipt.to_string(), "2 done, 1 failed, 2 not reached");
        assert_eq!(receipt.ending(), Ending::Failed);
        let json: serde_json::Value = serde_json::from_slice(&receipt.to_bytes()).unwrap();
        let (began, ended) = ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z");
        let (record, bucket) = ("arn:aws:s3:::prod-oidc/sts-airlock/record.json", "arn:aws:s3:::prod-oidc");
        let [disk, registry] = ["disk", "registry"].map(|role| format!("arn:aws:iam::123456789012:role/prod-{role}"));
        let expected = serde_json::json!({
            "receiptVersion": 1,
            "applierVersion": env!("CARGO_PKG_VERSION"),
            "operation": "apply",
            "ending": "failed",
            "bundle": {
                "kind": "cluster", "name": "prod", "serial": 7, "sha256": digest().as_str(),
                "created": "2026-09-21T14:13:20Z", "expires": "2027-01-15T08:00:00Z",
            },
            "signers": [{"role": "gene\\u{1b}rator", "key": SIGNING_KEY, "trustedComment": "t"}],
            "accountId": "123456789012",
            "partition": "aws",
            "region": "us-east-2",
            "caller": "arn:aws:iam::123456789012:user/x",
            "planDigest": receipt.written.plan_digest,
            "approval": {"by": "plan-digest", "planDigest": receipt.written.plan_digest},
            "choices": {"adopt": false, "allowRollback": true, "prune": false, "leaveForeignPolicies": false},
            "started": "1970-01-01T00:00:00Z",
            "finished": "1970-01-01T00:01:00Z",
            "actions": [
                {"change": "update", "call": "s3:PutObject", "resource": record, "outcome": "done",
                 "began": began, "ended": ended, "attempts": 1, "requestIds": ["A"]},
                {"change": "create", "call": "s3:PutBucketOwnershipControls", "resource": bucket, "outcome": "already-done",
                 "began": began, "ended": ended, "attempts": 2, "requestIds": ["B"]},
                {"change": "update", "call": "iam:UpdateRole", "resource": disk, "outcome": "failed",
                 "error": "r\\u{1b} was interrupted",
                 "began": began, "ended": ended, "attempts": 3, "requestIds": ["C"]},
                {"change": "create", "call": "iam:PutRolePolicy", "resource": registry, "outcome": "not-reached"},
                {"change": "update", "call": "s3:PutObject", "resource": record, "outcome": "not-reached"},
            ],
            "issuerCheck": {"outcome": "not-reached"},
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn the_cause_is_named_and_not_what_was_left_out_because_of_it() {
        let stopped = ActionError::from(AwsError::Stopped { call: "iam:CreateRole" });
        let throttled = ActionError::from(answered("iam:TagOpenIDConnectProvider", 400, "Throttling", "m"));
        let mut receipt = receipt();
        receipt.errors = vec![stopped.clone(), throttled.clone()];
        assert_eq!(receipt.first_error(), Some(throttled));
        receipt.errors.truncate(1);
        assert_eq!(receipt.first_error(), Some(stopped));
    }

    #[test]
    fn what_is_written_is_read() {
        let receipt = receipt();
        assert_eq!(receipt::Receipt::parse(&receipt.to_bytes()).as_ref(), Ok(&receipt.written));
    }

    #[test]
    fn an_approval_is_named() {
        let contents = contents();
        let plan = || crate::fixture::plan(&contents, &Held::nothing().state()).unwrap();
        let digest = plan().digest().clone();
        for (approval, by) in [
            (Approved::Yes, ApprovedBy::Yes),
            (Approved::Terminal(digest.clone()), ApprovedBy::Terminal),
            (Approved::Digest(digest.clone()), ApprovedBy::PlanDigest),
        ] {
            let (_, found) = plan().approve(approval).unwrap().into_plan();
            assert_eq!(found, Approval { by, plan_digest: digest.clone() });
        }
        let nothing = crate::fixture::plan(&contents, &Held::everything(&contents).state()).unwrap();
        let (nothing, found) = nothing.approve(Approved::Digest(digest)).unwrap().into_plan();
        assert_eq!(found, Approval { by: ApprovedBy::NothingToDo, plan_digest: nothing.digest().clone() });
    }
}
