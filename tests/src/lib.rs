//! What the end-to-end tests and the demo stand on: both programs as a user runs them, and an AWS account to run them
//! against. Nothing here is shipped.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    clippy::return_self_not_must_use,
    reason = "a test's helper says what is wrong by failing the test"
)]

pub mod binaries;
pub mod control;
pub mod crash;
pub mod emulator;
pub mod forge;
pub mod issuer_server;
pub mod lifecycle;
pub mod linked;
pub mod program;
pub mod request;
pub mod scene;
mod server;
pub mod venv;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why the tests cannot be set up, with what to do about it.
#[derive(thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub String);

impl std::fmt::Debug for SetupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file of this crate, such as `samples/credentials-requests`.
pub fn crate_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The workspace's folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is a folder of the workspace")
}

/// The folder that the running program was built into: `<target>/debug`, say.
pub fn profile_dir() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    let folder = program.parent().expect("a program is in a folder");
    // Tests are one folder further down.
    if folder.ends_with("deps") { folder.parent().unwrap_or(folder).to_owned() } else { folder.to_owned() }
}

/// The target folder that the running program was built into.
pub fn target_dir() -> PathBuf {
    profile_dir().parent().expect("a profile's folder is in the target folder").to_owned()
}

/// Cargo, as somebody starts it. Cargo tells what it runs about its package, and a build script that asks for that (ring's) would
/// have what stands on it built again.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Reference material beside the workspace, which a clone alone does not have: such a test then says that it skips.
pub fn reference(path: &str) -> Option<PathBuf> {
    let folder = workspace().parent()?.join("shared/reference").join(path);
    if folder.exists() {
        return Some(folder);
    }
    skipped(&format!("../shared/reference/{path} is not here"));
    None
}

/// Says that a test skips, past the test runner, which keeps to itself what a test that passes prints.
pub(crate) fn skipped(reason: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_not_told_whose_test_starts_it() {
        let cargo = cargo();
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR"] {
            assert!(std::env::var_os(name).is_some(), "{name} is set for a test");
            assert!(cargo.get_envs().any(|(removed, value)| removed == name && value.is_none()), "{name}");
        }
        assert!(cargo.get_envs().all(|(name, _)| name != "CARGO_TARGET_DIR"));
    }
}
