//! `sign`: a further signature over a bundle or a receipt.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bundle_schema::bundle::Inspection;
use bundle_schema::exit::ExitCode;
use bundle_schema::file::read_bounded;
use bundle_schema::json;
use bundle_schema::limits::{MAX_ARCHIVE_BYTES, MAX_SIGNATURE_BYTES};
use bundle_schema::names::Sha256;
use serde::Serialize;

use super::key_source::shown;
use super::{open_signing_key, print, time_from_environment};
use crate::build::install_archive;
use crate::failure::Failure;
use crate::keys::password::PasswordSource;
use crate::keys::signing::SigningKey;
use crate::output::files::{NewFile, OutputError, PUBLIC, stage};
use crate::output::report::Format;

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

/// What is about to be signed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    file: String,
    kind: &'static str,
    sha256: String,
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
    roles: usize,
    key: String,
    kid: String,
    created: String,
    expires: String,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signing  {} ({})", self.file, self.kind)?;
        if let Some(bundle) = &self.bundle {
            writeln!(f, "name     {}", bundle.name)?;
            writeln!(f, "serial   {}", bundle.serial)?;
            writeln!(f, "account  {} ({}, {})", bundle.account_id, bundle.partition, bundle.region)?;
            writeln!(f, "roles    {}", bundle.roles)?;
            writeln!(f, "key      {} {}", bundle.key, bundle.kid)?;
            writeln!(f, "created  {}, expires {}", bundle.created, bundle.expires)?;
        }
        writeln!(f, "sha256   {}", self.sha256)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(flatten)]
    subject: Subject,
    signature: String,
    signing_key: String,
    /// Whether this signature was there already.
    kept: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.kept { "is there already, by the same key" } else { "written" };
        writeln!(f, "{}  {what} ({})", self.signature, self.signing_key)
    }
}

/// Shows what is signed, then signs it. Another signature of that name is never overwritten.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { file, signing_key, signer, password_file, no_password, format } = arguments;
    let bytes = read_bounded(&file, MAX_ARCHIVE_BYTES)?;
    let (subject, bytes) = look(&file, bytes)?;
    if format == Format::Text {
        // Before the password is asked for: whoever types it should know for what.
        print(&subject.to_string())?;
    }
    let time = time_from_environment()?;
    let key = open_signing_key(&signing_key, &PasswordSource::new(password_file, no_password))?;
    key.trusted()?;
    let path = signature_path(&file, &signer);
    let kept = already_there(&path, &key, &bytes)?;
    if !kept {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let signature = key.sign(&bytes, time, &name);
        let hint = "another key signed under this label: give another one with --signer";
        stage(vec![NewFile { path: path.clone(), bytes: signature.as_bytes(), mode: PUBLIC }], hint)?.publish()?;
    }
    print(&format.render(&Report { subject, signature: shown(&path), signing_key: key.public(), kept }))
}

fn look(file: &Path, bytes: Vec<u8>) -> Result<(Subject, Vec<u8>), Failure> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return look_at_json(file, bytes);
    }
    if install_archive::is_one(&bytes) {
        let what = "it is an install archive, which may hold the cluster's private key\n  it is not signed by a reviewer, and it is never carried to the privileged network: sign the bundle, NAME-SERIAL.tar.gz";
        return Err(Failure::new(ExitCode::Invalid, what).in_file(file));
    }
    let bundle = Inspection::read(bytes).map_err(|error| Failure::from(error).in_file(file))?;
    let header = &bundle.contents().header;
    let subject = Subject {
        file: shown(file),
        kind: "bundle",
        sha256: bundle.digest().to_string(),
        bundle: Some(BundleSubject {
            name: header.name.to_string(),
            serial: header.serial,
            account_id: header.account_id.to_string(),
            partition: header.partition.to_string(),
            region: header.region.to_string(),
            roles: header.components.len(),
            key: bundle.contents().public_key.describe(),
            kid: bundle.contents().public_key.kid().to_owned(),
            created: header.created.to_string(),
            expires: header.expires.to_string(),
        }),
    };
    let bytes = bundle.archive().to_vec();
    Ok((subject, bytes))
}

fn look_at_json(file: &Path, bytes: Vec<u8>) -> Result<(Subject, Vec<u8>), Failure> {
    let value = json::parse_value(&bytes).map_err(|error| Failure::new(ExitCode::Invalid, error).in_file(file))?;
    if !value.is_object() {
        let failure = Failure::new(ExitCode::Invalid, "it is neither a bundle nor a JSON object, such as a receipt");
        return Err(failure.in_file(file));
    }
    Ok((Subject { file: shown(file), kind: "JSON", sha256: Sha256::of(&bytes).to_string(), bundle: None }, bytes))
}

/// `FILE.<signer>.minisig`.
fn signature_path(file: &Path, signer: &Signer) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(format!(".{}.minisig", signer.0));
    path.into()
}

/// Whether this key's signature over these bytes is there. Another one is an error.
fn already_there(path: &Path, key: &SigningKey, bytes: &[u8]) -> Result<bool, Failure> {
    if path.symlink_metadata().is_err() {
        return Ok(false);
    }
    let found = read_bounded(path, MAX_SIGNATURE_BYTES)?;
    if std::str::from_utf8(&found).is_ok_and(|text| key.made(text, bytes)) {
        return Ok(true);
    }
    let hint = "another key signed under this label, or other bytes: give another --signer, or move the old one away";
    Err(OutputError::Exists { path: path.to_owned(), hint: hint.to_owned() }.into())
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
