//! A bucket under a name of the organisation's own, from `create-bundle --bucket-name` to a deletion.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use serde_json::json;
use tests::SetupError;
use tests::emulator::Emulator;
use tests::scene::{BUCKET, Scene};

type Test = Result<(), SetupError>;

/// A name that no other account can have.
const REGIONAL: &str = "keys-123456789012-us-east-2-an";
const BUNDLE: &str = "out/democluster-1.tar.gz";

fn bucket_lives_under(name: &str, namespace: Option<&str>) -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    scene.create_bundle(&["--bucket-name", name]).run().exits(0);
    let index = scene.entry(BUNDLE, "bundle.json");
    let issuer = format!("https://{name}.s3.us-east-2.amazonaws.com");
    assert_eq!((&index["bucketName"], &index["issuerUrl"]), (&json!(name), &json!(issuer)));
    assert_eq!(scene.entry(BUNDLE, "aws/bucket.json")["BucketNamespace"], json!(namespace));

    scene.applies(&emulator, "apply", BUNDLE, &["--yes", "--receipt", "receipt.json"]).run().exits(0);
    let made = emulator.writes().into_iter().find(|request| request.operation == "CreateBucket").unwrap();
    assert_eq!(made.header("x-amz-bucket-namespace"), namespace.unwrap_or_default());
    assert_eq!(scene.receipt("receipt.json")["bundle"]["bucketName"], name);
    let object = emulator.call("s3", "get_object", json!({"Bucket": name, "Key": "keys.json"}));
    assert_eq!(object["Body"].as_str().unwrap().as_bytes(), scene.entry_bytes(BUNDLE, "oidc/keys.json"));
    let plan = scene.applies(&emulator, "plan", BUNDLE, &["--detailed-exitcode"]).run().exits(0).stdout;
    assert!(plan.contains("Nothing to do"), "{plan}");

    // Another bucket is another issuer.
    scene.create_next_bundle(BUNDLE, &["--bucket-name", BUCKET, "--serial", "3"]).run().exits(0);
    let moved = scene.entry("out/democluster-3.tar.gz", "bundle.json");
    let former = json!([{"issuerUrl": issuer, "endpoint": "public-bucket", "bucketName": name}]);
    assert_eq!((moved.get("bucketName"), &moved["formerIssuers"]), (None, &former));
    scene.create_next_bundle(BUNDLE, &[]).run().exits(0);
    assert_eq!(scene.entry("out/democluster-2.tar.gz", "bundle.json")["bucketName"], name);

    scene.applies(&emulator, "delete", BUNDLE, &["--yes"]).run().exits(0);
    assert_eq!(emulator.call("s3", "list_buckets", json!({}))["Buckets"], json!([]));
    Ok(())
}

#[test]
fn a_name_of_the_organisations_own() -> Test {
    bucket_lives_under("acme-oidc-0042", None)
}

#[test]
fn a_name_of_one_account_and_region() -> Test {
    bucket_lives_under(REGIONAL, Some("account-regional"))
}

#[test]
fn a_name_that_nobody_can_use_is_refused() -> Test {
    let scene = Scene::with_key()?;
    let refused = scene.create_bundle(&["--bucket-name", "keys-210987654321-us-east-2-an"]).run().exits(2).stderr;
    assert_eq!(
        refused,
        "error: --bucket-name is keys-210987654321-us-east-2-an; S3 keeps the ending -an for names of one account and region\n  \
         end it in -123456789012-us-east-2-an, or in something else than -an\n"
    );
    let refused = scene.create_bundle(&["--bucket-name", "acme.oidc"]).run().exits(2).stderr;
    assert!(refused.contains("without dots, because S3's certificate is for names of one label"), "{refused}");
    // The usual name, said aloud, is the usual name.
    scene.create_bundle(&["--bucket-name", BUCKET]).run().exits(0);
    assert_eq!(scene.entry(BUNDLE, "bundle.json").get("bucketName"), None);
    Ok(())
}
