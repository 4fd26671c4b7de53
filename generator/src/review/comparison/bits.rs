//! Sets of statements, as the bits of numbers.

/// A set of statements, by their numbers in one search.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// The numbers at which there is `true`.
    pub(super) fn of(members: impl IntoIterator<Item = bool>) -> Self {
        let mut words = Vec::new();
        for (number, is_member) in members.into_iter().enumerate() {
            if number % 64 == 0 {
                words.push(0);
            }
            if let Some(last) = words.last_mut()
                && is_member
            {
                *last |= 1 << (number % 64);
            }
        }
        Self(words)
    }

    /// What is in both.
    #[must_use]
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    /// Whether something is in both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Whether this number is in it.
    pub(super) fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// How much work it is to look at it.
    pub(super) fn words(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_as_long_as_they_need_to_be() {
        let thirds = Bits::of((0..130).map(|n| n % 3 == 0));
        let last = Bits::of((0..130).map(|n| n == 129));
        assert_eq!(thirds.words(), 3);
        assert!(thirds.has(129) && !thirds.has(128) && !thirds.has(500));
        assert!(thirds.meets(&last) && thirds.and(&last) == last);
        assert!(!thirds.meets(&Bits::of((0..130).map(|n| n == 128))));
    }
}
