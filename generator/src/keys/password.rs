//! Where the password of a signing key comes from: a terminal, without echo, or a file. Never the command line, where every
//! process of the host could read it, nor the environment.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use bundle_schema::file::{OpenError, read_bounded};
use zeroize::Zeroizing;

/// The longest password that stock minisign takes, in bytes, and a line ending.
const MAX_PASSWORD_BYTES: u64 = 1024 + 2;

/// How a command was told to get the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PasswordSource {
    /// `--no-password`: there is none.
    None,
    /// `--password-file`.
    File(PathBuf),
    /// Neither: it is asked for.
    Ask,
}

impl PasswordSource {
    pub(crate) fn new(file: Option<PathBuf>, none: bool) -> Self {
        match file {
            Some(file) => Self::File(file),
            None if none => Self::None,
            None => Self::Ask,
        }
    }
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The file cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file holds no text, nothing, or more than one line.
    #[error("the password file must hold the password as its only line, in UTF-8")]
    File,
    /// Nobody to ask.
    #[error(
        "the password cannot be asked for: standard input is not a terminal\n  give --password-file FILE, or --no-password for a key without one"
    )]
    NoTerminal,
    /// The terminal failed.
    #[error("the password cannot be asked for")]
    Terminal(#[source] std::io::Error),
    /// Nothing was typed.
    #[error("the password is empty\n  for a key without a password, give --no-password")]
    Empty,
    /// Two different ones were typed.
    #[error("the passwords do not match")]
    Differ,
}

/// The password of a key that has one; none for `--no-password`.
pub(crate) fn existing(source: &PasswordSource) -> Result<Option<Zeroizing<String>>, PasswordError> {
    match source {
        PasswordSource::None => Ok(None),
        PasswordSource::File(path) => from_file(path).map(Some),
        PasswordSource::Ask => ask("Password: ").map(Some),
    }
}

/// A password for a new key, typed twice; none for `--no-password`.
pub(crate) fn new(source: &PasswordSource) -> Result<Option<Zeroizing<String>>, PasswordError> {
    match source {
        PasswordSource::None => Ok(None),
        PasswordSource::File(path) => from_file(path).map(Some),
        PasswordSource::Ask => {
            let first = ask("New password: ")?;
            let second = ask("Confirm password: ")?;
            if first == second { Ok(Some(first)) } else { Err(PasswordError::Differ) }
        }
    }
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, PasswordError> {
    if !std::io::stdin().is_terminal() {
        return Err(PasswordError::NoTerminal);
    }
    let password = Zeroizing::new(rpassword::prompt_password(prompt).map_err(PasswordError::Terminal)?);
    if password.is_empty() { Err(PasswordError::Empty) } else { Ok(password) }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, PasswordError> {
    let bytes = Zeroizing::new(read_bounded(path, MAX_PASSWORD_BYTES)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| PasswordError::File)?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(['\n', '\r', '\0']) {
        return Err(PasswordError::File);
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_one_line() {
        let path = std::env::temp_dir().join(format!("airlock-password-{}", std::process::id()));
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            from_file(&path).map(|password| password.to_string()).map_err(|error| error.to_string())
        };
        for right in ["pass word", "pass word\n", "pass word\r\n"] {
            assert_eq!(read(right.as_bytes()).as_deref(), Ok("pass word"), "{right:?}");
        }
        for wrong in [b"".as_slice(), b"\n", b"a\nb\n", b"\xff", &[b'x'; 2000]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
