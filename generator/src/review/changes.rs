//! What came and went between two policies, statement by statement, in the words of the policies.
//!
//! Input: the statements of two policies. Output: a list of changes, for people; what they mean for what is allowed is for
//! the comparison to say. Equal statements say nothing, wherever they stand. Of the others, those that are most alike are
//! taken for one statement that changed; what is left came or went as a whole.

use std::collections::{BTreeSet, HashMap};

use bundle_schema::documents::policy::{ActionPattern, Condition, PermissionStatement};

use super::report::{Change, Changed};

/// A statement and its number in its policy, from 1.
type Numbered<'a> = (usize, &'a PermissionStatement);

/// What came and went. Statements are numbered by the newer policy, those that went by the older one.
pub(crate) fn changes(old: &[PermissionStatement], new: &[PermissionStatement]) -> Vec<Change> {
    let (mut went, came) = unequal(old, new);
    let mut changes = Vec::new();
    for (number, statement) in came {
        let likest = went
            .iter()
            .enumerate()
            .map(|(at, (_, other))| (likeness(other, statement), std::cmp::Reverse(at)))
            .max()
            .filter(|(likeness, _)| *likeness > 0);
        match likest {
            Some((_, std::cmp::Reverse(at))) => {
                let (_, before) = went.remove(at);
                changes.extend(within(number, before, statement));
            }
            None => changes.push(whole(number, true, statement)),
        }
    }
    changes.extend(went.into_iter().map(|(number, statement)| whole(number, false, statement)));
    changes
}

fn whole(number: usize, came: bool, statement: &PermissionStatement) -> Change {
    Change { what: Changed::Statement, statement: Some(number), came, value: statement.to_string() }
}

/// The statements that only one of the policies has, each as often as it has it more often than the other.
fn unequal<'a>(
    old: &'a [PermissionStatement],
    new: &'a [PermissionStatement],
) -> (Vec<Numbered<'a>>, Vec<Numbered<'a>>) {
    let mut spare: HashMap<String, usize> = HashMap::with_capacity(old.len());
    for statement in old {
        *spare.entry(spelling(statement)).or_default() += 1;
    }
    let mut take = |statement: &PermissionStatement| match spare.get_mut(&spelling(statement)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let came = (1..).zip(new).filter(|(_, statement)| !take(statement)).collect();
    // What is spare now is not in the newer policy; the last ones of several equal statements are taken to have gone.
    let numbered: Vec<Numbered<'_>> = (1..).zip(old).collect();
    let mut went: Vec<Numbered<'_>> = numbered.into_iter().rev().filter(|(_, statement)| take(statement)).collect();
    went.reverse();
    (went, came)
}

/// A statement's one spelling.
fn spelling(statement: &PermissionStatement) -> String {
    serde_json::to_string(statement).unwrap_or_default()
}

/// How much two statements have in common; 0 where they cannot be one statement that changed.
fn likeness(old: &PermissionStatement, new: &PermissionStatement) -> usize {
    let (Some(before), Some(after)) = (&old.action, &new.action) else { return 0 };
    if old.effect != new.effect {
        return 0;
    }
    let before: BTreeSet<&str> = before.iter().map(ActionPattern::as_str).collect();
    let shared = after.iter().filter(|action| before.contains(action.as_str())).count();
    2 * shared
        + usize::from(shared > 0 && old.resource == new.resource)
        + usize::from(shared > 0 && old.condition == new.condition)
}

/// What changed within a statement of actions.
fn within(number: usize, old: &PermissionStatement, new: &PermissionStatement) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |what, came, value: String| changes.push(Change { what, statement: Some(number), came, value });
    let actions = |statement: &PermissionStatement| -> BTreeSet<String> {
        statement.action.iter().flatten().map(ToString::to_string).collect()
    };
    let (before, after) = (actions(old), actions(new));
    after.difference(&before).for_each(|action| add(Changed::Action, true, action.clone()));
    before.difference(&after).for_each(|action| add(Changed::Action, false, action.clone()));
    if old.resource != new.resource {
        add(Changed::Resource, true, new.resource.to_string());
        add(Changed::Resource, false, old.resource.to_string());
    }
    let (before, after) = (conditions(old.condition.as_ref()), conditions(new.condition.as_ref()));
    after.difference(&before).for_each(|condition| add(Changed::Condition, true, condition.clone()));
    before.difference(&after).for_each(|condition| add(Changed::Condition, false, condition.clone()));
    changes
}

/// Each condition of a block in words: `StringEquals aws:RequestedRegion is us-east-2`.
pub(crate) fn conditions(block: Option<&Condition>) -> BTreeSet<String> {
    let keys = block.into_iter().flatten().flat_map(|(operator, keys)| keys.iter().map(move |key| (operator, key)));
    keys.map(|(operator, (key, values))| format!("{operator} {key} is {values}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(json: &str) -> Vec<PermissionStatement> {
        serde_json::from_str(json).unwrap()
    }

    fn words(old: &str, new: &str) -> Vec<String> {
        let word = |change: Change| {
            let sign = if change.came { '+' } else { '-' };
            format!("{sign} {} {:?} {}", change.statement.unwrap(), change.what, change.value)
        };
        changes(&policy(old), &policy(new)).into_iter().map(word).collect()
    }

    const DISKS: &str = r#"{"Effect":"Allow","Action":["ec2:AttachVolume","ec2:DetachVolume"],"Resource":"*"}"#;
    const KEYS: &str = r#"{"Effect":"Allow","Action":["kms:CreateGrant"],"Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}}"#;

    #[test]
    fn equal_statements_say_nothing_wherever_they_stand() {
        assert_eq!(words(&format!("[{DISKS},{KEYS}]"), &format!("[{KEYS},{DISKS}]")), Vec::<String>::new());
        assert_eq!(
            words(&format!("[{DISKS}]"), &format!("[{DISKS},{DISKS}]")),
            ["+ 2 Statement allows ec2:AttachVolume, ec2:DetachVolume on *"]
        );
        assert_eq!(
            words(&format!("[{DISKS},{KEYS},{DISKS}]"), &format!("[{KEYS},{DISKS}]")),
            ["- 3 Statement allows ec2:AttachVolume, ec2:DetachVolume on *"]
        );
    }

    #[test]
    fn what_changed_within_a_statement_is_named() {
        let other =
            DISKS.replace("ec2:DetachVolume", "ec2:DeleteVolume").replace("\"*\"", "\"arn:aws:ec2:*:*:volume/*\"");
        assert_eq!(
            words(&format!("[{DISKS},{KEYS}]"), &format!("[{},{other}]", KEYS.replace("true", "false"))),
            [
                "+ 1 Condition Bool kms:GrantIsForAWSResource is false",
                "- 1 Condition Bool kms:GrantIsForAWSResource is true",
                "+ 2 Action ec2:DeleteVolume",
                "- 2 Action ec2:DetachVolume",
                "+ 2 Resource arn:aws:ec2:*:*:volume/*",
                "- 2 Resource *",
            ]
        );
    }

    #[test]
    fn another_effect_is_another_statement() {
        assert_eq!(
            words(&format!("[{DISKS}]"), &format!("[{}]", DISKS.replace("Allow", "Deny"))),
            [
                "+ 1 Statement denies ec2:AttachVolume, ec2:DetachVolume on *",
                "- 1 Statement allows ec2:AttachVolume, ec2:DetachVolume on *"
            ]
        );
        assert_eq!(
            words(&format!("[{DISKS}]"), &format!("[{}]", DISKS.replace("Action", "NotAction"))),
            [
                "+ 1 Statement allows all actions but ec2:AttachVolume, ec2:DetachVolume on *",
                "- 1 Statement allows ec2:AttachVolume, ec2:DetachVolume on *"
            ]
        );
    }
}
