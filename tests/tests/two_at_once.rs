//! Two runs at the same time do no harm: each ends well, or stops and says what to do, and another run makes it whole.
//!
//! Two applies of different bundles are in `insiders.rs`, two deletions in `delete_failures.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use std::thread;
use std::time::Duration;

use tests::SetupError;
use tests::emulator::{Emulator, empty_account};
use tests::program::Outcome;
use tests::scene::Scene;

type Test = Result<(), SetupError>;

const FIRST: &str = "out/democluster-1.tar.gz";
const SECOND: &str = "out/democluster-2.tar.gz";
/// Enough for the second run to begin at each part of the first.
const ROUNDS: u64 = 16;

/// A scene with two bundles of three roles.
fn scene() -> Result<Scene, SetupError> {
    let scene = Scene::with_key()?;
    scene.write_requests("requests", 0..3, 1);
    for serial in ["1", "2"] {
        scene.create_bundle(&["--credentials-requests-dir", "requests", "--serial", serial]).run().exits(0);
    }
    Ok(scene)
}

/// Runs a command, and another one a little later; gives back how many of the two stopped.
#[track_caller]
fn at_once(scene: &Scene, emulator: &Emulator, round: u64, [one, two]: [(&str, &str); 2]) -> usize {
    emulator.latency(5);
    let run = |(command, bundle): (&str, &str), receipt: &str| {
        let receipt = format!("{receipt}-{round}.json");
        scene.applies(emulator, command, bundle, &["--yes", "--receipt", &receipt]).run()
    };
    let outcomes = thread::scope(|scope| {
        let one = scope.spawn(|| run(one, "one"));
        thread::sleep(Duration::from_millis(round * 25));
        [run(two, "two"), one.join().unwrap()]
    });
    emulator.latency(0);
    outcomes.iter().filter(|outcome| is_stopped(outcome)).count()
}

/// Whether a run stopped, with advice: a second line under the error.
#[track_caller]
fn is_stopped(outcome: &Outcome) -> bool {
    let advises = outcome.stderr.lines().any(|line| line.starts_with("  ") && !line.starts_with("  because: "));
    match outcome.code {
        Some(0) => false,
        Some(5 | 6) if advises => true,
        code => panic!("{} ends with {code:?}: {}", outcome.line, outcome.stderr),
    }
}

#[track_caller]
fn is_whole(scene: &Scene, emulator: &Emulator, bundle: &str) {
    scene.applies(emulator, "apply", bundle, &["--yes", "--take-over-after", "0"]).run().exits(0);
    scene.applies(emulator, "plan", bundle, &["--detailed-exitcode"]).run().exits(0);
}

/// The same bundle, to a new account and over an older one.
#[test]
fn two_applies_of_one_bundle() -> Test {
    let (scene, emulator) = (scene()?, Emulator::start()?);
    let mut stopped = 0;
    for round in 0..ROUNDS {
        emulator.reset();
        if round % 2 == 0 {
            scene.applies(&emulator, "apply", FIRST, &["--yes"]).run().exits(0);
        }
        let losers = at_once(&scene, &emulator, round, [("apply", SECOND), ("apply", SECOND)]);
        assert!(losers < 2, "both stopped in round {round}");
        stopped += losers;
        is_whole(&scene, &emulator, SECOND);
    }
    assert!(stopped > 0, "no round was a race");
    Ok(())
}

/// Whichever comes first, another run of either makes the cluster whole, or leaves nothing of it.
#[test]
fn an_apply_and_a_deletion() -> Test {
    let (scene, emulator) = (scene()?, Emulator::start()?);
    scene.applies(&emulator, "apply", FIRST, &["--yes"]).run().exits(0);
    emulator.save();
    let mut stopped = 0;
    for round in 0..ROUNDS {
        emulator.restore();
        let commands = [("apply", SECOND), ("delete", SECOND)];
        let commands = if round % 4 < 2 { commands } else { [commands[1], commands[0]] };
        stopped += at_once(&scene, &emulator, round, commands);
        if round % 2 == 0 {
            is_whole(&scene, &emulator, SECOND);
        }
        let delete = ["--yes", "--take-over-after", "0"];
        scene.applies(&emulator, "delete", SECOND, &delete).run().exits(0);
        assert_eq!(emulator.state(), empty_account(), "round {round}");
    }
    assert!(stopped > 0, "no round was a race");
    Ok(())
}
