//! The issuer as everybody sees it: its documents, read without credentials.
//!
//! AWS reads them in this way to check every token, and other blocks than the bucket's own can keep it from doing so: the
//! account's, the organisation's, a key that encrypts the objects; or, where somebody else publishes them, DNS, a certificate, a
//! cache. Input: answers from the network, which are untrusted: bounded, compared by the caller, never shown raw.

pub(crate) mod https;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bundle_schema::names::BucketName;

use super::aws::Aws;
use super::aws::reading;
use super::error::AwsError;

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

/// An issuer whose documents this program publishes in a bucket.
pub(crate) struct PublicBucket {
    account: Arc<Aws>,
    bucket: BucketName,
}

impl PublicBucket {
    pub(crate) fn new(account: Arc<Aws>, bucket: BucketName) -> Self {
        Self { account, bucket }
    }

    /// A request without a signature to the bucket's own host name, which is the issuer's; or to the S3 endpoint that the
    /// environment names.
    async fn object(&self, key: &str) -> Result<Vec<u8>, AwsError> {
        const CALL: &str = "s3:GetObject";
        // Once: the check itself looks again, for as long as it has patience.
        let get = self.account.public.get_object().bucket(self.bucket.as_str()).key(key).send();
        let mut answer = self.account.send_once(reading(CALL), get).await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.body.next().await {
            let piece =
                piece.map_err(|error| AwsError::NoAnswer { call: CALL, reason: error.to_string(), attempts: 1 })?;
            if body.len() + piece.len() > MAX_BODY {
                return Err(AwsError::Unusable { call: CALL, reason: "a document has over 64 KiB" });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

impl ReadIssuer for PublicBucket {
    fn published<'a>(&'a self, key: &'a str) -> Published<'a> {
        Box::pin(async move {
            let advice =
                "look for a public access block of the account or the organization, a KMS key on the bucket, a proxy";
            self.object(key).await.map_err(|error| Unread { answer: error.answer(), advice })
        })
    }

    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }

    fn advice(&self) -> &'static str {
        "look for a cache or a proxy in between, or for somebody else who writes to the bucket"
    }
}
