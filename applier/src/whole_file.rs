//! Files that are written whole or not at all, and never over another.
//!
//! Input: bytes and a place. Output: the file there, or an error and nothing at that place.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Writes a new file: first at `aside`, in the same folder, then in its place. Nothing is left at `aside`.
pub(crate) fn publish(path: &Path, aside: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Err(error) = write_new(aside, bytes) {
        if error.kind() != ErrorKind::AlreadyExists {
            let _ = fs::remove_file(aside);
        }
        return Err(error);
    }
    // A link, unlike a rename, fails where a file is.
    let linked = fs::hard_link(aside, path);
    let _ = fs::remove_file(aside);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => write_new(path, bytes),
        done => done,
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
