//! Matching texts with wildcards, and finding texts that tell patterns apart.
//!
//! Input: tokens of patterns, and texts, both untrusted. Output: whether one of the patterns takes the text. The set of
//! positions in all patterns is kept while the text is read once, so that no pattern leads to backtracking; the work is
//! counted against a [`Budget`].

use std::cell::Cell;

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Token {
    /// This character.
    Literal(char),
    /// This ASCII letter in either case; in lower case here.
    AnyCase(char),
    /// One character, and whether it may be a colon.
    One { colon: bool },
    /// Any characters, and whether they may be colons.
    Run { colon: bool },
    /// The pattern ends here.
    End,
}

/// The first of the characters that stand for policy variables: a private use plane, which no policy has characters of.
const FIRST_SYMBOL: u32 = 0xF_0000;
const SYMBOLS: u32 = 0xFFFD;

/// The character that stands for the variable of this number; `None` where there are too many.
pub(super) fn symbol(number: usize) -> Option<char> {
    u32::try_from(number).ok().filter(|number| *number < SYMBOLS).and_then(|n| char::from_u32(FIRST_SYMBOL + n))
}

/// The number of the variable that a character stands for.
pub(super) fn symbol_number(character: char) -> Option<usize> {
    let number = u32::from(character).checked_sub(FIRST_SYMBOL).filter(|number| *number < SYMBOLS)?;
    usize::try_from(number).ok()
}

impl Token {
    /// A character of a text in which case does not matter.
    pub(super) fn any_case(character: char) -> Self {
        if character.is_ascii_alphabetic() {
            Self::AnyCase(character.to_ascii_lowercase())
        } else {
            Self::Literal(character)
        }
    }

    /// A variable's value is unknown: only a `*` that takes everything takes it.
    fn takes(self, character: char) -> bool {
        match self {
            Self::Literal(own) => own == character,
            Self::AnyCase(own) => own == character.to_ascii_lowercase(),
            Self::Run { colon: true } => true,
            Self::One { colon } | Self::Run { colon } => {
                (colon || character != ':') && symbol_number(character).is_none()
            }
            Self::End => false,
        }
    }
}

/// What is left of the work that a comparison may take.
#[derive(Debug)]
pub(super) struct Budget(Cell<u64>);

/// The work was more than the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded;

impl Budget {
    /// A budget of this many steps; one is about what a position in a pattern costs for a character.
    pub(super) fn new(steps: u64) -> Self {
        Self(Cell::new(steps))
    }

    /// What is left of it.
    pub(super) fn left(&self) -> u64 {
        self.0.get()
    }

    /// Takes from it.
    pub(super) fn spend(&self, steps: usize) -> Result<(), Exceeded> {
        let left = u64::try_from(steps).ok().and_then(|steps| self.0.get().checked_sub(steps));
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(Exceeded)
    }
}

/// Positions in several patterns, ascending.
pub(super) type Positions = Vec<u32>;

/// Several patterns, any of which may match.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Globs {
    tokens: Vec<Token>,
    /// For each token the pattern that it is of.
    pattern: Vec<u32>,
    starts: Vec<u32>,
    /// For each pattern whether a variable in the text may be whatever makes it match.
    is_loose: Vec<bool>,
}

impl Globs {
    /// One pattern.
    pub(super) fn one(tokens: Vec<Token>) -> Self {
        let mut globs = Self::default();
        globs.push(tokens);
        globs
    }

    /// One pattern that takes a text with variables if it takes the text for any of their values.
    pub(super) fn loose(tokens: Vec<Token>) -> Self {
        Self { is_loose: vec![true], ..Self::one(tokens) }
    }

    /// Adds a pattern.
    pub(super) fn push(&mut self, tokens: impl IntoIterator<Item = Token>) {
        self.is_loose.push(false);
        let pattern = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        self.starts.push(u32::try_from(self.tokens.len()).unwrap_or(u32::MAX));
        self.tokens.extend(tokens);
        self.tokens.push(Token::End);
        self.pattern.resize(self.tokens.len(), pattern);
    }

    /// Adds the patterns of others; returns how many.
    pub(super) fn append(&mut self, others: &Self) -> usize {
        let patterns = others.tokens.split(|token| *token == Token::End);
        for (pattern, is_loose) in patterns.zip(&others.is_loose) {
            self.push(pattern.iter().copied());
            if let Some(last) = self.is_loose.last_mut() {
                *last = *is_loose;
            }
        }
        others.starts.len()
    }

    /// The token at a position.
    pub(super) fn token(&self, position: u32) -> Token {
        usize::try_from(position).ok().and_then(|at| self.tokens.get(at)).copied().unwrap_or(Token::End)
    }

    /// The pattern that a position is in.
    pub(super) fn pattern_of(&self, position: u32) -> usize {
        let pattern = usize::try_from(position).ok().and_then(|at| self.pattern.get(at)).copied().unwrap_or(u32::MAX);
        usize::try_from(pattern).unwrap_or(usize::MAX)
    }

    /// Before the first character.
    pub(super) fn beginning(&self) -> Positions {
        let mut positions = Positions::new();
        for start in &self.starts {
            self.enter(*start, &mut positions);
        }
        self.settle(&mut positions);
        positions
    }

    /// After one more character.
    pub(super) fn advance(&self, from: &[u32], character: char) -> Positions {
        let mut positions = Positions::with_capacity(from.len() + 1);
        let is_variable = symbol_number(character).is_some();
        let mut filled_up_to = 0;
        for &position in from {
            let token = self.token(position);
            if is_variable && self.is_loose.get(self.pattern_of(position)) == Some(&true) {
                // From here to the end of its pattern, whatever the variable has to be for it.
                if position >= filled_up_to {
                    filled_up_to = self.end_after(position) + 1;
                    positions.extend(position..filled_up_to);
                }
            } else if token.takes(character) {
                let stays = matches!(token, Token::Run { .. });
                self.enter(if stays { position } else { position + 1 }, &mut positions);
            }
        }
        self.settle(&mut positions);
        positions
    }

    /// The position at which the pattern of this one ends.
    fn end_after(&self, position: u32) -> u32 {
        let rest = usize::try_from(position).ok().and_then(|at| self.tokens.get(at..)).unwrap_or_default();
        let tokens = rest.iter().take_while(|token| **token != Token::End).count();
        position + u32::try_from(tokens).unwrap_or(0)
    }

    /// Adds a position, and those after it that need no character.
    fn enter(&self, mut position: u32, positions: &mut Positions) {
        positions.push(position);
        while matches!(self.token(position), Token::Run { .. }) {
            position += 1;
            positions.push(position);
        }
    }

    /// Sorts positions and drops what makes no difference: a `*` that takes everything can do whatever an earlier position
    /// of its pattern can.
    fn settle(&self, positions: &mut Positions) {
        positions.sort_unstable();
        positions.dedup();
        let mut kept = 0;
        for at in 0..positions.len() {
            let Some(&position) = positions.get(at) else { break };
            if self.token(position) == (Token::Run { colon: true }) {
                let pattern = self.pattern_of(position);
                while kept > 0 && positions.get(kept - 1).is_some_and(|before| self.pattern_of(*before) == pattern) {
                    kept -= 1;
                }
            }
            positions.swap(kept, at);
            kept += 1;
        }
        positions.truncate(kept);
    }

    /// Whether one of the patterns takes the whole text.
    pub(super) fn matches(&self, text: &str, budget: &Budget) -> Result<bool, Exceeded> {
        let mut positions = self.beginning();
        for character in text.chars() {
            budget.spend(positions.len() + 1)?;
            if positions.is_empty() {
                return Ok(false);
            }
            positions = self.advance(&positions, character);
        }
        Ok(positions.iter().any(|position| self.token(*position) == Token::End))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::{Reading, arn_tokens, pieces, resource_tokens};
    use super::*;

    fn matches(pattern: &str, reading: Reading, text: &str) -> bool {
        let tokens = resource_tokens(&pieces(pattern), reading, |_| vec![Token::Literal('V')]);
        Globs::one(tokens).matches(text, &Budget::new(1_000_000)).unwrap()
    }

    #[test]
    fn wildcards_take_what_they_should() {
        for (pattern, text, whole, segments) in [
            ("*", "", true, true),
            ("*", "a:b", true, true),
            ("a*", "a:b", true, true),
            ("a*c", "abbc", true, true),
            ("a*c", "ab:c", true, false),
            ("a*:c", "a:b:c", true, true),
            ("a?c", "a:c", true, false),
            ("*a*b*ab", "aabab", true, true),
            ("*a*b*ab", "aabba", false, false),
            ("a${v}", "aV", true, true),
            ("${*}", "x", false, false),
            ("A", "a", false, false),
            ("a*b*c", "a:bxc", true, false),
            ("a*b:*c", "axb:c", true, true),
        ] {
            assert_eq!(matches(pattern, Reading::Whole, text), whole, "{pattern} {text}");
            assert_eq!(matches(pattern, Reading::Segments, text), segments, "{pattern} {text}");
        }
    }

    #[test]
    fn arns_are_compared_component_by_component() {
        let arn = |pattern: &str| Globs::one(arn_tokens(&pieces(pattern), |_| Vec::new()).unwrap());
        for (pattern, text, expected) in [
            ("arn:aws:iam::*:role/*", "arn:aws:iam::1:role/a:b", true),
            ("arn:aws:iam::*:role/*", "arn:aws:iam::1:2:role/a", false),
            ("arn:*:*:*:*:*", "arn:a:b:c:d:e:f", true),
            ("arn:aws:s3:::b*t", "arn:aws:s3:::b:t", true),
        ] {
            assert_eq!(arn(pattern).matches(text, &Budget::new(10_000)), Ok(expected), "{pattern} {text}");
        }
        assert_eq!(arn_tokens(&pieces("arn:aws:*"), |_| Vec::new()), None);
    }

    #[test]
    fn work_is_bounded() {
        let hostile = "*a?".repeat(600);
        let globs = Globs::one(resource_tokens(&pieces(&hostile), Reading::Whole, |_| Vec::new()));
        assert_eq!(globs.matches(&"a".repeat(100_000), &Budget::new(10_000)), Err(Exceeded));
    }

    #[test]
    fn a_loose_pattern_takes_any_value_of_a_variable() {
        let name = symbol(0).unwrap();
        for (pattern, text, expected) in [
            ("arn:p", format!("arn:{name}"), true),
            ("arn:p", format!("{name}p"), true),
            ("arn:p", format!("arn:{name}q"), false),
            ("a", format!("a{name}b"), false),
            ("a*b", format!("{name}c{name}"), true),
        ] {
            let tokens = resource_tokens(&pieces(pattern), Reading::Whole, |_| Vec::new());
            let budget = Budget::new(10_000);
            assert_eq!(Globs::loose(tokens.clone()).matches(&text, &budget), Ok(expected), "{pattern} {text}");
            assert_eq!(Globs::one(tokens).matches(&text, &budget), Ok(false), "{pattern} {text}");
        }
    }

    #[test]
    fn symbols_are_taken_by_themselves_and_runs_alone() {
        let name = symbol(3).unwrap().to_string();
        assert_eq!(symbol_number(symbol(3).unwrap()), Some(3));
        assert!(matches("*", Reading::Whole, &name) && !matches("?", Reading::Whole, &name));
        assert!(!matches("a*b", Reading::Segments, &format!("a{name}b")));
        assert_eq!(symbol(70_000), None);
    }
}
