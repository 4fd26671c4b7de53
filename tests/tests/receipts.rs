//! Receipts: nothing is overwritten, and whatever stops a run leaves what was done.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::thread;

use serde_json::Value;
use tests::SetupError;
use tests::emulator::{Effect, Emulator, Which};
use tests::scene::{ROLES, Scene};

type Test = Result<(), SetupError>;

const WRITES: usize = 9 + 2 * ROLES.len();

#[test]
fn a_receipt_is_never_written_over_something() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.write("trust.json", "{\"mine\": 1}");
    let apply = ["--yes", "--receipt", "trust.json"];
    scene.applies(&emulator, "apply", &bundle, &apply).run().exits(2).says(
        "error: receipt trust.json exists, and a receipt is never overwritten\n  give another name with --receipt FILE",
    );
    assert_eq!(scene.text("trust.json"), "{\"mine\": 1}");
    assert_eq!(emulator.requests().len(), 0, "AWS was not even asked");
    Ok(())
}

/// Three applies at once with one place for the receipt: what each of them did is there afterwards.
#[test]
fn no_receipt_is_lost_to_another() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.latency(30);
    let run = || scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "receipt.json"]).run();
    thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
        for run in runs {
            run.join().unwrap();
        }
    });
    let left: Vec<String> = scene.files(".").into_iter().filter(|name| name.starts_with("receipt.json")).collect();
    let journals = left.iter().filter(|name| name.ends_with(".journal")).count();
    assert_eq!((left.len(), journals), (3, 2), "{left:?}");
    let receipt: Value = serde_json::from_slice(&scene.read("receipt.json")).unwrap();
    assert_eq!(receipt["receiptVersion"], 1);
    Ok(())
}

/// A run that is killed leaves a journal of what was done; it is in nobody's way.
#[test]
fn a_killed_run_leaves_its_journal() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let done = 7;
    emulator.spoil(Which::Writes, done, 1, Effect::StallBefore);
    let apply = ["--yes", "--receipt", "receipt.json", "--concurrency", "1", "--take-over-after", "0"];
    let program = scene.applies(&emulator, "apply", &bundle, &apply);
    let mut child = program.spawn();
    assert!(emulator.stalled(20_000) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let left: Vec<String> = scene.files(".").into_iter().filter(|name| name.starts_with("receipt.json")).collect();
    assert!(left.len() == 1 && left[0].ends_with(".journal"), "{left:?}");
    let lines: Vec<Value> = scene.text(&left[0]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["journalVersion"], &lines[0]["actions"]), (&1.into(), &WRITES.into()));
    assert_eq!(lines.len(), 1 + done);
    assert!(lines[1..].iter().all(|line| line["outcome"] == "done"), "{lines:?}");
    assert_eq!(
        (&lines[1]["call"], &lines[1]["resource"]),
        (&"s3:CreateBucket".into(), &"arn:aws:s3:::democluster-oidc".into())
    );

    emulator.forget();
    program.run().exits(0);
    let receipt: Value = serde_json::from_slice(&scene.read("receipt.json")).unwrap();
    assert_eq!(receipt["ending"], "done");
    assert_eq!(receipt["record"]["state"], "applied");
    assert!(scene.path(&left[0]).exists(), "the journal of the run that was killed stays");
    Ok(())
}
