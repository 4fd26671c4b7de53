//! Whom to trust, and with what: `--trusted-key`, or the trust file that never travels with a bundle.
//!
//! Input: what the user gives, which is trusted but may be mistaken, so it is parsed strictly. Output: the [`TrustPolicy`]
//! for step 2 and the [`TrustLimits`] for step 9 of FORMAT.md.

mod limits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::limits::{Actions, Exception};
pub use self::limits::{LimitsExceeded, TrustLimits};
use crate::escape::{Escaped, escaped_path};
use crate::exit::ExitCode;
use crate::file::{OpenError, read_bounded};
use crate::json::{JsonError, parse_any_layout};
use crate::limits::{MAX_KEY_FILE_BYTES, MAX_TRUST_PATTERNS};
use crate::names::{AccountId, ClusterName, Partition, Pattern};
use crate::signature::{MinisignPublicKey, PolicyError, PublicKeyError, TrustPolicy};

/// Why a trust file or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustFileError {
    /// The file cannot be read.
    #[error("the trust file cannot be read")]
    Open(#[from] OpenError),
    /// Not the JSON of a trust file.
    #[error("trust file {} is refused", escaped_path(.path))]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: JsonError,
    },
    /// A list that is there but empty, so that nothing could pass.
    #[error("trust file {} has an empty list \"{field}\", so that no bundle could pass\n  leave the field out to set no limit", escaped_path(.path))]
    EmptyList {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
    },
    /// More patterns than a bundle should be compared with.
    #[error("trust file {} has {found} entries in \"{field}\"; at most {MAX_TRUST_PATTERNS} are allowed", escaped_path(.path))]
    TooMany {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A public key that is none.
    #[error("trusted key of {} is refused", Escaped(.whose))]
    Key {
        /// The role, or the argument.
        whose: String,
        /// Why.
        source: PublicKeyError,
    },
    /// An argument that is neither a key nor a file.
    #[error(
        "trusted key {} is neither an existing file nor a minisign public key\n  give a minisign.pub file, or its second line (56 characters that begin with RWQ or similar)",
        Escaped(.0)
    )]
    NoSuchKey(String),
    /// Keys that cannot be trusted together.
    #[error("trusted keys are refused")]
    Policy(#[from] PolicyError),
}

impl TrustFileError {
    /// A trust file that cannot be read or parsed is a mistake on the command line; keys that must not be trusted are not.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Key { source: PublicKeyError::Secret | PublicKeyError::SmallOrder(_), .. } | Self::Policy(_) => {
                ExitCode::Trust
            }
            _ => ExitCode::Usage,
        }
    }
}

/// The trust file as it is written: the fields are described in FORMAT.md, section "The trust file".
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireTrustFile {
    roles: BTreeMap<String, Vec<String>>,
    accounts: Option<Vec<AccountId>>,
    partitions: Option<Vec<Partition>>,
    names: Option<Vec<Pattern>>,
    denied_actions: Option<Vec<Actions>>,
    exceptions: Option<Vec<Exception>>,
    ignored_tags: Option<Vec<Pattern>>,
    minimum_serial: Option<BTreeMap<ClusterName, u64>>,
    max_age_days: Option<u32>,
}

/// Reads a trust file: the roles that have to sign, and the limits.
pub fn read_trust_file(path: &Path) -> Result<(TrustPolicy, TrustLimits), TrustFileError> {
    let bytes = read_bounded(path, MAX_KEY_FILE_BYTES)?;
    let wire: WireTrustFile =
        parse_any_layout(&bytes).map_err(|source| TrustFileError::Json { path: path.to_owned(), source })?;
    let WireTrustFile {
        roles,
        accounts,
        partitions,
        names,
        denied_actions,
        exceptions,
        ignored_tags,
        minimum_serial,
        max_age_days,
    } = wire;
    for (field, is_empty) in [
        ("accounts", accounts.as_ref().is_some_and(Vec::is_empty)),
        ("partitions", partitions.as_ref().is_some_and(Vec::is_empty)),
        ("names", names.as_ref().is_some_and(Vec::is_empty)),
        ("exceptions[].actions", exceptions.iter().flatten().any(|exception| exception.actions.is_empty())),
    ] {
        if is_empty {
            return Err(TrustFileError::EmptyList { path: path.to_owned(), field });
        }
    }
    let actions_spared = exceptions.iter().flatten().map(|exception| exception.actions.len()).sum();
    for (field, found) in [
        ("names", names.as_ref().map_or(0, Vec::len)),
        ("deniedActions", denied_actions.as_ref().map_or(0, Vec::len)),
        ("exceptions", exceptions.as_ref().map_or(0, Vec::len)),
        ("exceptions[].actions", actions_spared),
        ("ignoredTags", ignored_tags.as_ref().map_or(0, Vec::len)),
    ] {
        if found > MAX_TRUST_PATTERNS {
            return Err(TrustFileError::TooMany { path: path.to_owned(), field, found });
        }
    }
    let roles = roles
        .into_iter()
        .map(|(role, keys)| {
            let keys = keys.iter().map(|key| parse_key(key, &format!("role {role}"))).collect::<Result<_, _>>()?;
            Ok((role, keys))
        })
        .collect::<Result<_, TrustFileError>>()?;
    let limits = TrustLimits {
        accounts,
        partitions,
        names,
        denied_actions: denied_actions.unwrap_or_default(),
        exceptions: exceptions.unwrap_or_default(),
        ignored_tags: ignored_tags.unwrap_or_default(),
        minimum_serial: minimum_serial.unwrap_or_default(),
        max_age_days,
    };
    Ok((TrustPolicy::roles(roles)?, limits))
}

/// Reads `--trusted-key` arguments, each a public key file or its base64 line: every one of them must have signed.
pub fn trusted_keys(arguments: &[String]) -> Result<TrustPolicy, TrustFileError> {
    let keys = arguments
        .iter()
        .map(|argument| {
            // A key line is no path that exists; a path is never 56 characters of base64 that decode to a key.
            MinisignPublicKey::parse(argument).or_else(|error| {
                let path = Path::new(argument);
                if !matches!(error, PublicKeyError::Malformed(_)) {
                    return Err(TrustFileError::Key { whose: argument.clone(), source: error });
                }
                if !path.exists() {
                    return Err(TrustFileError::NoSuchKey(argument.clone()));
                }
                let bytes = read_bounded(path, MAX_KEY_FILE_BYTES)?;
                parse_key(&String::from_utf8_lossy(&bytes), argument)
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(TrustPolicy::every_key(keys)?)
}

fn parse_key(text: &str, whose: &str) -> Result<MinisignPublicKey, TrustFileError> {
    MinisignPublicKey::parse(text).map_err(|source| TrustFileError::Key { whose: whose.to_owned(), source })
}
