//! Percent-encoding [RFC 3986, section 2.1]: how IAM answers policies, and how S3 takes an object's tags.

use std::fmt::Write;

/// Decodes; `None` where an escape is cut or the bytes are no UTF-8. `+` stays `+`, as the RFC has it.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            digit(bytes.next()?)? * 16 + digit(bytes.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

/// Encodes everything but the RFC's unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(encode("openshift.io/a b=ü+"), "openshift.io%2Fa%20b%3D%C3%BC%2B");
        assert_eq!(decode("openshift.io%2Fa%20b%3d%C3%BC%2B+").as_deref(), Some("openshift.io/a b=ü++"));
    }

    #[test]
    fn broken_escapes_are_refused() {
        for wrong in ["%", "%2", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
