//! The roles: a table with a row for each, then each statement.

use bundle_schema::documents::policy::Effect;

use super::escape::{code, codes, prose};
use super::lines::Document;
use crate::requests::file_name;
use crate::review::report::{Review, Role, Statement};
use crate::review::words::{self, RoleNames};

/// The most values in a cell of the table; the statements below have them all.
const MAX_IN_CELL: usize = 5;

pub(super) fn add(document: &mut Document, review: &Review, names: &RoleNames<'_>) {
    document.add_heading(2, &words::heading("Roles", review.roles.len()));
    let head = ["Role", "Used by", "Permissions management", "Write", "Resources", "Conditions", "Boundary", "Request"];
    document.add_table(head, review.roles.iter().map(|role| row(role, names)));
    for role in &review.roles {
        document.add_heading(3, &code(&role.role));
        document.add_list(&items(role));
    }
}

fn row(role: &Role, names: &RoleNames<'_>) -> [String; 8] {
    let allowed = || role.statements.iter().filter(|statement| statement.effect == Effect::Allow);
    let all_but = allowed().filter(|statement| statement.not_actions.is_some()).map(words::effect);
    let resources = allowed().map(|statement| statement.resource.clone());
    let conditions = allowed().flat_map(|statement| words::conditions(statement.conditions.as_ref()));
    [
        code(names.short(&role.role)),
        cell(role.service_accounts.iter().cloned()),
        cell(all_but.chain(actions(role, "Permissions management"))),
        cell(actions(role, "Write")),
        cell(resources),
        cell(conditions),
        role.boundary.as_deref().map(code).unwrap_or_default(),
        code(file_name(&role.source)),
    ]
}

/// The actions of a level that a role is allowed, by service.
fn actions<'a>(role: &'a Role, level: &'a str) -> impl Iterator<Item = String> + 'a {
    let allowed =
        role.statements.iter().filter(|statement| statement.effect == Effect::Allow && statement.not_actions.is_none());
    let services = allowed.flat_map(|statement| &statement.access);
    services.flat_map(move |access| {
        let levels = access.levels.iter().filter(move |found| found.level == level);
        levels.flat_map(|level| &level.actions).map(|action| words::action(&access.service, action))
    })
}

/// The first few of the different values.
fn cell(values: impl Iterator<Item = String>) -> String {
    let mut different: Vec<String> = Vec::new();
    for value in values {
        if !different.contains(&value) {
            different.push(value);
        }
    }
    let shown = codes(different.iter().take(MAX_IN_CELL).map(String::as_str));
    match different.len().saturating_sub(MAX_IN_CELL) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn items(role: &Role) -> Vec<String> {
    let accounts = codes(role.service_accounts.iter().map(String::as_str));
    let mut items = vec![
        format!("- used by {accounts} (namespace {})", code(&role.namespace)),
        format!("- request {} ({})", code(&role.request), code(file_name(&role.source))),
    ];
    items.extend(role.boundary.iter().map(|boundary| format!("- boundary {}", code(boundary))));
    for (statement, number) in role.statements.iter().zip(1..) {
        items.extend(statement_items(number, statement));
    }
    items
}

fn statement_items(number: usize, statement: &Statement) -> Vec<String> {
    let effect = prose(&words::effect(statement));
    let (resource, place) = (code(&statement.resource), words::statement_place(statement));
    let mut items = vec![format!("- statement {number} {effect} on {resource} ({place})")];
    if statement.not_actions.is_none() {
        for access in &statement.access {
            items.extend(access.levels.iter().map(|level| {
                let actions = codes(level.actions.iter().map(String::as_str));
                format!("  - {} {}: {actions}", code(&access.service), prose(&level.level.to_lowercase()))
            }));
        }
    }
    let conditions = words::conditions(statement.conditions.as_ref());
    items.extend(conditions.iter().map(|condition| format!("  - when {}", code(condition))));
    items
}
