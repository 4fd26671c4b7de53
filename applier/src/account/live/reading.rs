//! Reading everything that a bundle is about, in the order in which it may be read.
//!
//! Input: a bundle, and answers from AWS. Output: a [`LiveState`] of the account that the bundle names. The record comes first:
//! whoever applies changes it first, so what is read after it is as new as it is, and writing it finds out whether somebody else
//! has applied since.

use std::collections::BTreeMap;
use std::sync::Arc;

use bundle_schema::documents::contents::{Contents, IssuerDocuments};
use tokio::task::JoinSet;

use super::roles::{self, Known};
use super::{BucketState, Caller, LiveBucket, LiveError, LiveObject, LiveProvider, LiveRecord, LiveState, ReadAccount};
use crate::account::error::AwsError;
use crate::record::{Place, Record, tags};

enum Part {
    Settings(Box<LiveBucket>),
    Object(&'static str, Option<LiveObject>),
    Provider(Option<LiveProvider>),
}

impl LiveState {
    /// Reads the account, once it is known that the credentials are the bundle's account's. `previous` stands in for the record
    /// where there is none.
    pub(crate) async fn read<A: ReadAccount>(
        account: &Arc<A>,
        contents: &Contents,
        previous: Option<&Record>,
    ) -> Result<Self, LiveError> {
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
        match &contents.issuer {
            Some(issuer) => Self::of_cluster(account, caller, contents, issuer, previous).await,
            None => Self::of_roles(account, caller, contents, previous).await,
        }
    }

    async fn of_cluster<A: ReadAccount>(
        account: &Arc<A>,
        caller: Caller,
        contents: &Contents,
        issuer: &IssuerDocuments,
        previous: Option<&Record>,
    ) -> Result<Self, LiveError> {
        let header = &contents.header;
        let bucket = header.name.bucket();
        let found = account.find_bucket(&bucket).await?;
        let record = match found {
            BucketState::Present(()) => account.record(&Place::of(header), &header.name).await?,
            BucketState::Absent | BucketState::Forbidden | BucketState::InRegion(_) => None,
        };

        let mut parts: JoinSet<Result<Part, AwsError>> = JoinSet::new();
        if found == BucketState::Present(()) {
            let (reader, name) = (Arc::clone(account), bucket.clone());
            parts.spawn(async move { Ok(Part::Settings(Box::new(reader.bucket_settings(&name).await?))) });
            for object in issuer.objects() {
                let (reader, name, key) = (Arc::clone(account), bucket.clone(), object.key);
                parts.spawn(async move { Ok(Part::Object(key, reader.object(&name, key).await?)) });
            }
        }
        let (reader, arn) = (Arc::clone(account), header.provider_arn());
        parts.spawn(async move { Ok(Part::Provider(reader.provider(&arn).await?)) });
        let known = record.as_ref().and_then(|record| record.content.as_ref().ok()).or(previous);
        let roles::Read { bundled, others } = roles::read(account, contents, Known::of(known)).await?;

        let (mut held, mut objects) = (LiveBucket::default(), BTreeMap::new());
        let mut provider = None;
        while let Some(part) = parts.join_next().await {
            match part.map_err(|_| LiveError::CutOff)?? {
                Part::Settings(settings) => held = *settings,
                Part::Object(key, object) => objects.extend(object.map(|object| (key.to_owned(), object))),
                Part::Provider(found) => provider = found,
            }
        }
        let bucket = found.with(|()| LiveBucket { record, objects, ..held });
        Ok(Self { caller, bucket, provider, roles: bundled, others })
    }

    /// The identity provider, which holds the record in its tags, and the roles.
    async fn of_roles<A: ReadAccount>(
        account: &Arc<A>,
        caller: Caller,
        contents: &Contents,
        previous: Option<&Record>,
    ) -> Result<Self, LiveError> {
        let header = &contents.header;
        let mut provider = account.provider(&header.provider_arn()).await?;
        let found = provider.as_ref().and_then(|provider| tags::read(&provider.tags, &header.name));
        let known = match found.as_ref().map(|found| &found.content) {
            Some(Ok((_, marks))) => Known::Marks(marks),
            Some(Err(_)) | None => Known::of(previous),
        };
        let read = roles::read(account, contents, known).await?;
        let record = found.map(|found| LiveRecord {
            etag: found.etag,
            content: found.content.map(|(record, marks)| read.named(record, &marks, contents)),
        });
        if let Some(provider) = &mut provider {
            provider.record = record;
        }
        let roles::Read { bundled, others } = read;
        Ok(Self { caller, bucket: BucketState::Absent, provider, roles: bundled, others })
    }
}
