//! AWS fails and answers get lost: what helps is retried, and what does not is said. Runs that are disturbed at any request are
//! in `crash.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::{Effect, Emulator, Which};
use tests::program::{Outcome, Program};
use tests::request::Request;
use tests::scene::{ROLES, Scene};

type Test = Result<(), SetupError>;

const WRITES: usize = 9 + 2 * ROLES.len();

fn apply(scene: &Scene, emulator: &Emulator, bundle: &str) -> Outcome {
    scene.remove("receipt.json");
    scene.applies(emulator, "apply", bundle, &["--yes", "--receipt", "receipt.json"]).run()
}

#[track_caller]
fn nothing_left(scene: &Scene, emulator: &Emulator, bundle: &str) {
    scene.applies(emulator, "plan", bundle, &["--detailed-exitcode"]).run().exits(0);
}

/// The record of a run that was killed is taken over when it has not changed for a while; somebody is told why it takes so
/// long.
#[test]
fn a_record_that_was_left_open_is_waited_for() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.spoil(Which::Operation("CreateRole"), 0, 1, Effect::StallAfter);
    let mut child = scene.applies(&emulator, "apply", &bundle, &["--yes"]).spawn();
    assert!(emulator.stalled(20_000) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    emulator.forget();
    let plan = scene.applies(&emulator, "plan", &bundle, &[]).run().exits(0).stdout;
    let plan = plan.replace("\n          ", " ").replace("\n    ", " ");
    assert!(plan.contains("\n! an apply of serial 1 by arn:aws:sts::123456789012:user/moto at 2"), "{plan}");
    assert!(plan.contains("Z did not end; this plan goes on from there\n"), "{plan}");
    assert!(plan.contains("\nHolds     serial 1, being applied, 2"), "{plan}");
    let again = scene.applies(&emulator, "apply", &bundle, &["--yes", "--take-over-after", "2"]).run().exits(0);
    let waiting = "waiting 2 seconds to see whether the apply of serial 1 by arn:aws:sts::123456789012:user/moto at 2";
    assert!(again.stderr.starts_with(waiting), "{}", again.stderr);
    nothing_left(&scene, &emulator, &bundle);
    Ok(())
}

/// Asked to stop, the applier ends what is under way, begins nothing more, and says so.
#[test]
fn an_interrupted_run_ends_in_good_order() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.spoil(Which::Operation("CreateBucket"), 0, 1, Effect::StallBefore);
    let mut child = scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "receipt.json"]).spawn();
    assert!(emulator.stalled(20_000) > 0);
    Program::new("/bin/sh").args(["-c", &format!("kill -TERM {}", child.id())]).run().exits(0);
    // Long enough for the signal to arrive on a busy machine: nothing outside shows that it did.
    std::thread::sleep(Duration::from_secs(1));
    emulator.forget();
    assert_eq!(wait(&mut child), Some(1));
    let receipt = scene.receipt("receipt.json");
    assert_eq!(receipt["ending"], "interrupted");
    let outcomes: Vec<&str> =
        receipt["actions"].as_array().unwrap().iter().map(|action| action["outcome"].as_str().unwrap()).collect();
    assert_eq!((outcomes[0], &outcomes[1..]), ("done", vec!["not-reached"; WRITES - 1].as_slice()));
    apply(&scene, &emulator, &bundle).exits(0);
    nothing_left(&scene, &emulator, &bundle);
    Ok(())
}

#[test]
fn what_helps_to_retry_is_retried() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    for (operation, status, code, message) in [
        ("PutObject", 503, "SlowDown", "Please reduce your request rate."),
        ("CreateBucket", 500, "InternalError", "We encountered an internal error."),
        ("PutBucketPolicy", 409, "OperationAborted", "A conflicting conditional operation is in progress."),
        ("CreateRole", 400, "Throttling", "Rate exceeded"),
        (
            "CreateRole",
            409,
            "ConcurrentModification",
            "The request was rejected because multiple requests were submitted.",
        ),
        ("CreateRole", 400, "MalformedPolicyDocument", "Invalid principal in policy: \"Federated\":\"x\""),
        ("PutObject", 409, "ConditionalRequestConflict", "A conflicting operation occurred."),
        ("PutBucketPolicy", 403, "AccessDenied", "x is not authorized because public policies are blocked"),
        ("CreateOpenIDConnectProvider", 400, "OpenIdIdpCommunicationError", "IAM cannot reach the issuer"),
        ("PutRolePolicy", 404, "NoSuchEntity", "The role with name x cannot be found."),
        ("PutRolePolicy", 409, "EntityTemporarilyUnmodifiable", "x"),
        ("CreateOpenIDConnectProvider", 500, "ServiceFailure", "x"),
        ("ListRoles", 400, "Throttling", "Rate exceeded"),
        ("GetCallerIdentity", 503, "ServiceUnavailable", "x"),
    ] {
        emulator.reset();
        emulator.spoil(Which::Operation(operation), 0, 1, Effect::Error { status, code, message });
        apply(&scene, &emulator, &bundle).exits(0);
        let spoiled = emulator.requests().into_iter().filter(|request| request.fault.is_some()).count();
        assert_eq!(spoiled, 1, "{operation} {code}");
        nothing_left(&scene, &emulator, &bundle);
    }
    Ok(())
}

#[test]
fn a_quota_is_not_retried() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let error =
        Effect::Error { status: 409, code: "LimitExceeded", message: "Cannot exceed quota for RolesPerAccount: 1000" };
    emulator.spoil(Which::Operation("CreateRole"), 2, 1, error);
    let program =
        scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "receipt.json", "--concurrency", "1"]);
    program.run().exits(6).says(
        "error: apply stopped: 10 done, 1 failed, 8 not reached\n  because: iam:CreateRole failed: LimitExceeded (Cannot exceed \
         quota for RolesPerAccount: 1000, HTTP 409, request CreateRole-3)\n  the account's quota is used up: have it raised, or remove \
         what is not in use\n  running it again is safe: it plans what is left\n  the receipt is receipt.json",
    );
    let sent: Vec<String> =
        emulator.writes().iter().filter(|write| write.operation == "CreateRole").map(Request::summary).collect();
    assert_eq!(sent.len(), 3, "{sent:?}");

    let receipt = scene.receipt("receipt.json");
    assert_eq!(receipt["ending"], "failed");
    let outcomes: Vec<&str> =
        receipt["actions"].as_array().unwrap().iter().map(|action| action["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes[..9], ["done"; 9]);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "failed").count(), 1);
    assert_eq!(outcomes.len(), WRITES);
    emulator.forget();
    apply(&scene, &emulator, &bundle).exits(0);
    nothing_left(&scene, &emulator, &bundle);
    Ok(())
}

#[test]
fn what_is_not_allowed_is_named() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let error = Effect::Error {
        status: 403,
        code: "AccessDenied",
        message: "User x is not authorized to perform iam:CreateRole",
    };
    emulator.spoil(Which::Operation("CreateRole"), 0, 1, error);
    let program =
        scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "receipt.json", "--concurrency", "1"]);
    program.run().exits(6).says(
        "error: apply stopped: 8 done, 1 failed, 10 not reached\n  because: iam:CreateRole failed: AccessDenied (User x is not \
         authorized to perform iam:CreateRole, HTTP 403, request CreateRole-1)\n  allow iam:CreateRole to these credentials, and look \
         for what denies it: a boundary, an SCP, the account's S3 block\n  running it again is safe: it plans what is left\n  the \
         receipt is receipt.json",
    );
    Ok(())
}

/// Between the plan and its execution somebody makes one of the resources: it is not overwritten.
#[test]
fn what_appears_meanwhile_is_not_touched() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.spoil(Which::Operation("CreateBucket"), 0, 1, Effect::StallBefore);
    let mut child = scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "receipt.json"]).spawn();
    assert!(emulator.stalled(20_000) > 0);
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"},
    ]});
    emulator.call("iam", "create_role", json!({"RoleName": ROLES[0], "AssumeRolePolicyDocument": trust.to_string()}));
    // The stalled request is cut, and sent again.
    emulator.forget();
    assert_eq!(wait(&mut child), Some(5));
    let live = emulator.call("iam", "get_role", json!({"RoleName": ROLES[0]}));
    assert_eq!(live["Role"]["AssumeRolePolicyDocument"], trust);
    assert_eq!(emulator.call("iam", "list_role_policies", json!({"RoleName": ROLES[0]}))["PolicyNames"], json!([]));
    let receipt = scene.receipt("receipt.json");
    let failed: Vec<&Value> =
        receipt["actions"].as_array().unwrap().iter().filter(|action| action["outcome"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    let text = format!(
        "arn:aws:iam::123456789012:role/{} was changed by somebody else during this run\n  run it again to make a new plan",
        ROLES[0]
    );
    assert_eq!(failed[0]["error"], text);
    Ok(())
}

fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_mins(1);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("the program does not end");
}

/// Tags come with the bucket; where s3:TagResource is denied, they follow.
#[test]
fn a_bucket_is_tagged_later_where_tags_are_denied() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let denied = Effect::Error {
        status: 403,
        code: "AccessDenied",
        message: "User x is not authorized to perform: s3:TagResource on resource: y",
    };
    emulator.spoil(Which::Operation("CreateBucket"), 0, 1, denied);
    apply(&scene, &emulator, &bundle).exits(0);
    let writes = emulator.writes();
    let first: Vec<&str> = writes.iter().take(3).map(|write| write.operation.as_str()).collect();
    assert_eq!(first, ["CreateBucket", "CreateBucket", "PutBucketTagging"]);
    assert!(writes[0].body.contains("<Key>sts-airlock/serial</Key>") && !writes[1].body.contains("<Key>"));
    nothing_left(&scene, &emulator, &bundle);
    Ok(())
}

/// Another block than the bucket's own can keep the public out: found before the provider is made, and not 40 minutes into an
/// installation.
#[test]
fn an_issuer_that_the_public_cannot_read_is_an_error() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.account_block(true);
    let failed = apply(&scene, &emulator, &bundle).exits(6);
    let error = "error: apply stopped: 7 done, 1 failed, 11 not reached\n  because: the public cannot read the issuer's document \
                 https://democluster-oidc.s3.us-east-2.amazonaws.com/.well-known/openid-configuration: HTTP \
                 403\n  AWS reads it to check every token: look for a public access block of the account or the organization, a KMS key on the bucket, a \
                 proxy\n";
    assert!(failed.stderr.contains(error), "{}", failed.stderr);
    assert!(failed.stderr.starts_with("waiting up to a minute until the public can read https://democluster-oidc."));
    assert!(emulator.writes().iter().all(|write| write.operation != "CreateOpenIDConnectProvider"));

    let skipping = ["--yes", "--skip-issuer-check", "--receipt", "skipped.json"];
    scene.applies(&emulator, "apply", &bundle, &skipping).run().exits(0);
    let receipt = scene.receipt("skipped.json");
    assert_eq!(receipt["issuerCheck"], json!({"outcome": "skipped"}));

    // Also where nothing is left to do.
    emulator.account_block(false);
    scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "again.json"]).run().exits(0);
    let receipt = scene.receipt("again.json");
    assert_eq!((&receipt["issuerCheck"], &receipt["actions"]), (&json!({"outcome": "done"}), &json!([])));
    let seen = emulator.requests().into_iter().filter(|request| request.service == "public").count();
    assert!(seen > 3, "{seen}");
    Ok(())
}

/// IAM says that a role exists, after an answer that was lost, and does not find it yet: it is read again.
#[test]
fn a_role_that_cannot_be_read_yet_is_read_again() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.spoil(Which::Operation("CreateRole"), 0, 1, Effect::CutAfter);
    let not_yet = Effect::Error { status: 404, code: "NoSuchEntity", message: "The role cannot be found." };
    // The plan of a new account reads no role.
    emulator.spoil(Which::Operation("GetRole"), 0, 1, not_yet);
    apply(&scene, &emulator, &bundle).exits(0);
    let receipt = scene.receipt("receipt.json");
    let again =
        receipt["actions"].as_array().unwrap().iter().filter(|action| action["outcome"] == "already-done").count();
    assert_eq!(again, 1);
    nothing_left(&scene, &emulator, &bundle);
    Ok(())
}

/// IAM takes fewer requests a second than there are to send: all of them slow down, none is given up, and few are refused.
#[test]
fn a_service_that_throttles_is_sent_what_it_takes() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    scene.write_requests("requests", 0..30, 1);
    scene.create_bundle(&["--credentials-requests-dir", "requests"]).run().exits(0);
    let bundle = "out/democluster-1.tar.gz";
    emulator.throttles(4);
    let program =
        scene.applies(&emulator, "apply", bundle, &["--yes", "--receipt", "receipt.json", "--concurrency", "64"]);
    let outcome = program.run().exits(0);
    let says_so = |line: &String| line.starts_with("applying: ") && line.contains(" of 69 actions; IAM takes about ");
    assert!(outcome.progress.iter().any(says_so), "{:?}", outcome.progress);
    let requests = emulator.requests();
    let throttled = requests.iter().filter(|request| request.fault.is_some()).count();
    let answered = requests.len() - throttled;
    // Thirty are under way before the first is throttled.
    assert!((1..30 + answered / 5).contains(&throttled), "{throttled} throttled, {answered} answered");
    let receipt = scene.receipt("receipt.json");
    assert_eq!(receipt["ending"], "done");
    emulator.throttles(0);
    nothing_left(&scene, &emulator, bundle);
    Ok(())
}
