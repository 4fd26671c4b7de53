//! How long the main job takes, as whole processes: `cargo run --release -p tests --bin bench`.
//!
//! Each figure is the minimum, median and maximum of several runs after one that is not counted. Machines are noisy: quote
//! medians, and ratios between two runs of this on one machine.

#![allow(clippy::indexing_slicing, reason = "a developer's tool says what is wrong by failing")]

use std::time::{Duration, Instant};

use tests::SetupError;
use tests::emulator::Emulator;
use tests::program::Program;
use tests::scene::Scene;

const RUNS: usize = 7;

fn main() -> Result<(), SetupError> {
    let scene = Scene::with_key()?;
    println!("{:<52} {:>9} {:>9} {:>9}", "seconds", "minimum", "median", "maximum");

    measure("create-key-pair, RSA-4096", |run| {
        scene.generator(["create-key-pair", "--output-dir", &format!("pair-{run}")])
    });
    scene.write_requests("requests-1000", 0..1000, 20);
    measure("create-bundle, 1,000 requests", |run| create_bundle(&scene, "requests-1000", &format!("large-{run}")));
    let large = format!("large-{RUNS}/democluster-1.tar.gz");
    measure("review, 1,000 roles, as text", |_| scene.generator(["review", &large]));
    measure("review, 1,000 roles, as HTML", |_| scene.generator(["review", &large, "--format", "html"]));
    scene.write_requests("requests-wider", 0..1000, 21);
    create_bundle(&scene, "requests-wider", "wider").run().exits(0);
    measure("review, 1,000 roles, each of them widened", |_| {
        scene.generator(["review", "wider/democluster-1.tar.gz", "--against", &large])
    });
    measure("verify, 1,000 roles", |_| scene.applier(["verify", &large, "--trusted-key", "minisign.pub"]));

    scene.write_requests("requests-30", 0..30, 20);
    create_bundle(&scene, "requests-30", "small").run().exits(0);
    let small = "small/democluster-1.tar.gz";
    let emulator = Emulator::start()?;
    measure("apply, 30 roles, new account, 50 ms a request", |_| {
        emulator.reset();
        emulator.latency(50);
        scene.applies(&emulator, "apply", small, &["--yes"])
    });
    measure("plan, 30 roles, nothing to do, 50 ms a request", |_| scene.applies(&emulator, "plan", small, &[]));
    measure("delete, 30 roles, 50 ms a request", |_| {
        emulator.reset();
        scene.applies(&emulator, "apply", small, &["--yes"]).run().exits(0);
        emulator.forget();
        emulator.latency(50);
        scene.applies(&emulator, "delete", small, &["--yes"])
    });
    println!("{:<52} {:>9}", "delete, 30 roles: requests", emulator.requests().len());
    Ok(())
}

/// Runs what is prepared, once more than is counted; preparing is not timed.
fn measure(what: &str, mut prepare: impl FnMut(usize) -> Program) {
    let mut times: Vec<Duration> = (0..=RUNS)
        .map(|run| {
            let program = prepare(run);
            let begun = Instant::now();
            let outcome = program.run();
            let took = begun.elapsed();
            outcome.exits(0);
            took
        })
        .skip(1)
        .collect();
    times.sort();
    let [minimum, median, maximum] = [times[0], times[RUNS / 2], times[RUNS - 1]].map(|time| time.as_secs_f64());
    println!("{what:<52} {minimum:>9.3} {median:>9.3} {maximum:>9.3}");
}

/// A bundle of these requests, in an output folder of its own.
fn create_bundle(scene: &Scene, requests: &str, output: &str) -> Program {
    scene.create_bundle(&["--credentials-requests-dir", requests, "--output-dir", output])
}
