//! Taking typed values out of a YAML document, field by field. An error names the field by its path and its line.

use std::fmt;
use std::str::FromStr;

use bundle_schema::escape::Escaped;

use super::{Entry, Node, Plain, Value};

/// A field that is not what its place demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} (line {line}){problem}", Escaped(.path))]
pub(crate) struct FieldError {
    /// Where, as `spec.providerSpec.statementEntries[0].action`.
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) problem: FieldProblem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldProblem {
    /// A required field.
    #[error(" has no field \"{0}\"")]
    Missing(&'static str),
    /// A field that nobody would read.
    #[error(" has the unknown field \"{}\"; known are {}", Escaped(.field), .known.join(", "))]
    Unknown {
        /// Its name.
        field: String,
        /// The names that are known there.
        known: Vec<&'static str>,
    },
    /// A list where text belongs, or the like.
    #[error(": expected {expected}, found {found}")]
    Kind {
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A plain scalar that is no text to every reader of YAML.
    #[error(" is {}, which is {reading}, not text\n  quote it: \"{}\"", Escaped(.text), Escaped(.text))]
    Quote {
        /// As it was written.
        text: String,
        /// What readers take it for.
        reading: &'static str,
    },
    /// A value that its type refuses, in that type's words.
    #[error(": {0}")]
    Refused(String),
}

/// A key, what it is where it was not quoted, and its value.
pub(crate) type KeyedEntry<'a> = (&'a str, Option<Plain>, Cursor<'a>);

/// A value and the document that it is in.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    document: &'a Node,
    node: &'a Node,
}

/// How a value is reached from another that it is in: `.spec.list[0]`. It is looked for only where there is an error.
fn path(from: &Node, to: &Node) -> Option<String> {
    if std::ptr::eq(from, to) {
        return Some(String::new());
    }
    match &from.value {
        Value::Scalar { .. } => None,
        Value::Sequence(items) => {
            items.iter().enumerate().find_map(|(index, item)| Some(format!("[{index}]{}", path(item, to)?)))
        }
        Value::Mapping(entries) => {
            entries.iter().find_map(|entry| Some(format!(".{}{}", entry.key, path(&entry.value, to)?)))
        }
    }
}

impl<'a> Cursor<'a> {
    /// A document's root.
    pub(crate) fn root(node: &'a Node) -> Self {
        Self { document: node, node }
    }

    /// The value at the end of a path of keys, unless it is missing or empty (`field:`, `~`, `null`), which means the same.
    pub(crate) fn at(&self, path: &[&str]) -> Option<Cursor<'a>> {
        path.iter().try_fold(*self, |cursor, key| {
            let node = cursor.node.get(key).filter(|node| !node.is_null())?;
            Some(cursor.below(node))
        })
    }

    pub(crate) fn error(&self, problem: FieldProblem) -> FieldError {
        let path = path(self.document, self.node).filter(|path| !path.is_empty());
        let path = path.map(|path| path.strip_prefix('.').unwrap_or(&path).to_owned());
        FieldError { path: path.unwrap_or_else(|| "the document".to_owned()), line: self.node.line, problem }
    }

    pub(crate) fn refused(&self, reason: impl fmt::Display) -> FieldError {
        self.error(FieldProblem::Refused(reason.to_string()))
    }

    fn kind(&self, expected: &'static str) -> FieldError {
        let found = match &self.node.value {
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Scalar { .. } if self.node.is_null() => "empty",
            Value::Scalar { .. } => "a single value",
        };
        self.error(FieldProblem::Kind { found, expected })
    }

    /// A mapping whose fields are these and no others.
    pub(crate) fn fields(&self, known: &[&'static str]) -> Result<Fields<'a>, FieldError> {
        let Value::Mapping(entries) = &self.node.value else { return Err(self.kind("a mapping")) };
        match entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            None => Ok(Fields { cursor: *self }),
            Some(entry) => Err(FieldError {
                line: entry.value.line,
                ..self.error(FieldProblem::Unknown { field: entry.key.clone(), known: known.to_vec() })
            }),
        }
    }

    /// A mapping of any keys.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Cursor<'a>)>, FieldError> {
        let Value::Mapping(entries) = &self.node.value else { return Err(self.kind("a mapping")) };
        Ok(entries.iter().map(|entry| (entry.key.as_str(), self.below(&entry.value))).collect())
    }

    /// A mapping of any keys, with what each key is where it was not quoted.
    pub(crate) fn keyed_entries(&self) -> Result<Vec<KeyedEntry<'a>>, FieldError> {
        let Value::Mapping(entries) = &self.node.value else { return Err(self.kind("a mapping")) };
        let keyed = |entry: &'a Entry| {
            let plain = entry.plain.then(|| Plain::of(&entry.key));
            (entry.key.as_str(), plain, self.below(&entry.value))
        };
        Ok(entries.iter().map(keyed).collect())
    }

    /// A list.
    pub(crate) fn items(&self) -> Result<Vec<Cursor<'a>>, FieldError> {
        let Value::Sequence(items) = &self.node.value else { return Err(self.kind("a list")) };
        Ok(items.iter().map(|node| self.below(node)).collect())
    }

    /// The line on which the value begins, from 1.
    pub(crate) fn line(&self) -> usize {
        self.node.line
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::Sequence(_))
    }

    /// A single value: its text, and what it is where it was not quoted.
    pub(crate) fn scalar(&self) -> Result<(&'a str, Option<Plain>), FieldError> {
        match &self.node.value {
            Value::Scalar { text, plain: true } => Ok((text, Some(Plain::of(text)))),
            Value::Scalar { text, plain: false } => Ok((text, None)),
            _ => Err(self.kind("a single value")),
        }
    }

    /// Text, quoted or such that every reader of YAML takes it for text.
    pub(crate) fn text(&self) -> Result<&'a str, FieldError> {
        match self.scalar()? {
            (text, None | Some(Plain::Text)) => Ok(text),
            (_, Some(Plain::Null)) => Err(self.kind("text")),
            (text, Some(plain)) => Err(self.quote(text, plain)),
        }
    }

    pub(crate) fn quote(&self, text: &str, plain: Plain) -> FieldError {
        let reading = match plain {
            Plain::Boolean(_) => "a boolean",
            Plain::Integer(_) => "a number",
            Plain::Null => "nothing",
            Plain::Ambiguous | Plain::Text => "read differently by different readers of YAML",
        };
        self.error(FieldProblem::Quote { text: text.to_owned(), reading })
    }

    /// Text of a type that checks it.
    pub(crate) fn parse<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, FieldError> {
        self.text()?.parse().map_err(|error| self.refused(error))
    }

    /// Text, or a number that can have no other spelling, such as an account ID without a leading zero.
    pub(crate) fn parse_digits<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, FieldError> {
        match self.scalar()? {
            (text, Some(Plain::Integer(_))) => text.parse().map_err(|error| self.refused(error)),
            _ => self.parse(),
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Result<bool, FieldError> {
        match self.scalar()? {
            (_, Some(Plain::Boolean(value))) => Ok(value),
            _ => Err(self.kind("true or false")),
        }
    }

    fn below(&self, node: &'a Node) -> Cursor<'a> {
        Cursor { document: self.document, node }
    }
}

/// A mapping whose fields are known.
pub(crate) struct Fields<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Fields<'a> {
    /// A field, unless it is missing or empty.
    pub(crate) fn optional(&self, name: &str) -> Option<Cursor<'a>> {
        self.cursor.at(&[name])
    }

    /// A required field.
    pub(crate) fn required(&self, name: &'static str) -> Result<Cursor<'a>, FieldError> {
        self.optional(name).ok_or_else(|| self.cursor.error(FieldProblem::Missing(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;
    use bundle_schema::names::Namespace;

    fn with<T>(text: &str, read: impl FnOnce(Cursor<'_>) -> Result<T, FieldError>) -> Result<T, String> {
        let documents = yaml::parse(text).unwrap();
        read(Cursor::root(&documents[0])).map_err(|error| error.to_string())
    }

    #[test]
    fn errors_name_the_field_and_the_line() {
        let read = |cursor: Cursor<'_>| {
            let fields = cursor.fields(&["a"])?.required("a")?.fields(&["b", "c"])?;
            fields.required("b")?.items()?.iter().map(Cursor::parse::<Namespace>).collect::<Result<Vec<_>, _>>()
        };
        assert_eq!(with("a:\n  b: [x]\n", read).map(|list| list.len()), Ok(1));
        assert_eq!(
            with("a:\n  b: [x, X]\n", read),
            Err("a.b[1] (line 2): invalid namespace \"X\": must consist of a-z, 0-9 and -".to_owned())
        );
        assert_eq!(with("a:\n  c: 1\n", read), Err("a (line 2) has no field \"b\"".to_owned()));
        assert_eq!(with("a:\n  b:\n", read), Err("a (line 2) has no field \"b\"".to_owned()));
        assert_eq!(
            with("a:\n  d: 1\n", read),
            Err("a (line 2) has the unknown field \"d\"; known are b, c".to_owned())
        );
        assert_eq!(with("a:\n  b: x\n", read), Err("a.b (line 2): expected a list, found a single value".to_owned()));
        assert_eq!(with("[]", read), Err("the document (line 1): expected a mapping, found a list".to_owned()));
        assert_eq!(
            with("a:\n  b:\n  - no\n", read),
            Err("a.b[0] (line 3) is no, which is read differently by different readers of YAML, not text\n  quote it: \"no\""
                .to_owned())
        );
        assert_eq!(
            with("a:\n  b:\n  - 12\n", read),
            Err("a.b[0] (line 3) is 12, which is a number, not text\n  quote it: \"12\"".to_owned())
        );
        assert_eq!(with("a:\n  b:\n  - \"12\"\n", read).map(|list| list.len()), Ok(1));
    }
}
