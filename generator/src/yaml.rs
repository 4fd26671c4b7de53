//! Strict YAML.
//!
//! Input: untrusted text of a file. Output: its documents as trees in which every scalar keeps its text and whether
//! it was plain, so that nothing changes its meaning on the way (`no`, `010`, `12:30`). Anchors, aliases, tags, merge
//! keys, directives, keys that are no text, and repeated keys are refused, wherever they stand; depth and size are
//! bounded. The grammar is YAML 1.2's, read by `granit-parser`.

mod fields;
mod scalar;

pub(crate) use fields::{Cursor, FieldError, FieldProblem, Fields, KeyedEntry};
pub(crate) use scalar::Plain;

use std::collections::HashSet;

use bundle_schema::escape::Escaped;
use granit_parser::{Event, Parser, ScalarStyle, Span};

/// Nesting of collections: a CredentialsRequest needs 7, other objects in the same file rarely more than 20.
const MAX_DEPTH: usize = 32;
/// Scalars and collections of one file; a CredentialsRequest has about 100.
const MAX_NODES: usize = 200_000;

/// Keys of a mapping that are compared with each other one by one; with more of them, they are looked up.
const FEW_KEYS: usize = 16;

/// Why text is not YAML that can be read without doubt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub(crate) struct YamlError {
    /// From 1.
    pub(crate) line: usize,
    /// From 1.
    pub(crate) column: usize,
    /// What is wrong there.
    pub(crate) problem: YamlProblem,
}

/// What the reader refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum YamlProblem {
    /// Not YAML.
    #[error("{}", Escaped(.0))]
    Syntax(String),
    /// `&name`.
    #[error("anchors (&name) are not read\n  write the value where it is used")]
    Anchor,
    /// `*name`.
    #[error("aliases (*name) are not read\n  write the value where it is used")]
    Alias,
    /// `!tag`.
    #[error("tags (!name) are not read\n  leave the tag out, and quote the value if it is text")]
    Tag,
    /// `<<:`.
    #[error("merge keys (<<) are not read\n  write the fields where they are used")]
    MergeKey,
    /// A mapping or a list as a key.
    #[error("a key is a mapping or a list")]
    KeyNotScalar,
    /// A key that is there twice in one mapping.
    #[error("key \"{}\" occurs twice", Escaped(.0))]
    RepeatedKey(String),
    /// Too deep.
    #[error("nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// Too much.
    #[error("more than {MAX_NODES} values in one file")]
    TooMany,
}

/// A value and the line that it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Scalar { text: String, plain: bool },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Whether the key was plain: not quoted.
    pub(crate) plain: bool,
    pub(crate) value: Node,
}

impl Node {
    /// Whether it is empty, `~` or `null`, not quoted.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if Plain::of(text) == Plain::Null)
    }

    /// The value of a key, where this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }
}

/// Reads every document of a file, the empty ones included.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, YamlError> {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| YamlError {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            problem: YamlProblem::Syntax(error.info()),
        })?;
        builder.take(event, span).map_err(|problem| YamlError {
            line: span.start.line(),
            column: span.start.col() + 1,
            problem,
        })?;
    }
    Ok(builder.documents)
}

/// A collection that is not closed yet.
enum Open {
    Sequence { line: usize, items: Vec<Node> },
    Mapping { line: usize, entries: Vec<Entry>, keys: HashSet<String>, key: Option<(String, bool)> },
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlProblem> {
        let line = span.start.line();
        match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => Err(YamlProblem::Alias),
            Event::Scalar(_, _, 1.., _) | Event::SequenceStart(_, 1.., _) | Event::MappingStart(_, 1.., _) => {
                Err(YamlProblem::Anchor)
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => Err(YamlProblem::Tag),
            Event::Scalar(text, style, _, _) => {
                let plain = style == ScalarStyle::Plain;
                self.close(Node { line, value: Value::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(..) => self.begin(Open::Sequence { line, items: Vec::new() }),
            Event::MappingStart(..) => {
                self.begin(Open::Mapping { line, entries: Vec::new(), keys: HashSet::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::Sequence { line, items }) => self.close(Node { line, value: Value::Sequence(items) }),
                Some(Open::Mapping { line, entries, .. }) => self.close(Node { line, value: Value::Mapping(entries) }),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), YamlProblem> {
        if let Some(Open::Mapping { key: None, .. }) = self.open.last() {
            return Err(YamlProblem::KeyNotScalar);
        }
        if self.open.len() == MAX_DEPTH {
            return Err(YamlProblem::TooDeep);
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts a finished value where it belongs: into the document list, a sequence, or a mapping as key or value.
    fn close(&mut self, node: Node) -> Result<(), YamlProblem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(YamlProblem::TooMany);
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, keys, key, .. }) => match key.take() {
                Some((key, plain)) => entries.push(Entry { key, plain, value: node }),
                None => *key = Some(take_key(node, entries, keys)?),
            },
        }
        Ok(())
    }
}

/// A key of a mapping that has these entries so far. `keys` has theirs, where there are more than a few.
fn take_key(node: Node, entries: &[Entry], keys: &mut HashSet<String>) -> Result<(String, bool), YamlProblem> {
    let Value::Scalar { text, plain } = node.value else { return Err(YamlProblem::KeyNotScalar) };
    if plain && text == "<<" {
        return Err(YamlProblem::MergeKey);
    }
    let is_repeated = if entries.len() <= FEW_KEYS {
        entries.iter().any(|entry| entry.key == text)
    } else {
        if keys.is_empty() {
            keys.extend(entries.iter().map(|entry| entry.key.clone()));
        }
        !keys.insert(text.clone())
    };
    if is_repeated { Err(YamlProblem::RepeatedKey(text)) } else { Ok((text, plain)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(line: usize, text: &str, plain: bool) -> Node {
        Node { line, value: Value::Scalar { text: text.to_owned(), plain } }
    }

    fn refuse(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn scalars_keep_their_text_and_their_quotes() {
        let [document] = parse("- no\n- 'no'\n- \"012\"\n- 012\n- |\n  a\n").unwrap().try_into().unwrap();
        let Value::Sequence(items) = document.value else { panic!("a sequence is expected") };
        assert_eq!(
            items,
            [
                scalar(1, "no", true),
                scalar(2, "no", false),
                scalar(3, "012", false),
                scalar(4, "012", true),
                scalar(6, "a\n", false)
            ]
        );
    }

    #[test]
    fn every_document_counts_also_the_empty_ones() {
        let documents = parse("# comment\n---\n---\na: 1\n---\n").unwrap();
        assert_eq!(documents.iter().map(Node::is_null).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(parse("# only a comment\n").unwrap(), []);
        assert_eq!(parse("").unwrap(), []);
        assert!(!parse("''").unwrap()[0].is_null());
    }

    #[test]
    fn what_points_elsewhere_or_changes_meaning_is_refused() {
        assert_eq!(
            refuse("a: &x 1\n"),
            "line 1, column 7: anchors (&name) are not read\n  write the value where it is used"
        );
        assert_eq!(parse("a: &x [1]\nb: *x").unwrap_err().problem, YamlProblem::Anchor);
        assert_eq!(parse("b: *x").unwrap_err().line, 1);
        for tagged in ["a: !!str 1", "a: !x []", "!y {}"] {
            assert_eq!(parse(tagged).unwrap_err().problem, YamlProblem::Tag, "{tagged}");
        }
        assert_eq!(parse("<<: {a: 1}").unwrap_err().problem, YamlProblem::MergeKey);
        assert_eq!(parse("\"<<\": 1").unwrap()[0].get("<<"), Some(&scalar(1, "1", true)));
        for key in ["[a]: 1", "{a: b}: 1", "? - a\n: 1"] {
            assert_eq!(parse(key).unwrap_err().problem, YamlProblem::KeyNotScalar, "{key}");
        }
        assert!(refuse("%YAML 1.1\n---\na: 1\n").starts_with("line 1, column 1: "));
    }

    #[test]
    fn repeated_keys_are_refused_however_they_are_spelled() {
        assert_eq!(refuse("a: 1\nb: 2\na: 3\n"), "line 3, column 1: key \"a\" occurs twice");
        assert_eq!(refuse("{a: 1, \"\\x61\": 2}"), "line 1, column 8: key \"a\" occurs twice");
        assert!(parse("a: {a: 1}\nb: {a: 1}\n---\na: 1\n").is_ok());
    }

    #[test]
    fn repeated_keys_are_refused_among_few_and_among_many() {
        for count in (1..3 * FEW_KEYS).chain([1_000]) {
            let keys: Vec<String> = (0..count).map(|number| format!("k{number}: 1\n")).collect();
            let keys = keys.concat();
            assert!(parse(&keys).is_ok(), "{count}");
            for again in [0, count / 2, count - 1] {
                let text = format!("{keys}k{again}: 2\n");
                assert_eq!(refuse(&text), format!("line {}, column 1: key \"k{again}\" occurs twice", count + 1));
            }
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert!(parse(&"[".repeat(40)).is_err());
        assert!(parse(&"- ".repeat(40)).is_err());
        let wide = format!("[{}]", "a,".repeat(MAX_NODES + 1));
        assert_eq!(parse(&wide).unwrap_err().problem, YamlProblem::TooMany);
        assert!(parse("a: [\n").is_err());
    }
}
