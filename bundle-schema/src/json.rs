//! Strict JSON: the only way in and out for every JSON document of a bundle.
//!
//! Input: untrusted bytes. Output: a typed value whose canonical form is those bytes. `serde_json` alone lets the
//! last of two equal keys win in maps and takes an array where a struct belongs; here neither passes, at any depth, and
//! what parses but is not in canonical form is refused too, so that one meaning has one spelling.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::escape::Escaped;
use crate::limits::{MAX_JSON_DEPTH, MAX_STRING_BYTES};

/// Why bytes are not a document of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, a repeated key, too deep, a string too long, or not of the type: unknown or missing field, wrong value.
    #[error("{}", Escaped(.0))]
    Refused(String),
    /// `serde` read an array as a struct, or something else whose meaning another reader would not share.
    #[error("{} stands at {} where {} belongs", .found, Escaped(.path), .expected)]
    WrongKind {
        /// Where, as a JSON pointer.
        path: String,
        /// What stands there.
        found: &'static str,
        /// What the type has there.
        expected: &'static str,
    },
    /// Right in meaning, but not the one spelling that the writer gives it.
    #[error(
        "line {line} is not in canonical form (FORMAT.md: two-space indent, fields in order, nothing escaped without need)"
    )]
    NotCanonical {
        /// The first line that differs, from 1.
        line: usize,
    },
}

/// How a document is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A file of its own: indented by two spaces, with a newline at its end.
    Indented,
    /// A document inside a string: no white space at all.
    Compact,
}

/// A document's canonical bytes.
///
/// # Panics
/// Never: the documents of this crate have string keys only and no value that JSON cannot hold.
pub fn to_bytes<T: Serialize>(document: &T) -> Vec<u8> {
    write(document, Form::Indented)
}

fn write<T: Serialize>(document: &T, form: Form) -> Vec<u8> {
    let written = match form {
        Form::Indented => serde_json::to_vec_pretty(document),
        Form::Compact => serde_json::to_vec(document),
    };
    // An error is possible only for maps with keys that are no strings; no document has one.
    let mut bytes = written.unwrap_or_default();
    if form == Form::Indented {
        bytes.push(b'\n');
    }
    bytes
}

/// Reads a document that is a file of its own.
pub fn parse<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, JsonError> {
    parse_form(bytes, Form::Indented)
}

/// Reads JSON that somebody wrote by hand, such as a trust file: as strict about keys and kinds as [`parse`], but of any
/// layout, with fields in any order.
pub fn parse_any_layout<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let value = parse_value(bytes)?;
    if !value.is_object() {
        return Err(JsonError::WrongKind { path: "/".to_owned(), found: kind(&value), expected: "an object" });
    }
    serde_json::from_slice(bytes).map_err(|error| JsonError::Refused(error.to_string()))
}

fn parse_form<T: DeserializeOwned + Serialize>(bytes: &[u8], form: Form) -> Result<T, JsonError> {
    match parse_canonical(bytes, form) {
        Some(document) => Ok(document),
        None => parse_or_say_why(bytes, form),
    }
}

/// A document that is written as it should be and keeps the limits, read in one go. Nothing more is to be checked then: it is
/// what the writer writes, which repeats no key and puts every value as its type has it.
fn parse_canonical<T: DeserializeOwned + Serialize>(bytes: &[u8], form: Form) -> Option<T> {
    let document: T = serde_json::from_slice(bytes).ok()?;
    (write(&document, form) == bytes && keeps_limits(bytes)).then_some(document)
}

/// Whether JSON, which this has to be, is certainly neither too deep nor has a string that is too long, escapes counted as written.
fn keeps_limits(json: &[u8]) -> bool {
    let (mut depth, mut rest) = (0_usize, json);
    while let Some(at) = rest.iter().position(|byte| b"\"[{]}".contains(byte)) {
        let Some((found, after)) = rest.get(at..).and_then(<[u8]>::split_first) else { return false };
        rest = after;
        match found {
            b'"' => {
                let Some(length) = string_length(rest).filter(|length| *length <= MAX_STRING_BYTES) else {
                    return false;
                };
                rest = rest.get(length + 1..).unwrap_or_default();
            }
            b'[' | b'{' if depth == MAX_JSON_DEPTH => return false,
            b'[' | b'{' => depth += 1,
            _ => depth = depth.saturating_sub(1),
        }
    }
    true
}

/// The bytes up to the quote that ends a string.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The same in several steps, each of which has a reason of its own to refuse.
fn parse_or_say_why<T: DeserializeOwned + Serialize>(bytes: &[u8], form: Form) -> Result<T, JsonError> {
    check(bytes, DOCUMENT)?;
    let document: T = serde_json::from_slice(bytes).map_err(|error| JsonError::Refused(error.to_string()))?;
    let canonical = write(&document, form);
    if canonical == bytes {
        return Ok(document);
    }
    let value = serde_json::from_slice(bytes).unwrap_or_default();
    let read = serde_json::to_value(&document).unwrap_or_default();
    if let Some((path, found, expected)) = wrong_kind(&value, &read, String::new()) {
        return Err(JsonError::WrongKind { path, found, expected });
    }
    let same = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    let line = 1 + bytes.iter().take(same).filter(|byte| **byte == b'\n').count();
    Err(JsonError::NotCanonical { line })
}

/// How much a document that is not a bundle's may hold, nesting aside.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// One string or key, in bytes.
    pub string_bytes: usize,
    /// Values in all, those inside others counted: small ones need far more memory than bytes.
    pub values: usize,
}

/// A document of a bundle is short enough for any number of values.
const DOCUMENT: Budget = Budget { string_bytes: MAX_STRING_BYTES, values: usize::MAX };

/// Reads any JSON value within the limits, with no key twice in any object.
pub fn parse_value(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_value_within(bytes, DOCUMENT)
}

/// As [`parse_value`], within limits of its own.
pub fn parse_value_within(bytes: &[u8], budget: Budget) -> Result<Value, JsonError> {
    check(bytes, budget)?;
    serde_json::from_slice(bytes).map_err(|error| JsonError::Refused(error.to_string()))
}

/// Whether bytes are JSON within the limits, with no key twice in any object. Nothing is kept of it: a value in memory can be
/// many times as large as its text.
fn check(bytes: &[u8], budget: Budget) -> Result<(), JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let left = Cell::new(budget.values);
    let checked = Strict { depth: 0, budget, left: &left }.deserialize(&mut reader).and_then(|()| reader.end());
    checked.map_err(|error| JsonError::Refused(error.to_string()))
}

/// The first place where the two are of different kinds.
fn wrong_kind(given: &Value, read: &Value, path: String) -> Option<(String, &'static str, &'static str)> {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            given.iter().find_map(|(key, value)| wrong_kind(value, read.get(key)?, format!("{path}/{key}")))
        }
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).enumerate().find_map(|(index, (a, b))| wrong_kind(a, b, format!("{path}/{index}")))
        }
        (given, read) if kind(given) == kind(read) => None,
        (given, read) => Some((if path.is_empty() { "/".to_owned() } else { path }, kind(given), kind(read))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Refuses repeated keys, depth, long strings and too many values.
struct Strict<'a> {
    depth: usize,
    budget: Budget,
    /// How many more values there may be.
    left: &'a Cell<usize>,
}

impl Strict<'_> {
    fn deeper<E: de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_JSON_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_JSON_DEPTH} deep")));
        }
        Ok(Self { depth: self.depth + 1, ..*self })
    }

    fn fits<E: de::Error>(&self, what: &str, text: &str) -> Result<(), E> {
        let (found, limit) = (text.len(), self.budget.string_bytes);
        if found > limit {
            return Err(E::custom(format_args!("a {what} of {found} bytes; at most {limit} are allowed")));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(de::Error::custom(format_args!("more than {} values", self.budget.values)));
        };
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.fits("string", value)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.fits("key", &key)?;
            map.next_value_seed(self.deeper()?)?;
            if let Some(key) = keys.replace(key) {
                return Err(de::Error::custom(format_args!("repeated key \"{key}\"")));
            }
        }
        Ok(())
    }
}

/// A JSON document that travels inside a string, as the AWS APIs take policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded<T>(pub T);

impl<T: Serialize> Embedded<T> {
    /// The string that is sent: compact JSON.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(write(&self.0, Form::Compact)).unwrap_or_default()
    }
}

impl<T: Serialize> Serialize for Embedded<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de, T: DeserializeOwned + Serialize> Deserialize<'de> for Embedded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_form(text.as_bytes(), Form::Compact).map(Self).map_err(|error| match error {
            JsonError::Refused(reason) => de::Error::custom(format_args!("in the embedded document: {reason}")),
            other => de::Error::custom(format_args!("in the embedded document: {other}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: u32,
        b: std::collections::BTreeMap<String, Inner>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        c: Vec<String>,
    }

    fn refuse(text: &str) -> String {
        parse::<Pair>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read() {
        let pair = Pair { a: 1, b: [("k".to_owned(), Inner { c: vec!["é\u{1b}\"".to_owned()] })].into() };
        assert_eq!(parse::<Pair>(&to_bytes(&pair)), Ok(pair));
    }

    #[test]
    fn repeated_keys_are_refused_at_every_depth_and_however_spelled() {
        assert_eq!(refuse("{\"a\":1,\"a\":1,\"b\":{}}"), "repeated key \"a\" at line 1 column 12");
        assert_eq!(refuse("{\"a\":1,\"\\u0061\":1,\"b\":{}}"), "repeated key \"a\" at line 1 column 17");
        assert_eq!(
            refuse("{\"a\":1,\"b\":{\"k\":{\"c\":[]},\"k\":{\"c\":[]}}}"),
            "repeated key \"k\" at line 1 column 38"
        );
    }

    #[test]
    fn arrays_are_no_objects() {
        assert_eq!(refuse("[1,{}]"), "an array stands at / where an object belongs");
        assert_eq!(refuse("{\"a\":1,\"b\":{\"k\":[[]]}}"), "an array stands at /b/k where an object belongs");
    }

    #[test]
    fn depth_length_and_surrogates_are_bounded() {
        let deep = format!("{}{}", "[".repeat(13), "]".repeat(13));
        assert_eq!(refuse(&deep), "nested more than 12 deep at line 1 column 14");
        assert_eq!(
            refuse(&format!("\"{}\"", "x".repeat(MAX_STRING_BYTES + 1))),
            "a string of 24577 bytes; at most 24576 are allowed at line 1 column 24579"
        );
        assert_eq!(refuse("{\"\\ud800\":1}"), "unexpected end of hex escape at line 1 column 9");
    }

    #[test]
    fn in_one_go_is_as_in_steps() {
        let nested = |depth: usize| (1..depth).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]));
        let text = |length: usize, of: &str| Value::String(of.repeat(length));
        for (document, in_one_go) in [
            (nested(MAX_JSON_DEPTH), true),
            (nested(MAX_JSON_DEPTH + 1), false),
            (text(MAX_STRING_BYTES, "x"), true),
            (text(MAX_STRING_BYTES + 1, "x"), false),
            // Not too long, but written with twice as many characters.
            (text(MAX_STRING_BYTES, "\""), false),
            (Value::Array(vec![text(2, "[{"), text(3, "\\"), text(MAX_JSON_DEPTH, "]\"[")]), true),
        ] {
            let bytes = to_bytes(&document);
            assert_eq!(parse_canonical::<Value>(&bytes, Form::Indented).is_some(), in_one_go, "{document}");
            assert_eq!(parse::<Value>(&bytes), parse_or_say_why(&bytes, Form::Indented), "{document}");
        }
        assert_eq!(parse_canonical::<Pair>(b"{\"a\":1,\"b\":{}}", Form::Indented), None);
    }

    #[test]
    fn a_budget_is_kept() {
        let parse = |text: &str| {
            let budget = Budget { string_bytes: 3, values: 4 };
            parse_value_within(text.as_bytes(), budget).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(parse("[\"abc\",{\"def\":1}]"), Ok(()));
        assert_eq!(parse("[1,[2,3]]").unwrap_err(), "more than 4 values at line 1 column 6");
        assert_eq!(parse("[\"abcd\"]").unwrap_err(), "a string of 4 bytes; at most 3 are allowed at line 1 column 7");
        assert_eq!(parse("{\"abcd\":1}").unwrap_err(), "a key of 4 bytes; at most 3 are allowed at line 1 column 7");
    }

    #[test]
    fn one_meaning_has_one_spelling() {
        let good = String::from_utf8(to_bytes(&Pair { a: 1, b: [].into() })).unwrap();
        assert_eq!(good, "{\n  \"a\": 1,\n  \"b\": {}\n}\n");
        assert_eq!(
            parse::<Pair>(good.replace("  \"b\"", "   \"b\"").as_bytes()),
            Err(JsonError::NotCanonical { line: 3 })
        );
        assert_eq!(parse::<Pair>(b"{\n  \"b\": {},\n  \"a\": 1\n}\n"), Err(JsonError::NotCanonical { line: 2 }));
        assert_eq!(parse::<Pair>(good.trim_end().as_bytes()), Err(JsonError::NotCanonical { line: 4 }));
        assert_eq!(refuse("{\"a\":1,\"b\":{},\"x\":0}"), "unknown field `x`, expected `a` or `b` at line 1 column 17");
        assert_eq!(refuse("{\"a\":1,\"b\":{}} 1"), "trailing characters at line 1 column 16");
    }
}
