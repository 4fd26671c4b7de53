//! What the installer needs and the applier must not have: `<name>-<serial>-install.tar.gz`.
//!
//! The manifests and, where a key pair was made for the bundle, its private half, laid out to be extracted in the
//! installer's directory.

use bundle_schema::archive::{ArchiveError, pack};
use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::manifest;
use bundle_schema::names::{EntryPath, NameError};
use zeroize::Zeroizing;

use crate::keys::service_account::PrivateKey;

/// Only the owner of an extracted file may read it.
const MODE: u32 = 0o600;
/// Where the installer looks for the private key.
pub(crate) const PRIVATE_KEY: &str = "tls/bound-service-account-signing-key.key";

/// Why no install archive can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InstallArchiveError {
    /// A path that no entry can have.
    #[error(transparent)]
    Path(#[from] NameError),
    /// The archive itself.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// Packs the archive. The same bundle and key give the same bytes.
pub(crate) fn make(
    contents: &Contents,
    private_key: Option<&PrivateKey>,
) -> Result<Zeroizing<Vec<u8>>, InstallArchiveError> {
    let header = &contents.header;
    let mut entries: Vec<(EntryPath, Zeroizing<Vec<u8>>)> = Vec::with_capacity(header.components.len() + 2);
    let mut add = |path: &str, text: Zeroizing<String>| {
        EntryPath::new(path).map(|path| entries.push((path, Zeroizing::new(text.as_bytes().to_vec()))))
    };
    if let Some(issuer) = &contents.issuer {
        add(manifest::AUTHENTICATION_PATH, manifest::authentication(&issuer.provider.url).into())?;
    }
    for component in &header.components {
        add(&component.manifest_path(), manifest::secret(header, component).into())?;
    }
    if let Some(key) = private_key {
        add(PRIVATE_KEY, Zeroizing::new(key.pem().to_owned()))?;
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let archive = pack(entries.iter().map(|(path, body)| (path, body.as_slice())), MODE)?;
    Ok(Zeroizing::new(archive))
}

/// Whether an archive begins as an install archive does: with a manifest that only its owner may read.
pub(crate) fn is_one(archive: &[u8]) -> bool {
    bundle_schema::archive::first_entry(archive)
        .is_some_and(|(path, mode)| mode == MODE && path.starts_with("manifests/"))
}
