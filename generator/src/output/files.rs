//! Writing files so that they appear whole or not at all, and never over another.
//!
//! Every file is written beside its place under a name of its own, with its mode from the start, and linked to its place
//! when all are written: a link, unlike a rename, fails where a file is. Where a file system has no links, it is renamed
//! after a look.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bundle_schema::escape::Escaped;

/// A mode for what only its owner may read.
pub(crate) const PRIVATE: u32 = 0o600;
/// A mode for what everybody may read.
pub(crate) const PUBLIC: u32 = 0o644;

/// Why files were not written. None of them were.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// Something else is there.
    #[error("{} already exists with other content and is not overwritten\n  {hint}", shown(.path))]
    Exists {
        /// The file.
        path: PathBuf,
        /// What to do.
        hint: String,
    },
    /// The operating system's reason.
    #[error("{} cannot be written", shown(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// A file to write.
pub(crate) struct NewFile<'a> {
    pub(crate) path: PathBuf,
    pub(crate) bytes: &'a [u8],
    pub(crate) mode: u32,
}

/// Files that are written but not in their places; dropped, they are gone.
pub(crate) struct Staged<'a> {
    files: Vec<(PathBuf, NewFile<'a>)>,
    hint: &'a str,
}

/// Writes files beside their places. What is there already with the same bytes is left alone.
pub(crate) fn stage<'a>(files: Vec<NewFile<'a>>, hint: &'a str) -> Result<Staged<'a>, OutputError> {
    let mut staged = Staged { files: Vec::with_capacity(files.len()), hint };
    for file in files {
        if check_vacant(&file.path, file.bytes, hint)? {
            let directory = parent(&file.path);
            fs::create_dir_all(directory).map_err(|source| OutputError::Io { path: directory.to_owned(), source })?;
            let temporary = temporary(&file.path);
            let written = write(&temporary, &file);
            // Registered before the error is looked at, so that half a file is removed too.
            let path = file.path.clone();
            staged.files.push((temporary, file));
            written.map_err(|source| OutputError::Io { path, source })?;
        }
    }
    Ok(staged)
}

/// Refuses a place where something else is. Returns false where the same is there already.
fn check_vacant(path: &Path, bytes: &[u8], hint: &str) -> Result<bool, OutputError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(source) => Err(OutputError::Io { path: path.to_owned(), source }),
        Ok(metadata) if metadata.is_file() && same(path, bytes) => Ok(false),
        Ok(_) => Err(OutputError::Exists { path: path.to_owned(), hint: hint.to_owned() }),
    }
}

fn same(path: &Path, bytes: &[u8]) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut found = zeroize::Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    file.take(bytes.len() as u64 + 1).read_to_end(&mut found).is_ok() && found.as_slice() == bytes
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `.<name>.<process>.tmp`, in the same directory and so on the same file system.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!(".{name}.{}.tmp", std::process::id()))
}

fn write(path: &Path, file: &NewFile<'_>) -> io::Result<()> {
    let mut open = OpenOptions::new().write(true).create_new(true).mode(file.mode).open(path)?;
    open.write_all(file.bytes)?;
    open.sync_all()
}

impl Staged<'_> {
    /// Puts every file in its place, or none.
    pub(crate) fn publish(self) -> Result<(), OutputError> {
        for (done, (temporary, file)) in self.files.iter().enumerate() {
            if let Err(error) = place(temporary, file, self.hint) {
                for (_, file) in self.files.iter().take(done) {
                    let _ = fs::remove_file(&file.path);
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        for (temporary, _) in &self.files {
            let _ = fs::remove_file(temporary);
        }
    }
}

fn place(temporary: &Path, file: &NewFile<'_>, hint: &str) -> Result<(), OutputError> {
    let exists = || OutputError::Exists { path: file.path.clone(), hint: hint.to_owned() };
    match fs::hard_link(temporary, &file.path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists()),
        Err(_) if fs::symlink_metadata(&file.path).is_ok() => Err(exists()),
        Err(_) => {
            fs::rename(temporary, &file.path).map_err(|source| OutputError::Io { path: file.path.clone(), source })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("airlock-output-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
        fn file<'a>(&self, name: &str, bytes: &'a [u8], mode: u32) -> NewFile<'a> {
            NewFile { path: self.0.join(name), bytes, mode }
        }
        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> =
                fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_appear_with_their_modes_and_nothing_is_left() {
        let folder = Folder::new("modes");
        let staged = stage(vec![folder.file("a", b"1", PRIVATE), folder.file("b/c", b"2", PUBLIC)], "").unwrap();
        assert!(!folder.0.join("a").exists());
        staged.publish().unwrap();
        assert_eq!(folder.names(), ["a", "b"]);
        let mode = fs::metadata(folder.0.join("a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read(folder.0.join("b/c")).unwrap(), b"2");
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_is_half_done() {
        let folder = Folder::new("exists");
        fs::write(folder.0.join("b"), b"other").unwrap();
        let both = || vec![folder.file("a", b"1", PUBLIC), folder.file("b", b"2", PUBLIC)];
        let error = stage(both(), "raise --serial").err().unwrap().to_string();
        assert!(
            error.ends_with("b already exists with other content and is not overwritten\n  raise --serial"),
            "{error}"
        );
        assert_eq!(folder.names(), ["b"]);
        fs::write(folder.0.join("b"), b"2").unwrap();
        stage(both(), "").unwrap().publish().unwrap();
        assert_eq!(folder.names(), ["a", "b"]);
    }

    #[test]
    fn a_file_that_appears_meanwhile_undoes_the_rest() {
        let folder = Folder::new("race");
        let staged = stage(vec![folder.file("a", b"1", PUBLIC), folder.file("b", b"2", PUBLIC)], "").unwrap();
        fs::write(folder.0.join("b"), b"other").unwrap();
        assert!(matches!(staged.publish(), Err(OutputError::Exists { .. })));
        assert_eq!(folder.names(), ["b"]);
        assert_eq!(fs::read(folder.0.join("b")).unwrap(), b"other");
    }
}
