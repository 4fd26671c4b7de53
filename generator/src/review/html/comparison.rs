//! What came and went since another bundle: for every role that changed, before and after beside each other.

use std::collections::BTreeSet;

use super::Anchors;
use super::markup::Markup;
use super::statement::{Marks, list, show};
use crate::review::report::{
    BundleComparison, CameAndWent, Change, Changed, Presence, Review, Role, RoleComparison, Verdict, Witness,
};

use crate::review::words;

/// As many changed roles are unfolded from the start.
const UNFOLDED: usize = 20;

/// The section; none where nothing was compared.
pub(super) fn section(page: &mut Markup, review: &Review, anchors: &Anchors<'_>) {
    let Some(comparison) = &review.comparison else { return };
    page.constant("<section id=\"comparison\" aria-labelledby=\"comparison-title\">\n<h2 id=\"comparison-title\">Comparison</h2>\n<p class=\"lead\">Against ");
    page.text(format_args!("{} serial {}", comparison.against.name, comparison.against.serial));
    page.constant(", SHA-256 ");
    page.code(&comparison.against.sha256);
    page.constant(". What is allowed is compared as the two bundles have it.</p>\n");
    whole(page, comparison);
    for line in words::unchanged(comparison) {
        page.element("p", &[], line);
        page.constant("\n");
    }
    for role in &comparison.roles {
        let now = anchors.index(&role.role).and_then(|index| review.roles.get(index));
        one(page, role, now, anchors, comparison.roles.len() <= UNFOLDED);
    }
    page.constant("</section>\n");
}

/// What is not about one role.
fn whole(page: &mut Markup, comparison: &BundleComparison) {
    let lists = [
        ("Keys", &comparison.keys),
        ("Audiences", &comparison.audiences),
        ("Thumbprints", &comparison.thumbprints),
        ("Tags", &comparison.tags),
    ];
    let changed = |list: &CameAndWent| !(list.came.is_empty() && list.went.is_empty());
    if comparison.identity.is_empty() && !lists.iter().any(|(_, list)| changed(list)) {
        return;
    }
    page.constant("<table class=\"list changes\"><caption>Of the whole bundle</caption>\n<thead><tr><th scope=\"col\">What</th><th scope=\"col\">Before</th><th scope=\"col\">After</th></tr></thead>\n<tbody>\n");
    for change in &comparison.identity {
        let (old, new) = (std::slice::from_ref(&change.old), std::slice::from_ref(&change.new));
        row(page, change.field, old, new);
    }
    for (name, list) in lists.into_iter().filter(|(_, list)| changed(list)) {
        row(page, name, &list.went, &list.came);
    }
    page.constant("</tbody></table>\n");
}

fn row(page: &mut Markup, name: &str, went: &[String], came: &[String]) {
    page.constant("<tr>");
    page.element("th", &[("scope", &"row")], name);
    for (tag, values) in [("del", went), ("ins", came)] {
        page.constant("<td>");
        list(page, values.iter().map(String::as_str), |page, value| marked(page, tag, value));
        page.constant("</td>");
    }
    page.constant("</tr>\n");
}

fn marked(page: &mut Markup, tag: &'static str, value: &str) {
    page.open(tag, &[]);
    page.code(value);
    page.close(tag);
}

/// One role. `now` is the role in the bundle under review.
fn one(page: &mut Markup, role: &RoleComparison, now: Option<&Role>, anchors: &Anchors<'_>, unfolded: bool) {
    page.constant(if unfolded { "<details class=\"change\" open>" } else { "<details class=\"change\">" });
    page.constant("<summary><h3>");
    verdict(page, role.verdict);
    page.constant(" ");
    page.code(&role.role);
    page.constant("</h3></summary>\n<p class=\"where\">Secret ");
    page.code(&role.secret);
    page.constant(match role.presence {
        Presence::Came => ". <ins class=\"tag\">The role is new.</ins>",
        Presence::Went => ". <del class=\"tag\">The role is gone.</del>",
        Presence::Both => ".",
    });
    if let Some(index) = anchors.index(&role.role) {
        page.constant(" ");
        page.open("a", &[("href", &format_args!("#role-{}", index + 1))]);
        page.constant("Its row</a>");
    }
    page.constant("</p>\n");
    witnesses(page, &role.witnesses);
    undecided(page, &role.undecided);
    let (mut came, mut went) = (Marks::of(&role.changes, true), Marks::of(&role.changes, false));
    page.constant("<div class=\"sides\">\n");
    before(page, role, now, &mut went);
    after(page, role, now, &mut came);
    page.constant("</div>\n");
    let shown = came.shown() | went.shown();
    others(page, &role.changes, &shown);
    page.constant("</details>\n");
}

fn verdict(page: &mut Markup, verdict: Verdict) {
    page.constant(match verdict {
        Verdict::Same => "<span class=\"chip plain\">Same</span>",
        Verdict::Narrowed => "<span class=\"chip good\">Narrowed</span>",
        Verdict::Undecided => "<span class=\"chip warning\">Undecided</span>",
        Verdict::Widened => "<span class=\"chip bad\">Widened</span>",
    });
}

fn witnesses(page: &mut Markup, witnesses: &[Witness]) {
    if witnesses.is_empty() {
        return;
    }
    page.constant("<div class=\"witnesses\"><p>Refused before, allowed now:</p>\n<ul>\n");
    for witness in witnesses {
        page.constant("<li>");
        page.code(&witness.action);
        page.constant(" on ");
        page.code(&witness.resource);
        for (count, (key, values)) in witness.context.iter().enumerate() {
            page.constant(if count == 0 { " when " } else { " and " });
            page.code(key);
            page.constant(" is ");
            list(page, values.iter().map(String::as_str), |page, value| page.code(value));
        }
        page.constant("</li>\n");
    }
    page.constant("</ul></div>\n");
}

fn undecided(page: &mut Markup, undecided: &[String]) {
    if undecided.is_empty() {
        return;
    }
    page.constant("<div class=\"undecided\"><p>Cannot be decided, and counts as wider:</p>\n<ul>\n");
    for reason in undecided {
        page.element("li", &[], reason);
        page.constant("\n");
    }
    page.constant("</ul></div>\n");
}

/// What the role was: the older bundle's statements, and who could use it within which boundary: what is there now, without
/// what came and with what went.
fn before(page: &mut Markup, role: &RoleComparison, now: Option<&Role>, marks: &mut Marks<'_>) {
    page.constant("<div class=\"side\"><p class=\"side-title\">Before</p>\n");
    if role.presence == Presence::Came {
        page.constant("<p class=\"nothing\">no such role</p></div>\n");
        return;
    }
    let values = |what, came| {
        let here = role.changes.iter().filter(move |change| change.what == what && change.came == came);
        here.map(|change| change.value.as_str())
    };
    let came: BTreeSet<&str> = values(Changed::ServiceAccount, true).collect();
    let now_used_by = now.map(|now| now.service_accounts.as_slice()).unwrap_or_default();
    let stayed = now_used_by.iter().map(String::as_str).filter(|account| !came.contains(account));
    let accounts: Vec<&str> = stayed.chain(values(Changed::ServiceAccount, false)).collect();
    let same_boundary = values(Changed::Boundary, true).next().is_none();
    let boundary = now.and_then(|now| now.boundary.as_deref()).filter(|_| same_boundary);
    who(page, &accounts, values(Changed::Boundary, false).next().or(boundary), marks);
    for (index, statement) in role.before.iter().enumerate() {
        show(page, statement, index + 1, None, marks);
    }
    page.constant("</div>\n");
}

fn after(page: &mut Markup, role: &RoleComparison, now: Option<&Role>, marks: &mut Marks<'_>) {
    page.constant("<div class=\"side\"><p class=\"side-title\">After</p>\n");
    let Some(now) = now.filter(|_| role.presence != Presence::Went) else {
        page.constant("<p class=\"nothing\">no such role</p></div>\n");
        return;
    };
    let accounts: Vec<&str> = now.service_accounts.iter().map(String::as_str).collect();
    who(page, &accounts, now.boundary.as_deref(), marks);
    for (index, statement) in now.statements.iter().enumerate() {
        show(page, statement, index + 1, None, marks);
    }
    page.constant("</div>\n");
}

fn who(page: &mut Markup, accounts: &[&str], boundary: Option<&str>, marks: &mut Marks<'_>) {
    if accounts.is_empty() && boundary.is_none() {
        return;
    }
    page.constant("<dl class=\"who\"><dt>Service accounts</dt><dd>");
    list(page, accounts.iter().copied(), |page, account| marks.code(page, Changed::ServiceAccount, None, account));
    page.constant("</dd>");
    if let Some(boundary) = boundary {
        page.constant("<dt>Boundary</dt><dd>");
        marks.code(page, Changed::Boundary, None, boundary);
        page.constant("</dd>");
    }
    page.constant("</dl>\n");
}

/// The changes that have no place above.
fn others(page: &mut Markup, changes: &[Change], shown: &BTreeSet<usize>) {
    let mut rest = changes.iter().enumerate().filter(|(index, _)| !shown.contains(index)).peekable();
    if rest.peek().is_none() {
        return;
    }
    page.constant("<ul class=\"others\" aria-label=\"Further changes\">\n");
    for (_, change) in rest {
        page.constant("<li>");
        page.text(changed(change.what));
        if let Some(statement) = change.statement {
            page.text(format_args!(" of statement {statement}"));
        }
        page.constant(if change.came { " came: " } else { " went: " });
        marked(page, if change.came { "ins" } else { "del" }, &change.value);
        page.constant("</li>\n");
    }
    page.constant("</ul>\n");
}

fn changed(what: Changed) -> &'static str {
    match what {
        Changed::ServiceAccount => "Service account",
        Changed::Boundary => "Boundary",
        Changed::Statement => "Statement",
        Changed::Action => "Action",
        Changed::Resource => "Resource",
        Changed::Condition => "Condition",
        Changed::TokenPath => "Token path",
    }
}
