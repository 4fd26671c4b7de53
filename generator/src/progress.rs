//! What goes on while a command takes its time, on standard error.
//!
//! Input: words for what is done. Output: nothing where it is done within a second. On a terminal then one line that
//! counts the seconds and is gone in the end; in a log a line at once, and one more whenever the time has doubled.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long nothing is said, and how often it is looked again, in seconds.
const EVERY: u64 = 1;

/// Something that is under way until this is dropped.
pub(crate) struct Progress {
    /// None where no thread could be started: then nothing is said.
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins: `what` goes on from here, such as `making an RSA key`.
    pub(crate) fn of(what: impl Into<String>) -> Self {
        let (what, (stop, stopped)) = (what.into(), mpsc::channel::<()>());
        let is_terminal = io::stderr().is_terminal();
        let work = move || {
            let mut shown = Shown { what, is_terminal, next: EVERY };
            let mut seconds = 0;
            while stopped.recv_timeout(Duration::from_secs(EVERY)) == Err(RecvTimeoutError::Timeout) {
                seconds += EVERY;
                write(shown.after(seconds));
            }
            write(shown.end(seconds));
        };
        Self { thread: thread::Builder::new().spawn(work).ok().map(|thread| (stop, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            // What it wrote comes before what is written next.
            let _ = thread.join();
        }
    }
}

fn write(text: Option<String>) {
    if let Some(text) = text {
        // Nobody may be listening.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// What is shown, and when.
struct Shown {
    what: String,
    is_terminal: bool,
    /// The second from which on a log gets its next line.
    next: u64,
}

impl Shown {
    /// What is written after this many seconds.
    fn after(&mut self, seconds: u64) -> Option<String> {
        if self.is_terminal {
            return Some(format!("\r{} ({seconds} s)", self.what));
        }
        if seconds < self.next {
            return None;
        }
        self.next = 2 * seconds;
        Some(format!("{} ({seconds} s)\n", self.what))
    }

    /// What is written once it is done, so long after it began.
    fn end(&self, seconds: u64) -> Option<String> {
        let is_shown = self.is_terminal && seconds > 0;
        // ECMA-48, EL: the line is erased from its first column.
        is_shown.then(|| "\r\u{1b}[K".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(is_terminal: bool, seconds: u64) -> Vec<String> {
        let mut shown = Shown { what: "making a key".to_owned(), is_terminal, next: EVERY };
        let mut all: Vec<String> = (1..=seconds).filter_map(|second| shown.after(second)).collect();
        all.extend(shown.end(seconds));
        all
    }

    #[test]
    fn nothing_is_said_of_what_is_done_within_a_second() {
        assert_eq!(shown(true, 0), Vec::<String>::new());
        assert_eq!(shown(false, 0), Vec::<String>::new());
    }

    #[test]
    fn a_terminal_has_one_line_which_is_gone_in_the_end() {
        assert_eq!(shown(true, 2), ["\rmaking a key (1 s)", "\rmaking a key (2 s)", "\r\u{1b}[K"]);
    }

    #[test]
    fn a_log_has_a_line_whenever_the_time_has_doubled() {
        let lines = ["making a key (1 s)\n", "making a key (2 s)\n", "making a key (4 s)\n", "making a key (8 s)\n"];
        assert_eq!(shown(false, 15), lines);
    }

    #[test]
    fn it_ends_at_once_where_nothing_was_said() {
        let progress = Progress::of("making a key");
        assert!(progress.thread.is_some());
        drop(progress);
    }
}
