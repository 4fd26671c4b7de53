//! `sign`: a further signature over a bundle or a receipt.

use std::fmt;
use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bundle_schema::escape::Escaped;
use bundle_schema::exit::ExitCode;
use bundle_schema::file::read_bounded;
use bundle_schema::layout::fold;
use bundle_schema::limits::{MAX_ARCHIVE_BYTES, MAX_SIGNATURE_BYTES};
use bundle_schema::names::Sha256;
use bundle_schema::signature::WITHOUT_REBUILD;
use bundle_schema::trust::{read_trust_file, trusted_keys};
use serde::Serialize;

use super::subject::{Head, SignError, Subject, look, review_of};
use super::trusted::{check_keys, check_trust};
use super::{note, now, open_signing_key, password_source, print, time_from_environment};
use crate::failure::Failure;
use crate::keys::signing::SigningKey;
use crate::output::files::{NewFile, OutputError, PUBLIC, stage};
use crate::output::report::Format;
use bundle_schema::escape::escaped_path;

/// A signer's label in a file name. It means nothing to a program: who signed is a matter of the key alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signer(String);

impl FromStr for Signer {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits =
            (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if fits { Ok(Self(text.to_owned())) } else { Err("must have 1 to 32 letters, digits, - and _") }
    }
}

/// The options.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Bundle (.tar.gz) or receipt (JSON) to sign
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// minisign secret key to sign with
    #[arg(long, value_name = "FILE")]
    signing_key: PathBuf,
    /// Label of the signature's file, FILE.LABEL.minisig, for people
    #[arg(long, value_name = "LABEL", default_value = "reviewer")]
    signer: Signer,
    /// SHA-256 of the reviewed file; required without a terminal
    #[arg(long, value_name = "HEX")]
    sha256: Option<Sha256>,
    /// minisign public key (file or base64 line) that must have signed already; may be repeated
    #[arg(long, value_name = "KEY")]
    trusted_key: Vec<String>,
    /// Trust file (JSON): its other roles must have signed already, and its limits hold
    #[arg(long, value_name = "FILE", conflicts_with = "trusted_key")]
    trust: Option<PathBuf>,
    /// Sign a bundle that is not what its requests ask for; the signature's trusted comment says so
    #[arg(long)]
    without_rebuild: bool,
    /// File whose only line is the signing key's password
    #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
    password_file: Option<PathBuf>,
    /// The signing key has no password
    #[arg(long)]
    no_password: bool,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(flatten)]
    head: Head,
    signature: String,
    signing_key: String,
    /// The trust file's role that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// Whether this signature was there already.
    kept: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.kept { "unchanged; this key signed it before" } else { "written" };
        writeln!(f, "Signature  {} ({what})", self.signature)?;
        write!(f, "Signed by  {}", self.signing_key)?;
        match &self.role {
            Some(role) => writeln!(f, " (role \"{}\")", Escaped(role)),
            None => writeln!(f),
        }
    }
}

/// Shows what is signed, has it confirmed, then signs it: the bytes that were read once, and no others. Another signature
/// of that name is never overwritten.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments {
        file,
        signing_key,
        signer,
        sha256,
        trusted_key,
        trust,
        without_rebuild,
        password_file,
        no_password,
        format,
    } = arguments;
    let bytes = read_bounded(&file, MAX_ARCHIVE_BYTES)?;
    let subject = look(&file, &bytes)?;
    let now = now()?;
    subject.check_time(now)?;
    if let Some(expected) = sha256.as_ref().filter(|expected| **expected != subject.sha256) {
        let (found, expected) = (subject.sha256.clone(), expected.clone());
        return Err(SignError::OtherFile { file: subject.file, found, expected }.into());
    }
    let trust = trust.as_deref().map(read_trust_file).transpose()?;
    let (signed, signers) = match (&trust, trusted_key.as_slice()) {
        (Some(trust), _) => {
            let signed = check_trust(&file, &subject.content, trust, now)?;
            let (digest, signers) = (signed.digest().clone(), signed.signers().to_vec());
            (Some(signed), Some((digest, signers)))
        }
        (None, []) => (None, None),
        (None, keys) => (None, Some(check_keys(&file, &trusted_keys(keys)?)?)),
    };
    if signers.as_ref().is_some_and(|(digest, _)| *digest != subject.sha256) {
        return Err(SignError::Changed(subject.file).into());
    }
    let signers = signers.map(|(_, signers)| signers);
    let review = subject.bundle().map(|bundle| review_of(bundle, signers, now)).transpose()?;
    let head = subject.head(review.as_ref());
    if let Some(review) = review.filter(|review| !review.rebuild.identical && !without_rebuild) {
        return Err(SignError::Differs { file: subject.file, differences: review.rebuild.differences }.into());
    }
    // Before the password is asked for: whoever types it should know for what.
    match format {
        Format::Text => print(&fold(&head.to_string()))?,
        Format::Json if sha256.is_none() => note(&fold(&head.to_string())),
        Format::Json => {}
    }
    if sha256.is_none() {
        confirm(&subject)?;
    }
    let time = time_from_environment()?;
    let key = open_signing_key(&signing_key, &password_source(password_file, no_password))?;
    let public = key.trusted()?;
    let role = signed.map(|signed| signed.role_of(&public)).transpose()?.map(str::to_owned);
    let path = signature_path(&file, &signer);
    let kept = already_there(&path, &key, &bytes)?;
    if !kept {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let remark = (subject.bundle().is_some() && without_rebuild).then_some(WITHOUT_REBUILD);
        let signature = key.sign_with_remark(&bytes, time, &name, remark);
        stage(vec![NewFile { path: path.clone(), bytes: signature.as_bytes(), mode: PUBLIC }], ANOTHER)?.publish()?;
    }
    print(&format.render(&Report { head, signature: escaped_path(&path), signing_key: key.public(), role, kept }))
}

/// Asks on the terminal.
fn confirm(subject: &Subject) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(SignError::NotConfirmed(subject.file.clone()).into());
    }
    note("Type \"yes\" to sign: ");
    let mut answer = Vec::new();
    let read = std::io::stdin().lock().take(64).read_until(b'\n', &mut answer);
    read.map_err(|error| Failure::new(ExitCode::Other, error).in_file(Path::new("standard input")))?;
    if answer.trim_ascii_end() == b"yes" { Ok(()) } else { Err(SignError::Declined(subject.file.clone()).into()) }
}

/// `FILE.<signer>.minisig`.
fn signature_path(file: &Path, signer: &Signer) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(format!(".{}.minisig", signer.0));
    path.into()
}

const ANOTHER: &str = "it is the signature of another key or of another file: give another --signer, or move it away";

/// Whether this key's signature over these bytes is there. Another one is an error.
fn already_there(path: &Path, key: &SigningKey, bytes: &[u8]) -> Result<bool, Failure> {
    if path.symlink_metadata().is_err() {
        return Ok(false);
    }
    let found = read_bounded(path, MAX_SIGNATURE_BYTES)?;
    if std::str::from_utf8(&found).is_ok_and(|text| key.made(text, bytes)) {
        return Ok(true);
    }
    Err(OutputError::Exists { path: path.to_owned(), hint: ANOTHER.to_owned() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_stands_beside_its_file() {
        let path = signature_path(Path::new("out/a-1.tar.gz"), &"team_2".parse().unwrap());
        assert_eq!(path, Path::new("out/a-1.tar.gz.team_2.minisig"));
        for wrong in ["", "a.b", "a/b", "ä", "a b"] {
            assert!(wrong.parse::<Signer>().is_err(), "{wrong}");
        }
    }
}
