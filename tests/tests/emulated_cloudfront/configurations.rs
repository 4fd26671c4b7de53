//! Configurations: which are refused, what is filled in, what comes back.

use serde_json::{Value, json};

use crate::Test;
use crate::account::{Account, CERTIFICATE, add_alias, config, tagged, viewer_certificate};

/// A configuration with an alias.
fn aliased(reference: &str, alias: &str) -> Value {
    let mut aliased = config(reference, "");
    add_alias(&mut aliased, alias);
    aliased
}

type Change = fn(&mut Value);

#[test]
fn what_aws_refuses_is_refused() -> Test {
    const CASES: [(&str, u64, Change); 15] = [
        ("InvalidOriginAccessControl", 400, |c| c["Origins"]["Items"][0]["OriginAccessControlId"] = "E1".into()),
        ("InvalidViewerCertificate", 400, |c| c["Aliases"] = json!({"Quantity": 1, "Items": ["issuer.example.com"]})),
        ("InvalidViewerCertificate", 400, |c| {
            c["ViewerCertificate"] = viewer_certificate(&CERTIFICATE.replace("us-east-1", "us-east-2"));
        }),
        ("InvalidViewerCertificate", 400, |c| {
            c["ViewerCertificate"] = viewer_certificate(&CERTIFICATE.replace("123456789012", "111122223333"));
        }),
        ("InvalidViewerCertificate", 400, |c| c["ViewerCertificate"] = json!({"ACMCertificateArn": CERTIFICATE})),
        ("InvalidViewerCertificate", 400, |c| c["ViewerCertificate"] = json!({"CloudFrontDefaultCertificate": false})),
        ("CNAMEAlreadyExists", 409, |c| *c = aliased("refused", "TAKEN.example.com")),
        ("InconsistentQuantities", 400, |c| c["Origins"]["Quantity"] = 2.into()),
        ("NoSuchOrigin", 404, |c| c["DefaultCacheBehavior"]["TargetOriginId"] = "other".into()),
        ("NoSuchCachePolicy", 404, |c| c["DefaultCacheBehavior"]["CachePolicyId"] = "other".into()),
        ("InvalidArgument", 400, |c| drop(c["DefaultCacheBehavior"].as_object_mut().unwrap().remove("CachePolicyId"))),
        ("InvalidArgument", 400, |c| c["DefaultCacheBehavior"]["MinTTL"] = 0.into()),
        ("InvalidArgument", 400, |c| c["Origins"]["Items"][0]["DomainName"] = "example.com".into()),
        ("InvalidArgument", 400, |c| c["Comment"] = "x".repeat(129).into()),
        ("IllegalOriginAccessConfiguration", 400, |c| {
            c["Origins"]["Items"][0]["S3OriginConfig"]["OriginAccessIdentity"] =
                "origin-access-identity/cloudfront/E1".into();
        }),
    ];
    let account = Account::new()?;
    account.call("create_distribution_with_tags", tagged(&aliased("taken", "taken.example.com")));
    let control = account.control("demo").id;
    for (at, (code, status, change)) in CASES.into_iter().enumerate() {
        let mut changed = config("refused", &control);
        change(&mut changed);
        let refused = account.refused("create_distribution_with_tags", tagged(&changed));
        assert_eq!(refused, (status, code.to_owned()), "case {at}");
    }
    assert_eq!(account.emulator.state()["distributions"].as_object().unwrap().len(), 1);
    account.made("refused", &control);
    Ok(())
}

#[test]
fn an_update_is_given_the_whole_configuration() -> Test {
    const DISTRIBUTION: [&str; 10] = [
        "Aliases",
        "DefaultRootObject",
        "CacheBehaviors",
        "CustomErrorResponses",
        "Logging",
        "PriceClass",
        "ViewerCertificate",
        "Restrictions",
        "WebACLId",
        "HttpVersion",
    ];
    const BEHAVIOR: [&str; 5] =
        ["AllowedMethods", "SmoothStreaming", "Compress", "LambdaFunctionAssociations", "FieldLevelEncryptionId"];
    let account = Account::new()?;
    let id = account.made("whole", &account.control("demo").id);
    let held = account.call("get_distribution", json!({"Id": id}));
    let whole = &held["Distribution"]["DistributionConfig"];
    let update = |config: &Value| {
        let update = json!({"Id": id, "IfMatch": held["ETag"], "DistributionConfig": config});
        account.refused("update_distribution", update)
    };
    let illegal = (400, "IllegalUpdate".to_owned());
    let parts = [
        ("", &DISTRIBUTION[..]),
        ("/DefaultCacheBehavior", &BEHAVIOR),
        ("/Origins/Items/0", &["OriginPath", "CustomHeaders"]),
    ];
    for (part, name) in parts.into_iter().flat_map(|(part, names)| names.iter().map(move |name| (part, name))) {
        let mut lacking = whole.clone();
        assert!(lacking.pointer_mut(part).unwrap().as_object_mut().unwrap().remove(*name).is_some(), "{name}");
        assert_eq!(update(&lacking), illegal, "{name}");
    }
    let mut other = whole.clone();
    other["CallerReference"] = "other".into();
    assert_eq!(update(&other), illegal);
    account.change(&id, |_| {});
    assert_eq!(
        update(whole),
        (412, "PreconditionFailed".into()),
        "an update makes a new version, even of the same content"
    );
    Ok(())
}

/// Every field of what was sent, at its place, with its value.
fn holds(found: &Value, sent: &Value, place: &str) {
    match sent {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| holds(&found[name], value, &format!("{place}/{name}")));
        }
        Value::Array(items) => {
            assert_eq!(found.as_array().unwrap().len(), items.len(), "{place}");
            items.iter().enumerate().for_each(|(at, item)| holds(&found[at], item, &format!("{place}/{at}")));
        }
        _ => assert_eq!(found, sent, "{place}"),
    }
}

#[test]
fn what_was_sent_comes_back_and_the_rest_is_filled_in() -> Test {
    let account = Account::new()?;
    let control = account.control("demo").id;
    let mut sent = aliased("everything", "issuer.example.com");
    sent["Comment"] = "<cluster> & \"others\"".into();
    sent["Origins"]["Items"][0]["OriginAccessControlId"] = control.clone().into();
    sent["Origins"]["Items"][0]["OriginPath"] = "/below".into();
    let more = json!({
        "PriceClass": "PriceClass_100", "HttpVersion": "http2and3", "IsIPV6Enabled": false, "DefaultRootObject": "index.html",
        "WebACLId": "", "Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", "Quantity": 1, "Items": ["DE"]}},
        "CustomErrorResponses": {"Quantity": 1, "Items": [{"ErrorCode": 403, "ErrorCachingMinTTL": 0}]},
    });
    sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sent["DefaultCacheBehavior"]["Compress"] = true.into();
    sent["DefaultCacheBehavior"]["AllowedMethods"] =
        json!({"Quantity": 2, "Items": ["HEAD", "GET"], "CachedMethods": {"Quantity": 2, "Items": ["HEAD", "GET"]}});
    let made = account.call("create_distribution_with_tags", tagged(&sent));
    let id = made["Distribution"]["Id"].as_str().unwrap();
    let read = account.call("get_distribution", json!({"Id": id}))["Distribution"]["DistributionConfig"].clone();
    holds(&read, &sent, "");
    assert_eq!(read, made["Distribution"]["DistributionConfig"]);
    assert_eq!(read["ViewerCertificate"]["CertificateSource"], "acm");

    let least = config("least", &control);
    let made = account.call("create_distribution_with_tags", tagged(&least));
    let held = &made["Distribution"]["DistributionConfig"];
    holds(held, &least, "");
    let none = json!({"Quantity": 0});
    for (place, expected) in [
        ("/Aliases", &none),
        ("/PriceClass", &json!("PriceClass_All")),
        ("/HttpVersion", &json!("http2")),
        ("/WebACLId", &json!("")),
        ("/Restrictions/GeoRestriction", &json!({"RestrictionType": "none", "Quantity": 0})),
        ("/DefaultCacheBehavior/AllowedMethods/Items", &json!(["HEAD", "GET"])),
        ("/DefaultCacheBehavior/Compress", &json!(false)),
        ("/Origins/Items/0/CustomHeaders", &none),
        ("/Origins/Items/0/ConnectionAttempts", &json!(3)),
    ] {
        assert_eq!(held.pointer(place), Some(expected), "{place}");
    }
    Ok(())
}

/// Documented: with its own certificate CloudFront sets the security policy itself, whatever was asked for.
#[test]
fn the_default_certificate_has_tls_1() -> Test {
    let account = Account::new()?;
    let mut sent = config("default", "");
    sent["ViewerCertificate"] = json!({"CloudFrontDefaultCertificate": true, "MinimumProtocolVersion": "TLSv1.2_2021"});
    let made = account.call("create_distribution_with_tags", tagged(&sent));
    assert_eq!(
        made["Distribution"]["DistributionConfig"]["ViewerCertificate"],
        json!({
            "CloudFrontDefaultCertificate": true, "SSLSupportMethod": "vip", "MinimumProtocolVersion": "TLSv1",
            "CertificateSource": "cloudfront",
        })
    );
    Ok(())
}
