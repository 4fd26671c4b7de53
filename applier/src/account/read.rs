//! Reading an account. Answers are untrusted: bounded in size, decoded strictly, never shown raw.

mod bucket;
#[cfg(feature = "cloudfront")]
pub(crate) mod cloudfront;
mod remains;
mod role;

use std::sync::atomic::Ordering;

use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::Role;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bundle_schema::names::{BucketName, ClusterName, RoleName, RolePath, Timestamp};
use futures_util::future::{join, join3, join5};
use percent_encoding::percent_decode_str;

use super::aws::Aws;
use super::error::AwsError;
use super::send::{Sent, reading};
use crate::account::live::{
    BucketState, Caller, ListedRole, LiveBucket, LiveObject, LiveProvider, LiveRecord, LiveRole, ReadAccount,
    RoleReading, Scope, Tags,
};
use crate::record::{MAX_RECORD_BYTES, Place, RECORD_KEY, Record, RecordError};

const GET_OBJECT: &str = "s3:GetObject";
const GET_PROVIDER: &str = "iam:GetOpenIDConnectProvider";
/// The longest object body that is read: the largest document of an issuer has a few kilobytes.
const MAX_BODY: usize = 64 * 1024;
/// The longest policy that is looked at: IAM's and S3's quotas are far below.
const MAX_POLICY: usize = 128 * 1024;
/// Tags, client IDs or thumbprints of one resource: twice the highest quota.
const MAX_LIST: usize = 200;
/// Pages of a role's policies: IAM's quotas fit in the first.
const MAX_PAGES: usize = 10;
/// Roles that one page of a listing may have, the most that IAM gives; it may give fewer.
const PAGE: i32 = 1_000;
/// Pages of the account's roles: the highest quota fits in the first ten, if they are full.
const MAX_ROLE_PAGES: usize = 200;

impl ReadAccount for Aws {
    async fn caller(&self) -> Result<Caller, AwsError> {
        const CALL: &str = "sts:GetCallerIdentity";
        let answer = self.send(reading(CALL), || self.sts.get_caller_identity().send()).await?;
        match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Caller { account, arn }.checked(CALL),
            _ => Err(AwsError::Unusable { call: CALL, reason: "it names no account or no ARN" }),
        }
    }

    async fn find_bucket(&self, bucket: &BucketName) -> Result<BucketState<()>, AwsError> {
        const HEAD: &str = "s3:ListBucket";
        let (name, owner) = (bucket.as_str(), self.owner.as_str());
        let head =
            self.send(reading(HEAD), || self.s3.head_bucket().bucket(name).expected_bucket_owner(owner).send()).await;
        let here = self.s3.config().region().map(ToString::to_string);
        let elsewhere = |region: &Option<String>| region.clone().filter(|region| Some(region) != here.as_ref());
        // A HEAD request's errors have no code, only a status.
        match head {
            Ok(head) => {
                if let Some(region) = elsewhere(&head.bucket_region) {
                    return Ok(BucketState::InRegion(region));
                }
                Ok(BucketState::Present(()))
            }
            Err(AwsError::Answered { status: 404, .. }) => Ok(BucketState::Absent),
            Err(AwsError::Answered { status: 403, .. }) => Ok(BucketState::Forbidden),
            // S3 answers 301 or, in regions opened since 2019, 400.
            Err(error @ AwsError::Answered { status: 301 | 400, .. }) => {
                let AwsError::Answered { bucket_region, .. } = &error else { return Err(error) };
                elsewhere(bucket_region).map(BucketState::InRegion).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn record(&self, place: &Place, name: &ClusterName) -> Result<Option<LiveRecord>, AwsError> {
        let bucket = match place {
            Place::Bucket(bucket) => bucket,
            Place::Provider { arn, name } => {
                let provider = self.get_provider(reading(GET_PROVIDER).urgent(), arn).await?;
                return Ok(provider.and_then(|provider| LiveRecord::of_tags(&provider.tags, name)));
            }
        };
        let sent = reading(GET_OBJECT).urgent();
        let Some((answer, body)) = self.object_body(sent, bucket, RECORD_KEY, MAX_RECORD_BYTES).await? else {
            return Ok(None);
        };
        let content = body.ok_or(RecordError::TooLong).and_then(|body| Record::parse(&body, name));
        Ok(Some(LiveRecord { etag: etag(answer.e_tag)?, content }))
    }

    async fn bucket_settings(&self, bucket: &BucketName, scope: Scope) -> Result<LiveBucket, AwsError> {
        let name = bucket.as_str();
        let own = join5(
            self.bucket_tags(name),
            self.ownership(name),
            self.bucket_policy(name),
            self.is_empty(name),
            self.keeping_hazards(name),
        );
        if scope == Scope::Removal {
            let (tags, ownership, policy, is_empty, hazards) = Box::pin(own).await;
            let (tags, ownership, policy, is_empty, hazards) = (tags?, ownership?, policy?, is_empty?, hazards?);
            return Ok(LiveBucket { tags, ownership, policy, is_empty, hazards, ..LiveBucket::default() });
        }
        let others = join3(self.abac(name), self.public_access_block(name), self.changing_hazards(name));
        let ((tags, ownership, policy, is_empty, kept), (abac, public_access_block, changed)) =
            Box::pin(join(own, others)).await;
        let mut hazards = [changed?, kept?].concat();
        hazards.sort();
        Ok(LiveBucket {
            tags: tags?,
            abac: abac?,
            ownership: ownership?,
            public_access_block: public_access_block?,
            policy: policy?,
            is_empty: is_empty?,
            hazards,
            ..LiveBucket::default()
        })
    }

    async fn object(&self, bucket: &BucketName, key: &str) -> Result<Option<LiveObject>, AwsError> {
        let found = self.object_body(reading(GET_OBJECT), bucket, key, MAX_BODY).await?;
        let Some((answer, body)) = found else { return Ok(None) };
        let (name, owner) = (bucket.as_str(), self.owner.as_str());
        let get = || self.s3.get_object_tagging().bucket(name).key(key).expected_bucket_owner(owner).send();
        let tags = match self.send(reading("s3:GetObjectTagging"), get).await {
            Ok(answer) => answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect(),
            Err(error) => return error.absent(&["NoSuchKey"]),
        };
        let etag = etag(answer.e_tag)?;
        let encryption = answer.server_side_encryption.map(|encryption| encryption.as_str().to_owned());
        Ok(Some(LiveObject { etag, content_type: answer.content_type, encryption, tags, body }))
    }

    async fn provider(&self, arn: &str) -> Result<Option<LiveProvider>, AwsError> {
        self.get_provider(reading(GET_PROVIDER), arn).await
    }

    async fn role(
        &self,
        role: &RoleName,
        policy: &RoleName,
        reading: RoleReading,
    ) -> Result<Option<LiveRole>, AwsError> {
        self.read_role(role, policy, reading).await
    }

    fn has_read(&self, roles: usize, of: usize) {
        self.read.store(roles, Ordering::Relaxed);
        self.to_read.store(of, Ordering::Relaxed);
    }

    async fn list_roles(&self, path: Option<&RolePath>) -> Result<Vec<ListedRole>, AwsError> {
        const CALL: &str = "iam:ListRoles";
        let (mut roles, mut marker) = (Vec::new(), None);
        let prefix = path.map(ToString::to_string);
        for _ in 0..MAX_ROLE_PAGES {
            let list = || {
                let list = self.iam.list_roles().set_path_prefix(prefix.clone());
                list.max_items(PAGE).set_marker(marker.clone()).send()
            };
            let answer = self.send(reading(CALL), list).await?;
            let listed = |role: Role| ListedRole { name: role.role_name, id: role.role_id };
            roles.extend(answer.roles.into_iter().map(listed));
            if !answer.is_truncated {
                return Ok(roles);
            }
            marker = answer.marker;
        }
        Err(AwsError::Unusable { call: CALL, reason: "it has no end" })
    }

    async fn role_tags(&self, role: &RoleName) -> Result<Option<Tags>, AwsError> {
        const CALL: &str = "iam:GetRole";
        match self.send(reading(CALL), || self.iam.get_role().role_name(role.as_str()).send()).await {
            Ok(answer) => answer.role.map(|role| iam_tags(CALL, role.tags)).transpose(),
            Err(error) => error.absent(&["NoSuchEntity"]),
        }
    }
}

impl Aws {
    async fn get_provider(&self, sent: Sent<'_>, arn: &str) -> Result<Option<LiveProvider>, AwsError> {
        const CALL: &str = GET_PROVIDER;
        let get = || self.iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send();
        let answer = match self.send(sent, get).await {
            Ok(answer) => answer,
            Err(error) => return error.absent(&["NoSuchEntity"]),
        };
        // The ARN names it, so another URL would be another provider's.
        let names = |url: &str| arn.ends_with(&format!(":oidc-provider/{}", url.trim_start_matches("https://")));
        if !answer.url.as_deref().is_none_or(names) {
            return Err(AwsError::Unusable { call: CALL, reason: "it is about a provider with another URL" });
        }
        Ok(Some(LiveProvider {
            client_ids: bounded(CALL, answer.client_id_list.unwrap_or_default())?,
            thumbprints: bounded(CALL, answer.thumbprint_list.unwrap_or_default())?,
            tags: iam_tags(CALL, answer.tags)?,
            created: timestamp(CALL, answer.create_date.as_ref())?,
            record: None,
        }))
    }

    /// An object and its body, which is `None` where it is longer than `limit`.
    async fn object_body(
        &self,
        sent: Sent<'_>,
        bucket: &BucketName,
        key: &str,
        limit: usize,
    ) -> Result<Option<(GetObjectOutput, Option<Vec<u8>>)>, AwsError> {
        let (name, owner) = (bucket.as_str(), self.owner.as_str());
        let get = || self.s3.get_object().bucket(name).key(key).expected_bucket_owner(owner).send();
        let mut answer = match self.send(sent, get).await {
            Ok(answer) => answer,
            // The bucket may be gone since it was looked for.
            Err(error) => return error.absent(&["NoSuchKey", "NoSuchBucket"]),
        };
        let mut body = Vec::new();
        while let Some(piece) = answer.body.next().await {
            let piece = piece.map_err(|error| AwsError::NoAnswer {
                call: sent.call,
                reason: error.to_string(),
                attempts: 1,
            })?;
            if body.len() + piece.len() > limit {
                return Ok(Some((answer, None)));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Some((answer, Some(body))))
    }
}

fn etag(etag: Option<String>) -> Result<String, AwsError> {
    etag.ok_or(AwsError::Unusable { call: GET_OBJECT, reason: "the object has no ETag" })
}

fn timestamp(call: &'static str, time: Option<&DateTime>) -> Result<Timestamp, AwsError> {
    let time = time.and_then(|time| Timestamp::from_unix(time.secs()).ok());
    time.ok_or(AwsError::Unusable { call, reason: "it does not say when it was made" })
}

fn bounded<T>(call: &'static str, list: Vec<T>) -> Result<Vec<T>, AwsError> {
    if list.len() <= MAX_LIST {
        Ok(list)
    } else {
        Err(AwsError::Unusable { call, reason: "a list has over 200 entries" })
    }
}

fn bounded_policy(call: &'static str, policy: String) -> Result<String, AwsError> {
    if policy.len() <= MAX_POLICY {
        Ok(policy)
    } else {
        Err(AwsError::Unusable { call, reason: "a policy has over 128 KiB" })
    }
}

/// IAM answers policies percent-encoded [IAM API reference, GetRolePolicy].
fn policy_text(call: &'static str, encoded: &str) -> Result<String, AwsError> {
    let text = percent_decode_str(encoded)
        .decode_utf8()
        .map_err(|_| AwsError::Unusable { call, reason: "a policy is not percent-encoded UTF-8" })?;
    bounded_policy(call, text.into_owned())
}

fn iam_tags(call: &'static str, tags: Option<Vec<aws_sdk_iam::types::Tag>>) -> Result<Tags, AwsError> {
    Ok(bounded(call, tags.unwrap_or_default())?.into_iter().map(|tag| (tag.key, tag.value)).collect())
}
