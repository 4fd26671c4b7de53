//! What a person sees of work that takes a while: on a terminal one line that moves, in a log a plain line now and then.
//!
//! Input: how long the work has taken, and numbers and names that were checked. Output: text on standard error; none for what
//! ends within a second. Nobody may be listening there, so what cannot be written is left out.

use std::io::{IsTerminal, Write, stderr};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bundle_schema::layout::{WIDTH, fold};

/// How often a moving line moves.
pub(crate) const TICK: Duration = Duration::from_millis(200);
/// When work begins to say something.
const FIRST: Duration = Duration::from_secs(1);
/// How often a log gets a line.
const EVERY: Duration = Duration::from_secs(10);

/// How many columns the moving line has that stands on the terminal now.
static COLUMNS: AtomicUsize = AtomicUsize::new(0);
/// How many lines there are, one inside the other; the innermost is shown.
static LINES: AtomicUsize = AtomicUsize::new(0);

/// Writes a line of its own to standard error.
pub(crate) fn say(text: &str) {
    clear();
    let _ = writeln!(stderr(), "{}", fold(text));
}

/// Takes the moving line off the terminal, before something else is written there.
pub(crate) fn clear() {
    let columns = COLUMNS.swap(0, Ordering::Relaxed);
    if columns > 0 {
        let _ = write!(stderr(), "\r{:columns$}\r", "");
    }
}

/// When a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Over the last one, on a terminal.
    Moving,
    /// The first of a log.
    First,
    /// Another one of a log.
    Later,
}

/// The line of some work.
pub(crate) struct Line {
    is_terminal: bool,
    /// How long the work has to take before anything is said.
    first: Duration,
    /// How often a log gets a line.
    every: Duration,
    written: Option<Duration>,
    /// Its place among the lines that there are.
    depth: usize,
}

impl Line {
    pub(crate) fn new(first: Duration, every: Duration) -> Self {
        let depth = LINES.fetch_add(1, Ordering::Relaxed) + 1;
        Self { is_terminal: stderr().is_terminal(), first, every, written: None, depth }
    }

    /// Whether something is to be said after this long.
    pub(crate) fn due(&mut self, passed: Duration) -> Option<Due> {
        let step = if self.is_terminal { TICK } else { self.every };
        let next = self.written.map_or(self.first, |written| written + step);
        let due = match (self.is_terminal, self.written) {
            (true, _) => Due::Moving,
            (false, None) => Due::First,
            (false, Some(_)) => Due::Later,
        };
        let is_due = passed >= next && LINES.load(Ordering::Relaxed) <= self.depth;
        is_due.then(|| {
            self.written = Some(passed);
            due
        })
    }

    pub(crate) fn write(&self, text: &str) {
        if !self.is_terminal {
            return say(text);
        }
        // One that is wider than the terminal would not go back to its beginning.
        let text: String = text.chars().take(WIDTH - 1).collect();
        let before = COLUMNS.swap(text.chars().count(), Ordering::Relaxed);
        let _ = write!(stderr(), "\r{text:before$}");
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        LINES.fetch_sub(1, Ordering::Relaxed);
        clear();
    }
}

/// Does some work, and says meanwhile how far it is.
pub(crate) async fn while_doing<T>(work: impl Future<Output = T>, words: impl Fn() -> String) -> T {
    let (begun, mut line, mut work) = (Instant::now(), Line::new(FIRST, EVERY), pin!(work));
    loop {
        if let Ok(done) = tokio::time::timeout(TICK, &mut work).await {
            return done;
        }
        if line.due(begun.elapsed()).is_some() {
            line.write(&words());
        }
    }
}

/// A service that throttles, and about how many requests a second it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Throttling {
    pub(crate) service: &'static str,
    pub(crate) rate: f64,
}

/// `reading the account: 412 of 1,000 roles`.
pub(crate) fn reading(done: usize, of: usize, throttling: Option<Throttling>) -> String {
    let roles = if of == 0 { String::new() } else { format!(": {} of {} roles", thousands(done), thousands(of)) };
    format!("reading the account{roles}{}", suffix(throttling))
}

/// `applying: 120 of 2,013 actions; IAM takes about 20 requests a second`.
pub(crate) fn doing(what: &str, done: usize, of: usize, throttling: Option<Throttling>) -> String {
    format!("{what}: {} of {} actions{}", thousands(done), thousands(of), suffix(throttling))
}

fn suffix(throttling: Option<Throttling>) -> String {
    match throttling {
        None => String::new(),
        Some(Throttling { service, rate }) if rate < 1.5 => format!("; {service} takes about 1 request a second"),
        Some(Throttling { service, rate }) => format!("; {service} takes about {rate:.0} requests a second"),
    }
}

/// `2,013`.
fn thousands(number: usize) -> String {
    let rest = number % 1_000;
    if number < 1_000 { rest.to_string() } else { format!("{},{rest:03}", thousands(number / 1_000)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(is_terminal: bool) -> Line {
        // Deeper than those of other tests.
        Line { is_terminal, first: FIRST, every: EVERY, written: None, depth: usize::MAX }
    }

    /// When something is said, in milliseconds, where it is looked every 200.
    fn said(is_terminal: bool, seconds: u64) -> Vec<(u64, Due)> {
        let mut line = std::mem::ManuallyDrop::new(line(is_terminal));
        let looks = (0..=seconds * 5).map(|look| look * 200);
        looks.filter_map(|passed| Some((passed, line.due(Duration::from_millis(passed))?))).collect()
    }

    #[test]
    fn what_ends_within_a_second_says_nothing() {
        assert_eq!(said(false, 30), [(1_000, Due::First), (11_000, Due::Later), (21_000, Due::Later)]);
        let moving = said(true, 2);
        assert_eq!(moving.first(), Some(&(1_000, Due::Moving)));
        assert_eq!(moving.len(), 6, "every 200 ms from the first second on");
    }

    #[test]
    fn of_two_lines_the_inner_one_is_shown() {
        let mut outer = Line::new(Duration::ZERO, EVERY);
        let inner = Line::new(Duration::ZERO, EVERY);
        assert_eq!(outer.due(Duration::from_secs(5)), None);
        drop(inner);
    }

    #[test]
    fn the_words_fit_a_terminal() {
        let throttling = Some(Throttling { service: "IAM", rate: 19.6 });
        assert_eq!(reading(0, 0, None), "reading the account");
        assert_eq!(reading(412, 1_000, None), "reading the account: 412 of 1,000 roles");
        let long = reading(412, 1_000, throttling);
        assert_eq!(long, "reading the account: 412 of 1,000 roles; IAM takes about 20 requests a second");
        assert!(long.len() < WIDTH);
        assert_eq!(doing("applying", 120, 1_002_013, None), "applying: 120 of 1,002,013 actions");
        let slow = Some(Throttling { service: "S3", rate: 0.5 });
        assert_eq!(doing("deleting", 1, 2, slow), "deleting: 1 of 2 actions; S3 takes about 1 request a second");
    }
}
