//! Operators that do not fit their key, and values that never match.

use std::net::IpAddr;

use super::super::rules::{CONDITION_MATCHES_ALL, CONDITION_OPERATOR, CONDITION_VALUE};
use super::super::words::{cut, list};
use super::{Checker, Comparison, pairs, verb};
use crate::review::action_data::{KeyType, Of};

/// What an operator compares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    String,
    Arn,
    Bool,
    Binary,
    Date,
    IpAddress,
    Null,
    Numeric,
}

impl Family {
    fn of(operator: &str) -> Self {
        let of = [
            ("String", Self::String),
            ("Arn", Self::Arn),
            ("Bool", Self::Bool),
            ("Binary", Self::Binary),
            ("Date", Self::Date),
            ("Numeric", Self::Numeric),
            ("Null", Self::Null),
        ];
        // What is left are IpAddress and NotIpAddress.
        of.into_iter().find(|(head, _)| operator.starts_with(head)).map_or(Self::IpAddress, |(_, family)| family)
    }

    fn fits(self, kind: KeyType, values: &[String]) -> bool {
        match (self, kind.of) {
            (Self::Null, _)
            | (Self::String, Of::String | Of::Arn)
            | (Self::Binary, Of::String)
            | (Self::Arn, Of::Arn)
            | (Self::Bool, Of::Bool)
            | (Self::Numeric | Self::Date, Of::Numeric | Of::Date)
            | (Self::IpAddress, Of::IpAddress) => true,
            // Some keys whose values are ARNs are described as strings.
            (Self::Arn, Of::String) => values.iter().all(|value| value.starts_with("arn:") || value.starts_with("${")),
            _ => false,
        }
    }

    /// Why a value never matches.
    fn refuses(self, value: &str) -> Option<&'static str> {
        let (is_right, why) = match self {
            Self::Bool | Self::Null => (
                ["true", "false"].iter().any(|right| value.eq_ignore_ascii_case(right)),
                "it is neither true nor false",
            ),
            Self::Numeric => (value.parse::<f64>().is_ok_and(f64::is_finite), "it is no number"),
            Self::Date => (is_date(value), "it is no date in the form 2026-01-31T12:00:00Z"),
            Self::IpAddress => (is_ip_range(value), "it is neither an IP address nor a range such as 203.0.113.0/24"),
            Self::Arn => (value.starts_with("arn:") && value.splitn(6, ':').count() == 6, "it is no ARN of six parts"),
            Self::String | Self::Binary => (true, ""),
        };
        (!is_right).then_some(why)
    }
}

impl Checker<'_, '_> {
    pub(super) fn operators(&mut self) {
        let wrong = |one: &Comparison<'_>| {
            one.known.map(|key| key.kind).filter(|kind| !Family::of(one.operator.plain).fits(*kind, &one.values))
        };
        let those = self.those(|one| wrong(one).is_some());
        if those.is_empty() {
            return;
        }
        let kinds = those.iter().filter_map(|one| Some(format!("{} is of type {}", one.key, wrong(one)?)));
        let message = format!("{} {} values of another type: {}", pairs(&those), verb(&those, "compare"), list(kinds));
        self.report(&CONDITION_OPERATOR, message, "use an operator of the key's type");
    }

    pub(super) fn matches_all(&mut self) {
        let those = self.those(matches_all);
        if !those.is_empty() {
            let message = format!("{} {} for every request", pairs(&those), verb(&those, "hold"));
            self.report(&CONDITION_MATCHES_ALL, message, "give the values that are meant, or leave the condition out");
        }
    }

    pub(super) fn values(&mut self) {
        let wrong: Vec<String> = self.comparisons.iter().flat_map(never_matching).collect();
        if !wrong.is_empty() {
            self.report(&CONDITION_VALUE, list_of_values(&wrong), "correct the value");
        }
    }
}

/// Whether the value takes in every request: of a key that a request may lack, a star says that it has to be there.
fn matches_all(one: &Comparison<'_>) -> bool {
    let any = |all: &[&str]| one.values.iter().any(|value| all.contains(&value.as_str()));
    match one.operator.plain {
        "IpAddress" => any(&["0.0.0.0/0", "::/0"]),
        "StringLike" => any(&["*"]) && one.is_always_there(),
        _ => false,
    }
}

fn list_of_values(wrong: &[String]) -> String {
    let (shown, more) = wrong.split_at(wrong.len().min(3));
    let more = if more.is_empty() { String::new() } else { format!("; and {} more", more.len()) };
    format!("a condition has a value that never matches: {}{more}", shown.join("; "))
}

fn never_matching(one: &Comparison<'_>) -> Vec<String> {
    let family = Family::of(one.operator.plain);
    let is_literal = ["StringEquals", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotEqualsIgnoreCase"]
        .contains(&one.operator.plain);
    let why = |value: &str| {
        if value.contains("${") {
            // What it is depends on the request.
            None
        } else if is_literal && value.contains(['*', '?']) {
            Some("its wildcard is taken as a character; StringLike takes wildcards")
        } else {
            family.refuses(value)
        }
    };
    let said = |value: &String| Some(format!("{} {} \"{}\": {}", one.text, one.key, cut(value), why(value)?));
    one.values.iter().filter_map(said).collect()
}

/// Seconds since 1970, or ISO 8601 as W3C profiles it: a year, perhaps a month and a day, perhaps a time with its zone.
fn is_date(value: &str) -> bool {
    if value.parse::<i64>().is_ok() {
        return true;
    }
    let (date, time) = value.split_once('T').map_or((value, None), |(date, time)| (date, Some(time)));
    let number = |text: &str, length: usize, range: std::ops::RangeInclusive<u32>| {
        text.len() == length
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse().is_ok_and(|number| range.contains(&number))
    };
    let is_date = match date.split('-').collect::<Vec<_>>().as_slice() {
        [year] => number(year, 4, 0..=9999),
        [year, month] => number(year, 4, 0..=9999) && number(month, 2, 1..=12),
        [year, month, day] => number(year, 4, 0..=9999) && number(month, 2, 1..=12) && number(day, 2, 1..=31),
        _ => false,
    };
    let is_hour = |hour: &str, minute: &str| number(hour, 2, 0..=23) && number(minute, 2, 0..=59);
    let is_time = |time: &str| {
        let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
        let (clock, zone) = time.split_at(zone);
        let zone_fits = match zone.get(1..).map(|zone| zone.split_once(':')) {
            None | Some(None) => zone == "Z",
            Some(Some((hour, minute))) => is_hour(hour, minute),
        };
        let clock_fits = match clock.split(':').collect::<Vec<_>>().as_slice() {
            [hour, minute] => is_hour(hour, minute),
            [hour, minute, second] => {
                let (whole, part) = second.split_once('.').unwrap_or((second, "0"));
                is_hour(hour, minute) && number(whole, 2, 0..=60) && part.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        };
        zone_fits && clock_fits
    };
    is_date && time.is_none_or(is_time)
}

fn is_ip_range(value: &str) -> bool {
    let (address, bits) = value.split_once('/').map_or((value, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_iso_8601() {
        for right in [
            "2026",
            "2026-11",
            "2026-11-26",
            "2026-11-26T12:00Z",
            "2026-11-26T12:00:00Z",
            "2026-11-26T12:00:00.5+01:00",
            "1795694400",
        ] {
            assert!(is_date(right), "{right}");
        }
        for wrong in [
            "",
            "tomorrow",
            "2026-13-01",
            "2026-11-32",
            "26-11-2026",
            "2026-11-26T",
            "2026-11-26T12:00:00",
            "2026-11-26 12:00Z",
            "2026-11-26T25:00Z",
            "2026-11-26T12:00:00ZZ",
        ] {
            assert!(!is_date(wrong), "{wrong}");
        }
    }

    #[test]
    fn ranges_have_an_address_and_bits_that_fit() {
        for right in ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "::1", "0.0.0.0/0", "2001:db8::/128"] {
            assert!(is_ip_range(right), "{right}");
        }
        for wrong in ["", "203.0.113", "203.0.113.0/33", "2001:db8::/129", "203.0.113.0/", "host"] {
            assert!(!is_ip_range(wrong), "{wrong}");
        }
    }

    #[test]
    fn operators_have_a_family() {
        let kind = |of| KeyType { of, several: false };
        let fits = |operator, of, value: &str| Family::of(operator).fits(kind(of), &[value.to_owned()]);
        assert!(fits("NotIpAddress", Of::IpAddress, "::1") && !fits("IpAddress", Of::String, "::1"));
        assert!(fits("DateLessThan", Of::Date, "2026") && fits("NumericLessThan", Of::Date, "5"));
        assert!(fits("StringLike", Of::Arn, "arn:*") && !fits("StringEquals", Of::Bool, "true"));
        assert!(fits("ArnLike", Of::String, "arn:aws:iam::1:role/a") && !fits("ArnLike", Of::String, "a"));
        assert!(fits("Null", Of::Numeric, "true") && fits("BinaryEquals", Of::String, "QQ=="));
    }
}
