//! `permissions`: the policy that it prints covers every call that `plan` and `apply` make, on its resource, and grants nothing
//! that no call needs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::collections::BTreeSet;

use generator::review::action_data::ActionData;
use serde_json::{Value, json};
use tests::emulator::Emulator;
use tests::request::Request;
use tests::scene::{ACCOUNT, BUCKET, NAME, PROVIDER, ROLES, Scene};
use tests::{SetupError, crate_file};

type Test = Result<(), SetupError>;

const ORPHAN: &str = "democluster-example-older-credentials";
const HOSTED: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/2abc";
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/edge";

/// An action on a resource.
type Grant = (String, String);

/// What a policy document grants, each action with each of its resources.
fn grants(document: &Value) -> BTreeSet<Grant> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let of = |statement: &Value| -> Vec<Grant> {
        let resources = texts(&statement["Resource"]);
        let pairs = |action: String| {
            resources.iter().map(move |resource| (action.clone(), resource.clone())).collect::<Vec<_>>()
        };
        texts(&statement["Action"]).into_iter().flat_map(pairs).collect()
    };
    document["Statement"].as_array().unwrap().iter().flat_map(of).collect()
}

fn permissions(scene: &Scene, bundle: &str, more: &[&str]) -> Value {
    let printed = scene.applier(["permissions", bundle, "--trusted-key", "minisign.pub"]).args(more).run().exits(0);
    serde_json::from_str(&printed.stdout).unwrap()
}

/// What a request needs: the action of its API call, and those that AWS asks for on the side.
fn needs(request: &Request) -> Vec<Grant> {
    let operation = request.operation.as_str();
    let resource = match request.service.as_str() {
        "s3" => match request.parameter("Key") {
            "" => format!("arn:aws:s3:::{}", request.parameter("Bucket")),
            key => format!("arn:aws:s3:::{}/{key}", request.parameter("Bucket")),
        },
        _ if request.operation == "ListRoles" => "*".to_owned(),
        _ if !request.parameter("RoleName").is_empty() => {
            format!("arn:aws:iam::{ACCOUNT}:role/{}", request.parameter("RoleName"))
        }
        _ if !request.parameter("OpenIDConnectProviderArn").is_empty() => {
            request.parameter("OpenIDConnectProviderArn").to_owned()
        }
        _ => PROVIDER.to_owned(),
    };
    let own = match operation {
        // Needs no permission, and neither does whoever reads the issuer without credentials.
        "GetCallerIdentity" => return Vec::new(),
        _ if request.service == "public" => return Vec::new(),
        "HeadBucket" | "ListObjectsV2" => "ListBucket",
        "ListObjectVersions" => "ListBucketVersions",
        "DeleteObject" if request.query.contains_key("versionId") => "DeleteObjectVersion",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "GetObjectLockConfiguration" => "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" => "PutBucketPublicAccessBlock",
        other => other,
    };
    if operation == "DeleteObjects" {
        return deleted_objects(request, &resource);
    }
    let mut actions = vec![own];
    let has = |parameter: &str| request.parameters.keys().any(|name| name.starts_with(parameter));
    match operation {
        "CreateBucket" if request.body.contains("<Tags>") => actions.push("TagResource"),
        "PutObject" if !request.header("x-amz-tagging").is_empty() => actions.push("PutObjectTagging"),
        "CreateRole" if has("Tags.") => actions.push("TagRole"),
        "CreateOpenIDConnectProvider" if has("Tags.") => actions.push("TagOpenIDConnectProvider"),
        _ => {}
    }
    if operation == "CreateBucket" && !request.header("x-amz-object-ownership").is_empty() {
        actions.push("PutBucketOwnershipControls");
    }
    let service = &request.service;
    actions.into_iter().map(|action| (format!("{service}:{action}"), resource.clone())).collect()
}

/// What deleting several objects, or versions of them, at once needs.
fn deleted_objects(request: &Request, bucket: &str) -> Vec<Grant> {
    let between = |text: &str, start: &str, end: &str| -> Option<String> {
        Some(text.split_once(start)?.1.split_once(end)?.0.to_owned())
    };
    let objects = request.body.split("<Object>").skip(1);
    let needs = |object: &str| {
        let action = if object.contains("<VersionId>") { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        (action.to_owned(), format!("{bucket}/{}", between(object, "<Key>", "</Key>").unwrap()))
    };
    objects.map(needs).collect()
}

/// What everything that the emulator saw needs.
fn needed(emulator: &Emulator) -> BTreeSet<Grant> {
    emulator.requests().iter().flat_map(needs).collect()
}

/// What is needed and not granted.
fn missing(needed: &BTreeSet<Grant>, granted: &BTreeSet<Grant>) -> Vec<Grant> {
    let covers = |(action, resource): &Grant, (needed, of): &Grant| {
        let start = resource.strip_suffix('*');
        action == needed && (resource == of || start.is_some_and(|start| of.starts_with(start)))
    };
    needed.iter().filter(|one| !granted.iter().any(|grant| covers(grant, one))).cloned().collect()
}

fn actions(grants: &BTreeSet<Grant>) -> BTreeSet<&str> {
    grants.iter().map(|(action, _)| action.as_str()).collect()
}

/// Changes by hand, so that an apply has to make every call that it can.
fn spoil(emulator: &Emulator, role: &str) {
    let call = |service: &str, operation: &str, parameters: Value| {
        emulator.call(service, operation, parameters);
    };
    call("s3", "put_bucket_tagging", json!({"Bucket": BUCKET, "Tagging": {"TagSet": []}}));
    call("s3", "delete_public_access_block", json!({"Bucket": BUCKET}));
    let rules = json!({"Rules": [{"ObjectOwnership": "ObjectWriter"}]});
    call("s3", "put_bucket_ownership_controls", json!({"Bucket": BUCKET, "OwnershipControls": rules}));
    let provider = |more: Value| {
        let mut parameters = json!({ "OpenIDConnectProviderArn": PROVIDER });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parameters
    };
    call("iam", "add_client_id_to_open_id_connect_provider", provider(json!({"ClientID": "foreign"})));
    call("iam", "remove_client_id_from_open_id_connect_provider", provider(json!({"ClientID": "openshift"})));
    call("iam", "untag_open_id_connect_provider", provider(json!({"TagKeys": ["Name"]})));
    spoil_role(emulator, role);
}

/// Changes of a role by hand.
fn spoil_role(emulator: &Emulator, role: &str) {
    let call = |operation: &str, parameters: Value| {
        emulator.call("iam", operation, parameters);
    };
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}).to_string();
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    ]});
    call("update_assume_role_policy", json!({"RoleName": role, "PolicyDocument": trust.to_string()}));
    call("update_role", json!({"RoleName": role, "MaxSessionDuration": 43_200}));
    call("untag_role", json!({"RoleName": role, "TagKeys": ["Name"]}));
    call("put_role_policy", json!({"RoleName": role, "PolicyName": "mine", "PolicyDocument": policy}));
    let boundary = json!({"RoleName": role, "PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"});
    call("put_role_permissions_boundary", boundary);
    // It may be there already.
    emulator.try_call(ACCOUNT, "iam", "create_policy", json!({"PolicyName": "theirs", "PolicyDocument": policy}));
    let attached = json!({"RoleName": role, "PolicyArn": format!("arn:aws:iam::{ACCOUNT}:policy/theirs")});
    call("attach_role_policy", attached);
}

/// A role of an earlier bundle, which the record does not know.
fn orphan(emulator: &Emulator) {
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let tags = json!([{"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "owned"}]);
    emulator.call("iam", "create_role", json!({"RoleName": ORPHAN, "AssumeRolePolicyDocument": trust, "Tags": tags}));
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]});
    let inline = json!({"RoleName": ORPHAN, "PolicyName": ORPHAN, "PolicyDocument": policy.to_string()});
    emulator.call("iam", "put_role_policy", inline);
}

/// Applies a bundle to an empty account, again after everything was changed by hand, and plans; gives what all of it needed.
fn everything(scene: &Scene, emulator: &Emulator, bundle: &str) -> [BTreeSet<Grant>; 3] {
    scene.applies(emulator, "apply", bundle, &["--yes"]).run().exits(0);
    let apply = needed(emulator);
    spoil(emulator, ROLES[0]);
    orphan(emulator);
    emulator.forget();
    let prune = ["--prune", "--adopt"];
    scene.applies(emulator, "plan", bundle, &prune).run().exits(0);
    let plan = needed(emulator);
    scene.applies(emulator, "apply", bundle, &[&prune[..], &["--yes"]].concat()).run().exits(0);
    [plan, apply, needed(emulator)]
}

#[test]
fn every_call_is_covered_and_nothing_is_superfluous() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let [plan, apply, pruned] = everything(&scene, &emulator, &bundle);
    let granted = |more: &[&str]| grants(&permissions(&scene, &bundle, more));
    assert_eq!(missing(&plan, &granted(&["--for", "plan"])), []);
    assert_eq!(missing(&apply, &granted(&["--for", "apply"])), []);
    let all = granted(&["--for", "apply", "--prune"]);
    assert_eq!(missing(&pruned, &all), []);
    // One action that no call of these needed: IAM's thumbprints are only set where a bundle has some.
    let used: BTreeSet<Grant> = apply.union(&pruned).cloned().collect();
    let superfluous: Vec<&str> = actions(&all).difference(&actions(&used)).copied().collect();
    assert_eq!(superfluous, ["iam:UpdateOpenIDConnectProviderThumbprint"]);
    // Each resource is one that something is done to.
    let resources =
        |grants: &BTreeSet<Grant>| grants.iter().map(|(_, resource)| resource.clone()).collect::<BTreeSet<_>>();
    let pattern = format!("arn:aws:iam::{ACCOUNT}:role/democluster-*");
    let mut expected = resources(&used);
    assert!(expected.remove(&format!("arn:aws:iam::{ACCOUNT}:role/{ORPHAN}")) && expected.insert(pattern));
    assert_eq!(resources(&all), expected);
    Ok(())
}

#[test]
fn a_boundary_is_a_condition_and_thumbprints_are_set() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    emulator.call("iam", "create_policy", json!({"PolicyName": "edge", "PolicyDocument": policy.to_string()}));
    let thumbprint = "0123456789abcdef0123456789abcdef01234567";
    let more = ["--permissions-boundary-arn", BOUNDARY, "--thumbprint", thumbprint];
    scene.create_bundle(&more).run().exits(0);
    let bundle = "out/democluster-1.tar.gz";
    scene.applies(&emulator, "apply", bundle, &["--yes"]).run().exits(0);
    emulator.call("iam", "delete_role_permissions_boundary", json!({"RoleName": ROLES[0]}));
    let other = json!({"OpenIDConnectProviderArn": PROVIDER, "ThumbprintList": ["f".repeat(40)]});
    emulator.call("iam", "update_open_id_connect_provider_thumbprint", other);
    scene.applies(&emulator, "apply", bundle, &["--yes"]).run().exits(0);
    let document = permissions(&scene, bundle, &["--for", "apply"]);
    let (granted, used) = (grants(&document), needed(&emulator));
    assert_eq!(missing(&used, &granted), []);
    assert!(actions(&used).contains("iam:UpdateOpenIDConnectProviderThumbprint"));
    assert!(!actions(&granted).contains("iam:DeleteRolePermissionsBoundary"));
    let bound = document["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .find(|statement| statement["Action"] == json!(["iam:CreateRole", "iam:PutRolePermissionsBoundary"]));
    assert_eq!(bound.unwrap()["Condition"], json!({"ArnEquals": {"iam:PermissionsBoundary": BOUNDARY}}));
    Ok(())
}

#[test]
fn deleting_is_covered_as_well() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let mut used = BTreeSet::new();
    for versioned in [false, true] {
        emulator.reset();
        scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
        spoil(&emulator, ROLES[0]);
        orphan(&emulator);
        if versioned {
            let on = json!({"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}});
            emulator.call("s3", "put_bucket_versioning", on);
            emulator.call("s3", "put_object", json!({"Bucket": BUCKET, "Key": "keys.json", "Body": "{}"}));
        }
        emulator.forget();
        scene.applies(&emulator, "delete", &bundle, &["--yes", "--prune", "--adopt"]).run().exits(0);
        let left = emulator.try_call(ACCOUNT, "iam", "get_role", json!({"RoleName": ORPHAN}));
        assert_eq!(left["error"], "NoSuchEntity");
        used.append(&mut needed(&emulator));
    }
    let granted = grants(&permissions(&scene, &bundle, &["--for", "delete", "--prune"]));
    assert_eq!(missing(&used, &granted), []);
    assert_eq!(actions(&granted).difference(&actions(&used)).copied().collect::<Vec<_>>(), Vec::<&str>::new());
    Ok(())
}

/// Roles for a provider that somebody else manages: all that is applied, pruned and deleted, and no call to S3.
#[test]
fn a_bundle_of_roles_is_covered_as_well() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let requests = crate_file("samples/credentials-requests").to_string_lossy().into_owned();
    scene
        .generator(["create-bundle", "--no-password", "--name", NAME, "--region", "us-east-2", "--output-dir", "out"])
        .args([
            "--identity-provider-arn",
            HOSTED,
            "--credentials-requests-dir",
            &requests,
            "--signing-key",
            "minisign.key",
        ])
        .run()
        .exits(0);
    let bundle = "out/democluster-1.tar.gz";
    let make = json!({"Url": "https://oidc.example.com/2abc", "ClientIDList": ["openshift", "sts.amazonaws.com"]});
    emulator.call("iam", "create_open_id_connect_provider", make);
    let granted = |more: &[&str]| grants(&permissions(&scene, bundle, more));

    scene.applies(&emulator, "apply", bundle, &["--yes"]).run().exits(0);
    let mut used = needed(&emulator);
    assert_eq!(missing(&used, &granted(&["--for", "apply"])), []);
    spoil_role(&emulator, ROLES[0]);
    orphan(&emulator);
    emulator.forget();
    scene.applies(&emulator, "plan", bundle, &["--prune", "--adopt"]).run().exits(0);
    assert_eq!(missing(&needed(&emulator), &granted(&["--for", "plan"])), []);
    scene.applies(&emulator, "apply", bundle, &["--yes", "--prune", "--adopt"]).run().exits(0);
    used.append(&mut needed(&emulator));
    let all = granted(&["--for", "apply", "--prune"]);
    assert_eq!(missing(&used, &all), []);
    let superfluous = |granted: &BTreeSet<Grant>, used: &BTreeSet<Grant>| {
        actions(granted).difference(&actions(used)).map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(superfluous(&all, &used), Vec::<String>::new());

    spoil_role(&emulator, ROLES[0]);
    orphan(&emulator);
    emulator.forget();
    scene.applies(&emulator, "delete", bundle, &["--yes", "--prune", "--adopt"]).run().exits(0);
    let (used, all) = (needed(&emulator), granted(&["--for", "delete", "--prune"]));
    assert_eq!(missing(&used, &all), []);
    assert_eq!(superfluous(&all, &used), Vec::<String>::new());

    let document = permissions(&scene, bundle, &["--for", "delete"]);
    let statements = document["Statement"].as_array().unwrap();
    let tags = statements.iter().find(|statement| statement["Action"][0] == "iam:TagOpenIDConnectProvider").unwrap();
    let (data, keys) = (ActionData::built_in().unwrap(), "aws:TagKeys");
    let of_aws = |action: &Value| data.action(action.as_str().unwrap()).is_some_and(|action| action.takes(keys));
    assert!(tags["Action"].as_array().unwrap().iter().all(of_aws), "{tags}");
    assert_eq!(tags["Resource"], json!([HOSTED]));
    Ok(())
}

/// Of a former issuer the record is read and written, and nothing else.
#[test]
fn a_move_is_covered_as_well() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let (old, new) = (scene.bundle(), "out/democluster-2.tar.gz");
    scene.applies(&emulator, "apply", &old, &["--yes"]).run().exits(0);
    scene.create_next_bundle(&old, &["--bucket-name", "acme-keys"]).run().exits(0);
    emulator.forget();
    scene.applies(&emulator, "plan", new, &[]).run().exits(0);
    // The call that makes the new provider, with its tags, names no ARN.
    let of_making = ["iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"];
    let used = |emulator: &Emulator| -> BTreeSet<Grant> {
        needed(emulator).into_iter().filter(|(action, _)| !of_making.contains(&action.as_str())).collect()
    };
    assert_eq!(missing(&used(&emulator), &grants(&permissions(&scene, new, &["--for", "plan"]))), []);
    emulator.forget();
    scene.applies(&emulator, "apply", new, &["--yes"]).run().exits(0);
    let granted = grants(&permissions(&scene, new, &["--for", "apply"]));
    let used = used(&emulator);
    assert_eq!(missing(&used, &granted), []);
    let former = |grants: &BTreeSet<Grant>| -> BTreeSet<Grant> {
        let is_former =
            |resource: &str| resource == PROVIDER || resource.starts_with(&format!("arn:aws:s3:::{BUCKET}"));
        grants.iter().filter(|(_, resource)| is_former(resource)).cloned().collect()
    };
    assert_eq!(former(&granted), former(&used));
    Ok(())
}

/// Every action is one that AWS has, and no condition is on a key that an action of its statement does not take.
#[test]
fn actions_and_conditions_are_those_of_aws() -> Test {
    let (scene, data) = (Scene::with_key()?, ActionData::built_in().unwrap());
    scene.create_bundle(&["--permissions-boundary-arn", BOUNDARY]).run().exits(0);
    let document = permissions(&scene, "out/democluster-1.tar.gz", &["--for", "apply", "--prune"]);
    for statement in document["Statement"].as_array().unwrap() {
        let keys = statement["Condition"]
            .as_object()
            .into_iter()
            .flatten()
            .flat_map(|(_, keys)| keys.as_object().unwrap().keys());
        let keys: Vec<&String> = keys.collect();
        for action in statement["Action"].as_array().unwrap() {
            let action = action.as_str().unwrap();
            let known = data.action(action).unwrap_or_else(|| panic!("AWS has no {action}"));
            assert_eq!(format!("{known}"), action);
            assert!(keys.iter().all(|key| known.takes(key)), "{action} {keys:?}");
        }
    }
    Ok(())
}

#[test]
fn what_one_policy_cannot_hold_is_divided() -> Test {
    let scene = Scene::with_key()?;
    for number in 0..100 {
        let request = format!(
            "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata: {{name: component-{number}}}\nspec:\n  \
             serviceAccountNames: [operator]\n  secretRef: {{name: credentials-{number}, namespace: example}}\n  providerSpec:\n    \
             kind: AWSProviderSpec\n    statementEntries:\n    - {{effect: Allow, resource: '*', action: ['ec2:DescribeVolumes']}}\n"
        );
        scene.write(&format!("many/{number:04}.yaml"), request);
    }
    scene.create_bundle(&["--credentials-requests-dir", "many"]).run().exits(0);
    let bundle = "out/democluster-1.tar.gz";
    let documents = permissions(&scene, bundle, &["--for", "apply", "--format", "json"]);
    let documents = documents.as_array().unwrap();
    assert!(documents.len() > 1 && documents.iter().all(|document| document.to_string().len() <= 6144));
    let roles = documents.iter().flat_map(grants).filter(|(action, _)| action == "iam:PutRolePolicy").count();
    assert_eq!(roles, 100);
    let text = scene.applier(["permissions", bundle, "--trusted-key", "minisign.pub", "--for", "apply"]).run().exits(0);
    assert_eq!(
        text.stderr,
        format!("{} documents follow: one managed policy cannot hold all of it\n", documents.len())
    );
    let read: Vec<Value> = serde_json::Deserializer::from_str(&text.stdout).into_iter().map(Result::unwrap).collect();
    assert_eq!(read, *documents);
    Ok(())
}
