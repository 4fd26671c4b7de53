//! People in the account, and people who apply at the same time: what they can do, and what they cannot.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::Emulator;
use tests::program::Outcome;
use tests::request::Request;
use tests::scene::{self, BUCKET, NAME, ROLES, Scene};

type Test = Result<(), SetupError>;

const RECORD: &str = "sts-airlock/record.json";

/// Two applies at the same time, of other bundles, fifty times: the account holds one of them whole, and whoever did not
/// apply it changed nothing.
#[test]
fn two_appliers_never_mix() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    scene.bundle();
    scene.create_bundle(&["--serial", "2", "--tag", "team=two"]).run().exits(0);
    scene.create_bundle(&["--serial", "3", "--tag", "team=three"]).run().exits(0);
    let bundle = |serial: u64| format!("out/{NAME}-{serial}.tar.gz");
    let mut losers = 0;
    for round in 0..50 {
        emulator.reset();
        // Every other round begins with an account that holds serial 1.
        if round % 2 == 0 {
            scene.applies(&emulator, "apply", &bundle(1), &["--yes"]).run().exits(0);
        }
        emulator.forget();
        let run = |serial: u64, key: &str| {
            let environment = emulator.environment_as(key);
            let program = scene.applier(["apply", &bundle(serial), "--trusted-key", "minisign.pub", "--yes"]);
            program.envs(environment).run()
        };
        let (two, three) = thread::scope(|scope| {
            let two = scope.spawn(|| run(2, "AKIATWO"));
            thread::sleep(Duration::from_millis(round * 7 % 60));
            let three = run(3, "AKIATHREE");
            (two.join().unwrap(), three)
        });
        let writes = emulator.writes();
        let changed = |key: &str| {
            let of = writes.iter().filter(|write| write.access_key == key && write.status == Some(200));
            of.map(Request::summary).collect::<Vec<_>>()
        };
        match (two.code, three.code) {
            // One after the other.
            (Some(0), Some(0)) => {}
            (Some(0), Some(5)) => {
                losers += 1;
                stopped_at_once(&three, &changed("AKIATHREE"));
            }
            (Some(5), Some(0)) => {
                losers += 1;
                stopped_at_once(&two, &changed("AKIATWO"));
            }
            codes => panic!("round {round}: {codes:?}\n{}\n{}", two.stderr, three.stderr),
        }
        let winner = if three.code == Some(0) { 3 } else { 2 };
        assert_eq!(scene::record(&emulator)["serial"], winner, "round {round}");
        scene.applies(&emulator, "plan", &bundle(winner), &["--detailed-exitcode"]).run().exits(0);
    }
    assert!(losers > 10, "only {losers} of 50 rounds were a race");
    Ok(())
}

/// It may have made the bucket that both were about to make, and nothing else.
#[track_caller]
fn stopped_at_once(loser: &Outcome, changed: &[String]) {
    assert!(changed.iter().all(|write| write.starts_with("CreateBucket ")), "{changed:?}\n{}", loser.stderr);
}

fn tags() -> Value {
    json!([
        {"Key": "Name", "Value": NAME},
        {"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "owned"},
    ])
}

fn trust_of(principal: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"},
    ]})
    .to_string()
}

/// Somebody who may create and tag roles makes one of the cluster's before the bundle is applied, with a policy, a boundary
/// and a trust policy of their own.
#[test]
fn a_role_that_was_made_before_is_shown_and_not_taken() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.create_bundle(&["--serial", "2"]).run().exits(0);
    let next = format!("out/{NAME}-2.tar.gz");
    let boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let administrator = "arn:aws:iam::123456789012:policy/administrator";
    let everything =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    emulator.call("iam", "delete_role_policy", json!({"RoleName": ROLES[2], "PolicyName": ROLES[2]}));
    emulator.call("iam", "delete_role", json!({"RoleName": ROLES[2]}));
    let made = json!({
        "RoleName": ROLES[2], "AssumeRolePolicyDocument": trust_of("arn:aws:iam::123456789012:user/mallory"), "Tags": tags(),
        "PermissionsBoundary": boundary, "Description": "OpenShift role for example-image-store/bucket-credentials",
    });
    let id = emulator.call("iam", "create_role", made)["Role"]["RoleId"].as_str().unwrap().to_owned();
    let policy = json!({"PolicyName": "administrator", "PolicyDocument": everything.to_string()});
    emulator.call("iam", "create_policy", policy);
    emulator.call("iam", "attach_role_policy", json!({"RoleName": ROLES[2], "PolicyArn": administrator}));
    emulator.forget();

    let run = |command, more: &[&str]| scene.applies(&emulator, command, &next, more).run();
    let refused = run("apply", &["--yes"]).exits(5).stderr;
    let name = ROLES[2];
    assert!(
        refused.contains(&format!("- role {name} carries the cluster's tag, but is not in the record of what was made here ({id}, made 2"))
            && refused.contains(&format!("- role {name} has policies that are not in the bundle, and the plan would give it more: {administrator}\n  remove them with --prune, or keep them with --leave-foreign-policies")),
        "{refused}"
    );
    assert!(run("apply", &["--yes", "--adopt"]).exits(5).stderr.contains("--prune"));
    assert_eq!(emulator.writes().len(), 0);

    let shown = run("plan", &["--adopt", "--prune"]).exits(0).stdout;
    for line in [
        " IS NOT IN THE RECORD\n    AND IS TAKEN OVER (--adopt)\n",
        &format!(", ID {id}\n"),
        &format!("    boundary      {boundary}\n"),
        &format!("    attached      {administrator}\n"),
        "                \"arn:aws:iam::123456789012:user/mallory\"\n",
        " LOSES ITS PERMISSIONS\n    BOUNDARY ",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    run("apply", &["--yes", "--adopt", "--prune", "--concurrency", "1"]).exits(0);
    let order: Vec<String> = emulator
        .writes()
        .iter()
        .filter(|write| write.parameter("RoleName") == name)
        .map(|write| write.operation.clone())
        .collect();
    assert_eq!(
        order,
        ["DetachRolePolicy", "UpdateAssumeRolePolicy", "PutRolePolicy", "DeleteRolePermissionsBoundary"],
        "the boundary goes last"
    );
    run("plan", &["--detailed-exitcode"]).exits(0);
    assert_eq!(scene::record(&emulator)["made"]["roles"][name], json!(id));
    Ok(())
}

/// A role that is exactly the bundle's, but of another ID: it was deleted and made again by somebody else.
#[test]
fn a_role_that_was_made_again_is_not_the_same() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    let live = emulator.call("iam", "get_role", json!({"RoleName": ROLES[0]}))["Role"].clone();
    let policy = emulator.call("iam", "get_role_policy", json!({"RoleName": ROLES[0], "PolicyName": ROLES[0]}));
    emulator.call("iam", "delete_role_policy", json!({"RoleName": ROLES[0], "PolicyName": ROLES[0]}));
    emulator.call("iam", "delete_role", json!({"RoleName": ROLES[0]}));
    emulator.call("iam", "create_role", json!({
        "RoleName": ROLES[0], "AssumeRolePolicyDocument": live["AssumeRolePolicyDocument"].to_string(), "Tags": live["Tags"],
        "Description": live["Description"],
    }));
    let document = policy["PolicyDocument"].to_string();
    emulator.call(
        "iam",
        "put_role_policy",
        json!({"RoleName": ROLES[0], "PolicyName": ROLES[0], "PolicyDocument": document}),
    );
    let refused = scene.applies(&emulator, "plan", &bundle, &[]).run().exits(5).stderr;
    assert!(
        refused.starts_with(&format!("error: role {} carries the cluster's tag, but is not in", ROLES[0])),
        "{refused}"
    );
    scene.applies(&emulator, "apply", &bundle, &["--yes", "--adopt"]).run().exits(0);
    scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(0);
    Ok(())
}

/// Deleting the bucket deletes the record; what is left does not let an older bundle in.
#[test]
fn a_bucket_that_is_gone_lets_nothing_older_in() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let older = scene.bundle();
    scene.create_bundle(&["--serial", "2"]).run().exits(0);
    let newer = format!("out/{NAME}-2.tar.gz");
    scene.applies(&emulator, "apply", &newer, &["--yes", "--receipt", "receipt.json"]).run().exits(0);
    for key in [".well-known/openid-configuration", "keys.json", "openid/v1/jwks", RECORD] {
        emulator.call("s3", "delete_object", json!({"Bucket": BUCKET, "Key": key}));
    }
    emulator.call("s3", "delete_bucket", json!({"Bucket": BUCKET}));
    emulator.forget();
    let run = |command, bundle: &str, more: &[&str]| scene.applies(&emulator, command, bundle, more).run();

    let refused = run("apply", &older, &["--yes"]).exits(5).stderr;
    assert!(
        refused.contains(
            "- bucket democluster-oidc is gone, but the cluster's identity provider or roles are still there\n"
        ),
        "{refused}"
    );
    assert!(refused.contains("- bundle has serial 1, the account holds serial 2, which is newer\n"), "{refused}");
    let receipt = ["--yes", "--previous-receipt", "receipt.json"];
    let refused = run("apply", &older, &receipt).exits(5).stderr;
    assert!(
        refused.starts_with("error: bundle has serial 1, the account holds serial 2, which is newer\n"),
        "{refused}"
    );
    assert_eq!(emulator.writes().len(), 0);

    scene.write("none.json", "{}");
    run("apply", &newer, &["--yes", "--previous-receipt", "none.json"]).exits(2).says(
        "error: previous receipt none.json cannot be used\n  because: receipt is refused: missing field `receiptVersion` at line 1 \
         column 2\n  give the receipt of the last apply that changed something, as it was written",
    );
    let other = scene.text("receipt.json").replace("123456789012", "210987654321");
    scene.write("other.json", other);
    run("apply", &newer, &["--yes", "--previous-receipt", "other.json"]).exits(2).says(
        "error: previous receipt other.json is of democluster in account 210987654321; the bundle is of democluster in account \
         123456789012",
    );
    run("apply", &newer, &receipt).exits(0);
    run("plan", &newer, &["--detailed-exitcode"]).exits(0);

    // Going back is possible for somebody who says so.
    let shown = run("plan", &older, &["--allow-rollback"]).exits(0).stdout;
    assert!(shown.contains("\n! ROLLBACK: the account holds serial 2; serial 1 takes its place\n"), "{shown}");
    run("apply", &older, &["--yes", "--allow-rollback"]).exits(0);
    assert_eq!(scene::record(&emulator)["serial"], 1);
    Ok(())
}

/// A cluster that was deleted and is made again has no record, and nothing else says which serials there were: only the trust
/// file keeps its older bundles out.
#[test]
fn minimum_serial_keeps_a_deleted_clusters_bundles_out() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let older = scene.bundle();
    scene.create_bundle(&["--serial", "2"]).run().exits(0);
    let newer = format!("out/{NAME}-2.tar.gz");
    let run = |command, bundle: &str| scene.applies(&emulator, command, bundle, &["--yes"]).run();
    run("apply", &newer).exits(0);
    run("apply", &older).exits(5);
    run("delete", &newer).exits(0);
    emulator.forget();

    let trust = json!({"roles": {"any": [scene.public_key("minisign.pub")]}, "minimumSerial": {NAME: 3}});
    scene.write("trust.json", trust.to_string());
    for (bundle, serial) in [(&older, 1), (&newer, 2)] {
        let apply = scene.applier(["apply", bundle, "--trust", "trust.json", "--yes"]);
        apply.envs(emulator.environment()).run().exits(3).says(&format!(
            "error: the trust file does not allow this bundle: 1 problem(s)\n  serial of {NAME} is {serial}; at least 3 is required"
        ));
    }
    assert_eq!(emulator.requests().len(), 0, "AWS was not even asked");
    run("apply", &older).exits(0);
    assert_eq!(scene::record(&emulator)["serial"], 1);
    Ok(())
}

/// What can change, delete or hide the documents is named in every plan.
#[test]
fn settings_that_can_hide_the_documents_are_named() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    let rule = json!({"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}});
    let lifecycle = json!({"Bucket": BUCKET, "LifecycleConfiguration": {"Rules": [rule]}});
    emulator.call("s3", "put_bucket_lifecycle_configuration", lifecycle);
    let website = json!({"Bucket": BUCKET, "WebsiteConfiguration": {"IndexDocument": {"Suffix": "x"}}});
    emulator.call("s3", "put_bucket_website", website);
    let versioning = json!({"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}});
    emulator.call("s3", "put_bucket_versioning", versioning);
    let default = json!({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]});
    emulator.call(
        "s3",
        "put_bucket_encryption",
        json!({"Bucket": BUCKET, "ServerSideEncryptionConfiguration": default}),
    );
    let json = ["--format", "json", "--detailed-exitcode"];
    let plan = scene.applies(&emulator, "plan", &bundle, &json).run().exits(10).json();
    assert_eq!(
        plan["findings"],
        json!([
            {"kind": "hazard", "bucket": BUCKET, "setting": "lifecycle", "value": ["expire"]},
            {"kind": "hazard", "bucket": BUCKET, "setting": "website"},
            {"kind": "hazard", "bucket": BUCKET, "setting": "versioning", "value": "Enabled"},
            {"kind": "hazard", "bucket": BUCKET, "setting": "default-encryption", "value": "aws:kms"},
        ])
    );
    Ok(())
}

/// The public reads the issuer's documents, and not the record.
#[test]
fn the_record_is_private() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    let policy = emulator.call("s3", "get_bucket_policy", json!({"Bucket": BUCKET}));
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    let arns = [".well-known/openid-configuration", "keys.json", "openid/v1/jwks"]
        .map(|key| format!("arn:aws:s3:::{BUCKET}/{key}"));
    assert_eq!(policy["Statement"][0]["Resource"], json!(arns));
    Ok(())
}

/// The plan of a new account takes no request a role.
#[test]
fn planning_a_new_account_takes_few_requests() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "plan", &bundle, &[]).run().exits(0);
    assert_eq!(emulator.requests().len(), 4, "who asks, the bucket, the provider, and one listing of roles");
    Ok(())
}
