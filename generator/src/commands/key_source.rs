//! Which key pair a bundle is made for: that of the bundle before, a public half that is given, a private half that is there,
//! or a new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bundle_schema::bundle::Inspection;
use bundle_schema::documents::key::{KeyError, ServiceAccountKey};
use bundle_schema::file::read_bounded;
use bundle_schema::limits::{MAX_ARCHIVE_BYTES, MAX_KEY_FILE_BYTES};
use bundle_schema::names::ClusterName;

use super::previous::Older;
use super::{read_secret, warn};
use crate::failure::Failure;
use crate::keys::published::PublishedKeys;
use crate::keys::service_account::{KeyType, PRIVATE_FILE, PrivateKey};
use crate::output::files::{OutputError, check_private};
use crate::progress::Progress;
use crate::settings::flags::{Settings, SettingsError};
use crate::settings::options::{BundleOptions, Issuer};
use crate::settings::previous::keeps_key;

/// Where the key of a bundle comes from.
pub(super) enum KeySource {
    /// Somebody else manages the issuer.
    Elsewhere,
    /// The bundle of `--previous`, or `--public-key-file`: there is no private half here.
    Public { keys: PublishedKeys, from: String },
    /// `serviceaccount-signer.private` of the output directory.
    Existing { key: PrivateKey, file: PathBuf },
    /// None was there: one is made, and goes into the install archive alone.
    New(KeyType),
}

/// Where a private half is once the bundle is made.
pub(super) enum Kept {
    /// Not here: whoever has it keeps it.
    Nowhere,
    /// In the install archive.
    InTheArchive,
    /// In the file that it was in before, and in no archive.
    InFile(PathBuf),
}

/// A key pair, as far as a bundle needs it.
pub(super) struct Keys {
    /// None where somebody else manages the issuer.
    pub(super) public: Option<PublishedKeys>,
    /// What the install archive holds of it.
    pub(super) private: Option<PrivateKey>,
    /// Where it comes from, in words; none where there is none.
    pub(super) source: Option<String>,
    pub(super) kept: Kept,
}

impl KeySource {
    /// Looks for a key, and reads it. Nothing is made yet. A bundle that follows another has its key, whatever private half
    /// lies about.
    pub(super) fn find(
        older: Option<&Older>,
        settings: &Settings,
        output_dir: &Path,
        options: &BundleOptions,
        makes_cluster: bool,
    ) -> Result<Self, Failure> {
        let (public_key_file, key_type, serial) =
            (settings.public_key_file.as_deref(), settings.key_type, options.serial);
        if matches!(options.issuer, Issuer::Existing(_)) {
            return Ok(Self::Elsewhere);
        }
        if let Some((older, before)) =
            older.and_then(|older| Some((older, PublishedKeys::of_bundle(older.contents())?)))
        {
            if let Some(path) = public_key_file {
                keeps_key(&read_public_key(path)?, &before.signing)?;
            }
            check_type(older.file(), key_type, &before.signing)?;
            let (keys, warning) = older.keys(&before, settings, options.created)?;
            if let Some(warning) = warning {
                warn(&warning);
            }
            return Ok(Self::Public {
                keys,
                from: format!("its public half, from {}", older.file().to_string_lossy()),
            });
        }
        if let Some(path) = public_key_file {
            let key = read_public_key(path)?;
            check_type(path, key_type, &key)?;
            return Ok(Self::Public {
                keys: key.into(),
                from: format!("its public half, from {}", path.to_string_lossy()),
            });
        }
        let path = output_dir.join(PRIVATE_FILE);
        if path.symlink_metadata().is_ok() {
            let key = read_private_key(&path)?;
            check_type(&path, key_type, key.public())?;
            return Ok(Self::Existing { key, file: path });
        }
        if !makes_cluster {
            return Err(SettingsError::NewKeyForOldCluster(serial).into());
        }
        Ok(Self::New(key_type.unwrap_or_default()))
    }

    /// A new key's bundle is never the one that is there already: better known before the key is made than after. Where a
    /// run before was cut off, it is known what to do.
    pub(super) fn check_vacant<'a>(
        &self,
        mut files: impl Iterator<Item = &'a Path>,
        cut_off: Option<&str>,
        next_serial: u64,
    ) -> Result<(), OutputError> {
        let Some(there) = files.find(|file| matches!(self, Self::New(_)) && file.symlink_metadata().is_ok()) else {
            return Ok(());
        };
        let hint = match cut_off {
            Some(advice) => advice.to_owned(),
            None => format!(
                "if the install archive is lost and the bundle was never applied, delete the bundle and the signatures, then run this again; for a changed bundle of the same cluster give --serial {next_serial} and --public-key-file"
            ),
        };
        Err(OutputError::Exists { path: there.to_owned(), hint })
    }

    /// Two clusters share a key where somebody says so with `--public-key-file`, and not because they share a directory.
    pub(super) fn check_not_shared(&self, output_dir: &Path, name: &ClusterName) -> Result<(), SettingsError> {
        let Self::Existing { key, file } = self else { return Ok(()) };
        match other_cluster(output_dir, name, key.public()) {
            Some((other, bundle)) => {
                Err(SettingsError::SharedKey { name: name.clone(), key_file: file.clone(), other, bundle })
            }
            None => Ok(()),
        }
    }

    /// The pair. The private half goes into the install archive of the cluster's first bundle alone: a cluster that runs has it.
    pub(super) fn take(self, makes_cluster: bool) -> Result<Keys, Failure> {
        Ok(match self {
            Self::Elsewhere => Keys { public: None, private: None, source: None, kept: Kept::Nowhere },
            Self::Public { keys, from } => {
                Keys { public: Some(keys), private: None, source: Some(from), kept: Kept::Nowhere }
            }
            Self::Existing { key, file } => {
                let (public, source) = (Some(key.public().clone().into()), format!("from {}", file.to_string_lossy()));
                if makes_cluster {
                    Keys { public, private: Some(key), source: Some(source), kept: Kept::InTheArchive }
                } else {
                    Keys { public, private: None, source: Some(source), kept: Kept::InFile(file) }
                }
            }
            Self::New(key_type) => {
                let key = new_key(key_type)?;
                let source = "new; its private half is in the install archive alone".to_owned();
                Keys {
                    public: Some(key.public().clone().into()),
                    private: Some(key),
                    source: Some(source),
                    kept: Kept::InTheArchive,
                }
            }
        })
    }
}

/// Makes a pair.
pub(super) fn new_key(key_type: KeyType) -> Result<PrivateKey, Failure> {
    let _progress = Progress::of(format!("making the {} key pair", key_type.describe()));
    Ok(PrivateKey::generate(key_type)?)
}

/// Bundles that are read to find another cluster with the same key.
const MAX_OTHERS: usize = 100;

/// Another cluster in a directory whose newest bundle has this key, and that bundle.
fn other_cluster(directory: &Path, name: &ClusterName, key: &ServiceAccountKey) -> Option<(ClusterName, PathBuf)> {
    let mut newest: BTreeMap<ClusterName, (u64, PathBuf)> = BTreeMap::new();
    for entry in std::fs::read_dir(directory).ok()?.flatten() {
        let file = entry.file_name();
        let stem = file.to_str().and_then(|file| file.strip_suffix(".tar.gz")).and_then(|stem| stem.rsplit_once('-'));
        let Some((other, serial)) = stem else { continue };
        if let (Ok(other), Ok(serial)) = (ClusterName::new(other), serial.parse())
            && other != *name
            && newest.get(&other).is_none_or(|(newest, _)| *newest < serial)
        {
            newest.insert(other, (serial, entry.path()));
        }
    }
    if newest.len() > MAX_OTHERS {
        warn(&format!("only {MAX_OTHERS} of {} other clusters were searched for the same key", newest.len()));
    }
    let _progress = Progress::of("looking for the same key in other clusters' bundles");
    newest.into_iter().take(MAX_OTHERS).map(|(other, (_, bundle))| (other, bundle)).find(|(_, bundle)| {
        let bytes = read_bounded(bundle, MAX_ARCHIVE_BYTES).ok();
        bytes
            .and_then(|bytes| Inspection::read(bytes).ok())
            .is_some_and(|found| found.contents().keys().any(|other| other == key))
    })
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
    check_private(path)?;
    let text = read_secret(path)?;
    PrivateKey::from_pem(&text).map_err(|error| Failure::from(error).in_file(path))
}
