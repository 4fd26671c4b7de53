//! The one writer: typed contents in, the canonical archive out.

use std::borrow::Cow;

use serde::Serialize;

use crate::archive::{ArchiveError, BUNDLE_MODE, pack};
use crate::documents::contents::{BucketDocuments, Contents, IssuerDocuments, RoleDocuments, path};
use crate::documents::index::{FileRecord, WireIndex};
use crate::documents::{DistributionDocuments, manifest};
use crate::names::{EntryPath, INDEX_PATH, NameError, Sha256};
use crate::{json, parallel, private_material};

/// Why contents cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A path that no entry can have.
    #[error(transparent)]
    Path(#[from] NameError),
    /// Larger than an archive may be, or a path that fits no header.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A private key would have got into the bundle.
    #[error("{entry} holds {what}; a bundle never holds private key material\n  remove it from the input")]
    Private {
        /// The entry.
        entry: EntryPath,
        /// What was found.
        what: &'static str,
    },
}

/// An entry as it is written.
struct Entry<'a> {
    path: EntryPath,
    body: Cow<'a, [u8]>,
    sha256: Sha256,
    private: Option<&'static str>,
}

impl<'a> Entry<'a> {
    fn new(path: &str, body: impl Into<Cow<'a, [u8]>>) -> Result<Self, NameError> {
        let body = body.into();
        Ok(Self {
            path: EntryPath::new(path)?,
            sha256: Sha256::of(&body),
            private: private_material::find(&body),
            body,
        })
    }

    fn json<T: Serialize>(path: &str, document: &T) -> Result<Self, NameError> {
        Self::new(path, json::to_bytes(document))
    }

    fn text(path: &str, text: String) -> Result<Self, NameError> {
        Self::new(path, text.into_bytes())
    }
}

/// Writes contents as `.tar.gz`. The same contents give the same bytes.
pub fn write(contents: &Contents) -> Result<Vec<u8>, WriteError> {
    let mut entries = entries(contents)?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some((entry, what)) = entries.iter().find_map(|entry| Some((entry, entry.private?))) {
        return Err(WriteError::Private { entry: entry.path.clone(), what });
    }
    let record = |Entry { path, body, sha256, private: _ }: &Entry<'_>| FileRecord {
        path: path.clone(),
        size: body.len() as u64,
        sha256: sha256.clone(),
    };
    let files = entries.iter().map(record).collect();
    let index = json::to_bytes(&WireIndex::new(contents.header.clone(), files));
    let index_path = EntryPath::new(INDEX_PATH)?;
    let all = std::iter::once((&index_path, index.as_slice()))
        .chain(entries.iter().map(|entry| (&entry.path, entry.body.as_ref())));
    Ok(pack(all, BUNDLE_MODE)?)
}

fn entries(contents: &Contents) -> Result<Vec<Entry<'_>>, NameError> {
    let Contents { header, issuer, bucket, distribution, roles, requests } = contents;
    let mut entries = Vec::new();
    if let Some(IssuerDocuments { discovery, jwks, public_key, further_keys, provider }) = issuer {
        entries.push(Entry::json(path::DISCOVERY, discovery)?);
        entries.push(Entry::json(path::JWKS, jwks)?);
        entries.push(Entry::text(path::PUBLIC_KEY, public_key.to_pem())?);
        for key in further_keys {
            entries.push(Entry::text(&path::key(key), key.to_pem())?);
        }
        entries.push(Entry::json(path::PROVIDER, provider)?);
    }
    if let Some(url) = issuer.as_ref().and(header.issuer_url.as_ref()) {
        entries.push(Entry::text(manifest::AUTHENTICATION_PATH, manifest::authentication(url))?);
    }
    if let Some(BucketDocuments { create, public_access_block, policy, tagging }) = bucket {
        entries.push(Entry::json(path::BUCKET, create)?);
        if let Some(policy) = policy {
            entries.push(Entry::json(path::BUCKET_POLICY, policy)?);
        }
        entries.push(Entry::json(path::BUCKET_PUBLIC_ACCESS_BLOCK, public_access_block)?);
        entries.push(Entry::json(path::BUCKET_TAGGING, tagging)?);
    }
    if let Some(DistributionDocuments { access_control, create }) = distribution {
        entries.push(Entry::json(path::ACCESS_CONTROL, access_control)?);
        entries.push(Entry::json(path::DISTRIBUTION, create)?);
    }
    let roles = parallel::try_map(roles, |RoleDocuments { create, policy }| {
        let (role, policy_path) = (path::role(&create.role_name), path::role_policy(&policy.role_name));
        Ok([Entry::json(&role, create)?, Entry::json(&policy_path, policy)?])
    })?;
    entries.extend(roles.into_iter().flatten());
    entries.extend(parallel::try_map(&header.components, |component| {
        Entry::text(&component.manifest_path(), manifest::secret(header, component))
    })?);
    entries.extend(parallel::try_map(requests, |(path, body)| Entry::new(path.as_str(), body.as_slice()))?);
    Ok(entries)
}
