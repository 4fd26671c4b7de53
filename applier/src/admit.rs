//! From files to a bundle that may be applied now: checks 1 to 9 of FORMAT.md, in their order, before any call to AWS.
//!
//! Input: a path, keys, a clock. Output: [`Admitted`], which nothing else can make and every later step requires.

use std::path::{Path, PathBuf};

use bundle_schema::bundle::{Bundle, Invalid, ReadError, SignedFiles};
use bundle_schema::exit::ExitCode;
use bundle_schema::file::OpenError;
use bundle_schema::names::{Pattern, Timestamp};
use bundle_schema::receipt::{ReceiptError, SignedReceipt};
use bundle_schema::signature::{TrustError, TrustPolicy};
use bundle_schema::trust::{LimitsExceeded, TrustLimits};

/// How far a bundle's time of making may lie ahead of this host's clock, in seconds: clocks differ.
const MAX_SKEW_SECONDS: i64 = 300;

/// Why a bundle was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// Step 1.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Step 2.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Steps 3 to 6.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Step 7.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Step 8, too late.
    #[error(
        "the bundle expired at {expires}; it is now {now}\n  make it again, with a later --expires-in if need be, and have it signed"
    )]
    Expired {
        /// From when on it is refused.
        expires: Timestamp,
        /// This host's clock.
        now: Timestamp,
    },
    /// Step 8, too early.
    #[error(
        "the bundle was made at {created}, which is in the future: it is now {now}\n  set the clock of this host, or of the host that makes bundles"
    )]
    FromTheFuture {
        /// When it says it was made.
        created: Timestamp,
        /// This host's clock.
        now: Timestamp,
    },
    /// Step 9.
    #[error(transparent)]
    Limits(#[from] LimitsExceeded),
    /// A receipt's form or content.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

impl AdmitError {
    /// The exit code of each step.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Open(OpenError::Io { .. } | OpenError::NotRegular { .. }) => ExitCode::Usage,
            Self::Trust(_)
            | Self::Limits(_)
            | Self::Open(OpenError::TooManySignatures { .. } | OpenError::SignatureTooLarge { .. }) => ExitCode::Trust,
            Self::Open(OpenError::TooLarge { .. }) | Self::Read(_) | Self::Invalid(_) | Self::Receipt(_) => {
                ExitCode::Invalid
            }
            Self::Expired { .. } | Self::FromTheFuture { .. } => ExitCode::Refused,
        }
    }
}

/// A bundle that passed every check that needs no account: signed by every required role, valid, in time, within the
/// limits of the trust file.
#[derive(Debug)]
pub struct Admitted {
    bundle: Bundle,
    ignored_tags: Vec<Pattern>,
    unused_exceptions: Vec<String>,
}

impl Admitted {
    /// Opens a bundle and its signatures and checks them.
    pub fn open(
        path: &Path,
        signatures: &[PathBuf],
        trusted: &(TrustPolicy, TrustLimits),
        now: Timestamp,
    ) -> Result<Self, AdmitError> {
        Self::of(SignedFiles::open(path, signatures)?, trusted, now)
    }

    /// The same, from step 2 on.
    pub fn of(
        files: SignedFiles,
        (policy, limits): &(TrustPolicy, TrustLimits),
        now: Timestamp,
    ) -> Result<Self, AdmitError> {
        let bundle = files.verify(policy)?.parse()?.validate()?;
        let header = &bundle.contents().header;
        in_time(header.created, header.expires, now)?;
        let unused_exceptions = limits.check(bundle.contents(), now)?;
        Ok(Self { bundle, ignored_tags: limits.ignored_tags().to_vec(), unused_exceptions })
    }

    /// Step 8 once more: whoever approves a plan may take a while.
    pub fn check_time(&self, now: Timestamp) -> Result<(), AdmitError> {
        let header = &self.bundle.contents().header;
        in_time(header.created, header.expires, now)
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The patterns of the keys of other people's tags that the trust file ignores.
    #[must_use]
    pub fn ignored_tags(&self) -> &[Pattern] {
        &self.ignored_tags
    }

    /// The trust file's exceptions that spare nothing in this bundle, in words.
    #[must_use]
    pub fn unused_exceptions(&self) -> &[String] {
        &self.unused_exceptions
    }
}

/// A bundle whose resources may be removed: signed by every required role, valid, for an account, a partition and a name that
/// the trust file allows. It may have expired; nothing is ever made of it.
#[derive(Debug)]
pub struct Removable {
    bundle: Bundle,
}

impl Removable {
    /// Opens a bundle and its signatures and checks them, its time aside.
    pub fn open(
        path: &Path,
        signatures: &[PathBuf],
        (policy, limits): &(TrustPolicy, TrustLimits),
    ) -> Result<Self, AdmitError> {
        let bundle = SignedFiles::open(path, signatures)?.verify(policy)?.parse()?.validate()?;
        limits.check_removal(bundle.contents())?;
        Ok(Self { bundle })
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }
}

/// A receipt that every required role has signed, of an account, a partition and a name that the trust file allows. It allows
/// nothing, so neither its age nor that of its bundle is a reason to refuse it.
pub fn check_receipt(
    files: SignedFiles,
    (policy, limits): &(TrustPolicy, TrustLimits),
) -> Result<SignedReceipt, AdmitError> {
    let receipt = files.verify_receipt(policy)?.parse()?;
    limits.check_receipt(receipt.receipt())?;
    Ok(receipt)
}

fn in_time(created: Timestamp, expires: Timestamp, now: Timestamp) -> Result<(), AdmitError> {
    if now >= expires {
        return Err(AdmitError::Expired { expires, now });
    }
    if created.unix() > now.unix() + MAX_SKEW_SECONDS {
        return Err(AdmitError::FromTheFuture { created, now });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    #[test]
    fn a_bundle_has_its_time() {
        let check = |now| in_time(at(1000), at(2000), at(now)).map_err(|error| error.to_string());
        assert_eq!((check(700), check(1000), check(1999)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(
            check(699).unwrap_err(),
            "the bundle was made at 1970-01-01T00:16:40Z, which is in the future: it is now 1970-01-01T00:11:39Z\n  set the clock of this host, or of the host that makes bundles"
        );
        assert_eq!(
            check(2000).unwrap_err(),
            "the bundle expired at 1970-01-01T00:33:20Z; it is now 1970-01-01T00:33:20Z\n  make it again, with a later --expires-in if need be, and have it signed"
        );
    }
}
