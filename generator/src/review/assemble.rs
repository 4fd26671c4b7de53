//! From a bundle to its review.
//!
//! Input: a bundle that was read and is consistent in itself, what it is compared with, and what the reviewer gave. Output:
//! the review, whole. Nothing here reads a file or a clock.

use bundle_schema::bundle::Inspection;
use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::names::Timestamp;
use bundle_schema::signature::Signer;

use super::accepted::Accepted;
use super::action_data::ActionData;
use super::against::comparison;
use super::differences::{differences, not_made};
use super::findings::{self, Subject, around};
use super::report::{Finding, Identity, Key, PrivateBucket, REVIEW_VERSION, Rebuild, RequestsFrom, Review, Settings};
use super::roles::{Levels, Sources, roles};
use crate::build::again::{Again, AgainError};
use crate::requests::Requests;

/// What a review is made of, besides the bundle.
pub struct Around<'a> {
    /// Requests from elsewhere, read with the features that the bundle records; without them those in the bundle count.
    pub requests: Option<Requests>,
    /// The bundle to compare with.
    pub against: Option<&'a Inspection>,
    /// Who signed; none where signatures were not checked.
    pub signers: Option<Vec<Signer>>,
    /// Findings of whoever checked signatures and limits.
    pub findings: Vec<Finding>,
    /// What is known of IAM's actions.
    pub data: &'a ActionData,
    /// The findings that were accepted.
    pub accepted: &'a Accepted,
    /// Now, for acceptances that expire.
    pub now: Timestamp,
}

/// Reviews a bundle.
#[must_use]
pub fn review(bundle: &Inspection, around: Around<'_>) -> Review {
    let Around { requests, against, signers, findings: given, data, accepted, now } = around;
    let contents = bundle.contents();
    let from = if requests.is_some() { RequestsFrom::Directory } else { RequestsFrom::Bundle };
    let again = match requests {
        None => Again::of_bundle(contents),
        Some(requests) => Again::of_requests(contents, requests),
    };
    let rebuild = rebuild(contents, from, &again);
    let requests = again.as_ref().map(Again::requests).unwrap_or_default();
    let sources = Sources::new(requests);
    let comparison = against.map(|old| comparison(old, contents, data));
    let mut findings = findings::find(&Subject { contents, selected: requests }, data);
    findings.extend(comparison.iter().flat_map(around::of_comparison));
    findings.extend(around::expired(contents.header.expires, now));
    findings.extend(given);
    accepted.mark(&mut findings, now);
    findings::sort(&mut findings);
    Review {
        review_version: REVIEW_VERSION,
        bundle: identity(bundle),
        keys: keys(contents),
        signatures_checked: signers.is_some(),
        signers: signers.unwrap_or_default(),
        rebuild,
        comparison,
        roles: roles(contents, &sources, &mut Levels::new(data)),
        findings,
        skipped: contents.header.skipped.clone(),
        settings: settings(contents),
        action_data: data.version(),
    }
}

fn rebuild(contents: &Contents, requests: RequestsFrom, again: &Result<Again, AgainError>) -> Rebuild {
    let differences = match again {
        Ok(again) => differences(contents, again.contents()),
        Err(error) => not_made(error),
    };
    let version = contents.header.generator_version.as_str();
    Rebuild {
        identical: differences.is_empty(),
        requests,
        made_by: (version != env!("CARGO_PKG_VERSION")).then(|| version.to_owned()),
        differences,
    }
}

/// The key that signs, then the others.
fn keys(contents: &Contents) -> Vec<Key> {
    let key = |(index, key): (usize, &ServiceAccountKey)| Key {
        kid: key.kid().to_owned(),
        key: key.describe(),
        signs: index == 0,
    };
    contents.keys().enumerate().map(key).collect()
}

fn identity(bundle: &Inspection) -> Identity {
    let header = &bundle.contents().header;
    Identity {
        kind: header.kind,
        name: header.name.to_string(),
        serial: header.serial,
        sha256: bundle.digest().clone(),
        account_id: header.account_id.to_string(),
        partition: header.partition.to_string(),
        region: header.region.to_string(),
        issuer_url: header.issuer_url.as_ref().map(ToString::to_string),
        former_issuers: header.former_issuers.iter().map(|former| former.issuer_url.to_string()).collect(),
        private_bucket: PrivateBucket::of(header),
        created: header.created,
        expires: header.expires,
    }
}

fn settings(contents: &Contents) -> Settings {
    let header = &contents.header;
    Settings {
        recorded: header.settings.clone(),
        role_path: header.role_path.clone(),
        tags: header.tags.clone(),
        audiences: contents.audiences().to_vec(),
        thumbprints: contents.issuer.as_ref().and_then(|issuer| issuer.provider.thumbprint_list.clone()),
        generator_version: header.generator_version.to_string(),
    }
}
