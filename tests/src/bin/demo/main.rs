//! The demo: a cluster's roles from CredentialsRequests to an (emulated) AWS account, through both doors.
//!
//! `cargo run -p tests --bin demo` makes everything afresh in `target/demo` and shows each step with the command that a
//! user types for it. With `-- --keep` the emulator goes on until Enter is pressed, for trying the commands by hand. With
//! `-- --private` it shows the other way: a private bucket behind CloudFront.

mod private;
mod public;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, thread};

use bundle_schema::layout::fold;
use tests::binaries::{Binaries, With, binaries_with_progress};
use tests::emulator::Emulator;
use tests::program::{Outcome, Program};
use tests::venv::check_python;
use tests::{crate_file, target_dir};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// The first bundle, in both stories.
const BUNDLE: &str = "transfer/democluster-1.tar.gz";

fn main() {
    let is_private = env::args().any(|argument| argument == "--private");
    let (with, tell): (With, fn(&Demo) -> Done) =
        if is_private { (With::Everything, private::tell) } else { (With::AllButCloudFront, public::tell) };
    if let Err(error) = Demo::prepare(with).and_then(|demo| tell(&demo)) {
        eprintln!("\nThe demo failed: {error}");
        std::process::exit(1);
    }
}

/// The demo's folder, the programs and the account.
struct Demo {
    folder: PathBuf,
    programs: Binaries,
    emulator: Emulator,
}

impl Demo {
    fn prepare(with: With) -> Done<Self> {
        // Better known before the programs are built than minutes later.
        check_python()?;
        println!(
            "Building {}.",
            match with {
                With::Everything => "airlock-generator and airlock-applier",
                With::AllButCloudFront =>
                    "airlock-generator, and airlock-applier without CloudFront, which is not in this story",
            }
        );
        let (programs, emulator) = thread::scope(|scope| {
            let emulator = scope.spawn(|| Emulator::start_saying(|progress| println!("Now {progress}.")));
            (binaries_with_progress(with), emulator.join())
        });
        let (programs, emulator) = (programs?, emulator.map_err(|_| "the emulator's setup panicked")??);
        let folder = target_dir().join("demo");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let requests = folder.join("credentials-requests");
        copy_folder(&crate_file("samples/credentials-requests"), &requests)?;
        Ok(Self { folder, programs, emulator })
    }

    /// Says where everything is, and what the requests stand for.
    fn begin(&self) {
        say(&format!(
            "Everything below happens in {}, which holds sample CredentialsRequests. In life they are your release's:\n\
             oc adm release extract --credentials-requests --included --install-config=install-config.yaml --to=DIR RELEASE",
            self.folder.display()
        ));
    }

    /// A signing key for each of the two teams.
    fn make_team_keys(&self) -> Done {
        for team in ["generator-team", "review-team"] {
            self.generator(&["create-signing-key", "--no-password", "--output-dir", team], 0)?;
        }
        Ok(())
    }

    /// The file that says on the privileged side who must have signed.
    fn write_trust(&self) -> Done {
        let trust = serde_json::json!({
            "roles": {"generator": [self.public_key("generator-team")?], "reviewer": [self.public_key("review-team")?]},
            "accounts": ["123456789012"],
            "names": ["demo*"],
            "deniedActions": ["iam:CreateUser", "*"],
            "maxAgeDays": 30,
        });
        fs::write(self.folder.join("trust.json"), serde_json::to_string_pretty(&trust)? + "\n")?;
        self.tool("cat", &["trust.json"])?;
        Ok(())
    }

    /// The reviewer signs what the generator's team has signed.
    fn counter_sign(&self, bundle: &str) -> Done {
        let digest = self.digest(bundle)?;
        self.generator(
            &[
                "sign",
                bundle,
                "--signing-key=review-team/minisign.key",
                "--trusted-key=generator-team/minisign.pub",
                &format!("--sha256={digest}"),
                "--signer=reviewer",
                "--no-password",
            ],
            0,
        )?;
        Ok(())
    }

    /// Whoever applied makes a key of their own and signs the receipt with it.
    fn sign_receipt(&self, receipt: &str) -> Done {
        self.generator(&["create-signing-key", "--no-password", "--output-dir", "operator"], 0)?;
        let digest = format!("--sha256={}", self.digest(receipt)?);
        let sign = ["sign", receipt, "--signing-key=operator/minisign.key", "--no-password", "--signer=operator"];
        self.generator(&[&sign[..], &[&digest]].concat(), 0)?;
        Ok(())
    }

    /// A file's SHA-256, as the stock tool says it.
    fn digest(&self, file: &str) -> Done<String> {
        let printed = self.tool("sha256sum", &[file])?;
        Ok(printed.stdout.split_whitespace().next().ok_or("sha256sum prints nothing")?.to_owned())
    }

    /// The second line of a team's `minisign.pub`.
    fn public_key(&self, team: &str) -> Done<String> {
        let text = fs::read_to_string(self.folder.join(team).join("minisign.pub"))?;
        Ok(text.lines().nth(1).ok_or("minisign.pub has one line only")?.to_owned())
    }

    fn generator(&self, arguments: &[&str], code: i32) -> Done<Outcome> {
        show(&self.program(&self.programs.generator, arguments), code)
    }

    fn applier(&self, arguments: &[&str], code: i32) -> Done<Outcome> {
        show(&self.program(&self.programs.applier, arguments).envs(self.emulator.environment()), code)
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> Done<Outcome> {
        show(&self.program(Path::new(name), arguments), 0)
    }

    fn program(&self, file: &Path, arguments: &[&str]) -> Program {
        Program::new(file).args(arguments).in_folder(&self.folder)
    }
}

/// Copies the files of a folder.
fn copy_folder(from: &Path, to: &Path) -> Done {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// What a plan is approved by.
fn plan_digest(plan: &Outcome) -> Done<String> {
    let digest = plan.stdout.lines().find_map(|line| line.strip_prefix("plan digest: "));
    Ok(digest.ok_or("the plan has no digest")?.to_owned())
}

fn door(title: &str) {
    println!("\n\n== {title}");
}

fn step(text: &str) {
    println!();
    say(text);
}

fn say(text: &str) {
    for line in text.lines() {
        println!("# {line}");
    }
}

/// Runs a command, prints it with everything it says, and insists on its exit code.
fn show(program: &Program, code: i32) -> Done<Outcome> {
    println!("$ {}", folded(&program.line()));
    let outcome = program.run();
    // A warning comes before what is printed, an error after it.
    let (first, second) = (fold(&outcome.stderr), &outcome.stdout);
    if code == 0 {
        print!("{first}{second}");
    } else {
        print!("{second}{first}");
    }
    if outcome.code != Some(code) {
        return Err(format!("{} ended with {:?}; {code} was expected", outcome.line, outcome.code).into());
    }
    if code != 0 {
        println!("(exit code {code})");
    }
    Ok(outcome)
}

/// A long command over several lines, as a shell takes it.
fn folded(line: &str) -> String {
    if line.len() <= 110 { line.to_owned() } else { line.replace(" --", " \\\n    --") }
}
