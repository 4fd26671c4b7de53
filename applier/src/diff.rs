//! Two texts, line by line, for a person to read: what goes, what comes, and a little of what stays around it.

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
/// Beyond this many pairs of lines the middle is shown as gone and come whole: comparing costs time and memory.
const MAX_PAIRS: usize = 4_000_000;

/// The difference of two texts, with a longest common subsequence of lines kept.
pub(crate) fn lines(before: &str, after: &str) -> Vec<Line> {
    let (mut before, mut after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let common = |a: &[&str], b: &[&str]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let start = common(&before, &after);
    let head: Vec<&str> = before.drain(..start).collect();
    after.drain(..start);
    before.reverse();
    after.reverse();
    let end = common(&before, &after);
    let mut tail: Vec<&str> = before.drain(..end).collect();
    after.drain(..end);
    before.reverse();
    after.reverse();
    tail.reverse();

    let same = |lines: Vec<&str>| lines.into_iter().map(|line| Line::Same(line.to_owned())).collect::<Vec<_>>();
    let mut all = same(head);
    all.extend(middle(&before, &after));
    all.extend(same(tail));
    shorten(all)
}

fn middle(before: &[&str], after: &[&str]) -> Vec<Line> {
    let removed = |line: &&str| Line::Removed((*line).to_owned());
    let added = |line: &&str| Line::Added((*line).to_owned());
    if before.len().saturating_mul(after.len()) > MAX_PAIRS {
        return before.iter().map(removed).chain(after.iter().map(added)).collect();
    }
    // longest[i][j]: how many lines the ends of both texts, from i and from j, have in common.
    let mut longest: Vec<Vec<usize>> = vec![vec![0; after.len() + 1]; before.len() + 1];
    let at = |table: &[Vec<usize>], i: usize, j: usize| table.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    for (i, a) in before.iter().enumerate().rev() {
        for (j, b) in after.iter().enumerate().rev() {
            let length = if a == b {
                at(&longest, i + 1, j + 1) + 1
            } else {
                at(&longest, i + 1, j).max(at(&longest, i, j + 1))
            };
            if let Some(cell) = longest.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = length;
            }
        }
    }
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    loop {
        match (before.get(i), after.get(j)) {
            (Some(a), Some(b)) if a == b => {
                lines.push(Line::Same((*a).to_owned()));
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), b) if b.is_none() || at(&longest, i + 1, j) >= at(&longest, i, j + 1) => {
                lines.push(removed(a));
                i += 1;
            }
            (_, Some(b)) => {
                lines.push(added(b));
                j += 1;
            }
            (_, None) => return lines,
        }
    }
}

fn shorten(lines: Vec<Line>) -> Vec<Line> {
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(_))).map(|(at, _)| at).collect();
    let mut next = changed.iter().copied().peekable();
    let mut last = None;
    let mut shown = Vec::new();
    for (at, line) in lines.into_iter().enumerate() {
        if next.peek() == Some(&at) {
            last = next.next();
        }
        let near =
            last.is_some_and(|last| at - last <= CONTEXT) || next.peek().is_some_and(|next| next - at <= CONTEXT);
        match (near, shown.last_mut()) {
            (true, _) => shown.push(line),
            (false, Some(Line::Skipped(count))) => *count += 1,
            (false, _) => shown.push(Line::Skipped(1)),
        }
    }
    shown
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
