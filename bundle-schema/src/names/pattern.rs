//! Patterns of names: `*` stands for any run of characters, `?` for one, and case does not matter, as in IAM's actions.
//! Names are ASCII; of other text, such as a tag's key, `?` is one byte of UTF-8, and case matters beyond ASCII.
//!
//! A pattern that the user gave is prepared once. What it is compared with, from a bundle or from AWS, is untrusted: it is
//! read once from its beginning to its end, without allocation, whatever its length. Meanwhile a set of positions in the
//! prepared pattern is kept, as the bits of one number; hence the limit on a pattern's length.

use std::fmt;

use super::{NameError, ensure};
use crate::limits::MAX_PATTERN_BYTES;

/// A pattern of names, ready to be compared.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    text: String,
    /// For each byte the positions at which the pattern takes it as one character, in either case: by itself or by `?`.
    /// For `?`, which may be anything, all positions that take one character.
    takes: Box<[Positions; 256]>,
    /// The positions of `?`.
    one: Positions,
    /// The positions of `*`. No two follow each other.
    run: Positions,
    /// The position after the last byte.
    end: Positions,
}

/// A set of positions in a pattern: bit 0 is before its first byte.
type Positions = u128;

const BEGINNING: Positions = 1;

impl Pattern {
    /// Prepares a pattern of 1 to [`MAX_PATTERN_BYTES`] bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        match ensure((1..=MAX_PATTERN_BYTES).contains(&text.len()), "must have 1 to 127 bytes") {
            Ok(()) => Ok(Self::prepare(text)),
            Err(rule) => Err(NameError { what: "pattern", value: text, rule }),
        }
    }

    fn prepare(text: String) -> Self {
        let mut pattern = Self { text: String::new(), takes: Box::new([0; 256]), one: 0, run: 0, end: BEGINNING };
        let mut before = None;
        for byte in text.bytes() {
            // A run of stars says no more than one.
            if (before, byte) == (Some(b'*'), b'*') {
                continue;
            }
            before = Some(byte);
            match byte {
                b'*' => pattern.run |= pattern.end,
                b'?' => pattern.one |= pattern.end,
                literal => {
                    for byte in [literal.to_ascii_lowercase(), literal.to_ascii_uppercase()] {
                        if let Some(positions) = pattern.takes.get_mut(usize::from(byte)) {
                            *positions |= pattern.end;
                        }
                    }
                }
            }
            pattern.end <<= 1;
        }
        for positions in pattern.takes.iter_mut() {
            *positions |= pattern.one;
        }
        if let Some(positions) = pattern.takes.get_mut(usize::from(b'?')) {
            *positions = (pattern.end - 1) & !pattern.run;
        }
        Self { text, ..pattern }
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether any name matches both patterns. Exact: `ec2:*` and `*:Describe?` share `ec2:DescribeX`.
    #[must_use]
    pub fn overlaps(&self, other: &str) -> bool {
        self.arrives(other, |here, byte| match byte {
            // The other's star takes whatever this pattern has next.
            b'*' => from_first(here),
            byte => ((here & self.takes(byte)) << 1) | (here & self.run),
        })
    }

    /// Whether every name that matches `narrow` matches this pattern too: that a name matches, where it has no wildcards.
    ///
    /// Exact for a name. For a pattern, yes is always right, and no may be wrong: each wildcard of `narrow` has to be met by a
    /// single one, a `*` by a `*` and a `?` by a `?` or `*`. So `?*` covers `*?` in truth, and not here.
    #[must_use]
    pub fn covers(&self, narrow: &str) -> bool {
        self.arrives(narrow, |here, byte| match byte {
            b'*' => here & self.run,
            b'?' => ((here & self.one) << 1) | (here & self.run),
            byte => ((here & self.takes(byte)) << 1) | (here & self.run),
        })
    }

    /// [`Self::covers`] the other way round, with the same care: whether this pattern is covered by `wide`.
    #[must_use]
    pub fn is_covered_by(&self, wide: &str) -> bool {
        let mut here = BEGINNING;
        for byte in wide.bytes() {
            here = match byte {
                b'*' => from_first(here),
                b'?' => (here & self.takes(b'?')) << 1,
                byte => (here & self.takes(byte) & !self.one) << 1,
            };
            if here == 0 {
                return false;
            }
        }
        here & self.end != 0
    }

    /// Whether the end of the pattern is reached with the end of the text, where `step` goes on by one byte.
    fn arrives(&self, text: &str, step: impl Fn(Positions, u8) -> Positions) -> bool {
        // A star may stand for nothing.
        let skip = |here: Positions| here | ((here & self.run) << 1);
        let mut here = skip(BEGINNING);
        for byte in text.bytes() {
            here = skip(step(here, byte));
            if here == 0 {
                return false;
            }
        }
        here & self.end != 0
    }

    fn takes(&self, byte: u8) -> Positions {
        self.takes.get(usize::from(byte)).copied().unwrap_or_default()
    }
}

/// All positions from the first one on. Those after the end do no harm: nothing leads back from them.
fn from_first(here: Positions) -> Positions {
    here | here.wrapping_neg()
}

impl TryFrom<String> for Pattern {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn patterns_overlap_in_both_directions() {
        for (a, b) in [
            ("iam:PassRole", "iam:*"),
            ("iam:PassRole", "*"),
            ("iam:passrole", "IAM:PassRole"),
            ("iam:Pass*", "iam:*Role"),
            ("iam:Pass?ole", "iam:PassRole"),
            ("*", "*"),
            ("*:*", "*"),
            ("a:b*c", "a:*bc"),
            ("iam:*", "iam:???????e"),
            ("iam:**Role", "iam:Pass***"),
        ] {
            assert!(pattern(a).overlaps(b) && pattern(b).overlaps(a), "{a} {b}");
        }
        for (a, b) in [
            ("iam:PassRole", "iam:Pass"),
            ("iam:*", "ec2:*"),
            ("iam:Pass?", "iam:Pass"),
            ("a:b*c", "a:b*d"),
            ("s3:Get*", "s3:Put*"),
        ] {
            assert!(!pattern(a).overlaps(b) && !pattern(b).overlaps(a), "{a} {b}");
        }
    }

    #[test]
    fn covering_is_one_way() {
        for (wide, narrow, covers) in [
            ("iam:*", "iam:PassRole", true),
            ("*", "iam:*", true),
            ("IAM:Pass*", "iam:PassR*", true),
            ("iam:Pass*", "iam:*", false),
            ("iam:PassRole", "iam:*", false),
            ("iam:Pass?", "iam:Pass*", false),
            ("iam:Get*", "iam:PassRole", false),
            ("iam:?*", "iam:*", false),
            ("prod-?", "prod-é", false),
        ] {
            assert_eq!(pattern(wide).covers(narrow), covers, "{wide} {narrow}");
            assert_eq!(pattern(narrow).is_covered_by(wide), covers, "{wide} {narrow}");
        }
    }

    #[test]
    fn the_longest_pattern_is_compared_to_its_last_character() {
        let letters = |last: &str| format!("{}{last}", "a".repeat(MAX_PATTERN_BYTES - 1));
        let longest = pattern(&letters("b"));
        for (other, same) in [(letters("B"), true), (letters("?"), true), (letters("c"), false), (letters("bb"), false)]
        {
            assert_eq!((longest.overlaps(&other), longest.is_covered_by(&other)), (same, same), "{other}");
        }
        assert!(longest.covers(&letters("b")) && !longest.covers(&letters("?")) && !longest.covers(&letters("")));
        assert!(pattern(&letters("*")).covers(&"a".repeat(10_000)));
    }

    #[test]
    fn a_pattern_is_of_limited_length() {
        for wrong in [String::new(), "a".repeat(128)] {
            let rule = "must have 1 to 127 bytes";
            assert_eq!(Pattern::new(wrong.clone()), Err(NameError { what: "pattern", value: wrong, rule }));
        }
    }
}
