//! A tar taken apart into headers, bodies and padding, so that any of them can be wrong.

use std::io::{Read, Write};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// A tar's parts, in order.
#[derive(Clone)]
pub struct Raw {
    /// The entries.
    pub entries: Vec<RawEntry>,
    /// What follows the last entry.
    pub tail: Vec<u8>,
}

/// One entry's parts.
#[derive(Clone)]
pub struct RawEntry {
    /// The header block.
    pub header: Header,
    /// The bytes.
    pub body: Vec<u8>,
    /// What fills the last block.
    pub padding: Vec<u8>,
}

impl RawEntry {
    /// A canonical entry with another header: a regular file of this name, changed as given.
    ///
    /// # Panics
    /// Where the name does not fit a header.
    #[must_use]
    pub fn new(path: &str, body: &[u8], change: impl FnOnce(&mut Header)) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(body.len() as u64);
        header.set_mtime(315_532_800);
        header.set_entry_type(EntryType::Regular);
        change(&mut header);
        header.set_cksum();
        let padding = vec![0; body.len().next_multiple_of(BLOCK) - body.len()];
        Self { header, body: body.to_vec(), padding }
    }

    /// The path, as the header has it.
    #[must_use]
    pub fn path(&self) -> String {
        String::from_utf8_lossy(&self.header.path_bytes()).into_owned()
    }

    /// Changes the header, and makes its checksum right again.
    pub fn change(&mut self, change: impl FnOnce(&mut Header)) {
        change(&mut self.header);
        self.header.set_cksum();
    }
}

impl Raw {
    /// Takes a good archive apart.
    ///
    /// # Panics
    /// Where it is not one.
    #[must_use]
    pub fn of(archive: &[u8]) -> Self {
        let tar = gunzip(archive);
        let mut entries = Vec::new();
        let mut at = 0;
        while tar[at] != 0 {
            let header = Header::from_byte_slice(&tar[at..at + BLOCK]).clone();
            let size = usize::try_from(header.entry_size().expect("a size")).expect("a small size");
            let start = at + BLOCK;
            at = start + size.next_multiple_of(BLOCK);
            entries.push(RawEntry {
                header,
                body: tar[start..start + size].to_vec(),
                padding: tar[start + size..at].to_vec(),
            });
        }
        Self { entries, tail: tar[at..].to_vec() }
    }

    /// Puts it together again.
    #[must_use]
    pub fn tar(&self) -> Vec<u8> {
        let mut tar = Vec::new();
        for entry in &self.entries {
            tar.extend_from_slice(entry.header.as_bytes());
            tar.extend_from_slice(&entry.body);
            tar.extend_from_slice(&entry.padding);
        }
        tar.extend_from_slice(&self.tail);
        tar
    }

    /// The first entry that is not the index.
    pub fn second(&mut self) -> &mut RawEntry {
        &mut self.entries[1]
    }

    /// Puts an entry right after the index.
    pub fn insert(&mut self, entry: RawEntry) {
        self.entries.insert(1, entry);
    }
}

/// Compresses as the writer does: one member with the canonical header.
///
/// # Panics
/// Never: writing to memory does not fail.
#[must_use]
pub fn gzip(tar: &[u8]) -> Vec<u8> {
    gzip_with(GzBuilder::new(), tar)
}

/// Compresses with another header.
///
/// # Panics
/// Never: writing to memory does not fail.
#[must_use]
pub fn gzip_with(header: GzBuilder, tar: &[u8]) -> Vec<u8> {
    let mut gzip = header.write(Vec::new(), Compression::default());
    gzip.write_all(tar).expect("writing to memory");
    gzip.finish().expect("writing to memory")
}

/// Decompresses a good archive.
///
/// # Panics
/// Where it is not one.
#[must_use]
pub fn gunzip(archive: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    GzDecoder::new(archive).read_to_end(&mut tar).expect("a good archive");
    tar
}
