//! What the account holds of a bundle's resources, read before anything is planned.
//!
//! Input: answers from AWS, which are untrusted: sizes are bounded, text is kept as it is and escaped when shown.
//! Output: [`LiveState`], which can only be of the account that the bundle names. Reading is one trait, `ReadAccount`, so
//! that whatever has only that cannot write.

use std::collections::BTreeMap;
use std::sync::Arc;

use bundle_schema::documents::PublicAccessBlock;
use bundle_schema::documents::contents::Contents;
use bundle_schema::escape::Escaped;
use bundle_schema::names::{BucketName, RoleName};
use tokio::task::JoinSet;

use crate::account::error::AwsError;
use crate::admit::Admitted;

/// A resource's tags, by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// Who the credentials belong to, as `sts:GetCallerIdentity` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) arn: String,
}

impl Caller {
    /// The partition, from the caller's ARN.
    fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or_default()
    }
}

/// What stands under the bucket's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BucketState {
    /// Nothing.
    Absent,
    /// A bucket that S3 does not let these credentials see: another account's, as a rule.
    Forbidden,
    /// A bucket in another region.
    InRegion(String),
    /// A bucket of this account, in the bundle's region.
    Present(LiveBucket),
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
    /// The issuer's objects that are there, by key.
    pub(crate) objects: BTreeMap<String, LiveObject>,
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
}

/// A role, its policy of ours, and the names of the policies that are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveRole {
    pub(crate) path: String,
    pub(crate) trust: String,
    pub(crate) description: Option<String>,
    pub(crate) boundary: Option<String>,
    /// How long a session may last, in seconds.
    pub(crate) max_session_duration: Option<i32>,
    pub(crate) tags: Tags,
    pub(crate) policy: Option<String>,
    pub(crate) other_policies: Vec<String>,
}

/// The reading half of an account. Nothing behind it changes anything.
pub(crate) trait ReadAccount: Send + Sync + 'static {
    /// Whose credentials these are.
    fn caller(&self) -> impl Future<Output = Result<Caller, AwsError>> + Send;
    /// The bucket without its objects.
    fn bucket(&self, bucket: &BucketName) -> impl Future<Output = Result<BucketState, AwsError>> + Send;
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
    ) -> impl Future<Output = Result<Option<LiveRole>, AwsError>> + Send;
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
    bucket: BucketState,
    provider: Option<LiveProvider>,
    roles: BTreeMap<RoleName, LiveRole>,
}

enum Part {
    Bucket(BucketState),
    Provider(Option<LiveProvider>),
    Role(RoleName, Option<LiveRole>),
}

impl LiveState {
    /// Reads everything that the bundle is about, once it is known that the credentials are the bundle's account's.
    pub(crate) async fn read(account: &Arc<impl ReadAccount>, bundle: &Admitted) -> Result<Self, LiveError> {
        Self::read_for(account, bundle.bundle().contents()).await
    }

    async fn read_for<A: ReadAccount>(account: &Arc<A>, contents: &Contents) -> Result<Self, LiveError> {
        let header = &contents.header;
        let caller = account.caller().await?;
        if caller.account != header.account_id.as_str() || caller.partition() != header.partition.as_str() {
            return Err(LiveError::WrongAccount {
                found: caller.account,
                caller: caller.arn,
                account: header.account_id.to_string(),
                partition: header.partition.to_string(),
            });
        }

        let mut parts: JoinSet<Result<Part, AwsError>> = JoinSet::new();
        let (reader, bucket) = (Arc::clone(account), header.name.bucket());
        let keys: Vec<&'static str> = contents.objects().iter().map(|object| object.key).collect();
        parts.spawn(async move { Ok(Part::Bucket(bucket_with_objects(&reader, &bucket, keys).await?)) });
        let (reader, arn) = (Arc::clone(account), header.provider_arn());
        parts.spawn(async move { Ok(Part::Provider(reader.provider(&arn).await?)) });
        for role in &contents.roles {
            let (reader, name, policy) =
                (Arc::clone(account), role.create.role_name.clone(), role.policy.policy_name.clone());
            parts.spawn(async move {
                let live = reader.role(&name, &policy).await?;
                Ok(Part::Role(name, live))
            });
        }

        let mut live = Self { caller, bucket: BucketState::Absent, provider: None, roles: BTreeMap::new() };
        while let Some(part) = parts.join_next().await {
            match part.map_err(|_| LiveError::CutOff)?? {
                Part::Bucket(bucket) => live.bucket = bucket,
                Part::Provider(provider) => live.provider = provider,
                Part::Role(name, role) => live.roles.extend(role.map(|role| (name, role))),
            }
        }
        Ok(live)
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn bucket(&self) -> &BucketState {
        &self.bucket
    }

    pub(crate) fn provider(&self) -> Option<&LiveProvider> {
        self.provider.as_ref()
    }

    pub(crate) fn role(&self, name: &RoleName) -> Option<&LiveRole> {
        self.roles.get(name)
    }
}

async fn bucket_with_objects<A: ReadAccount>(
    account: &Arc<A>,
    name: &BucketName,
    keys: Vec<&'static str>,
) -> Result<BucketState, AwsError> {
    let mut state = account.bucket(name).await?;
    if let BucketState::Present(bucket) = &mut state {
        let mut reads = JoinSet::new();
        for key in keys {
            let (reader, name) = (Arc::clone(account), name.clone());
            reads.spawn(async move { (key, reader.object(&name, key).await) });
        }
        for (key, object) in reads.join_all().await {
            bucket.objects.extend(object?.map(|object| (key.to_owned(), object)));
        }
    }
    Ok(state)
}

#[cfg(test)]
impl LiveState {
    /// A state put together by a test.
    pub(crate) fn for_test(
        bucket: BucketState,
        provider: Option<LiveProvider>,
        roles: BTreeMap<RoleName, LiveRole>,
    ) -> Self {
        let caller = Caller { account: "123456789012".to_owned(), arn: "arn:aws:iam::123456789012:user/x".to_owned() };
        Self { caller, bucket, provider, roles }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fake, Held, contents};

    fn read(
        change: impl FnOnce(&mut bundle_schema::documents::contents::Contents),
        held: Held,
    ) -> Result<LiveState, LiveError> {
        let mut contents = contents();
        change(&mut contents);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(LiveState::read_for(&Arc::new(Fake::new(held)), &contents))
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
