//! Private buckets behind CloudFront: both ways from nothing to a cluster and back, over an edge with TLS, DNS and a proxy.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

mod cut_off;
mod deletions;
mod drift;
mod site;

use std::collections::BTreeSet;

use serde_json::json;
use tests::SetupError;
use tests::emulator::empty_account;
use tests::issuer_server::ALIAS;
use tests::request::operations;

use self::site::{CLUSTER, ENDPOINT, ONE_PHASE, Site};

pub(crate) type Test = Result<(), SetupError>;

#[test]
fn an_endpoint_and_then_its_cluster_are_made_and_deleted() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.endpoint();
    let plan = site.program("plan", ENDPOINT, &[]).run().exits(0).stdout;
    assert!(plan.contains("\nServed    by CloudFront\n"), "{plan}");
    assert!(plan.contains("\n+ distribution\n    ID            the one that CloudFront gives it\n"), "{plan}");
    site.emulator.forget();
    let (_, receipt) = site.runs("apply", ENDPOINT);
    let writes = site.emulator.writes();
    let mut writes = operations(&writes);
    // These two are sent side by side.
    writes[2..4].sort_unstable();
    assert_eq!(
        writes,
        [
            "CreateBucket",
            "PutObject",
            "CreateOriginAccessControl",
            "PutPublicAccessBlock",
            "CreateDistributionWithTags",
            "PutObject"
        ]
    );
    assert!(!site.emulator.requests().iter().any(|request| request.service == "iam"));
    let (id, found) = site.distribution();
    assert_eq!(receipt["distribution"], json!({"id": id, "arn": found["arn"], "domain": found["domain"]}));
    assert_eq!((&receipt["deployment"], receipt.get("issuerCheck")), (&json!({"outcome": "done"}), None));
    assert_eq!(receipt["record"]["made"]["distribution"], id.as_str());
    site.holds(ENDPOINT);

    site.cluster();
    let (_, receipt) = site.runs("apply", CLUSTER);
    assert_eq!(receipt["issuerCheck"], json!({"outcome": "done"}));
    assert_eq!(receipt["distribution"]["id"], id.as_str());
    assert_eq!(site.policy()["Condition"], json!({"StringEquals": {"AWS:SourceArn": found["arn"]}}));
    site.holds(CLUSTER);
    let url = format!("https://{}/keys.json", found["domain"].as_str().unwrap());
    assert_eq!(site.server.get(&url).status, 200);
    site.refuses("delete", ENDPOINT, 5, "bundle has serial 1, the account holds serial 2, which is newer");
    site.refuses("apply", ENDPOINT, 5, "bundle has serial 1, the account holds serial 2, which is newer");

    site.emulator.forget();
    let (_, receipt) = site.runs("delete", CLUSTER);
    assert_eq!((receipt.get("distribution"), receipt.get("deployment")), (None, None));
    let order: Vec<String> = site.emulator.writes().into_iter().map(|request| request.operation).collect();
    let place = |name: &str| order.iter().position(|operation| operation == name).unwrap();
    let wanted = [
        "DeleteRole",
        "DeleteOpenIDConnectProvider",
        "UpdateDistribution",
        "DeleteDistribution",
        "DeleteOriginAccessControl",
        "DeleteObject",
        "DeleteBucket",
    ];
    assert!(wanted.map(place).is_sorted(), "{order:?}");
    assert_eq!(site.emulator.state(), empty_account());
    Ok(())
}

#[test]
fn an_endpoint_alone_is_deleted() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.endpoint();
    site.runs("apply", ENDPOINT);
    site.emulator.forget();
    site.runs("delete", ENDPOINT);
    assert!(!site.emulator.requests().iter().any(|request| request.service == "iam"));
    assert_eq!(site.emulator.state(), empty_account());
    // CloudFront makes one distribution for each bundle, once.
    let again = site.program("apply", ENDPOINT, &["--yes"]).run().exits(6).stderr;
    assert!(again.contains("higher --serial"), "{again}");
    Ok(())
}

#[test]
fn a_host_name_of_its_own_is_served_from_one_bundle() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.one_phase(ALIAS);
    let plan = site.program("plan", ONE_PHASE, &[]).run().exits(0).stdout;
    let flat = plan.replace("\n    ", " ");
    assert!(
        flat.contains(&format!("DNS record: {ALIAS} CNAME the domain that CloudFront gives the distribution")),
        "{plan}"
    );
    // Without the DNS record nobody reads the issuer, and the provider is not made.
    let stopped = site.program("apply", ONE_PHASE, &["--yes", "--receipt", "first.json"]).run().exits(6).stderr;
    assert!(stopped.contains("look for the DNS record of the host"), "{stopped}");
    assert_eq!(site.emulator.state()["providers"], json!({}));
    let (_, found) = site.distribution();
    let domain = found["domain"].as_str().unwrap();
    assert!(
        stopped.replace("\n    ", " ").contains(&format!("the DNS record {ALIAS} CNAME {domain} has to exist")),
        "{stopped}"
    );

    site.server.point(&site.scene, ALIAS, domain);
    let (_, receipt) = site.runs("apply", ONE_PHASE);
    assert_eq!(receipt["issuerCheck"], json!({"outcome": "done"}));
    assert_eq!(site.policy()["Condition"], json!({"StringEquals": {"AWS:SourceArn": found["arn"]}}));
    assert_eq!(site.server.get(&format!("https://{ALIAS}/clusters/demo/keys.json")).status, 200);
    site.holds(ONE_PHASE);
    let (deleted, _) = site.runs("delete", ONE_PHASE);
    assert!(deleted.stdout.contains(&format!("the DNS record of {ALIAS} stays")), "{}", deleted.stdout);
    assert_eq!(site.emulator.state(), empty_account());
    Ok(())
}

#[test]
fn a_plan_file_is_carried_out_and_goes_on() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.one_phase(ALIAS);
    site.program("plan", ONE_PHASE, &["--output", "plan.json"]).run().exits(0);
    // It fails after CloudFront has named what it made.
    let file = ["--plan", "plan.json", "--receipt", "first.json", "--skip-issuer-check"];
    let apply = |more: &[&str]| site.server.proxied(site.scene.applies(&site.emulator, "apply", ONE_PHASE, more)).run();
    site.emulator.spoil(
        tests::emulator::Which::Operation("PutBucketPolicy"),
        0,
        1,
        tests::emulator::Effect::Error { status: 409, code: "LimitExceeded", message: "no" },
    );
    apply(&file).exits(6);
    apply(&["--plan", "plan.json", "--receipt", "second.json", "--skip-issuer-check"]).exits(0);
    let receipt = site.scene.receipt("second.json");
    assert_eq!((&receipt["ending"], &receipt["approval"]["by"]), (&json!("done"), &json!("plan-file")));
    site.holds(ONE_PHASE);
    Ok(())
}

#[test]
fn a_deployment_that_takes_too_long_is_waited_for_again() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.endpoint();
    site.emulator.deploys_after(None);
    let flags = ["--yes", "--receipt", "receipt.json", "--wait-timeout", "0"];
    let late = site.program("apply", ENDPOINT, &flags).run().exits(6).stderr;
    let (id, _) = site.distribution();
    assert!(
        late.replace("\n    ", " ")
            .contains(&format!("CloudFront has not deployed distribution {id} within 0 minutes")),
        "{late}"
    );
    let receipt = site.scene.receipt("receipt.json");
    assert_eq!((&receipt["ending"], &receipt["deployment"]["outcome"]), (&json!("failed"), &json!("failed")));
    assert_eq!(receipt["distribution"]["id"], id.as_str(), "it is there all the same");
    site.emulator.deploys_after(Some(2));
    site.emulator.forget();
    let (_, receipt) = site.runs("apply", ENDPOINT);
    assert_eq!(
        (&receipt["deployment"]["outcome"], &receipt["approval"]["by"]),
        (&json!("done"), &json!("nothing-to-do"))
    );
    assert_eq!(operations(&site.emulator.writes()), Vec::<&str>::new());
    Ok(())
}

/// Of CloudFront and of IAM, in an apply.
fn requests(site: &Site, bundle: &str) -> [usize; 2] {
    site.emulator.forget();
    let flags = ["--yes", "--receipt", "receipt.json", "--skip-issuer-check"];
    site.scene.applies(&site.emulator, "apply", bundle, &flags).run().exits(0);
    let requests = site.emulator.requests();
    ["cloudfront", "iam"].map(|service| requests.iter().filter(|request| request.service == service).count())
}

#[test]
fn few_requests_are_needed() -> Test {
    let (Some(site), Some(own)) = (Site::start()?, Site::start()?) else { return Ok(()) };
    // With the two looks at a deployment that takes one.
    site.endpoint();
    assert_eq!(requests(&site, ENDPOINT), [6, 0]);
    site.cluster();
    site.scene.remove("receipt.json");
    assert_eq!(requests(&site, CLUSTER), [5, 8]);
    site.emulator.forget();
    site.program("plan", CLUSTER, &[]).run().exits(0);
    let of_plan = site.emulator.requests().iter().filter(|request| request.service == "cloudfront").count();
    assert_eq!(of_plan, 3);
    own.one_phase(ALIAS);
    assert_eq!(requests(&own, ONE_PHASE), [7, 8]);
    Ok(())
}

/// What is sent to CloudFront, as IAM policies name it.
fn sent(site: &Site) -> BTreeSet<String> {
    let requests = site.emulator.requests().into_iter().filter(|request| request.service == "cloudfront");
    let names = requests.map(|request| format!("cloudfront:{}", request.operation.replace("WithTags", "")));
    names.collect()
}

#[test]
fn nothing_is_sent_that_permissions_do_not_name() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.one_phase(ALIAS);
    let allowed = |purpose: &str| -> String {
        let arguments = ["permissions", ONE_PHASE, "--trusted-key", "minisign.pub", "--for", purpose];
        site.scene.applier(arguments).run().exits(0).stdout
    };
    let tagged = "cloudfront:TagResource";
    assert!(allowed("apply").contains(tagged), "made with tags");
    for (command, purpose) in [("plan", "plan"), ("apply", "apply"), ("delete", "delete")] {
        site.emulator.forget();
        let flags: &[&str] = match command {
            "plan" => &[],
            "apply" => &["--yes", "--skip-issuer-check"],
            _ => &["--yes"],
        };
        site.scene.applies(&site.emulator, command, ONE_PHASE, flags).run().exits(0);
        let (allowed, sent) = (allowed(purpose), sent(&site));
        assert!(!sent.is_empty());
        let missing: Vec<&String> = sent.iter().filter(|name| !allowed.contains(&format!("\"{name}\""))).collect();
        assert_eq!(missing, Vec::<&String>::new(), "{command}");
    }
    Ok(())
}
