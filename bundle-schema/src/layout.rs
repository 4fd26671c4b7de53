//! Text in 80 columns, for terminals and tickets.
//!
//! Input: lines of any length, escaped already. Output: the same lines, each folded at its spaces where it is too long.
//! Both programs fold in this way wherever they print sentences, so a line that was folded can be told from the next.

use textwrap::{Options, WordSeparator, WordSplitter};

/// Columns of a line. A word that is longer, such as an ARN, stays whole.
pub const WIDTH: usize = 80;
/// How much deeper than the line that it continues a folded line is indented, in columns.
pub const HANGING: usize = 4;

/// Folds every line that is wider than [`WIDTH`]. What follows is indented by the line's own indentation and [`HANGING`].
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + text.len() / 16);
    for line in text.split_inclusive('\n') {
        let (content, ending) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        folded.push_str(&fold_line(content));
        folded.push_str(ending);
    }
    folded
}

fn fold_line(line: &str) -> String {
    let content = line.trim_start_matches(' ');
    let indent = line.len() - content.len();
    fill(&" ".repeat(indent), indent + HANGING, content)
}

/// A row of a table of two columns: what follows the first line of the value stands below the value.
#[must_use]
pub fn fold_row(label: &str, value: &str) -> String {
    fill(label, label.chars().count(), value)
}

fn fill(first: &str, hanging: usize, content: &str) -> String {
    if first.chars().count() + content.chars().count() <= WIDTH {
        return format!("{first}{content}");
    }
    let hanging = " ".repeat(hanging);
    let options = Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(&hanging)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(content, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_and_short_ones_stay() {
        let word = "nine nine";
        let long = format!("  {}", [word; 20].join(" "));
        let folded = fold(&format!("short\n{long}\n\n"));
        let lines: Vec<&str> = folded.lines().collect();
        assert_eq!((lines[0], lines[4]), ("short", ""));
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{folded}");
        assert!(lines[1].starts_with("  nine") && lines[2].starts_with("      nine") && folded.ends_with("\n\n"));
        assert_eq!(lines[1..4].iter().map(|line| line.trim_start()).collect::<Vec<_>>().join(" "), long.trim_start());
    }

    #[test]
    fn a_row_goes_on_below_its_value() {
        let value = ["ec2:DescribeVolumes"; 5].join(", ");
        assert_eq!(
            fold_row("allows  ", &value),
            "allows  ec2:DescribeVolumes, ec2:DescribeVolumes, ec2:DescribeVolumes,\n        ec2:DescribeVolumes, ec2:DescribeVolumes"
        );
    }

    #[test]
    fn a_long_word_stays_whole() {
        let arn = "a".repeat(100);
        assert_eq!(fold(&format!("- role {arn} exists")), format!("- role\n    {arn}\n    exists"));
        assert_eq!(fold(&arn), arn);
    }
}
