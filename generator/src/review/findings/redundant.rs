//! Statements that say nothing that another one does not.

use std::collections::HashSet;

use super::rules::REDUNDANT_STATEMENT;
use super::view::{RoleView, StatementView};
use crate::review::report::Finding;

/// Statements that are compared with each other; a role of a release has up to three.
const MAX_STATEMENTS: usize = 50;

/// A statement, and its actions in lower case.
struct Actions<'s, 'a> {
    statement: &'s StatementView<'a>,
    actions: HashSet<String>,
}

pub(super) fn check(role: &RoleView<'_>, found: &mut Vec<Finding>) {
    let statements = role.statements.iter().take(MAX_STATEMENTS);
    let all: Vec<Actions<'_, '_>> = statements
        .map(|statement| {
            let actions = statement.patterns.iter().map(|one| one.pattern.as_str().to_ascii_lowercase());
            Actions { statement, actions: actions.collect() }
        })
        .collect();
    for one in &all {
        // Of two that are the same, the second is redundant.
        let says_more = |other: &&Actions<'_, '_>| {
            other.statement.number != one.statement.number
                && alike(one.statement, other.statement)
                && other.covers(one)
                && (other.statement.number < one.statement.number || !one.covers(other))
        };
        if let Some(Actions { statement: other, .. }) = all.iter().find(says_more) {
            let message =
                format!("statement {} says the same or more, for the same resource and conditions", other.number);
            let at = one.statement.at_start();
            found.push(role.statement_finding(&REDUNDANT_STATEMENT, &at, message, "leave this statement out"));
        }
    }
}

impl Actions<'_, '_> {
    /// Whether each action of the other is here, or all of its service are.
    fn covers(&self, other: &Self) -> bool {
        let all_of_service = |action: &str| {
            action.split_once(':').is_some_and(|(service, _)| self.actions.contains(&format!("{service}:*")))
        };
        let has = |action: &String| self.actions.contains(action) || all_of_service(action);
        self.actions.contains("*") || other.actions.iter().all(has)
    }
}

/// In all but the actions.
fn alike(a: &StatementView<'_>, b: &StatementView<'_>) -> bool {
    let (a, b) = (a.statement, b.statement);
    a.effect == b.effect
        && a.resource == b.resource
        && a.condition == b.condition
        && a.not_action.is_none()
        && b.not_action.is_none()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, allow, none, one};
    use super::*;
    use crate::review::report::FindingLevel::Note;

    #[test]
    fn a_statement_that_another_covers_is_redundant() {
        let (wide, narrow) = (allow("'ec2:A', 'ec2:B'", "*", ""), allow("'EC2:b'", "*", ""));
        let message = |other| format!("statement {other} says the same or more, for the same resource and conditions");
        assert_eq!(Scene::with(&(wide.clone() + &narrow)).by(&REDUNDANT_STATEMENT), one(Note, 2, 13, &message(1)));
        assert_eq!(Scene::with(&(narrow.clone() + &wide)).by(&REDUNDANT_STATEMENT), one(Note, 1, 10, &message(2)));
        assert_eq!(Scene::with(&(wide.clone() + &wide)).by(&REDUNDANT_STATEMENT), one(Note, 2, 13, &message(1)));
        let whole = allow("'s3:*', 'ec2:*'", "*", "");
        assert_eq!(Scene::with(&(wide.clone() + &whole)).by(&REDUNDANT_STATEMENT), one(Note, 1, 10, &message(2)));
    }

    #[test]
    fn statements_that_differ_stay() {
        let wide = allow("'ec2:A', 'ec2:B'", "*", "");
        for other in [
            allow("'ec2:B', 'ec2:C'", "*", ""),
            allow("'ec2:A'", "arn:aws:ec2:*:*:volume/*", ""),
            allow("'ec2:A'", "*", "Bool: {'aws:SecureTransport': true}"),
            "    - {effect: Deny, action: ['ec2:A'], resource: '*'}\n".to_owned(),
        ] {
            assert_eq!(Scene::with(&(wide.clone() + &other)).by(&REDUNDANT_STATEMENT), none(), "{other}");
        }
    }
}
