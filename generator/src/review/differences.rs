//! Where a bundle is not what its requests and settings give.
//!
//! Input: the contents of a bundle, which is not trusted, and the contents that were made again. Output: every difference,
//! by role and statement; none only where the two are equal in every entry. Roles are compared by their Secret, which a
//! request names and no two roles share.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use bundle_schema::documents::DistributionDocuments;
use bundle_schema::documents::contents::{BucketDocuments, Contents, RoleDocuments};
use bundle_schema::documents::index::{Component, Skipped};
use bundle_schema::documents::policy::{Effect, PermissionStatement};
use bundle_schema::escape::EscapedWhole;
use bundle_schema::json::to_bytes;
use bundle_schema::names::{EntryPath, INDEX_PATH};

use super::changes::changes;
use super::report::{Changed, Difference};
use crate::build::again::AgainError;

/// A role as one of the two contents have it.
type Role<'a> = (&'a Component, &'a RoleDocuments);
/// Whose policy it should be, by a policy's one spelling.
type Owners<'a> = HashMap<String, &'a Component>;

/// In one line, escaped: `prod-registry, statement 1: action granted and not asked for: s3:PutBucketPolicy`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, role, statement, message, expected, found } = self;
        write!(f, "{}", EscapedWhole(role.as_ref().unwrap_or(entry)))?;
        if let Some(statement) = statement {
            write!(f, ", statement {statement}")?;
        }
        write!(f, ": {}", EscapedWhole(message))?;
        match (expected, found) {
            (None, None) => Ok(()),
            (Some(one), None) | (None, Some(one)) => write!(f, ": {}", EscapedWhole(one)),
            (Some(expected), Some(found)) => {
                write!(f, ": expected {}, found {}", EscapedWhole(expected), EscapedWhole(found))
            }
        }
    }
}

/// A bundle that cannot be made again is not what anybody asked for, either.
pub(crate) fn not_made(error: &AgainError) -> Vec<Difference> {
    let at = |entry: String, message: String| difference(&entry, None, format!("cannot be made again: {message}"));
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    match error {
        AgainError::Requests(invalid) => {
            let problem = |problem: &crate::requests::RequestProblem| {
                let document = problem.document.map(|number| format!("document {number}: ")).unwrap_or_default();
                at(
                    format!("credentials-requests/{}", problem.file),
                    first_line(format!("{document}{}", problem.message)),
                )
            };
            invalid.problems.iter().map(problem).collect()
        }
        other => vec![at(INDEX_PATH.to_owned(), first_line(other.to_string()))],
    }
}

/// Every difference: of roles first, then of requests, then of the rest.
pub(crate) fn differences(found: &Contents, expected: &Contents) -> Vec<Difference> {
    let mut list = List::default();
    list.roles(found, expected);
    list.requests(found, expected);
    list.skipped(found, expected);
    list.rest(found, expected);
    if list.0.is_empty() && found != expected {
        list.add(difference(INDEX_PATH, None, "is not what the requests and settings give"));
    }
    list.0
}

/// A difference of which neither side is shown.
fn difference(entry: &str, role: Option<&Component>, message: impl Into<String>) -> Difference {
    Difference {
        entry: entry.to_owned(),
        role: role.map(|component| component.role_name.to_string()),
        statement: None,
        message: message.into(),
        expected: None,
        found: None,
    }
}

#[derive(Default)]
struct List(Vec<Difference>);

impl List {
    fn add(&mut self, difference: Difference) {
        self.0.push(difference);
    }

    fn requests(&mut self, found: &Contents, expected: &Contents) {
        let files =
            |contents: &'_ Contents| -> BTreeMap<EntryPath, Vec<u8>> { contents.requests.iter().cloned().collect() };
        let (found, expected) = (files(found), files(expected));
        for (path, bytes) in &found {
            match expected.get(path) {
                None => self.add(difference(path.as_str(), None, "no role and no skipped document comes from it")),
                Some(other) if other != bytes => {
                    let line = first_other_line(bytes, other);
                    self.add(difference(path.as_str(), None, format!("another file from line {line} on")));
                }
                Some(_) => {}
            }
        }
        for path in expected.keys().filter(|path| !found.contains_key(*path)) {
            self.add(difference(path.as_str(), None, "is not in the bundle"));
        }
    }

    fn skipped(&mut self, found: &Contents, expected: &Contents) {
        let (found, expected) = (&found.header.skipped, &expected.header.skipped);
        let words = |Skipped { document, request, reason, .. }: &Skipped| {
            let name = request.as_ref().map_or_else(|| "without a name".to_owned(), ToString::to_string);
            format!("document {document} ({name}): {reason}")
        };
        let before = self.0.len();
        for one in found.iter().filter(|one| !expected.contains(one)) {
            let message = "listed as skipped for a reason that does not hold";
            self.add(Difference { found: Some(words(one)), ..difference(one.source.as_str(), None, message) });
        }
        for one in expected.iter().filter(|one| !found.contains(one)) {
            let message = "skipped, and not listed so";
            self.add(Difference { expected: Some(words(one)), ..difference(one.source.as_str(), None, message) });
        }
        if self.0.len() == before && found != expected {
            self.add(difference(INDEX_PATH, None, "lists the skipped documents in another order, or one twice"));
        }
    }

    fn roles(&mut self, found: &Contents, expected: &Contents) {
        let (bundle, made) = (by_secret(found), by_secret(expected));
        let owners: Owners<'_> =
            made.values().map(|(component, role)| (role.policy.policy_document.text(), *component)).collect();
        for (secret, role) in &bundle {
            match made.get(secret) {
                None => self.without_request(*role),
                Some(other) => self.role(*role, *other, &owners),
            }
        }
        for (secret, role) in &made {
            if !bundle.contains_key(secret) {
                self.without_role(*role);
            }
        }
    }

    fn without_request(&mut self, (component, role): Role<'_>) {
        let message = "statement granted and not asked for: no request asks for this role";
        for (number, statement) in (1..).zip(role.statements()) {
            let at = difference(&component.policy_document(), Some(component), message);
            self.add(Difference { statement: Some(number), found: Some(statement.to_string()), ..at });
        }
    }

    fn without_role(&mut self, (component, role): Role<'_>) {
        let message = format!("statement asked for and not granted: request {} has no role", component.request);
        for statement in role.statements() {
            let at = difference(component.source.as_str(), Some(component), message.clone());
            self.add(Difference { expected: Some(statement.to_string()), ..at });
        }
    }

    fn role(&mut self, found: Role<'_>, expected: Role<'_>, owners: &Owners<'_>) {
        self.component(found.0, expected.0);
        let ((component, documents), (_, other)) = (found, expected);
        let boundary = |role: &RoleDocuments| role.create.permissions_boundary.as_ref().map(ToString::to_string);
        if boundary(documents) != boundary(other) {
            let none = || Some("none".to_owned());
            let (expected, found) = (boundary(other).or_else(none), boundary(documents).or_else(none));
            let at = difference(&component.role_document(), Some(component), "another permissions boundary");
            self.add(Difference { expected, found, ..at });
        }
        if documents.policy.policy_document != other.policy.policy_document {
            if let Some(owner) = owners.get(&documents.policy.policy_document.text()) {
                let message = format!("has the policy of {}", owner.role_name);
                self.add(difference(&component.policy_document(), Some(component), message));
            }
            self.policy(component, documents.statements(), other.statements());
        }
        // What else there is in the two documents follows from the index, with which a reader has compared them.
    }

    /// What the index says of a role.
    fn component(&mut self, found: &Component, expected: &Component) {
        let fields = [
            ("another request", expected.request.to_string(), found.request.to_string()),
            ("another source", expected.source.to_string(), found.source.to_string()),
            ("another role name", expected.role_name.to_string(), found.role_name.to_string()),
            ("another token path", expected.token_path.to_string(), found.token_path.to_string()),
        ];
        for (message, expected_value, found_value) in fields {
            if expected_value != found_value {
                let at = difference(INDEX_PATH, Some(found), message);
                self.add(Difference { expected: Some(expected_value), found: Some(found_value), ..at });
            }
        }
        let (may, should) = (&found.service_accounts, &expected.service_accounts);
        let before = self.0.len();
        let entry = found.role_document();
        for account in may.iter().filter(|account| !should.contains(account)) {
            let at = difference(&entry, Some(found), "service account that may assume the role and was not asked for");
            self.add(Difference { found: Some(account.to_string()), ..at });
        }
        for account in should.iter().filter(|account| !may.contains(account)) {
            let at = difference(&entry, Some(found), "service account asked for that may not assume the role");
            self.add(Difference { expected: Some(account.to_string()), ..at });
        }
        if self.0.len() == before && may != should {
            self.add(difference(INDEX_PATH, Some(found), "names the service accounts in another order"));
        }
    }

    fn policy(&mut self, component: &Component, granted: &[PermissionStatement], asked: &[PermissionStatement]) {
        let entry = component.policy_document();
        let changes = changes(asked, granted);
        for change in &changes {
            // A statement that is missing has no number in the bundle.
            let missing = !change.came && change.what == Changed::Statement;
            let policy = if missing { asked } else { granted };
            let statement = change.statement.and_then(|number| policy.get(number.wrapping_sub(1)));
            let grants = statement.is_none_or(|statement| statement.effect == Effect::Allow);
            let (what, verb) = match change.what {
                Changed::Statement => ("statement", if grants { "granted" } else { "refused" }),
                Changed::Action => ("action", if grants { "granted" } else { "refused" }),
                Changed::Resource => ("resource", "set"),
                _ => ("condition", "set"),
            };
            let (message, value) = if change.came {
                (format!("{what} {verb} and not asked for"), (None, Some(change.value.clone())))
            } else {
                (format!("{what} asked for and not {verb}"), (Some(change.value.clone()), None))
            };
            let (expected, found) = value;
            let at = difference(&entry, Some(component), message);
            self.add(Difference { statement: change.statement.filter(|_| !missing), expected, found, ..at });
        }
        if changes.is_empty() {
            self.add(difference(&entry, Some(component), "has the same statements and actions in another order"));
        }
    }

    /// The documents that the index and the key give alone. A reader has compared them with each other already.
    fn rest(&mut self, found: &Contents, expected: &Contents) {
        let (of_bundle, made) = (served_documents(found), served_documents(expected));
        for entry in of_bundle.keys().chain(made.keys().filter(|entry| !of_bundle.contains_key(*entry))) {
            if of_bundle.get(entry) != made.get(entry) {
                self.add(difference(entry, None, "is not what the settings give"));
            }
        }
        let (Some(found), Some(expected)) = (&found.issuer, &expected.issuer) else { return };
        let documents = [
            ("oidc/openid-configuration", found.discovery == expected.discovery),
            ("oidc/keys.json", found.jwks == expected.jwks),
            ("serviceaccount-signer.public", found.public_key == expected.public_key),
            ("aws/identity-provider.json", found.provider == expected.provider),
        ];
        for (entry, _) in documents.into_iter().filter(|(_, same)| !same) {
            self.add(difference(entry, None, "is not what the settings give"));
        }
    }
}

/// The documents of the bucket and of its distribution, by entry.
fn served_documents(contents: &Contents) -> BTreeMap<&'static str, Vec<u8>> {
    let mut documents = BTreeMap::new();
    if let Some(BucketDocuments { create, public_access_block, policy, tagging }) = &contents.bucket {
        documents.insert("aws/bucket.json", to_bytes(create));
        documents.insert("aws/bucket-public-access-block.json", to_bytes(public_access_block));
        documents.extend(policy.as_ref().map(|policy| ("aws/bucket-policy.json", to_bytes(policy))));
        documents.insert("aws/bucket-tagging.json", to_bytes(tagging));
    }
    if let Some(DistributionDocuments { access_control, create }) = &contents.distribution {
        documents.insert("aws/cloudfront-origin-access-control.json", to_bytes(access_control));
        documents.insert("aws/cloudfront-distribution.json", to_bytes(create));
    }
    documents
}

/// The first line of a file that another one has not, from 1.
fn first_other_line(file: &[u8], other: &[u8]) -> usize {
    let lines = |bytes| <[u8]>::split(bytes, |byte: &u8| *byte == b'\n');
    1 + lines(file).zip(lines(other)).take_while(|(a, b)| a == b).count()
}

fn by_secret(contents: &Contents) -> BTreeMap<String, Role<'_>> {
    contents.each_role().map(|role| (role.0.secret(), role)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::build;
    use crate::requests::Requests;
    use crate::settings::options::{BundleOptions, Issuer};
    use crate::settings::sample;
    use bundle_schema::documents::PublicAccessBlock;

    fn endpoint() -> Contents {
        let options = BundleOptions { issuer: Issuer::Endpoint(None), audiences: vec![], ..sample::options() };
        build(&options, Requests::default(), None).unwrap().freeze().unwrap().contents().clone()
    }

    #[test]
    fn the_document_of_the_bucket_that_differs_is_named() {
        let (made, mut found) = (endpoint(), endpoint());
        assert_eq!(differences(&found, &made), []);
        let block = &mut found.bucket.as_mut().unwrap().public_access_block;
        block.public_access_block_configuration = PublicAccessBlock::PUBLIC_ISSUER;
        found.distribution = None;
        let lines: Vec<String> = differences(&found, &made).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "aws/bucket-public-access-block.json: is not what the settings give",
                "aws/cloudfront-distribution.json: is not what the settings give",
                "aws/cloudfront-origin-access-control.json: is not what the settings give",
            ]
        );
    }
}
