//! What came and went, as blocks that viewers colour as a diff.

use super::escape::{code, diff, prose};
use super::lines::Document;
use crate::review::report::{BundleComparison, RoleComparison};
use crate::review::words::{self, RoleNames};

pub(super) fn add(document: &mut Document, comparison: &BundleComparison, names: &RoleNames<'_>) {
    let against = &comparison.against;
    document.add_heading(2, &format!("Against {} serial {}", code(&against.name), against.serial));
    document.add(&format!("SHA-256 {}", code(against.sha256.as_str())));
    let mut changes = Vec::new();
    for change in &comparison.identity {
        changes.push((false, format!("{} {}", change.field, change.old)));
        changes.push((true, format!("{} {}", change.field, change.new)));
    }
    changes.extend(words::bundle_changes(comparison));
    add_diff(document, &changes);
    let unchanged: Vec<String> = words::unchanged(comparison).map(|line| format!("- {line}")).collect();
    document.add_list(&unchanged);
    for role in &comparison.roles {
        add_role(document, role, names);
    }
}

fn add_diff(document: &mut Document, changes: &[(bool, String)]) {
    if !changes.is_empty() {
        document.add(&diff(changes.iter().map(|(came, change)| (if *came { '+' } else { '-' }, change.as_str()))));
    }
}

fn add_role(document: &mut Document, role: &RoleComparison, names: &RoleNames<'_>) {
    document.add_heading(3, &format!("{}: {}", code(names.short(&role.role)), words::role_verdict(role)));
    let changes: Vec<(bool, String)> = role.changes.iter().map(|change| (change.came, words::change(change))).collect();
    add_diff(document, &changes);
    let witnesses = role.witnesses.iter().map(words::witness);
    let undecided = role.undecided.iter().map(|reason| words::undecided(reason));
    let items: Vec<String> = witnesses.chain(undecided).map(|line| format!("- {}", prose(&line))).collect();
    document.add_list(&items);
}
