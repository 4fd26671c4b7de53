//! What a policy's texts are made of: characters, the wildcards `*` and `?`, and policy variables.
//!
//! Input: a resource or a condition's value, untrusted and of limited length. Output: its pieces, and tokens to match with.
//! The rules are IAM's [IAM user guide, Resource element; policy variables; condition operators].

use super::glob::Token;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Piece {
    /// A character that stands for itself. `${*}`, `${?}` and `${$}` are such characters.
    Character(char),
    /// `?`.
    One,
    /// `*`.
    Run,
    /// `${aws:username}`: what is between the braces.
    Variable(String),
}

/// How far a wildcard in a resource reaches. IAM's guide says that wildcards stand within the segments of an ARN, which
/// colons separate, and that a `*` at the end of one can reach beyond it; the evaluation is not specified further. What is
/// said of a policy has to hold in both readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Any wildcard takes any character.
    Whole,
    /// Only a `*` at the end of a segment takes a colon.
    Segments,
}

/// Components of an ARN. All but the last have no colon in them.
pub(super) const ARN_COMPONENTS: usize = 6;

/// Takes a text with wildcards apart.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    take_apart(text, true)
}

/// Takes a text apart in which `*` and `?` are characters.
pub(super) fn plain_pieces(text: &str) -> Vec<Piece> {
    take_apart(text, false)
}

fn take_apart(text: &str, wildcards: bool) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (piece, after) = variable(rest).unwrap_or_else(|| {
            let piece = match first {
                '*' if wildcards => Piece::Run,
                '?' if wildcards => Piece::One,
                character => Piece::Character(character),
            };
            (piece, rest.get(first.len_utf8()..).unwrap_or_default())
        });
        // A run of stars says no more than one.
        if (pieces.last(), &piece) != (Some(&Piece::Run), &Piece::Run) {
            pieces.push(piece);
        }
        rest = after;
    }
    pieces
}

/// The variable that a text begins with, and what follows it. A `${` that begins no variable is two characters.
fn variable(text: &str) -> Option<(Piece, &str)> {
    let (name, after) = text.strip_prefix("${")?.split_once('}')?;
    match name {
        "*" => Some((Piece::Character('*'), after)),
        "?" => Some((Piece::Character('?'), after)),
        "$" => Some((Piece::Character('$'), after)),
        name if name.is_empty() || name.contains(['$', '{']) => None,
        name => Some((Piece::Variable(name.to_ascii_lowercase()), after)),
    }
}

/// The key of a variable, without a default value: `${aws:PrincipalTag/team, 'none'}`.
pub(super) fn variable_key(variable: &str) -> &str {
    variable.split_once(',').map_or(variable, |(key, _)| key).trim()
}

/// The variables of a text.
pub(super) fn variables(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Whether the two readings of a resource differ.
pub(super) fn is_ambiguous(pieces: &[Piece]) -> bool {
    pieces.iter().enumerate().any(|(at, piece)| match piece {
        Piece::One => true,
        Piece::Run => !ends_segment(pieces, at),
        _ => false,
    })
}

fn ends_segment(pieces: &[Piece], at: usize) -> bool {
    matches!(pieces.get(at + 1), None | Some(Piece::Character(':')))
}

/// The tokens of a resource. `expand` says what stands for a variable.
pub(super) fn resource_tokens(
    pieces: &[Piece],
    reading: Reading,
    expand: impl FnMut(&str) -> Vec<Token>,
) -> Vec<Token> {
    let whole = reading == Reading::Whole;
    tokens(pieces, |at| whole || (pieces.get(at) == Some(&Piece::Run) && ends_segment(pieces, at)), expand)
}

/// The tokens of a value of `StringLike`.
pub(super) fn text_tokens(pieces: &[Piece], expand: impl FnMut(&str) -> Vec<Token>) -> Vec<Token> {
    tokens(pieces, |_| true, expand)
}

/// The tokens of a value of `ArnLike`, which is compared component by component; `None` where it has fewer than an ARN.
pub(super) fn arn_tokens(pieces: &[Piece], expand: impl FnMut(&str) -> Vec<Token>) -> Option<Vec<Token>> {
    let colons = pieces.iter().enumerate().filter(|(_, piece)| **piece == Piece::Character(':'));
    let (last, _) = colons.clone().nth(ARN_COMPONENTS - 2)?;
    Some(tokens(pieces, |at| at > last, expand))
}

fn tokens(
    pieces: &[Piece],
    takes_colon: impl Fn(usize) -> bool,
    mut expand: impl FnMut(&str) -> Vec<Token>,
) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(pieces.len() + 1);
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Character(character) => tokens.push(Token::Literal(*character)),
            Piece::One => tokens.push(Token::One { colon: takes_colon(at) }),
            Piece::Run => tokens.push(Token::Run { colon: takes_colon(at) }),
            Piece::Variable(name) => tokens.extend(expand(name)),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        pieces(text)
            .into_iter()
            .map(|piece| match piece {
                Piece::Character(character) => character.to_string(),
                Piece::One => "<one>".to_owned(),
                Piece::Run => "<run>".to_owned(),
                Piece::Variable(name) => format!("<{name}>"),
            })
            .collect()
    }

    #[test]
    fn escapes_are_characters_and_variables_are_whole() {
        for (text, expected) in [
            ("a*b?c", "a<run>b<one>c"),
            ("a***b", "a<run>b"),
            ("${*}${?}${$}", "*?$"),
            ("x${aws:Username}y", "x<aws:username>y"),
            ("${aws:PrincipalTag/t, 'n'}", "<aws:principaltag/t, 'n'>"),
            ("${}$${x", "${}$${x"),
            ("${a${b}", "${a<b>"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert_eq!(plain_pieces("**${*}").len(), 3);
        assert_eq!(variable_key("aws:principaltag/t, 'n'"), "aws:principaltag/t");
    }

    #[test]
    fn a_star_at_the_end_of_a_segment_is_clear() {
        for (text, ambiguous) in [
            ("*", false),
            ("arn:*:s3:::bucket/*", false),
            ("arn:aws:s3:::b*t", true),
            ("arn:aws:s3:::b?", true),
            ("arn:aws*:s3:::${*}b", false),
        ] {
            assert_eq!(is_ambiguous(&pieces(text)), ambiguous, "{text}");
        }
    }
}
