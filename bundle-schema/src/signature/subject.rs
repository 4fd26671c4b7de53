//! What is signed: a bundle, or a receipt. It decides about words alone; what each may become is a matter of types.

use std::fmt;

/// What is signed, as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A bundle's archive.
    Bundle,
    /// What an apply or a deletion left.
    Receipt,
}

impl Subject {
    /// What a file claims to be: a receipt is a JSON object, and no archive begins as one.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"{") { Self::Receipt } else { Self::Bundle }
    }

    pub(super) fn placeholder(self) -> &'static str {
        match self {
            Self::Bundle => "BUNDLE",
            Self::Receipt => "RECEIPT",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bundle => "bundle",
            Self::Receipt => "receipt",
        })
    }
}
