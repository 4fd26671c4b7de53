//! Against ccoctl: what it made from the same requests and key, and what it left in an account, means the same as ours.
//! Every intended difference is named here. Skips where the reference material is not beside the workspace.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tests::emulator::Emulator;
use tests::scene::{BUCKET, PROVIDER, Scene};
use tests::venv::Venv;
use tests::{SetupError, reference};

type Test = Result<(), SetupError>;

/// A scene with the bundle of a release's requests and ccoctl's key.
fn bundle_of(requests: &Path, ccoctl: &Path) -> Result<(Scene, String), SetupError> {
    let scene = Scene::with_key()?;
    let arguments = scene.bundle_arguments_for(requests, &ccoctl.join("serviceaccount-signer.public"));
    scene.create_bundle_with(&arguments, &[]).run().exits(0);
    Ok((scene, "out/democluster-1.tar.gz".to_owned()))
}

#[test]
fn the_account_holds_the_same() -> Test {
    let (Some(ccoctl), Some(requests)) = (reference("ccoctl"), reference("credentials-requests/release-main")) else {
        return Ok(());
    };
    let (scene, bundle) = bundle_of(&requests, &ccoctl)?;
    let emulator = Emulator::start()?;
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);

    let mut expected: Value = serde_json::from_slice(&fs::read(ccoctl.join("aws-state.json")).unwrap()).unwrap();
    for object in expected["bucket"]["objects"].as_object_mut().unwrap().values_mut() {
        object["body"] = serde_json::from_str(object["body"].as_str().unwrap()).unwrap();
        // JSON is served as JSON.
        assert_eq!(object["type"], "application/octet-stream");
        object["type"] = json!("application/json");
    }
    // The JWKS also where OpenShift's API server looks for it.
    let jwks = expected["bucket"]["objects"]["keys.json"].clone();
    expected["bucket"]["objects"]["openid/v1/jwks"] = jwks;
    // ACLs are off.
    expected["bucket"]["ownership"] = json!("BucketOwnerEnforced");
    // Which bundle it is.
    for tags in ["/bucket/tags", &format!("/providers/{}/tags", PROVIDER.replace('/', "~1"))] {
        let tags = expected.pointer_mut(tags).unwrap();
        tags["sts-airlock/serial"] = json!("1");
        tags["sts-airlock/bundle-sha256"] = json!(scene.digest(&bundle));
    }
    // The record, and a policy that keeps it private: it names the public objects.
    let public = ["/.well-known/openid-configuration", "/keys.json", "/openid/v1/jwks"];
    let arns = public.map(|key| format!("arn:aws:s3:::{BUCKET}{key}"));
    expected["bucket"]["policy"]["Statement"][0]["Resource"] = json!(arns);
    // IAM fetches the thumbprint itself.
    assert_eq!(expected["providers"][PROVIDER]["thumbprints"].as_array().unwrap().len(), 1);
    expected["providers"][PROVIDER]["thumbprints"] = json!([]);

    let mut found = state(&emulator);
    let record = found["bucket"]["objects"].as_object_mut().unwrap().remove("sts-airlock/record.json").unwrap();
    assert_eq!((&record["body"]["state"], &record["body"]["serial"]), (&json!("applied"), &json!(1)));
    assert_eq!(found["bucket"], expected["bucket"]);
    assert_eq!(found["providers"], expected["providers"]);
    let names = |state: &Value| state["roles"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for name in names(&expected) {
        assert_eq!(found["roles"][&name], expected["roles"][&name], "{name}");
    }
    Ok(())
}

/// An account's state in the shape of the reference.
fn state(emulator: &Emulator) -> Value {
    let s3 = |operation: &str| emulator.call("s3", operation, json!({"Bucket": BUCKET}));
    let mut objects = Map::new();
    for object in s3("list_objects_v2")["Contents"].as_array().unwrap() {
        let parameters = json!({"Bucket": BUCKET, "Key": object["Key"]});
        let live = emulator.call("s3", "get_object", parameters.clone());
        let body: Value = serde_json::from_str(live["Body"].as_str().unwrap()).unwrap();
        let tagging = emulator.call("s3", "get_object_tagging", parameters);
        let held = json!({"body": body, "tags": tags(&tagging["TagSet"]), "type": live["ContentType"]});
        objects.insert(object["Key"].as_str().unwrap().to_owned(), held);
    }
    let policy: Value = serde_json::from_str(s3("get_bucket_policy")["Policy"].as_str().unwrap()).unwrap();
    let ownership = s3("get_bucket_ownership_controls")["OwnershipControls"]["Rules"][0]["ObjectOwnership"].clone();
    let bucket = json!({
        "encryption": null,
        "location": s3("get_bucket_location")["LocationConstraint"],
        "name": BUCKET,
        "objects": objects,
        "ownership": ownership,
        "policy": policy,
        "publicAccessBlock": s3("get_public_access_block")["PublicAccessBlockConfiguration"],
        "tags": tags(&s3("get_bucket_tagging")["TagSet"]),
        "versioning": null,
    });
    let mut providers = Map::new();
    let listed = emulator.call("iam", "list_open_id_connect_providers", json!({}));
    for provider in listed["OpenIDConnectProviderList"].as_array().unwrap() {
        let arn = provider["Arn"].as_str().unwrap();
        let live = emulator.call("iam", "get_open_id_connect_provider", json!({"OpenIDConnectProviderArn": arn}));
        let held = json!({
            "clients": live["ClientIDList"], "tags": tags(&live["Tags"]), "thumbprints": live["ThumbprintList"], "url": live["Url"],
        });
        providers.insert(arn.to_owned(), held);
    }
    let mut roles = Map::new();
    for role in emulator.call("iam", "list_roles", json!({}))["Roles"].as_array().unwrap() {
        let name = role["RoleName"].as_str().unwrap();
        let live = emulator.call("iam", "get_role", json!({"RoleName": name}))["Role"].clone();
        let mut policies = Map::new();
        for policy in
            emulator.call("iam", "list_role_policies", json!({"RoleName": name}))["PolicyNames"].as_array().unwrap()
        {
            let held = emulator.call("iam", "get_role_policy", json!({"RoleName": name, "PolicyName": policy}));
            policies.insert(policy.as_str().unwrap().to_owned(), held["PolicyDocument"].clone());
        }
        let held = json!({
            "arn": live["Arn"], "boundary": live["PermissionsBoundary"], "description": live["Description"],
            "max": live["MaxSessionDuration"], "path": live["Path"], "policies": policies, "tags": tags(&live["Tags"]),
            "trust": live["AssumeRolePolicyDocument"],
        });
        roles.insert(name.to_owned(), held);
    }
    json!({"bucket": bucket, "providers": providers, "roles": roles})
}

fn tags(list: &Value) -> Value {
    let pairs = list.as_array().unwrap().iter();
    pairs.map(|tag| (tag["Key"].as_str().unwrap().to_owned(), tag["Value"].clone())).collect::<Map<_, _>>().into()
}

#[test]
fn the_documents_mean_the_same() -> Test {
    let (Some(ccoctl), Some(requests)) = (reference("ccoctl"), reference("credentials-requests/release-main")) else {
        return Ok(());
    };
    let (scene, bundle) = bundle_of(&requests, &ccoctl)?;
    let theirs = |file: &str| fs::read(ccoctl.join(file)).unwrap();
    for (ours, file) in [("oidc/openid-configuration", "02-openid-configuration"), ("oidc/keys.json", "03-keys.json")] {
        assert_eq!(scene.entry(&bundle, ours), serde_json::from_slice::<Value>(&theirs(file)).unwrap(), "{ours}");
    }
    assert_eq!(scene.entry_bytes(&bundle, "serviceaccount-signer.public"), theirs("serviceaccount-signer.public"));

    let venv = Venv::get(|_| {})?;
    let mut names: Vec<String> = fs::read_dir(ccoctl.join("manifests"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let ours: Vec<String> =
        scene.entries(&bundle).iter().filter_map(|path| path.strip_prefix("manifests/")).map(str::to_owned).collect();
    assert_eq!(ours, names);
    for name in names {
        let path = format!("manifests/{name}");
        assert_eq!(venv.yaml(&scene.entry_bytes(&bundle, &path)), venv.yaml(&theirs(&path)), "{name}");
    }
    Ok(())
}

#[test]
fn every_release_makes_a_bundle() -> Test {
    let (Some(ccoctl), Some(all)) = (reference("ccoctl"), reference("credentials-requests")) else { return Ok(()) };
    let mut made = BTreeMap::new();
    for release in fs::read_dir(all).unwrap() {
        let release = release.unwrap();
        let (scene, bundle) = bundle_of(&release.path(), &ccoctl)?;
        let index = scene.entry(&bundle, "bundle.json");
        let roles = index["components"].as_array().unwrap().len();
        scene.applier(["verify", &bundle, "--trusted-key", "minisign.pub"]).run().exits(0);
        made.insert(release.file_name().into_string().unwrap(), (roles, index["skipped"].as_array().unwrap().len()));
    }
    println!("{made:?}");
    assert!(made.len() >= 5, "{made:?}");
    assert!(made.values().all(|(roles, _)| *roles >= 6), "{made:?}");
    Ok(())
}

#[test]
fn other_clouds_documents_change_no_role() -> Test {
    let (Some(ccoctl), Some(main), Some(all)) = (
        reference("ccoctl"),
        reference("credentials-requests/release-main"),
        reference("credentials-requests/release-main-all-clouds"),
    ) else {
        return Ok(());
    };
    let entries = |requests: &Path| -> Result<BTreeMap<String, Vec<u8>>, SetupError> {
        let (scene, bundle) = bundle_of(requests, &ccoctl)?;
        let kept = scene.entries(&bundle).into_iter();
        let kept = kept.filter(|path| !path.starts_with("credentials-requests/") && path != "bundle.json");
        Ok(kept.map(|path| (path.clone(), scene.entry_bytes(&bundle, &path))).collect())
    };
    assert_eq!(entries(&all)?, entries(&main)?);
    Ok(())
}
