//! The programs themselves: how fast they answer, how large they are, what they are made of.

use std::path::Path;

use tests::SetupError;
use tests::binaries::binaries;
use tests::linked::crates_of;
use tests::program::Program;

use crate::Bench;
use crate::figures::{Figure, as_number};
use crate::measure::{Work, alone};

/// What needs no work at all.
pub(crate) fn help(bench: &Bench) -> Result<(), SetupError> {
    let programs = binaries()?;
    for file in [&programs.generator, &programs.applier] {
        for flag in ["--help", "--version"] {
            let program = Program::new(file).arg(flag);
            let times = alone(bench.runs(31), Work::new(|_| program.clone()));
            bench.add(program.line(), [Figure::times("seconds", times).at_most(0.01)]);
        }
    }
    Ok(())
}

/// Bytes, as they are installed.
pub(crate) fn size(bench: &Bench) -> Result<(), SetupError> {
    let programs = binaries()?;
    for (name, file, target) in
        [("airlock-generator", &programs.generator, 4_500_000.0), ("airlock-applier", &programs.applier, 8_000_000.0)]
    {
        bench.add(name, [Figure::count("bytes", bytes(file)?).at_most(target)]);
    }
    if let Some(ccoctl) = &bench.ccoctl {
        bench.add("ccoctl", [Figure::count("bytes", bytes(ccoctl.file())?)]);
    }
    Ok(())
}

fn bytes(file: &Path) -> Result<usize, SetupError> {
    let found = std::fs::metadata(file).map_err(|error| SetupError(format!("{}: {error}", file.display())))?;
    Ok(usize::try_from(found.len()).unwrap_or(usize::MAX))
}

/// The crates behind the applier, itself among them.
pub(crate) fn crates(bench: &Bench) -> Result<(), SetupError> {
    let applier = crates_of(&["--package", "applier"]);
    let verify = crates_of(&["--package", "applier", "--no-default-features"]);
    bench.add(
        "crates behind the applier",
        [
            Figure::number("crates", as_number(applier.len()), 0).at_most(200.0),
            Figure::count("crates, without AWS", verify.len()),
        ],
    );
    Ok(())
}
