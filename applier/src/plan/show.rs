//! An action as a person reads it: what is made, and for what changes the lines before and after.
//!
//! Everything here may come from AWS or from a bundle, so every line is escaped.

use std::fmt;

use bundle_schema::escape::{Escaped, EscapedWhole};
use bundle_schema::names::{Audience, Thumbprint};

use crate::account::live::Tags;
use crate::plan::action::{Action, Call, Change, NewObject, Object};
use crate::plan::diff::{self, Line};
use crate::plan::meaning::readable_policy;

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "+ create",
            Self::Update => "~ update",
        })
    }
}

/// One line: what, which call, which resource.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.change(), self.name(), EscapedWhole(&self.resource))
    }
}

impl Action {
    /// The action and its details, each line indented.
    pub(crate) fn write_with_details(&self, f: &mut impl fmt::Write) -> fmt::Result {
        writeln!(f, "  {self}")?;
        for line in self.details() {
            match line {
                Line::Same(text) => writeln!(f, "        {}", EscapedWhole(&text))?,
                Line::Removed(text) => writeln!(f, "      - {}", EscapedWhole(&text))?,
                Line::Added(text) => writeln!(f, "      + {}", EscapedWhole(&text))?,
                Line::Skipped(1) => writeln!(f, "        ... (1 line stays)")?,
                Line::Skipped(count) => writeln!(f, "        ... ({count} lines stay)")?,
            }
        }
        Ok(())
    }

    fn details(&self) -> Vec<Line> {
        let same = |text: String| vec![Line::Same(text)];
        match &self.call {
            Call::CreateBucket { input } => same(match &input.create_bucket_configuration {
                Some(configuration) => format!("in {}", configuration.location_constraint),
                None => "in us-east-1".to_owned(),
            }),
            Call::TagBucket { before, after, .. }
            | Call::TagProvider { before, after }
            | Call::TagRole { before, after, .. } => tag_lines(before, after),
            Call::UntagProvider { before } | Call::UntagRole { before, .. } => tag_lines(before, &Tags::new()),
            Call::SetOwnership { before, after, .. } => value_lines(before.as_deref(), &json_text(after)),
            Call::BlockPublicAccess { input, before } => diff::lines(
                &before.as_ref().map(pretty).unwrap_or_default(),
                &pretty(&input.public_access_block_configuration),
            ),
            Call::SetBucketPolicy { input, before } => policy_lines(before.as_deref(), &input.policy.text()),
            Call::PutObject { before, after, .. } => object_lines(before.as_ref(), after),
            Call::CreateProvider { input } => {
                let audiences: Vec<&str> = input.client_id_list.iter().map(Audience::as_str).collect();
                same(format!("for {}", audiences.join(", ")))
            }
            Call::AddClientId { client_id } => vec![Line::Added(client_id.to_string())],
            Call::RemoveClientId { client_id } => vec![Line::Removed(client_id.clone())],
            Call::SetThumbprints { before, after } => {
                let after: Vec<&str> = after.iter().map(Thumbprint::as_str).collect();
                diff::lines(&before.join("\n"), &after.join("\n"))
            }
            Call::CreateRole { input } => {
                let subjects = input.assume_role_policy_document.0.statement.iter();
                let subjects = subjects.flat_map(|statement| statement.condition.string_equals.values().flatten());
                let mut lines: Vec<Line> = subjects.map(|subject| Line::Same(format!("for {subject}"))).collect();
                lines.extend(input.permissions_boundary.iter().map(|arn| Line::Same(format!("bounded by {arn}"))));
                lines
            }
            Call::SetTrustPolicy { before, after, .. } => policy_lines(Some(before), &after.text()),
            Call::SetDescription { before, after, .. } => value_lines(before.as_deref(), after),
            Call::SetBoundary { before, after, .. } => value_lines(before.as_deref(), after.as_str()),
            Call::RemoveBoundary { before, .. } => vec![Line::Removed(before.clone())],
            Call::SetRolePolicy { input, before: None } => same(match input.policy_document.0.statement.len() {
                1 => "1 statement".to_owned(),
                count => format!("{count} statements"),
            }),
            Call::SetRolePolicy { input, before } => policy_lines(before.as_deref(), &input.policy_document.text()),
        }
    }
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A value that JSON has as a string, without its quotes.
fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn value_lines(before: Option<&str>, after: &str) -> Vec<Line> {
    before.map(|before| Line::Removed(before.to_owned())).into_iter().chain([Line::Added(after.to_owned())]).collect()
}

fn policy_lines(before: Option<&str>, after: &str) -> Vec<Line> {
    diff::lines(&before.map(readable_policy).unwrap_or_default(), &readable_policy(after))
}

fn tag_lines(before: &Tags, after: &Tags) -> Vec<Line> {
    let line = |(key, value): (&String, &String)| format!("{key} = {value}");
    let text = |tags: &Tags| tags.iter().map(line).collect::<Vec<_>>().join("\n");
    diff::lines(&text(before), &text(after))
}

fn object_lines(before: Option<&Object>, after: &NewObject) -> Vec<Line> {
    let Some(before) = before else {
        return vec![Line::Same(format!("{}, {} bytes", after.content_type, after.body.len()))];
    };
    let mut lines = Vec::new();
    let old_type = before.content_type.as_deref().unwrap_or_default();
    if old_type != after.content_type {
        lines.push(Line::Removed(format!("content type {old_type}")));
        lines.push(Line::Added(format!("content type {}", after.content_type)));
    }
    if before.tags != after.tags {
        lines.extend(tag_lines(&before.tags, &after.tags));
    }
    match &before.body {
        Some(body) if *body == after.body => {}
        Some(body) => lines.extend(diff::lines(body, &after.body)),
        None => lines.push(Line::Removed("a body that is too long, or no text".to_owned())),
    }
    lines
}

/// Names from outside in one line, each escaped.
pub(crate) fn listed(names: &[String]) -> String {
    names.iter().map(|name| Escaped(name).to_string()).collect::<Vec<_>>().join(", ")
}
