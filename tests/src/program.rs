//! Running a program as a user does: its arguments, an environment that holds only what is named, and what came of it.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use bundle_schema::layout::HANGING;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{crate_file, skipped};

/// A program and how it is run.
#[derive(Debug, Clone)]
pub struct Program {
    file: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    input: Vec<u8>,
    /// The script in `support/` that starts it, where one does.
    starter: Option<&'static str>,
}

impl Program {
    /// A program without arguments, with `PATH` as its whole environment and nothing on standard input.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        let path = std::env::var_os("PATH").map(|path| ("PATH".into(), path));
        Self {
            file: file.into(),
            arguments: Vec::new(),
            environment: path.into_iter().collect(),
            folder: None,
            input: Vec::new(),
            starter: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets variables.
    #[must_use]
    pub fn envs(self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        variables.into_iter().fold(self, |program, (name, value)| program.env(name, value))
    }

    /// The folder it runs in.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// What it reads from standard input.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// The kernel kills it at the first system call that makes or uses a socket.
    #[must_use]
    pub fn sockets_denied(mut self) -> Self {
        self.starter = Some("deny_sockets.py");
        self
    }

    /// It runs on a terminal, where prompts are answered: `[[prompt, answer], ...]`. Standard output is what is seen there.
    #[must_use]
    pub fn on_a_terminal(self, dialogue: &[[&str; 2]]) -> Self {
        self.with_dialogue(dialogue, true)
    }

    /// As [`Program::on_a_terminal`] with one prompt, before whose answer a shell command is run.
    #[must_use]
    pub fn on_a_terminal_meanwhile(mut self, prompt: &str, answer: &str, command: &str) -> Self {
        self.starter = Some("terminal.py");
        self.input = json!({"echo": true, "dialogue": [[prompt, answer, command]]}).to_string().into_bytes();
        self
    }

    /// As [`Program::on_a_terminal`], for passwords: answers are typed once the terminal does not show them.
    #[must_use]
    pub fn typed_unseen(self, dialogue: &[[&str; 2]]) -> Self {
        self.with_dialogue(dialogue, false)
    }

    fn with_dialogue(mut self, dialogue: &[[&str; 2]], echo: bool) -> Self {
        self.starter = Some("terminal.py");
        self.input = json!({"echo": echo, "dialogue": dialogue}).to_string().into_bytes();
        self
    }

    /// Starts it; standard output and error go nowhere.
    pub fn spawn(&self) -> Child {
        let started = self.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        started.unwrap_or_else(|error| panic!("{} does not start: {error}", self.line()))
    }

    /// Runs it to its end.
    pub fn run(&self) -> Outcome {
        let started = self.command().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{} does not start: {error}", self.line()));
        let stdin = child.stdin.take();
        let output = thread::scope(|scope| {
            // A program that does not read its input closes it, which is no fault.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(&self.input)));
            child.wait_with_output().expect("a child can be waited for")
        });
        let said = unfolded(&String::from_utf8_lossy(&output.stderr));
        let said: Vec<&str> = said.split_inclusive('\n').collect();
        Outcome {
            line: self.line(),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: said.iter().filter(|line| !is_progress(line)).copied().collect(),
            progress: said.iter().filter(|line| is_progress(line)).map(|line| line.trim_end().to_owned()).collect(),
            bytes: output.stdout,
        }
    }

    /// Runs it to a good end and says what it took; what it prints on standard output goes nowhere.
    #[track_caller]
    pub fn usage(&self) -> Usage {
        let measured = Self { starter: Some("usage.py"), ..self.clone() }.run().exits(0).json();
        serde_json::from_value(measured).expect("usage.py prints it")
    }

    /// Its file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The command as a user types it.
    pub fn line(&self) -> String {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        let words = std::iter::once(name).chain(self.arguments.iter().map(OsString::as_os_str));
        words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    fn command(&self) -> Command {
        let mut command = match self.starter {
            Some(script) => {
                let mut python = Command::new("python3");
                python.arg(crate_file("support").join(script)).arg(absolute(&self.file));
                python
            }
            None => Command::new(&self.file),
        };
        command.args(&self.arguments).env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }
}

/// `execv` looks nothing up.
fn absolute(file: &Path) -> PathBuf {
    if file.components().count() > 1 {
        return file.to_owned();
    }
    find_on_path(file).unwrap_or_else(|| file.to_owned())
}

/// A program's file, where `PATH` has it.
pub fn find_on_path(name: impl AsRef<Path>) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(&name)).find(|file| file.is_file())
}

/// A stock tool, where it is installed; a test that needs it otherwise says that it skips.
pub fn tool(name: &str) -> Option<Program> {
    let found = find_on_path(name).map(Program::new);
    if found.is_none() {
        skipped(&format!("{name} is not installed"));
    }
    found
}

/// Undoes `bundle_schema::layout::fold`: a line that is indented four columns deeper than a sentence continues it.
pub fn unfolded(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let mut whole = String::with_capacity(text.len());
    let mut sentence = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches('\n');
        if sentence.is_some_and(|of| indent(content) == of + HANGING) && !content.trim().is_empty() {
            whole.truncate(whole.trim_end_matches('\n').len());
            whole.push(' ');
            whole.push_str(line.trim_start_matches(' '));
        } else {
            sentence = Some(indent(content));
            whole.push_str(line);
        }
    }
    whole
}

/// Whether a line says how far a program is, as `applying: 3 of 70 actions` or `making the bundle (2 s)`: whether there are any
/// is a matter of the host.
fn is_progress(line: &&str) -> bool {
    let seconds =
        line.trim_end().strip_suffix(" s)").and_then(|rest| rest.rsplit_once(" (")).map(|(_, seconds)| seconds);
    seconds.is_some_and(|seconds| !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit()))
        || ["reading the account", "applying: ", "deleting: "].iter().any(|beginning| line.starts_with(beginning))
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What a run took.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// From its start to its end.
    pub seconds: f64,
    /// On all cores together.
    pub cpu_seconds: f64,
    /// The largest resident set. Never below 10 to 15 MB, which the script that starts the program has.
    pub peak_kib: u64,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command.
    pub line: String,
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error, with lines that were folded to 80 columns in one piece again, and without those of [`Outcome::progress`].
    pub stderr: String,
    /// What it said of how far it was: something where the machine, or AWS, takes its time.
    pub progress: Vec<String>,
    /// Standard output, as it came.
    pub bytes: Vec<u8>,
}

impl Outcome {
    /// Fails the test unless it ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code of {}\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{} prints no JSON ({error}):\n{}", self.line, self.stdout))
    }

    /// Fails the test unless standard error is exactly this, its last line feed aside.
    #[track_caller]
    pub fn says(self, expected: &str) -> Self {
        assert_eq!(self.stderr.trim_end_matches('\n'), expected, "standard error of {}", self.line);
        self
    }
}
