//! Reading files that somebody else may have put there.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::escape::escaped_path;
use crate::limits::MAX_SIGNATURES;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system's reason.
    #[error("{} cannot be read", escaped_path(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory, a pipe, a device.
    #[error("{} is not a regular file", escaped_path(.path))]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// More bytes than allowed.
    #[error("{} is larger than {limit} bytes", escaped_path(.path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A signature file of more bytes than any signature has.
    #[error("signature file {} is refused: it is larger than {limit} bytes", escaped_path(.path))]
    SignatureTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// More signatures beside a bundle than allowed.
    #[error("{found} signatures are given for {}; at most {MAX_SIGNATURES} are read\n  name those to read with --signature FILE", escaped_path(.path))]
    TooManySignatures {
        /// The bundle.
        path: PathBuf,
        /// How many there are.
        found: usize,
    },
}

/// Reads a regular file of at most `limit` bytes, once, into memory.
///
/// What is read is what was opened: the size is checked by reading, not by asking, so a file that grows or is exchanged
/// meanwhile is no way around it.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    // Opening a FIFO would wait for its other end otherwise. Reading a regular file is not changed by it.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(OpenError::NotRegular { path: path.to_owned() });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or(0));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(OpenError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("airlock-fifo-{}", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let error = read_bounded(&path, 10).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(error, OpenError::NotRegular { .. }), "{error}");
        assert!(matches!(read_bounded(&std::env::temp_dir(), 10), Err(OpenError::NotRegular { .. })));
        assert!(matches!(read_bounded(&path, 10), Err(OpenError::Io { .. })));
    }
}
