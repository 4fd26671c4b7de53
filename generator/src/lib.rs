//! STS Airlock's generator: everything that happens before a bundle crosses over.
//!
//! It holds private keys and reads CredentialsRequests. It has no network: no crate under it opens a socket.

pub mod build;
mod cli;
mod commands;
mod config;
mod failure;
pub mod features;
mod install_archive;
mod install_config;
pub mod options;
mod output;
mod password;
mod report;
pub mod request;
pub mod requests;
pub mod roles;
mod selection;
pub mod service_account_key;
mod settings;
pub mod signing_key;
mod yaml;

pub use cli::run;
