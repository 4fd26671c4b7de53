//! One shape for every way in which a call to AWS fails.
//!
//! Input: the SDK's error; its texts come from the network and are untrusted. Output: what a person or a program
//! needs: call, code, message, request ID, and what to do where that is known.

mod cloudfront;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use bundle_schema::escape::{Escaped, EscapedUpTo};

use super::retry::is_throttling;

/// The longest message of AWS that is shown whole, in characters: a denial names its reason last, after several ARNs.
const MAX_MESSAGE: usize = 2048;

/// Why a call to AWS failed. Nothing of it was changed, or it may be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// AWS answered with an error.
    #[error(
        "{call} failed: {} ({}, HTTP {status}, request {}){}{}",
        Escaped(.code), EscapedUpTo(.message, MAX_MESSAGE), Escaped(.request_id), times(*.attempts), advice(.call, .code, .message)
    )]
    Answered {
        /// The call, as IAM policies name it.
        call: &'static str,
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
        /// What AWS support asks for.
        request_id: String,
        /// How often it was sent.
        attempts: u32,
        /// The region that S3 names as the bucket's.
        bucket_region: Option<String>,
    },
    /// No answer, or none that can be read; the call may have been carried out or not.
    #[error("{call} got no answer: {}{}\n  check the network and the endpoint", Escaped(.reason), times(*.attempts))]
    NoAnswer {
        /// The call, as IAM policies name it.
        call: &'static str,
        /// The SDK's reason.
        reason: String,
        /// How often it was sent.
        attempts: u32,
    },
    /// There are no credentials, or they cannot be loaded.
    #[error(
        "{call} was not sent, because there are no credentials: {}\n  give credentials: AWS_PROFILE (after `aws sso login`), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n  a profile of `aws login`, or with mfa_serial, is for the AWS CLI alone: use credential_process, or export what the CLI has: eval \"$(aws configure export-credentials --format env)\"", Escaped(.reason)
    )]
    NoCredentials {
        /// The call, as IAM policies name it.
        call: &'static str,
        /// The SDK's reason.
        reason: String,
    },
    /// The SDK could not make a request of the call.
    #[error("{call} was not sent: {}\n  check AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT and the profile", Escaped(.reason))]
    NotSent {
        /// The call, as IAM policies name it.
        call: &'static str,
        /// The SDK's reason.
        reason: String,
    },
    /// The run stopped while the call waited for its turn.
    #[error("{call} was not sent, because the run has stopped")]
    Stopped {
        /// The call, as IAM policies name it.
        call: &'static str,
    },
    /// An answer that lacks what it must have, or is larger than allowed.
    #[error("{call} gave an answer that cannot be used: {reason}")]
    Unusable {
        /// The call, as IAM policies name it.
        call: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

fn times(count: u32) -> String {
    if count > 1 { format!(", {count} times") } else { String::new() }
}

/// What to do about codes whose message does not say it.
fn advice(call: &str, code: &str, message: &str) -> String {
    match code {
        "InvalidClientTokenId" => "\n  check the credentials (log in again, or another AWS_PROFILE), and that the account has \
                                   enabled the bundle's region"
            .to_owned(),
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidAccessKeyId"
        | "UnrecognizedClientException"
        | "InvalidToken"
        | "TokenRefreshRequired" => {
            "\n  log in again (such as `aws login` or `aws sso login`), or give other credentials with AWS_PROFILE".to_owned()
        }
        "SignatureDoesNotMatch" => "\n  check AWS_SECRET_ACCESS_KEY and this host's clock".to_owned(),
        "RequestTimeTooSkewed" | "RequestExpired" => "\n  set this host's clock".to_owned(),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            let action = denied_action(message).unwrap_or(call);
            format!(
                "\n  allow {} to these credentials, and look for what denies it: a boundary, an SCP, the account's S3 block",
                Escaped(action)
            )
        }
        "OperationAborted" => "\n  S3 is still busy with another change of this bucket; after a deletion this can take an hour: \
                               wait, then run this again"
            .to_owned(),
        "OpenIdIdpCommunicationError" => "\n  IAM could not read the issuer: check that the public can read its documents (the \
                                          account's or the organisation's S3 block, the certificate, DNS), then run this again"
            .to_owned(),
        "DeleteConflict" | "DeleteConflictException" => {
            "\n  take the role out of its instance profiles, if no machine uses it (`aws iam list-instance-profiles-for-role`, `aws iam \
             remove-role-from-instance-profile`); a policy that was put on it since it was read is named by the next run"
                .to_owned()
        }
        "BucketNotEmpty" => {
            "\n  somebody has put an object into it since it was read: run this again, and it says which".to_owned()
        }
        "BucketHasAccessPointsAttached" => {
            "\n  delete the bucket's access points with `aws s3control delete-access-point`, then run this again".to_owned()
        }
        "NoSuchEntity" | "NoSuchBucket" | "NoSuchKey" if !needs_boundary(call) => {
            "\n  it was deleted in the meantime: look who else is changing this account, then run this again".to_owned()
        }
        code if is_throttling(code) => {
            "\n  this run or others use up the requests that the account may send: run this again later"
                .to_owned()
        }
        "LimitExceeded" => {
            "\n  the account's quota is used up: have it raised, or remove what is not in use".to_owned()
        }
        _ => cloudfront::advice(code).map(|advice| format!("\n  {advice}")).unwrap_or_default(),
    }
}

/// Whether a call names a permissions boundary, which is then what IAM does not find.
fn needs_boundary(call: &str) -> bool {
    ["iam:CreateRole", "iam:PutRolePermissionsBoundary"].contains(&call)
}

/// The action that AWS says is not allowed: `... is not authorized to perform: iam:TagRole on resource ...`.
fn denied_action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform")?;
    let action = rest.trim_start_matches([':', ' ']).split([' ', ',']).next()?;
    let (service, name) = action.split_once(':')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain(service) && plain(name)).then_some(action)
}

/// Why there are no credentials. The SDK says of a profile of `aws login` how it would have to be compiled.
fn why_none(reason: String) -> String {
    if reason.contains("credentials-login") { "the profile is one of `aws login`".to_owned() } else { reason }
}

impl AwsError {
    pub(super) fn of<E>(call: &'static str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => Self::of_answer(call, answer.raw(), error.meta(), error.request_id()),
            _ => Self::of_none(call, error, matches!(error, SdkError::ConstructionFailure(_))),
        }
    }

    fn of_answer(call: &'static str, raw: &HttpResponse, said: &ErrorMetadata, request_id: Option<&str>) -> Self {
        if raw.status().is_success() {
            return Self::Unusable { call, reason: "it is not in the service's format" };
        }
        Self::Answered {
            call,
            status: raw.status().as_u16(),
            // A HEAD request's error has no body, so no code.
            code: said.code().unwrap_or("no code").to_owned(),
            message: said.message().unwrap_or("no message").to_owned(),
            request_id: request_id.unwrap_or("unknown").to_owned(),
            attempts: 1,
            bucket_region: raw.headers().get("x-amz-bucket-region").map(str::to_owned),
        }
    }

    fn of_none(call: &'static str, error: &(dyn std::error::Error + 'static), is_construction: bool) -> Self {
        let reason = innermost(error);
        match (is_about_credentials(error), is_construction) {
            (true, _) => Self::NoCredentials { call, reason: why_none(reason) },
            (false, true) => Self::NotSent { call, reason },
            (false, false) => Self::NoAnswer { call, reason, attempts: 1 },
        }
    }

    pub(super) fn after(mut self, count: u32) -> Self {
        match &mut self {
            Self::Answered { attempts, .. } | Self::NoAnswer { attempts, .. } => *attempts = count,
            Self::NoCredentials { .. } | Self::NotSent { .. } | Self::Stopped { .. } | Self::Unusable { .. } => {}
        }
        self
    }

    /// Whether nothing left this host.
    pub(super) fn is_not_sent(&self) -> bool {
        matches!(self, Self::NoCredentials { .. } | Self::NotSent { .. } | Self::Stopped { .. })
    }

    /// Whether there were too many requests, so that nothing was done and the call may be sent when it is its turn.
    pub(super) fn is_throttled(&self) -> bool {
        match self {
            // S3 answers SlowDown with this status, and to a HEAD request with the status alone.
            Self::Answered { code, status, .. } => {
                is_throttling(code) || *status == 429 || (*status == 503 && code == "no code")
            }
            _ => false,
        }
    }

    /// Whether the service said anything.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::Unusable { .. })
    }

    /// Whether a bucket cannot be made with tags: a right is missing, or the endpoint is older than that.
    pub(crate) fn refuses_tags(&self) -> bool {
        match self {
            Self::Answered { code, message, .. } => {
                (code == "AccessDenied" && message.contains("s3:TagResource"))
                    || ["MalformedXML", "NotImplemented"].contains(&code.as_str())
            }
            _ => false,
        }
    }

    /// AWS's code, where AWS answered.
    pub(crate) fn code(&self) -> Option<&str> {
        if let Self::Answered { code, .. } = self { Some(code) } else { None }
    }

    /// Turns the answer that something is not there into its absence.
    pub(super) fn absent<T>(self, codes: &[&str]) -> Result<Option<T>, Self> {
        match self.code() {
            Some(code) if codes.contains(&code) => Ok(None),
            _ => Err(self),
        }
    }
}

fn is_about_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |cause| cause.source());
    causes.any(<dyn std::error::Error>::is::<CredentialsError>)
}

/// The cause that says most, in its first line: the SDK's outer errors say only "dispatch failure".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let text = deepest.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_end_matches("Attempted:").trim_end_matches([' ', '.']).to_owned()
}

#[cfg(test)]
pub(crate) fn answered(call: &'static str, status: u16, code: &str, message: &str) -> AwsError {
    AwsError::Answered {
        call,
        status,
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: "r-1".to_owned(),
        attempts: 1,
        bucket_region: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_is_shown_escaped_with_what_to_do() {
        assert_eq!(
            answered("iam:GetRole", 403, "AccessDenied", "no\u{1b}[2J").to_string(),
            "iam:GetRole failed: AccessDenied (no\\u{1b}[2J, HTTP 403, request r-1)\n  allow iam:GetRole to these credentials, and look for what denies it: a boundary, an SCP, the account's S3 block"
        );
        // The reason stands at the end, behind long ARNs.
        let arn = format!("arn:aws:sts::123456789012:assumed-role/{}/session", "r".repeat(200));
        let message = format!(
            "User: {arn} is not authorized to perform: iam:TagRole on resource: role x with an explicit deny in a service control policy"
        );
        assert_eq!(
            answered("iam:CreateRole", 403, "AccessDenied", &message).to_string(),
            format!(
                "iam:CreateRole failed: AccessDenied ({message}, HTTP 403, request r-1)\n  allow iam:TagRole to these credentials, and look for what denies it: a boundary, an SCP, the account's S3 block"
            )
        );
        assert_eq!(
            answered("iam:DeleteRole", 409, "DeleteConflict", "x").after(6).to_string(),
            "iam:DeleteRole failed: DeleteConflict (x, HTTP 409, request r-1), 6 times\n  take the role out of its instance profiles, if no machine uses it (`aws iam list-instance-profiles-for-role`, `aws iam remove-role-from-instance-profile`); a policy that was put on it since it was read is named by the next run"
        );
        assert_eq!(
            answered("iam:ListRolePolicies", 404, "NoSuchEntity", "x").to_string(),
            "iam:ListRolePolicies failed: NoSuchEntity (x, HTTP 404, request r-1)\n  it was deleted in the meantime: look who else is changing this account, then run this again"
        );
        assert_eq!(
            answered("iam:CreateRole", 404, "NoSuchEntity", "x").to_string(),
            "iam:CreateRole failed: NoSuchEntity (x, HTTP 404, request r-1)"
        );
        assert_eq!(
            answered("iam:PutRolePolicy", 500, "ServiceFailure", "x").after(6).to_string(),
            "iam:PutRolePolicy failed: ServiceFailure (x, HTTP 500, request r-1), 6 times"
        );
    }
}
