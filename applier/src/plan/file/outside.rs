//! What a plan has and the file does not.

use std::fmt;

use bundle_schema::escape::EscapedUpTo;

use crate::plan::Operation;
use crate::plan::finding::Finding;

/// As many are named.
const MAX_NAMED: usize = 20;
/// Characters of each.
const MAX_CHARS: usize = 400;

/// Actions and findings of the plan as it is now that a plan file does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Escaped.
    file: String,
    operation: Operation,
    /// The first ones, escaped.
    named: Vec<String>,
    count: usize,
}

impl Outside {
    pub(super) fn new(file: String, operation: Operation) -> Self {
        Self { file, operation, named: Vec::new(), count: 0 }
    }

    /// Notes one, whose text is escaped.
    pub(super) fn add(&mut self, text: &str) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            // Cut once more: a list of names may be long.
            self.named.push(EscapedUpTo(text, MAX_CHARS).to_string());
        }
    }

    /// Notes a finding, by its first line.
    pub(super) fn add_finding(&mut self, finding: &Finding) {
        let text = finding.to_string();
        self.add(&format!("not in the file: {}", text.lines().next().unwrap_or_default()));
    }

    pub(super) fn into_result(self) -> Result<(), Self> {
        if self.count == 0 { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, operation, named, count } = self;
        let noun = if *count == 1 { "difference" } else { "differences" };
        write!(f, "the plan is no longer what is left of plan file {file}: {count} {noun}; nothing was changed")?;
        named.iter().try_for_each(|text| write!(f, "\n- {text}"))?;
        if let more @ 1.. = count.saturating_sub(named.len()) {
            write!(f, "\n- and {more} more")?;
        }
        write!(f, "\n  somebody changed the account, or the trust file, since the plan was made: write a new one")?;
        write!(f, " with `{}`, and approve that", operation.planner())
    }
}

impl std::error::Error for Outside {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_twenty_are_named_and_cut() {
        let mut outside = Outside::new("p".to_owned(), Operation::Delete);
        assert_eq!(outside.clone().into_result(), Ok(()));
        (0..22).for_each(|_| outside.add(&format!("x\u{1b}{}", "y".repeat(500))));
        let text = outside.into_result().unwrap_err().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            (lines[0], lines[21], lines.len()),
            (
                "the plan is no longer what is left of plan file p: 22 differences; nothing was changed",
                "- and 2 more",
                23
            )
        );
        assert_eq!(lines[20], format!("- x\\u{{1b}}{}... (102 more characters)", "y".repeat(398)));
        assert_eq!(
            lines[22],
            "  somebody changed the account, or the trust file, since the plan was made: write a new one with `delete --output FILE`, and approve that"
        );
    }
}
