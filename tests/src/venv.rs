//! Python environments under the target folder: the emulator, as `requirements.txt` pins it, with the stock AWS CLI where a test
//! wants it, as `aws-cli-requirements.txt` does; and axe-core, as `axe-requirements.txt` does.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::program::Program;
use crate::{SetupError, crate_file, target_dir};

/// A complete environment.
#[derive(Debug, Clone)]
pub struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The emulator's environment; `say` hears when making it takes a while.
    pub fn get(say: impl Fn(&str)) -> Result<Self, SetupError> {
        let size = "setting up the AWS emulator in target/emulator-venv (once, from PyPI: about 30 MB to download, 110 MB on disk)";
        Self::complete("emulator-venv", "requirements.txt", || say(size))
    }

    /// The stock AWS CLI, beside the emulator.
    pub fn aws_cli(&self) -> Result<PathBuf, SetupError> {
        self.have("aws-cli-requirements.txt", || Ok(()))?;
        Ok(self.program("aws"))
    }

    /// axe-core's script, which looks for what keeps people out of a page, in an environment of its own.
    pub fn axe() -> Result<PathBuf, SetupError> {
        const FOLDER: &str = "import sysconfig; print(sysconfig.get_path('purelib'), end='')";
        let venv = Self::complete("axe-venv", "axe-requirements.txt", || ())?;
        let packages = Program::new(venv.program("python")).args(["-c", FOLDER]).run().exits(0).stdout;
        Ok(Path::new(&packages).join("axe_playwright_python/axe.min.js"))
    }

    /// An environment of this target folder, made where it is not there, not whole or of other requirements.
    fn complete(name: &str, requirements: &str, say: impl Fn()) -> Result<Self, SetupError> {
        let venv = Self { folder: target_dir().join(name) };
        venv.have(requirements, || {
            say();
            if venv.folder.exists() {
                fs::remove_dir_all(&venv.folder).map_err(|error| failed(&venv.folder, &error))?;
            }
            create(&venv.folder)
        })?;
        Ok(venv)
    }

    /// Installs a list where it is not there, not whole or another one, after what has to be done for that. Only one process does,
    /// the others wait.
    fn have(&self, requirements: &str, prepare: impl FnOnce() -> Result<(), SetupError>) -> Result<(), SetupError> {
        let lock = self.folder.with_extension("lock");
        let _locked =
            File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(|error| failed(&lock, &error))?;
        let list = crate_file(requirements);
        let bytes =
            fs::read(&list).map_err(|error| SetupError(format!("{} cannot be read: {error}", list.display())))?;
        let digest = format!("{:x?}", Sha256::digest(bytes));
        // Says which list is installed, as long as it is.
        let stamp = self.folder.join(requirements).with_extension("installed");
        if fs::read_to_string(&stamp).is_ok_and(|found| found == digest) {
            return Ok(());
        }
        prepare()?;
        self.install(&list)?;
        fs::write(&stamp, digest).map_err(|error| failed(&stamp, &error))
    }

    /// One of its programs, such as `python`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// The documents of a YAML text, as a parser that is not ours reads them.
    pub fn yaml(&self, text: &[u8]) -> Vec<Value> {
        const READ: &str = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin.buffer)), sys.stdout)";
        let read = Program::new(self.program("python")).args(["-c", READ]).input(text).run().exits(0).json();
        read.as_array().cloned().unwrap_or_default()
    }

    fn install(&self, list: &Path) -> Result<(), SetupError> {
        // Wheels only: nothing is compiled and no package's own set-up code runs. And those wheels only whose digests are
        // listed, whatever index or mirror they come from. The lists are whole, so nothing is looked for beside them.
        let output = Command::new(self.program("python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                // Python compiles what is imported, which is a small part.
                "--no-compile",
                "--disable-pip-version-check",
                "--only-binary=:all:",
                "--no-deps",
                "--require-hashes",
                "--requirement",
            ])
            .arg(list)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| SetupError(format!("pip does not start: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        Err(SetupError(format!(
            "pip cannot install {}:\n{}\n  PyPI must be reachable (or a mirror of it, through pip's own settings)",
            list.display(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        )))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> SetupError {
    SetupError(format!("{} cannot be made: {error}", path.display()))
}

/// Whether the Python that the emulator needs is there; otherwise what is missing, and how to get it.
pub fn check_python() -> Result<(), SetupError> {
    const VERSION: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    let usable = python(&["-c".as_ref(), VERSION.as_ref()]).map_err(|error| {
        SetupError(format!(
            "python3 does not start: {error}\n  install Python 3.11 or later (Debian, Ubuntu: apt-get install python3 python3-venv)"
        ))
    })?;
    if !usable.status.success() {
        let reason = String::from_utf8_lossy(&usable.stderr);
        return Err(SetupError(if reason.contains("ModuleNotFoundError") {
            "python3 has no venv or no ensurepip module\n  install it (Debian, Ubuntu: apt-get install python3-venv)"
                .to_owned()
        } else {
            "python3 is older than 3.11\n  install Python 3.11 or later and put it first on PATH".to_owned()
        }));
    }
    Ok(())
}

fn python(arguments: &[&std::ffi::OsStr]) -> std::io::Result<std::process::Output> {
    Command::new("python3").args(arguments).stdin(Stdio::null()).output()
}

fn create(folder: &Path) -> Result<(), SetupError> {
    check_python()?;
    let made = python(&["-m".as_ref(), "venv".as_ref(), folder.as_os_str()])
        .map_err(|error| SetupError(format!("python3 does not start: {error}")))?;
    if made.status.success() {
        return Ok(());
    }
    Err(SetupError(format!("python3 -m venv fails:\n{}", String::from_utf8_lossy(&made.stderr).trim_end())))
}
