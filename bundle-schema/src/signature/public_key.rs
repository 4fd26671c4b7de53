//! minisign public keys: an Ed25519 key and an ID that its maker chose.
//!
//! Input: a `minisign.pub` file or its base64 line, which the user trusts but may have mistaken for another. Output:
//! a key, or why it must not be one. Source of the format: <https://jedisct1.github.io/minisign/#public-key-format>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::escape::Escaped;

/// Why text is not a public key to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not a key line, nor a comment and a key line.
    #[error("\"{}\" is not a minisign public key\n  give a minisign.pub file, or its second line (56 characters that begin with RWQ or similar)", Escaped(.0))]
    Malformed(String),
    /// A secret key where a public one belongs.
    #[error(
        "this is a minisign secret key, not a public one\n  give the .pub file, and consider whether the secret key is still secret"
    )]
    Secret,
    /// One of the few points on the curve whose signatures anybody can forge.
    #[error("public key {0} is a small-order point, for which anybody can forge signatures")]
    SmallOrder(String),
}

/// A minisign public key: an Ed25519 key and an ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinisignPublicKey {
    pub(crate) id: [u8; 8],
    pub(crate) raw: [u8; 32],
}

impl MinisignPublicKey {
    /// Reads a public key file's text, or its base64 line alone.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        let malformed = || PublicKeyError::Malformed(text.lines().last().unwrap_or_default().to_owned());
        let lines: Vec<&str> = text.trim_end_matches(['\r', '\n']).lines().collect();
        let line = match lines.as_slice() {
            [line] => line,
            [comment, line] if comment.starts_with("untrusted comment:") => line,
            _ => return Err(malformed()),
        };
        if crate::private_material::find(line.as_bytes()).is_some() {
            return Err(PublicKeyError::Secret);
        }
        let bytes = STANDARD.decode(line.trim()).map_err(|_| malformed())?;
        let Some((b"Ed", rest)) = bytes.split_first_chunk::<2>() else { return Err(malformed()) };
        let (Some((id, raw)), 40) = (rest.split_first_chunk::<8>(), rest.len()) else { return Err(malformed()) };
        let raw: [u8; 32] = raw.try_into().map_err(|_| malformed())?;
        let key = Self { id: *id, raw };
        if is_small_order(&raw) { Err(PublicKeyError::SmallOrder(key.to_base64())) } else { Ok(key) }
    }

    /// The key line: what a `minisign.pub` file has as its second line.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode([b"Ed".as_slice(), &self.id, &self.raw].concat())
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &minisign_verify::Signature) -> bool {
        minisign_verify::PublicKey::from_base64(&self.to_base64())
            .is_ok_and(|key| key.verify(message, signature, false).is_ok())
    }
}

/// Whether an encoded point is one of the eight of small order, in any encoding, sign bit aside. For such a key a
/// signature can be made without any secret. The table is the one in libsodium's `ge25519_has_small_order`.
fn is_small_order(raw: &[u8; 32]) -> bool {
    const fn repeated(first: u8, middle: u8, last: u8) -> [u8; 32] {
        let mut bytes = [middle; 32];
        bytes[0] = first;
        bytes[31] = last;
        bytes
    }
    const POINTS: [[u8; 32]; 7] = [
        repeated(0, 0, 0),
        repeated(1, 0, 0),
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
        repeated(0xec, 0xff, 0x7f),
        repeated(0xed, 0xff, 0x7f),
        repeated(0xee, 0xff, 0x7f),
    ];
    let mut unsigned = *raw;
    if let Some(last) = unsigned.last_mut() {
        *last &= 0x7f;
    }
    POINTS.contains(&unsigned)
}
