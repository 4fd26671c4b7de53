//! The corpus of hostile bundles: what must not get in, one attack each, with the exact error and exit code.
//!
//! Every attack is delivered as a user would get it, as files, and `airlock-applier apply --yes` is run on it with AWS
//! credentials and an endpoint that counts connections. There must be none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]
#![allow(
    clippy::assigning_clones,
    clippy::semicolon_if_nothing_returned,
    clippy::too_many_lines,
    reason = "lists of attacks, one short change each"
)]

mod gzip;
mod index;
mod json;
mod meaning;
mod signature;
mod tar;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use tests::binaries::binaries;
use tests::forge::{Delivery, Kit};
use tests::program::{Outcome, Program};

/// One attack, and how it is refused.
pub(crate) struct Attack {
    name: &'static str,
    delivery: Delivery,
    exit: i32,
    /// How the error begins; what follows is another line.
    error: String,
}

impl Attack {
    fn new(name: &'static str, delivery: Delivery, exit: i32, error: &str) -> Self {
        Self { name, delivery, exit, error: error.to_owned() }
    }

    /// The attack does not get as far as the check it is aimed at.
    pub(crate) fn caught_earlier(mut self, error: &str) -> Self {
        error.clone_into(&mut self.error);
        self
    }
}

/// Refused as an invalid bundle.
pub(crate) fn refused(name: &'static str, delivery: Delivery, error: &str) -> Attack {
    Attack::new(name, delivery, 4, error)
}

/// Refused as an archive that is not canonical.
pub(crate) fn archive_refused(name: &'static str, delivery: Delivery, cause: &str) -> Attack {
    refused(name, delivery, &format!("bundle is not a canonical archive\n  because: {cause}"))
}

/// Refused for its signatures, or by the trust file.
pub(crate) fn untrusted(name: &'static str, delivery: Delivery, error: &str) -> Attack {
    Attack::new(name, delivery, 3, error)
}

/// Refused for the time.
pub(crate) fn expired(name: &'static str, delivery: Delivery, error: &str) -> Attack {
    Attack::new(name, delivery, 5, error)
}

fn corpus(kit: &Kit) -> Vec<Attack> {
    let lists = [gzip::attacks, tar::attacks, index::attacks, json::attacks, signature::attacks, meaning::attacks];
    lists.into_iter().flat_map(|attacks| attacks(kit)).collect()
}

/// An endpoint that answers nobody and counts who came.
struct Tripwire {
    listener: std::net::TcpListener,
}

impl Tripwire {
    fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let url = format!("http://{}", self.listener.local_addr().unwrap());
        [
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "eu-central-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn calls(&self) -> usize {
        std::iter::from_fn(|| self.listener.accept().ok()).count()
    }
}

/// Puts a delivery's files into a folder, and runs the applier on it as a user would.
fn run_applier(
    command: &str,
    delivery: &Delivery,
    folder: &Path,
    more: &[&str],
    environment: Vec<(String, String)>,
) -> Outcome {
    let bundle = folder.join("prod-a-7.tar.gz");
    std::fs::write(&bundle, &delivery.archive).unwrap();
    for (suffix, signature) in &delivery.signatures {
        std::fs::write(folder.join(format!("prod-a-7.tar.gz{suffix}")), signature).unwrap();
    }
    let trust = folder.join("trust.json");
    std::fs::write(&trust, &delivery.trust).unwrap();
    Program::new(&binaries().unwrap().applier)
        .arg(command)
        .arg(&bundle)
        .arg("--trust")
        .arg(&trust)
        .args(more)
        .envs(environment)
        .in_folder(folder)
        .run()
}

/// Runs one attack; what is wrong with the refusal, if anything.
fn run(attack: &Attack) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let tripwire = Tripwire::new();
    let outcome = run_applier("apply", &attack.delivery, folder.path(), &["--yes"], tripwire.environment());
    let stderr = outcome.stderr.replace(folder.path().to_str().unwrap(), "DIR");
    let expected = format!("error: {}", attack.error);
    let calls = tripwire.calls();
    let left = std::fs::read_dir(folder.path()).unwrap().count() - attack.delivery.signatures.len() - 2;
    if outcome.code == Some(attack.exit)
        && stderr.starts_with(&expected)
        && outcome.stdout.is_empty()
        && calls == 0
        && left == 0
    {
        return None;
    }
    Some(format!(
        "--- {}\nexpected exit {}, got {:?}; {calls} calls to AWS; {left} files left behind\nexpected: {expected}\n     got: {stderr}stdout: {}",
        attack.name, attack.exit, outcome.code, outcome.stdout
    ))
}

#[test]
fn the_good_bundle_is_what_the_attacks_start_from() {
    let kit = Kit::new();
    let folder = tempfile::tempdir().unwrap();
    run_applier("verify", &kit.good(), folder.path(), &[], Vec::new()).exits(0);
}

#[test]
fn the_tripwire_counts() {
    let tripwire = Tripwire::new();
    assert_eq!(tripwire.calls(), 0);
    let _calls = [(); 2].map(|()| std::net::TcpStream::connect(tripwire.listener.local_addr().unwrap()).unwrap());
    assert_eq!(tripwire.calls(), 2);
}

#[test]
fn every_hostile_bundle_is_refused_with_its_own_error_and_without_a_call_to_aws() {
    let kit = Kit::new();
    let corpus = corpus(&kit);
    let names: BTreeSet<&str> = corpus.iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), corpus.len(), "every attack has a name of its own");
    assert!(corpus.len() >= 100, "the corpus has {} attacks", corpus.len());
    binaries().unwrap();
    let (left, right) = corpus.split_at(corpus.len() / 2);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let other = scope.spawn(|| right.iter().filter_map(run).collect::<Vec<_>>());
        let mut failures: Vec<String> = left.iter().filter_map(run).collect();
        failures.extend(other.join().unwrap());
        failures
    });
    assert!(failures.is_empty(), "{} of {} attacks:\n{}", failures.len(), corpus.len(), failures.join("\n"));
    println!("{} hostile bundles refused", corpus.len());
}

/// What a program does that reads an archive with the plain readers of `flate2` and `tar`: no error, no objection.
fn plain_readers_accept(archive: &[u8]) -> bool {
    let mut tar = ::tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let read = tar.entries().and_then(|mut entries| {
        entries.try_for_each(|entry| {
            let mut entry = entry?;
            entry.path()?;
            // A bomb is not drunk to the end here.
            std::io::copy(&mut entry.by_ref().take(1 << 26), &mut std::io::sink()).map(drop)
        })
    });
    read.is_ok()
}

#[test]
fn the_plain_readers_would_let_most_of_the_archives_through() {
    let kit = Kit::new();
    assert!(plain_readers_accept(&kit.good_archive()));
    let archives: Vec<Attack> = [gzip::attacks(&kit), tar::attacks(&kit)].into_iter().flatten().collect();
    let accepted: Vec<&str> = archives
        .iter()
        .filter(|attack| plain_readers_accept(&attack.delivery.archive))
        .map(|attack| attack.name)
        .collect();
    println!(
        "the plain readers of tar and flate2 let {} of {} hostile archives through: {}",
        accepted.len(),
        archives.len(),
        accepted.join("; ")
    );
    assert!(accepted.len() > archives.len() / 2);
}
