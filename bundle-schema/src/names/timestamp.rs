//! Points in time as the bundle has them: whole seconds, UTC, RFC 3339 with `Z`.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z, between the years 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// Text or a number that is no point in time of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid time \"{}\": must have the form 2026-01-31T12:00:00Z", crate::escape::Escaped(.0))]
pub struct TimestampError(String);

const LAST: i64 = 253_402_300_799;
const DAY: i64 = 86_400;

impl Timestamp {
    /// From seconds since 1970, as `SOURCE_DATE_EPOCH` has them.
    pub fn from_unix(seconds: i64) -> Result<Self, TimestampError> {
        if (0..=LAST).contains(&seconds) { Ok(Self(seconds)) } else { Err(TimestampError(seconds.to_string())) }
    }

    /// From RFC 3339 in UTC without fractions.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let refused = || TimestampError(text.to_owned());
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| refused())?;
        let timestamp = Self::from_unix(parsed.unix_timestamp())?;
        if timestamp.to_string() == text { Ok(timestamp) } else { Err(refused()) }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0
    }

    /// `20261123T221708Z`, for the names of files: no colon, which some file systems refuse.
    #[must_use]
    pub fn compact(self) -> String {
        self.to_string().chars().filter(char::is_ascii_alphanumeric).collect()
    }

    /// This many days later; at most the end of the year 9999.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self((self.0 + i64::from(days) * DAY).min(LAST))
    }

    /// Whole days from `earlier` to here; negative where that is later.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).div_euclid(DAY)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp(self.0).ok().and_then(|time| time.format(&Rfc3339).ok());
        f.write_str(&text.unwrap_or_default())
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;
    fn try_from(text: String) -> Result<Self, TimestampError> {
        Self::parse(&text)
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> String {
        timestamp.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_second() {
        let time = Timestamp::parse("2026-11-23T22:17:08Z").unwrap();
        assert_eq!((time.unix(), time.to_string().as_str()), (1_795_472_228, "2026-11-23T22:17:08Z"));
        for wrong in [
            "2026-11-23T22:17:08+00:00",
            "2026-11-23T22:17:08.5Z",
            "2026-11-23t22:17:08z",
            "2026-11-31T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "",
        ] {
            assert!(Timestamp::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(time.plus_days(30).to_string(), "2026-12-23T22:17:08Z");
        assert_eq!(time.plus_days(30).days_since(time), 30);
    }
}
