//! What `sign` is asked to sign, and why it does not.

use std::fmt;
use std::path::Path;

use bundle_schema::bundle::Inspection;
use bundle_schema::documents::index::Kind;
use bundle_schema::escape::EscapedWhole;
use bundle_schema::exit::ExitCode;
use bundle_schema::json;
use bundle_schema::names::{Sha256, Timestamp};
use bundle_schema::signature::Signer;
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
    kind: &'static str,
    pub(super) sha256: Sha256,
    /// The bundle, where it is one.
    pub(super) bundle: Option<Inspection>,
}

impl Subject {
    /// An expired bundle is of no use to anybody who may have it.
    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), SignError> {
        match self.bundle.as_ref().map(|bundle| bundle.contents().header.expires) {
            Some(expires) if expires <= now => Err(SignError::Expired { expires, now }),
            _ => Ok(()),
        }
    }

    /// The head of what is signed: for a bundle that of its review.
    pub(super) fn head(&self, review: Option<&Review>) -> Head {
        Head {
            file: self.file.clone(),
            kind: self.kind,
            sha256: self.sha256.clone(),
            bundle: review.map(BundleHead::of),
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
    kind: Kind,
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
        let Identity { kind, name, serial, sha256: _, account_id, partition, region, issuer_url, created, expires } =
            review.bundle.clone();
        Self {
            verdict: texts(review.verdict()),
            headlines: texts(review.headlines()),
            identity: BundleIdentity {
                kind,
                name,
                serial,
                account_id,
                partition,
                region,
                issuer_url,
                created,
                expires,
            },
            roles: review
                .roles
                .iter()
                .map(|one| RoleHead { role: one.role.clone(), riskiest: one.riskiest() })
                .collect(),
            keys: review.keys.clone(),
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "File     {} ({})", self.file, self.kind)?;
        if let Some(bundle) = &self.bundle {
            bundle.fmt(f)?;
        }
        writeln!(f, "SHA-256  {}", self.sha256)
    }
}

impl fmt::Display for BundleHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BundleIdentity { kind, name, serial, account_id, partition, region, issuer_url, created, expires } =
            &self.identity;
        writeln!(f, "Verdict  {}", EscapedWhole(&self.verdict.join("; ")))?;
        for line in &self.headlines {
            writeln!(f, "       ! {}", EscapedWhole(line))?;
        }
        writeln!(f, "Name     {name}")?;
        writeln!(f, "Serial   {serial}")?;
        writeln!(f, "Account  {account_id} ({partition}, {region})")?;
        match kind {
            Kind::Cluster => writeln!(f, "Issuer   {issuer_url}")?,
            Kind::Roles => writeln!(f, "Issuer   {issuer_url}, which somebody else manages")?,
        }
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
    Ok(Subject { file: file_name, kind: "bundle", sha256, bundle: Some(bundle) })
}
