//! Every setting that decides what is served, changed by somebody else: the plan says so, an apply puts it back.

use serde_json::{Value, json};
use tests::request::operations;

use super::Test;
use super::site::{CLUSTER, ENDPOINT, Site};

type Change = fn(&mut Value);

/// A cluster that holds.
fn applied() -> Result<Option<Site>, tests::SetupError> {
    let Some(site) = Site::start()? else { return Ok(None) };
    site.endpoint();
    site.runs("apply", ENDPOINT);
    site.cluster();
    site.runs("apply", CLUSTER);
    Ok(Some(site))
}

#[test]
fn what_decides_about_the_documents_is_put_back() -> Test {
    let Some(site) = applied()? else { return Ok(()) };
    let before = site.distribution().1["config"].clone();
    let changes: [(&str, Change); 9] = [
        ("disabled", |config| config["Enabled"] = false.into()),
        ("comment", |config| config["Comment"] = "mine".into()),
        ("protocol", |config| config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] = "allow-all".into()),
        ("compress", |config| config["DefaultCacheBehavior"]["Compress"] = true.into()),
        ("root", |config| config["DefaultRootObject"] = "index.html".into()),
        ("path", |config| config["Origins"]["Items"][0]["OriginPath"] = "/evil".into()),
        ("cache", |config| {
            config["DefaultCacheBehavior"]["CachePolicyId"] = "658327ea-f89d-4fab-a63d-7e88639e58f6".into();
        }),
        ("error page", |config| {
            let page =
                json!({"ErrorCode": 404, "ResponsePagePath": "/x", "ResponseCode": "200", "ErrorCachingMinTTL": 1});
            config["CustomErrorResponses"] = json!({"Quantity": 1, "Items": [page]});
        }),
        ("another origin", |config| {
            let mut other = config["Origins"]["Items"][0].clone();
            (other["Id"], other["DomainName"]) = ("other".into(), "other.s3.us-east-2.amazonaws.com".into());
            config["Origins"]["Items"].as_array_mut().unwrap().push(other);
            config["Origins"]["Quantity"] = 2.into();
            config["DefaultCacheBehavior"]["TargetOriginId"] = "other".into();
        }),
    ];
    for (what, change) in changes {
        site.change(change);
        let plan = site.program("plan", CLUSTER, &["--detailed-exitcode"]).run().exits(10).stdout;
        assert!(plan.contains("  ~ settings (cloudfront:UpdateDistribution)\n"), "{what}: {plan}");
        site.emulator.forget();
        site.runs("apply", CLUSTER);
        assert_eq!(operations(&site.emulator.writes()), ["PutObject", "UpdateDistribution", "PutObject"], "{what}");
        site.holds(CLUSTER);
        assert_eq!(site.distribution().1["config"], before, "{what}");
    }
    Ok(())
}

#[test]
fn the_organisations_own_settings_stay() -> Test {
    let Some(site) = applied()? else { return Ok(()) };
    let (id, found) = site.distribution();
    site.change(|config| {
        config["PriceClass"] = "PriceClass_100".into();
        config["HttpVersion"] = "http2and3".into();
    });
    let tags = json!({"Items": [{"Key": "costcenter", "Value": "7"}]});
    site.emulator.call("cloudfront", "tag_resource", json!({"Resource": found["arn"], "Tags": tags}));
    let plan = site.program("plan", CLUSTER, &["--format", "json"]).run().exits(0).json();
    assert_eq!(plan["actions"], json!([]));
    assert_eq!(plan["findings"][0]["key"], "costcenter");
    // A change of ours keeps them.
    site.change(|config| config["Comment"] = "mine".into());
    site.runs("apply", CLUSTER);
    let config = site.distribution().1["config"].clone();
    assert_eq!((&config["PriceClass"], &config["HttpVersion"]), (&json!("PriceClass_100"), &json!("http2and3")));
    // A restriction is named.
    site.change(|config| {
        let geo = json!({"RestrictionType": "whitelist", "Quantity": 1, "Items": ["DE"]});
        config["Restrictions"] = json!({"GeoRestriction": geo});
    });
    let plan = site.program("plan", CLUSTER, &["--detailed-exitcode"]).run().exits(10).stdout;
    assert!(plan.replace("\n    ", " ").contains(&format!("! distribution {id} answers DE alone: AWS")), "{plan}");
    Ok(())
}

#[test]
fn a_distribution_that_gives_the_issuer_its_name_cannot_be_replaced() -> Test {
    let Some(site) = applied()? else { return Ok(()) };
    let (id, found) = site.distribution();
    site.change(|config| {
        config["Origins"]["Items"][0]["DomainName"] = "other.s3.us-east-2.amazonaws.com".into();
    });
    site.refuses("plan", CLUSTER, 5, &format!("distribution {id} has other origins than the bundle's bucket"));
    site.change(|config| config["Enabled"] = false.into());
    site.emulator.call("cloudfront", "get_distribution", json!({"Id": id}));
    let etag = site.emulator.call("cloudfront", "get_distribution", json!({"Id": id}))["ETag"].clone();
    site.emulator.call("cloudfront", "delete_distribution", json!({"Id": id, "IfMatch": etag}));
    let domain = found["domain"].as_str().unwrap();
    site.refuses(
        "plan",
        CLUSTER,
        5,
        &format!("distribution {id} does not exist in account 123456789012\n  it gives the issuer its name, {domain}"),
    );
    Ok(())
}
