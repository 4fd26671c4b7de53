//! One statement of a policy: what it grants or refuses by service and access level, on what, and when.
//!
//! In a comparison what came or went is marked, as an insertion or a deletion.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use bundle_schema::documents::policy::{ConditionValue, ConditionValues, Effect};

use super::level::Level;
use super::markup::Markup;
use crate::review::report::{Change, Changed, ServiceAccess, Statement};

/// A change's place in the list, and its statement.
type Place = (usize, Option<usize>);

/// Changes that are marked where they are shown; those that were not shown anywhere are left in the end.
#[derive(Default)]
pub(super) struct Marks<'a> {
    changes: BTreeMap<(Changed, &'a str), Vec<Place>>,
    /// The side's tag: `ins` for what came, `del` for what went.
    tag: &'static str,
    shown: BTreeSet<usize>,
}

impl<'a> Marks<'a> {
    /// The changes that came, or those that went.
    pub(super) fn of(changes: &'a [Change], came: bool) -> Self {
        let mut marks = Self { tag: if came { "ins" } else { "del" }, ..Self::default() };
        for (index, change) in changes.iter().enumerate().filter(|(_, change)| change.came == came) {
            marks.changes.entry((change.what, change.value.as_str())).or_default().push((index, change.statement));
        }
        marks
    }

    /// Which of the changes were marked.
    pub(super) fn shown(&self) -> &BTreeSet<usize> {
        &self.shown
    }

    /// A value, marked where it is a change.
    pub(super) fn code(&mut self, page: &mut Markup, what: Changed, statement: Option<usize>, value: &str) {
        if !self.marks(what, statement, value) {
            page.code(value);
            return;
        }
        page.open(self.tag, &[]);
        page.code(value);
        page.close(self.tag);
    }

    fn marks(&mut self, what: Changed, statement: Option<usize>, value: &str) -> bool {
        let Some(changes) = self.changes.get(&(what, value)) else { return false };
        let here = changes.iter().filter(|(_, of)| of.is_none() || statement.is_none() || *of == statement);
        let here: Vec<usize> = here.map(|(index, _)| *index).collect();
        self.shown.extend(&here);
        !here.is_empty()
    }

    /// Whether the whole statement came or went.
    fn marks_whole(&mut self, statement: usize) -> bool {
        let whole =
            self.changes.range((Changed::Statement, "")..).take_while(|((what, _), _)| *what == Changed::Statement);
        let here: Vec<usize> = whole
            .flat_map(|(_, changes)| changes)
            .filter(|(_, of)| *of == Some(statement))
            .map(|(index, _)| *index)
            .collect();
        self.shown.extend(&here);
        !here.is_empty()
    }
}

/// A statement by its number, from 1; `id` is where links lead.
pub(super) fn show(page: &mut Markup, statement: &Statement, number: usize, id: Option<&str>, marks: &mut Marks<'_>) {
    let denies = statement.effect == Effect::Deny;
    let whole = marks.marks_whole(number);
    let class = match (denies, whole, marks.tag) {
        (_, true, "ins") => "statement came",
        (_, true, _) => "statement went",
        (true, false, _) => "statement denies",
        (false, false, _) => "statement",
    };
    match id {
        Some(id) => page.open("div", &[("class", &class), ("id", &id)]),
        None => page.open("div", &[("class", &class)]),
    }
    page.constant("<p class=\"statement-title\">");
    page.element("b", &[], format_args!("Statement {number}"));
    page.constant(if denies {
        " <span class=\"effect deny\">Deny</span>"
    } else {
        " <span class=\"effect\">Allow</span>"
    });
    if whole {
        page.constant(" ");
        page.element(marks.tag, &[("class", &"tag")], if marks.tag == "ins" { "came" } else { "went" });
    }
    if let Some(line) = statement.line {
        page.element("span", &[("class", &"line")], format_args!(" \u{b7} line {line} of the request"));
    }
    page.constant("</p>\n<dl>\n");
    actions(page, statement, number, marks);
    page.constant("<dt>Resource</dt><dd>");
    marks.code(page, Changed::Resource, Some(number), &statement.resource);
    page.constant("</dd>\n");
    conditions(page, statement, number, marks);
    page.constant("</dl></div>\n");
}

fn actions(page: &mut Markup, statement: &Statement, number: usize, marks: &mut Marks<'_>) {
    if let Some(but) = &statement.not_actions {
        page.constant("<dt><span class=\"level pm\">Every action</span> but</dt><dd>");
        list(page, but.iter().map(String::as_str), |page, action| {
            marks.code(page, Changed::Action, Some(number), action);
        });
        page.constant("</dd>\n");
    }
    let mut services: Vec<&ServiceAccess> = statement.access.iter().collect();
    services.sort_by_key(|service| service.levels.iter().map(|level| Level::of(&level.level)).min());
    for service in services {
        for level in &service.levels {
            page.constant("<dt>");
            page.element("span", &[("class", &"service")], &service.service);
            page.constant(" ");
            chip(page, Level::of(&level.level));
            page.constant("</dt><dd>");
            let names: Vec<String> = level.actions.iter().map(|action| full_name(&service.service, action)).collect();
            let mut show = |page: &mut Markup, action: &str| marks.code(page, Changed::Action, Some(number), action);
            list(page, names.iter().map(String::as_str), &mut show);
            page.constant("</dd>\n");
        }
    }
}

/// The action as a policy has it.
fn full_name(service: &str, action: &str) -> String {
    if service == "*" { action.to_owned() } else { format!("{service}:{action}") }
}

/// An access level, in words and in its colour.
pub(super) fn chip(page: &mut Markup, level: Level) {
    page.element("span", &[("class", &format_args!("level {}", level.class()))], level.name());
}

/// Values with a space between them, at which a line may end.
pub(super) fn list<'v>(
    page: &mut Markup,
    values: impl Iterator<Item = &'v str>,
    mut show: impl FnMut(&mut Markup, &str),
) {
    for (count, value) in values.enumerate() {
        if count > 0 {
            page.constant(" ");
        }
        show(page, value);
    }
}

fn conditions(page: &mut Markup, statement: &Statement, number: usize, marks: &mut Marks<'_>) {
    let Some(conditions) = &statement.conditions else { return };
    page.constant("<dt>Condition</dt><dd>");
    for (operator, keys) in conditions {
        for (key, values) in keys {
            page.constant("<div class=\"condition\">");
            marks.code(page, Changed::Condition, Some(number), &condition(operator.as_str(), key.as_str(), values));
            page.constant("</div>");
        }
    }
    page.constant("</dd>\n");
}

/// A condition in words: `StringEquals aws:RequestedRegion is us-east-1 or us-east-2`.
fn condition(operator: &str, key: &str, values: &ConditionValues) -> String {
    let values: &[ConditionValue] = match values {
        ConditionValues::One(value) => std::slice::from_ref(value),
        ConditionValues::Many(values) => values,
    };
    let mut words = format!("{operator} {key} is ");
    for (count, value) in values.iter().enumerate() {
        if count > 0 {
            words.push_str(" or ");
        }
        // Writing to a string does not fail.
        let _ = match value {
            ConditionValue::Boolean(value) => write!(words, "{value}"),
            ConditionValue::Integer(value) => write!(words, "{value}"),
            ConditionValue::Text(value) => write!(words, "{value}"),
        };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::sample;

    fn shown(statement: &Statement, number: usize, marks: &mut Marks<'_>) -> String {
        let mut page = Markup::default();
        show(&mut page, statement, number, None, marks);
        page.finish()
    }

    #[test]
    fn a_statement_has_its_levels_resource_and_condition() {
        let review = sample::review();
        assert_eq!(
            shown(&review.roles[1].statements[1], 2, &mut Marks::default()),
            "<div class=\"statement\"><p class=\"statement-title\"><b>Statement 2</b> <span class=\"effect\">Allow</span><span class=\"line\"> \u{b7} line 28 of the request</span></p>\n<dl>\n\
             <dt><span class=\"service\">kms</span> <span class=\"level pm\">Permissions management</span></dt><dd><code>kms:CreateGrant</code></dd>\n\
             <dt><span class=\"service\">kms</span> <span class=\"level wr\">Write</span></dt><dd><code>kms:Decrypt</code></dd>\n\
             <dt>Resource</dt><dd><code>*</code></dd>\n\
             <dt>Condition</dt><dd><div class=\"condition\"><code>Bool kms:GrantIsForAWSResource is true</code></div></dd>\n</dl></div>\n"
        );
        let everything = shown(&review.roles[0].statements[0], 1, &mut Marks::default());
        assert!(everything.contains("Every action</span> but</dt><dd><code>iam:*</code></dd>"), "{everything}");
        let refused = shown(&review.roles[2].statements[1], 2, &mut Marks::default());
        assert!(refused.contains("class=\"effect deny\">Deny<"), "{refused}");
    }

    #[test]
    fn what_came_is_marked_in_its_statement_alone() {
        let review = sample::review();
        let changes = &review.comparison.as_ref().unwrap().roles[0].changes;
        let statement = &review.roles[2].statements[0];
        let mut marks = Marks::of(changes, true);
        let other = shown(statement, 2, &mut marks);
        assert!(!other.contains("<ins>") && marks.shown().is_empty(), "{other}");
        let here = shown(statement, 1, &mut marks);
        assert!(here.contains("<dd><ins><code>s3:PutBucketPolicy</code></ins></dd>"), "{here}");
        assert!(here.contains("<dd><ins><code>*</code></ins></dd>"), "{here}");
        assert_eq!(marks.shown(), &[0, 2].into());
    }

    #[test]
    fn several_values_are_joined() {
        let values = serde_json::from_str(r#"["a",5,true]"#).unwrap();
        assert_eq!(condition("StringLike", "aws:x", &values), "StringLike aws:x is a or 5 or true");
    }
}
