//! One tar header: the one that the writer makes, and the check that a block is just that.

use tar::{EntryType, Header};

use super::{ArchiveError, BLOCK, BUNDLE_MODE, MTIME};
use crate::limits::MAX_ENTRY_BYTES;
use crate::names::EntryPath;

/// The header the writer makes for a regular file of this path and size.
pub(super) fn canonical_header(path: &EntryPath, size: u64, mode: u32) -> Result<Header, ArchiveError> {
    let mut header = Header::new_ustar();
    header.set_path(path.as_str()).map_err(|_| ArchiveError::DoesNotFit(path.clone()))?;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(MTIME);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

/// Reads a header block: the path and the size, if every field is the one that the writer writes.
pub(super) fn read_header(block: &[u8; BLOCK], at: usize) -> Result<(EntryPath, usize), ArchiveError> {
    let header = Header::from_byte_slice(block);
    let mut summed = header.clone();
    summed.set_cksum();
    if summed.cksum().ok() != header.cksum().ok() {
        return Err(ArchiveError::HeaderChecksum(at));
    }
    if header.as_ustar().is_none() {
        return Err(ArchiveError::NotUstar(at));
    }
    let path_bytes = header.path_bytes();
    let shown = String::from_utf8_lossy(&path_bytes).into_owned();
    if header.entry_type() != EntryType::Regular || header.as_old().linkflag != *b"0" {
        return Err(ArchiveError::EntryKind { path: shown, kind: kind(header.entry_type()) });
    }
    let path = EntryPath::new(std::str::from_utf8(&path_bytes).map_err(|_| ArchiveError::PathNotUtf8(shown.clone()))?)?;
    if !header.as_old().size.iter().all(|byte| matches!(byte, b'0'..=b'7' | 0 | b' ')) {
        return Err(ArchiveError::SizeField(shown));
    }
    let size = header.entry_size().map_err(|_| ArchiveError::SizeField(shown))?;
    if size > MAX_ENTRY_BYTES {
        return Err(ArchiveError::EntryTooLarge { path, size });
    }
    let expected = canonical_header(&path, size, BUNDLE_MODE)?;
    if let Some(field) = differing_field(block, expected.as_bytes()) {
        return Err(ArchiveError::HeaderField { path, field });
    }
    Ok((path, usize::try_from(size).unwrap_or(usize::MAX)))
}

fn kind(entry_type: EntryType) -> &'static str {
    match entry_type {
        EntryType::Regular => "a file in the format before ustar",
        EntryType::Continuous => "a contiguous file",
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::Char => "a character device",
        EntryType::Block => "a block device",
        EntryType::Directory => "a directory",
        EntryType::Fifo => "a FIFO",
        EntryType::GNULongName => "a GNU long name",
        EntryType::GNULongLink => "a GNU long link",
        EntryType::GNUSparse => "a GNU sparse file",
        EntryType::XGlobalHeader => "a global PAX header",
        EntryType::XHeader => "a PAX header",
        _ => "of an unknown type",
    }
}

/// The fields of a ustar header, in order [POSIX.1-2017, pax, ustar interchange format].
const FIELDS: [(&str, usize); 17] = [
    ("name", 100),
    ("mode", 8),
    ("uid", 8),
    ("gid", 8),
    ("size", 12),
    ("mtime", 12),
    ("chksum", 8),
    ("typeflag", 1),
    ("linkname", 100),
    ("magic", 6),
    ("version", 2),
    ("uname", 32),
    ("gname", 32),
    ("devmajor", 8),
    ("devminor", 8),
    ("prefix", 155),
    ("padding", 12),
];

/// The first field in which two headers differ; the checksum only where nothing else does.
fn differing_field(found: &[u8; BLOCK], expected: &[u8; BLOCK]) -> Option<&'static str> {
    if found == expected {
        return None;
    }
    let mut at = 0;
    for (field, length) in FIELDS {
        let range = at..at + length;
        if field != "chksum" && found.get(range.clone()) != expected.get(range) {
            return Some(field);
        }
        at += length;
    }
    Some("chksum")
}
