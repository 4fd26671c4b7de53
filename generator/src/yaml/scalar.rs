//! What a plain scalar means, where readers of YAML disagree about it.
//!
//! YAML 1.1 and 1.2, and the readers that mix them, take `no`, `010`, `12:30` or `1_000` for a boolean, a number or text.
//! What they agree on keeps its meaning; the rest is [`Plain::Ambiguous`] and must be quoted. Sources: YAML 1.1 type
//! repository (bool, int, float, null, timestamp, value, merge); YAML 1.2.2, section 10.3.2.

/// What a plain (not quoted) scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    /// Empty, `~` or `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number in the one spelling that every reader takes for the same.
    Integer(i64),
    /// Something that readers take for different things.
    Ambiguous,
    /// Text, to every reader.
    Text,
}

impl Plain {
    /// What a plain scalar of this text is.
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "true" | "True" | "TRUE" => return Self::Boolean(true),
            "false" | "False" | "FALSE" => return Self::Boolean(false),
            "=" | "<<" => return Self::Ambiguous,
            _ => {}
        }
        if ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text))
        {
            return Self::Ambiguous;
        }
        if let Ok(number) = text.parse::<i64>()
            && number.to_string() == text
        {
            return Self::Integer(number);
        }
        if looks_like_number(text) || looks_like_time(text) { Self::Ambiguous } else { Self::Text }
    }
}

/// Decimal, octal, hexadecimal, binary, base 60, with `_`, with a fraction, with an exponent, infinite, or no number.
fn looks_like_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    if [".inf", ".nan"].iter().any(|word| word.eq_ignore_ascii_case(unsigned)) {
        return true;
    }
    let lower = unsigned.to_ascii_lowercase();
    if let Some(digits) = ["0x", "0o", "0b"].iter().find_map(|prefix| lower.strip_prefix(prefix)) {
        return !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    let (mantissa, exponent) = lower.split_once('e').map_or((lower.as_str(), None), |(m, e)| (m, Some(e)));
    let is_exponent = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && mantissa.bytes().all(|byte| byte.is_ascii_digit() || b"_:.".contains(&byte))
        && mantissa.bytes().filter(|byte| *byte == b'.').count() <= 1
        && exponent.is_none_or(is_exponent)
}

/// `2026-01-31`, alone or with a time behind it.
fn looks_like_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((year, rest)) = bytes.split_at_checked(4) else { return false };
    year.iter().all(u8::is_ascii_digit)
        && matches!(rest, [b'-', month, ..] if month.is_ascii_digit())
        && rest.iter().all(|byte| byte.is_ascii_digit() || b"-:.+TtZz \t".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_readers_agree_on_keeps_its_meaning() {
        for (text, plain) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("true", Plain::Boolean(true)),
            ("FALSE", Plain::Boolean(false)),
            ("0", Plain::Integer(0)),
            ("-5", Plain::Integer(-5)),
            ("123456789012", Plain::Integer(123_456_789_012)),
        ] {
            assert_eq!(Plain::of(text), plain, "{text:?}");
        }
    }

    #[test]
    fn what_they_disagree_on_is_ambiguous() {
        for text in [
            "no",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "yes",
            "tRUE",
            "nUll",
            "010",
            "012345678901",
            "08",
            "0x1F",
            "0o17",
            "0b01",
            "1_000",
            "12:30",
            "190:20:30",
            "190:20:30.15",
            "1.5",
            "1.",
            ".5",
            "1e3",
            "1.5E+3",
            "-0",
            "+1",
            ".inf",
            "-.Inf",
            ".NaN",
            "2026-01-31",
            "2026-1-2",
            "2026-01-31T12:00:00Z",
            "2026-01-31 12:00:00 +1",
            "=",
            "<<",
            "99999999999999999999",
        ] {
            assert_eq!(Plain::of(text), Plain::Ambiguous, "{text:?}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            "ec2:Describe*",
            "10.0.0.1",
            "10.0.0.0/16",
            "v1",
            "a",
            "e3",
            "-",
            ".",
            "..",
            "+",
            "nope",
            "12 monkeys",
            "0xyz",
            "1e",
            "2026-Q1",
            "aws:RequestTag/x",
            "*",
            "system:serviceaccount:a:b",
            "_",
            "3scale",
        ] {
            assert_eq!(Plain::of(text), Plain::Text, "{text:?}");
        }
    }
}
