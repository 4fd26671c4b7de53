//! The crash matrix on a cluster of a usual size: `cargo run --release -p tests --bin crash_matrix [ROLES [EVERY]]`.
//!
//! Every request of every step in a cluster's life is disturbed in all six ways, or each that `EVERY` divides. Without
//! arguments: 30 roles and all requests, which takes an hour or two.

#![allow(clippy::expect_used, reason = "a developer's tool says what is wrong by failing")]

use std::process::ExitCode;
use std::thread;

use tests::SetupError;
use tests::crash::Way;
use tests::lifecycle::{Lifecycle, STEPS, Step};

/// A step's figures, as a row shows them.
#[derive(Default)]
struct Row {
    requests: usize,
    disturbed: usize,
    runs: usize,
    converged: usize,
}

fn main() -> Result<ExitCode, SetupError> {
    let argument = |index: usize, default: &str| {
        let given = std::env::args().nth(index).unwrap_or_else(|| default.to_owned());
        given.parse::<usize>().map_err(|_| SetupError(format!("{given} is not a number")))
    };
    let (roles, every) = (argument(1, "30")?, argument(2, "1")?.max(1));
    println!("{roles} roles; each request whose number {every} divides, in six ways (four at the public's requests)");
    println!("{:<24} {:>9} {:>9} {:>9} {:>9}", "operation", "requests", "disturbed", "runs", "converged");
    // An account each, so that a step does not wait for the others.
    let halves = STEPS.map(|step| step).chunks(3).map(<[Step]>::to_vec).collect::<Vec<_>>();
    let converged = thread::scope(|scope| {
        let halves: Vec<_> = halves.into_iter().map(|steps| scope.spawn(move || run(&steps, roles, every))).collect();
        halves.into_iter().map(|half| half.join().expect("a thread ends")).collect::<Result<Vec<bool>, SetupError>>()
    })?;
    Ok(if converged.into_iter().all(|half| half) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether every run of these steps converged.
fn run(steps: &[Step], roles: usize, every: usize) -> Result<bool, SetupError> {
    let lifecycle = Lifecycle::new(roles)?;
    let mut all = true;
    for step in steps {
        let matrix = lifecycle.matrix(step, |_| {});
        let mut row = Row { requests: matrix.requests().len(), ..Row::default() };
        for (at, request) in matrix.requests().iter().enumerate() {
            if at % every != 0 {
                continue;
            }
            row.disturbed += 1;
            for way in Way::at(request) {
                row.runs += 1;
                match matrix.run(at, *way) {
                    Ok(()) => row.converged += 1,
                    Err(reason) => {
                        println!("{}: request {at}, {}, {way:?}: {reason}", step.operation.name, request.summary());
                    }
                }
            }
        }
        let Row { requests, disturbed, runs, converged } = row;
        println!("{:<24} {requests:>9} {disturbed:>9} {runs:>9} {converged:>9}", step.operation.name);
        all &= runs == converged;
    }
    Ok(all)
}
