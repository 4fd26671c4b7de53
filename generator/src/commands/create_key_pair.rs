//! `create-key-pair`: the key pair that signs the cluster's service account tokens.

use std::fmt;
use std::path::{Path, PathBuf};

use bundle_schema::exit::ExitCode;
use serde::Serialize;

use bundle_schema::escape::escaped_path;

use super::key_source::{new_key, read_private_key, read_public_key};
use super::print;
use crate::failure::Failure;
use crate::keys::service_account::{KeyType, PRIVATE_FILE, PUBLIC_FILE, PrivateKey};
use crate::output::files::{NewFile, PRIVATE, PUBLIC, stage};
use crate::output::report::Format;
use crate::settings::flags::SettingsError;

/// The options.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Directory for serviceaccount-signer.private and serviceaccount-signer.public; made if it is missing
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    /// Type of the key [default: rsa-4096]
    #[arg(long, value_enum, value_name = "TYPE")]
    key_type: Option<KeyType>,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    private_key_file: String,
    public_key_file: String,
    key: String,
    kid: String,
    /// Whether the private half was there already.
    kept: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let private =
            if self.kept { "the private half, which was there already and is kept" } else { "the private half" };
        writeln!(f, "{}  {private}: keep it on this host", self.private_key_file)?;
        writeln!(f, "{}  the public half: {} {}", self.public_key_file, self.key, self.kid)
    }
}

/// Makes a pair, or keeps the private half that is there and writes its public half again where that is missing.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { output_dir, key_type, format } = arguments;
    let (private_path, public_path) = (output_dir.join(PRIVATE_FILE), output_dir.join(PUBLIC_FILE));
    let kept = private_path.symlink_metadata().is_ok();
    let key = if kept { existing(&private_path, &public_path, key_type)? } else { fresh(&public_path, key_type)? };
    let public = key.public().to_pem();
    let mut files = Vec::new();
    if !kept {
        files.push(NewFile { path: private_path.clone(), bytes: key.pem().as_bytes(), mode: PRIVATE });
    }
    if public_path.symlink_metadata().is_err() {
        files.push(NewFile { path: public_path.clone(), bytes: public.as_bytes(), mode: PUBLIC });
    }
    stage(files, "name another --output-dir, or move it away")?.publish()?;
    print(&format.render(&Report {
        private_key_file: escaped_path(&private_path),
        public_key_file: escaped_path(&public_path),
        key: key.public().describe(),
        kid: key.public().kid().to_owned(),
        kept,
    }))
}

fn existing(private_path: &Path, public_path: &Path, key_type: Option<KeyType>) -> Result<PrivateKey, Failure> {
    let key = read_private_key(private_path)?;
    if let Some(asked) = key_type.filter(|asked| asked.describe() != key.public().describe()) {
        let (file, found) = (private_path.to_owned(), key.public().describe());
        return Err(SettingsError::KeyType { file, asked: asked.describe(), found }.into());
    }
    if public_path.symlink_metadata().is_ok() && read_public_key(public_path)? != *key.public() {
        let message = format!(
            "{} is not the public half of {}\n  find out which of the two is the cluster's, and move the other away",
            escaped_path(public_path),
            escaped_path(private_path)
        );
        return Err(Failure::new(ExitCode::Usage, message));
    }
    Ok(key)
}

fn fresh(public_path: &Path, key_type: Option<KeyType>) -> Result<PrivateKey, Failure> {
    if public_path.symlink_metadata().is_ok() {
        let message = format!(
            "{} is there without its private half, and a new pair would not fit it\n  name another --output-dir, or move it away",
            escaped_path(public_path)
        );
        return Err(Failure::new(ExitCode::Usage, message));
    }
    new_key(key_type.unwrap_or_default())
}
