//! The one writer: typed contents in, the canonical archive out.

use crate::archive::{ArchiveError, BUNDLE_MODE, pack};
use crate::documents::contents::{BucketDocuments, Contents, IssuerDocuments, RoleDocuments, path};
use crate::documents::index::{FileRecord, WireIndex};
use crate::documents::{DistributionDocuments, manifest};
use crate::names::{EntryPath, INDEX_PATH, NameError, Sha256};
use crate::{json, private_material};

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

/// Writes contents as `.tar.gz`. The same contents give the same bytes.
pub fn write(contents: &Contents) -> Result<Vec<u8>, WriteError> {
    let mut entries = entries(contents)?;
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (entry, body) in &entries {
        if let Some(what) = private_material::find(body) {
            return Err(WriteError::Private { entry: entry.clone(), what });
        }
    }
    let files = entries
        .iter()
        .map(|(path, body)| FileRecord { path: path.clone(), size: body.len() as u64, sha256: Sha256::of(body) })
        .collect();
    let index = json::to_bytes(&WireIndex::new(contents.header.clone(), files));
    let index_path = EntryPath::new(INDEX_PATH)?;
    let all = std::iter::once((&index_path, index.as_slice()))
        .chain(entries.iter().map(|(path, body)| (path, body.as_slice())));
    Ok(pack(all, BUNDLE_MODE)?)
}

fn entries(contents: &Contents) -> Result<Vec<(EntryPath, Vec<u8>)>, NameError> {
    let Contents { header, issuer, bucket, distribution, roles, requests } = contents;
    let keys = issuer.iter().map(|issuer| issuer.further_keys.len()).sum::<usize>();
    let mut entries = Vec::with_capacity(11 + keys + 3 * roles.len() + requests.len());
    let mut add = |path: &str, body: Vec<u8>| EntryPath::new(path).map(|path| entries.push((path, body)));
    if let Some(IssuerDocuments { discovery, jwks, public_key, further_keys, provider }) = issuer {
        add(path::DISCOVERY, json::to_bytes(discovery))?;
        add(path::JWKS, json::to_bytes(jwks))?;
        add(path::PUBLIC_KEY, public_key.to_pem().into_bytes())?;
        for key in further_keys {
            add(&path::key(key), key.to_pem().into_bytes())?;
        }
        add(path::PROVIDER, json::to_bytes(provider))?;
    }
    if let Some(url) = issuer.as_ref().and(header.issuer_url.as_ref()) {
        add(manifest::AUTHENTICATION_PATH, manifest::authentication(url).into_bytes())?;
    }
    if let Some(BucketDocuments { create, public_access_block, policy, tagging }) = bucket {
        add(path::BUCKET, json::to_bytes(create))?;
        if let Some(policy) = policy {
            add(path::BUCKET_POLICY, json::to_bytes(policy))?;
        }
        add(path::BUCKET_PUBLIC_ACCESS_BLOCK, json::to_bytes(public_access_block))?;
        add(path::BUCKET_TAGGING, json::to_bytes(tagging))?;
    }
    if let Some(DistributionDocuments { access_control, create }) = distribution {
        add(path::ACCESS_CONTROL, json::to_bytes(access_control))?;
        add(path::DISTRIBUTION, json::to_bytes(create))?;
    }
    for RoleDocuments { create, policy } in roles {
        add(&path::role(&create.role_name), json::to_bytes(create))?;
        add(&path::role_policy(&policy.role_name), json::to_bytes(policy))?;
    }
    for component in &header.components {
        add(&component.manifest_path(), manifest::secret(header, component).into_bytes())?;
    }
    entries.extend(requests.iter().cloned());
    Ok(entries)
}
