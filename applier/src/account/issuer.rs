//! The issuer as everybody sees it: its documents, read without credentials.
//!
//! AWS reads them in this way to check every token, and other blocks than the bucket's own can keep it from doing so: the
//! account's, the organisation's, a key that encrypts the objects; or, where somebody else publishes them, DNS, a certificate, a
//! cache. Input: answers from the network, which are untrusted: bounded, compared by the caller, never shown raw.

pub(crate) mod web;

use std::pin::Pin;
use std::time::Duration;

/// The longest document that is read: the largest has a few kilobytes.
const MAX_BODY: usize = 64 * 1024;

/// A document, once it was read.
pub(crate) type Published<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Unread>> + Send + 'a>>;

/// Reading the issuer without credentials.
pub(crate) trait ReadIssuer: Send + Sync + 'static {
    /// What is published under this key, as far as it is not longer than any document of an issuer.
    fn published<'a>(&'a self, key: &'a str) -> Published<'a>;
    /// How long what was just published may take to be readable everywhere.
    fn patience(&self) -> Duration;
    /// What to do where another document is published.
    fn advice(&self) -> &'static str;
}

/// Why a document was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// What was answered; not escaped.
    pub(crate) answer: String,
    /// What to look for.
    pub(crate) advice: &'static str,
}
