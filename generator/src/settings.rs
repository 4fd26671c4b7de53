//! What the user says about a bundle.
//!
//! Input: flags, the file of `--config`, an install-config. Output: settings whose types check them
//! ([`options::BundleOptions`]), and what is known about the cluster's features ([`features::Features`]).

pub(crate) mod config;
pub mod features;
pub(crate) mod flags;
pub(crate) mod install_config;
pub mod options;
