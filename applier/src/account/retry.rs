//! When a call is sent again, and when not: pure, so that it can be read and tested.
//!
//! Sources: IAM, S3 and CloudFront error references; IAM is eventually consistent, so what was just made may not be there yet for
//! the next call. `LimitExceeded` is never retried: in IAM it is a quota, not a rate. What is throttled waits for its turn instead
//! (see `pace`), and is no fault that counts here.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::error::AwsError;

/// The pauses before the second to the sixth attempt.
const PAUSES_MS: [u64; 5] = [200, 600, 1_800, 5_000, 10_000];
/// How often the first call of all is sent again that got no answer: a wrong endpoint should not take long to show.
const FIRST_CALLS: u32 = 2;
/// No attempt begins later than this after the first.
const DEADLINE: Duration = Duration::from_secs(45);

/// How often a call is sent that is sent once, where it is throttled.
pub(super) const FEW: u32 = 6;
/// How much longer each pause is than the one before, where an urgent call is throttled; and the longest.
const SOON: Duration = Duration::from_millis(250);
const LATEST: Duration = Duration::from_secs(1);

/// Load, a change under way, or a fault on the other side: sending again helps.
const TRANSIENT: &[&str] = &[
    "ConcurrentModification",
    "ConcurrentModificationException",
    "ConditionalRequestConflict",
    // IAM may not know everywhere yet that what was on the role is gone.
    "DeleteConflict",
    "DeleteConflictException",
    "EntityTemporarilyUnmodifiable",
    "InternalError",
    "InternalFailure",
    // IAM reads the issuer as soon as it is public, and S3 may not serve it everywhere yet.
    "OpenIdIdpCommunicationError",
    "OpenIdIdpCommunicationErrorException",
    "OperationAborted",
    "PriorRequestNotComplete",
    "RequestTimeout",
    "ServiceFailure",
    "ServiceUnavailable",
];

/// How services say that they get too many requests [AWS general reference, API retries; S3 API reference, error responses].
const THROTTLING: &[&str] = &[
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
];

/// How long to wait before the next attempt, or `None` where there is none. `opened_block`: this run opened a bucket's public
/// access block.
pub(super) fn pause(
    error: &AwsError,
    writes: bool,
    opened_block: bool,
    attempt: u32,
    elapsed: Duration,
) -> Option<Duration> {
    let is_first = matches!(error, AwsError::NoAnswer { call: "sts:GetCallerIdentity", .. });
    let helps = is_transient(error) || (writes && is_not_yet_visible(error, opened_block));
    if is_first && attempt > FIRST_CALLS {
        return None;
    }
    let index = usize::try_from(attempt).ok()?.checked_sub(1)?;
    let pause = Duration::from_millis(*PAUSES_MS.get(index)?);
    let pause = spread(pause);
    (helps && elapsed + pause <= DEADLINE).then_some(pause)
}

/// Whether a code says that there were too many requests.
pub(super) fn is_throttling(code: &str) -> bool {
    THROTTLING.contains(&code)
}

/// How long an urgent call waits that was throttled: it goes before all others, but takes its service some time to fill up again.
pub(super) fn pause_of_urgent(attempt: u32) -> Duration {
    spread(SOON.saturating_mul(attempt).min(LATEST))
}

/// What to tell a person who waits for something that often takes a while.
pub(super) fn waiting_for(error: &AwsError) -> Option<&'static str> {
    match error.code()? {
        "AccessDenied" => Some(
            "waiting up to 20 seconds: S3 refuses the bucket policy, as it does until the bucket's public access block is open everywhere",
        ),
        "OpenIdIdpCommunicationError" | "OpenIdIdpCommunicationErrorException" => {
            Some("waiting up to 20 seconds: IAM cannot read the issuer yet")
        }
        "OperationAborted" => Some("waiting up to 20 seconds: S3 is busy with another change of the bucket"),
        _ => None,
    }
}

fn is_transient(error: &AwsError) -> bool {
    match error {
        AwsError::Answered { code, status, .. } => {
            code != "LimitExceeded" && (*status >= 500 || TRANSIENT.contains(&code.as_str()))
        }
        AwsError::NoAnswer { .. } => true,
        AwsError::NoCredentials { .. }
        | AwsError::NotSent { .. }
        | AwsError::Stopped { .. }
        | AwsError::Unusable { .. } => false,
    }
}

/// What was just made or changed and is not known everywhere yet: a bucket, its public access block, a role, a provider.
fn is_not_yet_visible(error: &AwsError, opened_block: bool) -> bool {
    let AwsError::Answered { call, code, message, .. } = error else { return false };
    match code.as_str() {
        // One that is deleted is not about to appear.
        "NoSuchBucket" => !call.starts_with("s3:Delete"),
        // Right after the public access block was opened, whatever the wording: an account-wide block says the same.
        "AccessDenied" => opened_block && *call == "s3:PutBucketPolicy",
        "MalformedPolicyDocument" => message.contains("nvalid principal"),
        // The one call that follows a create; anywhere else it is a boundary that does not exist.
        "NoSuchEntity" => *call == "iam:PutRolePolicy",
        // The access control that was made, or the distribution that was disabled or deleted, right before.
        "InvalidOriginAccessControl" | "DistributionNotDisabled" | "OriginAccessControlInUse" => true,
        // The policies that were removed right before.
        "DeleteConflict" => *call == "iam:DeleteRole",
        _ => false,
    }
}

/// Up to a fifth longer, so that calls that failed together do not come back together.
fn spread(pause: Duration) -> Duration {
    static TURN: AtomicU32 = AtomicU32::new(0);
    pause + pause * (TURN.fetch_add(1, Ordering::Relaxed) % 10) / 50
}

#[cfg(test)]
mod tests {
    use super::super::error::answered;
    use super::*;

    fn is_retried(status: u16, code: &str, message: &str, writes: bool) -> bool {
        pause(&answered("iam:PutRolePolicy", status, code, message), writes, false, 1, Duration::ZERO).is_some()
    }

    #[test]
    fn only_what_may_pass_is_sent_again() {
        for (status, code, message, writes) in [
            (409, "ConcurrentModification", "", true),
            (409, "EntityTemporarilyUnmodifiable", "", true),
            (409, "DeleteConflict", "", true),
            (500, "ServiceFailure", "", false),
            (503, "ServiceUnavailable", "", false),
            (404, "NoSuchEntity", "", true),
            (404, "NoSuchBucket", "", true),
            (409, "ConditionalRequestConflict", "", true),
            (400, "OpenIdIdpCommunicationError", "", true),
            (400, "MalformedPolicyDocument", "Invalid principal in policy: \"FEDERATED\":\"x\"", true),
        ] {
            assert!(is_retried(status, code, message, writes), "{code}");
        }
        for (status, code, message, writes) in [
            (409, "LimitExceeded", "", true),
            (404, "NoSuchEntity", "", false),
            (400, "MalformedPolicyDocument", "syntax error", true),
            (403, "AccessDenied", "", true),
            (409, "EntityAlreadyExists", "", true),
            (412, "PreconditionFailed", "", true),
        ] {
            assert!(!is_retried(status, code, message, writes), "{code}");
        }
        let gone = answered("s3:DeleteBucket", 404, "NoSuchBucket", "");
        assert_eq!(pause(&gone, true, false, 1, Duration::ZERO), None, "that it is gone is what was wanted");
        let policy = answered("s3:PutBucketPolicy", 403, "AccessDenied", "with an explicit deny");
        assert!(pause(&policy, true, true, 1, Duration::ZERO).is_some(), "the block was opened a moment ago");
        assert!(pause(&policy, true, false, 1, Duration::ZERO).is_none());
        let removed = answered("iam:DeleteRole", 409, "DeleteConflict", "must delete policies first");
        assert!(pause(&removed, true, false, 1, Duration::ZERO).is_some(), "its policies were removed a moment ago");
        let no_boundary = answered("iam:CreateRole", 404, "NoSuchEntity", "Scope ARN does not exist");
        assert_eq!(pause(&no_boundary, true, false, 1, Duration::ZERO), None);
    }

    #[test]
    fn too_many_requests_are_no_fault() {
        for (status, code, is) in [
            (400, "Throttling", true),
            (400, "RequestLimitExceeded", true),
            (503, "SlowDown", true),
            (503, "no code", true),
            (429, "x", true),
            (503, "ServiceUnavailable", false),
            (500, "no code", false),
            (409, "LimitExceeded", false),
        ] {
            assert_eq!(answered("iam:GetRole", status, code, "").is_throttled(), is, "{status} {code}");
        }
        let silence = AwsError::NoAnswer { call: "iam:GetRole", reason: "refused".to_owned(), attempts: 1 };
        assert!(!silence.is_throttled());
    }

    #[test]
    fn an_urgent_call_is_not_far_behind() {
        let pauses: Vec<u128> = (1..=9).map(|attempt| pause_of_urgent(attempt).as_millis()).collect();
        let least = [250, 500, 750, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000];
        assert!(pauses.iter().zip(least).all(|(pause, least)| (least..=least * 6 / 5).contains(pause)), "{pauses:?}");
    }

    #[test]
    fn a_wrong_endpoint_shows_soon() {
        let silence = |call| AwsError::NoAnswer { call, reason: "refused".to_owned(), attempts: 1 };
        let is_sent_again = |call, attempt| pause(&silence(call), false, false, attempt, Duration::ZERO).is_some();
        assert!(is_sent_again("sts:GetCallerIdentity", 2) && !is_sent_again("sts:GetCallerIdentity", 3));
        assert!(is_sent_again("iam:GetRole", 5) && !is_sent_again("iam:GetRole", 6));
    }

    #[test]
    fn attempts_and_time_are_bounded() {
        let slow = answered("iam:X", 503, "ServiceUnavailable", "");
        let all: Duration = (1..=5).map(|attempt| pause(&slow, true, false, attempt, Duration::ZERO).unwrap()).sum();
        assert!(all >= Duration::from_millis(17_600) && all <= Duration::from_millis(21_120), "{all:?}");
        assert_eq!(pause(&slow, true, false, 6, Duration::ZERO), None);
        assert_eq!(pause(&slow, true, false, 5, Duration::from_secs(40)), None);
    }
}
