//! From bytes to a plan file: bounded, strict, and in agreement with its own digest.

use std::path::{Path, PathBuf};

use bundle_schema::escape::Escaped;
use bundle_schema::exit::ExitCode;
use bundle_schema::file::{OpenError, read_bounded};
use bundle_schema::json::{self, Budget, JsonError};
use bundle_schema::names::{AccountId, IssuerUrl, Partition, Region, Sha256, Timestamp};
use bundle_schema::receipt::BundleId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{PLAN_VERSION, PlanFile};
use crate::plan::Operation;
use crate::plan::choices::Flags;
use crate::plan::digest::{Digested, lasting_part};

/// The longest plan file, in bytes: twice the longest bundle, for what is sent and what it replaces. 2,000 new roles have
/// about 10 MiB.
pub(crate) const MAX_PLAN_BYTES: u64 = 32 * 1024 * 1024;
/// A string is at most as long as the longest policy that is read from AWS. 2,000 roles with 48 tags have 340,000 values.
const BUDGET: Budget = Budget { string_bytes: 128 * 1024, values: 500_000 };

/// Why a file is not taken for a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It was not read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It was read, and is none.
    #[error("plan file {} is refused: {reason}\n  make a new plan", Escaped(&.path.to_string_lossy()))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: NoPlan,
    },
}

impl PlanFileError {
    /// As for a bundle.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Open(OpenError::Io { .. } | OpenError::NotRegular { .. }) => ExitCode::Usage,
            Self::Open(_) | Self::Refused { .. } => ExitCode::Invalid,
        }
    }
}

/// Why JSON is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// Not JSON, a repeated key, too deep, too many values, a string too long.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// An array or a text where the plan belongs.
    #[error("it is not a JSON object")]
    NotObject,
    /// A later format, or none.
    #[error("its planVersion is {found}; this program reads {PLAN_VERSION}")]
    Version {
        /// What stands there, escaped.
        found: String,
    },
    /// An unknown or missing field, or one of another type; escaped.
    #[error("{0}")]
    Fields(String),
    /// An action without a call, a finding without a kind.
    #[error("{list} {index} has no text \"{field}\"")]
    Entry {
        /// Which list.
        list: &'static str,
        /// Where in it, from 0.
        index: usize,
        /// What every entry has.
        field: &'static str,
    },
    /// Somebody changed it.
    #[error("its digest is {found}, its content has {computed}: it was changed after it was made")]
    Digest {
        /// What stands there.
        found: Sha256,
        /// What it would have to be.
        computed: Sha256,
    },
}

/// All of the file but its actions and findings.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rest {
    plan_version: u32,
    operation: Operation,
    bundle: BundleId,
    account_id: AccountId,
    choices: Flags,
    digest: Sha256,
    // For people. Nothing is concluded from these.
    partition: Partition,
    region: Region,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_url: Option<IssuerUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    former_issuers: Option<Vec<IssuerUrl>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    served: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_arn: Option<String>,
    signers: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<Map<String, Value>>,
    caller: String,
    time: Timestamp,
    create: u32,
    update: u32,
    delete: u32,
    clean: bool,
}

impl PlanFile {
    /// Reads a file, once.
    pub fn open(path: &Path) -> Result<Self, PlanFileError> {
        let bytes = read_bounded(path, MAX_PLAN_BYTES)?;
        Self::parse(path, &bytes).map_err(|reason| PlanFileError::Refused { path: path.to_owned(), reason })
    }

    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, NoPlan> {
        let Value::Object(mut fields) = json::parse_value_within(bytes, BUDGET)? else { return Err(NoPlan::NotObject) };
        // First of all: a later version may have other fields.
        match fields.get("planVersion") {
            Some(version) if *version == PLAN_VERSION => {}
            other => {
                let found = other.map_or("missing".to_owned(), |version| Escaped(&version.to_string()).to_string());
                return Err(NoPlan::Version { found });
            }
        }
        let actions = entries(&mut fields, "actions", &["call", "resource"])?;
        let findings: Vec<Value> = entries(&mut fields, "findings", &["kind"])?.into_iter().map(lasting_part).collect();
        let rest = rest(fields)?;
        let digested = Digested {
            account_id: &rest.account_id,
            actions: &actions,
            bundle_sha256: &rest.bundle.sha256,
            choices: rest.choices,
            findings: &findings,
            operation: rest.operation,
        };
        let computed = digested.digest();
        if rest.digest != computed {
            return Err(NoPlan::Digest { found: rest.digest, computed });
        }
        Ok(Self {
            path: path.to_owned(),
            operation: rest.operation,
            account_id: rest.account_id,
            name: rest.bundle.name,
            serial: rest.bundle.serial,
            bundle_sha256: rest.bundle.sha256,
            flags: rest.choices,
            actions,
            findings,
            digest: computed,
        })
    }
}

/// Takes a list out of the file whose entries are objects with these texts.
fn entries(fields: &mut Map<String, Value>, list: &'static str, texts: &[&'static str]) -> Result<Vec<Value>, NoPlan> {
    let Some(Value::Array(entries)) = fields.remove(list) else {
        return Err(NoPlan::Fields(format!("it has no list `{list}`")));
    };
    for (index, entry) in entries.iter().enumerate() {
        let missing = texts.iter().find(|field| entry.get(field).and_then(Value::as_str).is_none());
        if let Some(field) = missing {
            return Err(NoPlan::Entry { list, index, field });
        }
    }
    Ok(entries)
}

fn rest(fields: Map<String, Value>) -> Result<Rest, NoPlan> {
    let fields = Value::Object(fields);
    let rest = Rest::deserialize(&fields).map_err(|error| NoPlan::Fields(Escaped(&error.to_string()).to_string()))?;
    // `serde` reads an array as a struct.
    if serde_json::to_value(&rest).unwrap_or_default() != fields {
        return Err(NoPlan::Fields("it is not spelled as this program spells a plan".to_owned()));
    }
    Ok(rest)
}
