//! Whom to trust, and with what: `--trusted-key`, or the trust file that stays on the privileged side.
//!
//! Goes in: what the user of the privileged side gives, which is trusted but may be mistaken, so it is parsed strictly.
//! Comes out: the [`TrustPolicy`] for step 2 and the [`TrustLimits`] for step 9 of FORMAT.md.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::policy::{ActionPattern, Effect, PermissionStatement, pattern_covers, patterns_overlap};
use bundle_schema::escape::Escaped;
use bundle_schema::file::{OpenError, read_bounded};
use bundle_schema::json::{JsonError, parse_any_layout};
use bundle_schema::limits::MAX_KEY_FILE_BYTES;
use bundle_schema::names::{AccountId, Partition, Timestamp};
use bundle_schema::signature::{MinisignPublicKey, PolicyError, PublicKeyError, TrustPolicy};
use serde::Deserialize;

/// Why a trust file or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustFileError {
    /// The file cannot be read.
    #[error("trust cannot be read")]
    Open(#[from] OpenError),
    /// Not the JSON of a trust file.
    #[error("trust file {} is refused", shown(.path))]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: JsonError,
    },
    /// A list that is there but empty, so that nothing could pass.
    #[error("trust file {} has an empty list \"{field}\", so that no bundle could pass\n  leave the field out to set no limit", shown(.path))]
    EmptyList {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
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
        "trusted key {} is neither a file that is there nor a minisign public key\n  give a minisign.pub file, or its second line (56 characters that begin with RWQ or similar)",
        Escaped(.0)
    )]
    NoSuchKey(String),
    /// Keys that cannot be trusted together.
    #[error("trusted keys are refused")]
    Policy(#[from] PolicyError),
}

fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// The trust file as it is written: the fields are described in FORMAT.md, section "The trust file".
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireTrustFile {
    roles: BTreeMap<String, Vec<String>>,
    accounts: Option<Vec<AccountId>>,
    partitions: Option<Vec<Partition>>,
    names: Option<Vec<String>>,
    denied_actions: Option<Vec<ActionPattern>>,
    max_age_days: Option<u32>,
}

/// What may be applied, whoever signed it. A limit that is not set allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustLimits {
    accounts: Option<Vec<AccountId>>,
    partitions: Option<Vec<Partition>>,
    names: Option<Vec<String>>,
    denied_actions: Vec<ActionPattern>,
    max_age_days: Option<u32>,
}

/// Reads a trust file: the roles that have to sign, and the limits.
pub fn read_trust_file(path: &Path) -> Result<(TrustPolicy, TrustLimits), TrustFileError> {
    let bytes = read_bounded(path, MAX_KEY_FILE_BYTES)?;
    let wire: WireTrustFile =
        parse_any_layout(&bytes).map_err(|source| TrustFileError::Json { path: path.to_owned(), source })?;
    let WireTrustFile { roles, accounts, partitions, names, denied_actions, max_age_days } = wire;
    for (field, is_empty) in [
        ("accounts", accounts.as_ref().is_some_and(Vec::is_empty)),
        ("partitions", partitions.as_ref().is_some_and(Vec::is_empty)),
        ("names", names.as_ref().is_some_and(Vec::is_empty)),
    ] {
        if is_empty {
            return Err(TrustFileError::EmptyList { path: path.to_owned(), field });
        }
    }
    let roles = roles
        .into_iter()
        .map(|(role, keys)| {
            let keys = keys.iter().map(|key| parse_key(key, &format!("role {role}"))).collect::<Result<_, _>>()?;
            Ok((role, keys))
        })
        .collect::<Result<_, TrustFileError>>()?;
    let limits =
        TrustLimits { accounts, partitions, names, denied_actions: denied_actions.unwrap_or_default(), max_age_days };
    Ok((TrustPolicy::roles(roles)?, limits))
}

/// Reads `--trusted-key` arguments, each a public key file or its base64 line: every one of them has to have signed.
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

/// What the trust file does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsExceeded {
    /// At least one, in words.
    pub problems: Vec<String>,
}

const MAX_SHOWN: usize = 20;

impl fmt::Display for LimitsExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trust file does not allow this bundle, for {} reason(s)", self.problems.len())?;
        for problem in self.problems.iter().take(MAX_SHOWN) {
            write!(f, "\n  {problem}")?;
        }
        match self.problems.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl std::error::Error for LimitsExceeded {}

impl TrustLimits {
    /// Step 9: whether these limits allow the bundle at this time. Every reason against it is collected.
    pub fn check(&self, contents: &Contents, now: Timestamp) -> Result<(), LimitsExceeded> {
        let Self { accounts, partitions, names, denied_actions, max_age_days } = self;
        let header = &contents.header;
        let mut problems = Vec::new();
        if let Some(accounts) = accounts.as_ref().filter(|accounts| !accounts.contains(&header.account_id)) {
            problems.push(format!("account {} is none of {}", header.account_id, list(accounts)));
        }
        if let Some(partitions) = partitions.as_ref().filter(|partitions| !partitions.contains(&header.partition)) {
            problems.push(format!("partition {} is none of {}", header.partition, list(partitions)));
        }
        let fits = |pattern: &String| pattern_covers(pattern, header.name.as_str());
        if let Some(names) = names.as_ref().filter(|names| !names.iter().any(fits)) {
            problems.push(format!("name {} matches none of {}", header.name, list(names)));
        }
        if let Some(days) = max_age_days.filter(|days| header.created.plus_days(*days) < now) {
            let age = now.days_since(header.created);
            problems.push(format!("bundle was created {}, {age} days ago; at most {days} are allowed", header.created));
        }
        for role in &contents.roles {
            for statement in &role.policy.policy_document.0.statement {
                problems.extend(denied_actions.iter().filter_map(|denied| {
                    let granted = grants(statement, denied)?;
                    Some(format!("role {} grants {granted}, and {denied} is denied", role.create.role_name))
                }));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(LimitsExceeded { problems }) }
    }
}

/// What in a statement grants an action that a denied pattern matches.
///
/// Patterns are matched in both directions: a denied `iam:PassRole` is granted by `iam:*` and by `*`. The entry `*` is
/// about a granted `*` itself: read as a pattern it would refuse every bundle.
fn grants(statement: &PermissionStatement, denied: &ActionPattern) -> Option<String> {
    if statement.effect == Effect::Deny {
        return None;
    }
    if let Some(spared) = &statement.not_action {
        let all_spared = spared.iter().any(|pattern| pattern_covers(pattern.as_str(), denied.as_str()));
        return (!all_spared).then(|| format!("all actions but {}", list(spared)));
    }
    let granted = statement.action.iter().flatten().find(|granted| {
        granted == &denied || (denied.as_str() != "*" && patterns_overlap(granted.as_str(), denied.as_str()))
    })?;
    Some(granted.to_string())
}

fn list<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(|value| Escaped(&value.to_string()).to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bundle_schema::documents::policy::ResourcePattern;

    fn statement(effect: Effect, action: Option<&[&str]>, not_action: Option<&[&str]>) -> PermissionStatement {
        let patterns = |list: &[&str]| list.iter().map(|&text| ActionPattern::new(text).unwrap()).collect();
        PermissionStatement {
            effect,
            action: action.map(patterns),
            not_action: not_action.map(patterns),
            resource: ResourcePattern::new("*").unwrap(),
            condition: None,
        }
    }

    fn granted(action: Option<&[&str]>, not_action: Option<&[&str]>, denied: &str) -> Option<String> {
        grants(&statement(Effect::Allow, action, not_action), &ActionPattern::new(denied).unwrap())
    }

    #[test]
    fn denied_actions_are_matched_in_both_directions() {
        assert_eq!(granted(Some(&["ec2:Run*", "iam:*"]), None, "iam:PassRole"), Some("iam:*".to_owned()));
        assert_eq!(granted(Some(&["*"]), None, "iam:PassRole"), Some("*".to_owned()));
        assert_eq!(granted(Some(&["IAM:passrole"]), None, "iam:*"), Some("IAM:passrole".to_owned()));
        assert_eq!(granted(Some(&["iam:Pass*"]), None, "iam:*Role"), Some("iam:Pass*".to_owned()));
        assert_eq!(granted(Some(&["ec2:*"]), None, "iam:PassRole"), None);
    }

    #[test]
    fn not_action_grants_what_it_does_not_spare() {
        assert_eq!(granted(None, Some(&["ec2:*"]), "iam:PassRole"), Some("all actions but ec2:*".to_owned()));
        assert_eq!(granted(None, Some(&["iam:*"]), "iam:PassRole"), None);
        assert_eq!(granted(None, Some(&["iam:PassRole"]), "iam:*"), Some("all actions but iam:PassRole".to_owned()));
    }

    #[test]
    fn a_denied_star_is_about_a_granted_star() {
        assert_eq!(granted(Some(&["ec2:*"]), None, "*"), None);
        assert_eq!(granted(Some(&["ec2:*", "*"]), None, "*"), Some("*".to_owned()));
        assert_eq!(granted(None, Some(&["ec2:*"]), "*"), Some("all actions but ec2:*".to_owned()));
    }

    #[test]
    fn a_deny_statement_grants_nothing() {
        let deny = statement(Effect::Deny, Some(&["iam:*"]), None);
        assert_eq!(grants(&deny, &ActionPattern::new("iam:PassRole").unwrap()), None);
    }
}
