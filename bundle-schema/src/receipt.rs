//! A receipt: what an apply or a deletion did, action by action. `RECEIPT.md` beside this crate describes the format.
//!
//! Input: untrusted bytes, signed or not. Output: a [`Receipt`], of which everything has its type and agrees with the rest, or
//! the first thing that is wrong. As a bundle, it goes through stages where signatures are demanded:
//! [`SignedFiles`] `--verify_receipt-->` [`VerifiedReceipt`] `--parse-->` [`SignedReceipt`].
//!
//! A receipt says what whoever signed it says was done. Nothing in it is a proof of what an account holds.

mod call;
mod entry;
mod parts;
mod rules;

use serde::{Deserialize, Serialize};

use crate::escape::EscapedUpTo;
use crate::json::{self, JsonError};
use crate::limits::MAX_RECEIPT_BYTES;
use crate::names::{AccountId, Partition, Region, Sha256, Timestamp};
use crate::record::Record;
use crate::signature::signed::{SignedBytes, SignedFiles};
use crate::signature::{Signer, Subject, TrustError, TrustPolicy};

pub use self::call::CallName;
pub use self::entry::{Change, Entry, Outcome, RequestId, Sent};
pub use self::parts::{
    Approval, ApprovedBy, BundleId, BundleSigner, Choices, Counts, Deployment, Distribution, Ending, IssuerCheck,
    Operation,
};

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

/// What an apply or a deletion did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "a receipt")]
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
    /// The distribution in front of the bucket, where there is one when the run ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Left out where no distribution is to be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
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
