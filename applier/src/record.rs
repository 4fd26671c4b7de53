//! What the applier made, by identity: the record, a private object beside the issuer's documents, or tags of the identity
//! provider where a bundle makes no issuer.
//!
//! A tag is a claim: whoever may tag can make it. The record names the cluster's roles by their IDs, which IAM never uses
//! twice, and is written by compare and swap before the first change of a run, while it lasts, and after its last change.
//! Whoever can write the object can replace the JWKS too, so it is as safe as what it protects. Tags are as safe as the
//! permission to tag the provider, and have no compare and swap: `hold` looks at them before and after it writes.

mod place;
pub(crate) mod tags;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

use bundle_schema::escape::Escaped;
use bundle_schema::file::{OpenError, read_bounded};
use bundle_schema::json::{self, JsonError};
use bundle_schema::limits::MAX_SERIAL;
use bundle_schema::names::{ClusterName, RoleName, Sha256, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::place::Place;

/// The record's key in the issuer's bucket.
pub(crate) const RECORD_KEY: &str = "sts-airlock/record.json";
/// The longest record, in bytes: 2,000 roles have about 250 KiB.
pub(crate) const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// The longest receipt that is read, in bytes: a record, and four actions a role.
const MAX_RECEIPT_BYTES: u64 = 16 * 1024 * 1024;
const RECORD_VERSION: u32 = 1;

/// What IAM calls a role apart from its name, such as `AROAEXAMPLEEXAMPLE123`: 16 to 128 letters, digits and `_`
/// [IAM API reference, Role].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct RoleId(String);

impl TryFrom<String> for RoleId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits { Ok(Self(text)) } else { Err("a role ID must have 16 to 128 letters, digits and _") }
    }
}

impl RoleId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RoleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far the run is that wrote a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecordState {
    /// Under way, or cut off.
    Applying,
    /// It ended, and something is left to do.
    Stopped,
    /// Everything is done.
    Applied,
    /// A deletion is under way, or was cut off. After its end there is no record.
    Deleting,
    /// A deletion ended, and something is left to delete.
    DeletionStopped,
}

impl RecordState {
    /// In a sentence about the bundle: `serial 7, applied`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Applying => "being applied",
            Self::Stopped => "applied in part",
            Self::Applied => "applied",
            Self::Deleting => "being deleted",
            Self::DeletionStopped => "deleted in part",
        }
    }

    /// Whether the run that wrote it may still be at it.
    pub(crate) fn is_under_way(self) -> bool {
        matches!(self, Self::Applying | Self::Deleting)
    }

    /// Whether it is of a deletion.
    pub(crate) fn is_of_deletion(self) -> bool {
        matches!(self, Self::Deleting | Self::DeletionStopped)
    }

    /// What a run of this state says when it ends before everything is done.
    pub(crate) fn stopped(self) -> Self {
        if self.is_of_deletion() { Self::DeletionStopped } else { Self::Stopped }
    }
}

/// The identity provider that was made. It has no ID; it is known by when IAM says that it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct MadeProvider {
    pub(crate) created: Timestamp,
    /// Those that IAM had when the run ended.
    pub(crate) thumbprints: Vec<String>,
}

/// Resources that are the cluster's, by identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Made {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<MadeProvider>,
    /// Also those of earlier bundles, as long as they are there.
    pub(crate) roles: BTreeMap<RoleName, RoleId>,
}

/// Resources that were not there when the run began and that it is about to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Making {
    pub(crate) provider: bool,
    pub(crate) roles: BTreeSet<RoleName>,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Record {
    #[serde(rename = "recordVersion")]
    pub(crate) version: u32,
    pub(crate) name: ClusterName,
    pub(crate) state: RecordState,
    pub(crate) serial: u64,
    pub(crate) sha256: Sha256,
    /// When it was written, by the clock of the host that wrote it.
    pub(crate) time: Timestamp,
    /// The ARN that wrote it; of tags, its end.
    pub(crate) caller: String,
    /// Tells a run from every other one.
    pub(crate) run: String,
    /// The digest of the plan that was approved; programs that made no plan files left it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan_digest: Option<Sha256>,
    pub(crate) made: Made,
    pub(crate) making: Making,
}

/// Why a record is not taken for one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("it is longer than 1 MiB")]
    TooLong,
    #[error("{0}")]
    Json(#[from] JsonError),
    #[error("it has version {found}; this program reads version {RECORD_VERSION}")]
    Version { found: u32 },
    #[error("it is of cluster {found}")]
    OtherCluster { found: ClusterName },
    #[error("its serial is {found}; it must be from 1 to {MAX_SERIAL}")]
    Serial { found: u64 },
    #[error("tag {key} is missing")]
    MissingTag { key: String },
    #[error("tag {key} does not have the form that this program writes")]
    Tag { key: String },
}

impl Record {
    pub(crate) const VERSION: u32 = RECORD_VERSION;

    /// Reads what stands in the bucket: strictly, because nobody else writes it.
    pub(crate) fn parse(bytes: &[u8], cluster: &ClusterName) -> Result<Self, RecordError> {
        json::parse::<Self>(bytes)?.checked(cluster)
    }

    fn checked(self, cluster: &ClusterName) -> Result<Self, RecordError> {
        if self.version != RECORD_VERSION {
            return Err(RecordError::Version { found: self.version });
        }
        if self.name != *cluster {
            return Err(RecordError::OtherCluster { found: self.name });
        }
        if !(1..=MAX_SERIAL).contains(&self.serial) {
            return Err(RecordError::Serial { found: self.serial });
        }
        Ok(self)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        json::to_bytes(self)
    }
}

/// What no other run has: 32 hexadecimal digits. It is no secret.
pub(crate) fn new_run_id() -> String {
    // The standard library seeds each of these from the operating system.
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}

/// Why a receipt does not vouch for anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreviousReceiptError {
    /// It cannot be read.
    #[error("the previous receipt cannot be read")]
    Open(#[from] OpenError),
    /// It is none, or one without a record.
    #[error("previous receipt {} cannot be used: {reason}\n  give the receipt of the last apply that changed something", Escaped(&.path.to_string_lossy()))]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The record that a receipt holds.
pub(crate) fn read_receipt(path: &Path, cluster: &ClusterName) -> Result<Record, PreviousReceiptError> {
    let unusable = |reason: String| PreviousReceiptError::Unusable { path: path.to_owned(), reason };
    let bytes = read_bounded(path, MAX_RECEIPT_BYTES)?;
    let mut receipt = json::parse_value(&bytes).map_err(|error| unusable(error.to_string()))?;
    let record = receipt.get_mut("record").map(Value::take).ok_or_else(|| unusable("it has no record".to_owned()))?;
    let record: Record =
        serde_json::from_value(record).map_err(|error| unusable(Escaped(&error.to_string()).to_string()))?;
    record.checked(cluster).map_err(|error| unusable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{parsed, record};

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = record();
        let name = parsed("prod");
        assert_eq!(Record::parse(&record.to_bytes(), &name), Ok(record.clone()));
        assert_eq!(
            String::from_utf8(record.to_bytes()).unwrap(),
            format!(
                "{{
  \"recordVersion\": 1,
  \"name\": \"prod\",
  \"state\": \"applied\",
  \"serial\": 7,
  \"sha256\": \"{}\",
  \"time\": \"1970-01-01T00:00:00Z\",
  \"caller\": \"arn:aws:iam::123456789012:user/x\",
  \"run\": \"{}\",
  \"made\": {{
    \"provider\": {{
      \"created\": \"2026-09-21T14:13:20Z\",
      \"thumbprints\": [
        \"{}\"
      ]
    }},
    \"roles\": {{
      \"prod-disk\": \"AROAEXAMPLE0PRODDISK\",
      \"prod-registry\": \"AROAEXAMPLE0PRODREGISTRY\"
    }}
  }},
  \"making\": {{
    \"provider\": false,
    \"roles\": []
  }}
}}
",
                record.sha256,
                "0".repeat(32),
                "A".repeat(40)
            )
        );
    }

    #[test]
    fn a_record_may_name_its_plan() {
        let named = Record { plan_digest: Some(Sha256::of(b"plan")), ..record() };
        assert_eq!(Record::parse(&named.to_bytes(), &parsed("prod")), Ok(named));
    }

    #[test]
    fn nothing_else_is_a_record() {
        let refuse = |change: &dyn Fn(&mut Record)| {
            let mut record = record();
            change(&mut record);
            Record::parse(&record.to_bytes(), &parsed("prod")).unwrap_err().to_string()
        };
        assert_eq!(refuse(&|record| record.version = 2), "it has version 2; this program reads version 1");
        assert_eq!(refuse(&|record| record.name = parsed("dev")), "it is of cluster dev");
        assert_eq!(refuse(&|record| record.serial = 0), "its serial is 0; it must be from 1 to 999999999");
        let text = String::from_utf8(record().to_bytes()).unwrap();
        for (from, to) in
            [("AROAEXAMPLE0PRODDISK", "AROA"), ("\"run\"", "\"runs\""), ("applied", "done"), ("\n}\n", "\n}\n\n")]
        {
            assert!(Record::parse(text.replacen(from, to, 1).as_bytes(), &parsed("prod")).is_err(), "{from}");
        }
    }

    #[test]
    fn no_two_runs_have_the_same_id() {
        let (a, b) = (new_run_id(), new_run_id());
        assert_eq!((a.len(), b.len()), (32, 32));
        assert_ne!(a, b);
    }
}
