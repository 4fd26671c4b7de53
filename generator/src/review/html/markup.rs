//! HTML that nothing from outside gets into unescaped.
//!
//! Input: markup that is a constant of this program, and values of any origin. Output: one string. Tags and the names of
//! attributes are `&'static str`; a value can only become text or the value of a quoted attribute, and goes through one
//! place. No value becomes an address, a style or a script: there is no such call.
//!
//! Source of the rules: the HTML standard, 13.1.2.3 and 13.1.2.4 (attributes and text), and [`bundle_schema::escape`].

use std::fmt::{self, Display, Write};

use bundle_schema::escape::EscapedWhole;

/// Names and values of a tag's attributes.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// HTML that is being written.
#[derive(Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Markup of the program itself.
    pub(super) fn constant(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// A value as text.
    pub(super) fn text(&mut self, value: impl Display) {
        // Writing to a string does not fail.
        let _ = write!(Visible(&mut self.0), "{value}");
    }

    /// A value of several lines as text, whose line feeds stay.
    pub(super) fn lines(&mut self, value: &str) {
        for (count, line) in value.split('\n').enumerate() {
            if count > 0 {
                self.0.push('\n');
            }
            self.text(line);
        }
    }

    /// A start tag.
    pub(super) fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    /// An end tag.
    pub(super) fn close(&mut self, tag: &'static str) {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    /// An element that holds a value as text.
    pub(super) fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, value: impl Display) {
        self.open(tag, attributes);
        self.text(value);
        self.close(tag);
    }

    /// A name, an ARN or an action.
    pub(super) fn code(&mut self, value: impl Display) {
        self.element("code", &[], value);
    }

    /// The document.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Spells out what cannot be seen, then escapes what HTML gives meaning to.
struct Visible<'a>(&'a mut String);

impl Write for Visible<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write!(Html(self.0), "{}", EscapedWhole(text))
    }
}

struct Html<'a>(&'a mut String);

impl Write for Html<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, special) = rest.split_at(at);
            self.0.push_str(plain);
            let mut characters = special.chars();
            self.0.push_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            });
            rest = characters.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Markup)) -> String {
        let mut markup = Markup::default();
        write(&mut markup);
        markup.finish()
    }

    #[test]
    fn text_opens_no_tag_and_ends_no_attribute() {
        let hostile = "</script><b a='1' b=\"2\">&amp;";
        let escaped = "&lt;/script&gt;&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;amp;";
        assert_eq!(written(|markup| markup.text(hostile)), escaped);
        assert_eq!(written(|markup| markup.open("p", &[("title", &hostile)])), format!("<p title=\"{escaped}\">"));
        assert_eq!(written(|markup| markup.code(hostile)), format!("<code>{escaped}</code>"));
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        assert_eq!(
            written(|markup| markup.text("a\0\u{202e}b\u{200b}\n\u{9b}é")),
            "a\\u{0}\\u{202e}b\\u{200b}\\u{a}\\u{9b}é"
        );
        assert_eq!(written(|markup| markup.lines("a\r\n<b>\u{2028}\0c\n")), "a\\u{d}\n&lt;b&gt;\\u{2028}\\u{0}c\n");
    }
}
