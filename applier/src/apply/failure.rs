//! How one action of a plan ended.

use std::fmt;

use bundle_schema::escape::Escaped;
use serde::{Serialize, Serializer};

use crate::account::AwsError;
use crate::apply::issuer_check::IssuerError;

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ActionError {
    /// AWS refused it, or did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// What was published cannot be read by the public, or is not what was signed.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Something else stands where the plan saw nothing, or saw something else.
    #[error("{} was changed by somebody else during this run\n  run it again to make a new plan", Escaped(.resource))]
    Changed {
        /// The resource's ARN.
        resource: String,
    },
    /// Another run writes the record.
    #[error(
        "another run is under way or has just ended: the record of {cluster} is now: {by}\n  this one stopped at once: when the other has ended, look at a new plan"
    )]
    Taken {
        /// The cluster's name.
        cluster: String,
        /// What the record says now, escaped.
        by: String,
    },
    /// The task ended without an answer.
    #[error("{} was interrupted", Escaped(.resource))]
    CutOff {
        /// The resource's ARN.
        resource: String,
    },
}

impl ActionError {
    /// Somebody else changed what the plan was made for; AWS itself did nothing wrong.
    pub(crate) fn is_somebody_else(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Taken { .. })
    }
}

/// How one action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "error", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// AWS did it.
    Done,
    /// AWS had done it already: an answer was lost.
    AlreadyDone,
    /// It may or may not have been done; running it again finds out.
    #[serde(serialize_with = "message")]
    Failed(ActionError),
    /// It was not begun.
    NotReached,
}

fn message<S: Serializer>(error: &ActionError, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::AlreadyDone => "done already",
            Self::Failed(_) => "failed",
            Self::NotReached => "not reached",
        })
    }
}

/// How the last look at the issuer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "error", rename_all = "kebab-case")]
pub(crate) enum IssuerOutcome {
    /// The public reads what was signed.
    Done,
    /// It does not.
    #[serde(serialize_with = "message")]
    Failed(ActionError),
    /// Something else had failed, or the run was stopped.
    NotReached,
    /// `--skip-issuer-check`.
    Skipped,
    /// There is to be none: the receipt has no such field.
    Deleted,
}

impl IssuerOutcome {
    pub(crate) fn is_deleted(&self) -> bool {
        *self == Self::Deleted
    }
}
