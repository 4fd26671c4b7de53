//! What others made is taken over with `--adopt`: a cluster of ccoctl's, and resources that have lost their tag.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::fs;

use serde_json::{Value, json};
use tests::emulator::{Emulator, empty_account};
use tests::scene::{BUCKET, NAME, PROVIDER, ROLES, Scene};
use tests::{SetupError, reference};

type Test = Result<(), SetupError>;

const RECORD: &str = "sts-airlock/record.json";
const TAG: &str = "openshift.io/cloud-credential-operator/democluster";

/// Makes what a state in the shape of the reference says.
fn load(emulator: &Emulator, state: &Value) {
    let bucket = &state["bucket"];
    let s3 = |operation: &str, mut parameters: Value| {
        parameters["Bucket"] = json!(BUCKET);
        emulator.call("s3", operation, parameters);
    };
    s3("create_bucket", json!({"CreateBucketConfiguration": {"LocationConstraint": bucket["location"]}}));
    s3("put_bucket_tagging", json!({"Tagging": {"TagSet": tag_list(&bucket["tags"])}}));
    s3("put_public_access_block", json!({"PublicAccessBlockConfiguration": bucket["publicAccessBlock"]}));
    s3("put_bucket_policy", json!({"Policy": bucket["policy"].to_string()}));
    for (key, object) in bucket["objects"].as_object().unwrap() {
        s3("put_object", json!({"Key": key, "Body": object["body"], "ContentType": object["type"]}));
        s3("put_object_tagging", json!({"Key": key, "Tagging": {"TagSet": tag_list(&object["tags"])}}));
    }
    for provider in state["providers"].as_object().unwrap().values() {
        let url = format!("https://{}", provider["url"].as_str().unwrap());
        emulator.call(
            "iam",
            "create_open_id_connect_provider",
            json!({
                "Url": url, "ClientIDList": provider["clients"], "ThumbprintList": provider["thumbprints"],
                "Tags": tag_list(&provider["tags"]),
            }),
        );
    }
    for (name, role) in state["roles"].as_object().unwrap() {
        emulator.call("iam", "create_role", json!({
            "RoleName": name, "AssumeRolePolicyDocument": role["trust"].to_string(), "Description": role["description"],
            "Path": role["path"], "MaxSessionDuration": role["max"], "Tags": tag_list(&role["tags"]),
        }));
        for (policy, document) in role["policies"].as_object().unwrap() {
            let put = json!({"RoleName": name, "PolicyName": policy, "PolicyDocument": document.to_string()});
            emulator.call("iam", "put_role_policy", put);
        }
    }
}

fn tag_list(tags: &Value) -> Value {
    tags.as_object().unwrap().iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// The calls of a plan, with the last part of what they are about.
fn calls(plan: &Value) -> Vec<String> {
    let call = |action: &Value| {
        let resource = action["resource"].as_str().unwrap();
        let name = resource.rsplit([':']).next().unwrap();
        format!("{} {name}", action["call"].as_str().unwrap())
    };
    plan["actions"].as_array().unwrap().iter().map(call).collect()
}

/// A cluster that ccoctl made, with its public key: only what really differs is changed.
#[test]
fn a_cluster_of_ccoctl_is_taken_over() -> Test {
    let (Some(ccoctl), Some(requests)) = (reference("ccoctl"), reference("credentials-requests/release-main")) else {
        return Ok(());
    };
    let state: Value = serde_json::from_slice(&fs::read(ccoctl.join("aws-state.json")).unwrap()).unwrap();
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let arguments = scene.bundle_arguments_for(&requests, &ccoctl.join("serviceaccount-signer.public"));
    scene.create_bundle_with(&arguments, &[]).run().exits(0);
    let bundle = "out/democluster-1.tar.gz";
    load(&emulator, &state);

    let refused = scene.applies(&emulator, "plan", bundle, &[]).run().exits(5).stderr;
    let roles = state["roles"].as_object().unwrap();
    let advice = "look at it, then take it over with --adopt, or remove it";
    assert_eq!(refused.matches(advice).count(), 2 + roles.len(), "{refused}");

    let plan = scene.applies(&emulator, "plan", bundle, &["--adopt", "--format", "json"]).run().exits(0).json();
    let record = format!("s3:PutObject {BUCKET}/{RECORD}");
    assert_eq!(
        calls(&plan),
        [
            record.clone(),
            // Serial and digest of the bundle.
            format!("s3:PutBucketTagging {BUCKET}"),
            // ACLs are off.
            format!("s3:PutBucketOwnershipControls {BUCKET}"),
            // The record is private.
            format!("s3:PutBucketPolicy {BUCKET}"),
            // JSON is served as JSON, and the JWKS also where the API server looks for it.
            format!("s3:PutObject {BUCKET}/.well-known/openid-configuration"),
            format!("s3:PutObject {BUCKET}/keys.json"),
            format!("s3:PutObject {BUCKET}/openid/v1/jwks"),
            format!("iam:TagOpenIDConnectProvider {}", PROVIDER.rsplit(':').next().unwrap()),
            record,
        ],
        "no role is changed"
    );
    let findings = plan["findings"].as_array().unwrap();
    let adopted = findings.iter().filter(|finding| finding["kind"] == "adopted" && finding["tagged"] == true).count();
    assert_eq!((adopted, findings.len()), (1 + roles.len(), 2 + roles.len()), "and the bucket; no change of keys");
    let text = scene.applies(&emulator, "plan", bundle, &["--adopt"]).run().exits(0).stdout;
    assert_eq!(text.matches("        the same content, spelled in another way\n").count(), 2, "{text}");

    scene.applies(&emulator, "apply", bundle, &["--adopt", "--yes"]).run().exits(0);
    let again = scene.applies(&emulator, "plan", bundle, &["--detailed-exitcode"]).run().exits(0).stdout;
    assert!(again.contains("\nNothing to do: the account holds what the bundle says.\n"), "{again}");
    let provider = emulator.call("iam", "get_open_id_connect_provider", json!({"OpenIDConnectProviderArn": PROVIDER}));
    assert_eq!(provider["ThumbprintList"], state["providers"][PROVIDER]["thumbprints"], "it works as it is");
    scene.applies(&emulator, "delete", bundle, &["--yes"]).run().exits(0);
    assert_eq!(emulator.state(), empty_account());

    // At once, by somebody who says so.
    load(&emulator, &state);
    emulator.forget();
    let refused = scene.applies(&emulator, "delete", bundle, &["--yes"]).run().exits(5).stderr;
    assert_eq!(refused.matches("take it over with --adopt, or remove it").count(), 2 + roles.len(), "{refused}");
    assert_eq!(emulator.writes().len(), 0);
    scene.applies(&emulator, "delete", bundle, &["--yes", "--adopt"]).run().exits(0);
    assert_eq!(emulator.state(), empty_account());
    Ok(())
}

/// `ccoctl aws delete` knows what is its cluster's by names and tags alone, and finds all that an apply made.
#[test]
fn ccoctl_deletes_what_an_apply_made() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    delete_as_ccoctl_does(&emulator);
    assert_eq!(emulator.state(), empty_account());
    Ok(())
}

/// The calls of `ccoctl aws delete` [cloud-credential-operator, pkg/cmd/provisioning/aws/delete.go]: objects and bucket, then
/// roles, then the provider, each if it has the ownership tag, whatever that tag's value is.
fn delete_as_ccoctl_does(emulator: &Emulator) {
    let is_tagged = |tags: &Value| tags.as_array().unwrap().iter().any(|tag| tag["Key"] == TAG);
    let s3 = |operation: &str, key: Option<&Value>| {
        let bucket = json!({"Bucket": BUCKET});
        emulator.call("s3", operation, key.map_or(bucket, |key| json!({"Bucket": BUCKET, "Key": key})))
    };
    for object in s3("list_objects", None)["Contents"].as_array().unwrap() {
        if is_tagged(&s3("get_object_tagging", Some(&object["Key"]))["TagSet"]) {
            s3("delete_object", Some(&object["Key"]));
        }
    }
    if is_tagged(&s3("get_bucket_tagging", None)["TagSet"]) {
        s3("delete_bucket", None);
    }
    for role in emulator.call("iam", "list_roles", json!({}))["Roles"].as_array().unwrap() {
        let name = &role["RoleName"];
        if !is_tagged(&emulator.call("iam", "get_role", json!({"RoleName": name}))["Role"]["Tags"]) {
            continue;
        }
        for policy in
            emulator.call("iam", "list_role_policies", json!({"RoleName": name}))["PolicyNames"].as_array().unwrap()
        {
            emulator.call("iam", "delete_role_policy", json!({"RoleName": name, "PolicyName": policy}));
        }
        emulator.call("iam", "delete_role", json!({"RoleName": name}));
    }
    let listed = emulator.call("iam", "list_open_id_connect_providers", json!({}));
    for provider in listed["OpenIDConnectProviderList"].as_array().unwrap() {
        let arn = json!({"OpenIDConnectProviderArn": provider["Arn"]});
        if is_tagged(&emulator.call("iam", "get_open_id_connect_provider", arn.clone())["Tags"]) {
            emulator.call("iam", "delete_open_id_connect_provider", arn);
        }
    }
}

/// Without record and tags, nothing says whose it is: somebody looks at it and says so.
#[test]
fn what_has_lost_its_tags_is_taken_over_by_name() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    emulator.call("s3", "delete_object", json!({"Bucket": BUCKET, "Key": RECORD}));
    emulator.call("s3", "put_bucket_tagging", json!({"Bucket": BUCKET, "Tagging": {"TagSet": []}}));
    emulator.call("iam", "untag_role", json!({"RoleName": ROLES[0], "TagKeys": [TAG]}));
    emulator.call(
        "iam",
        "untag_open_id_connect_provider",
        json!({"OpenIDConnectProviderArn": PROVIDER, "TagKeys": [TAG]}),
    );
    emulator.forget();
    let refused = scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(5).stderr;
    assert_eq!(refused.matches("if it is the cluster's, restore the tag, or look at it and take it over").count(), 3);
    assert_eq!(emulator.writes().len(), 0);

    let shown = scene.applies(&emulator, "plan", &bundle, &["--adopt"]).run().exits(0).stdout;
    let unfolded = shown.replace("\n    ", " ");
    for line in [
        format!("! ROLE {} DOES NOT CARRY THE CLUSTER'S TAG AND IS TAKEN OVER (--adopt) made ", ROLES[0]),
        format!(" tags          Name={NAME} last used     never, as far as IAM tells"),
        format!("! IDENTITY PROVIDER {PROVIDER} DOES NOT CARRY THE CLUSTER'S TAG AND IS TAKEN OVER (--adopt) made "),
        format!(
            "! BUCKET {BUCKET} DOES NOT CARRY THE CLUSTER'S TAG AND IS TAKEN OVER (--adopt) tags          none objects "
        ),
        format!("! ROLE {} IS NOT IN THE RECORD AND IS TAKEN OVER (--adopt)", ROLES[1]),
    ] {
        assert!(unfolded.contains(&line), "{line}\n{shown}");
    }
    scene.applies(&emulator, "apply", &bundle, &["--yes", "--adopt"]).run().exits(0);
    scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(0);
    let live = emulator.call("iam", "get_role", json!({"RoleName": ROLES[0]}));
    assert!(live["Role"]["Tags"].as_array().unwrap().contains(&json!({"Key": TAG, "Value": "owned"})));
    Ok(())
}

/// A role of the right name that another cluster claims stays that cluster's, and no tag takes away what the record knows.
#[test]
fn what_another_cluster_claims_is_not_taken_over() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let other = json!([{"Key": "openshift.io/cloud-credential-operator/democluster-example", "Value": "owned"}]);
    let made = json!({"RoleName": ROLES[0], "AssumeRolePolicyDocument": "{}", "Tags": other});
    emulator.call("iam", "create_role", made);
    let refused = scene.applies(&emulator, "apply", &bundle, &["--yes", "--adopt"]).run().exits(5);
    refused.says(&format!(
        "error: role {} is another cluster's: it has the tag openshift.io/cloud-credential-operator/democluster-example=owned\n  \
         make the bundle with another --name; or remove that tag, if that cluster is gone, and give --adopt",
        ROLES[0]
    ));
    assert_eq!(emulator.writes().len(), 0);
    emulator.call("iam", "delete_role", json!({"RoleName": ROLES[0]}));
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    emulator.call("iam", "tag_role", json!({"RoleName": ROLES[0], "Tags": other}));
    // A tag of others, which counts as such.
    scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(10);
    Ok(())
}
