//! What the index of a bundle is made of: the paths of entries, and short texts.

use super::{is_iam_name_byte, name};
use crate::limits::{MAX_PATH_BYTES, MAX_PATH_PART_BYTES};

/// The path of the index itself.
pub const INDEX_PATH: &str = "bundle.json";

name! {
    /// An entry's path: plain, relative, of characters that mean nothing to a shell, a terminal or a file system.
    EntryPath, "entry path", |value| {
        if !(1..=MAX_PATH_BYTES).contains(&value.len()) { return Err("must have 1 to 255 bytes") }
        for part in value.split('/') {
            if part.is_empty() { return Err("must be relative and have no empty part") }
            if part == "." || part == ".." { return Err("must have no part . or ..") }
            if part.len() > MAX_PATH_PART_BYTES { return Err("no part may have more than 100 bytes") }
            if !part.bytes().all(is_iam_name_byte) { return Err("must consist of /, letters, digits and _+=,.@-") }
        }
        Ok(())
    }
}

name! {
    /// Why a request was skipped, for people: 1 to 300 printable ASCII characters.
    Reason, "reason", |value| {
        let fits = (1..=300).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if fits { Ok(()) } else { Err("must have 1 to 300 printable ASCII characters") }
    }
}

name! {
    /// The generator's version, `major.minor.patch`.
    GeneratorVersion, "generator version", |value| {
        let parts: Vec<&str> = value.split('.').collect();
        let fits = parts.len() == 3 && value.len() <= 32 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if fits { Ok(()) } else { Err("must have the form 1.2.3") }
    }
}
