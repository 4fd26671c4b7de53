//! A plan as a person reads it: the head, a block for each resource, the findings, a summary and the digest.
//!
//! Input: a plan. Output: lines of at most 80 columns, each with a tone that a terminal shows as a colour. Everything may
//! come from AWS or from a bundle, so every value is escaped.

mod block;
mod details;
mod head;

use std::fmt;

use anstyle::{AnsiColor, Style};
use bundle_schema::layout::{fold, fold_row};

use self::block::blocks;

use crate::plan::finding::Finding;
use crate::plan::{Operation, Plan};
use bundle_schema::receipt::Change;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Comes,
    Goes,
    Changes,
    Warns,
}

impl Tone {
    fn style(self) -> Style {
        let color = match self {
            Self::Plain => return Style::new(),
            Self::Comes => AnsiColor::Green,
            Self::Goes => AnsiColor::Red,
            Self::Changes => AnsiColor::Yellow,
            Self::Warns => return Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
        };
        Style::new().fg_color(Some(color.into()))
    }
}

/// Lines for a person. The alternate form (`{:#}`) has colours, for a stream that knows whether to keep them.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// Folded already.
    lines: Vec<(Tone, String)>,
}

impl Text {
    fn add(&mut self, tone: Tone, line: impl Into<String>) {
        self.lines.push((tone, fold(&line.into())));
    }

    fn add_row(&mut self, tone: Tone, label: &str, value: &str) {
        self.lines.push((tone, fold_row(label, value)));
    }

    fn empty_line(&mut self) {
        self.add(Tone::Plain, "");
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (tone, line) in &self.lines {
            let style = if f.alternate() { tone.style() } else { Style::new() };
            for part in line.split('\n') {
                writeln!(f, "{style}{part}{style:#}")?;
            }
        }
        Ok(())
    }
}

impl Plan {
    /// The whole plan.
    pub(crate) fn text(&self) -> Text {
        let mut text = self.head_text();
        self.add_findings(&mut text, Finding::is_headline);
        let blocks = blocks(self.actions());
        for block in &blocks {
            block.write(&mut text);
            text.empty_line();
        }
        self.add_findings(&mut text, |finding| !finding.is_headline());
        text.add(Tone::Plain, self.summary(&blocks));
        text.add(Tone::Plain, format!("plan digest: {}", self.digest()));
        text
    }

    /// Those of the findings that are wanted, and an empty line behind them.
    fn add_findings(&self, text: &mut Text, wanted: impl Fn(&Finding) -> bool) {
        let mut findings = self.findings().iter().filter(|finding| wanted(finding)).peekable();
        let any = findings.peek().is_some();
        for finding in findings {
            text.add(Tone::Warns, format!("! {finding}"));
        }
        if any {
            text.empty_line();
        }
    }

    fn summary(&self, blocks: &[block::Block<'_>]) -> String {
        let resources = |change| match blocks.iter().filter(|block| block.change() == change).count() {
            1 => "1 resource".to_owned(),
            count => format!("{count} resources"),
        };
        let calls = self.actions().len();
        let foreign = self.findings().iter().filter(|finding| finding.is_foreign()).count();
        let noun = if calls == 1 { "call" } else { "calls" };
        match (calls, foreign) {
            (0, _) if self.operation() == Operation::Delete => {
                "Nothing to do: the account holds nothing of the bundle.".to_owned()
            }
            _ if self.operation() == Operation::Delete => {
                format!("Plan: delete {} ({calls} {noun}).", resources(Change::Delete))
            }
            (0, 0) => "Nothing to do: the account holds what the bundle says.".to_owned(),
            (1.., _) if blocks.is_empty() => format!("Plan: write the record ({calls} calls)."),
            (0, _) => "Nothing to change, but what is marked with ! above is not the bundle's.".to_owned(),
            _ => format!(
                "Plan: create {}, update {}{} ({calls} {noun}).",
                resources(Change::Create),
                resources(Change::Update),
                if blocks.iter().any(|block| block.change() == Change::Delete) {
                    format!(", delete {}", resources(Change::Delete))
                } else {
                    String::new()
                }
            ),
        }
    }
}

#[cfg(test)]
pub(crate) fn shown(actions: &[crate::plan::action::Action]) -> String {
    let mut text = Text::default();
    for block in blocks(actions) {
        block.write(&mut text);
    }
    text.to_string()
}
