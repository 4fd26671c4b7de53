//! Lines of at most 80 columns, each with a tone that a terminal shows as a colour.

use std::fmt;

use anstyle::{AnsiColor, Style};
use bundle_schema::layout::{fold, fold_row};

use crate::review::headline::Tone;

/// How a line is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// By how good its news is.
    Tone(Tone),
    /// The heading of a section.
    Heading,
    /// It came.
    Comes,
    /// It went.
    Goes,
}

/// A line like any other.
pub(super) const PLAIN: Ink = Ink::Tone(Tone::Plain);

impl Ink {
    fn style(self) -> Style {
        let color = match self {
            Self::Tone(Tone::Plain) => return Style::new(),
            Self::Heading => return Style::new().bold(),
            Self::Tone(Tone::Bad) => return Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            Self::Tone(Tone::Warning) => AnsiColor::Yellow,
            Self::Tone(Tone::Good) | Self::Comes => AnsiColor::Green,
            Self::Goes => AnsiColor::Red,
        };
        Style::new().fg_color(Some(color.into()))
    }
}

/// Lines for a person. The alternate form (`{:#}`) has colours, for a stream that knows whether to keep them.
#[derive(Debug, Default)]
pub struct Text {
    /// Folded already.
    lines: Vec<(Ink, String)>,
}

impl Text {
    /// A line; where it is folded it goes on deeper than it began.
    pub(super) fn add(&mut self, ink: Ink, line: impl AsRef<str>) {
        self.lines.push((ink, fold(line.as_ref())));
    }

    /// A line whose value goes on below itself.
    pub(super) fn add_row(&mut self, ink: Ink, label: &str, value: &str) {
        self.lines.push((ink, fold_row(label, value)));
    }

    /// An empty line, and the heading of a section.
    pub(super) fn add_heading(&mut self, heading: impl AsRef<str>) {
        self.add(PLAIN, "");
        self.add(Ink::Heading, heading);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ink, line) in &self.lines {
            let style = if f.alternate() { ink.style() } else { Style::new() };
            for part in line.split('\n') {
                writeln!(f, "{style}{part}{style:#}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_in_the_alternate_form_alone() {
        let mut text = Text::default();
        text.add(Ink::Tone(Tone::Bad), "bad");
        text.add(PLAIN, "plain");
        assert_eq!(text.to_string(), "bad\nplain\n");
        assert_eq!(format!("{text:#}"), "\u{1b}[1m\u{1b}[31mbad\u{1b}[0m\nplain\n");
    }
}
