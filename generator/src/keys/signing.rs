//! minisign signing keys: making them, opening them, signing with them.
//!
//! Key files are stock minisign's, and the crate `minisign` makes and decrypts them. Signatures are made here, because that
//! crate mixes randomness into each: stock minisign signs as RFC 8032 has it, so that the same key and the same input give
//! the same signature, and so does this. Format: <https://jedisct1.github.io/minisign/#signature-format>.
//!
//! No type here that holds a secret can be printed, and each is wiped when it is dropped. (What the crate `minisign` keeps
//! while it decrypts is not in our hands.)

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest};
use bundle_schema::names::Timestamp;
use bundle_schema::signature::MinisignPublicKey;
use ed25519_dalek::Signer;
use zeroize::Zeroizing;

/// Why a file is not a signing key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// Not a secret key of minisign.
    #[error(
        "the signing key is not a minisign secret key\n  give the file that `airlock-generator create-signing-key` or `minisign -G` wrote as minisign.key"
    )]
    Malformed,
    /// A public key.
    #[error("the signing key is a public key\n  give the secret one: minisign.key, not minisign.pub")]
    Public,
    /// Another kind of encryption or checksum.
    #[error("the signing key is of an unknown kind\n  make one with `airlock-generator create-signing-key`")]
    Unknown,
    /// Made by stock minisign with `-W`, which leaves out the checksum.
    #[error(
        "the signing key was made by `minisign -G -W`: it has neither a password nor a checksum, so damage to it would go unnoticed\n  give it a password: minisign -C -s FILE"
    )]
    NoChecksum,
    /// The key has a password and none was given.
    #[error("the signing key has a password\n  leave out --no-password, or give --password-file FILE")]
    NeedsPassword,
    /// Another password.
    #[error("the password does not open the signing key (or the file is damaged)")]
    WrongPassword,
    /// A checksum that does not fit.
    #[error("the signing key is damaged: its checksum or its public half does not match")]
    Damaged,
    /// No key was made.
    #[error("no signing key can be made: {0}")]
    Generate(String),
}

/// A secret key file that was not opened yet.
pub struct KeyFile {
    text: Zeroizing<String>,
    has_password: bool,
}

impl KeyFile {
    /// Looks at a secret key file.
    pub fn parse(text: Zeroizing<String>) -> Result<Self, SigningKeyError> {
        let line = match text.trim_end().lines().collect::<Vec<_>>().as_slice() {
            [comment, line] if comment.starts_with("untrusted comment:") => *line,
            _ => return Err(SigningKeyError::Malformed),
        };
        let bytes = Zeroizing::new(STANDARD.decode(line.trim()).map_err(|_| SigningKeyError::Malformed)?);
        if bytes.len() == 42 && bytes.starts_with(b"Ed") {
            return Err(SigningKeyError::Public);
        }
        if bytes.len() != 158 || !bytes.starts_with(b"Ed") {
            return Err(SigningKeyError::Malformed);
        }
        let has_password = match bytes.get(2..6) {
            Some(b"ScB2") => true,
            Some(b"\0\0B2") if bytes.ends_with(&[0; 32]) => return Err(SigningKeyError::NoChecksum),
            Some(b"\0\0B2") => false,
            _ => return Err(SigningKeyError::Unknown),
        };
        Ok(Self { text, has_password })
    }

    /// Whether a password is needed to open it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// Opens it. A key without a password takes no notice of one.
    pub fn open(&self, password: Option<&str>) -> Result<SigningKey, SigningKeyError> {
        let key_box = minisign::SecretKeyBox::from(self.text.to_string());
        let secret = match (self.has_password, password) {
            (false, _) => key_box.into_unencrypted_secret_key().map_err(|_| SigningKeyError::Damaged)?,
            (true, None) => return Err(SigningKeyError::NeedsPassword),
            (true, Some(password)) => {
                key_box.into_secret_key(Some(password.to_owned())).map_err(|_| SigningKeyError::WrongPassword)?
            }
        };
        let bytes = Zeroizing::new(secret.to_bytes());
        let id = bytes.get(54..62).and_then(|id| <[u8; 8]>::try_from(id).ok()).ok_or(SigningKeyError::Damaged)?;
        let pair = bytes.get(62..126).and_then(|pair| <[u8; 64]>::try_from(pair).ok()).map(Zeroizing::new);
        let key = pair.and_then(|pair| ed25519_dalek::SigningKey::from_keypair_bytes(&pair).ok());
        Ok(SigningKey { id, key: key.ok_or(SigningKeyError::Damaged)? })
    }
}

/// A key pair as its two files hold it.
pub struct KeyPairFiles {
    /// `minisign.key`.
    pub secret: Zeroizing<String>,
    /// `minisign.pub`.
    pub public: String,
}

/// Makes a key pair, with a password or without.
pub fn generate(password: Option<&str>) -> Result<KeyPairFiles, SigningKeyError> {
    let failed = |error: minisign::PError| SigningKeyError::Generate(error.to_string());
    let (pair, comment) = match password {
        Some(password) => (
            minisign::KeyPair::generate_encrypted_keypair(Some(password.to_owned())).map_err(failed)?,
            "minisign encrypted secret key",
        ),
        None => (minisign::KeyPair::generate_unencrypted_keypair().map_err(failed)?, "minisign secret key"),
    };
    Ok(KeyPairFiles {
        secret: Zeroizing::new(pair.sk.to_box(Some(comment)).map_err(failed)?.into_string()),
        public: pair.pk.to_box().map_err(failed)?.to_string(),
    })
}

/// A key that bundles are signed with.
pub struct SigningKey {
    id: [u8; 8],
    key: ed25519_dalek::SigningKey,
}

const UNTRUSTED: &str = "untrusted comment: signature from airlock-generator";
const TRUSTED: &str = "trusted comment: ";

impl SigningKey {
    /// The public half's key line, as `minisign.pub` has it.
    #[must_use]
    pub fn public(&self) -> String {
        STANDARD.encode([b"Ed".as_slice(), &self.id, self.key.verifying_key().as_bytes()].concat())
    }

    /// Signs bytes, prehashed, with stock minisign's trusted comment: the time, the file's name, `hashed`.
    #[must_use]
    pub fn sign(&self, bytes: &[u8], time: Timestamp, file: &str) -> String {
        self.sign_with_remark(bytes, time, file, None)
    }

    /// As [`Self::sign`], with a remark of the signer's at the end of the comment.
    #[must_use]
    pub fn sign_with_remark(&self, bytes: &[u8], time: Timestamp, file: &str, remark: Option<&str>) -> String {
        let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        let file: String = file.chars().map(printable).collect();
        let remark = remark.map(|remark| format!("\t{remark}")).unwrap_or_default();
        let comment = format!("timestamp:{}\tfile:{file}\thashed{remark}", time.unix());
        let [signature, global] = self.signature_lines(bytes, &comment);
        format!("{UNTRUSTED}\n{signature}\n{TRUSTED}{comment}\n{global}\n")
    }

    /// Whether a signature file is one by this key over these bytes, whatever its comments say. Signatures are
    /// deterministic, so this is making them again.
    #[must_use]
    pub fn made(&self, signature_file: &str, bytes: &[u8]) -> bool {
        let lines: Vec<&str> = signature_file.trim_end().lines().collect();
        let [_, signature, comment, global] = lines.as_slice() else { return false };
        let Some(comment) = comment.strip_prefix(TRUSTED) else { return false };
        self.signature_lines(bytes, comment) == [*signature, *global]
    }

    fn signature_lines(&self, bytes: &[u8], comment: &str) -> [String; 2] {
        let signature = self.key.sign(&Blake2b512::digest(bytes)).to_bytes();
        let global = self.key.sign(&[signature.as_slice(), comment.as_bytes()].concat()).to_bytes();
        [STANDARD.encode([b"ED".as_slice(), &self.id, &signature].concat()), STANDARD.encode(global)]
    }

    /// The public half as what the applier trusts.
    pub(crate) fn trusted(&self) -> Result<MinisignPublicKey, SigningKeyError> {
        MinisignPublicKey::parse(&self.public()).map_err(|_| SigningKeyError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(files: &KeyPairFiles, password: Option<&str>) -> Result<SigningKey, SigningKeyError> {
        KeyFile::parse(files.secret.clone()).and_then(|file| file.open(password))
    }

    fn time() -> Timestamp {
        Timestamp::from_unix(1_700_000_000).unwrap()
    }

    #[test]
    fn what_is_made_signs_what_minisign_verifies() {
        let files = generate(None).unwrap();
        let key = open(&files, None).unwrap();
        assert_eq!(files.public.lines().nth(1).unwrap(), key.public());
        let signature = key.sign(b"test", time(), "a\u{1b}b.tar.gz");
        assert_eq!(signature, key.sign(b"test", time(), "a\u{1b}b.tar.gz"));
        assert!(signature.contains("\ntrusted comment: timestamp:1700000000\tfile:a?b.tar.gz\thashed\n"));
        let public = minisign::PublicKeyBox::from_string(&files.public).unwrap().into_public_key().unwrap();
        let read = minisign::SignatureBox::from_string(&signature).unwrap();
        minisign::verify(&public, &read, std::io::Cursor::new(b"test"), true, false, false).unwrap();
        assert!(key.made(&signature, b"test"));
        assert!(!key.made(&signature, b"Test") && !key.made(&signature.replace("file:", "File:"), b"test"));
        assert!(!open(&generate(None).unwrap(), None).unwrap().made(&signature, b"test"));
    }

    #[test]
    fn passwords_are_asked_for_and_compared() {
        let files = generate(Some("open sesame")).unwrap();
        assert!(KeyFile::parse(files.secret.clone()).unwrap().has_password());
        assert_eq!(open(&files, None).err(), Some(SigningKeyError::NeedsPassword));
        assert_eq!(open(&files, Some("open")).err(), Some(SigningKeyError::WrongPassword));
        assert_eq!(open(&files, Some("open sesame")).unwrap().public(), files.public.lines().nth(1).unwrap());
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let parse = |text: &str| KeyFile::parse(Zeroizing::new(text.to_owned())).err();
        // Made by minisign 0.11 for this test: minisign -G -W.
        let stock = "untrusted comment: minisign encrypted secret key\n\
            RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAK2iXrLxogjBUwbYxkVCiDH5ElYopxK8756XmTew1hH3lsT0UrQeajAmajM9Z1vYu9n1IgzM+yipomyN890E5h9HHxStDbNZuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
        assert_eq!(parse(stock), Some(SigningKeyError::NoChecksum));
        assert_eq!(parse(&generate(None).unwrap().public), Some(SigningKeyError::Public));
        for wrong in ["", "a\nb\n", "untrusted comment: x\nAAAA\n", "-----BEGIN PRIVATE KEY-----\n"] {
            assert_eq!(parse(wrong), Some(SigningKeyError::Malformed), "{wrong:?}");
        }
        let files = generate(None).unwrap();
        let line = files.secret.lines().nth(1).unwrap();
        let mut bytes = STANDARD.decode(line).unwrap();
        bytes[70] ^= 1;
        let damaged = files.secret.replace(line, &STANDARD.encode(&bytes));
        assert_eq!(KeyFile::parse(damaged.into()).unwrap().open(None).err(), Some(SigningKeyError::Damaged));
    }
}
