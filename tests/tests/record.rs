//! The record while a run lasts: others see that it is alive, and it sees that others took over.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::process::{Child, ExitStatus};

use serde_json::json;
use tests::SetupError;
use tests::emulator::{Effect, Emulator, Which};
use tests::scene::{self, BUCKET, Scene};

type Test = Result<(), SetupError>;

const RECORD: &str = "sts-airlock/record.json";

/// An apply that waits for the answer to its first CreateRole.
fn stalled(scene: &Scene, emulator: &Emulator, bundle: &str) -> Child {
    emulator.spoil(Which::Operation("CreateRole"), 0, 1, Effect::StallBefore);
    let first = ["--yes", "--receipt", "first.json", "--concurrency", "2"];
    let child = scene.applies(emulator, "apply", bundle, &first).spawn();
    assert!(emulator.stalled(20_000) > 0);
    child
}

fn ended(mut child: Child) -> ExitStatus {
    child.wait().unwrap()
}

/// Whoever comes while a run lasts waits, sees that it is alive, and changes nothing.
#[test]
fn a_run_that_lasts_shows_that_it_is_alive() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let first = stalled(&scene, &emulator, &bundle);
    let environment = emulator.environment_as("AKIASECOND");
    let second =
        scene.applier(["apply", &bundle, "--trusted-key", "minisign.pub", "--yes"]).envs(environment).run().exits(5);
    assert!(
        second.stderr.contains("because: another run is under way or has just ended: the record of democluster is now: serial 1, being applied, 2"),
        "{}",
        second.stderr
    );
    assert!(emulator.writes().iter().all(|write| write.access_key != "AKIASECOND"));
    emulator.forget();
    assert_eq!(ended(first).code(), Some(0));
    assert_eq!(scene::record(&emulator)["state"], "applied");
    Ok(())
}

/// A run whose record somebody else wrote begins nothing more.
#[test]
fn a_run_whose_record_was_taken_over_stops() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let first = stalled(&scene, &emulator, &bundle);
    let written = emulator.call("s3", "get_object", json!({"Bucket": BUCKET, "Key": RECORD}));
    let run = scene::record(&emulator)["run"].as_str().unwrap().to_owned();
    let body = written["Body"].as_str().unwrap().replace(&run, &"f".repeat(32)).replace(":user/moto", ":user/other");
    emulator.call("s3", "put_object", json!({"Bucket": BUCKET, "Key": RECORD, "Body": body}));
    assert_eq!(ended(first).code(), Some(5));
    let receipt = scene.receipt("first.json");
    let error = receipt["actions"].as_array().unwrap().last().unwrap()["error"].as_str().unwrap();
    assert!(
        error.starts_with(
            "another run is under way or has just ended: the record of democluster is now: serial 1, being applied, "
        ) && error.contains(", by arn:aws:sts::123456789012:user/other\n"),
        "{error}"
    );
    assert!(receipt.get("record").is_none(), "it vouches for nothing any more");
    assert_eq!(scene::record(&emulator)["run"], "f".repeat(32), "the other's record is as it was");
    Ok(())
}
