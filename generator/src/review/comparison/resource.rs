//! Resources that tell statements apart.
//!
//! Input: resources of statements in pieces, untrusted. Output: resources that the first of them takes, for every
//! combination of the others, with symbols in the place of policy variables. To a statement that refused before, a variable
//! on either side may have any value; to any other, a variable is matched by itself and by `*` alone. Both can only make
//! more look newly allowed.

use std::collections::{HashMap, HashSet};

use super::bits::Bits;
use super::evaluate::Context;
use super::explore::{Language, texts};
use super::glob::{Budget, Exceeded, Globs, Token, symbol, symbol_number};
use super::pattern::{Piece, Reading, resource_tokens, variable_key, variables};

/// A resource, and the statements that take it.
#[derive(Debug, Clone)]
pub(super) struct ResourceCase {
    /// The statements.
    pub(super) takes: Bits,
    /// The resource, with symbols.
    pub(super) text: String,
}

/// A statement's resource, and whether its variables may match anything.
pub(super) struct Taken<'a> {
    /// The resource.
    pub(super) pieces: &'a [Piece],
    /// Whether its variables may be anything.
    pub(super) loose: bool,
}

/// The variables that symbols stand for.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Symbols {
    fn of(&mut self, name: &str) -> Result<char, Exceeded> {
        let number = *self.numbers.entry(name.to_owned()).or_insert_with(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        symbol(number).ok_or(Exceeded)
    }

    /// The resource with values for its variables: those of the context, which gets others where it has none.
    pub(super) fn concrete(&self, text: &str, context: &mut Context) -> String {
        let mut resource = String::with_capacity(text.len());
        for character in text.chars() {
            match symbol_number(character).and_then(|number| self.names.get(number)) {
                Some(name) => resource.push_str(&value_of(name, context)),
                None => resource.push(character),
            }
        }
        resource
    }
}

/// The value of a variable in a context, which gets one where it has none.
pub(super) fn value_of(variable: &str, context: &mut Context) -> String {
    let number = context.len() + 1;
    let values = context.entry(variable_key(variable).to_owned()).or_insert_with(|| vec![format!("value-{number}")]);
    values.first().cloned().unwrap_or_default()
}

/// Resources that the first of these takes: for each set of the others, at least one. The first is the most usual.
pub(super) fn cases(
    statements: &[Taken<'_>],
    reading: Reading,
    symbols: &mut Symbols,
    budget: &Budget,
) -> Result<Vec<ResourceCase>, Exceeded> {
    let Some((first, _)) = statements.split_first() else { return Ok(Vec::new()) };
    let mut groups = Vec::with_capacity(statements.len());
    let mut candidates = vec!["*".to_owned()];
    for Taken { pieces, loose } in statements {
        budget.spend(pieces.len())?;
        for name in variables(pieces) {
            symbols.of(name)?;
        }
        let named = |name: &str| symbols.numbers.get(name).and_then(|number| symbol(*number));
        let stand_in = |name: &str| named(name).filter(|_| !loose).map_or(Token::Run { colon: true }, Token::Literal);
        let tokens = resource_tokens(pieces, reading, |name| vec![stand_in(name)]);
        groups.push(if *loose { Globs::loose(tokens) } else { Globs::one(tokens) });
        let example = pieces.iter().map(|piece| match piece {
            Piece::Character(character) => *character,
            Piece::One | Piece::Run => 'x',
            Piece::Variable(name) => named(name).unwrap_or('x'),
        });
        candidates.push(example.collect());
    }
    if let Some((required, others)) = groups.split_first()
        && first.pieces.iter().any(|piece| matches!(piece, Piece::One | Piece::Run))
    {
        let mut others = others.to_vec();
        others.sort_unstable();
        others.dedup();
        candidates.extend(texts(required, &others, Language::Text, budget)?);
    }
    let mut seen = HashSet::new();
    let mut cases = Vec::new();
    for text in candidates {
        let mut members = Vec::with_capacity(groups.len());
        for globs in &groups {
            members.push(globs.matches(&text, budget)?);
        }
        let takes = Bits::of(members);
        if takes.has(0) && seen.insert(takes.clone()) {
            cases.push(ResourceCase { takes, text });
        }
    }
    Ok(cases)
}
