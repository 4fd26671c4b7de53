//! Changes by hand, runs that are cut off, and a provider that is gone.

use serde_json::json;
use tests::emulator::{Effect, Which, empty_account};

use crate::site::Site;
use crate::{PROVIDER, ROLES, TAG, Test};

/// The writing requests of an apply: the provider, the record before and after, two a role.
const APPLY: usize = 7;
/// Those of a deletion: the record, two a role, the provider.
const DELETE: usize = 6;

const FAST: [&str; 5] = ["--yes", "--receipt", "receipt.json", "--take-over-after", "0"];

/// An account that holds the bundle before it is deleted, and nothing before it is applied.
fn prepare(site: &Site, command: &str, bundle: &str) {
    site.emulator.reset();
    if command == "delete" {
        site.apply(bundle);
    }
    site.emulator.forget();
}

#[track_caller]
fn finished(site: &Site, command: &str, bundle: &str) {
    if command == "apply" {
        site.holds(bundle);
        assert_eq!(site.roles(), ROLES);
    } else {
        assert_eq!(site.emulator.state(), empty_account());
    }
}

/// The applier is killed while a writing request is under way, at each of them in turn. Each time the next run finishes the job.
fn a_run_killed_at_any_request(effect: Effect<'_>) -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.published(1);
    for (command, writes) in [("apply", APPLY), ("delete", DELETE)] {
        for skip in 0..writes {
            prepare(&site, command, &bundle);
            site.emulator.spoil(Which::Writes, skip, 1, effect);
            let trusted: &[&str] = if command == "apply" { &["--ca-file", "ca.pem"] } else { &[] };
            let mut child =
                site.program(command, &bundle, &[trusted, &["--yes", "--concurrency", "1"]].concat()).spawn();
            assert!(site.emulator.stalled(20_000) > 0, "{command}: request {skip} was not reached");
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(site.emulator.writes().len(), skip + 1);
            site.emulator.forget();
            site.run(command, &bundle, &FAST).exits(0);
            finished(&site, command, &bundle);
        }
    }
    Ok(())
}

#[test]
fn a_run_killed_before_any_request() -> Test {
    a_run_killed_at_any_request(Effect::StallBefore)
}

#[test]
fn a_run_killed_after_any_request() -> Test {
    a_run_killed_at_any_request(Effect::StallAfter)
}

/// Each writing request in turn does not arrive the first time, or its answer is lost: the same run goes on and ends well. Or
/// AWS fails from there on: the run says so, and the next one finishes.
#[test]
fn an_outage_or_a_lost_answer_at_any_request() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.published(1);
    // A code that is not sent again.
    let (status, code, message) = (409, "LimitExceeded", "an outage");
    for (command, writes) in [("apply", APPLY), ("delete", DELETE)] {
        for skip in 0..writes {
            for effect in [Effect::CutBefore, Effect::CutAfter, Effect::Error { status, code, message }] {
                prepare(&site, command, &bundle);
                let (times, ending) = if let Effect::Error { .. } = effect { (1000, 6) } else { (1, 0) };
                site.emulator.spoil(Which::Writes, skip, times, effect);
                site.run(command, &bundle, &FAST).exits(ending);
                site.emulator.forget();
                if ending != 0 {
                    site.run(command, &bundle, &FAST).exits(0);
                }
                finished(&site, command, &bundle);
            }
        }
    }
    Ok(())
}

/// A run that was approved by a plan file and stopped between the provider and its record goes on under the same approval.
#[test]
fn a_plan_file_goes_on_after_the_provider_alone() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.published(1);
    site.run("plan", &bundle, &["--output", "plan.json"]).exits(0);
    site.emulator.spoil(
        Which::Writes,
        1,
        1000,
        Effect::Error { status: 409, code: "LimitExceeded", message: "an outage" },
    );
    site.run("apply", &bundle, &["--plan", "plan.json"]).exits(6);
    site.emulator.forget();
    assert_eq!(site.provider()["tags"].get(TAG), None);
    site.run("apply", &bundle, &["--plan", "plan.json"]).exits(0);
    site.holds(&bundle);
    Ok(())
}

#[test]
fn what_is_changed_on_the_provider_by_hand_is_put_back() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.published(1);
    site.apply(&bundle);
    let expected = site.provider()["clientIds"].clone();
    site.call("remove_client_id_from_open_id_connect_provider", json!({"ClientID": "openshift"}));
    site.call("add_client_id_to_open_id_connect_provider", json!({"ClientID": "somebody"}));
    let owned = "openshift.io/cloud-credential-operator/hosted";
    site.call("untag_open_id_connect_provider", json!({"TagKeys": [owned, "Name"]}));
    site.call("tag_open_id_connect_provider", json!({"Tags": [{"Key": "theirs", "Value": "1"}]}));
    site.run("plan", &bundle, &["--detailed-exitcode"]).exits(10);
    site.apply(&bundle);
    assert_eq!(site.provider()["clientIds"], expected);
    let tags = site.provider()["tags"].clone();
    assert_eq!((&tags[owned], &tags["theirs"]), (&json!("owned"), &json!("1")));
    let plan = site.run("plan", &bundle, &["--detailed-exitcode"]).exits(10).stdout;
    assert!(plan.contains("\n! tag theirs is not in the bundle, and stays on\n"), "{plan}");
    site.call("untag_open_id_connect_provider", json!({"TagKeys": ["theirs"]}));
    site.holds(&bundle);
    Ok(())
}

/// What the run before would have made is known by itself; whatever differs needs somebody who says so.
#[test]
fn a_provider_without_a_record_is_taken_over_by_somebody_who_says_so() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.published(1);
    site.apply(&bundle);
    let record = [TAG.to_owned(), format!("{TAG}/1")];
    site.call("untag_open_id_connect_provider", json!({"TagKeys": record}));
    let role = format!("role {} carries the cluster's tag, but is not in the record of what was made here (", ROLES[0]);
    site.refuses(&site.program("apply", &bundle, &["--yes", "--ca-file", "ca.pem"]), 5, &role);
    site.call("add_client_id_to_open_id_connect_provider", json!({"ClientID": "somebody"}));
    let provider = format!(
        "identity provider {PROVIDER} carries the cluster's tag, but is not in the record of what was made here ("
    );
    site.refuses(&site.program("apply", &bundle, &["--yes", "--ca-file", "ca.pem"]), 5, &provider);
    site.run("apply", &bundle, &["--yes", "--adopt"]).exits(0);
    site.holds(&bundle);
    Ok(())
}

#[test]
fn a_provider_that_is_gone_takes_the_proof_with_it() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.published(1);
    site.run("apply", &bundle, &["--yes", "--receipt", "kept.json"]).exits(0);
    site.call("delete_open_id_connect_provider", json!({}));
    let gone = format!(
        "identity provider {PROVIDER} is not there, but roles of the cluster are\n  without it nothing says which bundle was \
         applied last: give --previous-receipt FILE, or --allow-rollback if this bundle is the one to apply"
    );
    site.refuses(&site.program("apply", &bundle, &["--yes", "--ca-file", "ca.pem"]), 5, &gone);
    site.run("apply", &bundle, &["--yes", "--previous-receipt", "kept.json"]).exits(0);
    site.holds(&bundle);

    // A deletion with the receipt removes the roles that are left.
    site.run("plan", &bundle, &[]).exits(0);
    site.scene.remove("kept.json");
    let again = site.published(2);
    site.run("apply", &again, &["--yes", "--receipt", "kept.json"]).exits(0);
    site.call("delete_open_id_connect_provider", json!({}));
    site.run("delete", &again, &["--yes"]).exits(5);
    site.run("delete", &again, &["--yes", "--previous-receipt", "kept.json"]).exits(0);
    assert_eq!(site.roles(), Vec::<String>::new());
    Ok(())
}
