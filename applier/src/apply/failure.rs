//! Why an action of a plan failed.

use bundle_schema::escape::{Escaped, EscapedWhole};
use bundle_schema::limits::MAX_ERROR_CHARS;

use crate::account::AwsError;
use crate::apply::deployment::DeploymentError;
use crate::apply::issuer_check::IssuerError;

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ActionError {
    /// AWS refused it, or did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// CloudFront does not serve yet what was made.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
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
    /// The call was left out because the run had stopped for another reason.
    pub(crate) fn is_consequence(&self) -> bool {
        matches!(self, Self::Aws(AwsError::Stopped { .. }))
    }

    /// Somebody else changed what the plan was made for; AWS itself did nothing wrong.
    pub(crate) fn is_somebody_else(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Taken { .. })
    }
}

/// An error as a receipt has it: line by line, nothing in it that cannot be seen, and not longer than a receipt's reader takes.
pub(crate) fn error_text(error: &ActionError) -> String {
    let text = error.to_string();
    let lines: Vec<String> = text.split('\n').map(|line| EscapedWhole(line).to_string()).collect();
    lines.join("\n").chars().take(MAX_ERROR_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::answered;

    #[test]
    fn an_error_is_as_a_receipt_takes_it() {
        let hostile = answered("s3:PutObject", 503, "Slow\u{1b}Down", "a\r\nb\u{2028}");
        assert_eq!(
            error_text(&hostile.into()),
            "s3:PutObject failed: Slow\\u{1b}Down (a\\u{d}\\u{a}b\\u{2028}, HTTP 503, request r-1)"
        );
        let denied = answered("iam:TagRole", 403, "AccessDenied", "no").into();
        assert_eq!(error_text(&denied), denied.to_string(), "what to do stands in lines of its own");
        let long = answered("s3:PutObject", 503, "SlowDown", &"\u{e000}".repeat(3_000)).into();
        assert_eq!(error_text(&long).chars().count(), MAX_ERROR_CHARS);
    }
}
