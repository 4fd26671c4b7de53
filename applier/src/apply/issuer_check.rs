//! Whether the public reads at the issuer what was signed.
//!
//! Input: the bundle's documents and a way to read the issuer without credentials. Output: nothing, when discovery document
//! and JWKS are the bundle's; otherwise, after a while, why not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bundle_schema::documents::contents::{IssuerDocuments, IssuerObject};
use bundle_schema::escape::EscapedUpTo;
use bundle_schema::names::Sha256;
use tokio::task::JoinHandle;

use crate::account::issuer::{ReadIssuer, Unread};
use crate::moving_line::say;

const PAUSE: Duration = Duration::from_secs(2);

/// Why the check failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IssuerError {
    /// A document cannot be read without credentials.
    #[error(
        "the public cannot read the issuer's document {url}: {}\n  AWS reads it to check every token: {advice}\n  then run this again, or leave the check out with --skip-issuer-check where this host cannot reach the issuer",
        EscapedUpTo(.answer, 2048)
    )]
    Unreadable {
        /// Where it is published.
        url: String,
        /// What was answered.
        answer: String,
        /// What to look for.
        advice: &'static str,
    },
    /// Something else is published.
    #[error(
        "the public reads another document at {url}: expected SHA-256 {expected}, found {found}\n  {advice}; then run this again"
    )]
    Differs {
        /// Where it is published.
        url: String,
        /// The bundle's.
        expected: Sha256,
        /// What was read.
        found: Sha256,
        /// What to look for.
        advice: &'static str,
    },
}

/// A look that was begun: [`IssuerCheck::begin`].
pub(super) type Look = JoinHandle<Result<(), IssuerError>>;

/// The documents that have to be readable.
pub(crate) struct IssuerCheck {
    issuer: String,
    documents: Vec<IssuerObject>,
    reader: Arc<dyn ReadIssuer>,
    /// How many are read at once, at least one.
    at_once: usize,
}

impl IssuerCheck {
    pub(crate) fn of(issuer: &IssuerDocuments, reader: Arc<dyn ReadIssuer>, at_once: usize) -> Self {
        let documents = issuer.objects();
        let at_once = at_once.min(documents.len()).max(1);
        Self { issuer: issuer.provider.url.to_string(), documents, reader, at_once }
    }

    /// How many requests it has under way at once.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// Begins to look, while something else is done.
    pub(super) fn begin(self: &Arc<Self>) -> Look {
        let check = Arc::clone(self);
        tokio::spawn(async move { check.wait().await })
    }

    /// What came of a look that was begun before, or of one that begins now.
    pub(super) async fn result(&self, begun: Option<Look>) -> Result<(), IssuerError> {
        // One that was cut off says nothing.
        if let Some(look) = begun
            && let Ok(result) = look.await
        {
            return result;
        }
        self.wait().await
    }

    /// Reads until everything is as it should be, for as long as the reader has patience.
    pub(super) async fn wait(&self) -> Result<(), IssuerError> {
        let (begun, patience) = (Instant::now(), self.reader.patience());
        let mut said = false;
        loop {
            match self.look().await {
                Err(error) if begun.elapsed() + PAUSE <= patience => {
                    if !said {
                        let (IssuerError::Unreadable { url, .. } | IssuerError::Differs { url, .. }) = &error;
                        let text = format!("waiting up to {} until the public can read {url}", words(patience));
                        say(&text);
                        said = true;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    fn read(&self, key: &'static str) -> JoinHandle<Result<Vec<u8>, Unread>> {
        let reader = Arc::clone(&self.reader);
        tokio::spawn(async move { reader.published(key).await })
    }

    async fn look(&self) -> Result<(), IssuerError> {
        for documents in self.documents.chunks(self.at_once) {
            let reads: Vec<_> = documents.iter().map(|document| self.read(document.key)).collect();
            for (document, read) in documents.iter().zip(reads) {
                let cut_off = |_| Err(Unread { answer: "reading it was interrupted".to_owned(), advice: "look again" });
                self.compare(document, read.await.unwrap_or_else(cut_off))?;
            }
        }
        Ok(())
    }

    fn compare(&self, document: &IssuerObject, found: Result<Vec<u8>, Unread>) -> Result<(), IssuerError> {
        let IssuerObject { key, body } = document;
        let url = format!("{}/{key}", self.issuer);
        match found {
            Err(Unread { answer, advice }) => Err(IssuerError::Unreadable { url, answer, advice }),
            Ok(found) if found == *body => Ok(()),
            Ok(found) => {
                let (expected, found, advice) = (Sha256::of(body), Sha256::of(&found), self.reader.advice());
                Err(IssuerError::Differs { url, expected, found, advice })
            }
        }
    }
}

fn words(patience: Duration) -> String {
    match patience.as_secs() {
        60 => "a minute".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}
