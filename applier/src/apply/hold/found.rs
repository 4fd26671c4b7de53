//! What is found where a record is to be written: the provider that holds it, another version, or another run's.
//!
//! Input: answers from AWS, which are untrusted: what is shown is escaped.

use bundle_schema::escape::Escaped;
use bundle_schema::names::ClusterName;

use super::{LOOKS, SETTLE};
use crate::account::AwsError;
use crate::account::live::{LiveRecord, ReadAccount};
use crate::apply::failure::ActionError;
use crate::record::MadeProvider;

/// A provider that this run has made, as soon as IAM shows it.
pub(super) async fn new_provider(account: &impl ReadAccount, arn: &str) -> Result<MadeProvider, AwsError> {
    for _ in 0..LOOKS {
        if let Some(provider) = account.provider(arn).await? {
            return Ok(MadeProvider::from(&provider));
        }
        tokio::time::sleep(SETTLE).await;
    }
    Err(AwsError::Unusable {
        call: "iam:GetOpenIDConnectProvider",
        reason: "what was made is not there 10 seconds later",
    })
}

pub(super) fn is_other_version(error: &AwsError) -> bool {
    let codes = ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "NoSuchBucket"];
    error.code().is_some_and(|code| codes.contains(&code))
}

pub(super) fn taken(cluster: &ClusterName, found: Option<LiveRecord>) -> ActionError {
    let by = match found.map(|found| found.content) {
        Some(Ok(record)) => format!(
            "serial {}, {}, {}, by {}",
            record.serial,
            record.state.word(),
            record.time,
            Escaped(&record.caller)
        ),
        Some(Err(error)) => format!("not what this program writes: {}", Escaped(&error.to_string())),
        None => "gone".to_owned(),
    };
    ActionError::Taken { cluster: cluster.to_string(), by }
}
