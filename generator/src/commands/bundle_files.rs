//! The files of a bundle: where they go, and writing them.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use bundle_schema::exit::ExitCode;
use bundle_schema::names::Sha256;

use super::key_source::shown;
use super::warn;
use crate::build::SignedBundle;
use crate::failure::Failure;
use crate::output::files::{NewFile, PRIVATE, PUBLIC, stage};
use crate::output::report::WrittenFile;
use crate::output::stdout;
use crate::settings::flags::SettingsError;
use crate::settings::options::BundleOptions;

/// Where the outputs go.
pub(super) struct Places {
    bundle: PathBuf,
    signature: PathBuf,
    /// None: standard output.
    pub(super) install_archive: Option<PathBuf>,
    install_signature: PathBuf,
    /// What the install archive is called where it is stored.
    pub(super) install_name: String,
}

impl Places {
    pub(super) fn new(
        output_dir: &Path,
        install_archive: Option<PathBuf>,
        options: &BundleOptions,
    ) -> Result<Self, SettingsError> {
        let stem = format!("{}-{}", options.name, options.serial);
        let usual = output_dir.join(format!("{stem}-install.tar.gz"));
        let install_archive = match install_archive {
            None => Some(usual.clone()),
            Some(path) if path.as_os_str() == "-" => None,
            Some(path) => Some(path),
        };
        if install_archive.is_none() && std::io::stdout().is_terminal() {
            return Err(SettingsError::Terminal);
        }
        if install_archive.is_none() && stdout::is_null_device() {
            return Err(SettingsError::NullDevice);
        }
        let stored = install_archive.as_deref().unwrap_or(&usual);
        let bundle = output_dir.join(format!("{stem}.tar.gz"));
        Ok(Self {
            signature: signature_of(&bundle),
            bundle,
            install_signature: signature_of(stored),
            install_name: stored.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            install_archive,
        })
    }

    /// The bundle.
    pub(super) fn bundle(&self) -> &Path {
        &self.bundle
    }

    /// The files, in the order in which they appear: with the bundle, everything else is there.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let install = self.install_archive.as_ref();
        install.into_iter().chain([&self.install_signature, &self.signature, &self.bundle]).map(PathBuf::as_path)
    }

    /// The files in words: `a, b and c`.
    pub(super) fn named(&self) -> String {
        let mut names: Vec<String> = self.files().map(shown).collect();
        let last = names.pop().unwrap_or_default();
        format!("{} and {last}", names.join(", "))
    }
}

/// `FILE.minisig`.
fn signature_of(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".minisig");
    path.into()
}

/// Everything that is written.
pub(super) struct Outputs<'a> {
    pub(super) bundle: &'a SignedBundle,
    pub(super) install: &'a [u8],
    pub(super) install_signature: &'a str,
}

impl Outputs<'_> {
    /// Writes what is new. The install archive on standard output comes first: where its reader fails, no bundle is left
    /// whose key is lost.
    pub(super) fn write(&self, places: &Places, hint: &str) -> Result<(), Failure> {
        let public = |path: &Path, bytes| NewFile { path: path.to_owned(), bytes, mode: PUBLIC };
        let install = places.install_archive.clone();
        let mut files: Vec<NewFile<'_>> =
            install.into_iter().map(|path| NewFile { path, bytes: self.install, mode: PRIVATE }).collect();
        files.push(public(&places.install_signature, self.install_signature.as_bytes()));
        files.push(public(&places.signature, self.bundle.signature().as_bytes()));
        files.push(public(&places.bundle, self.bundle.archive()));
        let staged = stage(files, hint)?;
        if places.install_archive.is_some() {
            return Ok(staged.publish()?);
        }
        stdout::hand_over(self.install).map_err(|error| Failure::new(ExitCode::Other, error))?;
        staged.publish().inspect_err(|_| {
            warn("the install archive on standard output belongs to no bundle; delete it");
        })?;
        Ok(())
    }

    pub(super) fn written(&self, places: &Places) -> Vec<WrittenFile> {
        let file = |kind, path: &Path, bytes: &[u8]| WrittenFile {
            kind,
            path: shown(path),
            sha256: Sha256::of(bytes).to_string(),
        };
        vec![
            file("bundle", &places.bundle, self.bundle.archive()),
            file("signature", &places.signature, self.bundle.signature().as_bytes()),
            file("install archive", places.install_archive.as_deref().unwrap_or(Path::new("-")), self.install),
            file("signature of the install archive", &places.install_signature, self.install_signature.as_bytes()),
        ]
    }
}
