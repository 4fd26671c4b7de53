//! The emulated account's CloudFront does what AWS documents, so that a test of the applier against it says something: the order
//! of a distribution's life, versions, refusals, configurations, tags, pages; and the edge serves what a bucket's policy allows it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

mod account;
mod configurations;
mod edge;

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::{Effect, Emulator, Which, empty_account};
use tests::request::operations;

use self::account::{Account, config};

type Test = Result<(), SetupError>;

#[test]
fn a_distribution_is_made_disabled_and_deleted_in_this_order_only() -> Test {
    let account = Account::new()?;
    let control = account.control("demo");
    let made = account.create("first", &control.id);
    let (id, first) = (made["Distribution"]["Id"].as_str().unwrap(), made["ETag"].as_str().unwrap());
    assert_eq!((id.len(), &id[..1]), (14, "E"));
    assert_eq!(made["Distribution"]["ARN"], format!("arn:aws:cloudfront::123456789012:distribution/{id}"));
    let domain = made["Distribution"]["DomainName"].as_str().unwrap();
    let name = domain.strip_suffix(".cloudfront.net").unwrap();
    assert_eq!((name.len(), &name[..1]), (14, "d"));
    assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{name}");

    let delete = |etag: &str| account.refused("delete_distribution", json!({"Id": id, "IfMatch": etag}));
    assert_eq!(account.refused("delete_distribution", json!({"Id": id})), (400, "InvalidIfMatchVersion".into()));
    assert_eq!(delete("E1"), (412, "PreconditionFailed".into()));
    assert_eq!(delete(first), (409, "DistributionNotDisabled".into()), "it is enabled and in progress");
    assert_eq!([account.status(id), account.status(id), account.status(id)], ["InProgress", "Deployed", "Deployed"]);
    assert_eq!(delete(first), (409, "DistributionNotDisabled".into()), "it is enabled");
    let control_in_use = || account.refused("delete_origin_access_control", control.version());
    assert_eq!(control_in_use(), (409, "OriginAccessControlInUse".into()));

    let second = account.change(id, |config| config["Enabled"] = false.into());
    assert_ne!(second, first);
    assert_eq!(delete(first), (412, "PreconditionFailed".into()), "the version is the one before");
    assert_eq!(delete(&second), (409, "DistributionNotDisabled".into()), "it is in progress");
    assert_eq!(control_in_use(), (409, "OriginAccessControlInUse".into()));
    assert_eq!([account.status(id), account.status(id)], ["InProgress", "Deployed"]);
    account.call("delete_distribution", json!({"Id": id, "IfMatch": second}));
    assert_eq!(delete(&second), (404, "NoSuchDistribution".into()));
    account.call("delete_origin_access_control", control.version());
    let gone = account.refused("get_origin_access_control", json!({"Id": control.id}));
    assert_eq!(gone, (404, "NoSuchOriginAccessControl".into()));
    assert_eq!(account.emulator.state(), empty_account());

    let again = account.refused("create_distribution_with_tags", account::tagged(&config("first", "")));
    assert_eq!(again, (409, "DistributionAlreadyExists".into()), "a reference is used up, even by one that is gone");
    Ok(())
}

#[test]
fn it_is_deployed_after_as_many_reads_as_a_test_says() -> Test {
    let account = Account::new()?;
    let control = account.control("demo");
    account.emulator.deploys_after(Some(3));
    let id = account.made("three", &control.id);
    let statuses: Vec<String> = (0..4).map(|_| account.status(&id)).collect();
    assert_eq!(statuses, ["InProgress", "InProgress", "InProgress", "Deployed"]);
    account.emulator.deploys_after(None);
    account.change(&id, |config| config["Comment"] = "changed".into());
    assert_eq!([account.status(&id), account.status(&id)], ["InProgress", "InProgress"]);
    account.emulator.deploys_after(Some(2));
    assert_eq!(account.status(&id), "Deployed");
    account.emulator.deploys_after(Some(0));
    assert_eq!(account.create("none", &control.id)["Distribution"]["Status"], "Deployed");
    Ok(())
}

#[test]
fn access_controls_have_names_and_versions() -> Test {
    let account = Account::new()?;
    let (first, second) = (account.control("first"), account.control("second"));
    let named = |name: &str| json!({"OriginAccessControlConfig": account::control_config(name)});
    let taken = (409, "OriginAccessControlAlreadyExists".into());
    assert_eq!(account.refused("create_origin_access_control", named("first")), taken);
    let mut update = named("first");
    update["Id"] = second.id.clone().into();
    let refused = |update: &Value| account.refused("update_origin_access_control", update.clone());
    assert_eq!(refused(&update), (400, "InvalidIfMatchVersion".into()));
    update["IfMatch"] = first.etag.into();
    assert_eq!(refused(&update), (412, "PreconditionFailed".into()));
    update["IfMatch"] = second.etag.clone().into();
    assert_eq!(refused(&update), taken);
    update["OriginAccessControlConfig"]["Name"] = "third".into();
    let updated = account.call("update_origin_access_control", update);
    assert_ne!(updated["ETag"], second.etag);
    let deleted = json!({"Id": second.id, "IfMatch": second.etag});
    assert_eq!(account.refused("delete_origin_access_control", deleted), (412, "PreconditionFailed".into()));
    assert_eq!(
        account.emulator.state()["accessControls"][&second.id],
        json!({"name": "third", "description": "", "originType": "s3", "signingBehavior": "always", "signingProtocol": "sigv4"})
    );
    Ok(())
}

#[test]
fn tags_are_kept_added_and_removed() -> Test {
    let account = Account::new()?;
    let id = account.made("tagged", &account.control("demo").id);
    let arn = format!("arn:aws:cloudfront::123456789012:distribution/{id}");
    let tags = || account.emulator.state()["distributions"][&id]["tags"].clone();
    assert_eq!(tags(), json!({"Name": "demo"}));
    let tag = |key: &str, value: &str| json!({"Resource": arn, "Tags": {"Items": [{"Key": key, "Value": value}]}});
    account.call("tag_resource", tag("a/b", "c d"));
    account.call("untag_resource", json!({"Resource": arn, "TagKeys": {"Items": ["Name"]}}));
    assert_eq!(tags(), json!({"a/b": "c d"}));
    let listed = account.call("list_tags_for_resource", json!({"Resource": arn}));
    assert_eq!(listed, json!({"Tags": {"Items": [{"Key": "a/b", "Value": "c d"}]}}));
    for (key, value) in [("aws:x", "y"), ("x", "{"), ("x", "a,b")] {
        assert_eq!(account.refused("tag_resource", tag(key, value)), (400, "InvalidTagging".into()), "{key} {value}");
    }
    let elsewhere = json!({"Resource": arn.replace(&id, "E1")});
    assert_eq!(account.refused("list_tags_for_resource", elsewhere), (404, "NoSuchResource".into()));
    Ok(())
}

#[test]
fn lists_come_in_pages() -> Test {
    let account = Account::new()?;
    let mut controls: Vec<String> = ["a", "b", "c"].iter().map(|name| account.control(name).id).collect();
    let mut made: Vec<String> = controls.iter().map(|control| account.made(control, control)).collect();
    account.emulator.page_size(2);
    for (operation, list, ids) in [
        ("list_distributions", "DistributionList", &mut made),
        ("list_origin_access_controls", "OriginAccessControlList", &mut controls),
    ] {
        ids.sort();
        let page = |parameters: Value| account.call(operation, parameters)[list].clone();
        let listed = |page: &Value| -> Vec<String> {
            page["Items"].as_array().unwrap().iter().map(|item| item["Id"].as_str().unwrap().to_owned()).collect()
        };
        let first = page(json!({}));
        assert_eq!(
            (listed(&first), &first["IsTruncated"], &first["Quantity"]),
            (ids[..2].to_vec(), &json!(true), &json!(2))
        );
        let second = page(json!({"Marker": first["NextMarker"]}));
        assert_eq!((listed(&second), &second["IsTruncated"]), (ids[2..].to_vec(), &json!(false)));
        assert_eq!(second.get("NextMarker"), None);
    }
    let item = &account.call("list_distributions", json!({"MaxItems": "1"}))["DistributionList"]["Items"][0];
    let whole = &account.emulator.state()["distributions"][item["Id"].as_str().unwrap()];
    for (name, expected) in [
        ("ARN", &whole["arn"]),
        ("DomainName", &whole["domain"]),
        ("Status", &whole["status"]),
        ("Enabled", &whole["enabled"]),
        ("Origins", &whole["config"]["Origins"]),
        ("Aliases", &whole["config"]["Aliases"]),
    ] {
        assert_eq!(&item[name], expected, "{name}");
    }
    Ok(())
}

/// Through the stock AWS CLI, whose requests are seen and spoiled as the applier's are.
#[test]
fn requests_have_names_and_can_be_spoiled() -> Test {
    let account = Account::new()?;
    let id = account.made("seen", &account.control("demo").id);
    let emulator = &account.emulator;
    let get = || emulator.aws(&["cloudfront", "get-distribution", "--id", &id]);
    assert_eq!(get().exits(0).json()["Distribution"]["Id"], *id);
    emulator.aws(&["cloudfront", "list-distributions", "--no-paginate"]).exits(0);
    emulator.aws(&["cloudfront", "delete-distribution", "--id", &id, "--if-match", "E1"]).exits(255);
    let requests = emulator.requests();
    assert_eq!(operations(&requests), ["GetDistribution", "ListDistributions", "DeleteDistribution"]);
    assert_eq!(operations(&emulator.writes()), ["DeleteDistribution"]);
    let deleted = &requests[2];
    assert_eq!(
        (deleted.service.as_str(), deleted.parameter("Id"), deleted.header("if-match")),
        ("cloudfront", &*id, "E1")
    );
    assert_eq!((deleted.id.as_deref(), deleted.status), (Some("DeleteDistribution-1"), Some(412)));

    let denied = Effect::Error { status: 403, code: "AccessDenied", message: "no" };
    emulator.spoil(Which::Operation("GetDistribution"), 0, 1, denied);
    assert!(
        get()
            .exits(255)
            .stderr
            .contains("An error occurred (AccessDenied) when calling the GetDistribution operation: no")
    );
    let lost = Effect::Lost { status: 403, code: "AccessDenied", message: "lost" };
    emulator.spoil(Which::Operation("TagResource"), 0, 1, lost);
    let arn = format!("arn:aws:cloudfront::123456789012:distribution/{id}");
    let tag = ["cloudfront", "tag-resource", "--resource", &arn, "--tags", "Items=[{Key=k,Value=v}]"];
    assert!(emulator.aws(&tag).exits(255).stderr.contains("(AccessDenied)"));
    assert_eq!(emulator.state()["distributions"][&id]["tags"]["k"], "v");
    Ok(())
}

#[test]
fn the_account_is_saved_restored_and_emptied() -> Test {
    let account = Account::new()?;
    let id = account.made("kept", &account.control("demo").id);
    let before = account.emulator.state();
    account.emulator.save();
    account.change(&id, |config| config["Comment"] = "changed".into());
    account.made("further", "");
    assert_ne!(account.emulator.state(), before);
    account.emulator.restore();
    assert_eq!(account.emulator.state(), before);
    account.made("further", "");
    account.emulator.reset();
    assert_eq!(account.emulator.state(), empty_account());
    account.made("kept", "");
    Ok(())
}

#[test]
fn another_account_has_its_own() -> Test {
    let account = Account::new()?;
    let id = account.made("own", &account.control("demo").id);
    let other = |operation: &str, parameters: Value| {
        account.emulator.try_call("111122223333", "cloudfront", operation, parameters)
    };
    assert_eq!(other("get_distribution", json!({"Id": id}))["error"], "NoSuchDistribution");
    assert_eq!(other("list_distributions", json!({}))["DistributionList"]["Quantity"], 0);
    other("create_origin_access_control", json!({"OriginAccessControlConfig": account::control_config("demo")}));
    assert_eq!(account.emulator.state()["accessControls"].as_object().unwrap().len(), 1);
    Ok(())
}
