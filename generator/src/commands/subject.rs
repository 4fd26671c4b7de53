//! What `sign` is asked to sign, and why it does not.

use std::fmt;
use std::path::Path;

use bundle_schema::bundle::Inspection;
use bundle_schema::exit::ExitCode;
use bundle_schema::json;
use bundle_schema::names::{Sha256, Timestamp};
use serde::Serialize;

use super::key_source::shown;
use crate::build::install_archive;
use crate::failure::Failure;
use crate::requests::Requests;

/// What is about to be signed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subject {
    pub(super) file: String,
    kind: &'static str,
    pub(super) sha256: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<BundleSubject>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleSubject {
    name: String,
    serial: u64,
    account_id: String,
    partition: String,
    region: String,
    issuer_url: String,
    roles: usize,
    key: String,
    kid: String,
    created: Timestamp,
    expires: Timestamp,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "File     {} ({})", self.file, self.kind)?;
        if let Some(bundle) = &self.bundle {
            writeln!(f, "Name     {}", bundle.name)?;
            writeln!(f, "Serial   {}", bundle.serial)?;
            writeln!(f, "Account  {} ({}, {})", bundle.account_id, bundle.partition, bundle.region)?;
            writeln!(f, "Issuer   {}", bundle.issuer_url)?;
            writeln!(f, "Key      {} {}", bundle.key, bundle.kid)?;
            writeln!(f, "Roles    {}", bundle.roles)?;
            writeln!(f, "Created  {}, expires {}", bundle.created, bundle.expires)?;
        }
        writeln!(f, "SHA-256  {}", self.sha256)
    }
}

impl Subject {
    /// An expired bundle is of no use to anybody who may have it.
    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), SignError> {
        match &self.bundle {
            Some(bundle) if bundle.expires <= now => Err(SignError::Expired { expires: bundle.expires, now }),
            _ => Ok(()),
        }
    }
}

/// Why a file is not signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    #[error(
        "{0} is an install archive, which may hold the cluster's private key\n  do not sign it, and do not carry it to the privileged network\n  sign the bundle: NAME-SERIAL.tar.gz"
    )]
    InstallArchive(String),
    #[error("{0} is neither a bundle nor a JSON object, such as a receipt")]
    Unknown(String),
    #[error("the bundle expired at {expires}; it is now {now}\n  make it again with a new --serial")]
    Expired { expires: Timestamp, now: Timestamp },
    #[error(
        "{file} has SHA-256 {found}; --sha256 expects {expected}\n  review the file that is here, or get the one that was reviewed"
    )]
    OtherFile { file: String, found: Sha256, expected: Sha256 },
    #[error("{0} changed while it was read\n  run this again")]
    Changed(String),
    #[error(
        "{0} is not signed: standard input is not a terminal to confirm on\n  give --sha256 HEX, the SHA-256 of the file that was reviewed"
    )]
    NotConfirmed(String),
    #[error("{0} is not signed: the answer was not \"yes\"")]
    Declined(String),
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        let code = match &error {
            SignError::InstallArchive(_) | SignError::Unknown(_) => ExitCode::Invalid,
            SignError::Expired { .. } => ExitCode::Refused,
            SignError::OtherFile { .. } => ExitCode::Trust,
            SignError::NotConfirmed(_) => ExitCode::Usage,
            SignError::Changed(_) | SignError::Declined(_) => ExitCode::Other,
        };
        Self::new(code, error)
    }
}

/// Reads what a file is, from its bytes.
pub(super) fn look(file: &Path, bytes: &[u8]) -> Result<Subject, Failure> {
    let (file_name, sha256) = (shown(file), Sha256::of(bytes));
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        let value = json::parse_value(bytes).map_err(|error| Failure::new(ExitCode::Invalid, error).in_file(file))?;
        if !value.is_object() {
            return Err(SignError::Unknown(file_name).into());
        }
        return Ok(Subject { file: file_name, kind: "JSON", sha256, bundle: None });
    }
    if install_archive::is_one(bytes) {
        return Err(SignError::InstallArchive(file_name).into());
    }
    let bundle = Inspection::read(bytes.to_vec()).map_err(|error| Failure::from(error).in_file(file))?;
    let contents = bundle.contents();
    Requests::of_bundle(contents).map_err(|error| Failure::from(error).in_file(file))?;
    let header = &contents.header;
    let subject = BundleSubject {
        name: header.name.to_string(),
        serial: header.serial,
        account_id: header.account_id.to_string(),
        partition: header.partition.to_string(),
        region: header.region.to_string(),
        issuer_url: header.issuer_url.to_string(),
        roles: header.components.len(),
        key: contents.public_key.describe(),
        kid: contents.public_key.kid().to_owned(),
        created: header.created,
        expires: header.expires,
    };
    Ok(Subject { file: file_name, kind: "bundle", sha256, bundle: Some(subject) })
}
