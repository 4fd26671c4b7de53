//! What the user says about a bundle.
//!
//! Input: flags, the file of `--config`, an install-config. Output: settings whose types check them
//! ([`options::BundleOptions`]), and what is known about the cluster's features ([`features::Features`]).

pub(crate) mod config;
pub(crate) mod endpoint;
pub(crate) mod endpoint_receipt;
pub mod features;
pub(crate) mod flags;
pub(crate) mod install_config;
pub(crate) mod issuer;
pub(crate) mod moving;
pub mod options;
pub(crate) mod previous;
pub(crate) mod provider;
mod recorded;
#[cfg(test)]
pub(crate) mod sample;

/// Service accounts of one request: more do not fit a trust policy, where each takes at least 27 of IAM's 8,192
/// characters.
pub(crate) const MAX_SERVICE_ACCOUNTS: usize = 300;
