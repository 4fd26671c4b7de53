//! How the programs end: exit codes are API, and an error is printed in one way. So is a panic, which ends the process at once.

use std::error::Error;
use std::io::{IsTerminal, Write, stderr};
use std::panic;
use std::process;
use std::sync::{Mutex, PoisonError};

use crate::escape::Escaped;
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

/// What is still done before a panic ends the process. Its text says what that was.
pub type LastWords = Box<dyn FnOnce() -> String + Send>;

static LAST_WORDS: Mutex<Option<LastWords>> = Mutex::new(None);

/// From here on a panic of any thread ends the process, with [`ExitCode::Other`]: also where the program was built to unwind. No
/// memory is dumped, which may hold keys.
pub fn end_at_panics() {
    panic::set_hook(Box::new(|panic| {
        // Whoever panics meanwhile waits here.
        let mut last_words = LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner);
        let done = last_words.take().map(|last_words| last_words());
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let told = bug(panic.payload_as_str().unwrap_or("no reason given"), place.as_deref(), done.as_deref());
        let mut stderr = stderr();
        // A moving line may stand there.
        let begin = if stderr.is_terminal() { "\n" } else { "" };
        // Nobody may be listening.
        let _ = writeln!(stderr, "{begin}{told}");
        process::exit(ExitCode::Other as i32);
    }));
}

/// What is done before a panic ends the process, in place of what was to be done until now.
pub fn set_last_words(last_words: Option<LastWords>) {
    *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = last_words;
}

/// What a panic is to whoever sees it. Its reason may quote what the program was given.
fn bug(reason: &str, place: Option<&str>, done: Option<&str>) -> String {
    let done = done.map(|done| format!("\n  {done}")).unwrap_or_default();
    fold(&format!(
        "error: a bug in this program has ended it: {}{}{done}\n  report it to its maintainers, with the command and this text",
        Escaped(reason),
        place.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_says_what_it_is_and_what_was_done() {
        assert_eq!(
            bug("index\u{1b} out", Some(" (src/a.rs:7)"), Some("the receipt is r.json")),
            "error: a bug in this program has ended it: index\\u{1b} out (src/a.rs:7)\n  the receipt is r.json\n  report it to its maintainers, with the command and this text"
        );
    }

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
