//! What the programs cost, as whole processes: `cargo run --release -p tests --bin bench`.
//!
//! ```text
//! bench [WORD]... [--runs N] [--json FILE] [--programs FOLDER] [--fresh-clone]
//! ```
//!
//! The programs are built in the profile of the bench, or are those of `FOLDER`: a package's, say.
//! Each group of rows has a name; words select the groups in whose names they are. With `CCOCTL=PATH` ccoctl does the same work in
//! turn. The first run of everything is not counted. Machines are noisy: quote medians, and ratios within one run of this.

#![allow(
    clippy::indexing_slicing,
    clippy::unnecessary_wraps,
    reason = "a developer's tool says what is wrong by failing, and its groups are all called in one way"
)]

mod account;
mod ccoctl;
mod figures;
mod fresh_clone;
mod growth;
mod measure;
mod offline;
mod programs;
mod table;
mod throttled;

use std::cell::{OnceCell, RefCell};
use std::path::{PathBuf, absolute};
use std::process::ExitCode;
use std::thread::available_parallelism;

use tests::binaries::take_from;
use tests::program::Program;
use tests::scene::Scene;
use tests::{SetupError, profile_dir};

use self::account::Account;
use self::ccoctl::Ccoctl;
use self::figures::Figure;
use self::table::Table;

/// Measures a group of rows.
type Measure = fn(&Bench) -> Result<(), SetupError>;

const GROUPS: [(&str, Measure); 12] = [
    ("key-pair", offline::key_pair),
    ("create-bundle", offline::create_bundle),
    ("review", offline::review),
    ("verify", offline::verify),
    ("apply-delete", account::thirty_roles),
    ("throttled", throttled::thousand_roles),
    ("help", programs::help),
    ("size", programs::size),
    ("crates", programs::crates),
    ("growth-offline", growth::offline),
    ("growth-account", growth::with_account),
    (FRESH_CLONE, fresh_clone::demo),
];
/// The group that is measured only when it is asked for, by its flag or a word.
const FRESH_CLONE: &str = "fresh-clone";

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), SetupError> {
    if let Some(folder) = &options.programs {
        take_from(&absolute(folder).map_err(|error| SetupError(error.to_string()))?)?;
    }
    let scene = Scene::with_key()?;
    let ccoctl = std::env::var_os("CCOCTL").map(|file| Ccoctl::named(&file, &scene)).transpose()?;
    let built = || format!("the profile {}", profile_dir().file_name().unwrap_or_default().display());
    let programs = options.programs.as_ref().map_or_else(built, |folder| folder.display().to_string());
    let cores = available_parallelism().map_or(1, usize::from);
    let table = RefCell::new(Table::new(programs, cores));
    let bench = Bench { scene, ccoctl, account: OnceCell::new(), table, runs: options.runs };
    for (name, measure) in options.groups() {
        if name == FRESH_CLONE && !options.fresh_clone && options.words.is_empty() {
            bench.table.borrow_mut().leave_out(name, "it takes minutes; --fresh-clone includes it");
        } else {
            measure(&bench)?;
        }
    }
    let mut table = bench.table.into_inner();
    if bench.ccoctl.is_none() {
        table.leave_out("ccoctl", "the variable CCOCTL does not name it");
    }
    table.end();
    options.json.as_deref().map_or(Ok(()), |file| table.write(file))
}

/// The command line.
#[derive(Debug, Default, PartialEq)]
struct Options {
    words: Vec<String>,
    runs: Option<usize>,
    json: Option<PathBuf>,
    programs: Option<PathBuf>,
    fresh_clone: bool,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, SetupError> {
        let mut options = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| SetupError(format!("{argument} needs a value")));
            match argument.as_str() {
                "--fresh-clone" => options.fresh_clone = true,
                "--json" => options.json = Some(value()?.into()),
                "--programs" => options.programs = Some(value()?.into()),
                "--runs" => {
                    let runs = value()?;
                    let number = runs.parse().ok().filter(|number| *number > 0);
                    options.runs =
                        Some(number.ok_or_else(|| SetupError(format!("--runs {runs} is not a number from 1")))?);
                }
                word if !word.starts_with('-') && GROUPS.iter().any(|(name, _)| name.contains(word)) => {
                    options.words.push(argument);
                }
                _ => {
                    let names = GROUPS.map(|(name, _)| name).join(", ");
                    return Err(SetupError(format!(
                        "{argument} is in no group's name ({names})\n  usage: bench [WORD]... [--runs N] [--json FILE] [--programs FOLDER] [--fresh-clone]"
                    )));
                }
            }
        }
        Ok(options)
    }

    /// All groups, or those that were asked for.
    fn groups(&self) -> impl Iterator<Item = (&'static str, Measure)> {
        let wanted = |name: &str| {
            self.words.is_empty()
                || self.words.iter().any(|word| name.contains(word.as_str()))
                || (name == FRESH_CLONE && self.fresh_clone)
        };
        GROUPS.into_iter().filter(move |(name, _)| wanted(name))
    }
}

/// What all groups share.
struct Bench {
    scene: Scene,
    ccoctl: Option<Ccoctl>,
    account: OnceCell<Account>,
    table: RefCell<Table>,
    runs: Option<usize>,
}

impl Bench {
    /// How often something is run, where the command line does not say.
    fn runs(&self, usually: usize) -> usize {
        self.runs.unwrap_or(usually)
    }

    fn add(&self, work: impl Into<String>, figures: impl IntoIterator<Item = Figure>) {
        self.table.borrow_mut().add(work, figures);
    }

    /// The account, started when it is needed first.
    fn account(&self) -> Result<&Account, SetupError> {
        if let Some(account) = self.account.get() {
            return Ok(account);
        }
        let account = Account::start(self)?;
        Ok(self.account.get_or_init(|| account))
    }

    /// A folder of so many requests, each for twenty actions.
    fn requests(&self, roles: usize) -> String {
        let folder = format!("requests-{roles}");
        if !self.scene.path(&folder).exists() {
            self.scene.write_requests(&folder, 0..roles, 20);
        }
        folder
    }

    /// A bundle of them.
    fn bundle(&self, roles: usize) -> String {
        let output = format!("bundle-{roles}");
        if !self.scene.path(&output).exists() {
            self.create_bundle(&self.requests(roles), &output).run().exits(0);
        }
        format!("{output}/democluster-1.tar.gz")
    }

    /// Makes a bundle of these requests, in an output folder of its own.
    fn create_bundle(&self, requests: &str, output: &str) -> Program {
        self.scene.create_bundle(&["--credentials-requests-dir", requests, "--output-dir", output])
    }

    fn verify(&self, bundle: &str) -> Program {
        self.scene.applier(["verify", bundle, "--trusted-key", "minisign.pub"])
    }
}

#[cfg(test)]
mod tests_of_the_command_line {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        Options::parse(arguments.iter().map(|argument| (*argument).to_owned())).map_err(|error| error.to_string())
    }

    #[test]
    fn words_select_groups() {
        let names = |arguments: &[&str]| parse(arguments).unwrap().groups().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&["verify"]), ["verify"]);
        assert_eq!(names(&["growth", "size"]), ["size", "growth-offline", "growth-account"]);
        assert_eq!(names(&["size", "--fresh-clone"]), ["size", "fresh-clone"]);
        assert_eq!(names(&[]).len(), GROUPS.len());
    }

    #[test]
    fn options_have_values() {
        let options = parse(&["--json", "out.json", "--runs", "3", "help"]).unwrap();
        let expected = Options {
            words: vec!["help".into()],
            runs: Some(3),
            json: Some("out.json".into()),
            programs: None,
            fresh_clone: false,
        };
        assert_eq!(options, expected);
        assert_eq!(parse(&["--runs", "0"]), Err("--runs 0 is not a number from 1".to_owned()));
        assert_eq!(parse(&["--json"]), Err("--json needs a value".to_owned()));
        let unknown = parse(&["speed"]).unwrap_err();
        assert!(unknown.starts_with("speed is in no group's name (key-pair, create-bundle, review,"), "{unknown}");
    }
}
