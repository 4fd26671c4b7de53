//! A directory of CredentialsRequests, as `oc adm release extract --credentials-requests` fills it.
//!
//! Input: untrusted files. Output: the requests that become roles, what was skipped and why, and the files as they
//! were. Every problem of every file is collected.
//!
//! Read are the files of the directory itself whose names end in `.yaml`, `.yml` or `.json`, in the order of their names;
//! links to files are followed, as a mounted ConfigMap has them. Names that begin with a dot, other names and folders are
//! not read, and reported.

pub mod request;
mod selection;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use bundle_schema::documents::index::Skipped;
use bundle_schema::escape::Escaped;
use bundle_schema::file::{OpenError, read_bounded};
use bundle_schema::names::{EntryPath, NameError, ObjectName, Reason};

use crate::requests::request::Request;
use crate::requests::selection::{Verdict, judge};
use crate::settings::features::Features;
use crate::yaml::{self, Cursor, FieldError, Node, YamlError};

/// One file, in bytes; a release's largest has 30 KiB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Files of one directory; a release has about 20.
const MAX_FILES: usize = 4096;

/// Why a directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RequestsError {
    /// The directory itself.
    #[error("{} cannot be read", Escaped(&.path.to_string_lossy()))]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// One of its files.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file whose name a bundle cannot have.
    #[error("file \"{}\" cannot stand in a bundle: {reason}\n  rename it", Escaped(.file))]
    FileName {
        /// Its name.
        file: String,
        /// Why.
        reason: String,
    },
    /// Too many files.
    #[error("{} has more than {MAX_FILES} files to read", Escaped(&.0.to_string_lossy()))]
    TooManyFiles(PathBuf),
    /// No file, or none with a request for AWS.
    #[error(
        "{} holds no CredentialsRequest for AWS ({files} files read, {skipped} documents skipped)\n  fill it with: oc adm release extract --credentials-requests --cloud=aws --to=DIR RELEASE",
        Escaped(&.path.to_string_lossy())
    )]
    Empty {
        /// The directory.
        path: PathBuf,
        /// Files read.
        files: usize,
        /// Documents skipped.
        skipped: usize,
    },
    /// Requests that are wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidRequests),
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestProblem {
    /// The file's name.
    pub file: String,
    /// Which of its documents, from 1; none where the file is no YAML.
    pub document: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for RequestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.document {
            Some(document) => write!(f, "{}, document {document}: {}", Escaped(&self.file), self.message),
            None => write!(f, "{}, {}", Escaped(&self.file), self.message),
        }
    }
}

/// Everything that is wrong with the requests; at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRequests {
    /// In the order of the files.
    pub problems: Vec<RequestProblem>,
}

/// As many problems as are worth printing.
const MAX_SHOWN: usize = 20;

impl fmt::Display for InvalidRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = self.problems.as_slice() {
            return one.fmt(f);
        }
        write!(f, "invalid CredentialsRequests: {} problems", self.problems.len())?;
        for problem in self.problems.iter().take(MAX_SHOWN) {
            write!(f, "\n- {problem}")?;
        }
        match self.problems.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for InvalidRequests {}

/// A request that becomes a role, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The request.
    pub request: Request,
    /// The entry that holds it.
    pub source: EntryPath,
    /// Which document of the file it is, from 1.
    pub document: u32,
    /// Feature gates that it depends on and whose state is not known.
    pub undecided: Vec<String>,
}

impl fmt::Display for Selected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, document {})", self.request.name, file_name(&self.source), self.document)
    }
}

/// The name of the file that an entry holds.
pub(crate) fn file_name(source: &EntryPath) -> &str {
    source.as_str().rsplit('/').next().unwrap_or_default()
}

/// The requests of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requests {
    /// Those that become roles, in the order of files and documents.
    pub selected: Vec<Selected>,
    /// The documents that do not, and why.
    pub skipped: Vec<Skipped>,
    /// The files as they are, sorted by entry.
    pub files: Vec<(EntryPath, Vec<u8>)>,
    /// Names in the directory that were not read.
    pub ignored: Vec<String>,
}

impl Requests {
    /// Reads a directory.
    pub fn of_directory(directory: &Path, features: &Features) -> Result<Self, RequestsError> {
        let (names, ignored) = list(directory)?;
        let mut files = Vec::with_capacity(names.len());
        let mut seen = HashSet::new();
        for name in names {
            let refused = |reason: String| RequestsError::FileName { file: name.clone(), reason };
            let entry = EntryPath::new(format!("credentials-requests/{name}"));
            let entry = entry.map_err(|error: NameError| refused(error.rule.to_owned()))?;
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(refused("another file has the same name without regard to case".to_owned()));
            }
            files.push((entry, read_bounded(&directory.join(&name), MAX_FILE_BYTES)?));
        }
        let requests = Self { ignored, ..Self::of_files(files, features)? };
        if requests.selected.is_empty() {
            let (files, skipped) = (requests.files.len(), requests.skipped.len());
            return Err(RequestsError::Empty { path: directory.to_owned(), files, skipped });
        }
        Ok(requests)
    }

    /// Reads files that are in memory already.
    pub fn of_files(mut files: Vec<(EntryPath, Vec<u8>)>, features: &Features) -> Result<Self, InvalidRequests> {
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut requests = Self::default();
        let mut problems = Vec::new();
        for (source, bytes) in &files {
            let mut problem = |document, message| {
                problems.push(RequestProblem { file: file_name(source).to_owned(), document, message });
            };
            match read_documents(bytes) {
                Err(message) => problem(None, message),
                Ok(documents) => {
                    for (document, number) in documents.iter().zip(1..) {
                        if let Err(message) = requests.take(source, number, document, features) {
                            problem(Some(number), message);
                        }
                    }
                }
            }
        }
        requests.files = files;
        if problems.is_empty() { Ok(requests) } else { Err(InvalidRequests { problems }) }
    }

    fn take(&mut self, source: &EntryPath, number: u32, document: &Node, features: &Features) -> Result<(), String> {
        let text = |error: FieldError| error.to_string();
        match judge(document, features).map_err(text)? {
            Verdict::Keep { undecided } => {
                let request = Request::read(&Cursor::root(document)).map_err(text)?;
                self.selected.push(Selected { request, source: source.clone(), document: number, undecided });
            }
            Verdict::Skip(reason) => {
                let name = Cursor::root(document).at(&["metadata", "name"]);
                let request = name.and_then(|name| name.text().ok().and_then(|name| ObjectName::new(name).ok()));
                let reason = Reason::new(printable(&reason)).map_err(|error| error.to_string())?;
                self.skipped.push(Skipped { source: source.clone(), document: number, request, reason });
            }
        }
        Ok(())
    }
}

/// A reason quotes the document: what the format has no place for is replaced, what is too long is cut.
fn printable(reason: &str) -> String {
    let shown = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    reason.chars().map(shown).take(300).collect()
}

fn read_documents(bytes: &[u8]) -> Result<Vec<Node>, String> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| format!("byte {}: it is not UTF-8", error.valid_up_to() + 1))?;
    yaml::parse(text).map_err(|error: YamlError| error.to_string())
}

/// The names of the files to read and of those to leave alone, sorted.
fn list(directory: &Path) -> Result<(Vec<String>, Vec<String>), RequestsError> {
    let failed = |source| RequestsError::Directory { path: directory.to_owned(), source };
    let (mut names, mut ignored) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_request =
            [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)) && !name.starts_with('.');
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if is_request && !is_folder {
            names.push(name);
        } else {
            ignored.push(name);
        }
        if names.len() > MAX_FILES {
            return Err(RequestsError::TooManyFiles(directory.to_owned()));
        }
    }
    names.sort();
    ignored.sort();
    Ok((names, ignored))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\n";

    fn request(name: &str) -> String {
        format!(
            "{HEAD}metadata: {{name: {name}}}\nspec:\n  secretRef: {{name: {name}, namespace: ns}}\n  serviceAccountNames: [a]\n\
             \x20 providerSpec: {{kind: AWSProviderSpec, statementEntries: [{{effect: Allow, action: ['s3:*'], resource: '*'}}]}}\n"
        )
    }

    fn read(files: &[(&str, &str)]) -> Result<Requests, InvalidRequests> {
        let entry = |(name, text): &(&str, &str)| {
            (EntryPath::new(format!("credentials-requests/{name}")).unwrap(), text.as_bytes().to_vec())
        };
        Requests::of_files(files.iter().map(entry).collect(), &Features::default())
    }

    #[test]
    fn documents_are_numbered_and_skips_keep_their_reason() {
        let other = format!("{HEAD}metadata: {{name: gcp}}\nspec: {{providerSpec: {{kind: GCPProviderSpec}}}}\n");
        let file = format!("{}---\n---\n{other}---\n{}", request("one"), request("two"));
        let requests = read(&[("b.yaml", &request("three")), ("a.yaml", &file)]).unwrap();
        let selected: Vec<_> = requests.selected.iter().map(ToString::to_string).collect();
        assert_eq!(selected, ["one (a.yaml, document 1)", "two (a.yaml, document 4)", "three (b.yaml, document 1)"]);
        let skipped: Vec<_> = requests
            .skipped
            .iter()
            .map(|s| (s.document, s.request.as_ref().map(ObjectName::as_str), s.reason.as_str()))
            .collect();
        assert_eq!(
            skipped,
            [
                (2, None, "the document is empty"),
                (3, Some("gcp"), "providerSpec is of kind GCPProviderSpec, not AWSProviderSpec")
            ]
        );
        assert_eq!(requests.files.iter().map(|(path, _)| file_name(path)).collect::<Vec<_>>(), ["a.yaml", "b.yaml"]);
    }

    #[test]
    fn every_problem_names_its_file_document_and_field() {
        let wrong = format!("{}---\n{}", request("one"), request("two").replace("Allow", "allow"));
        let error = read(&[("a.yaml", &wrong)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.yaml, document 2: spec.providerSpec.statementEntries[0].effect (line 15): it is neither Allow nor Deny"
        );
        let error =
            read(&[("a.yaml", &wrong), ("b.yaml", "a: [\n"), ("c.json", "\u{1}"), ("d.yml", "kind: 5")]).unwrap_err();
        assert_eq!(error.problems.len(), 4);
        assert!(error.to_string().starts_with("invalid CredentialsRequests: 4 problems\n- a.yaml, document 2: "));
        assert!(error.problems[1].to_string().starts_with("b.yaml, line "), "{}", error.problems[1]);
    }

    #[test]
    fn json_is_read_as_what_it_is() {
        let json = r#"{"apiVersion":"cloudcredential.openshift.io/v1","kind":"CredentialsRequest","metadata":{"name":"x"},
            "spec":{"secretRef":{"name":"x","namespace":"ns"},"serviceAccountNames":["a"],"providerSpec":{"kind":"AWSProviderSpec",
            "statementEntries":[{"effect":"Allow","action":["s3:GetObject"],"resource":"*","policyCondition":{"Bool":{"a:b":true}}}]}}}"#;
        assert_eq!(read(&[("x.json", json)]).unwrap().selected.len(), 1);
    }

    #[test]
    fn reasons_are_printable() {
        let text = format!("kind: \"a\\x1b{}\"\n", "b".repeat(400));
        let requests = read(&[("a.yaml", &text)]).unwrap();
        let reason = requests.skipped[0].reason.as_str();
        assert!(reason.starts_with("it is of kind a?bbb") && reason.len() == 300, "{reason}");
    }
}
