//! AWS fails, answers get lost, runs are cut off, or two of them begin at once: running it again is safe and finishes.

use std::thread;
use std::time::Duration;

use serde_json::json;
use tests::emulator::{Effect, Which};
use tests::request::Request;

use crate::Test;
use crate::account::{Account, HOSTED, TAG};

/// The writing requests of an apply: the record before and after, two a role.
const APPLY: usize = 6;
/// Those of a deletion.
const DELETE: usize = 6;

const FAST: [&str; 5] = ["--yes", "--receipt", "receipt.json", "--take-over-after", "0"];

/// The account without roles, and without a record.
fn cleared(account: &Account) {
    account.emulator.reset();
    account.make_provider(&["openshift", "sts.amazonaws.com"]);
}

/// The applier is killed while a writing request is under way, at each of them in turn. Each time the next run finishes the job.
fn a_run_cut_off_at_any_request(effect: Effect<'_>) -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    for (command, writes) in [("apply", APPLY), ("delete", DELETE)] {
        for skip in 0..writes {
            cleared(&account);
            if command == "delete" {
                account.apply(&bundle);
            }
            account.emulator.forget();
            account.emulator.spoil(Which::Writes, skip, 1, effect);
            let program = account.scene.applies(&account.emulator, command, &bundle, &["--yes", "--concurrency", "1"]);
            let mut child = program.spawn();
            assert!(account.emulator.stalled(20_000) > 0, "{command}: request {skip} was not reached");
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(account.emulator.writes().len(), skip + 1);
            account.emulator.forget();
            account.run(command, &bundle, &FAST).exits(0);
            finished(&account, command, &bundle);
        }
    }
    Ok(())
}

#[track_caller]
fn finished(account: &Account, command: &str, bundle: &str) {
    if command == "apply" {
        account.holds(bundle);
        assert_eq!(account.roles(), ["addons-efs-cloud", "addons-lb-cloud"]);
    } else {
        assert_eq!(account.roles(), Vec::<String>::new());
        assert_eq!(account.tags(HOSTED).into_keys().collect::<Vec<_>>(), ["red-hat"]);
    }
}

#[test]
fn a_run_cut_off_before_any_request() -> Test {
    a_run_cut_off_at_any_request(Effect::StallBefore)
}

#[test]
fn a_run_cut_off_after_any_request() -> Test {
    a_run_cut_off_at_any_request(Effect::StallAfter)
}

/// Each writing request in turn does not arrive the first time, or its answer is lost: the same run goes on and ends well. Or
/// AWS fails from there on: the run says so, and the next one finishes.
#[test]
fn an_outage_or_a_lost_answer_at_any_request() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    // A code that is not sent again.
    let (status, code, message) = (409, "LimitExceeded", "an outage");
    for (command, writes) in [("apply", APPLY), ("delete", DELETE)] {
        for skip in 0..writes {
            for effect in [Effect::CutBefore, Effect::CutAfter, Effect::Error { status, code, message }] {
                cleared(&account);
                if command == "delete" {
                    account.apply(&bundle);
                }
                account.emulator.forget();
                let (times, ending) = if let Effect::Error { .. } = effect { (1000, 6) } else { (1, 0) };
                account.emulator.spoil(Which::Writes, skip, times, effect);
                account.run(command, &bundle, &FAST).exits(ending);
                account.emulator.forget();
                if ending != 0 {
                    account.run(command, &bundle, &FAST).exits(0);
                }
                finished(&account, command, &bundle);
            }
        }
    }
    Ok(())
}

/// Two applies at once of other bundles: the account holds one of them whole.
#[test]
fn two_appliers_never_mix() -> Test {
    let account = Account::hosted()?;
    let bundles = [2, 3].map(|serial| account.bundle("addons", HOSTED, serial, &["efs", "lb"]));
    let mut losers = 0;
    for round in 0..10 {
        cleared(&account);
        // So that both have read the account before either writes, or not.
        account.emulator.latency(round * 10);
        let run = |bundle: &str, key: &str| {
            let environment = account.emulator.environment_as(key);
            let program = account.scene.applier(["apply", bundle, "--trusted-key", "minisign.pub", "--yes"]);
            program.args(["--receipt", &format!("{key}-{round}.json")]).envs(environment).run()
        };
        let (two, three) = thread::scope(|scope| {
            let two = scope.spawn(|| run(&bundles[0], "AKIATWO"));
            let three = run(&bundles[1], "AKIATHREE");
            (two.join().unwrap(), three)
        });
        account.emulator.latency(0);
        let winner = match (two.code, three.code) {
            (Some(0 | 5), Some(0)) => &bundles[1],
            (Some(0), Some(5)) => &bundles[0],
            other => panic!("{other:?}\n{}\n{}", two.stderr, three.stderr),
        };
        losers += usize::from(two.code == Some(5)) + usize::from(three.code == Some(5));
        account.holds(winner);
    }
    assert!(losers > 0, "no two of them met");
    Ok(())
}

/// A run that waits for an answer shows that it is alive: another waits, sees that, and changes nothing. When somebody else has
/// written the record all the same, it stops.
#[test]
fn a_run_that_lasts_is_alive_until_its_record_is_taken_over() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    account.emulator.spoil(Which::Operation("CreateRole"), 0, 1, Effect::StallBefore);
    let first = ["--yes", "--receipt", "first.json", "--concurrency", "2"];
    let mut first = account.scene.applies(&account.emulator, "apply", &bundle, &first).spawn();
    assert!(account.emulator.stalled(20_000) > 0);
    let environment = account.emulator.environment_as("AKIASECOND");
    let second = account.scene.applier(["apply", &bundle, "--trusted-key", "minisign.pub", "--yes"]).envs(environment);
    let second = second.run().exits(5).stderr;
    let expected =
        "because: another run is under way or has just ended: the record of addons is now: serial 1, being applied, 2";
    assert!(second.contains(expected), "{second}");
    assert!(account.emulator.writes().iter().all(|write: &Request| write.access_key != "AKIASECOND"));

    let record = account.tags(HOSTED)[TAG].clone();
    let run = record.split(' ').nth(5).unwrap();
    account.tag(HOSTED, TAG, &record.replace(run, &"f".repeat(32)).replace("user/moto", "user/other"));
    assert_eq!(first.wait().unwrap().code(), Some(5));
    let receipt: serde_json::Value = serde_json::from_slice(&account.scene.read("first.json")).unwrap();
    let error = receipt["actions"].as_array().unwrap().last().unwrap()["error"].as_str().unwrap();
    assert!(
        error.contains("the record of addons is now: serial 1, being applied, ") && error.contains(", by user/other\n")
    );
    assert_eq!(receipt.get("record"), None, "it vouches for nothing any more");
    assert!(account.tags(HOSTED)[TAG].contains(&"f".repeat(32)), "the other's record is as it was");
    Ok(())
}

/// IAM holds the record and throttles: a run that it slows down still shows that it is alive, so that another does not take over.
#[test]
fn a_run_that_is_throttled_is_alive() -> Test {
    let account = Account::hosted()?;
    let roles: Vec<String> = (0..10).map(|number| format!("role-{number}")).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let bundle = account.bundle("addons", HOSTED, 1, &roles);
    account.emulator.throttles(3);
    let first = ["--yes", "--receipt", "first.json"];
    let mut first = account.scene.applies(&account.emulator, "apply", &bundle, &first).spawn();
    let is_making = |request: &Request| request.operation == "CreateRole";
    while !account.emulator.writes().iter().any(is_making) {
        assert_eq!(first.try_wait().unwrap(), None, "it has ended");
        thread::sleep(Duration::from_millis(100));
    }
    let second = account.run("apply", &bundle, &["--yes"]).exits(5).stderr;
    assert!(second.contains("because: another run is under way or has just ended: "), "{second}");
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert_eq!(account.scene.receipt("first.json")["ending"], "done");
    let throttled = account.emulator.requests().iter().filter(|request| request.fault.is_some()).count();
    assert!(throttled > 0);
    Ok(())
}

/// What a run that was cut off was about to make is known by name, and only as it would have made it.
#[test]
fn what_somebody_else_makes_meanwhile_is_not_taken_for_ours() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    account.emulator.spoil(Which::Operation("CreateRole"), 0, 1, Effect::StallBefore);
    let mut first =
        account.scene.applies(&account.emulator, "apply", &bundle, &["--yes", "--concurrency", "1"]).spawn();
    assert!(account.emulator.stalled(20_000) > 0);
    first.kill().unwrap();
    first.wait().unwrap();
    account.emulator.forget();
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    account.call("create_role", json!({"RoleName": "addons-efs-cloud", "AssumeRolePolicyDocument": trust}));
    let refused = account.run("apply", &bundle, &FAST).exits(5).stderr;
    assert!(refused.starts_with("error: role addons-efs-cloud exists and is not this cluster's: "), "{refused}");
    Ok(())
}
