//! The formats in which `review` says what it has to say.

use super::report::Review;
use super::{html, markdown, sarif, text};
use crate::output::report::json;

/// How a review is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ReviewFormat {
    /// For a terminal
    #[default]
    Text,
    /// For a ticket
    Markdown,
    /// One page for a browser, which loads nothing
    Html,
    /// For programs: one JSON document
    Json,
    /// For viewers of findings: SARIF 2.1.0
    Sarif,
}

impl ReviewFormat {
    /// The review in this format, for a file.
    #[must_use]
    pub fn render(self, review: &Review) -> String {
        match self {
            Self::Text => text::text(review).to_string(),
            Self::Markdown => markdown::markdown(review),
            Self::Html => html::page(review),
            Self::Json => json(review),
            Self::Sarif => sarif::sarif(review),
        }
    }

    /// The same with colours where the format has them, for a stream that knows whether to keep them.
    #[must_use]
    pub fn render_in_colour(self, review: &Review) -> String {
        match self {
            Self::Text => format!("{:#}", text::text(review)),
            _ => self.render(review),
        }
    }
}

#[cfg(test)]
mod tests {
    use bundle_schema::escape::EscapedWhole;
    use serde_json::Value;

    use super::*;
    use crate::review::{golden, sample};

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(values) => values.iter().any(has_null),
            Value::Object(object) => object.values().any(has_null),
            _ => false,
        }
    }

    #[test]
    fn the_json_of_the_sample_is_as_it_was() {
        golden::check("sample.json", &ReviewFormat::Json.render(&sample::review()));
    }

    #[test]
    fn json_leaves_out_what_is_not_there() {
        let mut review = sample::review();
        (review.comparison, review.rebuild.made_by) = (None, None);
        let json: Value = serde_json::from_str(&ReviewFormat::Json.render(&review)).unwrap();
        assert!(!has_null(&json));
        assert!(json.get("comparison").is_none() && json["findings"][2].get("role").is_none());
    }

    #[test]
    fn json_says_what_it_says_and_moves_no_cursor() {
        let review = sample::hostile("x\n\u{1b}[2J\u{9b}\u{202e}\u{e0041}");
        for format in [ReviewFormat::Json, ReviewFormat::Sarif] {
            let shown = format.render(&review);
            assert!(shown.lines().all(|line| EscapedWhole(line).to_string() == line), "{format:?}");
        }
        let json: Value = serde_json::from_str(&ReviewFormat::Json.render(&review)).unwrap();
        assert_eq!(json, serde_json::to_value(&review).unwrap());
    }

    #[test]
    fn colours_are_for_a_terminal() {
        let review = sample::review();
        let coloured = ReviewFormat::Text.render_in_colour(&review);
        assert!(coloured.contains("\u{1b}[") && !ReviewFormat::Text.render(&review).contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), ReviewFormat::Text.render(&review));
        for format in [ReviewFormat::Markdown, ReviewFormat::Html, ReviewFormat::Json, ReviewFormat::Sarif] {
            assert_eq!(format.render_in_colour(&review), format.render(&review));
        }
    }
}
