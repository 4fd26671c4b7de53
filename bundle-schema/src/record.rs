//! What the applier made, by identity: the record, a private object beside the issuer's documents or tags of the identity provider,
//! and a part of a receipt.
//!
//! A tag is a claim: whoever may tag can make it. The record names the cluster's roles by their IDs, which IAM never uses
//! twice, and is written by compare and swap before the first change of a run, while it lasts, and after its last change.
//! Whoever can write it can replace the JWKS too, so it is as safe as what it protects. FORMAT.md, section "The record".

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError};
use crate::limits::MAX_SERIAL;
use crate::names::{AccessControlId, ClusterName, DistributionId, RoleName, Sha256, Timestamp};

/// The longest record, in bytes: 2,000 roles have about 250 KiB.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;
const RECORD_VERSION: u32 = 1;

/// What IAM calls a role apart from its name, such as `AROAEXAMPLEEXAMPLE123`: 16 to 128 letters, digits and `_`
/// [IAM API reference, Role].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RoleId(String);

impl TryFrom<String> for RoleId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits { Ok(Self(text)) } else { Err("a role ID must have 16 to 128 letters, digits and _") }
    }
}

impl RoleId {
    /// Its characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
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
pub enum RecordState {
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
    /// The cluster has another issuer, whose record has its roles; serial and digest are of the bundle to which it moved.
    Moved,
    /// A deletion is under way, or was cut off, of what is left of an issuer that the cluster had before.
    MovedDeleting,
}

impl RecordState {
    /// In a sentence about the bundle: `serial 7, applied`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Applying => "being applied",
            Self::Stopped => "applied in part",
            Self::Applied => "applied",
            Self::Deleting => "being deleted",
            Self::DeletionStopped => "deleted in part",
            Self::Moved => "moved to another issuer",
            Self::MovedDeleting => "moved to another issuer, being deleted",
        }
    }

    /// Whether the run that wrote it may still be at it.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Applying | Self::Deleting | Self::MovedDeleting)
    }

    /// Whether it is of a deletion.
    #[must_use]
    pub fn is_of_deletion(self) -> bool {
        matches!(self, Self::Deleting | Self::DeletionStopped | Self::MovedDeleting)
    }

    /// Whether the cluster's roles are another record's.
    #[must_use]
    pub fn is_moved(self) -> bool {
        matches!(self, Self::Moved | Self::MovedDeleting)
    }

    /// What a deletion writes before it deletes anything.
    #[must_use]
    pub fn deleting(self) -> Self {
        if self.is_moved() { Self::MovedDeleting } else { Self::Deleting }
    }

    /// What a run of this state says when it ends before everything is done.
    #[must_use]
    pub fn stopped(self) -> Self {
        match self {
            Self::Moved | Self::MovedDeleting => Self::Moved,
            Self::Deleting | Self::DeletionStopped => Self::DeletionStopped,
            Self::Applying | Self::Stopped | Self::Applied => Self::Stopped,
        }
    }
}

/// The identity provider that was made. It has no ID; it is known by when IAM says that it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MadeProvider {
    /// When IAM says that it was made.
    pub created: Timestamp,
    /// Those that IAM had when the run ended.
    pub thumbprints: Vec<String>,
}

/// Resources that are the cluster's, by identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Made {
    /// The identity provider, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<MadeProvider>,
    /// The distribution in front of the bucket, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<DistributionId>,
    /// Its origin access control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AccessControlId>,
    /// Also those of earlier bundles, as long as they are there.
    pub roles: BTreeMap<RoleName, RoleId>,
}

/// Resources that were not there when the run began and that it is about to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Making {
    /// Whether the identity provider is one of them.
    pub provider: bool,
    /// Whether the distribution is one of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distribution: bool,
    /// Whether its origin access control is one of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub access_control: bool,
    /// The roles.
    pub roles: BTreeSet<RoleName>,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Record {
    /// The version of its format.
    #[serde(rename = "recordVersion")]
    pub version: u32,
    /// The cluster's name.
    pub name: ClusterName,
    /// How far the run is.
    pub state: RecordState,
    /// The bundle's serial.
    pub serial: u64,
    /// The bundle's digest.
    pub sha256: Sha256,
    /// When it was written, by the clock of the host that wrote it.
    pub time: Timestamp,
    /// The ARN that wrote it; of tags, its end.
    pub caller: String,
    /// Tells a run from every other one: 32 hexadecimal digits.
    pub run: String,
    /// The digest of the plan that was approved; programs that made no plan files left it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_digest: Option<Sha256>,
    /// What is the cluster's.
    pub made: Made,
    /// What is about to be.
    pub making: Making,
}

/// Why a record is not taken for one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More than [`MAX_RECORD_BYTES`].
    #[error("it is longer than 1 MiB")]
    TooLong,
    /// Not the JSON of a record.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// Of a version that this program does not know.
    #[error("it has version {found}; this program reads version {RECORD_VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// Of another cluster than the one whose bucket it is in.
    #[error("it is of cluster {found}")]
    OtherCluster {
        /// Its cluster.
        found: ClusterName,
    },
    /// A serial that no bundle has.
    #[error("its serial is {found}; it must be from 1 to {MAX_SERIAL}")]
    Serial {
        /// Its serial.
        found: u64,
    },
    /// Of tags: one that is not there.
    #[error("tag {key} is missing")]
    MissingTag {
        /// Its key.
        key: String,
    },
    /// Of tags: one that says something else.
    #[error("tag {key} does not have the form that this program writes")]
    Tag {
        /// Its key.
        key: String,
    },
}

impl Record {
    /// The version that this program reads and writes.
    pub const VERSION: u32 = RECORD_VERSION;

    /// Reads what stands in the bucket: strictly, because nobody else writes it.
    pub fn parse(bytes: &[u8], cluster: &ClusterName) -> Result<Self, RecordError> {
        let record: Self = json::parse(bytes)?;
        record.check(cluster).map(|()| record)
    }

    /// What its types do not say.
    pub(crate) fn check(&self, cluster: &ClusterName) -> Result<(), RecordError> {
        if self.version != RECORD_VERSION {
            return Err(RecordError::Version { found: self.version });
        }
        if self.name != *cluster {
            return Err(RecordError::OtherCluster { found: self.name.clone() });
        }
        if !(1..=MAX_SERIAL).contains(&self.serial) {
            return Err(RecordError::Serial { found: self.serial });
        }
        Ok(())
    }

    /// Its canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        json::to_bytes(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "recordVersion": 1,
  "name": "prod",
  "state": "applied",
  "serial": 7,
  "sha256": "SHA",
  "time": "1970-01-01T00:00:00Z",
  "caller": "arn:aws:iam::123456789012:user/x",
  "run": "00000000000000000000000000000000",
  "made": {
    "provider": {
      "created": "2026-09-21T14:13:20Z",
      "thumbprints": [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      ]
    },
    "roles": {
      "prod-disk": "AROAEXAMPLE0PRODDISK",
      "prod-registry": "AROAEXAMPLE0PRODREGISTRY"
    }
  },
  "making": {
    "provider": false,
    "roles": []
  }
}
"#;

    fn text() -> String {
        TEXT.replace("SHA", &"0".repeat(64))
    }

    fn parse(text: &str) -> Result<Record, RecordError> {
        Record::parse(text.as_bytes(), &"prod".parse().unwrap())
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = parse(&text()).unwrap();
        assert_eq!(String::from_utf8(record.to_bytes()).unwrap(), text());
        assert_eq!((record.serial, record.state, record.made.roles.len()), (7, RecordState::Applied, 2));
    }

    #[test]
    fn a_record_may_name_its_plan() {
        let named = Record { plan_digest: Some(Sha256::of(b"plan")), ..parse(&text()).unwrap() };
        assert_eq!(Record::parse(&named.to_bytes(), &named.name), Ok(named.clone()));
    }

    #[test]
    fn nothing_else_is_a_record() {
        let refuse = |from: &str, to: &str| parse(&text().replacen(from, to, 1)).unwrap_err().to_string();
        assert_eq!(refuse("Version\": 1", "Version\": 2"), "it has version 2; this program reads version 1");
        assert_eq!(refuse("\"prod\"", "\"dev\""), "it is of cluster dev");
        assert_eq!(refuse("serial\": 7", "serial\": 0"), "its serial is 0; it must be from 1 to 999999999");
        for (from, to) in
            [("AROAEXAMPLE0PRODDISK", "AROA"), ("\"run\"", "\"runs\""), ("applied", "done"), ("\n}\n", "\n}\n\n")]
        {
            assert!(parse(&text().replacen(from, to, 1)).is_err(), "{from}");
        }
    }
}
