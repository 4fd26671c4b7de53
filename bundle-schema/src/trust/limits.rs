//! What may be applied, whoever signed it: step 9 of FORMAT.md.
//!
//! Input: a bundle's contents, which are valid, and the limits of the trust file. Output: nothing against it and the
//! exceptions that nothing used, or every reason against it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use crate::documents::contents::{Contents, RoleDocuments};
use crate::documents::index::Header;
use crate::documents::policy::{ActionPattern, Effect};
use crate::escape::Escaped;
use crate::names::{AccountId, ClusterName, NameError, Partition, Pattern, Timestamp};
use crate::parallel;
use crate::receipt::Receipt;
use crate::signature::Subject;

/// Limits of a trust file. One that is not set allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustLimits {
    pub(super) accounts: Option<Vec<AccountId>>,
    pub(super) partitions: Option<Vec<Partition>>,
    pub(super) names: Option<Vec<Pattern>>,
    pub(super) denied_actions: Vec<Actions>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) ignored_tags: Vec<Pattern>,
    pub(super) minimum_serial: BTreeMap<ClusterName, u64>,
    pub(super) max_age_days: Option<u32>,
}

/// A pattern of actions, as IAM writes them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "ActionPattern")]
pub(super) struct Actions(Pattern);

impl TryFrom<ActionPattern> for Actions {
    type Error = NameError;
    fn try_from(actions: ActionPattern) -> Result<Self, NameError> {
        Pattern::new(actions).map(Self)
    }
}

impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Roles that may be granted what is denied to others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    /// A pattern of role names.
    role: Pattern,
    /// What they may be granted.
    pub(super) actions: Vec<Actions>,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", Escaped(self.role.as_str()), list(&self.actions))
    }
}

/// What the trust file does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsExceeded {
    /// Of what.
    pub subject: Subject,
    /// At least one, in words.
    pub problems: Vec<String>,
}

const MAX_SHOWN: usize = 20;
/// Reasons that are collected; a hostile bundle could give any number.
const MAX_REASONS: usize = 1000;

impl fmt::Display for LimitsExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the trust file does not allow this {}: {} problem(s)", self.subject, self.problems.len())?;
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
        let Self { exceptions, minimum_serial, max_age_days, .. } = self;
        let header = &contents.header;
        let mut problems = self.of_place(&header.account_id, &header.partition, &header.name);
        if let Some(least) = minimum_serial.get(&header.name).filter(|least| header.serial < **least) {
            problems.push(format!("serial of {} is {}; at least {least} is required", header.name, header.serial));
        }
        if let Some(days) = max_age_days.filter(|days| header.created.plus_days(*days) < now) {
            let age = now.days_since(header.created);
            problems.push(format!("bundle was created {}, {age} days ago; at most {days} are allowed", header.created));
        }
        let used = self.check_roles(&contents.roles, &mut problems);
        if problems.is_empty() {
            let unused = exceptions.iter().enumerate().filter(|(index, _)| !used.contains(index));
            Ok(unused.map(|(_, exception)| exception.to_string()).collect())
        } else {
            Err(LimitsExceeded { subject: Subject::Bundle, problems })
        }
    }

    /// Whether these limits allow that what a bundle made is removed: account, partition and name. Neither its age nor what it
    /// grants is a reason to keep it.
    pub fn check_removal(&self, contents: &Contents) -> Result<(), LimitsExceeded> {
        let Header { account_id, partition, name, .. } = &contents.header;
        self.check_place(Subject::Bundle, account_id, partition, name)
    }

    /// Whether these limits allow what a receipt says was done: account, partition and name.
    pub fn check_receipt(&self, receipt: &Receipt) -> Result<(), LimitsExceeded> {
        let Receipt { account_id, partition, bundle, .. } = receipt;
        self.check_place(Subject::Receipt, account_id, partition, &bundle.name)
    }

    fn check_place(
        &self,
        subject: Subject,
        account_id: &AccountId,
        partition: &Partition,
        name: &ClusterName,
    ) -> Result<(), LimitsExceeded> {
        let problems = self.of_place(account_id, partition, name);
        if problems.is_empty() { Ok(()) } else { Err(LimitsExceeded { subject, problems }) }
    }

    /// Whose account and which cluster it is.
    fn of_place(&self, account_id: &AccountId, partition: &Partition, name: &ClusterName) -> Vec<String> {
        let Self { accounts, partitions, names, .. } = self;
        let mut problems = Vec::new();
        if let Some(accounts) = accounts.as_ref().filter(|accounts| !accounts.contains(account_id)) {
            problems.push(format!("account {account_id} is none of {}", list(accounts)));
        }
        if let Some(partitions) = partitions.as_ref().filter(|partitions| !partitions.contains(partition)) {
            problems.push(format!("partition {partition} is none of {}", list(partitions)));
        }
        let fits = |pattern: &Pattern| pattern.covers(name.as_str());
        if let Some(names) = names.as_ref().filter(|names| !names.iter().any(fits)) {
            problems.push(format!("name {name} matches none of {}", list(names)));
        }
        problems
    }

    /// The patterns of the keys of other people's tags that are nothing to report.
    #[must_use]
    pub fn ignored_tags(&self) -> &[Pattern] {
        &self.ignored_tags
    }

    /// Which exceptions are used. All roles at once; one after the other where there is a problem, so that no more are collected
    /// than are kept.
    fn check_roles(&self, roles: &[RoleDocuments], problems: &mut Vec<String>) -> BTreeSet<usize> {
        if self.denied_actions.is_empty() {
            return BTreeSet::new();
        }
        let is_allowed = |role: &RoleDocuments| {
            let (mut used, mut problems) = (BTreeSet::new(), Vec::new());
            self.check_role(role, &mut used, &mut problems);
            if problems.is_empty() { Ok(used) } else { Err(()) }
        };
        if let Ok(used) = parallel::try_map(roles, is_allowed) {
            return used.into_iter().flatten().collect();
        }
        let mut used = BTreeSet::new();
        for role in roles {
            self.check_role(role, &mut used, problems);
        }
        used
    }

    fn check_role(&self, role: &RoleDocuments, used: &mut BTreeSet<usize>, problems: &mut Vec<String>) {
        let name = &role.create.role_name;
        let of_role = |(_, exception): &(usize, &Exception)| exception.role.covers(name.as_str());
        let exceptions: Vec<(usize, &Exception)> = self.exceptions.iter().enumerate().filter(of_role).collect();
        let mut spared = |granted: &str| {
            let found = exceptions.iter().find(|(_, it)| it.actions.iter().any(|actions| actions.0.covers(granted)));
            used.extend(found.map(|(index, _)| *index));
            found.is_some()
        };
        let granted = Granted::to(role);
        for denied in &self.denied_actions {
            for reason in granted.reasons(denied, &mut spared) {
                if problems.len() == MAX_REASONS {
                    return;
                }
                problems.push(format!("role {name} grants {reason}, and {denied} is denied"));
            }
        }
    }
}

/// What a role is granted, each pattern and each list of `NotAction` once. Statements that deny grant nothing.
struct Granted<'a> {
    /// The patterns, and whether an exception spares them, where that was asked for.
    actions: Vec<(&'a str, OnceCell<bool>)>,
    all_but: BTreeSet<&'a [ActionPattern]>,
}

impl<'a> Granted<'a> {
    fn to(role: &'a RoleDocuments) -> Self {
        let statements = role.statements().iter();
        let allowing = statements.filter(|statement| statement.effect == Effect::Allow);
        let actions: BTreeSet<&str> =
            allowing.clone().flat_map(|statement| &statement.action).flatten().map(ActionPattern::as_str).collect();
        Self {
            actions: actions.into_iter().map(|action| (action, OnceCell::new())).collect(),
            all_but: allowing.filter_map(|statement| statement.not_action.as_deref()).collect(),
        }
    }

    /// What grants an action that a denied pattern matches, and is not spared.
    ///
    /// Patterns are matched in both directions: a denied `iam:PassRole` is granted by `iam:*` and by `*`. An exception
    /// spares a granted pattern only as a whole: one for `iam:PassRole` does not spare `iam:*`. The entry `*` is about a
    /// granted `*` itself: read as a pattern it would refuse every bundle.
    fn reasons(&self, Actions(denied): &Actions, spared: &mut dyn FnMut(&str) -> bool) -> Vec<String> {
        let is_denied = |granted: &str| match denied.as_str() {
            "*" => granted == "*",
            _ => denied.overlaps(granted),
        };
        let actions = self.actions.iter().filter(|(granted, _)| is_denied(granted));
        let actions: Vec<&str> = actions
            .filter(|(granted, known)| !known.get_or_init(|| spared(granted)))
            .map(|(granted, _)| *granted)
            .collect();
        let open = self.all_but.iter().filter(|named| !named.iter().any(|it| denied.is_covered_by(it.as_str())));
        let all_but = open.map(|named| format!("all actions but {}", list(named)));
        (!actions.is_empty()).then(|| list(&actions)).into_iter().chain(all_but).collect()
    }
}

/// Entries of a list that a reason shows: a hostile bundle could have any number.
const MAX_LISTED: usize = 5;

fn list<T: fmt::Display>(values: &[T]) -> String {
    let shown = values.iter().take(MAX_LISTED).map(|value| Escaped(&value.to_string()).to_string());
    let shown = shown.collect::<Vec<_>>().join(", ");
    match values.len().saturating_sub(MAX_LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reasons against what is granted, where an exception spares one pattern.
    fn reasons(actions: &[&str], all_but: &[&str], spare: &str, denied: &str) -> Vec<String> {
        let pattern = |text: &str| ActionPattern::new(text).unwrap();
        let actions_of = |text: &str| Actions::try_from(pattern(text)).unwrap();
        let all_but: Vec<ActionPattern> = all_but.iter().map(|text| pattern(text)).collect();
        let granted = Granted {
            actions: actions.iter().map(|action| (*action, OnceCell::new())).collect(),
            all_but: (!all_but.is_empty()).then_some(all_but.as_slice()).into_iter().collect(),
        };
        granted.reasons(&actions_of(denied), &mut |granted| actions_of(spare).0.covers(granted))
    }

    fn granted(actions: &[&str], denied: &str) -> Vec<String> {
        reasons(actions, &[], "none:None", denied)
    }

    #[test]
    fn denied_actions_are_matched_in_both_directions() {
        assert_eq!(granted(&["ec2:Run*", "iam:*"], "iam:PassRole"), ["iam:*"]);
        assert_eq!(granted(&["*"], "iam:PassRole"), ["*"]);
        assert_eq!(granted(&["IAM:passrole"], "iam:*"), ["IAM:passrole"]);
        assert_eq!(granted(&["iam:Pass*"], "iam:*Role"), ["iam:Pass*"]);
        assert_eq!(granted(&["ec2:*"], "iam:PassRole"), [""; 0]);
    }

    #[test]
    fn not_action_grants_what_it_does_not_spare() {
        let all_but = |named: &str, denied: &str| reasons(&[], &[named], "iam:*", denied);
        assert_eq!(all_but("ec2:*", "iam:PassRole"), ["all actions but ec2:*"]);
        assert_eq!(all_but("iam:*", "iam:PassRole"), [""; 0]);
        assert_eq!(all_but("iam:PassRole", "iam:*"), ["all actions but iam:PassRole"]);
    }

    #[test]
    fn a_denied_star_is_about_a_granted_star() {
        assert_eq!(granted(&["ec2:*"], "*"), [""; 0]);
        assert_eq!(granted(&["ec2:*", "*"], "*"), ["*"]);
        assert_eq!(reasons(&[], &["ec2:*"], "ec2:*", "*"), ["all actions but ec2:*"]);
    }

    #[test]
    fn an_exception_spares_a_granted_pattern_as_a_whole() {
        let spare = |granted: &str| reasons(&[granted], &[], "iam:PassRole", "iam:Pass*");
        assert_eq!(spare("iam:PassRole"), [""; 0]);
        assert_eq!(spare("IAM:passrole"), [""; 0]);
        assert_eq!(spare("iam:*"), ["iam:*"]);
        assert_eq!(spare("iam:PassRol?"), ["iam:PassRol?"]);
    }

    #[test]
    fn a_reason_lists_a_few() {
        let many = ["iam:A", "iam:B", "iam:C", "iam:D", "iam:E", "iam:F", "iam:G"];
        assert_eq!(granted(&many, "iam:*"), ["iam:A, iam:B, iam:C, iam:D, iam:E and 2 more"]);
        assert_eq!(
            reasons(&["iam:A", "iam:B"], &many, "iam:B", "iam:A*"),
            ["iam:A", "all actions but iam:A, iam:B, iam:C, iam:D, iam:E and 2 more"]
        );
    }
}
