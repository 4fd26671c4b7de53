//! The one reader: untrusted bytes in, typed contents out, or the first thing that is wrong.
//!
//! It reads top to bottom in the order of FORMAT.md's list: the archive (steps 3 and 4), the index (5), every document
//! (6). That the documents agree with each other is step 7, in `validate`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::validate::{Invalid, validate};
use crate::archive::{ArchiveError, Unpacked, unpack};
use crate::documents::contents::{BucketDocuments, Contents, IssuerDocuments, RoleDocuments, path};
use crate::documents::index::{Component, Kind, SCHEMA_VERSION, WireIndex};
use crate::documents::key::{KeyError, ServiceAccountKey};
use crate::documents::{DistributionDocuments, manifest};
use crate::json::{self, JsonError};
use crate::names::{EntryPath, INDEX_PATH, Sha256};
use crate::{parallel, private_material};

/// Why an archive is not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not a canonical archive.
    #[error("bundle is not a canonical archive")]
    Archive(#[from] ArchiveError),
    /// No `bundle.json`.
    #[error("bundle is refused: it has no {INDEX_PATH}")]
    NoIndex,
    /// A schema version that this program does not know.
    #[error(
        "bundle has schema version {0}; this program reads version {SCHEMA_VERSION}\n  use the release of STS Airlock that made the bundle"
    )]
    Version(String),
    /// An entry that the index does not list.
    #[error("entry {0} is not listed in {INDEX_PATH}")]
    NotListed(EntryPath),
    /// A listed file that is not there.
    #[error("{INDEX_PATH} lists {0}, which the archive does not have")]
    NotThere(EntryPath),
    /// A size other than the listed one.
    #[error("entry {path} has {found} bytes; {INDEX_PATH} says {listed}")]
    Size {
        /// The entry.
        path: EntryPath,
        /// Its bytes.
        found: u64,
        /// What the index says.
        listed: u64,
    },
    /// A digest other than the listed one.
    #[error("entry {path} has SHA-256 {found}; {INDEX_PATH} says {listed}")]
    Digest {
        /// The entry.
        path: EntryPath,
        /// Its digest.
        found: Sha256,
        /// What the index says.
        listed: Sha256,
    },
    /// Private key material.
    #[error(
        "entry {path} holds {what}; a bundle never holds private key material\n  treat that key as exposed, and make the bundle again without it"
    )]
    Private {
        /// The entry.
        path: EntryPath,
        /// What was found.
        what: &'static str,
    },
    /// A document that the index implies is not there.
    #[error("bundle has no {0}")]
    Missing(String),
    /// An entry that nothing in the index accounts for.
    #[error("entry {0} is not part of the format")]
    Unknown(EntryPath),
    /// A document that is not what its place demands.
    #[error("{path} is refused: {reason}")]
    Document {
        /// The entry.
        path: String,
        /// Why.
        reason: JsonError,
    },
    /// A public key.
    #[error("{path} is refused")]
    Key {
        /// The entry.
        path: String,
        /// Why.
        source: KeyError,
    },
    /// A public key under a name that is not its own.
    #[error("entry {path} holds another key than it is named after; the place of that key is {expected}")]
    KeyName {
        /// The entry.
        path: EntryPath,
        /// Where the key belongs.
        expected: String,
    },
}

/// Contents that parsed, and the manifests that step 7 compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) contents: Contents,
    /// The manifests' bytes: the Authentication resource of a cluster, then a Secret for each component.
    pub(crate) manifests: Vec<(String, Vec<u8>)>,
}

impl Parsed {
    /// Step 7.
    pub(crate) fn validate(self) -> Result<Contents, Invalid> {
        validate(&self.contents, &self.manifests).map(|()| self.contents)
    }
}

/// Reads an archive: steps 3 to 6.
pub(crate) fn read(archive: &[u8]) -> Result<Parsed, ReadError> {
    let unpacked = unpack(archive)?;
    let entries: Vec<_> = unpacked.entries().collect();
    let (index, examined) = parallel::both(|| read_index(&unpacked), || parallel::map(&entries, examine));
    let index = index?;
    check_files(&entries, &examined, &index)?;
    drop(examined);
    read_documents(&unpacked, index)
}

/// What does not depend on what the index says of an entry: its digest, and private material that is in it.
fn examine((_, body): &(&EntryPath, &[u8])) -> (Sha256, Option<&'static str>) {
    (Sha256::of(body), private_material::find(body))
}

fn read_index(unpacked: &Unpacked) -> Result<WireIndex, ReadError> {
    let (path, body) = unpacked.entries().next().ok_or(ReadError::NoIndex)?;
    let refused = |reason| ReadError::Document { path: path.to_string(), reason };
    let read: Result<WireIndex, JsonError> = json::parse(body);
    if let Ok(index) = read.as_ref()
        && index.schema_version == SCHEMA_VERSION
    {
        return read.map_err(refused);
    }
    // A bundle of another version is told apart from a broken one.
    let version = json::parse_value(body).map_err(refused)?.get("schemaVersion").cloned().unwrap_or_default();
    if version != SCHEMA_VERSION {
        return Err(ReadError::Version(crate::escape::Escaped(&version.to_string()).to_string()));
    }
    read.map_err(refused)
}

/// Every entry is listed with its size and digest, in the archive's order, nothing else is, and none holds private material.
fn check_files(
    entries: &[(&EntryPath, &[u8])],
    examined: &[(Sha256, Option<&'static str>)],
    index: &WireIndex,
) -> Result<(), ReadError> {
    let mut listed = index.files.iter();
    for ((path, body), (found, _)) in entries.iter().zip(examined).skip(1) {
        let path = *path;
        let record = match listed.next() {
            Some(record) if record.path == *path => record,
            Some(record) if record.path < *path => return Err(ReadError::NotThere(record.path.clone())),
            _ => return Err(ReadError::NotListed(path.clone())),
        };
        if record.size != body.len() as u64 {
            return Err(ReadError::Size { path: path.clone(), found: body.len() as u64, listed: record.size });
        }
        if record.sha256 != *found {
            let (found, listed) = (found.clone(), record.sha256.clone());
            return Err(ReadError::Digest { path: path.clone(), found, listed });
        }
    }
    if let Some(record) = listed.next() {
        return Err(ReadError::NotThere(record.path.clone()));
    }
    match entries.iter().zip(examined).find_map(|((path, _), (_, found))| Some((*path, (*found)?))) {
        None => Ok(()),
        Some((path, what)) => Err(ReadError::Private { path: path.clone(), what }),
    }
}

/// The entries not yet read; what is left at the end is not part of the format.
struct Entries<'a> {
    left: BTreeMap<&'a str, (&'a EntryPath, &'a [u8])>,
}

impl<'a> Entries<'a> {
    fn take(&mut self, path: &str) -> Result<&'a [u8], ReadError> {
        self.left.remove(path).map(|(_, body)| body).ok_or_else(|| ReadError::Missing(path.to_owned()))
    }

    fn document<T: DeserializeOwned + Serialize>(&mut self, path: &str) -> Result<T, ReadError> {
        self.unread(path.to_owned()).read()
    }

    fn unread(&mut self, path: String) -> Unread<'a> {
        Unread { body: self.left.remove(path.as_str()).map(|(_, body)| body), path }
    }
}

/// A document that the index implies, if it is there.
struct Unread<'a> {
    path: String,
    body: Option<&'a [u8]>,
}

impl Unread<'_> {
    fn read<T: DeserializeOwned + Serialize>(&self) -> Result<T, ReadError> {
        let body = self.body.ok_or_else(|| ReadError::Missing(self.path.clone()))?;
        json::parse(body).map_err(|reason| ReadError::Document { path: self.path.clone(), reason })
    }
}

fn read_documents(unpacked: &Unpacked, index: WireIndex) -> Result<Parsed, ReadError> {
    let mut entries =
        Entries { left: unpacked.entries().skip(1).map(|(path, body)| (path.as_str(), (path, body))).collect() };
    let header = index.into_header();
    let mut issuer = match header.kind {
        Kind::Cluster => Some(read_issuer(&mut entries)?),
        Kind::Endpoint | Kind::Roles => None,
    };
    let bucket = header.has_bucket().then(|| read_bucket(&mut entries, header.kind)).transpose()?;
    let distribution = header.has_distribution().then(|| read_distribution(&mut entries)).transpose()?;
    let documents = role_documents(&mut entries, &header.components);
    let roles = parallel::try_map(&documents, read_role)?;
    let mut manifests = Vec::with_capacity(header.components.len() + 1);
    let paths = issuer.iter().map(|_| manifest::AUTHENTICATION_PATH.to_owned());
    let paths = paths.chain(header.components.iter().map(Component::manifest_path));
    for path in paths {
        let body = entries.take(&path)?.to_vec();
        manifests.push((path, body));
    }
    let mut requests = Vec::new();
    for (path, body) in entries.left.into_values() {
        if let Some(issuer) = issuer.as_mut().filter(|_| path.as_str().starts_with(path::KEYS)) {
            issuer.further_keys.push(read_further_key(path, body)?);
            continue;
        }
        if path.as_str().strip_prefix(path::REQUESTS).is_none_or(|name| name.contains('/')) {
            return Err(ReadError::Unknown(path.clone()));
        }
        requests.push((path.clone(), body.to_vec()));
    }
    Ok(Parsed { contents: Contents { header, issuer, bucket, distribution, roles, requests }, manifests })
}

/// All but the further keys, whose paths are known only when they are read.
fn read_issuer(entries: &mut Entries<'_>) -> Result<IssuerDocuments, ReadError> {
    Ok(IssuerDocuments {
        discovery: entries.document(path::DISCOVERY)?,
        jwks: entries.document(path::JWKS)?,
        public_key: read_public_key(path::PUBLIC_KEY, entries.take(path::PUBLIC_KEY)?)?,
        further_keys: Vec::new(),
        provider: entries.document(path::PROVIDER)?,
    })
}

fn read_bucket(entries: &mut Entries<'_>, kind: Kind) -> Result<BucketDocuments, ReadError> {
    let has_policy = kind != Kind::Endpoint;
    Ok(BucketDocuments {
        create: entries.document(path::BUCKET)?,
        public_access_block: entries.document(path::BUCKET_PUBLIC_ACCESS_BLOCK)?,
        policy: has_policy.then(|| entries.document(path::BUCKET_POLICY)).transpose()?,
        tagging: entries.document(path::BUCKET_TAGGING)?,
    })
}

fn read_distribution(entries: &mut Entries<'_>) -> Result<DistributionDocuments, ReadError> {
    Ok(DistributionDocuments {
        access_control: entries.document(path::ACCESS_CONTROL)?,
        create: entries.document(path::DISTRIBUTION)?,
    })
}

/// The two documents of each role.
fn role_documents<'a>(entries: &mut Entries<'a>, components: &[Component]) -> Vec<(Unread<'a>, Unread<'a>)> {
    let of_role = |component: &Component| {
        (entries.unread(component.role_document()), entries.unread(component.policy_document()))
    };
    components.iter().map(of_role).collect()
}

fn read_role((create, policy): &(Unread<'_>, Unread<'_>)) -> Result<RoleDocuments, ReadError> {
    Ok(RoleDocuments { create: create.read()?, policy: policy.read()? })
}

fn read_public_key(path: &str, body: &[u8]) -> Result<ServiceAccountKey, ReadError> {
    let refused = |source| ReadError::Key { path: path.to_owned(), source };
    let key = std::str::from_utf8(body).map_err(|_| KeyError::NotPem).and_then(ServiceAccountKey::from_pem);
    let key = key.map_err(refused)?;
    // One key has one spelling, as everything in a bundle.
    if key.to_pem().as_bytes() == body { Ok(key) } else { Err(refused(KeyError::NotPem)) }
}

/// A key that is published besides has its place by its own key ID, so none is there twice.
fn read_further_key(path: &EntryPath, body: &[u8]) -> Result<ServiceAccountKey, ReadError> {
    let key = read_public_key(path.as_str(), body)?;
    let expected = path::key(&key);
    if path.as_str() == expected { Ok(key) } else { Err(ReadError::KeyName { path: path.clone(), expected }) }
}
