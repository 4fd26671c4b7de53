//! What a program is made of, by cargo's own account.

use std::collections::BTreeSet;

use crate::{cargo, workspace};

/// The crates that a selection of this workspace stands on as a program, itself among them: `name vVERSION`. Normal dependencies
/// on Linux, derive macros included. The selection is cargo's, such as `--package applier --no-default-features`.
pub fn crates_of(selection: &[&str]) -> BTreeSet<String> {
    // What follows the version says where it is from, that it is a macro, or that it was listed before.
    let named = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    tree(selection, "normal", "{p}").lines().filter(|line| !line.is_empty()).map(named).collect()
}

/// The crates that are compiled for a selection of this workspace, each with its features: `name vVERSION feature,feature`.
pub fn features_of(selection: &[&str], edges: &str) -> BTreeSet<String> {
    let once = |line: &str| line.trim_end_matches(" (*)").to_owned();
    tree(selection, edges, "{p} {f}").lines().filter(|line| !line.is_empty()).map(once).collect()
}

fn tree(selection: &[&str], edges: &str, format: &str) -> String {
    let output = cargo()
        .args(["tree", "--offline", "--locked", "--target", "x86_64-unknown-linux-gnu"])
        .args(["--edges", edges, "--prefix", "none", "--format", format])
        .args(selection)
        .current_dir(workspace())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
