//! The actions of a plan, by resource: a bucket with its objects, the identity provider, a role with its policy.

use bundle_schema::escape::EscapedWhole;

use super::details::{Item, item};
use super::{Text, Tone};
use bundle_schema::receipt::Change;

use crate::plan::action::{Action, Call, resource_name};
use crate::plan::diff::Line;

/// One resource and what is done to it.
pub(super) struct Block<'a> {
    /// `role prod-registry`.
    name: String,
    actions: Vec<&'a Action>,
}

/// The blocks of a plan, in the order in which a resource is first changed.
pub(super) fn blocks(actions: &[Action]) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for action in actions.iter().filter(|action| !matches!(item(action), Item::Bookkeeping)) {
        let name = resource_name(&action.resource);
        let place = *places.entry(name.clone()).or_insert(blocks.len());
        match blocks.get_mut(place) {
            Some(block) => block.actions.push(action),
            None => blocks.push(Block { name, actions: vec![action] }),
        }
    }
    blocks
}

impl Block<'_> {
    /// Whether the resource itself is new, or goes.
    pub(super) fn change(&self) -> Change {
        let makes = |action: &&Action| {
            matches!(
                action.call,
                Call::CreateBucket { .. }
                    | Call::CreateAccessControl { .. }
                    | Call::CreateDistribution { .. }
                    | Call::CreateProvider { .. }
                    | Call::CreateRole { .. }
            )
        };
        let deletes = |action: &&Action| {
            matches!(
                action.call,
                Call::DeleteRole { .. }
                    | Call::DeleteProvider { .. }
                    | Call::DeleteDistribution { .. }
                    | Call::DeleteAccessControl { .. }
                    | Call::DeleteBucket { .. }
            )
        };
        if self.actions.iter().any(deletes) {
            Change::Delete
        } else if self.actions.iter().any(makes) {
            Change::Create
        } else {
            Change::Update
        }
    }

    pub(super) fn write(&self, text: &mut Text) {
        let (mark, tone) = match self.change() {
            Change::Create => ('+', Tone::Comes),
            Change::Update => ('~', Tone::Changes),
            Change::Delete => ('-', Tone::Goes),
        };
        text.add(tone, format!("{mark} {}", EscapedWhole(&self.name)));
        let mut calls: Vec<&str> = Vec::new();
        for action in &self.actions {
            match item(action) {
                Item::New(rows) => {
                    for (label, value) in rows {
                        text.add_row(tone, &format!("    {label:<13} "), &EscapedWhole(&value).to_string());
                    }
                    if !calls.contains(&action.name()) {
                        calls.push(action.name());
                    }
                }
                Item::Bookkeeping => {}
                Item::Changed(label, lines) => {
                    text.add(Tone::Changes, format!("  ~ {} ({})", EscapedWhole(&label), action.name()));
                    for line in &lines {
                        write_line(text, line);
                    }
                }
            }
        }
        if !calls.is_empty() {
            text.add_row(Tone::Plain, &format!("    {:<13} ", "calls"), &calls.join(", "));
        }
    }
}

fn write_line(text: &mut Text, line: &Line) {
    let (tone, mark, content) = match line {
        Line::Same(content) => (Tone::Plain, ' ', content),
        Line::Removed(content) => (Tone::Goes, '-', content),
        Line::Added(content) => (Tone::Comes, '+', content),
        Line::Skipped(1) => return text.add(Tone::Plain, "        (1 unchanged line)"),
        Line::Skipped(count) => return text.add(Tone::Plain, format!("        ({count} unchanged lines)")),
    };
    text.add(tone, format!("      {mark} {}", EscapedWhole(content)));
}
