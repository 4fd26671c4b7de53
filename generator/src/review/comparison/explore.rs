//! Texts that tell patterns apart: one for each combination of groups of patterns that a text can match.
//!
//! Input: groups of patterns, untrusted. Output: texts. All patterns are followed at once, character by character (the
//! subset construction of automata theory): texts after which the same positions are reached are the same from there on, so
//! each such set of positions is looked at once. Only characters that a pattern names at this point, and one that none
//! names, need to be tried. The work is bounded by a [`Budget`].

use std::collections::{HashSet, VecDeque};

use super::glob::{Budget, Exceeded, Globs, Positions, Token};

/// Which texts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Actions in lower case: a service, a colon, and a name. Names of letters and digits; other characters of actions only
    /// where a pattern names them.
    Action,
    /// All texts but the empty one.
    Text,
}

impl Language {
    const BEGINNING: u8 = 0;

    fn advance(self, state: u8, character: char) -> Option<u8> {
        match (self, state) {
            (Self::Text, _) => Some(1),
            (Self::Action, 1) if character == ':' => Some(2),
            (Self::Action, 0 | 1) => is_service(character).then_some(1),
            (Self::Action, _) => (is_service(character) || character == '_').then_some(3),
        }
    }

    fn accepts(self, state: u8) -> bool {
        state == if self == Self::Text { 1 } else { 3 }
    }

    /// A character that is none of these.
    fn fresh(self, state: u8, named: &[char]) -> Option<char> {
        let usual = ('x'..='z').chain('a'..='w').chain('0'..='9');
        let more = match self {
            Self::Action if state < 2 => '-'..='-',
            Self::Action => '\u{1}'..='\0',
            Self::Text => '\u{100}'..='\u{1000}',
        };
        usual.chain(more).find(|character| !named.contains(character))
    }
}

fn is_service(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
}

/// What a text costs besides its characters: it becomes a case to look at.
const TEXT_COST: usize = 64;

/// Texts of the language that the first group matches: for each set of further groups that such a text can match, one.
/// Short ones come first.
pub(super) fn texts(
    required: &Globs,
    groups: &[Globs],
    language: Language,
    budget: &Budget,
) -> Result<Vec<String>, Exceeded> {
    let mut all = Globs::default();
    let mut group_of = vec![0; all.append(required)];
    for (group, globs) in groups.iter().enumerate() {
        let patterns = all.append(globs);
        group_of.resize(group_of.len() + patterns, group + 1);
    }
    Explorer { all, group_of, language, budget }.run()
}

struct Explorer<'a> {
    all: Globs,
    /// The group of each pattern; 0 is the one that has to match.
    group_of: Vec<usize>,
    language: Language,
    budget: &'a Budget,
}

/// A place that a text leads to.
type Place = (u8, Positions);

impl Explorer<'_> {
    fn run(&self) -> Result<Vec<String>, Exceeded> {
        let beginning = self.all.beginning();
        self.budget.spend(beginning.len())?;
        let first: Place = (Language::BEGINNING, self.reduced(beginning));
        // How each place was reached first: from which, by which character.
        let mut reached = vec![(usize::MAX, '\0')];
        let mut seen: HashSet<Place> = HashSet::from([first.clone()]);
        let mut queue = VecDeque::from([(0, first)]);
        let (mut combinations, mut texts) = (HashSet::new(), Vec::new());
        while let Some((number, (state, positions))) = queue.pop_front() {
            if let Some(groups) = self.matched(state, &positions)
                && combinations.insert(groups)
            {
                let text = text_to(&reached, number);
                self.budget.spend(text.len() + TEXT_COST)?;
                texts.push(text);
            }
            for character in self.characters(state, &positions) {
                self.budget.spend(positions.len() + 4)?;
                let Some(next_state) = self.language.advance(state, character) else { continue };
                let next = self.reduced(self.all.advance(&positions, character));
                let is_alive = next.iter().any(|position| self.group(*position) == 0);
                let place = (next_state, next);
                if is_alive && !seen.contains(&place) {
                    self.budget.spend(place.1.len() + 4)?;
                    queue.push_back((reached.len(), place.clone()));
                    reached.push((number, character));
                    seen.insert(place);
                }
            }
        }
        Ok(texts)
    }

    fn group(&self, position: u32) -> usize {
        self.group_of.get(self.all.pattern_of(position)).copied().unwrap_or(usize::MAX)
    }

    /// The groups that match here, if the required one does.
    fn matched(&self, state: u8, positions: &[u32]) -> Option<Vec<usize>> {
        if !self.language.accepts(state) {
            return None;
        }
        let ends = positions.iter().filter(|position| self.all.token(**position) == Token::End);
        let mut groups: Vec<usize> = ends.map(|position| self.group(*position)).collect();
        groups.dedup();
        (groups.first() == Some(&0)).then_some(groups)
    }

    /// Drops what makes no difference: a group that matches whatever follows needs no other positions.
    fn reduced(&self, mut positions: Positions) -> Positions {
        let is_sure = |position: u32| {
            self.all.token(position) == (Token::Run { colon: true }) && self.all.token(position + 1) == Token::End
        };
        let mut sure: Vec<(usize, u32)> = Vec::new();
        for &position in positions.iter().filter(|position| is_sure(**position)) {
            let group = self.group(position);
            if sure.last().is_none_or(|(last, _)| *last != group) {
                sure.push((group, position));
            }
        }
        let keeps = |position: &u32| {
            let group = self.group(*position);
            let found = sure.binary_search_by_key(&group, |(group, _)| *group).ok().and_then(|at| sure.get(at));
            found.is_none_or(|(_, kept)| *position == *kept || *position == kept + 1)
        };
        if !sure.is_empty() {
            positions.retain(keeps);
        }
        positions
    }

    /// The characters to try: those that are told apart here, and one more.
    fn characters(&self, state: u8, positions: &[u32]) -> Vec<char> {
        let mut characters = Vec::new();
        if self.language == Language::Action && state == 1 {
            characters.push(':');
        }
        for &position in positions {
            match self.all.token(position) {
                Token::Literal(character) => characters.push(character),
                Token::AnyCase(letter) => characters.extend([letter, letter.to_ascii_uppercase()]),
                Token::One { colon: false } | Token::Run { colon: false } => characters.push(':'),
                _ => {}
            }
        }
        characters.sort_unstable();
        characters.dedup();
        characters.extend(self.language.fresh(state, &characters));
        characters
    }
}

fn text_to(reached: &[(usize, char)], mut number: usize) -> String {
    let mut characters = Vec::new();
    while let Some(&(from, character)) = reached.get(number)
        && from != usize::MAX
    {
        characters.push(character);
        number = from;
    }
    characters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::super::pattern::{Reading, pieces, resource_tokens};
    use super::*;

    fn globs(patterns: &[&str]) -> Globs {
        let mut globs = Globs::default();
        for pattern in patterns {
            globs.push(resource_tokens(&pieces(pattern), Reading::Whole, |_| Vec::new()));
        }
        globs
    }

    fn found(required: &[&str], groups: &[&[&str]], language: Language) -> Vec<String> {
        let groups: Vec<Globs> = groups.iter().map(|patterns| globs(patterns)).collect();
        texts(&globs(required), &groups, language, &Budget::new(1_000_000)).unwrap()
    }

    #[test]
    fn each_combination_has_a_text() {
        assert_eq!(found(&["a*"], &[&["*b"], &["a?"]], Language::Text), ["a", "ab", "ax", "abb"]);
        assert_eq!(found(&["a*"], &[&["b*"]], Language::Text), ["a"]);
        assert_eq!(found(&["a"], &[&["*"], &["a", "b"]], Language::Text), ["a"]);
        assert!(found(&["a:b:c"], &[], Language::Action).is_empty());
    }

    #[test]
    fn actions_look_like_actions() {
        assert_eq!(found(&["*"], &[&["s3:get*"]], Language::Action), ["s:x", "s3:get"]);
        let every: Vec<String> = ('a'..='z').chain('0'..='9').map(|first| format!("ec2:{first}*")).collect();
        let every: Vec<&str> = every.iter().map(String::as_str).collect();
        assert_eq!(found(&["ec2:*"], &[&every], Language::Action), ["ec2:0"]);
    }

    #[test]
    fn work_is_bounded() {
        let hostile: Vec<String> = (1..60).map(|n| format!("*a{}", "?".repeat(n))).collect();
        let groups: Vec<Globs> = hostile.iter().map(|pattern| globs(&[pattern])).collect();
        assert_eq!(texts(&globs(&["*"]), &groups, Language::Text, &Budget::new(100_000)), Err(Exceeded));
    }
}
