//! What an apply did: one entry an action, written whole to a file that was there to write to before AWS was.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bundle_schema::escape::{Escaped, escaped_json};
use bundle_schema::names::{AccountId, Timestamp};
use bundle_schema::signature::Signer;
use serde::Serialize;

use crate::apply::outcome::{ActionError, IssuerOutcome, Outcome};
use crate::plan::Plan;
use crate::plan::action::Change;
use crate::plan::head::{BundleId, Head};
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
    ending: Ending,
    bundle: BundleId,
    signers: Vec<Signer>,
    account_id: AccountId,
    caller: String,
    plan_digest: String,
    started: Timestamp,
    finished: Timestamp,
    actions: Vec<Step>,
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

    pub(crate) fn first_error(&self) -> Option<ActionError> {
        let of_action =
            |step: &'_ Step| if let Outcome::Failed(error) = &step.outcome { Some(error.clone()) } else { None };
        let of_issuer =
            || if let IssuerOutcome::Failed(error) = &self.issuer_check { Some(error.clone()) } else { None };
        self.actions.iter().find_map(of_action).or_else(of_issuer)
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

/// Why a receipt cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("receipt {} cannot be written\n  give a place that can be written to with --receipt FILE", Escaped(&.path.to_string_lossy()))]
pub struct ReceiptError {
    path: PathBuf,
    source: io::Error,
}

/// A place for a receipt, held open from before the first change until the receipt is written.
pub(crate) struct ReceiptFile {
    path: PathBuf,
    partial: PathBuf,
    file: Option<File>,
}

impl ReceiptFile {
    /// Makes sure that a receipt can be written. The file itself appears only when it is whole.
    pub(crate) fn reserve(path: PathBuf) -> Result<Self, ReceiptError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(name);
        let opened = if path.is_dir() {
            Err(io::ErrorKind::IsADirectory.into())
        } else {
            OpenOptions::new().write(true).create_new(true).open(&partial)
        };
        match opened {
            Ok(file) => Ok(Self { path, partial, file: Some(file) }),
            Err(source) => Err(ReceiptError { path, source }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the receipt, whole, under its name.
    pub(crate) fn write(mut self, receipt: &Receipt) -> Result<(), ReceiptError> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let written = file
            .write_all(receipt.to_json().as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&self.partial, &self.path));
        written.map_err(|source| ReceiptError { path: self.path.clone(), source })
    }
}

impl Drop for ReceiptFile {
    /// Where no receipt came of it, nothing is left behind.
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.partial);
        }
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
            "ending": "failed",
            "bundle": {
                "name": "prod", "serial": 7, "sha256": digest().as_str(),
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

    #[test]
    fn a_receipt_appears_whole_or_not_at_all() {
        let directory = std::env::temp_dir().join(format!("airlock-receipt-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let names = || {
            let entries = fs::read_dir(&directory).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        let path = directory.join("r.json");
        drop(ReceiptFile::reserve(path.clone()).unwrap());
        assert_eq!(names(), Vec::<String>::new());
        let file = ReceiptFile::reserve(path.clone()).unwrap();
        assert_eq!(names(), [format!("r.json.{}.partial", std::process::id())]);
        file.write(&receipt()).unwrap();
        assert_eq!((names(), fs::read_to_string(&path).unwrap()), (vec!["r.json".to_owned()], receipt().to_json()));
        for nowhere in [directory.join("missing/r.json"), directory.clone()] {
            assert_eq!(
                ReceiptFile::reserve(nowhere.clone()).err().unwrap().to_string(),
                format!(
                    "receipt {} cannot be written\n  give a place that can be written to with --receipt FILE",
                    nowhere.display()
                )
            );
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
