//! The record of what was made, where it stands: an object in the issuer's bucket, or tags of the identity provider where a bundle
//! makes no issuer; or a receipt that stands in for it. Its form is `bundle_schema::record`.
//!
//! Tags are as safe as the permission to tag the provider, and have no compare and swap: `hold` looks at them before and after
//! it writes.

mod place;
pub(crate) mod tags;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

use bundle_schema::documents::index::Header;
use bundle_schema::escape::escaped_path;
use bundle_schema::file::{OpenError, read_bounded};
use bundle_schema::limits::MAX_RECEIPT_BYTES;
use bundle_schema::names::{AccountId, ClusterName};
use bundle_schema::receipt::{Receipt, ReceiptError};
pub(crate) use bundle_schema::record::{
    MAX_RECORD_BYTES, Made, MadeProvider, Making, Record, RecordError, RecordState, RoleId,
};

pub(crate) use self::place::Place;

/// The record's key in the issuer's bucket.
pub(crate) const RECORD_KEY: &str = "sts-airlock/record.json";

/// What no other run has: 32 hexadecimal digits. It is no secret.
pub(crate) fn new_run_id() -> String {
    // The standard library seeds each of these from the operating system.
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}

/// Why a receipt does not vouch for anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreviousReceiptError {
    /// It cannot be read.
    #[error("the previous receipt cannot be read")]
    Open(#[from] OpenError),
    /// It is none.
    #[error("previous receipt {} cannot be used\n  give the receipt of the last apply that changed something, as it was written", escaped_path(.path))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReceiptError,
    },
    /// It is of another cluster or account.
    #[error("previous receipt {} is of {found} in account {account}; the bundle is of {expected} in account {expected_account}", escaped_path(.path))]
    Other {
        /// The file.
        path: PathBuf,
        /// Its cluster.
        found: ClusterName,
        /// Its account.
        account: AccountId,
        /// The bundle's cluster.
        expected: ClusterName,
        /// The bundle's account.
        expected_account: AccountId,
    },
    /// It has no record.
    #[error("previous receipt {} has no record\n  give the receipt of the last apply that changed something", escaped_path(.path))]
    NoRecord {
        /// The file.
        path: PathBuf,
    },
}

/// The record that a receipt holds. Nobody's signature is demanded: whoever names the file vouches for it.
pub(crate) fn read_receipt(path: &Path, header: &Header) -> Result<Record, PreviousReceiptError> {
    let bytes = read_bounded(path, MAX_RECEIPT_BYTES)?;
    let path = path.to_owned();
    let receipt = match Receipt::parse(&bytes) {
        Ok(receipt) => receipt,
        Err(source) => return Err(PreviousReceiptError::Refused { path, source }),
    };
    let (found, account) = (receipt.bundle.name, receipt.account_id);
    if (&found, &account) != (&header.name, &header.account_id) {
        let (expected, expected_account) = (header.name.clone(), header.account_id.clone());
        return Err(PreviousReceiptError::Other { path, found, account, expected, expected_account });
    }
    receipt.record.ok_or(PreviousReceiptError::NoRecord { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_runs_have_the_same_id() {
        let (a, b) = (new_run_id(), new_run_id());
        assert_eq!((a.len(), b.len()), (32, 32));
        assert_ne!(a, b);
    }
}
