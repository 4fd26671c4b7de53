//! The files of a bundle: where they go, and writing them.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use bundle_schema::exit::ExitCode;
use bundle_schema::names::Sha256;

use super::warn;
use crate::build::SignedBundle;
use crate::failure::Failure;
use crate::output::files::{NewFile, PRIVATE, PUBLIC, stage};
use crate::output::report::WrittenFile;
use crate::output::stdout;
use crate::settings::flags::SettingsError;
use crate::settings::options::BundleOptions;
use bundle_schema::escape::escaped_path;

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Signature,
    InstallSignature,
    InstallArchive,
    Bundle,
}

/// Where the outputs go.
pub(super) struct Places {
    bundle: PathBuf,
    signature: PathBuf,
    /// None where there is nothing to install.
    pub(super) install: Option<InstallPlaces>,
}

/// Where the install archive goes.
pub(super) struct InstallPlaces {
    /// None: standard output.
    pub(super) archive: Option<PathBuf>,
    signature: PathBuf,
    /// What the archive is called where it is stored.
    pub(super) name: String,
}

impl InstallPlaces {
    fn new(output_dir: &Path, install_archive: Option<PathBuf>, stem: &str) -> Result<Self, SettingsError> {
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
        Ok(Self {
            signature: signature_of(stored),
            name: stored.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            archive: install_archive,
        })
    }
}

impl Places {
    /// Those of a bundle and of its install archive.
    pub(super) fn new(
        output_dir: &Path,
        install_archive: Option<PathBuf>,
        options: &BundleOptions,
    ) -> Result<Self, SettingsError> {
        let install = InstallPlaces::new(output_dir, install_archive, &stem(options))?;
        Ok(Self { install: Some(install), ..Self::of_bundle_alone(output_dir, options) })
    }

    /// Those of a bundle with which nothing is installed.
    pub(super) fn of_bundle_alone(output_dir: &Path, options: &BundleOptions) -> Self {
        let bundle = output_dir.join(format!("{}.tar.gz", stem(options)));
        Self { signature: signature_of(&bundle), bundle, install: None }
    }

    /// Whether the install archive goes to standard output.
    pub(super) fn take_stdout(&self) -> bool {
        self.install.as_ref().is_some_and(|install| install.archive.is_none())
    }

    /// The bundle.
    pub(super) fn bundle(&self) -> &Path {
        &self.bundle
    }

    /// The files, in the order in which they appear. A run that is killed between two of them leaves those before: the
    /// bundle is last, because without its install archive its key would be lost; its signature is first, so that a
    /// signature without its bundle tells of such a run.
    fn in_order(&self) -> impl Iterator<Item = (Output, &Path)> {
        let install = self.install.iter().flat_map(|install| {
            let archive = install.archive.as_ref().map(|path| (Output::InstallArchive, path));
            std::iter::once((Output::InstallSignature, &install.signature)).chain(archive)
        });
        let all = std::iter::once((Output::Signature, &self.signature)).chain(install);
        all.chain([(Output::Bundle, &self.bundle)]).map(|(output, path)| (output, path.as_path()))
    }

    /// The files, in the order in which they appear.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.in_order().map(|(_, path)| path)
    }

    /// The files in words: `a, b and c`.
    pub(super) fn named(&self) -> String {
        in_words(self.files().map(escaped_path).collect())
    }

    /// What to do where a run before was killed while the files appeared; none where none was.
    pub(super) fn after_cut_off(&self) -> Option<String> {
        let is_there = |path: &Path| path.symlink_metadata().is_ok();
        if is_there(&self.bundle) || !is_there(&self.signature) {
            return None;
        }
        let mut left: Vec<String> = self.files().filter(|path| is_there(path)).map(escaped_path).collect();
        if self.take_stdout() {
            left.push("what standard output was piped into".to_owned());
        }
        Some(format!(
            "{} is not there: if the run before was cut off, it was never made\n  in that case delete {}, then run this again\n  if it was moved, put it back, and delete nothing",
            escaped_path(&self.bundle),
            in_words(left)
        ))
    }
}

/// `a, b and c`.
fn in_words(mut names: Vec<String>) -> String {
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

/// `<name>-<serial>`.
fn stem(options: &BundleOptions) -> String {
    format!("{}-{}", options.name, options.serial)
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
    /// The install archive; empty where the places have none.
    pub(super) install: &'a [u8],
    pub(super) install_signature: &'a str,
}

impl Outputs<'_> {
    /// Writes what is new. The install archive on standard output comes first: where its reader fails, no bundle is left
    /// whose key is lost.
    pub(super) fn write(&self, places: &Places, hint: &str) -> Result<(), Failure> {
        let file = |(output, path): (Output, &Path)| {
            let (bytes, mode) = match output {
                Output::Signature => (self.bundle.signature().as_bytes(), PUBLIC),
                Output::InstallSignature => (self.install_signature.as_bytes(), PUBLIC),
                Output::InstallArchive => (self.install, PRIVATE),
                Output::Bundle => (self.bundle.archive(), PUBLIC),
            };
            NewFile { path: path.to_owned(), bytes, mode }
        };
        let files = places.in_order().map(file).collect();
        let staged = stage(files, hint)?;
        if !places.take_stdout() {
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
            path: escaped_path(path),
            sha256: Sha256::of(bytes).to_string(),
        };
        let mut files = vec![
            file("bundle", &places.bundle, self.bundle.archive()),
            file("signature", &places.signature, self.bundle.signature().as_bytes()),
        ];
        if let Some(InstallPlaces { archive, signature, .. }) = &places.install {
            let signed = self.install_signature.as_bytes();
            files.push(file("install archive", archive.as_deref().unwrap_or(Path::new("-")), self.install));
            files.push(file("signature of the install archive", signature, signed));
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_appears_last_and_its_signature_first() {
        let places = |install_archive: Option<&str>| Places {
            bundle: "a-1.tar.gz".into(),
            signature: "a-1.tar.gz.minisig".into(),
            install: Some(InstallPlaces {
                archive: install_archive.map(PathBuf::from),
                signature: "i.minisig".into(),
                name: "i".to_owned(),
            }),
        };
        let order = |places: &Places| places.files().map(escaped_path).collect::<Vec<_>>();
        assert_eq!(order(&places(Some("i"))), ["a-1.tar.gz.minisig", "i.minisig", "i", "a-1.tar.gz"]);
        assert_eq!(order(&places(None)), ["a-1.tar.gz.minisig", "i.minisig", "a-1.tar.gz"]);
        assert_eq!(places(None).named(), "a-1.tar.gz.minisig, i.minisig and a-1.tar.gz");
    }
}
