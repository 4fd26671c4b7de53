//! STS Airlock's generator: everything that happens before a bundle crosses over.
//!
//! It holds private keys and reads CredentialsRequests. It has no network: no crate under it opens a socket.

pub mod build;
mod cli;
mod commands;
mod failure;
pub mod keys;
mod output;
mod progress;
pub mod requests;
pub mod review;
pub mod settings;
mod yaml;

pub use cli::{command, run};
