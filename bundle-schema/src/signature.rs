//! minisign public keys and signatures, and who must have signed.
//!
//! Input: untrusted signature files, and keys that the user trusts. The signature itself is checked by
//! `minisign-verify`; here stand the rules around it: strict parsing, keys compared by their raw 32 bytes (key IDs can
//! be chosen by anybody), no small-order keys, no legacy signatures, one key for one role. Source of the formats:
//! <https://jedisct1.github.io/minisign/#signature-format>.

mod next;
mod public_key;
pub(crate) mod signed;
mod subject;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::escape::Escaped;
use crate::limits::{MAX_SIGNATURE_BYTES, MAX_TRUSTED_KEYS};

pub use self::next::{NextSignatureError, SignedSoFar};
pub use self::public_key::{MinisignPublicKey, PublicKeyError};
pub use self::subject::Subject;

/// Why a signature file is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// More bytes than allowed.
    #[error("it has {0} bytes; at most {MAX_SIGNATURE_BYTES} are allowed")]
    TooLarge(usize),
    /// Not printable ASCII.
    #[error("line {0} has characters other than printable ASCII")]
    NotAscii(usize),
    /// Not four lines, each ended by a line feed.
    #[error("expected exactly 4 lines, found {0}")]
    Lines(usize),
    /// A comment line that does not begin as one.
    #[error("line {line} does not begin with \"{expected}\"")]
    Comment {
        /// From 1.
        line: usize,
        /// How it must begin.
        expected: &'static str,
    },
    /// A signature line that is not base64 of the right length.
    #[error("line {line} is not {bytes} bytes in base64")]
    Base64 {
        /// From 1.
        line: usize,
        /// How many bytes it must hold.
        bytes: usize,
    },
    /// A legacy signature, over the bytes themselves and not their hash.
    #[error("it is a legacy signature (not prehashed)\n  sign again with minisign 0.10 or later, without -l")]
    Legacy,
    /// An unknown algorithm.
    #[error("it has the unknown algorithm {0:02x?}")]
    Algorithm([u8; 2]),
}

/// A signature file that is one.
#[derive(Clone)]
pub(crate) struct SignatureFile {
    id: [u8; 8],
    trusted_comment: String,
    signature: minisign_verify::Signature,
}

const UNTRUSTED: &str = "untrusted comment: ";
const TRUSTED: &str = "trusted comment: ";

impl SignatureFile {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        if bytes.len() as u64 > MAX_SIGNATURE_BYTES {
            return Err(SignatureError::TooLarge(bytes.len()));
        }
        let lines: Vec<&[u8]> = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n').collect();
        for (number, line) in lines.iter().enumerate() {
            // Stock minisign separates the parts of its trusted comment by tabs.
            if !line.iter().all(|byte| matches!(byte, b' '..=b'~') || (*byte == b'\t' && number == 2)) {
                return Err(SignatureError::NotAscii(number + 1));
            }
        }
        let [untrusted, signature, trusted, global] = lines.as_slice() else {
            return Err(SignatureError::Lines(lines.len()));
        };
        if !untrusted.starts_with(UNTRUSTED.as_bytes()) {
            return Err(SignatureError::Comment { line: 1, expected: UNTRUSTED });
        }
        let trusted_comment =
            trusted.strip_prefix(TRUSTED.as_bytes()).ok_or(SignatureError::Comment { line: 3, expected: TRUSTED })?;
        let decoded: [u8; 74] = decode(signature).ok_or(SignatureError::Base64 { line: 2, bytes: 74 })?;
        let _: [u8; 64] = decode(global).ok_or(SignatureError::Base64 { line: 4, bytes: 64 })?;
        let [a, b, id0, id1, id2, id3, id4, id5, id6, id7, ..] = decoded;
        match &[a, b] {
            b"ED" => {}
            b"Ed" => return Err(SignatureError::Legacy),
            other => return Err(SignatureError::Algorithm(*other)),
        }
        let text = lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\n");
        let signature =
            minisign_verify::Signature::decode(&text).map_err(|_| SignatureError::Base64 { line: 2, bytes: 74 })?;
        Ok(Self {
            id: [id0, id1, id2, id3, id4, id5, id6, id7],
            trusted_comment: String::from_utf8_lossy(trusted_comment).into_owned(),
            signature,
        })
    }

    fn claims(&self, key: &MinisignPublicKey) -> bool {
        self.id == key.id
    }
}

fn decode<const N: usize>(line: &[u8]) -> Option<[u8; N]> {
    STANDARD.decode(line).ok()?.try_into().ok()
}

/// Why a set of roles and keys cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No role at all.
    #[error("no key is trusted\n  name at least one role with one key, or give --trusted-key")]
    Empty,
    /// A role without a key.
    #[error("role \"{}\" has no key", Escaped(.0))]
    EmptyRole(String),
    /// A key that serves two roles, or one role twice, compared by its raw bytes.
    #[error("key {key} is given for \"{}\" and for \"{}\"; one key serves one role, once", Escaped(.first), Escaped(.second))]
    KeyTwice {
        /// The key line, as given the second time.
        key: String,
        /// The role that has it first.
        first: String,
        /// The role that has it too.
        second: String,
    },
    /// More keys than allowed.
    #[error("{0} keys are given; at most {MAX_TRUSTED_KEYS} are allowed")]
    TooManyKeys(usize),
}

/// Who must have signed: every role, by one of its keys. There is always at least one role, and no role is optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    roles: Vec<(String, Vec<MinisignPublicKey>)>,
}

impl TrustPolicy {
    /// Every role must have signed, by any one of its keys.
    pub fn roles(roles: Vec<(String, Vec<MinisignPublicKey>)>) -> Result<Self, PolicyError> {
        if roles.is_empty() {
            return Err(PolicyError::Empty);
        }
        let count = roles.iter().map(|(_, keys)| keys.len()).sum();
        if count > MAX_TRUSTED_KEYS {
            return Err(PolicyError::TooManyKeys(count));
        }
        let mut seen: Vec<(&str, &MinisignPublicKey)> = Vec::new();
        for (role, keys) in &roles {
            if keys.is_empty() {
                return Err(PolicyError::EmptyRole(role.clone()));
            }
            for key in keys {
                if let Some((first, _)) = seen.iter().find(|(_, other)| other.raw == key.raw) {
                    let (first, second) = ((*first).to_owned(), role.clone());
                    return Err(PolicyError::KeyTwice { key: key.to_base64(), first, second });
                }
                seen.push((role, key));
            }
        }
        Ok(Self { roles })
    }

    /// The roles that are none of the signers'.
    fn missing(&self, signers: &[Signer]) -> Vec<&(String, Vec<MinisignPublicKey>)> {
        self.roles.iter().filter(|(role, _)| !signers.iter().any(|signer| signer.role == *role)).collect()
    }

    /// Every one of these keys must have signed.
    pub fn every_key(keys: Vec<MinisignPublicKey>) -> Result<Self, PolicyError> {
        Self::roles(
            keys.into_iter().enumerate().map(|(at, key)| (format!("trusted key {}", at + 1), vec![key])).collect(),
        )
    }
}

/// A role and the key that signed for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signer {
    /// The role, as the trust policy names it.
    pub role: String,
    /// The key line.
    pub key: String,
    /// The comment that the signature covers; printable ASCII and tabs.
    pub trusted_comment: String,
}

/// The last part of the trusted comment of whoever signed a bundle that is not known to be what its requests ask for.
pub const WITHOUT_REBUILD: &str = "without-rebuild";

impl Signer {
    /// Whether the signer left out to make the bundle again, as the trusted comment says.
    #[must_use]
    pub fn is_without_rebuild(&self) -> bool {
        self.trusted_comment.split('\t').any(|part| part == WITHOUT_REBUILD)
    }
}

/// Why the signatures are not enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A file that is no signature.
    #[error("signature file {} is refused: {reason}", Escaped(.file))]
    Malformed {
        /// Its name.
        file: String,
        /// Why.
        reason: SignatureError,
    },
    /// A signature that names a trusted key and does not fit.
    #[error(
        "signature {} claims the trusted key {key} but does not match the {subject}: the {subject}, the comment or the signature was changed\n  get the {subject} and its signatures again from where they were made, and compare the SHA-256",
        Escaped(.file)
    )]
    DoesNotFit {
        /// The signature file's name.
        file: String,
        /// The key line.
        key: String,
        /// What it is beside.
        subject: Subject,
    },
    /// A role by whose keys nothing is signed.
    #[error(
        "role \"{}\" has not signed: {}\n  to sign: airlock-generator sign {name} --signing-key KEY, or minisign -S -m {name} -x {name}.SIGNER.minisig",
        Escaped(.role), not_signed(.keys, .found, *.subject), name = .subject.placeholder()
    )]
    Missing {
        /// The role.
        role: String,
        /// Its key lines.
        keys: Vec<String>,
        /// The signature files that were looked at.
        found: Vec<String>,
        /// What they are beside.
        subject: Subject,
    },
}

impl TrustError {
    fn missing((role, keys): &(String, Vec<MinisignPublicKey>), files: &[String], subject: Subject) -> Self {
        let keys = keys.iter().map(MinisignPublicKey::to_base64).collect();
        Self::Missing { role: role.clone(), keys, found: files.to_vec(), subject }
    }
}

fn not_signed(keys: &[String], found: &[String], subject: Subject) -> String {
    let files = found.iter().map(|file| Escaped(file).to_string()).collect::<Vec<_>>().join(", ");
    let signatures = match found.len() {
        0 => {
            return format!(
                "there is no signature beside the {subject}; one by its keys ({}) is required",
                keys.join(", ")
            );
        }
        1 => "the only signature".to_owned(),
        many => format!("any of the {many} signatures"),
    };
    format!("none of its keys ({}) made {signatures} beside the {subject} ({files})", keys.join(", "))
}

/// Checks every signature file against the policy, and that every role has signed: step 2 of FORMAT.md.
pub(crate) fn verify(
    message: &[u8],
    files: &[(String, Vec<u8>)],
    policy: &TrustPolicy,
    subject: Subject,
) -> Result<Vec<Signer>, TrustError> {
    let signers = signers(message, files, policy, subject)?;
    match policy.missing(&signers).first() {
        None => Ok(signers),
        Some(role) => Err(TrustError::missing(role, &names(files), subject)),
    }
}

/// The names of signature files, as errors show them.
pub(crate) fn names(files: &[(String, Vec<u8>)]) -> Vec<String> {
    files.iter().map(|(file, _)| file.clone()).collect()
}

/// Checks every signature file against the policy, whichever roles they are of.
///
/// A signature by a key that nobody trusts is no fault, it just counts for nothing; one that names a trusted key has to
/// fit. A role is a matter of the key alone, never of a file's name or a comment.
pub(crate) fn signers(
    message: &[u8],
    files: &[(String, Vec<u8>)],
    policy: &TrustPolicy,
    subject: Subject,
) -> Result<Vec<Signer>, TrustError> {
    let mut signers: Vec<Signer> = Vec::new();
    for (file, bytes) in files {
        let signature =
            SignatureFile::parse(bytes).map_err(|reason| TrustError::Malformed { file: file.clone(), reason })?;
        let mut claimed = None;
        let mut verified = None;
        for (role, key) in policy.roles.iter().flat_map(|(role, keys)| keys.iter().map(move |key| (role, key))) {
            if signature.claims(key) {
                claimed = Some(key);
                if key.verifies(message, &signature.signature) {
                    verified = Some((role, key));
                    break;
                }
            }
        }
        match (verified, claimed) {
            (Some((role, key)), _) => {
                signers.push(Signer {
                    role: role.clone(),
                    key: key.to_base64(),
                    trusted_comment: signature.trusted_comment,
                });
            }
            (None, Some(key)) => {
                return Err(TrustError::DoesNotFit { file: file.clone(), key: key.to_base64(), subject });
            }
            (None, None) => {}
        }
    }
    Ok(signers)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The key and signature of minisign's own documentation; the message is "test".
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
        RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
        trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
        wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";

    fn key() -> MinisignPublicKey {
        MinisignPublicKey::parse(KEY).unwrap()
    }

    fn other_key(id: u8) -> MinisignPublicKey {
        let mut key = key();
        key.id = [id; 8];
        key.raw[0] ^= 1;
        key
    }

    fn check(signature: &str, keys: Vec<MinisignPublicKey>) -> Result<Vec<Signer>, TrustError> {
        verify(
            b"test",
            &[("t.minisig".to_owned(), signature.as_bytes().to_vec())],
            &TrustPolicy::every_key(keys).unwrap(),
            Subject::Bundle,
        )
    }

    #[test]
    fn a_stock_signature_is_taken() {
        let signers = check(SIGNATURE, vec![key()]).unwrap();
        let [signer] = signers.as_slice() else { panic!("{signers:?}") };
        assert_eq!(
            (signer.key.as_str(), signer.trusted_comment.as_str()),
            (KEY, "timestamp:1633700835\tfile:test\tprehashed")
        );
    }

    #[test]
    fn every_key_has_to_have_signed() {
        let missing = TrustError::Missing {
            role: "trusted key 2".to_owned(),
            keys: vec![other_key(1).to_base64()],
            found: vec!["t.minisig".to_owned()],
            subject: Subject::Bundle,
        };
        assert_eq!(check(SIGNATURE, vec![key(), other_key(1)]).unwrap_err(), missing);
    }

    #[test]
    fn a_key_id_is_not_a_key() {
        let mut imposter = other_key(1);
        imposter.id = key().id;
        let (file, key) = ("t.minisig".to_owned(), imposter.to_base64());
        let refused = TrustError::DoesNotFit { file, key, subject: Subject::Bundle };
        assert_eq!(check(SIGNATURE, vec![imposter]).unwrap_err(), refused);
    }

    #[test]
    fn keys_are_compared_by_their_raw_bytes() {
        let mut twin = key();
        twin.id = [9; 8];
        let twice = PolicyError::KeyTwice { key: twin.to_base64(), first: "a".to_owned(), second: "b".to_owned() };
        assert_eq!(TrustPolicy::roles(vec![("a".to_owned(), vec![key()]), ("b".to_owned(), vec![twin])]), Err(twice));
        assert_eq!(TrustPolicy::roles(vec![]), Err(PolicyError::Empty));
        assert_eq!(TrustPolicy::roles(vec![("a".to_owned(), vec![])]), Err(PolicyError::EmptyRole("a".to_owned())));
    }

    #[test]
    fn signatures_are_parsed_strictly() {
        let parse = |text: String| SignatureFile::parse(text.as_bytes()).err();
        assert_eq!(parse(SIGNATURE.to_owned()), None);
        assert_eq!(parse(SIGNATURE.trim_end().to_owned()), None);
        assert_eq!(parse(format!("{SIGNATURE}\n")), Some(SignatureError::Lines(5)));
        assert_eq!(parse(SIGNATURE.replace('\n', "\r\n")), Some(SignatureError::NotAscii(1)));
        assert_eq!(parse(SIGNATURE.replace("file:test", "file:\u{1b}[2J")), Some(SignatureError::NotAscii(3)));
        assert_eq!(parse(SIGNATURE.replace("RUQf", "RWQf")), Some(SignatureError::Legacy));
        assert_eq!(parse(SIGNATURE.replace("RUQf", "RUUf")), Some(SignatureError::Algorithm(*b"EE")));
        assert_eq!(parse(SIGNATURE.replace("Zwo=", "Zw==")), Some(SignatureError::Base64 { line: 2, bytes: 74 }));
        assert_eq!(
            parse(SIGNATURE.replace("untrusted comment: ", "comment: ")),
            Some(SignatureError::Comment { line: 1, expected: UNTRUSTED })
        );
        assert_eq!(parse("x".repeat(20_000)), Some(SignatureError::TooLarge(20_000)));
    }

    #[test]
    fn small_order_and_secret_keys_are_refused() {
        for first in [0u8, 1] {
            let mut raw = [0u8; 42];
            raw[..2].copy_from_slice(b"Ed");
            raw[10] = first;
            for sign in [0, 0x80] {
                raw[41] = sign;
                let line = STANDARD.encode(raw);
                assert_eq!(MinisignPublicKey::parse(&line), Err(PublicKeyError::SmallOrder(line)));
            }
        }
        assert_eq!(MinisignPublicKey::parse("untrusted comment: x\nRWRTY0IyAAAA"), Err(PublicKeyError::Secret));
        assert_eq!(MinisignPublicKey::parse("AAAA"), Err(PublicKeyError::Malformed("AAAA".to_owned())));
        assert!(MinisignPublicKey::parse(&format!("untrusted comment: minisign public key\n{KEY}\n")).is_ok());
    }
}
