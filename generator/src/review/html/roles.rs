//! The roles: one row each, under which its statements are folded, and the bar that filters rows.
//!
//! The style lays the rows out as blocks, because a browser can leave out those that are not on the screen and has to lay
//! out a table as a whole: a thousand rows then appear at once. A row's ARIA role says what it is whatever its layout.

use std::collections::BTreeMap;

use super::level::{Access, Level};
use super::markup::Markup;
use super::source;
use super::statement::{Marks, list, show};
use crate::review::headline::counted;
use crate::review::report::{FindingLevel, Review, Role};

/// The bar over roles and findings. The style shows it only where the script runs.
pub(super) fn toolbar(page: &mut Markup, review: &Review) {
    page.constant(
        "<search class=\"toolbar\" aria-label=\"Roles and findings\">\n\
         <label class=\"wide\" for=\"filter\"><span>Filter</span><input id=\"filter\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" placeholder=\"role, action, service account, service\"></label>\n\
         <label for=\"access\"><span>Access</span><select id=\"access\"><option value=\"\">every level</option>",
    );
    for level in Level::ALL {
        page.element("option", &[("value", &level.class())], level.name());
    }
    page.constant(
        "</select></label>\n\
         <label for=\"severity\"><span>Findings</span><select id=\"severity\"><option value=\"\">every level</option>\
         <option value=\"error\">errors</option><option value=\"warning\">warnings</option><option value=\"note\">notes</option></select></label>\n\
         <span class=\"buttons\"><button type=\"button\" id=\"expand\">Expand all</button><button type=\"button\" id=\"collapse\">Collapse all</button></span>\n\
         <p id=\"count\" role=\"status\">",
    );
    page.text(format_args!("{}, {}", counted(review.roles.len(), "role"), counted(review.findings.len(), "finding")));
    page.constant("</p>\n</search>\n");
}

/// The table.
pub(super) fn section(page: &mut Markup, review: &Review) {
    page.constant("<section id=\"roles\" aria-labelledby=\"roles-title\">\n<h2 id=\"roles-title\">Roles</h2>\n");
    page.constant(
        "<table class=\"roles\" role=\"table\"><caption class=\"spoken\">Roles, each with its statements in the row below it</caption>\n\
         <thead role=\"rowgroup\"><tr role=\"row\"><th scope=\"col\" role=\"columnheader\">Role</th><th scope=\"col\" role=\"columnheader\">Service accounts</th><th scope=\"col\" role=\"columnheader\">Access</th>\
         <th scope=\"col\" role=\"columnheader\">Services</th><th scope=\"col\" role=\"columnheader\">Boundary</th><th scope=\"col\" role=\"columnheader\">Request</th></tr></thead>\n",
    );
    let findings = findings_of_roles(review);
    for (index, role) in review.roles.iter().enumerate() {
        let found = findings.get(role.role.as_str()).map(Vec::as_slice).unwrap_or_default();
        row(page, index + 1, role, found);
    }
    page.constant("</table>\n<p class=\"none\" id=\"no-roles\" hidden>No role matches.</p>\n</section>\n");
}

/// The findings of each role that nobody accepted, by their place in the review.
fn findings_of_roles(review: &Review) -> BTreeMap<&str, Vec<(usize, FindingLevel)>> {
    let mut of_roles: BTreeMap<&str, Vec<(usize, FindingLevel)>> = BTreeMap::new();
    for (index, finding) in review.findings.iter().enumerate().filter(|(_, finding)| finding.accepted.is_none()) {
        if let Some(role) = &finding.role {
            of_roles.entry(role).or_default().push((index, finding.level));
        }
    }
    of_roles
}

fn row(page: &mut Markup, number: usize, role: &Role, findings: &[(usize, FindingLevel)]) {
    let access = Access::of(role);
    let mut levels = String::new();
    for level in access.levels.keys() {
        levels.push_str(level.class());
        levels.push(' ');
    }
    page.open(
        "tbody",
        &[("role", &"rowgroup"), ("id", &format_args!("role-{number}")), ("data-levels", &levels.trim_end())],
    );
    page.constant("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">");
    page.code(&role.role);
    finding_counts(page, findings);
    page.constant("</th><td role=\"cell\"><span class=\"namespace\">");
    page.text(&role.namespace);
    page.constant("</span> ");
    list(page, role.service_accounts.iter().map(String::as_str), |page, account| page.code(account));
    page.constant("</td><td role=\"cell\">");
    for (level, count) in &access.levels {
        page.open("span", &[("class", &format_args!("level {}", level.class()))]);
        page.text(level.short());
        page.element("b", &[], format_args!(" {count}"));
        page.constant("</span> ");
    }
    page.constant("</td><td role=\"cell\">");
    let mut services: Vec<_> = access.services.iter().collect();
    services.sort_by_key(|(name, (level, _))| (*level, **name));
    list(page, services.into_iter().map(|(name, _)| *name), |page, name| {
        page.element("span", &[("class", &"service")], if name == "*" { "every service" } else { name });
    });
    page.constant("</td><td role=\"cell\">");
    match &role.boundary {
        Some(boundary) => page.code(boundary.rsplit_once(":policy/").map_or(boundary.as_str(), |(_, policy)| policy)),
        None => page.constant("<span class=\"nothing\">none</span>"),
    }
    page.constant("</td><td role=\"cell\">");
    page.text(&role.request);
    page.constant(" ");
    source(page, role.source.as_str(), role.statements.iter().find_map(|statement| statement.line));
    page.constant("</td></tr>\n");
    statements(page, number, role);
    page.constant("</tbody>\n");
}

fn finding_counts(page: &mut Markup, findings: &[(usize, FindingLevel)]) {
    for level in [FindingLevel::Error, FindingLevel::Warning, FindingLevel::Note] {
        let mut of_level = findings.iter().filter(|(_, of)| *of == level).map(|(index, _)| index);
        let Some(first) = of_level.next() else { continue };
        let (word, class) = super::findings::level(level);
        page.constant(" ");
        page.open("a", &[("class", &format_args!("chip {class}")), ("href", &format_args!("#finding-{}", first + 1))]);
        page.text(counted(of_level.count() + 1, word));
        page.close("a");
    }
}

fn statements(page: &mut Markup, number: usize, role: &Role) {
    page.constant("<tr class=\"fold\" role=\"row\"><td role=\"cell\" colspan=\"6\"><details><summary>");
    page.text(counted(role.statements.len(), "statement"));
    page.constant("<span class=\"spoken\"> of ");
    page.text(&role.role);
    page.constant("</span></summary>\n");
    if let Some(boundary) = &role.boundary {
        page.constant("<p class=\"where\">Bounded by ");
        page.code(boundary);
        page.constant("</p>\n");
    }
    for (index, statement) in role.statements.iter().enumerate() {
        show(page, statement, index + 1, Some(&format!("role-{number}-{}", index + 1)), &mut Marks::default());
    }
    page.constant("<p class=\"where\">Secret ");
    page.code(format_args!("{}/{}", role.namespace, role.secret));
    page.constant("</p>\n</details></td></tr>\n");
}
