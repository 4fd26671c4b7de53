//! The requests of a bundle, read back from its entries.
//!
//! Input: the contents of an inspected bundle, whose request files nobody has looked into yet. Output: the requests as
//! they were read when the bundle was made, or every problem. Each document of each file is accounted for, by a component
//! or a skipped document of `bundle.json`, so that nothing travels in a bundle that made no part of it.
//!
//! Whether a skip is right depends on settings that are not in a bundle; whether a role's policy is what its request asks
//! for is for those to say who build the bundle again.

use std::collections::HashMap;

use bundle_schema::bundle::{Invalid, Problem};
use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::index::{Component, Header, Skipped};
use bundle_schema::escape::EscapedUpTo;
use bundle_schema::names::{EntryPath, INDEX_PATH};

use super::request::Request;
use super::selection::{Other, other_object};
use super::{MAX_FILE_BYTES, MAX_FILES, NO_REQUEST, Requests, Selected, file_name, not_read, read_documents};
use crate::yaml::{Cursor, Node};

/// What a problem says at most, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

impl Requests {
    /// Reads the requests of a bundle, as [`Requests::of_files`] read them when it was made; `undecided` and `left_out`
    /// are empty, as a bundle does not say.
    pub fn of_bundle(contents: &Contents) -> Result<Self, Invalid> {
        let mut reader = Reader::new(&contents.header);
        if contents.requests.len() > MAX_FILES {
            let found = contents.requests.len();
            reader.problem("credentials-requests/", format!("{found} files; at most {MAX_FILES} are allowed"));
        } else {
            for (source, bytes) in &contents.requests {
                reader.read(source, bytes);
            }
            reader.check_all_found();
        }
        let Reader { selected, problems, .. } = reader;
        if !problems.is_empty() {
            return Err(Invalid { problems });
        }
        let (skipped, files) = (contents.header.skipped.clone(), contents.requests.clone());
        Ok(Self { selected, skipped, files, left_out: Vec::new() })
    }
}

/// Where a component comes from: its file and its Secret, as `<namespace>/<secret>`.
type Origin<'a> = (&'a EntryPath, String);

/// What `bundle.json` lists and was not found yet, and what was found.
struct Reader<'a> {
    components: HashMap<Origin<'a>, &'a Component>,
    skipped: HashMap<(&'a EntryPath, u32), &'a Skipped>,
    selected: Vec<Selected>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(header: &'a Header) -> Self {
        let origin = |c: &'a Component| (&c.source, format!("{}/{}", c.secret_namespace, c.secret_name));
        let mut reader = Self {
            components: header.components.iter().map(|component| (origin(component), component)).collect(),
            skipped: HashMap::with_capacity(header.skipped.len()),
            selected: Vec::with_capacity(header.components.len()),
            problems: Vec::new(),
        };
        for one in &header.skipped {
            if reader.skipped.insert((&one.source, one.document), one).is_some() {
                reader.problem(INDEX_PATH, format!("skipped lists document {} of {} twice", one.document, one.source));
            }
        }
        reader
    }

    fn problem(&mut self, entry: &str, message: impl Into<String>) {
        self.problems.push(Problem { entry: entry.to_owned(), message: message.into() });
    }

    /// One file: every document of it.
    fn read(&mut self, source: &'a EntryPath, bytes: &[u8]) {
        if let Some(reason) = not_read(file_name(source), false) {
            return self.problem(source.as_str(), reason);
        }
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let found = bytes.len();
            return self.problem(source.as_str(), format!("{found} bytes; at most {MAX_FILE_BYTES} are allowed"));
        }
        let documents = match read_documents(bytes) {
            Ok(documents) => documents,
            Err(message) => return self.problem(source.as_str(), first_line(&message)),
        };
        let mut has_request = false;
        let found = self.problems.len();
        for (document, number) in documents.iter().zip(1..) {
            match self.read_document(source, document, number) {
                Ok(is_request) => has_request |= is_request,
                Err(message) => self.problem(source.as_str(), format!("document {number}: {}", first_line(&message))),
            }
        }
        if !has_request && self.problems.len() == found {
            self.problem(source.as_str(), NO_REQUEST);
        }
    }

    /// Whether the document is a CredentialsRequest.
    fn read_document(&mut self, source: &'a EntryPath, document: &Node, number: u32) -> Result<bool, String> {
        let skipped = self.skipped.remove(&(source, number));
        let root = Cursor::root(document);
        match (other_object(document).map_err(|error| error.to_string())?, skipped) {
            (Some(Other { is_secret: true, .. }), _) => Err("it is a Secret, which must not be in a bundle".to_owned()),
            (other, Some(skipped)) => check_name(&root, skipped).map(|()| other.is_none()),
            (None, None) => {
                let request = Request::read(&root).map_err(|error| error.to_string())?;
                // A component that is found is taken out: a second document for the same Secret has none.
                let Some(component) = self.components.remove(&(source, request.secret())) else {
                    return Err(format!(
                        "no component comes from request {}, and skipped does not list it",
                        request.name
                    ));
                };
                check_component(&request, component)?;
                let undecided = Vec::new();
                self.selected.push(Selected { request, source: source.clone(), document: number, undecided });
                Ok(true)
            }
            (Some(Other { reason, .. }), None) => Err(format!("{reason}, and skipped does not list it")),
        }
    }

    /// Whatever `bundle.json` lists has to be there.
    fn check_all_found(&mut self) {
        // A file that cannot be read holds nothing that could be found.
        if !self.problems.is_empty() {
            return;
        }
        let mut missing: Vec<String> = Vec::new();
        for ((source, secret), Component { role_name, .. }) in &self.components {
            missing.push(format!("component {role_name}: no document of {source} asks for its Secret {secret}"));
        }
        for (source, number) in self.skipped.keys() {
            missing.push(format!("skipped lists document {number} of {source}, which is not there"));
        }
        missing.sort();
        for message in missing {
            self.problem(INDEX_PATH, message);
        }
    }
}

/// A skipped document has the name that the index gives it.
fn check_name(root: &Cursor<'_>, skipped: &Skipped) -> Result<(), String> {
    let found = super::name_of(root);
    if found == skipped.request {
        return Ok(());
    }
    let shown = |name: Option<&_>| name.map_or_else(|| "none".to_owned(), ToString::to_string);
    Err(format!("metadata.name: expected {}, found {}", shown(skipped.request.as_ref()), shown(found.as_ref())))
}

/// A component says what its request says. Service accounts may be given to a request that has none.
fn check_component(request: &Request, component: &Component) -> Result<(), String> {
    let names = |names: &[_]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let accounts =
        if request.service_accounts.is_empty() { &component.service_accounts } else { &request.service_accounts };
    for (field, expected, found) in [
        ("metadata.name", component.request.to_string(), request.name.to_string()),
        ("spec.serviceAccountNames", names(&component.service_accounts), names(accounts)),
        ("spec.cloudTokenPath", component.token_path.to_string(), request.token_path.to_string()),
    ] {
        if expected != found {
            return Err(format!("{field}: expected {expected}, found {found}"));
        }
    }
    Ok(())
}

/// What happened, without advice to whoever writes requests.
fn first_line(message: &str) -> String {
    EscapedUpTo(message.lines().next().unwrap_or_default(), MAX_MESSAGE_CHARS).to_string()
}
