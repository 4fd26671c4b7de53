//! A receipt: what an apply or a deletion did, action by action. `RECEIPT.md` beside this crate describes the format.
//!
//! Input: untrusted bytes, signed or not. Output: a [`Receipt`], of which everything has its type and agrees with the rest, or
//! the first thing that is wrong. As a bundle, it goes through stages where signatures are demanded:
//! [`SignedFiles`] `--verify_receipt-->` [`VerifiedReceipt`] `--parse-->` [`SignedReceipt`].
//!
//! A receipt says what whoever signed it says was done. Nothing in it is a proof of what an account holds.

mod call;
mod entry;
mod rules;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::escape::EscapedUpTo;
use crate::json::{self, JsonError};
use crate::limits::MAX_RECEIPT_BYTES;
use crate::names::{AccountId, ClusterName, Partition, Region, Sha256, Timestamp};
use crate::record::Record;
use crate::signature::{Signer, Subject, TrustError, TrustPolicy};
use crate::signed::{SignedBytes, SignedFiles};

pub use self::call::CallName;
pub use self::entry::{Change, Entry, Outcome, RequestId, Sent};

/// The version of the format.
pub const RECEIPT_VERSION: u32 = 1;

/// The longest rule that is shown whole, in characters: two digests fit, a hostile ARN does not.
const MAX_RULE: usize = 400;

/// Why bytes are not a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// More bytes than allowed.
    #[error("receipt has {0} bytes; at most {MAX_RECEIPT_BYTES} are allowed")]
    TooLarge(usize),
    /// Of a version that this program does not know.
    #[error(
        "receipt has version {0}; this program reads version {RECEIPT_VERSION}\n  use the release of STS Airlock that wrote it"
    )]
    Version(u64),
    /// Not the JSON of a receipt.
    #[error("receipt is refused: {0}")]
    Json(JsonError),
    /// A value that no receipt has, or that contradicts another.
    #[error("receipt is refused: {at}: {}", EscapedUpTo(.rule, MAX_RULE))]
    Rule {
        /// Where, such as `actions[3]`.
        at: String,
        /// What is wrong there.
        rule: String,
    },
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// The account is to hold what the bundle says.
    Apply,
    /// Nothing of it is to be left.
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apply => "apply",
            Self::Delete => "delete",
        })
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Every action is done.
    Done,
    /// An action failed, or the check of the issuer.
    Failed,
    /// It was stopped from outside.
    Interrupted,
}

impl Ending {
    /// What the outcomes amount to.
    #[must_use]
    pub fn of(actions: &[Entry], issuer: Option<&IssuerCheck>) -> Self {
        if actions.iter().any(|entry| entry.outcome.is_failed()) || matches!(issuer, Some(IssuerCheck::Failed(_))) {
            Self::Failed
        } else if actions.iter().all(|entry| entry.outcome.is_done()) {
            Self::Done
        } else {
            Self::Interrupted
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        })
    }
}

/// The bundle that the run was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleId {
    /// The cluster's name.
    pub name: ClusterName,
    /// Its serial.
    pub serial: u64,
    /// The SHA-256 of its archive.
    pub sha256: Sha256,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is refused.
    pub expires: Timestamp,
}

/// Who signed the bundle, as the run found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BundleSigner {
    /// The role, as the trust policy of the run named it.
    pub role: String,
    /// The key line.
    pub key: String,
    /// The comment that the signature covers.
    pub trusted_comment: String,
}

/// How a plan was agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovedBy {
    /// `--yes`: whatever the plan is.
    Yes,
    /// Somebody read it and agreed on a terminal.
    Terminal,
    /// `--plan-digest`: this plan.
    PlanDigest,
    /// `--plan`: what was left of a plan that was written to a file.
    PlanFile,
    /// It did nothing, which needs no approval.
    NothingToDo,
}

/// How a plan was agreed to, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Approval {
    /// How.
    pub by: ApprovedBy,
    /// The digest of the plan that was agreed to; that of a plan's file may be another than that of what was left of it.
    pub plan_digest: Sha256,
}

/// What was allowed besides what every plan may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line, and none goes with another")]
pub struct Choices {
    /// `--adopt`
    pub adopt: bool,
    /// `--allow-rollback`
    pub allow_rollback: bool,
    /// `--prune`
    pub prune: bool,
    /// `--leave-foreign-policies`
    pub leave_foreign_policies: bool,
}

/// How the last look at the issuer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "error", rename_all = "kebab-case", deny_unknown_fields)]
pub enum IssuerCheck {
    /// The public reads what was signed.
    Done,
    /// It does not, or nobody could look.
    Failed(String),
    /// Something else had failed, or the run was stopped.
    NotReached,
    /// `--skip-issuer-check`
    Skipped,
}

/// How many actions ended in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Those that are done, by this run or before.
    pub done: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that were not begun.
    pub not_reached: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} done, {} failed, {} not reached", self.done, self.failed, self.not_reached)
    }
}

/// What an apply or a deletion did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Receipt {
    /// The version of its format.
    #[serde(rename = "receiptVersion")]
    pub version: u32,
    /// The version of the program that wrote it.
    pub applier_version: String,
    /// What was done.
    pub operation: Operation,
    /// How it ended.
    pub ending: Ending,
    /// With which bundle.
    pub bundle: BundleId,
    /// Signed by whom.
    pub signers: Vec<BundleSigner>,
    /// In which account.
    pub account_id: AccountId,
    /// The account's partition.
    pub partition: Partition,
    /// The bundle's region.
    pub region: Region,
    /// The ARN that the credentials belonged to.
    pub caller: String,
    /// The digest of the plan that was carried out.
    pub plan_digest: Sha256,
    /// How that was agreed to.
    pub approval: Approval,
    /// What was allowed.
    pub choices: Choices,
    /// When the run began, by the applier's clock.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Every action of the plan, in its order.
    pub actions: Vec<Entry>,
    /// Left out where an issuer is not to be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_check: Option<IssuerCheck>,
    /// The record as this run wrote it last: with `--previous-receipt` it stands in for one that is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

/// What tells one version from another.
#[derive(Deserialize)]
struct Versioned {
    #[serde(rename = "receiptVersion")]
    version: u64,
}

impl Receipt {
    /// Reads a receipt without a decision about who signed it, for whoever is about to sign it or vouches for it otherwise.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() as u64 > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLarge(bytes.len()));
        }
        // The version comes first, so that a receipt of another version is told apart from a broken one.
        if let Ok(Versioned { version }) = serde_json::from_slice(bytes)
            && version != u64::from(RECEIPT_VERSION)
        {
            return Err(ReceiptError::Version(version));
        }
        let receipt: Self = json::parse(bytes).map_err(ReceiptError::Json)?;
        rules::check(&receipt).map(|()| receipt)
    }

    /// Its canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        json::to_bytes(self)
    }

    /// How many of its actions ended in which way.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let count =
            |wanted: &dyn Fn(&Outcome) -> bool| self.actions.iter().filter(|entry| wanted(&entry.outcome)).count();
        Counts {
            done: count(&Outcome::is_done),
            failed: count(&Outcome::is_failed),
            not_reached: count(&|outcome| *outcome == Outcome::NotReached),
        }
    }
}

impl SignedFiles {
    /// Step 2, for a receipt: every role of the policy has signed these exact bytes. Nothing is parsed before.
    pub fn verify_receipt(self, policy: &TrustPolicy) -> Result<VerifiedReceipt, TrustError> {
        Ok(VerifiedReceipt(self.signed_by_all(policy, Subject::Receipt)?))
    }
}

/// Bytes that every required role has signed, and that are not yet looked at.
pub struct VerifiedReceipt(SignedBytes);

impl VerifiedReceipt {
    /// Form and content.
    pub fn parse(self) -> Result<SignedReceipt, ReceiptError> {
        let SignedBytes { bytes, digest, signers } = self.0;
        Ok(SignedReceipt { receipt: Receipt::parse(&bytes)?, digest, signers })
    }
}

/// A receipt that every required role has signed.
#[derive(Debug)]
pub struct SignedReceipt {
    receipt: Receipt,
    digest: Sha256,
    signers: Vec<Signer>,
}

impl SignedReceipt {
    /// What it says.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    /// Who signed it.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }
}

#[cfg(test)]
mod tests;
