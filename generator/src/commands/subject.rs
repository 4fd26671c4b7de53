//! What `sign` is asked to sign, and why it does not.

mod head;

use std::path::Path;

use bundle_schema::bundle::Inspection;
use bundle_schema::exit::ExitCode;
use bundle_schema::names::{Sha256, Timestamp};
use bundle_schema::receipt::Receipt;
use bundle_schema::signature::{self, Signer};

pub(super) use self::head::Head;
use crate::build::install_archive;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::review::accepted::Accepted;
use crate::review::action_data::ActionData;
use crate::review::assemble::{Around, review};
use crate::review::headline::counted;
use crate::review::report::{Difference, Review};
use bundle_schema::escape::escaped_path;

/// What is about to be signed.
pub(super) struct Subject {
    pub(super) file: String,
    pub(super) sha256: Sha256,
    pub(super) content: Content,
}

/// What a file holds.
pub(super) enum Content {
    Bundle(Box<Inspection>),
    Receipt(Box<Receipt>),
}

impl Subject {
    /// The bundle, where it is one.
    pub(super) fn bundle(&self) -> Option<&Inspection> {
        if let Content::Bundle(bundle) = &self.content { Some(bundle) } else { None }
    }

    /// An expired bundle is of no use to anybody who may have it.
    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), SignError> {
        match self.bundle().map(|bundle| bundle.contents().header.expires) {
            Some(expires) if expires <= now => Err(SignError::Expired { expires, now }),
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
    #[error("{0} is neither a bundle nor a receipt")]
    Unknown(String),
    #[error("the bundle expired at {expires}; it is now {now}\n  make it again with a new --serial")]
    Expired { expires: Timestamp, now: Timestamp },
    #[error(
        "{file} has SHA-256 {found}; --sha256 expects {expected}\n  review the file that is here, or get the one that was reviewed"
    )]
    OtherFile { file: String, found: Sha256, expected: Sha256 },
    #[error("{0} changed while it was read\n  run this again")]
    Changed(String),
    #[error("{}", differs(.file, .differences))]
    Differs { file: String, differences: Vec<Difference> },
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
            SignError::InstallArchive(_) | SignError::Unknown(_) | SignError::Differs { .. } => ExitCode::Invalid,
            SignError::Expired { .. } => ExitCode::Refused,
            SignError::OtherFile { .. } => ExitCode::Trust,
            SignError::NotConfirmed(_) => ExitCode::Usage,
            SignError::Changed(_) | SignError::Declined(_) => ExitCode::Other,
        };
        Self::new(code, error)
    }
}

/// As many differences as are worth printing; the report has all of them.
const MAX_SHOWN: usize = 20;

fn differs(file: &str, differences: &[Difference]) -> String {
    let mut lines =
        vec![format!("{file} is not what its requests ask for: {}", counted(differences.len(), "difference"))];
    lines.extend(differences.iter().take(MAX_SHOWN).map(|difference| format!("- {difference}")));
    if let more @ 1.. = differences.len().saturating_sub(MAX_SHOWN) {
        lines.push(format!("and {more} more"));
    }
    lines.push(format!("  read the whole report: airlock-generator review {file}"));
    lines.push("  --without-rebuild signs it all the same, and the signature says so".to_owned());
    lines.join("\n")
}

/// A bundle's review, with the data and the requests that are at hand.
pub(super) fn review_of(bundle: &Inspection, signers: Option<Vec<Signer>>, now: Timestamp) -> Result<Review, Failure> {
    let _progress = Progress::of("reviewing the bundle");
    let data = ActionData::built_in().map_err(|error| Failure::new(ExitCode::Other, error))?;
    let around = Around {
        requests: None,
        against: None,
        signers,
        findings: Vec::new(),
        data: &data,
        accepted: &Accepted::default(),
        now,
    };
    Ok(review(bundle, around))
}

/// Reads what a file is, from its bytes.
pub(super) fn look(file: &Path, bytes: &[u8]) -> Result<Subject, Failure> {
    let (file_name, sha256) = (escaped_path(file), Sha256::of(bytes));
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        if signature::Subject::of(bytes) != signature::Subject::Receipt {
            return Err(SignError::Unknown(file_name).into());
        }
        let receipt = Receipt::parse(bytes).map_err(|error| Failure::new(ExitCode::Invalid, error).in_file(file))?;
        return Ok(Subject { file: file_name, sha256, content: Content::Receipt(Box::new(receipt)) });
    }
    if install_archive::is_one(bytes) {
        return Err(SignError::InstallArchive(file_name).into());
    }
    let _progress = Progress::of("reading the bundle");
    let bundle = Inspection::read(bytes.to_vec()).map_err(|error| Failure::from(error).in_file(file))?;
    Ok(Subject { file: file_name, sha256, content: Content::Bundle(Box::new(bundle)) })
}
