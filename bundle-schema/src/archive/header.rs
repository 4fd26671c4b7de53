//! One tar header: the one that the writer makes, and the check that a block is just that.

use tar::{EntryType, Header};

use super::{ArchiveError, BLOCK, BUNDLE_MODE, MTIME};
use crate::limits::MAX_ENTRY_BYTES;
use crate::names::EntryPath;

/// The header the writer makes for a regular file of this path and size, of at most 8 GiB. It is that of the crate `tar`, which
/// takes ten times as long to fill in numbers and to sum them up.
pub(super) fn canonical_header(path: &EntryPath, size: u64, mode: u32) -> Result<Header, ArchiveError> {
    let mut header = Header::new_ustar();
    let Some(fields) = header.as_ustar_mut() else { return Err(ArchiveError::DoesNotFit(path.clone())) };
    fields.mode = octal(mode.into());
    fields.uid = octal(0);
    fields.gid = octal(0);
    fields.size = octal(size);
    fields.mtime = octal(MTIME);
    fields.typeflag = [EntryType::Regular.as_byte()];
    // Summed up as if it were blank.
    fields.cksum = [b' '; 8];
    match fields.name.split_at_mut_checked(path.as_str().len()) {
        Some((name, _)) => name.copy_from_slice(path.as_str().as_bytes()),
        None => header.set_path(path.as_str()).map_err(|_| ArchiveError::DoesNotFit(path.clone()))?,
    }
    let sum: u64 = header.as_bytes().iter().map(|byte| u64::from(*byte)).sum();
    if let Some(fields) = header.as_ustar_mut() {
        fields.cksum = octal(sum);
    }
    Ok(header)
}

/// A number in a field: octal digits, filled up with zeros, and a zero byte.
fn octal<const LENGTH: usize>(number: u64) -> [u8; LENGTH] {
    let mut field = [0; LENGTH];
    let mut left = number;
    for digit in field.iter_mut().rev().skip(1) {
        *digit = b'0' + (left & 7) as u8;
        left >>= 3;
    }
    field
}

/// Reads a header block: the path and the size, if every field is the one that the writer writes.
pub(super) fn read_header(block: &[u8; BLOCK], at: usize) -> Result<(EntryPath, usize), ArchiveError> {
    canonical(block).map_or_else(|| read_or_say_why(block, at), Ok)
}

/// What is byte for byte the header that the writer makes needs no further look.
fn canonical(block: &[u8; BLOCK]) -> Option<(EntryPath, usize)> {
    let header = Header::from_byte_slice(block);
    let path = EntryPath::new(std::str::from_utf8(&header.path_bytes()).ok()?).ok()?;
    let size = header.entry_size().ok().filter(|size| *size <= MAX_ENTRY_BYTES)?;
    let expected = canonical_header(&path, size, BUNDLE_MODE).ok()?;
    (block == expected.as_bytes()).then_some((path, usize::try_from(size).ok()?))
}

fn read_or_say_why(block: &[u8; BLOCK], at: usize) -> Result<(EntryPath, usize), ArchiveError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_crate_tar() {
        let long = format!("manifests/{}/{}.yaml", "a".repeat(60), "b".repeat(60));
        for path in ["a", "aws/roles/x.json", &"c".repeat(100), &long] {
            for (size, mode) in [(0, 0o600), (7, BUNDLE_MODE), (MAX_ENTRY_BYTES, 0o4755)] {
                let mut expected = Header::new_ustar();
                expected.set_path(path).unwrap();
                expected.set_mode(mode);
                expected.set_uid(0);
                expected.set_gid(0);
                expected.set_size(size);
                expected.set_mtime(MTIME);
                expected.set_entry_type(EntryType::Regular);
                expected.set_cksum();
                let header = canonical_header(&EntryPath::new(path).unwrap(), size, mode).unwrap();
                assert_eq!(header.as_bytes(), expected.as_bytes(), "{path} {size} {mode:o}");
            }
        }
    }
}
