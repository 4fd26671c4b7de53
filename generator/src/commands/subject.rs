//! What `sign` is asked to sign, and why it does not.

use std::fmt;
use std::path::Path;

use bundle_schema::bundle::Inspection;
use bundle_schema::escape::{Escaped, EscapedWhole};
use bundle_schema::exit::ExitCode;
use bundle_schema::names::{AccountId, ClusterName, Partition, Region, Sha256, Timestamp};
use bundle_schema::receipt::{Counts, Ending, Operation, Receipt};
use bundle_schema::signature::{self, Signer};
use serde::Serialize;

use super::key_source::shown;
use crate::build::install_archive;
use crate::failure::Failure;
use crate::review::accepted::Accepted;
use crate::review::action_data::ActionData;
use crate::review::assemble::{Around, review};
use crate::review::headline::{Headline, counted};
use crate::review::report::{Difference, Identity, Key, Review};
use crate::review::words::key_use;

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

    /// The head of what is signed: for a bundle that of its review.
    pub(super) fn head(&self, review: Option<&Review>) -> Head {
        Head {
            file: self.file.clone(),
            kind: match &self.content {
                Content::Bundle(_) => "bundle",
                Content::Receipt(_) => "receipt",
            },
            sha256: self.sha256.clone(),
            bundle: review.map(BundleHead::of),
            receipt: match &self.content {
                Content::Bundle(_) => None,
                Content::Receipt(receipt) => Some(ReceiptHead::of(receipt)),
            },
        }
    }
}

/// What whoever signs sees of it.
#[derive(Serialize)]
pub(super) struct Head {
    file: String,
    kind: &'static str,
    sha256: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<BundleHead>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<ReceiptHead>,
}

/// What a receipt says first.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptHead {
    operation: Operation,
    ending: Ending,
    name: ClusterName,
    serial: u64,
    bundle_sha256: Sha256,
    account_id: AccountId,
    partition: Partition,
    region: Region,
    caller: String,
    started: Timestamp,
    finished: Timestamp,
    done: usize,
    failed: usize,
    not_reached: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleHead {
    /// The review's verdict, part by part, and the lines under it.
    verdict: Vec<String>,
    headlines: Vec<String>,
    #[serde(flatten)]
    identity: BundleIdentity,
    roles: Vec<RoleHead>,
    /// The key that signs, then those that are published besides.
    keys: Vec<Key>,
}

/// [`Identity`] without the digest, which stands above.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleIdentity {
    name: String,
    serial: u64,
    account_id: String,
    partition: String,
    region: String,
    issuer_url: String,
    created: Timestamp,
    expires: Timestamp,
}

#[derive(Serialize)]
struct RoleHead {
    role: String,
    riskiest: String,
}

impl BundleHead {
    fn of(review: &Review) -> Self {
        let texts = |lines: Vec<Headline>| lines.into_iter().map(|line| line.text).collect();
        let Identity { name, serial, sha256: _, account_id, partition, region, issuer_url, created, expires } =
            review.bundle.clone();
        Self {
            verdict: texts(review.verdict()),
            headlines: texts(review.headlines()),
            identity: BundleIdentity { name, serial, account_id, partition, region, issuer_url, created, expires },
            roles: review
                .roles
                .iter()
                .map(|one| RoleHead { role: one.role.clone(), riskiest: one.riskiest() })
                .collect(),
            keys: review.keys.clone(),
        }
    }
}

impl ReceiptHead {
    fn of(receipt: &Receipt) -> Self {
        let Counts { done, failed, not_reached } = receipt.counts();
        let Receipt { operation, ending, bundle, account_id, partition, region, caller, started, finished, .. } =
            receipt.clone();
        Self {
            operation,
            ending,
            name: bundle.name,
            serial: bundle.serial,
            bundle_sha256: bundle.sha256,
            account_id,
            partition,
            region,
            caller,
            started,
            finished,
            done,
            failed,
            not_reached,
        }
    }
}

impl fmt::Display for ReceiptHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, ending, name, serial, bundle_sha256, account_id, partition, region, .. } = self;
        let Self { caller, started, finished, done, failed, not_reached, .. } = self;
        writeln!(f, "Name     {name}")?;
        writeln!(f, "Serial   {serial}")?;
        writeln!(f, "Bundle   {bundle_sha256}")?;
        writeln!(f, "Account  {account_id} ({partition}, {region})")?;
        writeln!(f, "Caller   {}", Escaped(caller))?;
        writeln!(f, "Time     {started} to {finished}")?;
        writeln!(
            f,
            "Ending   {operation} {ending}: {}",
            Counts { done: *done, failed: *failed, not_reached: *not_reached }
        )
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "File     {} ({})", self.file, self.kind)?;
        if let Some(bundle) = &self.bundle {
            bundle.fmt(f)?;
        }
        if let Some(receipt) = &self.receipt {
            receipt.fmt(f)?;
        }
        writeln!(f, "SHA-256  {}", self.sha256)
    }
}

impl fmt::Display for BundleHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BundleIdentity { name, serial, account_id, partition, region, issuer_url, created, expires } =
            &self.identity;
        writeln!(f, "Verdict  {}", EscapedWhole(&self.verdict.join("; ")))?;
        for line in &self.headlines {
            writeln!(f, "       ! {}", EscapedWhole(line))?;
        }
        writeln!(f, "Name     {name}")?;
        writeln!(f, "Serial   {serial}")?;
        writeln!(f, "Account  {account_id} ({partition}, {region})")?;
        writeln!(f, "Issuer   {issuer_url}")?;
        for one @ Key { kid, key, .. } in &self.keys {
            writeln!(f, "Key      {key} {kid}{}", key_use(one, &self.keys))?;
        }
        writeln!(f, "Roles    {}", self.roles.len())?;
        for RoleHead { role, riskiest } in &self.roles {
            writeln!(f, "  {role}")?;
            writeln!(f, "    {}", EscapedWhole(riskiest))?;
        }
        writeln!(f, "Created  {created}, expires {expires}")
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
    let (file_name, sha256) = (shown(file), Sha256::of(bytes));
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
    let bundle = Inspection::read(bytes.to_vec()).map_err(|error| Failure::from(error).in_file(file))?;
    Ok(Subject { file: file_name, sha256, content: Content::Bundle(Box::new(bundle)) })
}
