//! The bundle that is the most work to compare with a trust file's denied actions: as many roles as an archive can hold, each
//! with a policy as long as IAM takes it, and every action all but matched by every denied pattern.

use bundle_schema::documents::contents::Contents;
use bundle_schema::limits::{MAX_PATTERN_BYTES, MAX_ROLE_POLICY_CHARS, MAX_TRUST_PATTERNS};
use bundle_schema::names::RoleNaming;

use super::contents::parsed;

/// As many roles with such policies as fit into an archive.
pub const ROLES: usize = 1_135;

/// Actions of a role: each takes its own length, quotes and a comma.
const ACTIONS: usize = (MAX_ROLE_POLICY_CHARS - 150) / (MAX_PATTERN_BYTES + 3);

/// Gives contents so many roles, in the place of their own.
///
/// # Panics
/// Where a name is not right.
pub fn burden(contents: &mut Contents, roles: usize) {
    let (component, role) = (contents.header.components[0].clone(), contents.roles[0].clone());
    contents.header.components.clear();
    contents.roles.clear();
    for number in 0..roles {
        let (mut component, mut role) = (component.clone(), role.clone());
        component.secret_name = parsed(&format!("{number:04}"));
        let name = RoleNaming::Ccoctl.role(&contents.header.name, &component.secret_namespace, &component.secret_name);
        component.role_name = name.expect("the name is short");
        role.create.role_name = component.role_name.clone();
        role.create.description = component.role_description();
        role.policy.role_name = component.role_name.clone();
        role.policy.policy_name = component.role_name.clone();
        let statements = &mut role.policy.policy_document.0.statement;
        statements.truncate(1);
        statements[0].action =
            Some((0..ACTIONS).map(|action| parsed(&filled("?*a", number * ACTIONS + action, "a"))).collect());
        contents.header.components.push(component);
        contents.roles.push(role);
    }
}

/// So many denied patterns, none of which matches any of the actions: the last letter is another.
#[must_use]
pub fn denied(patterns: usize) -> Vec<String> {
    assert!(patterns <= MAX_TRUST_PATTERNS);
    (0..patterns).map(|number| filled("a*?", number, "b")).collect()
}

/// An action of IAM as long as it may be: text again and again, a number, and the end.
fn filled(text: &str, number: usize, end: &str) -> String {
    let rest = format!("{number:06}{end}");
    let room = MAX_PATTERN_BYTES - "iam:".len() - rest.len();
    format!("iam:{}{rest}", text.chars().cycle().take(room).collect::<String>())
}
