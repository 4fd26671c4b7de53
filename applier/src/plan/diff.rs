//! Two texts, line by line, for a person to read: what goes, what comes, and a little of what stays around it.

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{ChangeTag, DiffOp};

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// Stays.
    Same(String),
    /// Goes.
    Removed(String),
    /// Comes.
    Added(String),
    /// This many lines that stay are not shown.
    Skipped(usize),
}

/// Lines that stay and are shown on each side of a change.
const CONTEXT: usize = 3;
/// Beyond this many pairs of lines both texts are shown whole: comparing costs time, and a live policy may be anything.
const MAX_PAIRS: usize = 25_000_000;

/// The difference of two texts; runs of lines that stay are counted where no change is near.
pub(crate) fn lines(before: &str, after: &str) -> Vec<Line> {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let removed = |line: &&str| Line::Removed((*line).to_owned());
    let added = |line: &&str| Line::Added((*line).to_owned());
    if before.len().saturating_mul(after.len()) > MAX_PAIRS {
        return before.iter().map(removed).chain(after.iter().map(added)).collect();
    }
    let mut lines = Vec::new();
    let mut shown = 0;
    for group in changes(&before, &after) {
        lines.extend(group.first().and_then(|first| skipped(first.old_range().start - shown)));
        for change in group.iter().flat_map(|op| op.iter_changes(&before, &after)) {
            let line = change.value().to_owned();
            lines.push(match change.tag() {
                ChangeTag::Equal => Line::Same(line),
                ChangeTag::Delete => Line::Removed(line),
                ChangeTag::Insert => Line::Added(line),
            });
        }
        shown = group.last().map_or(shown, |last| last.old_range().end);
    }
    lines.extend(skipped(before.len() - shown));
    lines
}

/// The changes with what is around them. By Myers' algorithm alone: the library's choice between six would all be linked.
fn changes(before: &[&str], after: &[&str]) -> Vec<Vec<DiffOp>> {
    let mut diff = Compact::new(Replace::new(Capture::new()), before, after);
    // Collecting does not fail.
    match myers::diff(&mut diff, before, 0..before.len(), after, 0..after.len()) {
        Ok(()) => diff.into_inner().into_inner().into_grouped_ops(CONTEXT),
        Err(never) => match never {},
    }
}

fn skipped(count: usize) -> Option<Line> {
    (count > 0).then_some(Line::Skipped(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &str, after: &str) -> String {
        let line = |line: Line| match line {
            Line::Same(text) => format!(" {text}"),
            Line::Removed(text) => format!("-{text}"),
            Line::Added(text) => format!("+{text}"),
            Line::Skipped(count) => format!("@{count}"),
        };
        lines(before, after).into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn only_what_changes_is_marked() {
        assert_eq!(shown("a\nb\nc\nd", "a\nx\nc\ny\nd"), " a\n-b\n+x\n c\n+y\n d");
        assert_eq!(shown("", "a"), "+a");
        assert_eq!(shown("a", ""), "-a");
        assert_eq!(shown("a\na", "a"), " a\n-a");
    }

    #[test]
    fn far_lines_are_counted() {
        let before: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        let after: Vec<String> = before.iter().map(|n| if n == "10" { "ten".to_owned() } else { n.clone() }).collect();
        assert_eq!(shown(&before.join("\n"), &after.join("\n")), "@6\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n@7");
    }
}
