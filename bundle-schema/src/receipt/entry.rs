//! One action of a receipt: what was to be done, and what came of it.
//!
//! An action that was reached has times, attempts and request IDs; one that was not has none of them; one that failed has an
//! error. The types say so, and JSON that says otherwise is refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CallName;
use crate::limits::MAX_REQUEST_IDS;
use crate::names::{Timestamp, name};

name! {
    /// What AWS calls an answer, such as `x-amzn-RequestId` has it: CloudTrail and AWS support find the call by it.
    RequestId, "request ID", |value| {
        let fits = (1..=128).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(()) } else { Err("must have 1 to 128 characters of printable ASCII without spaces") }
    }
}

/// What a call does to its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there.
    Create,
    /// It was there, and other than it should be.
    Update,
    /// It goes.
    Delete,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

/// What was sent for an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// When it began, by the applier's clock.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Writing calls that were sent, those included whose answer never came.
    pub attempts: u32,
    /// Of the answers to them, in order, errors included; at most [`MAX_REQUEST_IDS`].
    pub request_ids: Vec<RequestId>,
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// AWS did it.
    Done(Sent),
    /// AWS had done it already: an answer was lost.
    AlreadyDone(Sent),
    /// It may or may not have been done.
    Failed {
        /// Why, and what to do, line by line.
        error: String,
        /// What was sent.
        sent: Sent,
    },
    /// It was not begun.
    NotReached,
}

impl Outcome {
    /// What was sent, where it was begun.
    #[must_use]
    pub fn sent(&self) -> Option<&Sent> {
        match self {
            Self::Done(sent) | Self::AlreadyDone(sent) | Self::Failed { sent, .. } => Some(sent),
            Self::NotReached => None,
        }
    }

    /// Whether the account is as the action wants it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_) | Self::AlreadyDone(_))
    }

    /// Whether it failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "done",
            Self::AlreadyDone(_) => "done already",
            Self::Failed { .. } => "failed",
            Self::NotReached => "not reached",
        })
    }
}

/// One action of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireEntry", into = "WireEntry")]
pub struct Entry {
    /// What it does.
    pub change: Change,
    /// What is sent.
    pub call: CallName,
    /// The ARN of what it changes.
    pub resource: String,
    /// How it ended.
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireOutcome {
    Done,
    AlreadyDone,
    Failed,
    NotReached,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an action")]
struct WireEntry {
    change: Change,
    call: CallName,
    resource: String,
    outcome: WireOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_ids: Option<Vec<RequestId>>,
}

/// Why the fields of an action do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum EntryError {
    #[error(
        "an action that was reached has \"began\", \"ended\", \"attempts\" and \"requestIds\"; one that was not has none"
    )]
    Sent,
    #[error("an action has an \"error\" exactly if it failed")]
    Error,
    #[error("an action ended at {ended}, before it began at {began}")]
    Times { began: Timestamp, ended: Timestamp },
    #[error("an action has {found} request IDs; at most {MAX_REQUEST_IDS} are allowed")]
    TooManyIds { found: usize },
    #[error("an action has {found} request IDs of {attempts} attempts")]
    MoreIdsThanAttempts { found: usize, attempts: u32 },
}

impl TryFrom<WireEntry> for Entry {
    type Error = EntryError;

    fn try_from(wire: WireEntry) -> Result<Self, EntryError> {
        let WireEntry { change, call, resource, outcome, error, began, ended, attempts, request_ids } = wire;
        let sent = match (began, ended, attempts, request_ids) {
            (Some(began), Some(ended), Some(attempts), Some(request_ids)) => {
                Some(Sent { began, ended, attempts, request_ids }.checked()?)
            }
            (None, None, None, None) => None,
            _ => return Err(EntryError::Sent),
        };
        let outcome = match (outcome, error, sent) {
            (WireOutcome::Done, None, Some(sent)) => Outcome::Done(sent),
            (WireOutcome::AlreadyDone, None, Some(sent)) => Outcome::AlreadyDone(sent),
            (WireOutcome::NotReached, None, None) => Outcome::NotReached,
            (WireOutcome::Failed, Some(error), Some(sent)) => Outcome::Failed { error, sent },
            (WireOutcome::Failed, None, _) | (_, Some(_), _) => return Err(EntryError::Error),
            _ => return Err(EntryError::Sent),
        };
        Ok(Self { change, call, resource, outcome })
    }
}

impl Sent {
    fn checked(self) -> Result<Self, EntryError> {
        let Self { began, ended, attempts, request_ids } = &self;
        let found = request_ids.len();
        if ended < began {
            return Err(EntryError::Times { began: *began, ended: *ended });
        }
        if found > MAX_REQUEST_IDS {
            return Err(EntryError::TooManyIds { found });
        }
        if u32::try_from(found).is_ok_and(|found| found > *attempts) {
            return Err(EntryError::MoreIdsThanAttempts { found, attempts: *attempts });
        }
        Ok(self)
    }
}

impl From<Entry> for WireEntry {
    fn from(entry: Entry) -> Self {
        let Entry { change, call, resource, outcome } = entry;
        let (outcome, error, sent) = match outcome {
            Outcome::Done(sent) => (WireOutcome::Done, None, Some(sent)),
            Outcome::AlreadyDone(sent) => (WireOutcome::AlreadyDone, None, Some(sent)),
            Outcome::Failed { error, sent } => (WireOutcome::Failed, Some(error), Some(sent)),
            Outcome::NotReached => (WireOutcome::NotReached, None, None),
        };
        let (began, ended) = sent.as_ref().map(|sent| (sent.began, sent.ended)).unzip();
        let (attempts, request_ids) = sent.map(|sent| (sent.attempts, sent.request_ids)).unzip();
        Self { change, call, resource, outcome, error, began, ended, attempts, request_ids }
    }
}
