//! Whether the public reads at the issuer what was signed.
//!
//! Input: the bundle's documents and a way to read the issuer without credentials. Output: nothing, when discovery document
//! and JWKS are the bundle's; otherwise, after a while, why not.

use std::io::{Write, stderr};
use std::time::{Duration, Instant};

use bundle_schema::documents::contents::{IssuerDocuments, IssuerObject};
use bundle_schema::documents::index::Header;
use bundle_schema::escape::EscapedUpTo;
use bundle_schema::layout::fold;
use bundle_schema::names::Sha256;

use crate::account::issuer::ReadIssuer;

/// How long what was just published may take to be readable everywhere.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_secs(2);

/// Why the check failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IssuerError {
    /// A document cannot be read without credentials.
    #[error(
        "the public cannot read the issuer's document {url}: {}\n  AWS reads it to check every token: look for a public access block of the account or the organization, a KMS key on the bucket, a proxy\n  then run this again, or leave the check out with --skip-issuer-check where this host cannot reach the issuer",
        EscapedUpTo(.reason, 2048)
    )]
    Unreadable {
        /// Where it is published.
        url: String,
        /// What was answered.
        reason: String,
    },
    /// Something else is published.
    #[error(
        "the public reads another document at {url}: expected SHA-256 {expected}, found {found}\n  look for a cache or a proxy in between, or for somebody else who writes to the bucket; then run this again"
    )]
    Differs {
        /// Where it is published.
        url: String,
        /// The bundle's.
        expected: Sha256,
        /// What was read.
        found: Sha256,
    },
}

/// The documents that have to be readable.
pub(crate) struct IssuerCheck {
    bucket: String,
    issuer: String,
    documents: Vec<IssuerObject>,
}

impl IssuerCheck {
    pub(crate) fn of(header: &Header, issuer: &IssuerDocuments) -> Self {
        Self { bucket: header.bucket().to_string(), issuer: header.issuer_url.to_string(), documents: issuer.objects() }
    }

    /// Reads until everything is as it should be, for at most a minute.
    pub(super) async fn wait(&self, account: &impl ReadIssuer) -> Result<(), IssuerError> {
        let begun = Instant::now();
        let mut said = false;
        loop {
            match self.look(account).await {
                Err(error) if begun.elapsed() + PAUSE <= PATIENCE => {
                    if !said {
                        let (IssuerError::Unreadable { url, .. } | IssuerError::Differs { url, .. }) = &error;
                        // Nobody may be listening.
                        let _ = writeln!(
                            stderr(),
                            "{}",
                            fold(&format!("waiting up to a minute until the public can read {url}"))
                        );
                        said = true;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn look(&self, account: &impl ReadIssuer) -> Result<(), IssuerError> {
        for IssuerObject { key, body } in &self.documents {
            let url = format!("{}/{key}", self.issuer);
            let found = match account.published(&self.bucket, key).await {
                Ok(found) => found,
                Err(error) => return Err(IssuerError::Unreadable { url, reason: error.answer() }),
            };
            if found != *body {
                return Err(IssuerError::Differs { url, expected: Sha256::of(body), found: Sha256::of(&found) });
            }
        }
        Ok(())
    }
}
