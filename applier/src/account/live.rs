//! What the account holds of a bundle's resources, read before anything is planned.
//!
//! Input: answers from AWS, which are untrusted: sizes are bounded, text is kept as it is and escaped when shown.
//! Output: [`LiveState`], which can only be of the account that the bundle names. Reading is one trait, `ReadAccount`, so
//! that whatever has only that cannot write.

pub(crate) mod cloudfront;
mod former;
mod reading;
mod roles;

use std::collections::BTreeMap;

use bundle_schema::documents::PublicAccessBlock;
use bundle_schema::escape::Escaped;
use bundle_schema::limits::MAX_ARN_BYTES;
use bundle_schema::names::{BucketName, ClusterName, RoleName, RolePath, Timestamp};
use serde::Serialize;

pub(crate) use self::former::LiveFormer;

use self::cloudfront::{LiveAccessControl, LiveCloudFront, LiveDistribution, ReadCloudFront};
use crate::account::error::AwsError;
use crate::record::{Place, Record, RecordError, RoleId, tags};

/// A resource's tags, by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// The value of the tag that marks a resource as a cluster's, as ccoctl has it.
pub(crate) const OWNED: &str = "owned";

/// Whether the tag that marks a resource as this cluster's is there.
pub(crate) fn is_owned(tags: &Tags, cluster: &ClusterName) -> bool {
    tags.get(&cluster.ownership_tag_key()).is_some_and(|value| value == OWNED)
}

/// Who the credentials belong to, as `sts:GetCallerIdentity` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) arn: String,
}

impl Caller {
    /// What a receipt will say of it: an ARN that can be shown, of this account.
    pub(super) fn checked(self, call: &'static str) -> Result<Self, AwsError> {
        let is_plain = self.arn.len() <= MAX_ARN_BYTES && self.arn.bytes().all(|byte| byte.is_ascii_graphic());
        let parts: Vec<&str> = self.arn.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "iam" | "sts", "", of, rest] if is_plain && *of == self.account && !rest.is_empty() => Ok(self),
            _ => Err(AwsError::Unusable { call, reason: "its ARN is none of the account that it names" }),
        }
    }

    /// The partition, from the caller's ARN.
    fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or_default()
    }
}

/// What stands under the bucket's name; `Held` is what was read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BucketState<Held = LiveBucket> {
    /// Nothing.
    Absent,
    /// A bucket that S3 does not let these credentials see: another account's, as a rule.
    Forbidden,
    /// A bucket in another region.
    InRegion(String),
    /// A bucket of this account, in the bundle's region.
    Present(Held),
}

impl<Held> BucketState<Held> {
    /// The same place, with something else read of it.
    pub(crate) fn with<Other>(self, read: impl FnOnce(Held) -> Other) -> BucketState<Other> {
        match self {
            Self::Absent => BucketState::Absent,
            Self::Forbidden => BucketState::Forbidden,
            Self::InRegion(region) => BucketState::InRegion(region),
            Self::Present(held) => BucketState::Present(read(held)),
        }
    }
}

/// A bucket's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LiveBucket {
    pub(crate) tags: Tags,
    /// `BucketOwnerEnforced`, or another answer.
    pub(crate) ownership: Option<String>,
    pub(crate) public_access_block: Option<PublicAccessBlock>,
    pub(crate) policy: Option<String>,
    /// Whether access to it is decided by its tags (ABAC): S3 then refuses to set them in the old way.
    pub(crate) abac: bool,
    /// Whether it holds no object at all.
    pub(crate) is_empty: bool,
    /// Settings that can change, delete or hide what it holds.
    pub(crate) hazards: Vec<Hazard>,
    /// What the applier noted about its last run.
    pub(crate) record: Option<LiveRecord>,
    /// The issuer's objects that are there, by key.
    pub(crate) objects: BTreeMap<String, LiveObject>,
}

/// A setting of the bucket that is no part of a bundle and can change, delete or hide the issuer's documents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "setting", content = "value", rename_all = "kebab-case")]
pub(crate) enum Hazard {
    /// Lifecycle rules that are on, by ID.
    Lifecycle(Vec<String>),
    /// It is served as a website, which may redirect.
    Website,
    /// `Enabled` or `Suspended`; `Enabled` keeps what was replaced.
    Versioning(String),
    /// Objects cannot be replaced while a retention lasts.
    ObjectLock,
    /// The default encryption is not S3's own keys: `aws:kms` or the like.
    DefaultEncryption(String),
}

/// The record as the account holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveRecord {
    /// Tells this version from every other one.
    pub(crate) etag: String,
    pub(crate) content: Result<Record, RecordError>,
}

impl LiveRecord {
    /// From the tags of a provider; the record lacks its roles.
    pub(crate) fn of_tags(tags: &Tags, name: &ClusterName) -> Option<Self> {
        let read = tags::read(tags, name)?;
        Some(Self { etag: read.etag, content: read.content.map(|(record, _)| record) })
    }
}

/// One object of the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveObject {
    pub(crate) etag: String,
    pub(crate) content_type: Option<String>,
    /// How S3 encrypts it; nobody but its owner can read what is encrypted with KMS.
    pub(crate) encryption: Option<String>,
    pub(crate) tags: Tags,
    /// `None` where it is longer than any document of an issuer.
    pub(crate) body: Option<Vec<u8>>,
}

/// The identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveProvider {
    pub(crate) client_ids: Vec<String>,
    pub(crate) thumbprints: Vec<String>,
    pub(crate) tags: Tags,
    pub(crate) created: Timestamp,
    /// The record of the bundle, where it stands in tags.
    pub(crate) record: Option<LiveRecord>,
}

/// A role, its policy of ours, and the names of the policies that are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveRole {
    pub(crate) id: RoleId,
    pub(crate) created: Timestamp,
    /// When and where it was used last, as far as IAM tells.
    pub(crate) last_used: Option<LastUsed>,
    pub(crate) path: String,
    pub(crate) trust: String,
    pub(crate) description: Option<String>,
    pub(crate) boundary: Option<String>,
    /// How long a session may last, in seconds.
    pub(crate) max_session_duration: Option<i32>,
    pub(crate) tags: Tags,
    /// Ours; empty where its text was not asked for.
    pub(crate) policy: Option<String>,
    /// The names of inline policies beside ours, sorted.
    pub(crate) other_inline: Vec<String>,
    /// The ARNs of attached policies, sorted.
    pub(crate) attached: Vec<String>,
}

/// A role as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedRole {
    pub(crate) name: String,
    pub(crate) id: String,
}

/// Roles by name.
pub(crate) type Roles = BTreeMap<RoleName, LiveRole>;

/// The last use of a role; IAM tells it up to four hours late [IAM user guide, last accessed information].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LastUsed {
    pub(crate) time: Timestamp,
    pub(crate) region: Option<String>,
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything that a bundle sets, and what can stand in its way.
    Whole,
    /// What a deletion has to know: not what the documents, and settings that go with the bucket, are.
    Removal,
}

/// How a role is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleReading {
    /// First of all whether it is there.
    Guessed,
    /// All at once, because it was listed or is in the record.
    Expected,
    /// As that; of our policy only whether it is there, and its text is empty.
    ForRemoval,
}

/// The reading half of an account. Nothing behind it changes anything.
pub(crate) trait ReadAccount: ReadCloudFront {
    /// Whose credentials these are.
    fn caller(&self) -> impl Future<Output = Result<Caller, AwsError>> + Send;
    /// Whether the bucket is there for these credentials.
    fn find_bucket(&self, bucket: &BucketName) -> impl Future<Output = Result<BucketState<()>, AwsError>> + Send;
    /// The record of a bundle of this name. One that stands in tags lacks its roles.
    fn record(
        &self,
        place: &Place,
        name: &ClusterName,
    ) -> impl Future<Output = Result<Option<LiveRecord>, AwsError>> + Send;
    /// A bucket's settings, without its record and objects.
    fn bucket_settings(
        &self,
        bucket: &BucketName,
        scope: Scope,
    ) -> impl Future<Output = Result<LiveBucket, AwsError>> + Send;
    /// One object.
    fn object(
        &self,
        bucket: &BucketName,
        key: &str,
    ) -> impl Future<Output = Result<Option<LiveObject>, AwsError>> + Send;
    /// The identity provider with this ARN.
    fn provider(&self, arn: &str) -> impl Future<Output = Result<Option<LiveProvider>, AwsError>> + Send;
    /// A role and its inline policy of this name.
    fn role(
        &self,
        role: &RoleName,
        policy: &RoleName,
        reading: RoleReading,
    ) -> impl Future<Output = Result<Option<LiveRole>, AwsError>> + Send;
    /// Hears how many of the roles that are asked for are read.
    fn has_read(&self, _roles: usize, _of: usize) {}
    /// All roles, or those on this path.
    fn list_roles(&self, path: Option<&RolePath>) -> impl Future<Output = Result<Vec<ListedRole>, AwsError>> + Send;
    /// A role's tags, where there is one.
    fn role_tags(&self, role: &RoleName) -> impl Future<Output = Result<Option<Tags>, AwsError>> + Send;
}

/// Why the account's state was not read.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// AWS did not answer, or with an error.
    #[error("the account cannot be read; nothing was changed")]
    Aws(#[from] AwsError),
    /// The credentials are another account's.
    #[error(
        "the credentials belong to account {} ({}), the bundle is for account {account} ({partition})\n  use credentials of account {account}, for example with AWS_PROFILE",
        Escaped(.found), Escaped(.caller)
    )]
    WrongAccount {
        /// The account of the credentials.
        found: String,
        /// Whose credentials they are, as an ARN.
        caller: String,
        /// The bundle's account.
        account: String,
        /// The bundle's partition.
        partition: String,
    },
    /// A task ended without an answer.
    #[error("reading the account was interrupted; nothing was changed")]
    CutOff,
}

/// What the bundle's account holds of its resources.
#[derive(Debug)]
pub struct LiveState {
    caller: Caller,
    /// Not looked for where the bundle makes no issuer.
    bucket: BucketState,
    cloudfront: LiveCloudFront,
    provider: Option<LiveProvider>,
    roles: Roles,
    others: Roles,
    former: Vec<LiveFormer>,
}

impl LiveState {
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn bucket(&self) -> &BucketState {
        &self.bucket
    }

    /// The record, in the bucket or in the provider's tags.
    pub(crate) fn record(&self) -> Option<&LiveRecord> {
        let of_bucket = if let BucketState::Present(bucket) = &self.bucket { bucket.record.as_ref() } else { None };
        of_bucket.or(self.provider.as_ref().and_then(|provider| provider.record.as_ref()))
    }

    /// The distribution in front of the bucket.
    pub(crate) fn distribution(&self) -> Option<&LiveDistribution> {
        self.cloudfront.distribution.as_ref()
    }

    /// The access control with which CloudFront asks the bucket.
    pub(crate) fn access_control(&self) -> Option<&LiveAccessControl> {
        self.cloudfront.access_control.as_ref()
    }

    pub(crate) fn cloudfront(&self) -> &LiveCloudFront {
        &self.cloudfront
    }

    pub(crate) fn provider(&self) -> Option<&LiveProvider> {
        self.provider.as_ref()
    }

    /// The issuers that the cluster had before, in the bundle's order.
    pub(crate) fn former(&self) -> &[LiveFormer] {
        &self.former
    }

    pub(crate) fn role(&self, name: &RoleName) -> Option<&LiveRole> {
        self.roles.get(name)
    }

    /// The roles that the bundle does not have, and that carry the cluster's tag or that the record names.
    pub(crate) fn others(&self) -> &Roles {
        &self.others
    }
}

#[cfg(test)]
impl LiveState {
    /// A state put together by a test.
    pub(crate) fn for_test(bucket: BucketState, provider: Option<LiveProvider>, roles: Roles, others: Roles) -> Self {
        let caller = Caller { account: "123456789012".to_owned(), arn: "arn:aws:iam::123456789012:user/x".to_owned() };
        Self { caller, bucket, cloudfront: LiveCloudFront::default(), provider, roles, others, former: Vec::new() }
    }

    /// The same with this in front of the bucket.
    pub(crate) fn behind(self, cloudfront: LiveCloudFront) -> Self {
        Self { cloudfront, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixture::{Fake, Held, contents};

    fn read(
        change: impl FnOnce(&mut bundle_schema::documents::contents::Contents),
        held: Held,
    ) -> Result<LiveState, LiveError> {
        let mut contents = contents();
        change(&mut contents);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(LiveState::read(&Arc::new(Fake::new(held)), &contents, None, Scope::Whole))
    }

    #[test]
    fn a_caller_is_of_its_account() {
        let caller = |arn: &str| {
            let caller = Caller { account: "123456789012".to_owned(), arn: arn.to_owned() };
            caller.checked("sts:GetCallerIdentity").map(|caller| caller.arn).map_err(|error| error.to_string())
        };
        for arn in
            ["arn:aws-cn:iam::123456789012:root", "arn:aws:sts::123456789012:assumed-role/applier/ann@example.com"]
        {
            assert_eq!(caller(arn).unwrap(), arn);
        }
        let error =
            "sts:GetCallerIdentity gave an answer that cannot be used: its ARN is none of the account that it names";
        for arn in [
            "arn:aws:iam::210987654321:root",
            "arn:aws:iam::123456789012:",
            "arn:aws:iam::123456789012:user/\u{1b}",
            "x",
        ] {
            assert_eq!(caller(arn).unwrap_err(), error);
        }
    }

    #[test]
    fn everything_that_is_there_is_read() {
        let held = Held::everything(&contents());
        let live = read(|_| {}, held.clone()).unwrap();
        assert_eq!((live.bucket, live.provider, live.roles), (held.bucket, held.provider, held.roles));
    }

    #[test]
    fn another_accounts_credentials_read_nothing() {
        let error =
            read(|contents| contents.header.account_id = crate::fixture::parsed("111111111111"), Held::nothing());
        assert_eq!(
            error.unwrap_err().to_string(),
            "the credentials belong to account 123456789012 (arn:aws:iam::123456789012:user/x), the bundle is for account 111111111111 (aws)\n  use credentials of account 111111111111, for example with AWS_PROFILE"
        );
        let error = read(|contents| contents.header.partition = crate::fixture::parsed("aws-cn"), Held::nothing());
        assert!(matches!(error, Err(LiveError::WrongAccount { .. })));
    }
}
