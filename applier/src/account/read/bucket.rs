//! Reading a bucket's settings: those that a bundle sets, and those that can stand in their way.

use aws_sdk_s3::types::{BucketAbacStatus, ExpirationStatus, ObjectLockEnabled, ServerSideEncryption};
use bundle_schema::documents::PublicAccessBlock;
use futures_util::future::{join, join3};

use super::{bounded, bounded_policy};
use crate::account::aws::Aws;
use crate::account::error::AwsError;
use crate::account::live::{Hazard, Tags};
use crate::account::send::reading;

impl Aws {
    /// Settings that are no part of a bundle and can delete, hide or encrypt the documents.
    pub(super) async fn changing_hazards(&self, bucket: &str) -> Result<Vec<Hazard>, AwsError> {
        let owner = self.owner.as_str();
        let lifecycle = async {
            const CALL: &str = "s3:GetLifecycleConfiguration";
            let get =
                || self.s3.get_bucket_lifecycle_configuration().bucket(bucket).expected_bucket_owner(owner).send();
            match self.send(reading(CALL), get).await {
                Ok(answer) => {
                    let on = bounded(CALL, answer.rules.unwrap_or_default())?.into_iter();
                    let on = on.filter(|rule| rule.status != ExpirationStatus::Disabled);
                    let ids: Vec<String> = on.map(|rule| rule.id.unwrap_or_default()).collect();
                    Ok((!ids.is_empty()).then_some(Hazard::Lifecycle(ids)))
                }
                Err(error) => error.absent(&["NoSuchLifecycleConfiguration"]),
            }
        };
        let website = async {
            let get = || self.s3.get_bucket_website().bucket(bucket).expected_bucket_owner(owner).send();
            match self.send(reading("s3:GetBucketWebsite"), get).await {
                Ok(_) => Ok(Some(Hazard::Website)),
                Err(error) => error.absent(&["NoSuchWebsiteConfiguration"]),
            }
        };
        let encryption = async {
            let get = || self.s3.get_bucket_encryption().bucket(bucket).expected_bucket_owner(owner).send();
            match self.send(reading("s3:GetEncryptionConfiguration"), get).await {
                Ok(answer) => {
                    let rules = answer.server_side_encryption_configuration.map(|set| set.rules).unwrap_or_default();
                    let mut defaults =
                        rules.into_iter().filter_map(|rule| rule.apply_server_side_encryption_by_default);
                    let other = defaults.find(|default| default.sse_algorithm != ServerSideEncryption::Aes256);
                    Ok(other.map(|default| Hazard::DefaultEncryption(default.sse_algorithm.as_str().to_owned())))
                }
                Err(error) => error.absent(&["ServerSideEncryptionConfigurationNotFoundError"]),
            }
        };
        let (lifecycle, website, encryption) = Box::pin(join3(lifecycle, website, encryption)).await;
        Ok([lifecycle?, website?, encryption?].into_iter().flatten().collect())
    }

    /// Settings that are no part of a bundle and keep what is deleted.
    pub(super) async fn keeping_hazards(&self, bucket: &str) -> Result<Vec<Hazard>, AwsError> {
        let owner = self.owner.as_str();
        let versioning = async {
            let get = || self.s3.get_bucket_versioning().bucket(bucket).expected_bucket_owner(owner).send();
            let answer = self.send(reading("s3:GetBucketVersioning"), get).await?;
            Ok(answer.status.map(|status| Hazard::Versioning(status.as_str().to_owned())))
        };
        let object_lock = async {
            let get = || self.s3.get_object_lock_configuration().bucket(bucket).expected_bucket_owner(owner).send();
            match self.send(reading("s3:GetBucketObjectLockConfiguration"), get).await {
                Ok(answer) => Ok(answer
                    .object_lock_configuration
                    .filter(|lock| lock.object_lock_enabled == Some(ObjectLockEnabled::Enabled))
                    .map(|_| Hazard::ObjectLock)),
                Err(error) => error.absent(&["ObjectLockConfigurationNotFoundError"]),
            }
        };
        let (versioning, object_lock) = join(versioning, object_lock).await;
        Ok([versioning?, object_lock?].into_iter().flatten().collect())
    }

    pub(super) async fn bucket_tags(&self, bucket: &str) -> Result<Tags, AwsError> {
        const CALL: &str = "s3:GetBucketTagging";
        let get = || self.s3.get_bucket_tagging().bucket(bucket).expected_bucket_owner(self.owner.as_str()).send();
        match self.send(reading(CALL), get).await {
            Ok(answer) => Ok(bounded(CALL, answer.tag_set)?.into_iter().map(|tag| (tag.key, tag.value)).collect()),
            Err(error) => Ok(error.absent(&["NoSuchTagSet", "NoSuchTagSetError"])?.unwrap_or_default()),
        }
    }

    /// Where it may not be asked, it is taken to be off: setting tags then says so itself.
    pub(super) async fn abac(&self, bucket: &str) -> Result<bool, AwsError> {
        let get = || self.s3.get_bucket_abac().bucket(bucket).expected_bucket_owner(self.owner.as_str()).send();
        match self.send(reading("s3:GetBucketABAC"), get).await {
            Ok(answer) => Ok(answer.abac_status.and_then(|abac| abac.status) == Some(BucketAbacStatus::Enabled)),
            Err(error) => {
                const UNKNOWN: [&str; 4] =
                    ["AccessDenied", "MethodNotAllowed", "NotImplemented", "NoSuchAbacConfiguration"];
                Ok(error.absent(&UNKNOWN)?.unwrap_or(false))
            }
        }
    }

    pub(super) async fn ownership(&self, bucket: &str) -> Result<Option<String>, AwsError> {
        let get =
            || self.s3.get_bucket_ownership_controls().bucket(bucket).expected_bucket_owner(self.owner.as_str()).send();
        match self.send(reading("s3:GetBucketOwnershipControls"), get).await {
            Ok(answer) => Ok(answer
                .ownership_controls
                .and_then(|controls| controls.rules.into_iter().next())
                .map(|rule| rule.object_ownership.as_str().to_owned())),
            Err(error) => error.absent(&["OwnershipControlsNotFoundError"]),
        }
    }

    pub(super) async fn public_access_block(&self, bucket: &str) -> Result<Option<PublicAccessBlock>, AwsError> {
        let get = || self.s3.get_public_access_block().bucket(bucket).expected_bucket_owner(self.owner.as_str()).send();
        match self.send(reading("s3:GetBucketPublicAccessBlock"), get).await {
            Ok(answer) => Ok(answer.public_access_block_configuration.map(|block| PublicAccessBlock {
                block_public_acls: block.block_public_acls.unwrap_or_default(),
                ignore_public_acls: block.ignore_public_acls.unwrap_or_default(),
                block_public_policy: block.block_public_policy.unwrap_or_default(),
                restrict_public_buckets: block.restrict_public_buckets.unwrap_or_default(),
            })),
            Err(error) => error.absent(&["NoSuchPublicAccessBlockConfiguration"]),
        }
    }

    pub(super) async fn bucket_policy(&self, bucket: &str) -> Result<Option<String>, AwsError> {
        const CALL: &str = "s3:GetBucketPolicy";
        let get = || self.s3.get_bucket_policy().bucket(bucket).expected_bucket_owner(self.owner.as_str()).send();
        match self.send(reading(CALL), get).await {
            Ok(answer) => answer.policy.map(|policy| bounded_policy(CALL, policy)).transpose(),
            Err(error) => error.absent(&["NoSuchBucketPolicy"]),
        }
    }

    pub(super) async fn is_empty(&self, bucket: &str) -> Result<bool, AwsError> {
        let list = || {
            let list = self.s3.list_objects_v2().bucket(bucket).max_keys(1);
            list.expected_bucket_owner(self.owner.as_str()).send()
        };
        let answer = self.send(reading("s3:ListBucket"), list).await?;
        Ok(answer.contents.unwrap_or_default().is_empty())
    }
}
