//! Showing untrusted text on a terminal or in a log.
//!
//! Input: any string, from a bundle, a signature, a YAML file or AWS. Output: text that moves no cursor, changes no
//! direction and cannot pretend to be another line. Everything this project prints from outside goes through here.

use std::fmt::{self, Write};
use std::path::Path;

/// The longest value shown whole, in characters; the rest is cut and counted.
pub const MAX_SHOWN: usize = 200;

/// Displays text with everything escaped that a terminal gives meaning to: control characters, line separators,
/// direction marks and other invisible characters. At most [`MAX_SHOWN`] characters are shown.
#[derive(Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, Some(MAX_SHOWN))
    }
}

/// As [`Escaped`], but of up to this many characters: for sentences of others, whose end may say most.
#[derive(Clone, Copy)]
pub struct EscapedUpTo<'a>(pub &'a str, pub usize);

impl fmt::Display for EscapedUpTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, Some(self.1))
    }
}

/// As [`Escaped`], but of any length: for documents that are shown line by line.
#[derive(Clone, Copy)]
pub struct EscapedWhole<'a>(pub &'a str);

impl fmt::Display for EscapedWhole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, None)
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str, limit: Option<usize>) -> fmt::Result {
    for (count, character) in text.chars().enumerate() {
        if limit == Some(count) {
            return write!(f, "... ({} more characters)", text.chars().count() - count);
        }
        if is_invisible(character) {
            write!(f, "\\u{{{:x}}}", u32::from(character))?;
        } else {
            f.write_char(character)?;
        }
    }
    Ok(())
}

/// A path as it is printed.
#[must_use]
pub fn escaped_path(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// JSON text with every character escaped (`\\u009b`) that a terminal gives meaning to. It means the same JSON: such
/// characters stand in strings only, line feeds between values aside.
#[must_use]
pub fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && is_invisible(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Characters that show nothing, or change how their neighbours are shown (Unicode 16: Cc, Cf, Zl, Zp, the private use
/// and tag blocks, variation selectors and fillers).
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
            | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        assert_eq!(Escaped("prod-eu, höchst").to_string(), "prod-eu, höchst");
    }

    #[test]
    fn escape_sequences_and_direction_marks_are_spelled_out() {
        assert_eq!(
            Escaped("a\u{1b}[2Jb\r\n\u{202e}c\u{7f}\u{9b}").to_string(),
            "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c\\u{7f}\\u{9b}"
        );
    }

    #[test]
    fn json_keeps_its_meaning_and_moves_no_cursor() {
        let value = serde_json::json!({"a\u{9b}": "\u{7f}\u{202e}é\u{e0041}\n"});
        let text = escaped_json(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(text, "{\n  \"a\\u009b\": \"\\u007f\\u202eé\\udb40\\udc41\\n\"\n}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn long_text_is_cut_and_counted() {
        let shown = Escaped(&"x".repeat(1000)).to_string();
        assert_eq!(shown, format!("{}... (800 more characters)", "x".repeat(200)));
    }
}
