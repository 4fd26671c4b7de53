//! The archive: a canonical tar inside one gzip member.
//!
//! Input: untrusted bytes. Output: entries in canonical form, or the first thing that is not. A header is compared
//! with the one that the writer makes for the same path and size, so nothing hides in a field, in padding, in order or
//! in an extension; the checks before that only give the usual attacks their own sentence. `tar` and `flate2` do the
//! encoding; their forgiving readers are not used, because they take `..`, links, second members and cut files.

mod gzip;
mod header;

use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::Range;

use self::gzip::Gzip;
pub use self::gzip::gunzip;
use self::header::{canonical_header, read_header};
use crate::escape::Escaped;
use crate::limits::{MAX_ARCHIVE_BYTES, MAX_ENTRIES, MAX_ENTRY_BYTES};
use crate::names::{EntryPath, INDEX_PATH, NameError};

const BLOCK: usize = 512;
/// What a tar ends with, and a body is filled up from.
const ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// 1980-01-01T00:00:00Z: fixed, so that the same input gives the same bytes, and not 1970, which GNU tar warns about.
const MTIME: u64 = 315_532_800;
/// The mode of a bundle's entries.
pub const BUNDLE_MODE: u32 = 0o644;

/// Why bytes are not a canonical archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// More compressed bytes than allowed.
    #[error("archive has {0} bytes; at most {MAX_ARCHIVE_BYTES} are allowed")]
    TooLarge(u64),
    /// No gzip header.
    #[error("archive is not gzip: it begins with {0:02x?}")]
    NotGzip(Vec<u8>),
    /// A gzip header with a name, a time or anything else that the writer never sets.
    #[error("gzip header has {0}, which a bundle's never has")]
    GzipHeader(&'static str),
    /// The data ends before the gzip trailer does.
    #[error("archive is cut off: the gzip data ends too early\n  copy the file again and compare its SHA-256")]
    GzipCut,
    /// The deflate data or its checksum is wrong.
    #[error("gzip data is damaged: {}", Escaped(.0))]
    GzipDamaged(String),
    /// More decompressed bytes than allowed.
    #[error("archive decompresses to more than {MAX_ARCHIVE_BYTES} bytes")]
    Bomb,
    /// A second gzip member.
    #[error("a second gzip member follows the first")]
    SecondMember,
    /// Bytes after the gzip trailer.
    #[error("{0} bytes follow the gzip data")]
    TrailingBytes(usize),
    /// The tar ends inside a header or an entry.
    #[error("tar is cut off in {}", Escaped(.0))]
    TarCut(String),
    /// The tar has no two blocks of zeros at its end.
    #[error("tar has no end marker of two zero blocks")]
    NoEndMarker,
    /// Something after the end marker.
    #[error("{0} bytes follow the end of the tar")]
    AfterEnd(usize),
    /// More entries than allowed.
    #[error("tar has more than {MAX_ENTRIES} entries")]
    TooManyEntries,
    /// A header whose checksum is wrong.
    #[error("header at byte {0} has a wrong checksum")]
    HeaderChecksum(usize),
    /// A header that is not ustar.
    #[error("header at byte {0} is not in the ustar format")]
    NotUstar(usize),
    /// Anything but a regular file.
    #[error("entry {} is {kind}; only regular files are allowed", Escaped(.path))]
    EntryKind {
        /// Its path, as far as it can be read.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A path that is no [`EntryPath`].
    #[error("tar has an entry with a path that a bundle cannot have")]
    Path(#[from] NameError),
    /// A path that is not UTF-8.
    #[error("entry path \"{}\" is not UTF-8", Escaped(.0))]
    PathNotUtf8(String),
    /// A size field that is not plain octal.
    #[error("entry {} has a size that is not in plain octal", Escaped(.0))]
    SizeField(String),
    /// An entry larger than allowed.
    #[error("entry {path} has {size} bytes; at most {MAX_ENTRY_BYTES} are allowed")]
    EntryTooLarge {
        /// Its path.
        path: EntryPath,
        /// Its size.
        size: u64,
    },
    /// A header field other than the one the writer writes.
    #[error("entry {path} has a {field} field that is not in canonical form")]
    HeaderField {
        /// The entry.
        path: EntryPath,
        /// The field's name in the ustar format.
        field: &'static str,
    },
    /// Padding that is not zero.
    #[error("entry {0} is followed by padding that is not zero")]
    Padding(EntryPath),
    /// Two entries of one name.
    #[error("entry {0} occurs twice (names are compared without regard to case)")]
    Duplicate(EntryPath),
    /// An entry out of order.
    #[error("entry {0} is out of order: {INDEX_PATH} comes first, then the rest sorted by path")]
    Order(EntryPath),
    /// The writer was given a path that does not fit a ustar header.
    #[error("entry {0} does not fit a ustar header")]
    DoesNotFit(EntryPath),
}

/// Packs entries, in the order given, into a reproducible `.tar.gz`: owner 0/0, one mode, one fixed time.
pub fn pack<'a>(
    entries: impl IntoIterator<Item = (&'a EntryPath, &'a [u8])>,
    mode: u32,
) -> Result<Vec<u8>, ArchiveError> {
    let damaged = |error: io::Error| ArchiveError::GzipDamaged(error.to_string());
    let mut gzip = Gzip::new();
    let mut size = 2 * BLOCK;
    for (path, body) in entries {
        size += BLOCK + body.len().next_multiple_of(BLOCK);
        if size as u64 > MAX_ARCHIVE_BYTES {
            return Err(ArchiveError::Bomb);
        }
        gzip.add(canonical_header(path, body.len() as u64, mode)?.as_bytes()).map_err(damaged)?;
        gzip.add(body).map_err(damaged)?;
        let padding = body.len().next_multiple_of(BLOCK) - body.len();
        gzip.add(ZEROS.get(..padding).unwrap_or_default()).map_err(damaged)?;
    }
    gzip.add(&ZEROS).map_err(damaged)?;
    gzip.finish().map_err(damaged)
}

/// A tar that was found to be canonical, and where its entries' bytes lie.
#[derive(Debug)]
pub(crate) struct Unpacked {
    tar: Vec<u8>,
    entries: Vec<(EntryPath, Range<usize>)>,
}

impl Unpacked {
    /// The entries, in the archive's order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&EntryPath, &[u8])> {
        self.entries.iter().map(|(path, range)| (path, self.tar.get(range.clone()).unwrap_or_default()))
    }
}

/// Decompresses and checks an archive: steps 3 and 4 of FORMAT.md.
pub(crate) fn unpack(archive: &[u8]) -> Result<Unpacked, ArchiveError> {
    let tar = gunzip(archive)?;
    let entries = read_tar(&tar)?;
    Ok(Unpacked { tar, entries })
}

/// The path and mode of the first entry of any gzipped tar, to tell what a file is that is not a bundle.
#[must_use]
pub fn first_entry(archive: &[u8]) -> Option<(String, u32)> {
    let mut block = [0; BLOCK];
    flate2::bufread::GzDecoder::new(archive).read_exact(&mut block).ok()?;
    let header = tar::Header::from_byte_slice(&block);
    Some((String::from_utf8_lossy(&header.path_bytes()).into_owned(), header.mode().ok()?))
}

fn read_tar(tar: &[u8]) -> Result<Vec<(EntryPath, Range<usize>)>, ArchiveError> {
    let mut entries: Vec<(EntryPath, Range<usize>)> = Vec::new();
    let mut seen = HashSet::new();
    let mut at = 0;
    loop {
        let Some(block) = tar.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) else {
            return Err(if at == tar.len() {
                ArchiveError::NoEndMarker
            } else {
                ArchiveError::TarCut(format!("the header at byte {at}"))
            });
        };
        if block.iter().all(|byte| *byte == 0) {
            check_end(tar.get(at + BLOCK..).unwrap_or_default())?;
            return Ok(entries);
        }
        if entries.len() == MAX_ENTRIES {
            return Err(ArchiveError::TooManyEntries);
        }
        let (path, size) = read_header(block, at)?;
        if !seen.insert(path.as_str().to_ascii_lowercase()) {
            return Err(ArchiveError::Duplicate(path));
        }
        check_order(entries.last().map(|(last, _)| last), &path)?;
        let start = at + BLOCK;
        let end = start + size;
        let next = start + size.next_multiple_of(BLOCK);
        let Some(padding) = tar.get(end..next) else { return Err(ArchiveError::TarCut(format!("entry {path}"))) };
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::Padding(path));
        }
        entries.push((path, start..end));
        at = next;
    }
}

fn check_end(rest: &[u8]) -> Result<(), ArchiveError> {
    let Some(second) = rest.first_chunk::<BLOCK>() else { return Err(ArchiveError::NoEndMarker) };
    if second.iter().any(|byte| *byte != 0) {
        return Err(ArchiveError::NoEndMarker);
    }
    if rest.len() > BLOCK { Err(ArchiveError::AfterEnd(rest.len() - BLOCK)) } else { Ok(()) }
}

fn check_order(last: Option<&EntryPath>, path: &EntryPath) -> Result<(), ArchiveError> {
    let in_order = match last {
        None => path.as_str() == INDEX_PATH,
        Some(last) => last.as_str() == INDEX_PATH || last < path,
    };
    if in_order { Ok(()) } else { Err(ArchiveError::Order(path.clone())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> EntryPath {
        EntryPath::new(text).unwrap()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let long = path(&format!("manifests/{}.yaml", "x".repeat(95)));
        let entries = [
            (path(INDEX_PATH), b"{}".to_vec()),
            (path("a"), vec![7; 512]),
            (path("b/c"), vec![]),
            (long, vec![1; 1500]),
        ];
        let archive = pack(entries.iter().map(|(path, body)| (path, body.as_slice())), BUNDLE_MODE).unwrap();
        let unpacked = unpack(&archive).unwrap();
        let read: Vec<_> = unpacked.entries().map(|(path, body)| (path.clone(), body.to_vec())).collect();
        assert_eq!(read, entries);
    }

    #[test]
    fn the_same_entries_give_the_same_bytes() {
        let once = || pack([(&path(INDEX_PATH), b"{}".as_slice())], BUNDLE_MODE).unwrap();
        assert_eq!(once(), once());
    }

    #[test]
    fn a_mode_other_than_a_bundles_is_refused() {
        let archive = pack([(&path(INDEX_PATH), b"{}".as_slice())], 0o4755).unwrap();
        assert_eq!(unpack(&archive).unwrap_err(), ArchiveError::HeaderField { path: path(INDEX_PATH), field: "mode" });
    }

    #[test]
    fn what_follows_or_is_missing_is_refused() {
        let good = pack([(&path(INDEX_PATH), b"{}".as_slice())], BUNDLE_MODE).unwrap();
        let with = |tail: &[u8]| [good.as_slice(), tail].concat();
        assert_eq!(unpack(&with(b"\0")).unwrap_err(), ArchiveError::TrailingBytes(1));
        assert_eq!(unpack(&with(&good)).unwrap_err(), ArchiveError::SecondMember);
        assert_eq!(unpack(&good[..good.len() - 1]).unwrap_err(), ArchiveError::GzipCut);
        assert_eq!(unpack(b"").unwrap_err(), ArchiveError::NotGzip(vec![]));
        assert_eq!(unpack(b"PK\x03\x04").unwrap_err(), ArchiveError::NotGzip(b"PK\x03\x04".to_vec()));
    }
}
