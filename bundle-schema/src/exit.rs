//! How the programs end: exit codes are API, and an error is printed in one way.

use std::error::Error;

use crate::layout::fold;

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

/// An error as both programs print it on standard error: what happened, its causes, and then what to do about it.
///
/// An error's text is one line of what happened and, indented below, what to do or where. Long lines are folded.
#[must_use]
pub fn describe(error: &dyn Error) -> String {
    let mut described = String::new();
    let mut advice = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let (happened, rest) = text.split_once('\n').map_or((text.as_str(), None), |(first, rest)| (first, Some(rest)));
        described.push_str(if described.is_empty() { "error: " } else { "\n  because: " });
        described.push_str(happened);
        advice.extend(rest.map(str::to_owned));
        next = error.source();
    }
    // What helps with the cause comes before what helps with its consequence.
    for lines in advice.iter().rev() {
        described.push('\n');
        described.push_str(lines);
    }
    fold(&described)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("file cannot be read\n  look at its mode")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn advice_comes_last() {
        let error = Outer(std::io::Error::other("permission denied"));
        assert_eq!(describe(&error), "error: file cannot be read\n  because: permission denied\n  look at its mode");
        assert_eq!(describe(&std::io::Error::other("a\n  b")), "error: a\n  b");
    }
}
