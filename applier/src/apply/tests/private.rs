//! Private buckets behind CloudFront.

use std::sync::atomic::Ordering;

use super::*;
use crate::fixture::{alias_contents, behind_contents, endpoint_contents};

/// Applies a bundle of a private bucket to this account.
fn apply_private(contents: &Contents, account: &Arc<Fake>) -> Receipt {
    let live = read(contents, &account.held.lock().unwrap());
    run_plan_of(contents, plan(contents, &live).unwrap(), account, 10, &Arc::default())
}

fn begun(account: &Fake) -> Vec<String> {
    let log = account.log.lock().unwrap();
    log.iter().filter_map(|line| Some(line.strip_prefix("begin ")?.to_owned())).collect()
}

#[test]
fn an_endpoint_is_made_and_waited_for() {
    let account = Arc::new(Fake::new(Held::nothing()));
    let receipt = apply_private(&endpoint_contents(), &account);
    assert_eq!(receipt.ending(), Ending::Done);
    let json: serde_json::Value = serde_json::from_slice(&receipt.to_bytes()).unwrap();
    assert_eq!(
        json["distribution"],
        serde_json::json!({
            "id": "E1DISTRIBUTION", "arn": "arn:aws:cloudfront::123456789012:distribution/E1DISTRIBUTION",
            "domain": "d111111abcdef8.cloudfront.net",
        })
    );
    assert_eq!((&json["deployment"]["outcome"], &json["issuerCheck"]), (&"done".into(), &serde_json::Value::Null));
    assert_eq!(
        (&json["record"]["made"]["distribution"], &json["record"]["made"]["accessControl"]),
        (&"E1DISTRIBUTION".into(), &"E1ACCESSCONTROL".into())
    );
    let resources = json["actions"].as_array().unwrap().iter().map(|action| action["resource"].as_str().unwrap());
    assert!(resources.clone().all(|arn| !arn.ends_with('*')), "{:?}", resources.collect::<Vec<_>>());
    let calls = begun(&account);
    let place = |name: &str| calls.iter().position(|call| call.starts_with(name)).unwrap();
    assert!(place("cloudfront:CreateOriginAccessControl") < place("cloudfront:CreateDistribution"), "{calls:?}");
    assert!(!calls.iter().any(|call| call.starts_with("iam:") || call.starts_with("s3:PutBucketPolicy")), "{calls:?}");
}

#[test]
fn a_cluster_follows_its_endpoint() {
    let account = Arc::new(Fake::new(Held::nothing()));
    apply_private(&endpoint_contents(), &account);
    let receipt = apply_private(&behind_contents(), &account);
    assert_eq!((receipt.ending(), receipt.first_error()), (Ending::Done, None));
    let held = account.held.lock().unwrap().clone();
    assert!(plan(&behind_contents(), &read(&behind_contents(), &held)).unwrap().is_clean());
}

#[test]
fn a_host_name_of_its_own_is_served_in_one_go() {
    let account = Arc::new(Fake::new(Held::nothing()));
    let receipt = apply_private(&alias_contents(), &account);
    assert_eq!((receipt.ending(), receipt.first_error()), (Ending::Done, None));
    let calls = begun(&account);
    let place = |name: &str| calls.iter().position(|call| call.starts_with(name)).unwrap();
    assert!(place("cloudfront:CreateDistribution") < place("s3:PutBucketPolicy"), "{calls:?}");
    let mut held = account.held.lock().unwrap().clone();
    let policy = held.bucket().policy.clone().unwrap();
    let one = "\"StringEquals\":{\"AWS:SourceArn\":\"arn:aws:cloudfront::123456789012:distribution/E1DISTRIBUTION\"}";
    assert!(policy.contains(one) && !policy.contains("StringLike"), "{policy}");
    assert!(plan(&alias_contents(), &read(&alias_contents(), &held)).unwrap().is_clean());
}

#[test]
fn a_distribution_that_is_not_deployed_fails_the_run_before_the_provider_is_made() {
    let mut held = Held::everything(&endpoint_contents());
    held.distribution().is_deployed = false;
    let account = Arc::new(Fake::new(held));
    let receipt = apply_private(&behind_contents(), &account);
    let text = "CloudFront has not deployed distribution E1DISTRIBUTION within 0 minutes\n  running it again is safe, and goes on waiting; to wait longer: --wait-timeout MINUTES";
    assert_eq!(receipt.first_error().unwrap().to_string(), text);
    let json: serde_json::Value = serde_json::from_slice(&receipt.to_bytes()).unwrap();
    assert_eq!(json["deployment"], serde_json::json!({"outcome": "failed", "error": text}));
    assert_eq!(json["issuerCheck"]["outcome"], "not-reached");
    assert!(!begun(&account).iter().any(|call| call.starts_with("iam:")));
}

#[test]
fn a_plan_without_actions_waits_too() {
    let mut held = Held::everything(&endpoint_contents());
    held.distribution().is_deployed = false;
    let account = Arc::new(Fake::new(held));
    let receipt = apply_private(&endpoint_contents(), &account);
    assert_eq!((receipt.ending(), begun(&account)), (Ending::Failed, Vec::new()));
    let json: serde_json::Value = serde_json::from_slice(&receipt.to_bytes()).unwrap();
    assert_eq!(json["deployment"]["outcome"], "failed");
    account.held.lock().unwrap().distribution().is_deployed = true;
    assert_eq!(apply_private(&endpoint_contents(), &account).ending(), Ending::Done);
}

#[test]
fn a_run_that_is_stopped_while_it_waits_ends_in_order() {
    let mut held = Held::everything(&endpoint_contents());
    held.distribution().is_deployed = false;
    let account = Arc::new(Fake::new(held));
    let live = read(&behind_contents(), &account.held.lock().unwrap());
    let planned = plan(&behind_contents(), &live).unwrap();
    let at = Timestamp::from_unix(0).unwrap();
    let stop: Arc<AtomicBool> = Arc::default();
    let run = Run {
        concurrency: 10,
        issuer: None,
        wait: Some(Arc::new(Wait { timeout: Duration::from_mins(1), alias: None })),
        stop: Arc::clone(&stop),
        take_over_after: Duration::ZERO,
        clock: &|| at,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let approved = planned.approve(Approval::Yes).unwrap();
    let receipt = runtime.block_on(async {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(600)).await;
            stop.store(true, Ordering::Relaxed);
        });
        approved.begin(at).apply(&account, run, |_, _| {}).await
    });
    let json: serde_json::Value = serde_json::from_slice(&receipt.to_bytes()).unwrap();
    assert_eq!((receipt.ending(), receipt.first_error()), (Ending::Interrupted, None));
    assert_eq!(json["deployment"]["outcome"], "not-reached");
    let mut outcomes = json["actions"].as_array().unwrap().iter().map(|action| &action["outcome"]);
    assert!(outcomes.any(|outcome| *outcome == "not-reached"));
    assert_eq!(json["record"]["state"], "stopped");
}

#[test]
fn an_answer_that_was_lost_is_found_again_by_its_origin() {
    let account = Fake::new(Held::nothing());
    let lost = |call: &'static str, code: &str| (call, "*".to_owned(), answered(call, 409, code, "it exists"), true);
    *account.errors.lock().unwrap() = vec![
        lost("cloudfront:CreateOriginAccessControl", "OriginAccessControlAlreadyExists"),
        lost("cloudfront:CreateDistribution", "DistributionAlreadyExists"),
    ];
    let account = Arc::new(account);
    let receipt = apply_private(&alias_contents(), &account);
    assert_eq!((receipt.ending(), receipt.first_error()), (Ending::Done, None));
    let json: serde_json::Value = serde_json::from_slice(&receipt.to_bytes()).unwrap();
    let already = |action: &&serde_json::Value| action["outcome"] == "already-done";
    let already = json["actions"].as_array().unwrap().iter().filter(already).map(|action| action["resource"].clone());
    assert_eq!(
        already.collect::<Vec<_>>(),
        [
            "arn:aws:cloudfront::123456789012:origin-access-control/E1ACCESSCONTROL",
            "arn:aws:cloudfront::123456789012:distribution/E1DISTRIBUTION"
        ]
    );
}

#[test]
fn a_bundle_makes_its_distribution_once() {
    let account = Fake::new(Held::nothing());
    let call = "cloudfront:CreateDistribution";
    let error = answered(call, 409, "DistributionAlreadyExists", "The caller reference is used");
    *account.errors.lock().unwrap() = vec![(call, "*".to_owned(), error, false)];
    let receipt = apply_private(&alias_contents(), &Arc::new(account));
    assert_eq!(
        receipt.first_error().unwrap().to_string(),
        "cloudfront:CreateDistribution failed: DistributionAlreadyExists (The caller reference is used, HTTP 409, request r-1)\n  \
         CloudFront makes one distribution for each bundle, once, and this one's was deleted since: make the bundle again with a higher --serial"
    );
}

#[test]
fn a_deletion_takes_the_distribution_before_the_bucket() {
    let account = Arc::new(Fake::new(Held::everything(&alias_contents())));
    let (contents, digest) = (alias_contents(), crate::fixture::digest());
    let live = read(&contents, &account.held.lock().unwrap());
    let desired = Desired::for_test(&contents, &digest);
    let remains = Remains::default();
    let at = Timestamp::from_unix(0).unwrap();
    let planned = Plan::removal_of(&desired, &live, &remains, &Choices::default(), &[], at).unwrap();
    let receipt = run_plan_of(&contents, planned, &account, 10, &Arc::default());
    assert_eq!((receipt.ending(), receipt.first_error()), (Ending::Done, None));
    let calls = begun(&account);
    let place = |name: &str| calls.iter().position(|call| call.starts_with(name)).unwrap();
    let order = [
        "iam:DeleteRole prod-disk",
        "iam:DeleteOpenIDConnectProvider",
        "cloudfront:UpdateDistribution",
        "cloudfront:DeleteDistribution",
        "cloudfront:DeleteOriginAccessControl",
        "s3:DeleteBucket",
    ];
    assert!(order.map(place).is_sorted(), "{calls:?}");
    let json: serde_json::Value = serde_json::from_slice(&receipt.to_bytes()).unwrap();
    assert_eq!((&json["distribution"], &json["deployment"]), (&serde_json::Value::Null, &serde_json::Value::Null));
}
