//! What an apply or a deletion did: one entry an action.

use std::fmt;

use bundle_schema::escape::escaped_json;
use bundle_schema::names::{AccountId, Timestamp};
use bundle_schema::signature::Signer;
use serde::Serialize;

use crate::apply::outcome::{ActionError, IssuerOutcome, Outcome};
use crate::plan::action::Change;
use crate::plan::head::{BundleId, Head};
use crate::plan::{Operation, Plan};
use crate::record::Record;

/// The version of the receipt's format.
const RECEIPT_VERSION: u32 = 1;

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Every action is done.
    Done,
    /// An action failed.
    Failed,
    /// It was stopped from outside.
    Interrupted,
}

#[derive(Debug, Serialize)]
struct Step {
    change: Change,
    call: &'static str,
    resource: String,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What an apply did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    #[serde(rename = "receiptVersion")]
    version: u32,
    applier_version: &'static str,
    operation: Operation,
    ending: Ending,
    bundle: BundleId,
    signers: Vec<Signer>,
    account_id: AccountId,
    caller: String,
    plan_digest: String,
    started: Timestamp,
    finished: Timestamp,
    actions: Vec<Step>,
    #[serde(skip_serializing_if = "IssuerOutcome::is_absent")]
    issuer_check: IssuerOutcome,
    /// The record as this run wrote it last: with `--previous-receipt` it stands in for one that is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
}

impl Receipt {
    pub(crate) fn new(
        plan: &Plan,
        outcomes: Vec<Outcome>,
        issuer_check: IssuerOutcome,
        record: Option<Record>,
        started: Timestamp,
        finished: Timestamp,
    ) -> Self {
        let is_failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_));
        let ending = if outcomes.iter().any(is_failed) || matches!(issuer_check, IssuerOutcome::Failed(_)) {
            Ending::Failed
        } else if outcomes.contains(&Outcome::NotReached) {
            Ending::Interrupted
        } else {
            Ending::Done
        };
        let step = |(action, outcome): (&crate::plan::action::Action, Outcome)| Step {
            change: action.change(),
            call: action.name(),
            resource: action.resource.clone(),
            outcome,
        };
        let Head { bundle, signers, account_id, caller, .. } = plan.head().clone();
        Self {
            version: RECEIPT_VERSION,
            applier_version: env!("CARGO_PKG_VERSION"),
            operation: plan.operation(),
            ending,
            bundle,
            signers,
            account_id,
            caller,
            plan_digest: plan.digest().to_string(),
            started,
            finished,
            actions: plan.actions().iter().zip(outcomes).map(step).collect(),
            issuer_check,
            record,
        }
    }

    /// How it ended.
    #[must_use]
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// The error that says most: that somebody else came in between, or else the first.
    pub(crate) fn first_error(&self) -> Option<ActionError> {
        let of_action =
            |step: &'_ Step| if let Outcome::Failed(error) = &step.outcome { Some(error.clone()) } else { None };
        let of_issuer =
            || if let IssuerOutcome::Failed(error) = &self.issuer_check { Some(error.clone()) } else { None };
        let mut errors = self.actions.iter().filter_map(of_action);
        let first = errors.next();
        let is_taken = first.iter().cloned().chain(errors).find(|error| matches!(error, ActionError::Taken { .. }));
        is_taken.or(first).or_else(of_issuer)
    }

    /// The receipt's bytes: indented JSON with a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = escaped_json(&serde_json::to_string_pretty(self).unwrap_or_default());
        json.push('\n');
        json
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.actions.iter().filter(|step| wanted(&step.outcome)).count()
    }
}

/// One line for a person.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} done, {} failed, {} not reached",
            self.count(|outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyDone)),
            self.count(|outcome| matches!(outcome, Outcome::Failed(_))),
            self.count(|outcome| *outcome == Outcome::NotReached),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Held, contents, digest};
    use crate::plan::choices::Choices;
    use crate::plan::desired::Desired;

    fn receipt() -> Receipt {
        let (contents, digest) = (contents(), digest());
        let mut held = Held::everything(&contents);
        held.role("prod-disk").description = None;
        held.role("prod-registry").policy = None;
        held.bucket().ownership = None;
        let live = held.state();
        let signer = Signer { role: "generator".to_owned(), key: "RWQ".to_owned(), trusted_comment: "t".to_owned() };
        let at = |seconds| Timestamp::from_unix(seconds).unwrap();
        let plan =
            Plan::of(&Desired::for_test(&contents, &digest), &live, &Choices::default(), &[signer], at(0)).unwrap();
        let failed = ActionError::CutOff { resource: "r\u{1b}".to_owned() };
        let outcomes =
            vec![Outcome::Done, Outcome::Done, Outcome::Failed(failed), Outcome::NotReached, Outcome::NotReached];
        Receipt::new(&plan, outcomes, IssuerOutcome::NotReached, None, at(0), at(60))
    }

    #[test]
    fn a_receipt_says_how_every_action_ended() {
        let receipt = receipt();
        assert_eq!(receipt.to_string(), "2 done, 1 failed, 2 not reached");
        let json: serde_json::Value = serde_json::from_str(&receipt.to_json()).unwrap();
        let expected = serde_json::json!({
            "receiptVersion": 1,
            "applierVersion": env!("CARGO_PKG_VERSION"),
            "operation": "apply",
            "ending": "failed",
            "bundle": {
                "kind": "cluster", "name": "prod", "serial": 7, "sha256": digest().as_str(),
                "created": "2026-09-21T14:13:20Z", "expires": "2027-01-15T08:00:00Z",
            },
            "signers": [{"role": "generator", "key": "RWQ", "trustedComment": "t"}],
            "accountId": "123456789012",
            "caller": "arn:aws:iam::123456789012:user/x",
            "planDigest": receipt.plan_digest,
            "started": "1970-01-01T00:00:00Z",
            "finished": "1970-01-01T00:01:00Z",
            "actions": [
                {"change": "update", "call": "s3:PutObject", "resource": "arn:aws:s3:::prod-oidc/sts-airlock/record.json", "outcome": "done"},
                {"change": "create", "call": "s3:PutBucketOwnershipControls", "resource": "arn:aws:s3:::prod-oidc", "outcome": "done"},
                {"change": "update", "call": "iam:UpdateRole", "resource": "arn:aws:iam::123456789012:role/prod-disk", "outcome": "failed", "error": "r\\u{1b} was interrupted"},
                {"change": "create", "call": "iam:PutRolePolicy", "resource": "arn:aws:iam::123456789012:role/prod-registry", "outcome": "not-reached"},
                {"change": "update", "call": "s3:PutObject", "resource": "arn:aws:s3:::prod-oidc/sts-airlock/record.json", "outcome": "not-reached"},
            ],
            "issuerCheck": {"outcome": "not-reached"},
        });
        assert_eq!(json, expected);
    }
}
