//! The findings that somebody took responsibility for: the file of `--accepted`.
//!
//! Input: JSON of any layout that the reviewer keeps, parsed strictly, and the findings of a review. Output: the same
//! findings, those that are accepted marked so, and a finding for each entry that has expired or accepts nothing.

use bundle_schema::escape::Escaped;
use bundle_schema::json::{JsonError, parse_any_layout};
use bundle_schema::names::Timestamp;
use serde::Deserialize;

use super::findings::rules;
use super::report::{Acceptance, Finding};

/// The file, in bytes: some thousand entries.
pub const MAX_ACCEPTED_BYTES: u64 = 1024 * 1024;

/// Why a file of accepted findings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptedError {
    /// Not the JSON that it should be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A date that is none.
    #[error("accepted[{entry}].until is \"{}\"; it must be a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z", Escaped(.value))]
    Until {
        /// Which entry, from 0.
        entry: usize,
        /// What stands there.
        value: String,
    },
    /// Nobody, or no reason.
    #[error("accepted[{entry}].{field} is empty\n  say who accepted the finding, and why")]
    Empty {
        /// Which entry, from 0.
        entry: usize,
        /// The field.
        field: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFile {
    accepted: Vec<WireEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    id: String,
    role: Option<String>,
    statement: Option<usize>,
    by: String,
    reason: String,
    until: String,
}

/// One entry of the file: the findings with this ID, of this role, of this statement or of any.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    id: String,
    role: Option<String>,
    statement: Option<usize>,
    acceptance: Acceptance,
}

impl Entry {
    fn accepts(&self, finding: &Finding) -> bool {
        self.id == finding.id
            && self.role == finding.role
            && (self.statement.is_none() || self.statement == finding.statement)
    }
}

/// The findings that are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    entries: Vec<Entry>,
}

impl Accepted {
    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, AcceptedError> {
        let WireFile { accepted } = parse_any_layout(bytes)?;
        let entry = |(number, entry): (usize, WireEntry)| {
            let WireEntry { id, role, statement, by, reason, until } = entry;
            let empty = [("by", &by), ("reason", &reason)].into_iter().find(|(_, text)| text.trim().is_empty());
            if let Some((field, _)) = empty {
                return Err(AcceptedError::Empty { entry: number, field });
            }
            let until = end_of(&until).ok_or(AcceptedError::Until { entry: number, value: until })?;
            Ok(Entry { id, role, statement, acceptance: Acceptance { by, reason, until } })
        };
        Ok(Self { entries: accepted.into_iter().enumerate().map(entry).collect::<Result<_, _>>()? })
    }

    /// Marks what is accepted, and adds what is wrong with the file.
    pub(crate) fn mark(&self, findings: &mut Vec<Finding>, now: Timestamp) {
        let mut more = Vec::new();
        for entry in &self.entries {
            let expired = entry.acceptance.until <= now;
            let mut used = false;
            for finding in findings.iter_mut().filter(|finding| entry.accepts(finding)) {
                used = true;
                if !expired && finding.accepted.is_none() {
                    finding.accepted = Some(entry.acceptance.clone());
                }
            }
            let Entry { id, role, statement, acceptance: Acceptance { by, until, .. } } = entry;
            let (rule, message, advice) = match (used, expired) {
                (true, false) => continue,
                (true, true) => (
                    rules::ACCEPTED_EXPIRED,
                    format!("{id} was accepted by {by} until {until}, which has passed"),
                    "decide again, and write down until when, or have the request changed",
                ),
                (false, _) => (
                    rules::ACCEPTED_UNUSED,
                    format!("{id}, accepted by {by}, is found nowhere: it is solved, or misspelled"),
                    "take the entry out of the file of accepted findings, or correct it",
                ),
            };
            let finding = rule.about_bundle(message, advice);
            more.push(Finding { role: role.clone(), statement: *statement, ..finding });
        }
        findings.extend(more);
    }
}

/// A time, or the end of a day in UTC.
fn end_of(until: &str) -> Option<Timestamp> {
    if until.len() == "2027-01-31".len() {
        return Some(Timestamp::parse(&format!("{until}T00:00:00Z")).ok()?.plus_days(1));
    }
    Timestamp::parse(until).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::sample;

    /// Of each finding who accepted it, or what it says.
    fn marked(entry: &str, now: &str) -> Vec<String> {
        let accepted = Accepted::parse(format!("{{\"accepted\": [{entry}]}}").as_bytes()).unwrap();
        let mut findings = sample::review().findings;
        for finding in &mut findings {
            finding.accepted = None;
        }
        accepted.mark(&mut findings, Timestamp::parse(now).unwrap());
        let text = |finding: Finding| finding.accepted.map_or(finding.message, |a| format!("accepted by {}", a.by));
        findings.into_iter().map(text).collect()
    }

    const ENTRY: &str = r#"{"id": "airlock/not-action", "role": "prod-a-kube-system-odd", "by": "Ada", "reason": "a test", "until": "2026-12-31"}"#;

    #[test]
    fn an_accepted_finding_is_marked_until_the_end_of_the_day() {
        assert_eq!(marked(ENTRY, "2026-12-31T23:59:59Z")[0], "accepted by Ada");
        assert_eq!(marked(ENTRY, "2026-12-31T23:59:59Z").len(), 3);
        let expired = marked(ENTRY, "2027-01-01T00:00:00Z");
        assert_eq!(expired[0], "it allows every action but iam:*, also those that AWS adds later");
        assert_eq!(expired[3], "airlock/not-action was accepted by Ada until 2027-01-01T00:00:00Z, which has passed");
        let other = ENTRY.replace("\"by\"", "\"statement\": 2, \"by\"");
        assert_eq!(
            marked(&other, "2026-12-01T00:00:00Z")[3],
            "airlock/not-action, accepted by Ada, is found nowhere: it is solved, or misspelled"
        );
        assert_eq!(marked(&other.replace(": 2", ": 1"), "2026-12-01T00:00:00Z")[0], "accepted by Ada");
        // Without a role it is about findings of no role.
        let bundle = r#"{"id": "airlock/long-validity", "by": "Ada", "reason": "x", "until": "2026-12-31T12:00:00Z"}"#;
        assert_eq!(marked(bundle, "2026-12-31T11:59:59Z")[2], "accepted by Ada");
    }

    #[test]
    fn a_file_that_is_none_is_refused() {
        let error = |text: &str| Accepted::parse(text.as_bytes()).unwrap_err().to_string();
        let with = |from: &str, to: &str| error(&format!("{{\"accepted\": [{}]}}", ENTRY.replace(from, to)));
        assert_eq!(
            with("2026-12-31", "soon"),
            "accepted[0].until is \"soon\"; it must be a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z"
        );
        assert_eq!(with("Ada", " "), "accepted[0].by is empty\n  say who accepted the finding, and why");
        assert!(with("\"by\"", "\"who\"").starts_with("unknown field `who`"), "{}", with("\"by\"", "\"who\""));
        assert_eq!(error("[]"), "an array stands at / where an object belongs");
    }
}
