//! The names in a bundle, each a type with one constructor that checks it: what has one of these types needs no further
//! look. Rules are those of the service that owns the name, with the source beside each.

mod aws;
mod cloudfront;
mod entry;
mod kubernetes;
mod partition;
mod pattern;
mod tag;
mod timestamp;

use crate::escape::EscapedUpTo;

/// Characters of a value that an error shows: the rule behind it should stay in sight.
const MAX_SHOWN: usize = 60;

pub use self::aws::*;
pub use self::cloudfront::*;
pub use self::entry::*;
pub use self::kubernetes::*;
pub use self::partition::*;
pub use self::pattern::*;
pub use self::tag::*;
pub use self::timestamp::*;

/// A name that its owner's rules refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} \"{}\": {rule}", EscapedUpTo(value, MAX_SHOWN))]
pub struct NameError {
    /// What the name is, in the field's term.
    pub what: &'static str,
    /// The name as it was given.
    pub value: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Checks and keeps a ", $what, ".")]
            pub fn new(value: impl Into<String>) -> Result<Self, $crate::names::NameError> {
                let value = value.into();
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(&value) {
                    Ok(()) => Ok(Self(value)),
                    Err(rule) => Err($crate::names::NameError { what: $what, value, rule }),
                }
            }

            #[doc = concat!("The ", $what, " as text.")]
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::names::NameError;
            fn try_from(value: String) -> Result<Self, $crate::names::NameError> {
                Self::new(value)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::names::NameError;
            fn from_str(value: &str) -> Result<Self, $crate::names::NameError> {
                Self::new(value)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}
pub(crate) use name;

fn ensure(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}

fn all(value: &str, allowed: impl Fn(u8) -> bool) -> bool {
    value.bytes().all(allowed)
}

fn is_lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// The characters IAM allows in a role name: `[\w+=,.@-]` [IAM API reference, CreateRole].
pub(crate) fn is_iam_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}
name! {
    /// A SHA-256 digest, 64 hexadecimal digits in lower case.
    Sha256, "SHA-256", |value| {
        ensure(
            value.len() == 64 && all(value, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
            "must be exactly 64 hexadecimal digits in lower case",
        )
    }
}

impl Sha256 {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(base16ct::lower::encode_string(&sha2::Sha256::digest(bytes)))
    }
}

/// Cuts a name to `limit` bytes and ends it with `-` and the first 8 hexadecimal digits of the whole name's SHA-256, so
/// that two names cut the same way stay two names. Names that fit come back as they are. For ASCII names only.
#[must_use]
pub fn cut_with_hash(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_owned();
    }
    let kept: String = name.chars().take(limit.saturating_sub(9)).collect();
    let hash: String = Sha256::of(name.as_bytes()).0.chars().take(8).collect();
    format!("{kept}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_with_a_hash_of_the_whole() {
        assert_eq!(cut_with_hash("short", 64), "short");
        let (a, b) =
            (cut_with_hash(&format!("{}a", "x".repeat(70)), 64), cut_with_hash(&format!("{}b", "x".repeat(70)), 64));
        assert_eq!((a.len(), b.len()), (64, 64));
        assert_ne!(a, b);
    }
}
