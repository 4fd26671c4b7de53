//! Values of condition keys: whether a test is satisfied by one, and which values tell tests apart.
//!
//! Input: values of a policy and of a request, untrusted. Output: whether they match, by IAM's rules for each kind of
//! operator [IAM user guide, condition operators].

use std::net::IpAddr;

use bundle_schema::names::Timestamp;

use super::glob::{Budget, Exceeded, Globs, Token};
use super::pattern::{ARN_COMPONENTS, Piece, arn_tokens, pieces, plain_pieces, text_tokens, variables};
use super::statement::{Kind, Order, Test};

/// The parts of one that numbers and times are kept in: six digits after the point, and one for what is between two.
const SCALE: i128 = 10_000_000;
const FRACTION_DIGITS: usize = 6;
/// Digits before the point, so that no number is too large to count with.
const WHOLE_DIGITS: usize = 15;

/// Why a test's outcome is not known, where that is so whatever the request.
pub(super) fn doubt(test: &Test) -> Option<&'static str> {
    let has_variable = |value: &String| variables(&pieces(value)).next().is_some();
    let folds_unknown = |value: &String| matches!(test.kind, Kind::Text { any_case: true, .. }) && !value.is_ascii();
    if test.values.iter().any(has_variable) {
        Some("depends on a policy variable")
    } else if test.kind == Kind::Unknown || (test.kind == Kind::Null && test.set.is_some()) {
        Some("has an operator that IAM does not describe")
    } else if test.values.iter().any(folds_unknown) {
        Some("compares letters beyond ASCII without case")
    } else if test.values.iter().any(|value| !is_of_kind(test.kind, value) || is_too_fine(test.kind, value)) {
        Some("has a value that is not of the operator's kind")
    } else {
        None
    }
}

/// Whether a value is one that this kind of operator is meant for.
pub(super) fn is_of_kind(kind: Kind, value: &str) -> bool {
    match kind {
        Kind::Text { .. } | Kind::Binary => !value.is_empty(),
        Kind::Arn => value.split(':').count() >= ARN_COMPONENTS,
        Kind::Bool | Kind::Null => truth(value).is_some(),
        Kind::Number(_) => number(value).is_some(),
        Kind::Date(_) => date(value).is_some(),
        Kind::Address => range(value).is_some(),
        Kind::Unknown => false,
    }
}

/// Whether a number has so many digits that there may be none between it and the next.
fn is_too_fine(kind: Kind, value: &str) -> bool {
    let fraction = value.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('Z').len());
    matches!(kind, Kind::Number(_) | Kind::Date(_)) && fraction > FRACTION_DIGITS
}

/// The pattern of a policy's value, for the kinds that are compared as text. `variable` gives a variable's value.
pub(super) fn pattern<'a>(kind: Kind, value: &str, variable: impl Fn(&str) -> Option<&'a str>) -> Option<Vec<Token>> {
    let mut known = true;
    let tokens = {
        let expand = |name: &str| {
            let value = variable(name);
            known &= value.is_some();
            value.unwrap_or_default().chars().map(Token::Literal).collect()
        };
        match kind {
            Kind::Arn => arn_tokens(&pieces(value), expand)?,
            Kind::Text { wildcards: true, .. } => text_tokens(&pieces(value), expand),
            Kind::Text { .. } => text_tokens(&plain_pieces(value), expand),
            _ => value.chars().map(Token::Literal).collect(),
        }
    };
    let any_case = matches!(kind, Kind::Text { any_case: true, .. } | Kind::Bool);
    let fold = |token| match token {
        Token::Literal(character) if any_case => Token::any_case(character),
        other => other,
    };
    known.then(|| tokens.into_iter().map(fold).collect())
}

/// A value that matches a policy's. `variable` gives a variable's value.
pub(super) fn example(kind: Kind, value: &str, mut variable: impl FnMut(&str) -> String) -> String {
    let has_wildcards = matches!(kind, Kind::Arn | Kind::Text { wildcards: true, .. });
    let pieces = if has_wildcards { pieces(value) } else { plain_pieces(value) };
    let fill = |piece| match piece {
        Piece::Character(character) => character.to_string(),
        Piece::One | Piece::Run => "x".to_owned(),
        Piece::Variable(name) => variable(&name),
    };
    pieces.into_iter().map(fill).collect()
}

/// Whether a value of a request matches one of a policy, the test's negation aside; `None` where a variable is unknown.
pub(super) fn matches<'a>(
    kind: Kind,
    policy: &str,
    request: &str,
    variable: impl Fn(&str) -> Option<&'a str>,
    budget: &Budget,
) -> Result<Option<bool>, Exceeded> {
    budget.spend(policy.len() / 8 + 1)?;
    let order = |order: Order, pair: Option<(i128, i128)>| {
        pair.is_some_and(|(request, policy)| match order {
            Order::Same => request == policy,
            Order::Less => request < policy,
            Order::AtMost => request <= policy,
            Order::Greater => request > policy,
            Order::AtLeast => request >= policy,
        })
    };
    Ok(Some(match kind {
        Kind::Number(by) => order(by, number(request).zip(number(policy))),
        Kind::Date(by) => order(by, date(request).zip(date(policy))),
        Kind::Address => range(request).zip(range(policy)).is_some_and(|(request, policy)| {
            request.is_v4 == policy.is_v4 && (policy.first..=policy.last).contains(&request.first)
        }),
        Kind::Null | Kind::Unknown => return Ok(None),
        Kind::Text { .. } | Kind::Arn | Kind::Bool | Kind::Binary => match pattern(kind, policy, variable) {
            Some(tokens) => Globs::one(tokens).matches(request, budget)?,
            None => return Ok(None),
        },
    }))
}

/// `true` or `false`, in any case.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value {
        value if value.eq_ignore_ascii_case("true") => Some(true),
        value if value.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A decimal number, in parts of [`SCALE`].
fn number(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (1..=WHOLE_DIGITS).contains(&whole.len())
        && fraction.len() <= FRACTION_DIGITS + 1
        && digits.ends_with(|last: char| last.is_ascii_digit());
    if !fits || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let parts: i128 = format!("{whole}{fraction:0<7}").parse().ok()?;
    Some(sign * parts)
}

fn number_text(parts: i128) -> String {
    let sign = if parts < 0 { "-" } else { "" };
    let (whole, fraction) = (parts.abs() / SCALE, parts.abs() % SCALE);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{}", format!("{fraction:07}").trim_end_matches('0'))
}

/// A point in time as RFC 3339 in UTC or in seconds since 1970, in parts of [`SCALE`].
fn date(text: &str) -> Option<i128> {
    let Some(local) = text.strip_suffix('Z') else {
        return number(text).filter(|_| !text.starts_with('-'));
    };
    let (seconds, fraction) = local.split_once('.').unwrap_or((local, "0"));
    let seconds = Timestamp::parse(&format!("{seconds}Z")).ok()?.unix();
    Some(i128::from(seconds) * SCALE + number(&format!("0.{fraction}"))?)
}

fn date_text(parts: i128) -> Option<String> {
    let seconds = Timestamp::from_unix(i64::try_from(parts.div_euclid(SCALE)).ok()?).ok()?.to_string();
    match parts.rem_euclid(SCALE) {
        0 => Some(seconds),
        fraction => {
            Some(format!("{}.{}Z", seconds.trim_end_matches('Z'), format!("{fraction:07}").trim_end_matches('0')))
        }
    }
}

/// Addresses from one to another of one family.
struct Range {
    is_v4: bool,
    first: u128,
    last: u128,
}

/// An address or a CIDR block. Bits behind the prefix do not count.
fn range(text: &str) -> Option<Range> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let (is_v4, width, bits) = match address.parse().ok()? {
        IpAddr::V4(address) => (true, 32, u128::from(u32::from(address))),
        IpAddr::V6(address) => (false, 128, u128::from(address)),
    };
    let prefix = match prefix {
        None => width,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|p| *p <= width)?
        }
        Some(_) => return None,
    };
    let behind = 1_u128.checked_shl(width - prefix).map_or(u128::MAX, |size| size - 1);
    Some(Range { is_v4, first: bits & !behind, last: bits | behind })
}

fn address_text(is_v4: bool, bits: u128) -> Option<String> {
    if is_v4 {
        u32::try_from(bits).ok().map(|bits| IpAddr::V4(bits.into()).to_string())
    } else {
        Some(IpAddr::V6(bits.into()).to_string())
    }
}

/// Values of each order to these that there is: before, at and after each.
pub(super) fn numbers<'a>(values: impl Iterator<Item = &'a String>) -> Vec<String> {
    around(values.filter_map(|value| number(value)).collect()).into_iter().map(number_text).collect()
}

/// As [`numbers`], of points in time.
pub(super) fn dates<'a>(values: impl Iterator<Item = &'a String>) -> Vec<String> {
    around(values.filter_map(|value| date(value)).collect()).into_iter().filter_map(date_text).collect()
}

fn around(mut points: Vec<i128>) -> Vec<i128> {
    points.sort_unstable();
    points.dedup();
    let mut values = points.clone();
    for pair in points.windows(2) {
        if let [low, high] = pair {
            // A whole number where there is one.
            let whole = (low.div_euclid(SCALE) + 1) * SCALE;
            values.push(if whole < *high { whole } else { i128::midpoint(*low, *high) });
        }
    }
    values.extend(points.first().map(|first| first - SCALE));
    values.extend(points.last().map(|last| last + SCALE));
    values
}

/// Addresses in and around each of these ranges: where the ranges that an address is in change, they do at a first one or
/// behind a last one.
pub(super) fn addresses<'a>(values: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut addresses = vec!["192.0.2.1".to_owned(), "2001:db8::1".to_owned()];
    for range in values.filter_map(|value| range(value)) {
        addresses.extend(address_text(range.is_v4, range.first));
        addresses.extend(range.last.checked_add(1).and_then(|next| address_text(range.is_v4, next)));
    }
    addresses.extend(["0.0.0.0".to_owned(), "::".to_owned()]);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(kind: Kind, policy: &str, request: &str) -> bool {
        matches(kind, policy, request, |_| None, &Budget::new(100_000)).unwrap().unwrap()
    }

    #[test]
    fn each_kind_is_compared_in_its_own_way() {
        let text = |any_case, wildcards| Kind::Text { any_case, wildcards };
        for (kind, policy, request, expected) in [
            (text(false, false), "a*", "ab", false),
            (text(false, false), "a*", "a*", true),
            (text(false, false), "a${*}", "a*", true),
            (text(false, true), "a*", "ab", true),
            (text(false, true), "a*", "Ab", false),
            (text(true, false), "aB", "Ab", true),
            (Kind::Bool, "true", "True", true),
            (Kind::Bool, "true", "false", false),
            (Kind::Number(Order::Same), "1.50", "1.5", true),
            (Kind::Number(Order::Less), "10", "9.999999", true),
            (Kind::Number(Order::AtLeast), "-1", "-1.1", false),
            (Kind::Number(Order::Same), "1", "x", false),
            (Kind::Date(Order::Greater), "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", true),
            (Kind::Date(Order::Same), "0", "1970-01-01T00:00:00Z", true),
            (Kind::Address, "10.0.0.0/8", "10.255.255.255", true),
            (Kind::Address, "10.0.0.0/8", "11.0.0.0", false),
            (Kind::Address, "0.0.0.0/0", "::", false),
            (Kind::Address, "::/0", "ffff::", true),
            (Kind::Arn, "arn:aws:iam::*:role/*", "arn:aws:iam::1:role/x", true),
        ] {
            assert_eq!(is_match(kind, policy, request), expected, "{kind:?} {policy} {request}");
        }
    }

    #[test]
    fn values_are_of_a_kind_or_not() {
        for (kind, value, expected) in [
            (Kind::Number(Order::Same), "1e3", false),
            (Kind::Number(Order::Same), "1.", false),
            (Kind::Number(Order::Same), "+1", false),
            (Kind::Number(Order::Same), "-0.5", true),
            (Kind::Date(Order::Same), "2026-01-01", false),
            (Kind::Date(Order::Same), "2026-02-30T00:00:00Z", false),
            (Kind::Address, "10.0.0.0/33", false),
            (Kind::Address, "10.0.0/8", false),
            (Kind::Address, "10.0.0.0/+8", false),
            (Kind::Bool, "yes", false),
            (Kind::Arn, "arn:aws:s3:::b", true),
            (Kind::Arn, "*", false),
        ] {
            assert_eq!(is_of_kind(kind, value), expected, "{kind:?} {value}");
        }
    }

    #[test]
    fn values_around_are_before_at_between_and_after() {
        let of = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(numbers(of(&["5", "7", "8"]).iter()), ["5", "7", "8", "6", "7.5", "4", "9"]);
        assert_eq!(numbers(of(&["0.000001", "0.000002"]).iter()).get(2).map(String::as_str), Some("0.0000015"));
        assert_eq!(
            dates(of(&["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]).iter()),
            [
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:00:01Z",
                "2026-01-01T00:00:00.5Z",
                "2025-12-31T23:59:59Z",
                "2026-01-01T00:00:02Z"
            ]
        );
        assert_eq!(
            addresses(of(&["10.0.0.7/30"]).iter()),
            ["192.0.2.1", "2001:db8::1", "10.0.0.4", "10.0.0.8", "0.0.0.0", "::"]
        );
    }
}
