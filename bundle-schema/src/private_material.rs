//! Finding private key material where none belongs.
//!
//! Input: the bytes of any entry. Output: what was found. Both the writer and the reader ask, so a private key gets
//! neither in nor out of a bundle by accident. This is a net for accidents, not a proof: a key that somebody hides on
//! purpose can be spelled in a thousand ways.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem::Finder;

/// What is looked for as it stands, each made ready once.
static MARKS: LazyLock<[(Finder<'static>, &str); 8]> = LazyLock::new(|| {
    const MARKS: [(&[u8], &str); 8] = [
        (b"PRIVATE KEY-----", "a PEM private key"),
        (b"PRIVATE KEY BLOCK-----", "a PGP private key"),
        (b"PuTTY-User-Key-File", "a PuTTY private key"),
        // base64 of "-----BEGIN ": a bundle has no use for a PEM block in base64, whatever is in it.
        (b"LS0tLS1CRUdJTi", "a PEM block in base64"),
        // A minisign secret key is "Ed", then "Sc" (encrypted) or 00 00 (not), then "B2", in base64.
        (b"RWRTY0Iy", "a minisign secret key"),
        (b"RWQAAEIy", "a minisign secret key"),
        (b"AGE-SECRET-KEY-", "an age identity"),
        (b"AGE-PLUGIN-", "an age identity"),
    ];
    MARKS.map(|(mark, what)| (Finder::new(mark), what))
});

/// The first kind of private material found, in words for an error.
#[must_use]
pub fn find(bytes: &[u8]) -> Option<&'static str> {
    let marked = MARKS.iter().find(|(mark, _)| mark.find(bytes).is_some()).map(|(_, what)| *what);
    marked
        .or_else(|| contains_access_key_id(bytes).then_some("an AWS access key ID"))
        .or_else(|| contains_encoded_access_key_id(bytes).then_some("an AWS access key ID in base64"))
        .or_else(|| contains_private_jwk(bytes).then_some("a private JWK"))
}

/// `AKIA` (long-term) or `ASIA` (temporary) and 16 more capitals and digits, not inside a longer word
/// [IAM user guide, unique identifiers].
fn contains_access_key_id(bytes: &[u8]) -> bool {
    static STARTS: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| [b"AKIA", b"ASIA"].map(Finder::new));
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    STARTS.iter().flat_map(|start| start.find_iter(bytes)).any(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let id = bytes.get(at..at + 20).unwrap_or_default();
        id.len() == 20
            && id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            && !is_word(before)
            && !is_word(bytes.get(at + 20))
    })
}

/// The base64 of an access key ID, as a Secret's `data` has it, alone or inside a credentials file: `AKIA` or `ASIA` begins at
/// one of three places of a group of four characters.
fn contains_encoded_access_key_id(bytes: &[u8]) -> bool {
    // What the four letters become, less the characters that share bits with their neighbours.
    static STARTS: LazyLock<[(Finder<'static>, usize); 6]> = LazyLock::new(|| {
        const STARTS: [(&[u8], usize); 6] =
            [(b"QUtJQ", 0), (b"QVNJQ", 0), (b"FLSU", 1), (b"FTSU", 1), (b"BS0lB", 2), (b"BU0lB", 2)];
        STARTS.map(|(start, offset)| (Finder::new(start), offset))
    });
    STARTS.iter().any(|(start, offset)| {
        start.find_iter(bytes).any(|at| {
            // Where the letters begin inside a group, the group itself begins two or three characters before.
            let begin = at.checked_sub(if *offset == 0 { 0 } else { offset + 1 });
            let group = begin.and_then(|begin| bytes.get(begin..)).unwrap_or_default();
            let length = group.iter().take_while(|byte| is_base64(**byte)).take(40).count();
            // One character alone is no byte.
            let length = if length % 4 == 1 { length - 1 } else { length };
            let decoded = group.get(..length).and_then(|group| UNPADDED.decode(group).ok()).unwrap_or_default();
            let id = decoded.get(*offset..offset + 20).unwrap_or_default();
            id.len() == 20
                && (id.starts_with(b"AKIA") || id.starts_with(b"ASIA"))
                && id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
    })
}

/// Base64 of which the end may be cut off.
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// A JWK with a private member: `kty` and, of the members of RFC 7518 sections 6.2.2, 6.3.2 and 6.4, one with a value
/// too long to be anything else.
fn contains_private_jwk(bytes: &[u8]) -> bool {
    static KEY_TYPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"kty"));
    const MEMBERS: [&[u8]; 7] = [b"\"d\"", b"\"p\"", b"\"q\"", b"\"dp\"", b"\"dq\"", b"\"qi\"", b"\"k\""];
    let is_value = |rest: &[u8]| {
        rest.iter()
            .skip_while(|byte| byte.is_ascii_whitespace() || **byte == b':' || **byte == b'"')
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-' || **byte == b'_')
            .count()
            >= 20
    };
    KEY_TYPE.find(bytes).is_some()
        && MEMBERS.iter().any(|member| {
            memchr::memmem::find_iter(bytes, member)
                .any(|at| is_value(bytes.get(at + member.len()..).unwrap_or_default()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found() {
        for (text, what) in [
            ("-----BEGIN RSA PRIVATE KEY-----", "a PEM private key"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", "a PEM private key"),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "a PGP private key"),
            ("key: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ==", "a PEM block in base64"),
            ("untrusted comment: minisign encrypted secret key\nRWRTY0IyAAAA", "a minisign secret key"),
            ("RWQAAEIyAAAA", "a minisign secret key"),
            ("AGE-SECRET-KEY-1QQQQ", "an age identity"),
            ("id=AKIAIOSFODNN7EXAMPLE\n", "an AWS access key ID"),
            ("ASIAIOSFODNN7EXAMPLE", "an AWS access key ID"),
            ("{\"kty\":\"EC\",\"d\" : \"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}", "a private JWK"),
        ] {
            assert_eq!(find(text.as_bytes()), Some(what), "{text}");
        }
    }

    #[test]
    fn access_key_ids_are_found_in_base64() {
        assert_eq!(find(b"id: QUtJQUlPU0ZPRE5ON0VYQU1QTEU=\n"), Some("an AWS access key ID in base64"), "alone");
        for prefix in ["", "x", "xy", "[default]\naws_access_key_id = ", "a=\n"] {
            for id in ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"] {
                let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{prefix}{id}\nsecret"));
                let text = format!("data:\n  credentials: {encoded}\n");
                assert_eq!(find(text.as_bytes()), Some("an AWS access key ID in base64"), "{prefix:?} {id} {encoded}");
            }
        }
        let other = base64::engine::general_purpose::STANDARD.encode("AKIA is how it begins, and no more");
        assert_eq!(find(other.as_bytes()), None);
    }

    #[test]
    fn public_things_are_not() {
        for text in [
            "-----BEGIN PUBLIC KEY-----",
            "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
            "XAKIAIOSFODNN7EXAMPLE",
            "AKIAshort",
            "{\"kty\":\"RSA\",\"d\":\"x\"}",
            "",
        ] {
            assert_eq!(find(text.as_bytes()), None, "{text}");
        }
    }
}
