//! A review for a ticket, in the Markdown of GitHub, GitLab and Jira.
//!
//! Input: a review, whose values are not trusted. Output: the same as in [`super::text`], in the same order. A value is shown as
//! code, and does nothing ([`escape`]).

mod comparison;
mod escape;
mod lines;
mod roles;

use bundle_schema::documents::index::Kind;

use self::escape::{code, diff, prose};
use self::lines::Document;
use super::report::{Difference, Finding, Review};
use super::words::{self, RoleNames};

/// The whole review.
#[must_use]
pub fn markdown(review: &Review) -> String {
    let names = RoleNames::of(review);
    let mut document = Document::default();
    document.add_heading(1, &format!("Review of {} serial {}", code(&review.bundle.name), review.bundle.serial));
    document.add(&format!("**The bundle {}**", prose(&words::verdict(review))));
    let headlines: Vec<String> = review.headlines().iter().map(|line| format!("- {}", prose(&line.text))).collect();
    document.add_list(&headlines);
    add_differences(&mut document, &review.rebuild.differences, &names);
    document.add_heading(2, "Bundle");
    document.add_table(["Field", "Value"], words::identity(review).into_iter().map(row));
    if let Some(comparison) = &review.comparison {
        comparison::add(&mut document, comparison, &names);
    }
    if review.bundle.kind != Kind::Endpoint {
        roles::add(&mut document, review, &names);
    }
    add_findings(&mut document, review, &names);
    add_skipped(&mut document, review);
    document.add_heading(2, "Settings");
    document.add_table(["Setting", "Value"], words::settings(review).into_iter().map(row));
    document.finish()
}

fn row((label, value): (&'static str, String)) -> [String; 2] {
    [label.to_owned(), prose(&value)]
}

fn add_differences(document: &mut Document, differences: &[Difference], names: &RoleNames<'_>) {
    if differences.is_empty() {
        return;
    }
    document.add_heading(2, &words::heading(words::DIFFERENCES, differences.len()));
    for difference in differences {
        let what = prose(&words::difference(difference, names));
        document.add(&format!("In {}: {what}", code(&difference.entry)));
        let side = |mark, side: &'_ Option<String>| {
            side.iter().flat_map(|side| side.split('\n')).map(|line| (mark, line.to_owned())).collect::<Vec<_>>()
        };
        let lines = [side('-', &difference.expected), side('+', &difference.found)].concat();
        if !lines.is_empty() {
            document.add(&diff(lines.iter().map(|(mark, line)| (*mark, line.as_str()))));
        }
    }
}

fn add_findings(document: &mut Document, review: &Review, names: &RoleNames<'_>) {
    if review.findings.is_empty() {
        return;
    }
    document.add_heading(2, &words::heading("Findings", review.findings.len()));
    let row = |finding: &Finding| {
        let accepted = finding.accepted.as_ref().map(words::accepted).unwrap_or_default();
        [
            words::finding_level(finding).to_owned(),
            code(finding.id),
            prose(&words::finding_place(finding, names)),
            prose(&finding.message),
            prose(&finding.advice),
            prose(&accepted),
        ]
    };
    let head = ["Level", "Rule", "Where", "What", "What to do", "Accepted"];
    document.add_table(head, words::findings(review).map(row));
}

fn add_skipped(document: &mut Document, review: &Review) {
    if review.skipped.is_empty() {
        return;
    }
    document.add_heading(2, &words::heading("Skipped", review.skipped.len()));
    let skipped = review.skipped.iter();
    let items =
        skipped.map(|skipped| format!("- {}: {}", prose(&words::skipped(skipped)), prose(skipped.reason.as_str())));
    document.add_list(&items.collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;
    use crate::review::{golden, sample};

    /// What somebody might write into a value.
    const PAYLOADS: [&str; 14] = [
        "[a](https://evil.example) ![b](https://evil.example/x.png) [c][d] [^1]",
        "<script>alert(1)</script> <img src=x> <https://evil.example> <!-- a --> </td>",
        "https://evil.example www.evil.example a@evil.example @everyone @org/team #1 org/repo#1 GH-1 !2 ~3 $4",
        "a | b || c \\| d |",
        "a ` b `` c ``` d",
        "`",
        "\\",
        "trailing \\",
        "x\n\n# heading\n\n- item\n\n| a |\n| --- |\n\n```\n<b>\n```\n[d]: https://evil.example",
        "**a** __b__ *c* _d_ ~~e~~ $f$ $$g$$ :tada: ==h== ^i^ [x] {color:red}j{color} [[_TOC_]]",
        "> a\r\n1. b\t- c\u{85}d\u{2028}e\u{202e}f\u{200b}",
        "&lt;b&gt; &#64;everyone &commat;everyone &NewLine;&lbrack;a]",
        " leading and trailing ",
        "````````````",
    ];

    fn events(markdown: &str) -> Vec<Event<'_>> {
        Parser::new_ext(markdown, Options::all() - Options::ENABLE_YAML_STYLE_METADATA_BLOCKS).collect()
    }

    /// The document without its words.
    fn structure(markdown: &str) -> Vec<String> {
        let marks = events(markdown).into_iter().filter(|event| !matches!(event, Event::Text(_) | Event::Code(_)));
        marks.map(|mark| format!("{mark:?}")).collect()
    }

    #[test]
    fn the_sample_is_as_it_was() {
        golden::check("sample.md", &markdown(&sample::review()));
    }

    #[test]
    fn a_value_is_shown_and_nothing_else() {
        let plain = structure(&markdown(&sample::hostile("value")));
        assert!(plain.iter().any(|mark| mark.contains("Table")));
        for payload in PAYLOADS {
            let document = markdown(&sample::hostile(payload));
            let mut in_block = false;
            for event in events(&document) {
                match event {
                    Event::Start(Tag::CodeBlock(_)) => in_block = true,
                    Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_block = false,
                    Event::Text(text) if !in_block => {
                        assert!(!text.contains(['@', '#', '<', '[', '|', '`', '*', '_', '\\', '&', '$']), "{text}");
                        assert!(!text.contains("www.") && !text.contains("://"), "{text}");
                    }
                    Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock)
                    | Event::Html(_)
                    | Event::InlineHtml(_) => panic!("{event:?}"),
                    _ => {}
                }
            }
            assert_eq!(structure(&document), plain, "{payload:?}");
        }
    }

    #[test]
    fn each_row_has_as_many_cells_as_its_head() {
        for payload in PAYLOADS {
            let document = markdown(&sample::hostile(payload));
            let tables = document.split("\n\n").filter(|block| block.starts_with("| "));
            for table in tables {
                let cells: Vec<usize> = table.trim_end().lines().map(|row| row.matches('|').count()).collect();
                assert!(cells.iter().all(|count| Some(count) == cells.first()), "{table}");
            }
        }
    }
}
