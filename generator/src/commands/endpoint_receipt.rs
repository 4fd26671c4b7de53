//! `--endpoint-receipt`: the receipt that names the distribution of a cluster's endpoint.
//!
//! Input: a file from outside. Output: what the cluster's bundle takes from it, once every key of `--receipt-key` has signed it.

use std::path::Path;

use bundle_schema::bundle::SignedFiles;
use bundle_schema::escape::escaped_path;
use bundle_schema::exit::ExitCode;
use bundle_schema::signature::Subject;
use bundle_schema::trust::trusted_keys;

use crate::failure::Failure;
use crate::settings::endpoint_receipt::FromReceipt;
use crate::settings::flags::{Settings, SettingsError};

/// A file that is no receipt.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} does not begin as a receipt does\n  give the JSON that airlock-applier apply wrote for the endpoint's bundle"
)]
struct NotAReceipt(String);

/// What the receipt of `--endpoint-receipt` gives; none where none is given.
pub(super) fn open(settings: &Settings) -> Result<Option<FromReceipt>, Failure> {
    let Settings { endpoint_receipt, receipt_key, .. } = settings;
    match (endpoint_receipt, receipt_key.as_slice()) {
        (None, []) => Ok(None),
        (None, _) => Err(SettingsError::NoReceipt.into()),
        (Some(file), []) => Err(SettingsError::ReceiptNotTrusted(file.clone()).into()),
        (Some(file), keys) => read(file, keys).map(Some),
    }
}

fn read(file: &Path, keys: &[String]) -> Result<FromReceipt, Failure> {
    let policy = trusted_keys(keys)?;
    let files = SignedFiles::open(file, &[])?;
    if files.subject() != Subject::Receipt {
        return Err(Failure::new(ExitCode::Invalid, NotAReceipt(escaped_path(file))));
    }
    let verified = files.verify_receipt(&policy).map_err(|error| Failure::from(error).in_file(file))?;
    let signed = verified.parse().map_err(|error| Failure::new(ExitCode::Invalid, error).in_file(file))?;
    FromReceipt::of(&signed).map_err(|error| Failure::new(ExitCode::Invalid, error).in_file(file))
}
