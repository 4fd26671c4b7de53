//! Writing and deleting the record: an object of the issuer's bucket, or tags of an identity provider.
//!
//! Input: a record, and where it stands. Output: the version that was written. Only S3 compares before it writes.

use aws_sdk_s3::primitives::ByteStream;
use bundle_schema::documents::contents::OBJECT_CONTENT_TYPE;
use bundle_schema::names::{BucketName, ClusterName};

use percent_encoding::utf8_percent_encode;

use super::{NOT_UNRESERVED, iam_tags};
use crate::account::live::{OWNED, ReadAccount};
use crate::account::{Aws, AwsError, Sent};
use crate::apply::Patience;
use crate::plan::desired::OBJECT_ENCRYPTION;
use crate::record::{RECORD_KEY, Record, tags};

impl Aws {
    pub(super) async fn put_record_object(
        &self,
        sent: Sent<'_>,
        bucket: &BucketName,
        before: Option<&str>,
        record: &Record,
        patience: Patience,
    ) -> Result<String, AwsError> {
        let body = record.to_bytes();
        // As every object of the cluster's: `ccoctl aws delete` leaves what does not carry it, and with it the bucket.
        let tagging = format!("{}={OWNED}", utf8_percent_encode(&record.name.ownership_tag_key(), NOT_UNRESERVED));
        let put = || {
            let put = self.s3.put_object().bucket(bucket.as_str()).key(RECORD_KEY).content_type(OBJECT_CONTENT_TYPE);
            let put = put.server_side_encryption(OBJECT_ENCRYPTION.into()).tagging(&tagging);
            let put = put.body(ByteStream::from(body.clone()));
            let put = match before {
                Some(etag) => put.if_match(etag),
                None => put.if_none_match("*"),
            };
            put.expected_bucket_owner(self.owner.as_str()).send()
        };
        let answer = match patience {
            Patience::Once => Box::pin(self.send_once(sent, put)).await?,
            Patience::Retry => self.send(sent, put).await?,
        };
        answer.e_tag.ok_or(AwsError::Unusable { call: sent.call, reason: "it names no ETag" })
    }

    /// All of the record in one call.
    pub(super) async fn tag_record(
        &self,
        sent: Sent<'_>,
        arn: &str,
        record: &Record,
        patience: Patience,
    ) -> Result<String, AwsError> {
        let (tags, version) = tags::write(record);
        let tags = iam_tags(sent, &tags)?;
        let tag = || {
            let tag = self.iam.tag_open_id_connect_provider().open_id_connect_provider_arn(arn);
            tag.set_tags(Some(tags.clone())).send()
        };
        match patience {
            Patience::Once => Box::pin(self.send_once(sent, tag)).await?,
            Patience::Retry => self.send(sent, tag).await?,
        };
        Ok(version)
    }

    /// Removes the tags of a bundle's record that are there, and no others.
    pub(super) async fn untag_record(&self, sent: Sent<'_>, arn: &str, name: &ClusterName) -> Result<(), AwsError> {
        let found = self.provider(arn).await?.map(|provider| provider.tags).unwrap_or_default();
        let keys: Vec<String> = found.into_keys().filter(|key| tags::bundle_of(key).as_ref() == Some(name)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let untag = || {
            let untag = self.iam.untag_open_id_connect_provider().open_id_connect_provider_arn(arn);
            untag.set_tag_keys(Some(keys.clone())).send()
        };
        self.send(sent, untag).await.map(drop)
    }
}
