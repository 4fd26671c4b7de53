//! The issuer as everybody sees it: its documents, read without credentials.
//!
//! AWS reads them in this way to check every token, and other blocks than the bucket's own can keep it from doing so: the
//! account's, the organisation's, a key that encrypts the objects.

use super::aws::Aws;
use super::aws::reading;
use super::error::AwsError;

/// The longest document that is read: the largest has a few kilobytes.
const MAX_BODY: usize = 64 * 1024;

/// Reading the issuer without credentials.
pub(crate) trait ReadIssuer: Send + Sync + 'static {
    /// What is published under this key, as far as it is not longer than any document of an issuer.
    fn published(&self, bucket: &str, key: &str) -> impl Future<Output = Result<Vec<u8>, AwsError>> + Send;
}

impl ReadIssuer for Aws {
    /// A request without a signature to the bucket's own host name, which is the issuer's; or to the S3 endpoint that the
    /// environment names.
    async fn published(&self, bucket: &str, key: &str) -> Result<Vec<u8>, AwsError> {
        const CALL: &str = "s3:GetObject";
        // Once: the check itself looks again, for as long as it has patience.
        let get = self.public.get_object().bucket(bucket).key(key).send();
        let mut answer = self.send_once(reading(CALL), get).await?;
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
