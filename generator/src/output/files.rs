//! Writing files so that they appear whole or not at all, and never over another.
//!
//! Every file is written without a name and with its mode from the start, and linked to its place when all are written: a
//! link, unlike a rename, fails where a file is, and a file without a name is gone when the program is killed. Where a file
//! system has no such files, the file gets a temporary name beside its place; where it has no links, it is renamed after a
//! look.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bundle_schema::escape::escaped_path;
use bundle_schema::parallel;

/// A mode for what only its owner may read.
pub(crate) const PRIVATE: u32 = 0o600;
/// A mode for what everybody may read.
pub(crate) const PUBLIC: u32 = 0o644;

/// Why files were not written. None of them were.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// Something else is there.
    #[error("{} already exists with other content and is not overwritten\n  {hint}", escaped_path(.path))]
    Exists {
        /// The file.
        path: PathBuf,
        /// What to do.
        hint: String,
    },
    /// A secret that others may read.
    #[error("{0} has mode {1:04o}, so others can read its private key; expected 0600\n  if nobody has read it: chmod 600 {0}", escaped_path(.path), .mode)]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The operating system's reason.
    #[error("{} cannot be written", escaped_path(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file to write.
pub(crate) struct NewFile<'a> {
    pub(crate) path: PathBuf,
    pub(crate) bytes: &'a [u8],
    pub(crate) mode: u32,
}

/// Files that are written but not in their places; dropped, they are gone.
pub(crate) struct Staged<'a> {
    files: Vec<(Temporary, NewFile<'a>)>,
    hint: &'a str,
}

/// Writes files aside. What is there already with the same bytes is left alone.
pub(crate) fn stage<'a>(files: Vec<NewFile<'a>>, hint: &'a str) -> Result<Staged<'a>, OutputError> {
    let mut vacant = Vec::with_capacity(files.len());
    for file in files {
        if check_vacant(&file, hint)? {
            vacant.push(file);
        }
    }
    for file in &vacant {
        let directory = parent(&file.path);
        let secret = vacant.iter().any(|other| other.mode == PRIVATE && parent(&other.path) == directory);
        // What the umask takes away stays away; a mask of 0 opens a directory to nobody.
        let made = DirBuilder::new().recursive(true).mode(if secret { 0o700 } else { 0o755 }).create(directory);
        made.map_err(|source| OutputError::Io { path: directory.to_owned(), source })?;
    }
    let mut staged = Staged { files: Vec::with_capacity(vacant.len()), hint };
    let failed = |file: &NewFile<'_>, source| OutputError::Io { path: file.path.clone(), source };
    for file in vacant {
        let temporary = Temporary::write(&file).map_err(|source| failed(&file, source))?;
        staged.files.push((temporary, file));
    }
    // The disk takes as long for all of them as for one.
    parallel::try_wait_for(&staged.files, |(temporary, file)| {
        temporary.file().sync_all().map_err(|source| failed(file, source))
    })?;
    Ok(staged)
}

/// Refuses a place where something else is. False where the same is there already.
fn check_vacant(file: &NewFile<'_>, hint: &str) -> Result<bool, OutputError> {
    let path = &file.path;
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(source) => Err(OutputError::Io { path: path.clone(), source }),
        Ok(metadata) if metadata.is_file() && same(path, file.bytes) => {
            if file.mode == PRIVATE {
                check_private(path).map(|()| false)
            } else {
                Ok(false)
            }
        }
        Ok(_) => Err(OutputError::Exists { path: path.clone(), hint: hint.to_owned() }),
    }
}

/// Refuses a private key that others may read.
pub(crate) fn check_private(path: &Path) -> Result<(), OutputError> {
    // A file that cannot be asked cannot be read either, which its reader reports.
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.mode() & 0o7777);
    let others = mode & 0o077;
    if others == 0 { Ok(()) } else { Err(OutputError::Exposed { path: path.to_owned(), mode }) }
}

fn same(path: &Path, bytes: &[u8]) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut found = zeroize::Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    file.take(bytes.len() as u64 + 1).read_to_end(&mut found).is_ok() && found.as_slice() == bytes
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Staged<'_> {
    /// Puts every file in its place, in order, or none.
    pub(crate) fn publish(self) -> Result<(), OutputError> {
        for (done, (temporary, file)) in self.files.iter().enumerate() {
            if let Err(error) = temporary.place(file, self.hint) {
                for (temporary, file) in self.files.iter().take(done) {
                    temporary.remove_from(&file.path);
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

/// A file that is written but not in its place.
enum Temporary {
    /// It has no name.
    #[cfg(target_os = "linux")]
    Unnamed(File),
    /// `.<name>.<process>.tmp` in the same directory; dropped, it is removed.
    Named(PathBuf, File),
}

impl Temporary {
    fn write(file: &NewFile<'_>) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Ok(unnamed) = open_unnamed(parent(&file.path), file.mode) {
            (&unnamed).write_all(file.bytes)?;
            return Ok(Self::Unnamed(unnamed));
        }
        Self::write_named(file)
    }

    fn write_named(file: &NewFile<'_>) -> io::Result<Self> {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        let path = parent(&file.path).join(format!(".{name}.{}.tmp", std::process::id()));
        let open = OpenOptions::new().write(true).create_new(true).mode(file.mode).open(&path)?;
        // From here on it is ours, so that half a file is removed too, and another process's is not.
        let named = Self::Named(path, open);
        named.file().write_all(file.bytes)?;
        Ok(named)
    }

    fn place(&self, file: &NewFile<'_>, hint: &str) -> Result<(), OutputError> {
        let linked = match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(unnamed) => link_unnamed(unnamed, &file.path),
            Self::Named(temporary, _) => fs::hard_link(temporary, &file.path),
        };
        let Err(source) = linked else { return Ok(()) };
        if source.kind() == ErrorKind::AlreadyExists || fs::symlink_metadata(&file.path).is_ok() {
            return Err(OutputError::Exists { path: file.path.clone(), hint: hint.to_owned() });
        }
        let placed = match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(_) => Err(source),
            Self::Named(temporary, _) => fs::rename(temporary, &file.path),
        };
        placed.map_err(|source| OutputError::Io { path: file.path.clone(), source })
    }

    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(_, file) => file,
        }
    }

    /// Removes a name of this file, and leaves alone what somebody else has put there meanwhile.
    fn remove_from(&self, path: &Path) {
        if let (Ok(ours), Ok(there)) = (self.file().metadata(), fs::symlink_metadata(path))
            && (ours.dev(), ours.ino()) == (there.dev(), there.ino())
        {
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        match &*self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(_) => {}
            Self::Named(path, _) => self.remove_from(path),
        }
    }
}

/// A file without a name, where there is a way to give it one later [open(2), O_TMPFILE].
#[cfg(target_os = "linux")]
fn open_unnamed(directory: &Path, mode: u32) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    fs::metadata("/proc/self/fd")?;
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    Ok(open(directory, flags, Mode::from_raw_mode(mode))?.into())
}

#[cfg(target_os = "linux")]
fn link_unnamed(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    let unnamed = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    Ok(linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
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

    #[test]
    fn a_temporary_file_of_another_process_is_left_alone() {
        let folder = Folder::new("named");
        let name = format!(".a.{}.tmp", std::process::id());
        let file = folder.file("a", b"1", PUBLIC);
        fs::write(folder.0.join(&name), b"other").unwrap();
        assert_eq!(Temporary::write_named(&file).err().unwrap().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(folder.0.join(&name)).unwrap(), b"other");
        fs::remove_file(folder.0.join(&name)).unwrap();
        // Without files that have no name, the same comes out.
        let temporary = Temporary::write_named(&file).unwrap();
        assert_eq!(folder.names(), [name]);
        Staged { files: vec![(temporary, file)], hint: "" }.publish().unwrap();
        assert_eq!(folder.names(), ["a"]);
        drop(Temporary::write_named(&folder.file("b", b"2", PUBLIC)).unwrap());
        assert_eq!(folder.names(), ["a"]);
    }

    #[test]
    fn what_somebody_else_put_there_is_not_removed() {
        let folder = Folder::new("others");
        let file = folder.file("a", b"1", PUBLIC);
        for write in [Temporary::write, Temporary::write_named] {
            let temporary = write(&file).unwrap();
            temporary.place(&file, "").unwrap();
            temporary.remove_from(&file.path);
            assert!(!file.path.exists());
            drop(temporary);

            let temporary = write(&file).unwrap();
            temporary.place(&file, "").unwrap();
            fs::write(folder.0.join("b"), b"other").unwrap();
            fs::rename(folder.0.join("b"), &file.path).unwrap();
            temporary.remove_from(&file.path);
            assert_eq!(fs::read(&file.path).unwrap(), b"other");
            fs::remove_file(&file.path).unwrap();
        }
        let temporary = Temporary::write_named(&file).unwrap();
        let path = folder.0.join(folder.names().remove(0));
        fs::rename(&path, folder.0.join("away")).unwrap();
        fs::write(&path, b"other").unwrap();
        drop(temporary);
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_staged_file_has_no_name() {
        let folder = Folder::new("unnamed");
        let staged = stage(vec![folder.file("a", b"1", PRIVATE)], "").unwrap();
        assert_eq!(folder.names(), [""; 0]);
        staged.publish().unwrap();
        assert_eq!(folder.names(), ["a"]);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused_and_its_directory_is_closed() {
        let folder = Folder::new("exposed");
        let mode = |name: &str| fs::metadata(folder.0.join(name)).unwrap().permissions().mode() & 0o777;
        let secret = || vec![folder.file("made/a", b"1", PRIVATE), folder.file("public/b", b"2", PUBLIC)];
        stage(secret(), "").unwrap().publish().unwrap();
        assert_eq!((mode("made"), mode("public") & 0o022), (0o700, 0));
        stage(secret(), "").unwrap().publish().unwrap();
        let path = folder.0.join("made/a");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let path = path.display();
        assert_eq!(
            stage(secret(), "").err().unwrap().to_string(),
            format!(
                "{path} has mode 0644, so others can read its private key; expected 0600\n  if nobody has read it: chmod 600 {path}"
            )
        );
    }
}
