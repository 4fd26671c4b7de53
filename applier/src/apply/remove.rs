//! Deleting in an account: each function is one call, with the bucket's owner where S3 takes it.

use std::collections::BTreeSet;

use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bundle_schema::names::{BucketName, RoleName};

use crate::account::remains::ReadRemains;
use crate::account::{Aws, AwsError, CallLog, Sent, writing};

/// Versions that one call deletes at most [S3 API reference, DeleteObjects].
const MAX_VERSIONS: usize = 1000;

impl Aws {
    pub(super) async fn delete_role_policy(
        &self,
        sent: Sent<'_>,
        role: &RoleName,
        policy: &str,
    ) -> Result<(), AwsError> {
        let delete = || self.iam.delete_role_policy().role_name(role.as_str()).policy_name(policy).send();
        self.send(sent, delete).await.map(drop)
    }

    pub(super) async fn delete_role(&self, sent: Sent<'_>, role: &RoleName) -> Result<(), AwsError> {
        self.send(sent, || self.iam.delete_role().role_name(role.as_str()).send()).await.map(drop)
    }

    pub(super) async fn delete_provider(&self, sent: Sent<'_>, arn: &str) -> Result<(), AwsError> {
        let delete = || self.iam.delete_open_id_connect_provider().open_id_connect_provider_arn(arn).send();
        self.send(sent, delete).await.map(drop)
    }

    /// With an ETag: this version of the object, and no other.
    pub(super) async fn delete_object(
        &self,
        sent: Sent<'_>,
        bucket: &BucketName,
        key: &str,
        etag: Option<&str>,
    ) -> Result<(), AwsError> {
        let delete = || {
            let delete = self.s3.delete_object().bucket(bucket.as_str()).key(key);
            let delete = delete.set_if_match(etag.map(str::to_owned));
            delete.expected_bucket_owner(self.owner.as_str()).send()
        };
        self.send(sent, delete).await.map(drop)
    }

    /// Versions and delete markers of one object, in one call; the answer says of each whether it is gone.
    pub(super) async fn delete_versions(
        &self,
        sent: Sent<'_>,
        bucket: &BucketName,
        key: &str,
        ids: &[String],
    ) -> Result<(), AwsError> {
        let version = |id: &String| ObjectIdentifier::builder().key(key).version_id(id).build();
        let versions: Vec<_> = ids.iter().map(version).collect::<Result<_, _>>().map_err(|_| sent.incomplete())?;
        let versions = Delete::builder().set_objects(Some(versions)).quiet(true).build();
        let versions = versions.map_err(|_| sent.incomplete())?;
        let delete = || {
            let delete = self.s3.delete_objects().bucket(bucket.as_str()).delete(versions.clone());
            delete.expected_bucket_owner(self.owner.as_str()).send()
        };
        let answer = self.send(sent, delete).await?;
        let request_id = answer.request_id().unwrap_or("unknown").to_owned();
        match answer.errors.unwrap_or_default().into_iter().next() {
            None => Ok(()),
            Some(error) => Err(AwsError::Answered {
                call: sent.call,
                status: 200,
                code: error.code.unwrap_or_else(|| "no code".to_owned()),
                message: error.message.unwrap_or_else(|| "no message".to_owned()),
                request_id,
                attempts: 1,
                bucket_region: None,
            }),
        }
    }

    /// Every version of one object that there is now, the newest last: as long as one is left, it can be read.
    pub(super) async fn delete_all_versions(
        &self,
        bucket: &BucketName,
        key: &str,
        log: &CallLog,
    ) -> Result<(), AwsError> {
        let found = self.versions(bucket, key, &BTreeSet::from([key.to_owned()])).await?;
        let mut ids = found.ours.get(key).cloned().unwrap_or_default();
        ids.reverse();
        for ids in ids.chunks(MAX_VERSIONS) {
            self.delete_versions(writing("s3:DeleteObjectVersion", log), bucket, key, ids).await?;
        }
        Ok(())
    }

    pub(super) async fn delete_bucket(&self, sent: Sent<'_>, bucket: &BucketName) -> Result<(), AwsError> {
        let delete = || {
            let delete = self.s3.delete_bucket().bucket(bucket.as_str());
            delete.expected_bucket_owner(self.owner.as_str()).send()
        };
        self.send(sent, delete).await.map(drop)
    }
}
