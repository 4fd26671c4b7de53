//! A review for a terminal of 80 columns.
//!
//! Input: a review, whose values are not trusted: each is escaped here. Output: the verdict first, then whatever a reviewer
//! looks at next. Nothing is cut, and a word such as an ARN stays whole.

mod comparison;
mod lines;
mod roles;

use bundle_schema::documents::index::Kind;
use bundle_schema::escape::EscapedWhole;

pub use self::lines::Text;
use self::lines::{Ink, PLAIN};
use super::headline::{Headline, Tone};
use super::report::{Difference, Finding, FindingLevel, Review};
use super::words::{self, RoleNames};

/// The whole review.
#[must_use]
pub fn text(review: &Review) -> Text {
    let names = RoleNames::of(review);
    let mut text = Text::default();
    add_verdict(&mut text, review);
    add_differences(&mut text, &review.rebuild.differences, &names);
    text.add(PLAIN, "");
    add_rows(&mut text, "", &words::identity(review));
    if let Some(comparison) = &review.comparison {
        comparison::add(&mut text, comparison, &names);
    }
    if review.bundle.kind != Kind::Endpoint {
        roles::add(&mut text, &review.roles);
    }
    add_findings(&mut text, review, &names);
    add_skipped(&mut text, review);
    text.add_heading("Settings");
    add_rows(&mut text, "  ", &words::settings(review));
    text
}

/// Text of the bundle, so that it is shown and does nothing.
fn escaped(value: &str) -> String {
    EscapedWhole(value).to_string()
}

fn add_verdict(text: &mut Text, review: &Review) {
    let tone = review.verdict().iter().map(|part| part.tone).max().unwrap_or(Tone::Plain);
    let bundle = &review.bundle;
    let sentence = format!("{} serial {} {}", bundle.name, bundle.serial, words::verdict(review));
    text.add(Ink::Tone(tone), escaped(&sentence));
    for Headline { tone, text: line } in review.headlines() {
        text.add(Ink::Tone(tone), format!("! {}", escaped(&line)));
    }
}

fn add_differences(text: &mut Text, differences: &[Difference], names: &RoleNames<'_>) {
    if differences.is_empty() {
        return;
    }
    text.add_heading(words::heading(words::DIFFERENCES, differences.len()));
    for difference in differences {
        text.add(Ink::Tone(Tone::Bad), format!("  {}", escaped(&words::difference(difference, names))));
        if difference.expected.is_some() || difference.found.is_some() {
            add_side(text, Ink::Goes, "expected", difference.expected.as_deref());
            add_side(text, Ink::Comes, "found", difference.found.as_deref());
        }
        text.add_row(PLAIN, &format!("    {:<9} ", "entry"), &escaped(&difference.entry));
    }
}

/// One side of a difference, which may be of several lines.
fn add_side(text: &mut Text, ink: Ink, label: &str, side: Option<&str>) {
    for (line, label) in side.unwrap_or("nothing").split('\n').zip([label].into_iter().chain(std::iter::repeat(""))) {
        text.add_row(ink, &format!("    {label:<9} "), &escaped(line));
    }
}

fn add_rows(text: &mut Text, indent: &str, rows: &[(&'static str, String)]) {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let mut before = "";
    for (label, value) in rows {
        let shown = if *label == before { "" } else { label };
        text.add_row(PLAIN, &format!("{indent}{shown:<width$}  "), &escaped(value));
        before = label;
    }
}

fn add_findings(text: &mut Text, review: &Review, names: &RoleNames<'_>) {
    if review.findings.is_empty() {
        return;
    }
    text.add_heading(words::heading("Findings", review.findings.len()));
    for finding in words::findings(review) {
        add_finding(text, finding, names);
    }
}

fn add_finding(text: &mut Text, finding: &Finding, names: &RoleNames<'_>) {
    let tone = match (&finding.accepted, finding.level) {
        (Some(_), _) | (None, FindingLevel::Note) => Tone::Plain,
        (None, FindingLevel::Warning) => Tone::Warning,
        (None, FindingLevel::Error) => Tone::Bad,
    };
    let mut row = |ink, label: &str, value: &str| text.add_row(ink, &format!("  {label:<8}  "), &escaped(value));
    let place = words::finding_place(finding, names);
    row(Ink::Tone(tone), words::finding_level(finding), &format!("{}: {place}", finding.id));
    row(PLAIN, "", &finding.message);
    row(PLAIN, "", &format!("-> {}", finding.advice));
    if let Some(accepted) = &finding.accepted {
        row(PLAIN, "", &words::accepted(accepted));
    }
}

fn add_skipped(text: &mut Text, review: &Review) {
    if review.skipped.is_empty() {
        return;
    }
    text.add_heading(words::heading("Skipped", review.skipped.len()));
    for skipped in &review.skipped {
        text.add(PLAIN, format!("  {}: {}", escaped(&words::skipped(skipped)), escaped(skipped.reason.as_str())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::{golden, sample};

    #[test]
    fn the_sample_is_as_it_was() {
        golden::check("sample.txt", &text(&sample::review()).to_string());
    }

    #[test]
    fn the_colours_of_the_sample_are_as_they_were() {
        golden::check("sample.ansi", &format!("{:#}", text(&sample::review())));
    }

    #[test]
    fn a_line_is_too_long_only_for_a_word() {
        for line in text(&sample::review()).to_string().lines() {
            assert!(line.chars().count() <= 80 || line.split_whitespace().any(|word| word.len() > 60), "{line}");
        }
    }

    #[test]
    fn values_move_no_cursor_and_begin_no_line() {
        let review = sample::hostile("x\nFindings (0)\r\u{1b}[2J\u{9b}1A\u{202e}\u{200b}\u{2028}");
        let shown = text(&review).to_string();
        assert!(
            shown
                .chars()
                .all(|shown| shown == '\n' || EscapedWhole(&shown.to_string()).to_string().len() == shown.len_utf8())
        );
        assert_eq!(shown.lines().filter(|line| line.starts_with("Findings")).collect::<Vec<_>>(), ["Findings (3)"]);
    }

    #[test]
    fn a_review_without_anything_to_say_is_short() {
        let mut review = sample::review();
        review.rebuild.differences.clear();
        review.findings.clear();
        review.skipped.clear();
        let comparison = review.comparison.as_mut().unwrap();
        comparison.roles.clear();
        let shown = text(&review).to_string();
        for heading in ["Not what", "Findings", "Skipped"] {
            assert!(!shown.contains(heading), "{shown}");
        }
        assert!(shown.contains("\n  no role has changed\n"), "{shown}");
        assert!(shown.starts_with("prod-a serial 4 is what its requests ask for; "), "{shown}");
    }

    #[test]
    fn a_side_of_a_difference_may_have_lines_or_nothing() {
        let mut review = sample::review();
        let difference = &mut review.rebuild.differences[0];
        (difference.role, difference.expected) = (None, None);
        difference.found = Some("a\nb".to_owned());
        let shown = text(&review).to_string();
        let block = "\n  granted and not asked for: s3:PutBucketPolicy\n    expected  nothing\n    found     a\n              b\n    entry ";
        assert!(shown.contains(block), "{shown}");
    }
}
