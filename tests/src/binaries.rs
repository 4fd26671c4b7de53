//! The two programs, built by cargo as the running program was.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::{SetupError, cargo, profile_dir, target_dir, workspace};

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `airlock-generator`.
    pub generator: PathBuf,
    /// `airlock-applier`.
    pub applier: PathBuf,
}

static BUILT: OnceLock<Result<Binaries, String>> = OnceLock::new();

/// From here on the programs are those of a folder, such as what a package has installed. Nothing is built.
pub fn take_from(folder: &Path) -> Result<(), SetupError> {
    let program = |name| match folder.join(name) {
        path if path.is_file() => Ok(path),
        path => Err(SetupError(format!("there is no program {}\n  give a folder that holds both", path.display()))),
    };
    let found = Binaries { generator: program("airlock-generator")?, applier: program("airlock-applier")? };
    BUILT.set(Ok(found)).map_err(|_| SetupError("the programs were built already".to_owned()))
}

/// Both programs, built at the first call. Cargo's own lock copes with other test programs that do the same.
pub fn binaries() -> Result<&'static Binaries, SetupError> {
    BUILT.get_or_init(|| build(With::Everything, Stdio::piped())).as_ref().map_err(|reason| SetupError(reason.clone()))
}

/// What the applier is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// All that it has.
    Everything,
    /// All but CloudFront, whose SDK takes long to compile.
    AllButCloudFront,
}

impl With {
    /// What cargo is told about it.
    pub fn features(self) -> &'static [&'static str] {
        match self {
            Self::Everything => &[],
            Self::AllButCloudFront => &["--no-default-features", "--features", "applier/aws"],
        }
    }
}

/// As [`binaries`], but cargo's progress is shown.
pub fn binaries_with_progress(with: With) -> Result<Binaries, SetupError> {
    build(with, Stdio::inherit()).map_err(SetupError)
}

/// A line of cargo's `--message-format=json`.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn build(with: With, progress: Stdio) -> Result<Binaries, String> {
    let folder = profile_dir();
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let output = cargo()
        // The whole workspace, so that dependencies have the features that they have in its tests and are not built twice;
        // what only packages need adds no feature.
        .args(["build", "--workspace", "--exclude", "packaging", "--message-format=json-render-diagnostics"])
        .args(["--bin", "airlock-generator", "--bin", "airlock-applier", "--profile", profile])
        .args(with.features())
        .current_dir(workspace())
        .env("CARGO_TARGET_DIR", target_dir())
        .stderr(progress)
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo cannot build the programs:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let built: Vec<(String, PathBuf)> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter_map(|message| Some((message.target?.name, message.executable?)))
        .collect();
    let find = |wanted: &str| {
        let program = built.iter().find(|(name, _)| name == wanted).map(|(_, path)| path.clone());
        program.ok_or_else(|| format!("the workspace builds no program {wanted}"))
    };
    Ok(Binaries { generator: find("airlock-generator")?, applier: find("airlock-applier")? })
}
