//! A block for each role: who may use it, and for what.

use bundle_schema::documents::policy::Effect;

use super::lines::{Ink, PLAIN, Text};
use super::{Tone, escaped};
use crate::requests::file_name;
use crate::review::report::{Role, ServiceAccess, Statement};
use crate::review::words;

/// The level that decides over others' permissions.
const RISKIEST_LEVEL: &str = "Permissions management";

pub(super) fn add(text: &mut Text, roles: &[Role]) {
    text.add_heading(words::heading("Roles", roles.len()));
    for (role, number) in roles.iter().zip(0..) {
        if number > 0 {
            text.add(PLAIN, "");
        }
        add_role(text, role);
    }
}

fn add_role(text: &mut Text, role: &Role) {
    text.add(Ink::Heading, format!("  {}", escaped(&role.role)));
    let mut row = |label: &str, value: &str| text.add_row(PLAIN, &format!("    {label:<8}  "), &escaped(value));
    row("used by", &words::service_accounts(role));
    row("request", &format!("{} ({})", role.request, file_name(&role.source)));
    if let Some(boundary) = &role.boundary {
        row("boundary", boundary);
    }
    for (statement, number) in role.statements.iter().zip(1..) {
        add_statement(text, number, statement);
    }
}

fn add_statement(text: &mut Text, number: usize, statement: &Statement) {
    let tone = match (statement.effect, &statement.not_actions) {
        (Effect::Allow, Some(_)) => Tone::Bad,
        (Effect::Allow, None) => Tone::Plain,
        (Effect::Deny, _) => Tone::Good,
    };
    let words =
        format!("{} on {} ({})", words::effect(statement), statement.resource, words::statement_place(statement));
    text.add_row(Ink::Tone(tone), &format!("    {number}. "), &escaped(&words));
    if statement.not_actions.is_none() {
        add_access(text, statement);
    }
    for condition in words::conditions(statement.conditions.as_ref()) {
        text.add_row(PLAIN, "       when ", &escaped(&condition));
    }
}

/// The actions, a row for each service and level.
fn add_access(text: &mut Text, statement: &Statement) {
    let width = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let services = width(&mut statement.access.iter().map(|access| access.service.chars().count()));
    let levels = statement.access.iter().flat_map(|access| &access.levels);
    let levels = width(&mut levels.map(|level| level.level.chars().count()));
    for ServiceAccess { service, levels: accesses } in &statement.access {
        let mut shown = service.as_str();
        for access in accesses {
            let risky = access.level == RISKIEST_LEVEL && statement.effect == Effect::Allow;
            let ink = if risky { Ink::Tone(Tone::Warning) } else { PLAIN };
            let (name, level) = (escaped(shown), escaped(&access.level.to_lowercase()));
            let label = format!("       {name:<services$}  {level:<levels$}  ");
            text.add_row(ink, &label, &escaped(&access.actions.join(", ")));
            shown = "";
        }
    }
}
