//! `review`: what a bundle allows, and whether it is what was asked for.

use std::path::{Path, PathBuf};

use bundle_schema::bundle::{Inspection, SignedFiles};
use bundle_schema::documents::index::Kind;
use bundle_schema::exit::ExitCode;
use bundle_schema::file::read_bounded;
use bundle_schema::limits::MAX_ARCHIVE_BYTES;
use bundle_schema::names::{Sha256, Timestamp};
use bundle_schema::signature::{Signer, TrustPolicy};
use bundle_schema::trust::{TrustLimits, read_trust_file, trusted_keys};

use super::{now, print};
use crate::build::{again, install_archive};
use crate::failure::Failure;
use crate::output::files::{NewFile, PUBLIC, stage};
use crate::progress::Progress;
use crate::requests::Requests;
use crate::review::accepted::{Accepted, MAX_ACCEPTED_BYTES};
use crate::review::action_data::ActionData;
use crate::review::assemble::{Around, review};
use crate::review::findings::around;
use crate::review::formats::ReviewFormat;
use crate::review::headline::counted;
use crate::review::report::{Finding, FindingLevel, RequestsFrom, Review};
use bundle_schema::escape::escaped_path;

/// The options.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Bundle (.tar.gz) to review
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Older bundle: the report says what came and went since, and whether anything new is allowed
    #[arg(long, value_name = "BUNDLE")]
    against: Option<PathBuf>,
    /// Directory of CredentialsRequests that you extracted from the release: the bundle must be what they ask for
    #[arg(long, value_name = "DIR")]
    credentials_requests_dir: Option<PathBuf>,
    /// minisign public key (file or base64 line) that must have signed; may be repeated
    #[arg(long, value_name = "KEY")]
    trusted_key: Vec<String>,
    /// Trust file (JSON): the report says which roles have signed, and whether its limits hold
    #[arg(long, value_name = "FILE", conflicts_with = "trusted_key")]
    trust: Option<PathBuf>,
    /// JSON file of findings that were accepted: {"accepted": [{"id", "role", "statement", "by", "reason", "until"}]}
    #[arg(long, value_name = "FILE")]
    accepted: Option<PathBuf>,
    /// Newer data about IAM's actions, as make_action_data.py writes it
    #[arg(long, value_name = "FILE")]
    action_data: Option<PathBuf>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: ReviewFormat,
    /// File to write the report to, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with code 1 where a finding of this level or above is not accepted
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<FindingLevel>,
}

/// Requests that a bundle without roles is not compared with.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is of kind endpoint, and no request makes anything in it\n  leave --credentials-requests-dir out, and give it to review the cluster's bundle"
)]
struct NoRequests(String);

/// Why a review ends with another exit code than 0. The report is written all the same.
#[derive(Debug, thiserror::Error)]
enum ReviewError {
    #[error("{file} is not what {requests} ask for ({})\n  do not sign it; ask whoever made it", counted(*.differences, "difference"))]
    Differs { file: String, requests: &'static str, differences: usize },
    #[error("{file} has {} at or above {level} that nobody accepted", counted(*.findings, "finding"))]
    Findings { file: String, findings: usize, level: &'static str },
    #[error("{0} changed while it was read\n  run this again")]
    Changed(String),
    #[error(
        "{0} is an install archive, which may hold the cluster's private key: nobody but the installer should have it\n  review the bundle: NAME-SERIAL.tar.gz"
    )]
    InstallArchive(String),
}

impl From<ReviewError> for Failure {
    fn from(error: ReviewError) -> Self {
        let code = match &error {
            ReviewError::Differs { .. } | ReviewError::InstallArchive(_) => ExitCode::Invalid,
            ReviewError::Findings { .. } | ReviewError::Changed(_) => ExitCode::Other,
        };
        Self::new(code, error)
    }
}

/// Writes the report, then says by the exit code what it comes to.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let now = now()?;
    let Arguments {
        bundle: file,
        against,
        credentials_requests_dir,
        accepted,
        action_data,
        format,
        output,
        fail_on,
        ..
    } = arguments;
    let trust = Trust::of(arguments)?;
    let data = match action_data {
        None => ActionData::built_in().map_err(|error| Failure::new(ExitCode::Other, error))?,
        Some(path) => read(path, MAX_ARCHIVE_BYTES, ActionData::read)?,
    };
    let accepted = accepted.as_deref().map(|path| read(path, MAX_ACCEPTED_BYTES, Accepted::parse)).transpose()?;
    let progress = Progress::of("reviewing the bundle");
    let (bundle, signed) = open(file, &trust)?;
    let mut findings = signed.missing.iter().map(|role| around::not_signed(role)).collect::<Vec<_>>();
    findings.extend(trust.limits(&bundle, now));
    let old = against.as_deref().map(|path| open(path, &trust)).transpose()?;
    if let Some((old, signed)) = &old {
        findings.extend(signed.missing.iter().map(|role| around::older_not_signed(&old.contents().header, role)));
    }
    if credentials_requests_dir.is_some() && bundle.contents().header.kind == Kind::Endpoint {
        return Err(Failure::new(ExitCode::Usage, NoRequests(escaped_path(file))));
    }
    let requests =
        credentials_requests_dir.as_deref().map(|directory| read_requests(directory, &bundle)).transpose()?;
    let review = review(
        &bundle,
        Around {
            requests,
            against: old.as_ref().map(|(old, _)| old),
            signers: signed.signers,
            findings,
            data: &data,
            accepted: &accepted.unwrap_or_default(),
            now,
        },
    );
    drop(progress);
    write(&review, *format, output.as_deref())?;
    verdict(escaped_path(file), &review, *fail_on)
}

/// Reads a file that the reviewer gave.
fn read<T, E: std::error::Error + 'static>(
    path: &Path,
    limit: u64,
    parse: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<T, Failure> {
    parse(&read_bounded(path, limit)?).map_err(|error| Failure::new(ExitCode::Usage, error).in_file(path))
}

/// The requests of a directory, read as those of the bundle were: with its feature set, gates and capabilities.
fn read_requests(directory: &Path, bundle: &Inspection) -> Result<Requests, Failure> {
    let features = again::features(bundle.contents()).map_err(|error| Failure::new(ExitCode::Invalid, error))?;
    Ok(Requests::of_directory(directory, &features)?)
}

/// Whose signatures are looked for.
enum Trust {
    Nobody,
    Keys(TrustPolicy),
    File(TrustPolicy, TrustLimits),
}

/// Who signed a file.
struct Signed {
    /// None where nobody is trusted.
    signers: Option<Vec<Signer>>,
    /// The roles of the trust file that have not signed.
    missing: Vec<String>,
}

impl Trust {
    fn of(arguments: &Arguments) -> Result<Self, Failure> {
        Ok(match (&arguments.trust, arguments.trusted_key.as_slice()) {
            (Some(file), _) => {
                let (policy, limits) = read_trust_file(file)?;
                Self::File(policy, limits)
            }
            (None, []) => Self::Nobody,
            (None, keys) => Self::Keys(trusted_keys(keys)?),
        })
    }

    /// Who signed a file, and the digest of what they signed. Every trusted key must have; of a trust file's roles, the
    /// reviewer's own will sign later.
    fn check(&self, file: &Path) -> Result<(Signed, Option<Sha256>), Failure> {
        match self {
            Self::Nobody => Ok((Signed { signers: None, missing: Vec::new() }, None)),
            Self::Keys(policy) => {
                let verified = SignedFiles::open(file, &[])?.verify(policy)?;
                let signers = Some(verified.signers().to_vec());
                Ok((Signed { signers, missing: Vec::new() }, Some(verified.digest().clone())))
            }
            Self::File(policy, _) => {
                let signed = SignedFiles::open(file, &[])?.signed_so_far(policy)?;
                let signers = Some(signed.signers().to_vec());
                Ok((Signed { signers, missing: signed.missing() }, Some(signed.digest().clone())))
            }
        }
    }

    /// What the trust file does not allow.
    fn limits(&self, bundle: &Inspection, now: Timestamp) -> Vec<Finding> {
        let Self::File(_, limits) = self else { return Vec::new() };
        match limits.check(bundle.contents(), now) {
            Ok(unused) => unused.iter().map(|exception| around::unused_exception(exception)).collect(),
            Err(exceeded) => exceeded.problems.iter().map(|problem| around::trust_limit(problem)).collect(),
        }
    }
}

/// Reads a bundle, after its signatures were looked at.
fn open(file: &Path, trust: &Trust) -> Result<(Inspection, Signed), Failure> {
    let (signed, digest) = trust.check(file)?;
    let bytes = read_bounded(file, MAX_ARCHIVE_BYTES)?;
    if install_archive::is_one(&bytes) {
        return Err(ReviewError::InstallArchive(escaped_path(file)).into());
    }
    let bundle = Inspection::read(bytes).map_err(|error| Failure::from(error).in_file(file))?;
    match digest {
        Some(digest) if digest != *bundle.digest() => Err(ReviewError::Changed(escaped_path(file)).into()),
        _ => Ok((bundle, signed)),
    }
}

fn write(review: &Review, format: ReviewFormat, output: Option<&Path>) -> Result<(), Failure> {
    let progress = Progress::of("writing the review");
    let text = if output.is_none() { format.render_in_colour(review) } else { format.render(review) };
    drop(progress);
    match output {
        None => print(&text),
        Some(path) => {
            let file = NewFile { path: path.to_owned(), bytes: text.as_bytes(), mode: PUBLIC };
            stage(vec![file], "name another --output, or move it away")?.publish()?;
            Ok(())
        }
    }
}

fn verdict(file: String, review: &Review, fail_on: Option<FindingLevel>) -> Result<(), Failure> {
    if !review.rebuild.identical {
        let requests = match review.rebuild.requests {
            RequestsFrom::Bundle => "its requests",
            RequestsFrom::Directory => "the requests of the directory",
        };
        return Err(ReviewError::Differs { file, requests, differences: review.rebuild.differences.len() }.into());
    }
    let Some(level) = fail_on else { return Ok(()) };
    let counts = |finding: &&Finding| finding.level >= level && finding.accepted.is_none();
    match review.findings.iter().filter(counts).count() {
        0 => Ok(()),
        findings => Err(ReviewError::Findings { file, findings, level: level.name() }.into()),
    }
}
