//! The issuers that the cluster had before: their records, and whether their identity providers are there.
//!
//! Input: a bundle's header, which was validated, and answers from AWS. Output: a [`LiveFormer`] for each former issuer. They are read before the
//! roles, which their records may name; nothing else of them is looked at.

use std::sync::Arc;

use bundle_schema::documents::former::FormerIssuer;
use bundle_schema::documents::index::Header;
use bundle_schema::names::IssuerUrl;

use super::{BucketState, LiveRecord, ReadAccount};
use crate::account::error::AwsError;
use crate::record::tags::{self, Marks};
use crate::record::{MadeProvider, Place, Record};

/// What the account holds of an issuer that the cluster had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveFormer {
    pub(crate) issuer_url: IssuerUrl,
    /// Where its record stands.
    pub(crate) place: Place,
    pub(crate) record: Option<LiveRecord>,
    /// Whether its identity provider is there: as long as it is, AWS takes its tokens.
    pub(crate) has_provider: bool,
}

impl LiveFormer {
    /// The record, where it is one.
    pub(crate) fn content(&self) -> Option<&Record> {
        self.record.as_ref()?.content.as_ref().ok()
    }
}

/// One, and the marks of its record, where that stands in tags and still lacks its roles.
pub(super) struct Read {
    pub(super) live: LiveFormer,
    pub(super) marks: Option<Marks>,
}

/// Those of a bundle, in its order.
pub(super) async fn read<A: ReadAccount>(account: &Arc<A>, header: &Header) -> Result<Vec<Read>, AwsError> {
    let mut all = Vec::with_capacity(header.former_issuers.len());
    for former in &header.former_issuers {
        all.push(read_one(account, header, former).await?);
    }
    Ok(all)
}

async fn read_one<A: ReadAccount>(account: &Arc<A>, header: &Header, former: &FormerIssuer) -> Result<Read, AwsError> {
    let place = Place::of_former(header, former);
    let provider = account.provider(&header.provider_arn_of(&former.issuer_url)).await?;
    let (mut record, mut marks) = (None, None);
    match &place {
        Place::Bucket(bucket) => {
            if account.find_bucket(bucket).await? == BucketState::Present(()) {
                record = account.record(&place, &header.name).await?;
            }
        }
        Place::Provider { name, .. } => {
            let found = provider.as_ref().and_then(|provider| Some((provider, tags::read(&provider.tags, name)?)));
            record = found.map(|(provider, found)| LiveRecord {
                etag: found.etag,
                content: found.content.map(|(mut record, of_record)| {
                    record.made.provider =
                        of_record.has_provider(provider.created).then(|| MadeProvider::from(provider));
                    marks = Some(of_record);
                    record
                }),
            });
        }
    }
    let (issuer_url, has_provider) = (former.issuer_url.clone(), provider.is_some());
    Ok(Read { live: LiveFormer { issuer_url, place, record, has_provider }, marks })
}
