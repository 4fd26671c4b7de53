//! The commands: where files, the clock, the environment and randomness come in.

mod bundle_files;
pub(crate) mod create_bundle;
mod create_endpoint;
pub(crate) mod create_key_pair;
pub(crate) mod create_signing_key;
mod endpoint_receipt;
mod key_source;
mod next_steps;
mod previous;
pub(crate) mod review;
pub(crate) mod sign;
mod subject;
mod trusted;

use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bundle_schema::escape::Escaped;
use bundle_schema::exit::ExitCode;
use bundle_schema::file::read_bounded;
use bundle_schema::layout::fold;
use bundle_schema::limits::MAX_KEY_FILE_BYTES;
use bundle_schema::names::Timestamp;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::keys::password::{self, PasswordSource};
use crate::keys::signing::{KeyFile, SigningKey};
use crate::progress::Progress;
use crate::settings::flags::SettingsError;

/// Prints on standard output. Colours are kept where a terminal shows them.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(ExitCode::Other, error)),
        _ => Ok(()),
    }
}

/// Prints a warning on standard error.
fn warn(text: &str) {
    note(&fold(&format!("warning: {text}\n")));
}

/// Prints on standard error, where nobody may be listening.
fn note(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// `SOURCE_DATE_EPOCH`, or now [reproducible-builds.org, SOURCE_DATE_EPOCH].
fn time_from_environment() -> Result<Timestamp, SettingsError> {
    if let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") {
        let text = text.to_string_lossy();
        let seconds = text.parse().ok().and_then(|seconds| Timestamp::from_unix(seconds).ok());
        return seconds.ok_or_else(|| SettingsError::SourceDateEpoch(text.into_owned()));
    }
    now()
}

/// This host's clock.
fn now() -> Result<Timestamp, SettingsError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let clock = i64::try_from(now).ok().and_then(|seconds| Timestamp::from_unix(seconds).ok());
    clock.ok_or(SettingsError::Clock)
}

/// Reads a file that holds a secret, with a warning where others can read it.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(read_bounded(path, MAX_KEY_FILE_BYTES)?);
    warn_if_others_can_read(path);
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::new(ExitCode::Usage, "it is not text"));
    text.map(|text| Zeroizing::new(text.to_owned())).map_err(|failure| failure.in_file(path))
}

/// A mounted Secret of a pod can often not be closed, so this is no error.
fn warn_if_others_can_read(path: &Path) {
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o7777);
    if mode & 0o077 != 0 {
        let path = path.to_string_lossy();
        warn(&format!(
            "{0} has mode {mode:04o}, so others can read it; expected 0600\n  chmod 600 {0}",
            Escaped(&path)
        ));
    }
}

/// Where the password comes from, with a warning where others can read it there.
fn password_source(file: Option<PathBuf>, none: bool) -> PasswordSource {
    if let Some(file) = &file {
        warn_if_others_can_read(file);
    }
    PasswordSource::new(file, none)
}

/// Opens a signing key, and asks for its password where it has one.
fn open_signing_key(path: &Path, source: &PasswordSource) -> Result<SigningKey, Failure> {
    let file = KeyFile::parse(read_secret(path)?).map_err(|error| Failure::from(error).in_file(path))?;
    let password = if file.has_password() {
        password::existing(source)?
    } else {
        if *source != PasswordSource::None {
            let path = path.to_string_lossy();
            warn(&format!("{} is not protected by a password", Escaped(&path)));
        }
        None
    };
    let _progress = Progress::of("decrypting the signing key");
    let key = file.open(password.as_deref().map(String::as_str));
    key.map_err(|error| Failure::from(error).in_file(path))
}
