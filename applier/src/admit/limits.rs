//! What may be applied, whoever signed it: step 9 of FORMAT.md.
//!
//! Input: a bundle's contents, which are valid, and the limits of the trust file. Output: nothing against it and the
//! exceptions that nothing used, or every reason against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bundle_schema::documents::contents::{Contents, RoleDocuments};
use bundle_schema::documents::policy::{ActionPattern, Effect, PermissionStatement, pattern_covers, patterns_overlap};
use bundle_schema::escape::Escaped;
use bundle_schema::names::{AccountId, ClusterName, Partition, Timestamp};
use serde::Deserialize;

/// Limits of a trust file. One that is not set allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustLimits {
    pub(super) accounts: Option<Vec<AccountId>>,
    pub(super) partitions: Option<Vec<Partition>>,
    pub(super) names: Option<Vec<String>>,
    pub(super) denied_actions: Vec<ActionPattern>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) ignored_tags: Vec<String>,
    pub(super) minimum_serial: BTreeMap<ClusterName, u64>,
    pub(super) max_age_days: Option<u32>,
}

/// Roles that may be granted what is denied to others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    /// A pattern of role names.
    role: String,
    /// What they may be granted.
    pub(super) actions: Vec<ActionPattern>,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", Escaped(&self.role), list(&self.actions))
    }
}

/// What the trust file does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsExceeded {
    /// At least one, in words.
    pub problems: Vec<String>,
}

const MAX_SHOWN: usize = 20;
/// Reasons that are collected; a hostile bundle could give any number.
const MAX_REASONS: usize = 1000;

impl fmt::Display for LimitsExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the trust file does not allow this bundle: {} problem(s)", self.problems.len())?;
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
    /// Step 9: whether these limits allow the bundle at this time. Every reason against it is collected; without one, the
    /// exceptions that spared nothing are returned in words.
    pub fn check(&self, contents: &Contents, now: Timestamp) -> Result<Vec<String>, LimitsExceeded> {
        let Self { accounts, partitions, names, exceptions, minimum_serial, max_age_days, .. } = self;
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
        if let Some(least) = minimum_serial.get(&header.name).filter(|least| header.serial < **least) {
            problems.push(format!("serial of {} is {}; at least {least} is required", header.name, header.serial));
        }
        if let Some(days) = max_age_days.filter(|days| header.created.plus_days(*days) < now) {
            let age = now.days_since(header.created);
            problems.push(format!("bundle was created {}, {age} days ago; at most {days} are allowed", header.created));
        }
        let mut used = BTreeSet::new();
        for role in &contents.roles {
            self.check_role(role, &mut used, &mut problems);
        }
        if problems.is_empty() {
            let unused = exceptions.iter().enumerate().filter(|(index, _)| !used.contains(index));
            Ok(unused.map(|(_, exception)| exception.to_string()).collect())
        } else {
            Err(LimitsExceeded { problems })
        }
    }

    /// The patterns of the keys of other people's tags that are nothing to report.
    #[must_use]
    pub fn ignored_tags(&self) -> &[String] {
        &self.ignored_tags
    }

    fn check_role(&self, role: &RoleDocuments, used: &mut BTreeSet<usize>, problems: &mut Vec<String>) {
        let name = &role.create.role_name;
        let of_role = |(_, exception): &(usize, &Exception)| pattern_covers(&exception.role, name.as_str());
        let exceptions: Vec<(usize, &Exception)> = self.exceptions.iter().enumerate().filter(of_role).collect();
        let mut spared = |granted: &ActionPattern| {
            let covers = |pattern: &ActionPattern| pattern_covers(pattern.as_str(), granted.as_str());
            let found = exceptions.iter().find(|(_, exception)| exception.actions.iter().any(covers));
            used.extend(found.map(|(index, _)| *index));
            found.is_some()
        };
        for statement in &role.policy.policy_document.0.statement {
            for denied in &self.denied_actions {
                if problems.len() == MAX_REASONS {
                    return;
                }
                if let Some(granted) = grants(statement, denied, &mut spared) {
                    problems.push(format!("role {name} grants {granted}, and {denied} is denied"));
                }
            }
        }
    }
}

/// What in a statement grants an action that a denied pattern matches, and is not spared.
///
/// Patterns are matched in both directions: a denied `iam:PassRole` is granted by `iam:*` and by `*`. An exception spares a
/// granted pattern only as a whole: one for `iam:PassRole` does not spare `iam:*`. The entry `*` is about a granted `*`
/// itself: read as a pattern it would refuse every bundle.
fn grants(
    statement: &PermissionStatement,
    denied: &ActionPattern,
    spared: &mut dyn FnMut(&ActionPattern) -> bool,
) -> Option<String> {
    if statement.effect == Effect::Deny {
        return None;
    }
    if let Some(named) = &statement.not_action {
        let all_named = named.iter().any(|pattern| pattern_covers(pattern.as_str(), denied.as_str()));
        return (!all_named).then(|| format!("all actions but {}", list(named)));
    }
    let is_denied = |granted: &&ActionPattern| {
        *granted == denied || (denied.as_str() != "*" && patterns_overlap(granted.as_str(), denied.as_str()))
    };
    statement.action.iter().flatten().filter(is_denied).find(|granted| !spared(granted)).map(ToString::to_string)
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
        grants(&statement(Effect::Allow, action, not_action), &ActionPattern::new(denied).unwrap(), &mut |_| false)
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
        assert_eq!(grants(&deny, &ActionPattern::new("iam:PassRole").unwrap(), &mut |_| false), None);
    }

    #[test]
    fn an_exception_spares_a_granted_pattern_as_a_whole() {
        let spare = |granted: &str| {
            let exception = ActionPattern::new("iam:PassRole").unwrap();
            let mut spared = |pattern: &ActionPattern| pattern_covers(exception.as_str(), pattern.as_str());
            let denied = ActionPattern::new("iam:Pass*").unwrap();
            grants(&statement(Effect::Allow, Some(&[granted]), None), &denied, &mut spared)
        };
        assert_eq!(spare("iam:PassRole"), None);
        assert_eq!(spare("IAM:passrole"), None);
        assert_eq!(spare("iam:*"), Some("iam:*".to_owned()));
        assert_eq!(spare("iam:PassRol?"), Some("iam:PassRol?".to_owned()));
    }
}
