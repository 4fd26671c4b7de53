//! AWS fails while a cluster is deleted, or somebody else is at it too. Runs that are disturbed at any request are in `crash.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::thread;

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::{Effect, Emulator, Which};
use tests::program::Outcome;
use tests::scene::{ACCOUNT, BUCKET, PROVIDER, ROLES, Scene};

type Test = Result<(), SetupError>;

const RECORD: &str = "sts-airlock/record.json";
const WRITES: usize = 7 + 2 * ROLES.len();

fn applied(scene: &Scene, emulator: &Emulator, bundle: &str) {
    emulator.reset();
    scene.applies(emulator, "apply", bundle, &["--yes", "--skip-issuer-check"]).run().exits(0);
    emulator.forget();
}

fn delete(scene: &Scene, emulator: &Emulator, bundle: &str, more: &[&str]) -> Outcome {
    scene.remove("receipt.json");
    let delete = ["--yes", "--receipt", "receipt.json", "--take-over-after", "0"];
    scene.applies(emulator, "delete", bundle, &[&delete, more].concat()).run()
}

fn receipt(scene: &Scene) -> Value {
    scene.receipt("receipt.json")
}

#[track_caller]
fn is_gone(emulator: &Emulator) {
    let held = [
        emulator.call("iam", "list_roles", json!({}))["Roles"].clone(),
        emulator.call("iam", "list_open_id_connect_providers", json!({}))["OpenIDConnectProviderList"].clone(),
        emulator.call("s3", "list_buckets", json!({}))["Buckets"].clone(),
    ];
    assert_eq!(held, [json!([]), json!([]), json!([])]);
}

#[track_caller]
fn finished_by_another(scene: &Scene, emulator: &Emulator, bundle: &str) {
    emulator.forget();
    delete(scene, emulator, bundle, &[]).exits(0);
    is_gone(emulator);
}

/// Two deletions at once: one of them ends well, and nothing is left.
#[test]
fn two_deletions_do_no_harm() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    for _ in 0..5 {
        applied(&scene, &emulator, &bundle);
        emulator.latency(20);
        let run = |key: &str| {
            let receipt = format!("{key}.json");
            scene.remove(&receipt);
            let program =
                scene.applier(["delete", &bundle, "--trusted-key", "minisign.pub", "--yes", "--receipt", &receipt]);
            program.envs(emulator.environment_as(key)).run()
        };
        let (one, two) = thread::scope(|scope| {
            let one = scope.spawn(|| run("AKIAONE"));
            let two = run("AKIATWO");
            (one.join().unwrap(), two)
        });
        let codes = [one.code.unwrap(), two.code.unwrap()];
        // The other finds nothing, or that somebody is at it, or that what it reads vanishes.
        let is_fair = codes.iter().all(|code| [0, 5, 6].contains(code));
        assert!(codes.contains(&0) && is_fair, "{codes:?}\n{}\n{}", one.stderr, two.stderr);
        emulator.latency(0);
        is_gone(&emulator);
    }
    Ok(())
}

/// What somebody puts onto a role or into the bucket during the run stops it, and is named by the next.
#[test]
fn what_appears_meanwhile_is_explained() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    applied(&scene, &emulator, &bundle);
    let (status, code) = (409, "BucketNotEmpty");
    let message = "The bucket you tried to delete is not empty";
    emulator.spoil(Which::Operation("DeleteBucket"), 0, 1, Effect::Error { status, code, message });
    delete(&scene, &emulator, &bundle, &[]).exits(6).says(&format!(
        "error: delete stopped: {} done, 1 failed, 0 not reached\n  because: s3:DeleteBucket failed: BucketNotEmpty ({message}, HTTP \
         409, request DeleteBucket-1)\n  somebody has put an object into it since it was read: run this again, and it says which\n  running \
         it again is safe: it plans what is left\n  the receipt is receipt.json",
        WRITES - 1
    ));
    finished_by_another(&scene, &emulator, &bundle);

    // IAM may still see the policy that was just deleted.
    applied(&scene, &emulator, &bundle);
    let message = "Cannot delete entity, must delete policies first.";
    emulator.spoil(Which::Operation("DeleteRole"), 0, 1, Effect::Error { status, code: "DeleteConflict", message });
    delete(&scene, &emulator, &bundle, &[]).exits(0);
    is_gone(&emulator);
    Ok(())
}

/// The record says that a deletion is under way, with everything that is the cluster's, before anything is deleted; a run that
/// stops says so too.
#[test]
fn the_record_says_that_it_is_being_deleted() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    applied(&scene, &emulator, &bundle);
    let record = || -> Value {
        let object = emulator.call("s3", "get_object", json!({"Bucket": BUCKET, "Key": RECORD}));
        serde_json::from_str(object["Body"].as_str().unwrap()).unwrap()
    };
    let before = record();
    // Also when it is sent again.
    emulator.spoil(Which::Operation("DeleteRole"), 0, 100, Effect::StallBefore);
    let mut child = scene.applies(&emulator, "delete", &bundle, &["--yes", "--concurrency", "1"]).spawn();
    assert!(emulator.stalled(20_000) > 0);
    let during = record();
    assert_eq!((&during["state"], &during["made"]), (&json!("deleting"), &before["made"]));
    let second = scene.applies(&emulator, "apply", &bundle, &["--yes", "--take-over-after", "20"]).run().exits(5);
    let waiting =
        "waiting 20 seconds to see whether the deletion of serial 1 by arn:aws:sts::123456789012:user/moto at 2";
    assert!(second.stderr.starts_with(waiting), "{}", second.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
    emulator.forget();
    let denied = Effect::Error { status: 403, code: "AccessDenied", message: "not allowed" };
    emulator.spoil(Which::Operation("DeleteOpenIDConnectProvider"), 0, 1, denied);
    delete(&scene, &emulator, &bundle, &[]).exits(6);
    assert_eq!(
        (&record()["state"], &receipt(&scene)["record"]["state"]),
        (&json!("deletion-stopped"), &json!("deletion-stopped"))
    );
    let provider = emulator.try_call(
        ACCOUNT,
        "iam",
        "get_open_id_connect_provider",
        json!({"OpenIDConnectProviderArn": PROVIDER}),
    );
    assert!(provider.get("error").is_none());
    // Nobody has to wait for a run that says that it ended.
    let ended = scene.applies(&emulator, "delete", &bundle, &["--yes", "--receipt", "second.json"]).run().exits(0);
    assert_eq!(ended.stderr, "");
    is_gone(&emulator);
    Ok(())
}
