//! Deletions that find something else than they left: what somebody disabled, deleted or uses.

use serde_json::{Value, json};
use tests::emulator::empty_account;
use tests::request::operations;

use super::Test;
use super::site::{ENDPOINT, Site};

fn applied() -> Result<Option<Site>, tests::SetupError> {
    let Some(site) = Site::start()? else { return Ok(None) };
    site.endpoint();
    site.runs("apply", ENDPOINT);
    Ok(Some(site))
}

#[test]
fn one_that_is_disabled_already_is_only_deleted() -> Test {
    let Some(site) = applied()? else { return Ok(()) };
    site.change(|config| config["Enabled"] = false.into());
    site.emulator.forget();
    site.runs("delete", ENDPOINT);
    let writes = site.emulator.writes();
    assert!(!operations(&writes).contains(&"UpdateDistribution"), "{:?}", operations(&writes));
    assert_eq!(site.emulator.state(), empty_account());
    Ok(())
}

#[test]
fn one_that_is_gone_leaves_the_rest_to_be_deleted() -> Test {
    let Some(site) = applied()? else { return Ok(()) };
    site.change(|config| config["Enabled"] = false.into());
    let (id, _) = site.distribution();
    let get = || site.emulator.call("cloudfront", "get_distribution", json!({"Id": id}));
    get();
    let etag = get()["ETag"].clone();
    site.emulator.call("cloudfront", "delete_distribution", json!({"Id": id, "IfMatch": etag}));
    site.runs("delete", ENDPOINT);
    assert_eq!(site.emulator.state(), empty_account());
    Ok(())
}

#[test]
fn an_access_control_that_another_distribution_uses_stays_until_it_does_not() -> Test {
    let Some(site) = applied()? else { return Ok(()) };
    let (id, _) = site.distribution();
    let mut config =
        site.emulator.call("cloudfront", "get_distribution_config", json!({"Id": id}))["DistributionConfig"].clone();
    config["CallerReference"] = "somebody else".into();
    config["Origins"]["Items"][0]["DomainName"] = "other.s3.us-east-2.amazonaws.com".into();
    let other: Value = site.emulator.call("cloudfront", "create_distribution", json!({"DistributionConfig": config}));
    let stopped = site.program("delete", ENDPOINT, &["--yes", "--receipt", "first.json"]).run().exits(6).stderr;
    assert!(stopped.replace("\n    ", " ").contains("another distribution uses it too"), "{stopped}");
    assert_eq!(site.scene.receipt("first.json")["record"]["made"].get("distribution"), None);

    let id = other["Distribution"]["Id"].clone();
    let mut found = site.emulator.call("cloudfront", "get_distribution_config", json!({"Id": id}));
    let mut config = found["DistributionConfig"].take();
    config["Origins"]["Items"][0]["OriginAccessControlId"] = "".into();
    let update = json!({"Id": id, "IfMatch": found["ETag"], "DistributionConfig": config});
    site.emulator.call("cloudfront", "update_distribution", update);
    site.runs("delete", ENDPOINT);
    let state = site.emulator.state();
    assert_eq!((&state["accessControls"], &state["buckets"]), (&json!({}), &json!({})));
    assert_eq!(state["distributions"].as_object().unwrap().len(), 1, "somebody else's");
    Ok(())
}

#[test]
fn a_deletion_that_is_stopped_while_it_waits_goes_on() -> Test {
    let Some(site) = applied()? else { return Ok(()) };
    site.emulator.deploys_after(None);
    let late = ["--yes", "--receipt", "first.json", "--wait-timeout", "0"];
    let stopped = site.program("delete", ENDPOINT, &late).run().exits(6).stderr;
    assert!(stopped.contains("CloudFront has not deployed distribution"), "{stopped}");
    assert_eq!(site.scene.receipt("first.json")["record"]["state"], "deletion-stopped");
    site.emulator.deploys_after(Some(1));
    site.emulator.forget();
    site.runs("delete", ENDPOINT);
    assert!(!operations(&site.emulator.writes()).contains(&"UpdateDistribution"), "it is disabled already");
    assert_eq!(site.emulator.state(), empty_account());
    Ok(())
}

#[test]
fn without_a_record_a_distribution_is_found_and_taken_over_with_adopt() -> Test {
    let Some(site) = applied()? else { return Ok(()) };
    let record = json!({"Bucket": tests::scene::BUCKET, "Key": "sts-airlock/record.json"});
    site.emulator.call("s3", "delete_object", record);
    let (id, _) = site.distribution();
    let said = format!("distribution {id} carries the cluster's tag, but is not in the record");
    site.refuses("plan", ENDPOINT, 5, &said);
    let flags = ["--yes", "--adopt", "--receipt", "adopted.json"];
    let adopted = site.program("apply", ENDPOINT, &flags).run().exits(0).stdout;
    assert!(
        adopted.replace("\n    ", " ").contains(&format!("! DISTRIBUTION {id} IS NOT IN THE RECORD AND IS TAKEN")),
        "{adopted}"
    );
    assert_eq!(site.scene.receipt("adopted.json")["record"]["made"]["distribution"], id.as_str());
    site.holds(ENDPOINT);
    Ok(())
}
