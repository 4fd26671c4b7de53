//! Signing keys, and signatures that stock tools would never make.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer;
use minisign::KeyPair;

/// A minisign key pair whose secret half the attacker's workshop can use as it likes.
#[derive(Clone)]
pub struct SigningKey {
    pair: KeyPair,
}

/// The comment that [`SigningKey::sign`] signs.
pub const TRUSTED_COMMENT: &str = "timestamp:1790000000\tfile:bundle.tar.gz\thashed";

impl SigningKey {
    /// A new pair.
    ///
    /// # Panics
    /// Where the operating system gives no random bytes.
    #[must_use]
    pub fn generate() -> Self {
        Self { pair: KeyPair::generate_unencrypted_keypair().expect("a key pair is made") }
    }

    /// The public key line.
    #[must_use]
    pub fn public(&self) -> String {
        STANDARD.encode(self.pair.pk.to_bytes())
    }

    /// The public key line with another key ID: the same key under another name.
    #[must_use]
    pub fn public_with_id(&self, id: [u8; 8]) -> String {
        let mut bytes = self.pair.pk.to_bytes();
        bytes[2..10].copy_from_slice(&id);
        STANDARD.encode(bytes)
    }

    /// The key's ID.
    #[must_use]
    pub fn id(&self) -> [u8; 8] {
        self.pair.pk.to_bytes()[2..10].try_into().expect("a key has an ID")
    }

    /// A good signature.
    ///
    /// # Panics
    /// Never: signing in memory does not fail.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = minisign::sign(
            Some(&self.pair.pk),
            &self.pair.sk,
            Cursor::new(message),
            Some(TRUSTED_COMMENT),
            Some("signature from a test"),
        );
        signature.expect("signing works").to_bytes()
    }

    /// A legacy signature, over the message itself, as `minisign -S -l` makes it.
    ///
    /// # Panics
    /// Where the secret key is not laid out as minisign lays it out.
    #[must_use]
    pub fn sign_legacy(&self, message: &[u8]) -> Vec<u8> {
        // "Ed", two algorithms, salt, limits, then ID, seed and public key.
        let secret = self.pair.sk.to_bytes();
        let seed: [u8; 32] = secret[62..94].try_into().expect("a secret key has a seed");
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        assert_eq!(key.verifying_key().as_bytes(), &self.pair.pk.to_bytes()[10..42], "the seed is the key's");
        let signature = key.sign(message).to_bytes();
        let global = key.sign(&[&signature, TRUSTED_COMMENT.as_bytes()].concat()).to_bytes();
        let line = STANDARD.encode([b"Ed".as_slice(), &self.id(), &signature].concat());
        format!("untrusted comment: legacy\n{line}\ntrusted comment: {TRUSTED_COMMENT}\n{}\n", STANDARD.encode(global))
            .into_bytes()
    }
}

/// A signature with the bytes of its second line changed: algorithm (2), key ID (8), R (32), S (32).
///
/// # Panics
/// Where it is no signature.
#[must_use]
pub fn change_signature(file: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let text = String::from_utf8(file.to_vec()).expect("a signature is text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut bytes = STANDARD.decode(&lines[1]).expect("the second line is base64");
    change(&mut bytes);
    lines[1] = STANDARD.encode(bytes);
    format!("{}\n", lines.join("\n")).into_bytes()
}

/// Adds the group's order to a signature's S: the same signature to a careless verifier.
///
/// # Panics
/// Where `s` has not 32 bytes.
pub fn add_group_order(s: &mut [u8]) {
    // 2^252 + 27742317777372353535851937790883648493, little-endian [RFC 8032, section 5.1].
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    assert_eq!(s.len(), ORDER.len());
    let mut carry = 0;
    for (byte, order) in s.iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = u8::try_from(sum & 0xff).expect("masked");
        carry = sum >> 8;
    }
}
