//! From nothing to the end of the demo, as somebody does it who has just cloned the repository.

use std::process::{Command, Stdio};
use std::time::Instant;

use tests::{SetupError, cargo, workspace};

use crate::Bench;
use crate::figures::Figure;

/// Clones what is committed here into a folder of its own and runs the demo there, with an empty target folder.
pub(crate) fn demo(bench: &Bench) -> Result<(), SetupError> {
    let folder =
        tempfile::tempdir().map_err(|error| SetupError(format!("no temporary folder can be made: {error}")))?;
    let clone = folder.path().join("sts-airlock");
    run(Command::new("git").args(["clone", "--quiet"]).arg(workspace()).arg(&clone))?;
    let begun = Instant::now();
    let mut cargo = cargo();
    cargo.args(["run", "--quiet", "-p", "tests", "--bin", "demo"]).current_dir(&clone);
    // The clone's own target folder, which is empty.
    run(cargo.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET_DIR").stdout(Stdio::null()))?;
    let seconds = begun.elapsed().as_secs_f64();
    bench.add(
        "the demo in a fresh clone, sources of crates downloaded before",
        [Figure::number("seconds", seconds, 0).at_most(120.0)],
    );
    Ok(())
}

fn run(command: &mut Command) -> Result<(), SetupError> {
    let named = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| SetupError(format!("{named} does not start: {error}")))?;
    if status.success() { Ok(()) } else { Err(SetupError(format!("{named} fails: {status}"))) }
}
