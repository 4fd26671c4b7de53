//! The commands: where files, the clock, the environment and randomness come in.

pub(crate) mod create_bundle;
pub(crate) mod create_key_pair;
pub(crate) mod create_signing_key;
mod key_source;
pub(crate) mod sign;

use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bundle_schema::escape::Escaped;
use bundle_schema::exit::ExitCode;
use bundle_schema::file::read_bounded;
use bundle_schema::limits::MAX_KEY_FILE_BYTES;
use bundle_schema::names::Timestamp;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::keys::password::{self, PasswordSource};
use crate::keys::signing::{KeyFile, SigningKey};
use crate::settings::flags::SettingsError;

/// Prints on standard output.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(ExitCode::Other, error)),
        _ => Ok(()),
    }
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
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let clock = i64::try_from(now).ok().and_then(|seconds| Timestamp::from_unix(seconds).ok());
    clock.ok_or_else(|| SettingsError::SourceDateEpoch(now.to_string()))
}

/// Reads a file that holds a secret, and says so where others may read it too.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(read_bounded(path, MAX_KEY_FILE_BYTES)?);
    if let Ok(metadata) = std::fs::metadata(path)
        && metadata.permissions().mode() & 0o077 != 0
    {
        let path = path.to_string_lossy();
        note(&format!("warning: {} may be read by others than its owner\n  chmod 600 it\n", Escaped(&path)));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::new(ExitCode::Usage, "it is not text"));
    text.map(|text| Zeroizing::new(text.to_owned())).map_err(|failure| failure.in_file(path))
}

/// Opens a signing key, and asks for its password where it has one.
fn open_signing_key(path: &Path, source: &PasswordSource) -> Result<SigningKey, Failure> {
    let file = KeyFile::parse(read_secret(path)?).map_err(|error| Failure::from(error).in_file(path))?;
    let password = if file.has_password() {
        password::existing(source)?
    } else {
        if *source != PasswordSource::None {
            let path = path.to_string_lossy();
            note(&format!("warning: {} is not protected by a password\n", Escaped(&path)));
        }
        None
    };
    let key = file.open(password.as_deref().map(String::as_str));
    key.map_err(|error| Failure::from(error).in_file(path))
}
