//! A directory of CredentialsRequests, as `oc adm release extract --credentials-requests` fills it.
//!
//! Input: untrusted files. Output: the requests that become roles, what was skipped and why, and the files that hold
//! requests, unchanged. Every problem of every file is collected.
//!
//! The files of the directory itself are read whose names end in `.yaml`, `.yml` or `.json`, in the order of their names.
//! A link is followed inside the directory, as a mounted ConfigMap has it, and refused where it leads outside. Everything
//! else, and a file without a CredentialsRequest, is left out and reported.

mod problem;
pub mod request;
mod selection;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::index::Skipped;
use bundle_schema::escape::Escaped;
use bundle_schema::file::{OpenError, read_bounded};
use bundle_schema::limits::MAX_ARCHIVE_BYTES;
use bundle_schema::names::{EntryPath, NameError, ObjectName, Reason};
use bundle_schema::parallel;
use serde::Serialize;

pub use crate::requests::problem::{InvalidRequests, RequestProblem};
use crate::requests::request::Request;
use crate::requests::selection::{Other, Verdict, judge};
use crate::settings::features::Features;
use crate::yaml::{self, Cursor, FieldError, Node, YamlError};

/// One file, in bytes; a release's largest has 30 KiB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// All files together, in bytes: more fits no bundle.
const MAX_TOTAL_BYTES: u64 = MAX_ARCHIVE_BYTES;
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
    #[error("file \"{}\" cannot be in a bundle: {reason}\n  rename it", Escaped(.file))]
    FileName {
        /// Its name.
        file: String,
        /// Why.
        reason: String,
    },
    /// Too many files.
    #[error("{} has more than {MAX_FILES} files to read", Escaped(&.0.to_string_lossy()))]
    TooManyFiles(PathBuf),
    /// Too many bytes.
    #[error("files of {} have {found} bytes together; at most {MAX_TOTAL_BYTES} are allowed", Escaped(&.path.to_string_lossy()))]
    TooLarge {
        /// The directory.
        path: PathBuf,
        /// The sum of the files' sizes.
        found: u64,
    },
    /// A link out of the directory.
    #[error(
        "file \"{}\" is a link to {}, outside the directory of requests\n  replace the link by the file, if it belongs there",
        Escaped(.file), Escaped(&.target.to_string_lossy())
    )]
    Outside {
        /// The link's name.
        file: String,
        /// Where it leads.
        target: PathBuf,
    },
    /// No file, or none with a request for AWS.
    #[error(
        "{} holds no CredentialsRequest for AWS (skipped: {skipped} documents, left out: {left_out} files)\n  fill it with: oc adm release extract --credentials-requests --cloud=aws --to=DIR RELEASE",
        Escaped(&.path.to_string_lossy())
    )]
    Empty {
        /// The directory.
        path: PathBuf,
        /// Documents skipped.
        skipped: usize,
        /// Files left out.
        left_out: usize,
    },
    /// Requests that are wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidRequests),
}

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
    /// The files that hold a CredentialsRequest, unchanged, sorted by entry.
    pub files: Vec<(EntryPath, Vec<u8>)>,
    /// What else is in the directory, sorted by name.
    pub left_out: Vec<LeftOut>,
}

/// A file that is not in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub file: String,
    /// Why.
    pub reason: &'static str,
}

impl Requests {
    /// Reads a directory.
    pub fn of_directory(directory: &Path, features: &Features) -> Result<Self, RequestsError> {
        let listing = list(directory)?;
        let mut places = Vec::with_capacity(listing.files.len());
        let mut seen = HashSet::new();
        for (name, path) in listing.files {
            let refused = |reason: String| RequestsError::FileName { file: name.clone(), reason };
            let entry = EntryPath::new(format!("credentials-requests/{name}"));
            let entry = entry.map_err(|error: NameError| refused(error.rule.to_owned()))?;
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(refused("another file has the same name without regard to case".to_owned()));
            }
            places.push((entry, path));
        }
        let files = read_files(&places)?;
        let mut requests = Self::of_files(files, features)?;
        requests.left_out.extend(listing.left_out);
        requests.left_out.sort();
        if requests.selected.is_empty() {
            let (skipped, left_out) = (requests.skipped.len(), requests.left_out.len());
            return Err(RequestsError::Empty { path: directory.to_owned(), skipped, left_out });
        }
        Ok(requests)
    }

    /// Reads the files of a bundle, as a directory that holds them would be read: what a directory would leave out is left
    /// out here as well.
    pub fn of_bundle(contents: &Contents, features: &Features) -> Result<Self, InvalidRequests> {
        let (mut files, mut left_out, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        if contents.requests.len() > MAX_FILES {
            let message = format!("it is one of {} files; at most {MAX_FILES} are allowed", contents.requests.len());
            let last = contents.requests.last().map(|(source, _)| file_name(source).to_owned());
            problems.push(RequestProblem { file: last.unwrap_or_default(), document: None, message });
            return Err(InvalidRequests { problems });
        }
        for (source, bytes) in &contents.requests {
            let file = file_name(source).to_owned();
            if let Some(reason) = not_read(&file, false) {
                left_out.push(LeftOut { file, reason });
            } else if bytes.len() as u64 > MAX_FILE_BYTES {
                let message = format!("{} bytes; at most {MAX_FILE_BYTES} are allowed", bytes.len());
                problems.push(RequestProblem { file, document: None, message });
            } else {
                files.push((source.clone(), bytes.clone()));
            }
        }
        if !problems.is_empty() {
            return Err(InvalidRequests { problems });
        }
        let mut requests = Self::of_files(files, features)?;
        requests.left_out.extend(left_out);
        Ok(requests)
    }

    /// Reads files that are in memory already.
    pub fn of_files(mut files: Vec<(EntryPath, Vec<u8>)>, features: &Features) -> Result<Self, InvalidRequests> {
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut requests = Self::default();
        let mut problems = Vec::new();
        let read = parallel::map(&files, |(source, bytes)| read_file(source, bytes, features));
        for ((source, bytes), read) in files.into_iter().zip(read) {
            let file = file_name(&source).to_owned();
            let documents = match read {
                Ok(Some(documents)) => documents,
                Ok(None) => {
                    requests.left_out.push(LeftOut { file, reason: NO_REQUEST });
                    continue;
                }
                Err(message) => {
                    problems.push(RequestProblem { file, document: None, message });
                    continue;
                }
            };
            for (number, document) in (1..).zip(documents) {
                match document {
                    Ok(Document::Role(selected)) => requests.selected.push(*selected),
                    Ok(Document::Skipped(skipped)) => requests.skipped.push(skipped),
                    Err(error) => {
                        let (file, message) = (file.clone(), error.to_string());
                        problems.push(RequestProblem { file, document: Some(number), message });
                    }
                }
            }
            requests.files.push((source, bytes));
        }
        if problems.is_empty() { Ok(requests) } else { Err(InvalidRequests { problems }) }
    }
}

/// Reads all files. Their sizes were looked at, and may have changed since.
fn read_files(places: &[(EntryPath, PathBuf)]) -> Result<Vec<(EntryPath, Vec<u8>)>, OpenError> {
    let left = AtomicU64::new(MAX_TOTAL_BYTES);
    parallel::try_map(places, |(entry, path)| {
        let bytes = read_bounded(path, MAX_FILE_BYTES.min(left.load(Ordering::Relaxed)))?;
        let less = |left: u64| Some(left.saturating_sub(bytes.len() as u64));
        let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        Ok((entry.clone(), bytes))
    })
}

/// What one document of a file comes to.
enum Document {
    Role(Box<Selected>),
    Skipped(Skipped),
}

/// The documents of a file that goes into the bundle; none where no request is in it, an error where it is no YAML.
fn read_file(
    source: &EntryPath,
    bytes: &[u8],
    features: &Features,
) -> Result<Option<Vec<Result<Document, FieldError>>>, String> {
    let documents = read_documents(bytes)?;
    let verdicts: Vec<_> = documents.iter().map(|document| judge(document, features)).collect();
    if verdicts.iter().all(|verdict| matches!(verdict, Ok(Verdict::Other(_)))) {
        return Ok(None);
    }
    let numbered = documents.iter().zip(verdicts).zip(1..);
    let taken = numbered.map(|((document, verdict), number)| take(source, number, document, verdict?));
    Ok(Some(taken.collect()))
}

/// Takes one document of a file that goes into the bundle.
fn take(source: &EntryPath, number: u32, document: &Node, verdict: Verdict) -> Result<Document, FieldError> {
    let root = Cursor::root(document);
    match verdict {
        Verdict::Keep { undecided } => {
            let request = Request::read(&root)?;
            Ok(Document::Role(Box::new(Selected { request, source: source.clone(), document: number, undecided })))
        }
        Verdict::Other(Other { is_secret: true, .. }) => {
            Err(root.refused("a Secret must not be in a bundle\n  remove this document from the file"))
        }
        Verdict::Skip(reason) | Verdict::Other(Other { reason, .. }) => {
            let request = name_of(&root);
            let reason = Reason::new(printable(&reason)).map_err(|error| root.refused(error))?;
            Ok(Document::Skipped(Skipped { source: source.clone(), document: number, request, reason }))
        }
    }
}

const NO_REQUEST: &str = "it holds no CredentialsRequest";

/// `metadata.name`, where it is one.
fn name_of(document: &Cursor<'_>) -> Option<ObjectName> {
    document.at(&["metadata", "name"]).and_then(|name| name.text().ok().and_then(|name| ObjectName::new(name).ok()))
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

/// What a directory holds.
struct Listing {
    /// The files to read, sorted by name: each a name, and where the file is.
    files: Vec<(String, PathBuf)>,
    left_out: Vec<LeftOut>,
}

/// Looks for the files to read. Their number and size are checked before one of them is opened.
fn list(directory: &Path) -> Result<Listing, RequestsError> {
    let failed = |source| RequestsError::Directory { path: directory.to_owned(), source };
    let root = directory.canonicalize().map_err(failed)?;
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    let mut found = 0_u64;
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(failed)?;
        if let Some(reason) = not_read(&file, kind.is_dir()) {
            left_out.push(LeftOut { file, reason });
            continue;
        }
        let mut path = directory.join(&file);
        if kind.is_symlink()
            && let Ok(target) = path.canonicalize()
        {
            if !target.starts_with(&root) {
                return Err(RequestsError::Outside { file, target });
            }
            path = target;
        }
        found += std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        files.push((file, path));
        if files.len() > MAX_FILES {
            return Err(RequestsError::TooManyFiles(directory.to_owned()));
        }
    }
    if found > MAX_TOTAL_BYTES {
        return Err(RequestsError::TooLarge { path: directory.to_owned(), found });
    }
    files.sort();
    Ok(Listing { files, left_out })
}

/// Why a name is left alone.
fn not_read(file: &str, is_directory: bool) -> Option<&'static str> {
    if file.starts_with('.') {
        Some("its name begins with a dot")
    } else if is_directory {
        Some("it is a directory")
    } else if [".yaml", ".yml", ".json"].iter().any(|ending| file.ends_with(ending)) {
        None
    } else {
        Some("its name does not end in .yaml, .yml or .json")
    }
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
    fn files_without_a_request_are_left_out() {
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: aws-creds}\n";
        let config = "apiVersion: v1\nkind: Config\n";
        let other = format!("{HEAD}metadata: {{name: gcp}}\nspec: {{providerSpec: {{kind: GCPProviderSpec}}}}\n");
        let files = [("a.yaml", request("one").as_str()), ("b.yaml", secret), ("c.yaml", "---\n"), ("d.yaml", &other)]
            .map(|(name, text)| (name, text.to_owned()));
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let requests = read(&files).unwrap();
        let left_out: Vec<_> = requests.left_out.iter().map(|left| (left.file.as_str(), left.reason)).collect();
        assert_eq!(left_out, [("b.yaml", NO_REQUEST), ("c.yaml", NO_REQUEST)]);
        assert_eq!(requests.files.iter().map(|(path, _)| file_name(path)).collect::<Vec<_>>(), ["a.yaml", "d.yaml"]);
        assert_eq!(requests.skipped.len(), 1);

        let mixed = read(&[("a.yaml", &format!("{}---\n{config}---\n{secret}", request("one")))]).unwrap_err();
        assert_eq!(
            mixed.to_string(),
            "a.yaml, document 3: the document (line 12): a Secret must not be in a bundle\n  remove this document from the file"
        );
        let kept = read(&[("a.yaml", &format!("{}---\n{config}", request("one")))]).unwrap();
        assert_eq!(kept.skipped[0].reason.as_str(), "it is of kind Config, not CredentialsRequest");
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
        let text = format!("{}---\nkind: \"a\\x1b{}\"\n", request("one"), "b".repeat(400));
        let requests = read(&[("a.yaml", &text)]).unwrap();
        let reason = requests.skipped[0].reason.as_str();
        assert!(reason.starts_with("it is of kind a?bbb") && reason.len() == 300, "{reason}");
    }
}
