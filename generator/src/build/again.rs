//! A bundle made again from what is in it: its requests, its public keys and the settings that it records.
//!
//! Input: the contents of a bundle that is consistent in itself, from whoever made it, and perhaps requests from elsewhere.
//! Output: what this program makes of them. Identity, dates, generator version and the digest of the bundle before are taken
//! from the bundle: nothing shapes them. Whether the two are the same is for the caller to say.

use bundle_schema::documents::contents::Contents;

use super::{BuildError, build};
use crate::keys::published::PublishedKeys;
use crate::requests::{InvalidRequests, Requests, Selected};
use crate::settings::features::{Features, UnknownName};
use crate::settings::options::BundleOptions;

/// Why a bundle cannot be made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgainError {
    /// It was made with a setting of another version of this program.
    #[error(transparent)]
    Settings(#[from] UnknownName),
    /// Its requests cannot be read.
    #[error(transparent)]
    Requests(#[from] InvalidRequests),
    /// Its requests and settings make no bundle.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What the requests and settings of a bundle give.
#[derive(Debug)]
pub struct Again {
    contents: Contents,
    requests: Vec<Selected>,
}

impl Again {
    /// From the requests that are in the bundle.
    pub fn of_bundle(bundle: &Contents) -> Result<Self, AgainError> {
        let options = BundleOptions::of_bundle(bundle)?;
        let requests = Requests::of_bundle(bundle, &options.features)?;
        Self::make(bundle, &options, requests)
    }

    /// From requests that somebody else has read, with the features that the bundle records.
    pub fn of_requests(bundle: &Contents, requests: Requests) -> Result<Self, AgainError> {
        Self::make(bundle, &BundleOptions::of_bundle(bundle)?, requests)
    }

    fn make(bundle: &Contents, options: &BundleOptions, requests: Requests) -> Result<Self, AgainError> {
        let selected = requests.selected.clone();
        Ok(Self { contents: contents(bundle, options, requests)?, requests: selected })
    }

    /// What the bundle should say.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The requests that became roles.
    #[must_use]
    pub fn requests(&self) -> &[Selected] {
        &self.requests
    }
}

/// What the requests and settings that are in a bundle give.
pub(crate) fn made_again(bundle: &Contents) -> Result<Contents, AgainError> {
    let options = BundleOptions::of_bundle(bundle)?;
    let requests = Requests::of_bundle(bundle, &options.features)?;
    contents(bundle, &options, requests)
}

fn contents(bundle: &Contents, options: &BundleOptions, requests: Requests) -> Result<Contents, AgainError> {
    let mut contents = build(options, requests, PublishedKeys::of_bundle(bundle))?.contents;
    contents.header.generator_version = bundle.header.generator_version.clone();
    Ok(contents)
}

/// The features of the cluster that a bundle was made for.
pub fn features(bundle: &Contents) -> Result<Features, AgainError> {
    Ok(BundleOptions::of_bundle(bundle)?.features)
}
