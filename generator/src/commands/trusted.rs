//! What a trust file says about a file that is about to be signed: who must have signed before, and what may be signed.

use std::path::Path;

use bundle_schema::bundle::SignedFiles;
use bundle_schema::exit::ExitCode;
use bundle_schema::names::{Sha256, Timestamp};
use bundle_schema::signature::{NextSignatureError, SignedSoFar, Signer, TrustError, TrustPolicy};
use bundle_schema::trust::{LimitsExceeded, TrustFileError, TrustLimits};

use super::subject::Content;
use super::warn;
use crate::failure::Failure;

impl From<TrustFileError> for Failure {
    fn from(error: TrustFileError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

macro_rules! refusals {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(ExitCode::Trust, error)
            }
        })*
    };
}

refusals!(LimitsExceeded, NextSignatureError, TrustError);

/// Every one of these keys has signed. Returns the digest of what they signed, and them.
pub(super) fn check_keys(file: &Path, policy: &TrustPolicy) -> Result<(Sha256, Vec<Signer>), Failure> {
    let so_far = SignedFiles::open(file, &[])?.signed_so_far(policy)?;
    so_far.all_signed()?;
    Ok((so_far.digest().clone(), so_far.signers().to_vec()))
}

/// At most one role of the trust file has not signed, and what is signed is within its limits. Whether the one role is that of the
/// signing key remains to be asked, and whether the file is still the one that was read before.
pub(super) fn check_trust<'a>(
    file: &Path,
    content: &Content,
    (policy, limits): &'a (TrustPolicy, TrustLimits),
    now: Timestamp,
) -> Result<SignedSoFar<'a>, Failure> {
    let signed = SignedFiles::open(file, &[])?.signed_so_far(policy)?;
    signed.check()?;
    match content {
        Content::Bundle(bundle) => {
            for exception in limits.check(bundle.contents(), now)? {
                warn(&format!("the trust file's exception for {exception} spares nothing in this bundle"));
            }
        }
        Content::Receipt(receipt) => limits.check_receipt(receipt)?,
    }
    Ok(signed)
}
