//! `create-signing-key`: a minisign key pair for signing bundles.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::{password_source, print};
use crate::failure::Failure;
use crate::keys::password;
use crate::keys::signing;
use crate::output::files::{NewFile, OutputError, PRIVATE, PUBLIC, stage};
use crate::output::report::Format;
use crate::progress::Progress;
use bundle_schema::escape::escaped_path;

const SECRET_FILE: &str = "minisign.key";
const PUBLIC_FILE: &str = "minisign.pub";

/// The options.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Directory for minisign.key and minisign.pub; made if it is missing
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    /// File whose only line is the new key's password
    #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
    password_file: Option<PathBuf>,
    /// Leave the key without a password: whoever can read the file can sign
    #[arg(long)]
    no_password: bool,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    secret_key_file: String,
    public_key_file: String,
    public_key: String,
    has_password: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protected = if self.has_password { "protected by the password" } else { "not protected by a password" };
        writeln!(f, "{}  the secret key, {protected}: keep it on this host", self.secret_key_file)?;
        writeln!(f, "{}  the public key, for those who verify: {}", self.public_key_file, self.public_key)
    }
}

/// Makes the pair. Neither file is ever overwritten.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    const HINT: &str = "name another --output-dir, or move the old pair away";
    let Arguments { output_dir, password_file, no_password, format } = arguments;
    let (secret_path, public_path) = (output_dir.join(SECRET_FILE), output_dir.join(PUBLIC_FILE));
    for path in [&secret_path, &public_path] {
        if path.symlink_metadata().is_ok() {
            return Err(OutputError::Exists { path: path.clone(), hint: HINT.to_owned() }.into());
        }
    }
    let password = password::new(&password_source(password_file, no_password))?;
    let progress = Progress::of("encrypting the signing key");
    let files = signing::generate(password.as_deref().map(String::as_str))?;
    drop(progress);
    let report = Report {
        secret_key_file: escaped_path(&secret_path),
        public_key_file: escaped_path(&public_path),
        public_key: files.public.lines().nth(1).unwrap_or_default().to_owned(),
        has_password: password.is_some(),
    };
    let secret = NewFile { path: secret_path, bytes: files.secret.as_bytes(), mode: PRIVATE };
    let public = NewFile { path: public_path, bytes: files.public.as_bytes(), mode: PUBLIC };
    stage(vec![secret, public], HINT)?.publish()?;
    print(&format.render(&report))
}
