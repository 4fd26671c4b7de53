//! How the programs end: exit codes are API, and an error is printed in one way.

use std::error::Error;

/// The exit codes that both programs document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or nothing to do.
    Done = 0,
    /// Anything that has no code of its own, such as a full disk.
    Other = 1,
    /// The command line, or a file of settings named there, is wrong.
    Usage = 2,
    /// A signature, a key or a trust rule refused the bundle.
    Trust = 3,
    /// The bundle, or the requests it would be made of, is invalid.
    Invalid = 4,
    /// The live account refused it: wrong account, expired, older serial, a resource that is not ours.
    Refused = 5,
    /// AWS failed; running it again is safe.
    Aws = 6,
    /// `plan --detailed-exitcode` found changes.
    Changes = 10,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// An error with its chain of causes, as both programs print it on standard error: one line a cause, then what to do.
#[must_use]
pub fn describe(error: &dyn Error) -> String {
    let mut text = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str("\n  because: ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
