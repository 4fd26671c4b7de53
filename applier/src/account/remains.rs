//! What has to go or stand aside before the cluster's resources can be deleted: everything that the bucket holds, and where its
//! roles are in use.
//!
//! Input: answers from AWS, which are untrusted: counted, and escaped when shown. Output: [`Remains`], read after the
//! [`LiveState`] and for what that found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bundle_schema::documents::contents::{Contents, public_keys};
use bundle_schema::names::{BucketName, RoleName};
use tokio::task::JoinSet;

use super::error::AwsError;
use super::live::{BucketState, LiveError, LiveState, ReadAccount};
use crate::record::RECORD_KEY;

/// What a bucket holds, every version and every delete marker counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    /// The IDs of the versions of each object of ours, in the order of S3: the newest first.
    pub(crate) ours: BTreeMap<String, Vec<String>>,
    /// The keys of other objects.
    pub(crate) others: BTreeSet<String>,
    /// Whether there are more, which were not read: there are other objects, or far too many versions.
    pub(crate) has_more: bool,
}

impl Versions {
    /// Whether the bucket holds nothing, not even a delete marker.
    pub(crate) fn is_empty(&self) -> bool {
        self.ours.is_empty() && self.others.is_empty() && !self.has_more
    }
}

/// The reading that only a deletion needs.
pub(crate) trait ReadRemains: Send + Sync + 'static {
    /// What the bucket holds under keys that begin with `prefix`; those in `ours` are the cluster's.
    fn versions(
        &self,
        bucket: &BucketName,
        prefix: &str,
        ours: &BTreeSet<String>,
    ) -> impl Future<Output = Result<Versions, AwsError>> + Send;
    /// The names of the instance profiles that a role is in.
    fn instance_profiles(&self, role: &RoleName) -> impl Future<Output = Result<Vec<String>, AwsError>> + Send;
}

/// What stands in the way of a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remains {
    pub(crate) versions: Versions,
    /// The instance profiles that each role is in, where there are any.
    pub(crate) instance_profiles: BTreeMap<RoleName, Vec<String>>,
}

enum Part {
    Versions(Versions),
    Profiles(RoleName, Vec<String>),
}

impl Remains {
    pub(crate) async fn read<A: ReadAccount + ReadRemains>(
        account: &Arc<A>,
        live: &LiveState,
        contents: &Contents,
    ) -> Result<Self, LiveError> {
        let mut parts: JoinSet<Result<Part, AwsError>> = JoinSet::new();
        if let BucketState::Present(_) = live.bucket() {
            let (reader, bucket, ours) = (Arc::clone(account), contents.header.bucket(), our_keys(contents));
            parts.spawn(async move { Ok(Part::Versions(reader.versions(&bucket, "", &ours).await?)) });
        }
        let names = contents.roles.iter().map(|role| &role.create.role_name);
        for name in names.filter(|name| live.role(name).is_some()) {
            let (reader, name) = (Arc::clone(account), name.clone());
            parts.spawn(async move {
                let profiles = reader.instance_profiles(&name).await?;
                Ok(Part::Profiles(name, profiles))
            });
        }
        let mut remains = Self::default();
        let (mut done, of) = (0, parts.len());
        while let Some(part) = parts.join_next().await {
            done += 1;
            account.has_read(done, of);
            match part.map_err(|_| LiveError::CutOff)?? {
                Part::Versions(versions) => remains.versions = versions,
                Part::Profiles(_, profiles) if profiles.is_empty() => {}
                Part::Profiles(name, profiles) => {
                    remains.instance_profiles.insert(name, profiles);
                }
            }
        }
        Ok(remains)
    }
}

/// The keys of the issuer's documents, and of the record.
fn our_keys(contents: &Contents) -> BTreeSet<String> {
    let documents = contents.issuer.iter().flat_map(|_| public_keys(&contents.header));
    documents.chain([RECORD_KEY.to_owned()]).collect()
}
