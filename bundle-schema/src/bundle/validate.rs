//! Step 7 of FORMAT.md: the documents of a bundle agree with its index, with each other and with the services' limits.
//!
//! Input: documents that each parsed. Output: contents whose meaning is what the index says, or every problem. The applier sends what passed here without another look.

mod index;
mod roles;

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use self::index::{check_components, check_header};
use self::roles::check_role;
use crate::documents::contents::{BucketDocuments, Contents, IssuerDocuments, RoleDocuments, path};
use crate::documents::index::{Component, Header};
use crate::documents::{CreateOpenIdConnectProvider, Discovery, DistributionDocuments, Jwk, Jwks, manifest};
use crate::escape::Escaped;
use crate::limits::{MAX_AUDIENCES, MAX_PUBLIC_KEYS, MAX_THUMBPRINTS};
use crate::names::Audience;
use crate::parallel;

/// One thing that does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The entry.
    pub entry: String,
    /// What is wrong, with both values.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Escaped(&self.entry), self.message)
    }
}

/// Everything that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// As many problems as are worth printing.
const MAX_SHOWN: usize = 20;
/// Problems that are collected; a hostile bundle could have any number.
const MAX_PROBLEMS: usize = 1000;

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid bundle: {} problem(s)", self.problems.len())?;
        for problem in self.problems.iter().take(MAX_SHOWN) {
            write!(f, "\n  {problem}")?;
        }
        match self.problems.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl std::error::Error for Invalid {}

/// Checks contents, and the bytes of their manifests: the Authentication resource of a cluster, then a Secret for each component.
pub(crate) fn validate(contents: &Contents, manifests: &[(String, Vec<u8>)]) -> Result<(), Invalid> {
    let mut problems = Problems::default();
    check_header(&contents.header, &mut problems);
    check_components(contents, &mut problems);
    if let Some(issuer) = &contents.issuer {
        check_issuer(&contents.header, issuer, &mut problems);
        check_provider(&contents.header, &issuer.provider, &mut problems);
    }
    if let Some(bucket) = &contents.bucket {
        check_bucket(&contents.header, bucket, &mut problems);
    }
    if let Some(distribution) = &contents.distribution {
        check_distribution(&contents.header, distribution, &mut problems);
    }
    check_roles(contents, &mut problems);
    check_manifests(contents, manifests, &mut problems);
    if problems.found.is_empty() { Ok(()) } else { Err(Invalid { problems: problems.found }) }
}

/// All roles at once; one after the other where there is a problem, so that no more are collected than are kept.
fn check_roles(contents: &Contents, problems: &mut Problems) {
    let roles: Vec<_> = contents.each_role().collect();
    let is_sound = |(component, role): &(&Component, &RoleDocuments)| {
        let mut of_role = Problems::default();
        check_role(&contents.header, component, role, &mut of_role);
        if of_role.found.is_empty() { Ok(()) } else { Err(()) }
    };
    if parallel::try_map(&roles, is_sound).is_err() {
        for (component, role) in roles {
            check_role(&contents.header, component, role, problems);
        }
    }
}

#[derive(Default)]
struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    fn add(&mut self, entry: &str, message: impl Into<String>) {
        if self.found.len() < MAX_PROBLEMS {
            self.found.push(Problem { entry: entry.to_owned(), message: message.into() });
        }
    }

    /// Adds a problem where the two are not equal, and shows both.
    fn equal<T: PartialEq + Serialize + ?Sized>(&mut self, entry: &str, field: &str, found: &T, expected: &T) {
        if found != expected {
            self.add(entry, format!("{field}: expected {}, found {}", shown(expected), shown(found)));
        }
    }

    fn at_most(&mut self, entry: &str, what: &str, found: usize, limit: usize) {
        if found > limit {
            self.add(entry, format!("{what}: {found}; at most {limit} are allowed"));
        }
    }
}

fn shown<T: Serialize + ?Sized>(value: &T) -> String {
    Escaped(&serde_json::to_string(value).unwrap_or_default()).to_string()
}

/// Whether no two are the same without regard to case; the first that is there twice, otherwise.
fn repeated<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(name.to_lowercase())).map(|name| Escaped(name).to_string())
}

fn check_issuer(header: &Header, issuer: &IssuerDocuments, problems: &mut Problems) {
    let IssuerDocuments { discovery, jwks, public_key, further_keys, .. } = issuer;
    let expected_jwks = Jwks::of(issuer.keys());
    // Of a cluster without an issuer the index itself is refused.
    let Some(url) = &header.issuer_url else { return };
    let expected = Discovery::of(url, &expected_jwks);
    let Discovery {
        issuer,
        jwks_uri,
        response_types_supported,
        subject_types_supported,
        id_token_signing_alg_values_supported,
        claims_supported,
    } = &expected;
    let at = path::DISCOVERY;
    problems.equal(at, "issuer", &discovery.issuer, issuer);
    problems.equal(at, "jwks_uri", &discovery.jwks_uri, jwks_uri);
    problems.equal(at, "response_types_supported", &discovery.response_types_supported, response_types_supported);
    problems.equal(at, "subject_types_supported", &discovery.subject_types_supported, subject_types_supported);
    let algorithms = &discovery.id_token_signing_alg_values_supported;
    problems.equal(at, "id_token_signing_alg_values_supported", algorithms, id_token_signing_alg_values_supported);
    problems.equal(at, "claims_supported", &discovery.claims_supported, claims_supported);
    check_jwks(jwks, &expected_jwks, problems);
    problems.at_most(path::KEYS, "public keys", 1 + further_keys.len(), MAX_PUBLIC_KEYS);
    if let Some(twice) = further_keys.iter().find(|key| *key == public_key) {
        problems.add(&path::key(twice), format!("is the key of {} again", path::PUBLIC_KEY));
    }
}

/// The keys that are published are those of the bundle, in their order.
fn check_jwks(jwks: &Jwks, expected: &Jwks, problems: &mut Problems) {
    let at = path::JWKS;
    if jwks.keys.len() != expected.keys.len() {
        let (expected, found) = (expected.keys.len(), jwks.keys.len());
        return problems.add(at, format!("keys: expected exactly {expected}, found {found}"));
    }
    for (index, (found, expected)) in jwks.keys.iter().zip(&expected.keys).enumerate() {
        check_jwk(index, found, expected, problems);
    }
}

fn check_jwk(index: usize, found: &Jwk, expected: &Jwk, problems: &mut Problems) {
    let at = path::JWKS;
    // The key that signs is the one that is meant where none is named.
    let named = |field: &str| if index == 0 { field.to_owned() } else { format!("keys[{index}].{field}") };
    let Jwk { usage, kty, kid, alg, n, e, crv, x, y } = expected;
    problems.equal(at, &named("use"), &found.usage, usage);
    problems.equal(at, &named("kty"), &found.kty, kty);
    problems.equal(at, &named("kid"), &found.kid, kid);
    problems.equal(at, &named("alg"), &found.alg, alg);
    for (field, found, expected) in
        [("n", &found.n, n), ("e", &found.e, e), ("crv", &found.crv, crv), ("x", &found.x, x), ("y", &found.y, y)]
    {
        problems.equal(at, &named(field), found, expected);
    }
}

fn check_bucket(header: &Header, bucket: &BucketDocuments, problems: &mut Problems) {
    let BucketDocuments { create, public_access_block, policy, tagging } = bucket;
    let expected = BucketDocuments::of(header);
    let at = path::BUCKET;
    problems.equal(at, "Bucket", &create.bucket, &expected.create.bucket);
    let configuration = &expected.create.create_bucket_configuration;
    problems.equal(at, "CreateBucketConfiguration", &create.create_bucket_configuration, configuration);
    problems.equal(at, "ObjectOwnership", &create.object_ownership, &expected.create.object_ownership);

    let (at, found, expected_block) =
        (path::BUCKET_PUBLIC_ACCESS_BLOCK, public_access_block, &expected.public_access_block);
    problems.equal(at, "Bucket", &found.bucket, &expected_block.bucket);
    problems.equal(at, "ExpectedBucketOwner", &found.expected_bucket_owner, &expected_block.expected_bucket_owner);
    let (found, expected_block) =
        (&found.public_access_block_configuration, &expected_block.public_access_block_configuration);
    problems.equal(at, "PublicAccessBlockConfiguration", found, expected_block);

    if let (Some(policy), Some(expected)) = (policy, &expected.policy) {
        let at = path::BUCKET_POLICY;
        problems.equal(at, "Bucket", &policy.bucket, &expected.bucket);
        problems.equal(at, "ExpectedBucketOwner", &policy.expected_bucket_owner, &expected.expected_bucket_owner);
        problems.equal(at, "Policy", &policy.policy.0, &expected.policy.0);
    }

    let at = path::BUCKET_TAGGING;
    problems.equal(at, "Bucket", &tagging.bucket, &expected.tagging.bucket);
    problems.equal(at, "ExpectedBucketOwner", &tagging.expected_bucket_owner, &expected.tagging.expected_bucket_owner);
    problems.equal(at, "TagSet", &tagging.tagging.tag_set, &expected.tagging.tagging.tag_set);
}

fn check_distribution(header: &Header, distribution: &DistributionDocuments, problems: &mut Problems) {
    let DistributionDocuments { access_control, create } = distribution;
    let expected = DistributionDocuments::of(header);
    let (found, own) =
        (&access_control.origin_access_control_config, &expected.access_control.origin_access_control_config);
    problems.equal(path::ACCESS_CONTROL, "OriginAccessControlConfig", found, own);
    let (found, own) = (&create.distribution_config_with_tags, &expected.create.distribution_config_with_tags);
    let at = path::DISTRIBUTION;
    problems.equal(at, "Tags", &found.tags, &own.tags);
    let (found, own) = (&found.distribution_config, &own.distribution_config);
    problems.equal(at, "CallerReference", &found.caller_reference, &own.caller_reference);
    problems.equal(at, "Aliases", &found.aliases, &own.aliases);
    problems.equal(at, "Origins", &found.origins, &own.origins);
    problems.equal(at, "DefaultCacheBehavior", &found.default_cache_behavior, &own.default_cache_behavior);
    problems.equal(at, "Comment", &found.comment, &own.comment);
    problems.equal(at, "Enabled", &found.enabled, &own.enabled);
    problems.equal(at, "ViewerCertificate", &found.viewer_certificate, &own.viewer_certificate);
    problems.equal(at, "HttpVersion", &found.http_version, &own.http_version);
    problems.equal(at, "IsIPV6Enabled", &found.is_ipv6_enabled, &own.is_ipv6_enabled);
}

fn check_provider(header: &Header, provider: &CreateOpenIdConnectProvider, problems: &mut Problems) {
    let CreateOpenIdConnectProvider { url, client_id_list, thumbprint_list, tags } = provider;
    let at = path::PROVIDER;
    problems.equal(at, "Url", &Some(url), &header.issuer_url.as_ref());
    check_audiences(at, "ClientIDList", client_id_list, problems);
    if let Some(thumbprints) = thumbprint_list {
        if thumbprints.is_empty() {
            problems.add(at, "ThumbprintList is empty; leave it out to let IAM fetch the chain");
        }
        problems.at_most(at, "ThumbprintList", thumbprints.len(), MAX_THUMBPRINTS);
        if let Some(thumbprint) = repeated(thumbprints.iter().map(crate::names::Thumbprint::as_str)) {
            problems.add(at, format!("ThumbprintList names {thumbprint} twice"));
        }
    }
    problems.equal(at, "Tags", tags, &header.tags);
}

fn check_audiences(at: &str, field: &str, audiences: &[Audience], problems: &mut Problems) {
    if audiences.is_empty() {
        problems.add(at, format!("{field} is empty; tokens need an audience"));
    }
    problems.at_most(at, field, audiences.len(), MAX_AUDIENCES);
    let mut seen = HashSet::new();
    if let Some(audience) = audiences.iter().find(|audience| !seen.insert(*audience)) {
        problems.add(at, format!("{field} names {} twice", Escaped(audience.as_str())));
    }
}

fn check_manifests(contents: &Contents, manifests: &[(String, Vec<u8>)], problems: &mut Problems) {
    let header = &contents.header;
    let issuer = contents.issuer.as_ref().and(header.issuer_url.as_ref());
    let authentication = issuer.into_iter().map(manifest::authentication);
    let secrets = parallel::map(&header.components, |component| manifest::secret(header, component));
    let rendered = authentication.chain(secrets);
    for ((entry, found), expected) in manifests.iter().zip(rendered) {
        let found = String::from_utf8_lossy(found);
        if found != expected {
            let same = found.split('\n').zip(expected.split('\n')).take_while(|(a, b)| a == b).count();
            let (found, expected) = (line(&found, same), line(&expected, same));
            problems.add(entry, format!("line {}: expected {expected}, found {found}", same + 1));
        }
    }
}

/// A line as an error shows it: without its indentation, but with whatever else is invisible in it.
fn line(text: &str, index: usize) -> String {
    match text.split('\n').nth(index) {
        None => "the end of the file".to_owned(),
        Some("") if text.split('\n').count() == index + 1 => "the end of the file".to_owned(),
        Some(line) => shown(line.trim_start_matches(' ')),
    }
}
