//! Which key pair a bundle is made for: a public half that is given, a private half that is there, or a new one.

use std::path::Path;

use bundle_schema::documents::key::{KeyError, ServiceAccountKey};
use bundle_schema::escape::Escaped;
use bundle_schema::file::read_bounded;
use bundle_schema::limits::MAX_KEY_FILE_BYTES;

use super::read_secret;
use crate::failure::Failure;
use crate::keys::service_account::{KeyType, PRIVATE_FILE, PrivateKey};
use crate::output::files::OutputError;
use crate::settings::flags::SettingsError;

/// Where the key of a bundle comes from.
pub(super) enum KeySource {
    /// `--public-key-file`: there is no private half here.
    Public { key: ServiceAccountKey, from: String },
    /// `serviceaccount-signer.private` of the output directory.
    Existing { key: PrivateKey, from: String },
    /// None was there: one is made, and goes into the install archive alone.
    New(KeyType),
}

impl KeySource {
    /// Looks for a key, and reads it. Nothing is made yet.
    pub(super) fn find(
        public_key_file: Option<&Path>,
        output_dir: &Path,
        key_type: Option<KeyType>,
        serial: u64,
    ) -> Result<Self, Failure> {
        if let Some(path) = public_key_file {
            let key = read_public_key(path)?;
            check_type(path, key_type, &key)?;
            return Ok(Self::Public { key, from: format!("its public half, from {}", path.to_string_lossy()) });
        }
        let path = output_dir.join(PRIVATE_FILE);
        if path.symlink_metadata().is_ok() {
            let key = read_private_key(&path)?;
            check_type(&path, key_type, key.public())?;
            return Ok(Self::Existing { key, from: format!("from {}", path.to_string_lossy()) });
        }
        if serial > 1 {
            return Err(SettingsError::NewKeyForOldCluster(serial).into());
        }
        Ok(Self::New(key_type.unwrap_or_default()))
    }

    /// A new key's bundle is never the one that is there already: better known before the key is made than after.
    pub(super) fn check_vacant(&self, bundle: &Path, next_serial: u64) -> Result<(), OutputError> {
        if !matches!(self, Self::New(_)) || bundle.symlink_metadata().is_err() {
            return Ok(());
        }
        let hint = format!(
            "if its install archive is lost and it was never applied, delete it and its signatures, then run this again; for a changed bundle of the same cluster give --serial {next_serial} and --public-key-file"
        );
        Err(OutputError::Exists { path: bundle.to_owned(), hint })
    }

    /// The public half, the private half where there is one, and where they come from in words.
    pub(super) fn take(self) -> Result<(ServiceAccountKey, Option<PrivateKey>, String), Failure> {
        match self {
            Self::Public { key, from } => Ok((key, None, from)),
            Self::Existing { key, from } => Ok((key.public().clone(), Some(key), from)),
            Self::New(key_type) => {
                let key = PrivateKey::generate(key_type)?;
                Ok((
                    key.public().clone(),
                    Some(key),
                    "new; its private half is in the install archive alone".to_owned(),
                ))
            }
        }
    }
}

fn check_type(path: &Path, asked: Option<KeyType>, key: &ServiceAccountKey) -> Result<(), SettingsError> {
    match asked {
        Some(asked) if asked.describe() != key.describe() => {
            Err(SettingsError::KeyType { file: path.to_owned(), asked: asked.describe(), found: key.describe() })
        }
        _ => Ok(()),
    }
}

/// Reads a public half.
pub(super) fn read_public_key(path: &Path) -> Result<ServiceAccountKey, Failure> {
    let bytes = read_bounded(path, MAX_KEY_FILE_BYTES)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::NotPem);
    text.and_then(ServiceAccountKey::from_pem).map_err(|error| Failure::from(error).in_file(path))
}

/// Reads a private half.
pub(super) fn read_private_key(path: &Path) -> Result<PrivateKey, Failure> {
    let text = read_secret(path)?;
    PrivateKey::from_pem(&text).map_err(|error| Failure::from(error).in_file(path))
}

/// A path as it is printed.
pub(super) fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}
