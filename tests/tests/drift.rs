//! Whatever somebody changes behind the bundle's back is planned, shown and put right, and nothing else is touched.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::Emulator;
use tests::scene::{ACCOUNT, BUCKET, PROVIDER, ROLES, Scene};

type Test = Result<(), SetupError>;

/// Opening and closing the record.
const RECORD: &str = "s3:PutObject oidc/sts-airlock/record.json";

/// A cluster that was applied.
struct Applied {
    scene: Scene,
    emulator: Emulator,
    bundle: String,
}

impl Applied {
    fn new() -> Result<Self, SetupError> {
        Self::with(&[])
    }

    /// With these arguments of `create-bundle`.
    fn with(more: &[&str]) -> Result<Self, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        scene.create_bundle(more).run().exits(0);
        let bundle = "out/democluster-1.tar.gz".to_owned();
        scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
        Ok(Self { scene, emulator, bundle })
    }

    /// After a change, exactly these calls are planned (`call resource-ending`) between the two that write the record, and
    /// applying them leaves nothing to do.
    #[track_caller]
    fn is_put_right_by(&self, expected: &[&str]) {
        let run = |command, more: &[&str]| self.scene.applies(&self.emulator, command, &self.bundle, more).run();
        let plan = run("plan", &["--format", "json", "--detailed-exitcode"]).exits(10).json();
        let planned: Vec<String> = plan["actions"].as_array().unwrap().iter().map(call_and_resource).collect();
        assert_eq!((planned.first(), planned.last()), (Some(&RECORD.to_owned()), Some(&RECORD.to_owned())));
        assert_eq!(planned[1..planned.len() - 1], *expected);
        self.emulator.forget();
        run("apply", &["--yes"]).exits(0);
        assert_eq!(self.emulator.writes().len(), planned.len());
        run("plan", &["--detailed-exitcode"]).exits(0);
    }

    #[track_caller]
    fn call(&self, service: &str, operation: &str, parameters: Value) {
        self.emulator.call(service, operation, parameters);
    }
}

fn call_and_resource(action: &Value) -> String {
    let resource = action["resource"].as_str().unwrap();
    let start = resource.find("oidc").or_else(|| resource.find("role/")).unwrap_or(0);
    let end = if resource.contains(":oidc-provider/") { "provider" } else { &resource[start..] };
    format!("{} {end}", action["call"].as_str().unwrap())
}

#[test]
fn the_bucket() -> Test {
    let applied = Applied::new()?;
    let bucket = |more: Value| {
        let mut parameters = json!({"Bucket": BUCKET});
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parameters
    };
    let tags = json!([{"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "owned"}]);
    applied.call("s3", "put_bucket_tagging", bucket(json!({"Tagging": {"TagSet": tags}})));
    applied.is_put_right_by(&["s3:PutBucketTagging oidc"]);

    let open = json!({
        "BlockPublicAcls": false, "IgnorePublicAcls": true, "BlockPublicPolicy": false, "RestrictPublicBuckets": false,
    });
    applied.call("s3", "put_public_access_block", bucket(json!({"PublicAccessBlockConfiguration": open})));
    applied.is_put_right_by(&["s3:PutBucketPublicAccessBlock oidc"]);
    applied.call("s3", "delete_public_access_block", bucket(json!({})));
    applied.is_put_right_by(&["s3:PutBucketPublicAccessBlock oidc"]);

    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::democluster-oidc/*",
    }]});
    applied.call("s3", "put_bucket_policy", bucket(json!({"Policy": policy.to_string()})));
    applied.is_put_right_by(&["s3:PutBucketPolicy oidc"]);
    applied.call("s3", "delete_bucket_policy", bucket(json!({})));
    applied.is_put_right_by(&["s3:PutBucketPolicy oidc"]);

    let rules = json!({"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}});
    applied.call("s3", "put_bucket_ownership_controls", bucket(rules));
    applied.is_put_right_by(&["s3:PutBucketOwnershipControls oidc"]);
    applied.call("s3", "delete_bucket_ownership_controls", bucket(json!({})));
    applied.is_put_right_by(&["s3:PutBucketOwnershipControls oidc"]);
    Ok(())
}

#[test]
fn the_objects() -> Test {
    let applied = Applied::new()?;
    let put = |key: &str, body: &str, content_type: &str, tagging: &str| {
        let object = json!({
            "Bucket": BUCKET, "Key": key, "Body": body, "ContentType": content_type, "Tagging": tagging,
            "ExpectedBucketOwner": ACCOUNT,
        });
        applied.call("s3", "put_object", object);
    };
    let tags = "Name=democluster&openshift.io%2Fcloud-credential-operator%2Fdemocluster=owned";
    let jwks = String::from_utf8(applied.scene.entry_bytes(&applied.bundle, "oidc/keys.json")).unwrap();

    put("keys.json", "{\"keys\": []}", "application/json", tags);
    applied.is_put_right_by(&["s3:PutObject oidc/keys.json"]);
    put("keys.json", &jwks, "application/octet-stream", tags);
    applied.is_put_right_by(&["s3:PutObject oidc/keys.json"]);
    put("openid/v1/jwks", &jwks, "application/json", "Name=other");
    applied.is_put_right_by(&["s3:PutObject oidc/openid/v1/jwks"]);
    let encrypted = json!({
        "Bucket": BUCKET, "Key": "keys.json", "Body": jwks, "ContentType": "application/json", "Tagging": tags,
        "ServerSideEncryption": "aws:kms",
    });
    applied.call("s3", "put_object", encrypted);
    applied.is_put_right_by(&["s3:PutObject oidc/keys.json"]);
    let live = applied.emulator.call("s3", "get_object", json!({"Bucket": BUCKET, "Key": "keys.json"}));
    assert_eq!(live["ServerSideEncryption"], "AES256", "nobody can read what is encrypted with KMS");
    put("keys.json", &"x".repeat(100_000), "application/json", tags);
    applied.is_put_right_by(&["s3:PutObject oidc/keys.json"]);
    applied.call("s3", "delete_object", json!({"Bucket": BUCKET, "Key": ".well-known/openid-configuration"}));
    applied.is_put_right_by(&["s3:PutObject oidc/.well-known/openid-configuration"]);
    Ok(())
}

/// An object is replaced only as it was when the plan was made.
#[test]
fn an_object_is_replaced_under_its_etag() -> Test {
    let applied = Applied::new()?;
    applied.call("s3", "put_object", json!({"Bucket": BUCKET, "Key": "keys.json", "Body": "{}"}));
    applied.emulator.forget();
    applied.scene.applies(&applied.emulator, "apply", &applied.bundle, &["--yes"]).run().exits(0);
    let writes = applied.emulator.writes();
    assert_eq!(writes.len(), 3);
    assert_eq!(writes[1].header("if-match"), "\"99914b932bd37a50b983c5e7c90ae93b\"", "the MD5 of {{}}");
    Ok(())
}

#[test]
fn the_identity_provider() -> Test {
    let applied = Applied::new()?;
    let provider = |more: Value| {
        let mut parameters = json!({"OpenIDConnectProviderArn": PROVIDER});
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parameters
    };
    applied.call("iam", "add_client_id_to_open_id_connect_provider", provider(json!({"ClientID": "foreign"})));
    applied.is_put_right_by(&["iam:RemoveClientIDFromOpenIDConnectProvider provider"]);
    applied.call("iam", "remove_client_id_from_open_id_connect_provider", provider(json!({"ClientID": "openshift"})));
    applied.is_put_right_by(&["iam:AddClientIDToOpenIDConnectProvider provider"]);
    applied.call("iam", "untag_open_id_connect_provider", provider(json!({"TagKeys": ["Name"]})));
    applied.is_put_right_by(&["iam:TagOpenIDConnectProvider provider"]);
    applied.call("iam", "delete_open_id_connect_provider", provider(json!({})));
    applied.is_put_right_by(&["iam:CreateOpenIDConnectProvider provider"]);
    Ok(())
}

#[test]
fn a_role() -> Test {
    let applied = Applied::new()?;
    let name = ROLES[0];
    let role = |more: Value| {
        let mut parameters = json!({"RoleName": name});
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parameters
    };
    let resource = |call: &str| format!("{call} role/{name}");

    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    ]});
    applied.call("iam", "update_assume_role_policy", role(json!({"PolicyDocument": trust.to_string()})));
    applied.is_put_right_by(&[&resource("iam:UpdateAssumeRolePolicy")]);

    applied.call("iam", "update_role_description", role(json!({"Description": "mine"})));
    applied.is_put_right_by(&[&resource("iam:UpdateRole")]);
    applied.call("iam", "update_role", role(json!({"MaxSessionDuration": 43200})));
    applied.is_put_right_by(&[&resource("iam:UpdateRole")]);
    let live = applied.emulator.call("iam", "get_role", role(json!({})));
    assert_eq!(live["Role"]["MaxSessionDuration"], 3600);
    assert_eq!(live["Role"]["Description"], "OpenShift role for example-block-storage/volume-credentials");

    let boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    applied.call("iam", "put_role_permissions_boundary", role(json!({"PermissionsBoundary": boundary})));
    applied.is_put_right_by(&[&resource("iam:DeleteRolePermissionsBoundary")]);

    applied.call("iam", "tag_role", role(json!({"Tags": [{"Key": "Name", "Value": "other"}]})));
    applied.is_put_right_by(&[&resource("iam:TagRole")]);
    applied.call("iam", "untag_role", role(json!({"TagKeys": ["Name"]})));
    applied.is_put_right_by(&[&resource("iam:TagRole")]);

    let grant = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    applied.call("iam", "put_role_policy", role(json!({"PolicyName": name, "PolicyDocument": grant.to_string()})));
    applied.is_put_right_by(&[&resource("iam:PutRolePolicy")]);
    applied.call("iam", "delete_role_policy", role(json!({"PolicyName": name})));
    applied.is_put_right_by(&[&resource("iam:PutRolePolicy")]);
    applied.call("iam", "delete_role_policy", role(json!({"PolicyName": name})));
    applied.call("iam", "delete_role", role(json!({})));
    applied.is_put_right_by(&[&resource("iam:CreateRole"), &resource("iam:PutRolePolicy")]);
    Ok(())
}

/// What only some bundles have.
#[test]
fn thumbprints_and_a_boundary() -> Test {
    let (thumbprint, boundary) = ("a".repeat(40), "arn:aws:iam::aws:policy/PowerUserAccess");
    let applied = Applied::with(&["--thumbprint", &thumbprint, "--permissions-boundary-arn", boundary])?;
    let other = json!({"OpenIDConnectProviderArn": PROVIDER, "ThumbprintList": ["b".repeat(40)]});
    applied.call("iam", "update_open_id_connect_provider_thumbprint", other);
    applied.is_put_right_by(&["iam:UpdateOpenIDConnectProviderThumbprint provider"]);
    let live =
        applied.emulator.call("iam", "get_open_id_connect_provider", json!({"OpenIDConnectProviderArn": PROVIDER}));
    assert_eq!(live["ThumbprintList"], json!([thumbprint]));

    let put_right = format!("iam:PutRolePermissionsBoundary role/{}", ROLES[0]);
    let wider = json!({"RoleName": ROLES[0], "PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"});
    applied.call("iam", "put_role_permissions_boundary", wider);
    applied.is_put_right_by(&[&put_right]);
    applied.call("iam", "delete_role_permissions_boundary", json!({"RoleName": ROLES[0]}));
    applied.is_put_right_by(&[&put_right]);
    let live = applied.emulator.call("iam", "get_role", json!({"RoleName": ROLES[0]}));
    assert_eq!(live["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"], boundary);
    Ok(())
}

/// Another spelling of the same policy is no change: IAM and people write one action as a text or as a list of one.
#[test]
fn spelling_is_no_drift() -> Test {
    let applied = Applied::new()?;
    let name = ROLES[1];
    let live = applied.emulator.call("iam", "get_role_policy", json!({"RoleName": name, "PolicyName": name}));
    let mut statement = live["PolicyDocument"]["Statement"][0].clone();
    statement["Resource"] = json!(["*"]);
    let mut actions: Vec<Value> = statement["Action"].as_array().unwrap().clone();
    actions.reverse();
    statement["Action"] = json!(actions);
    let policy = json!({"Statement": statement, "Version": "2012-10-17"});
    applied.call(
        "iam",
        "put_role_policy",
        json!({"RoleName": name, "PolicyName": name, "PolicyDocument": policy.to_string()}),
    );
    applied.scene.applies(&applied.emulator, "plan", &applied.bundle, &["--detailed-exitcode"]).run().exits(0);
    Ok(())
}

/// A plan shows what changes as a person reads it: the lines that go, the lines that come.
#[test]
fn a_changed_policy_is_shown_before_and_after() -> Test {
    let applied = Applied::new()?;
    let name = ROLES[1];
    let live = applied.emulator.call("iam", "get_role_policy", json!({"RoleName": name, "PolicyName": name}));
    let mut policy = live["PolicyDocument"].clone();
    policy["Statement"][0]["Action"] =
        json!(["elasticloadbalancing:DescribeLoadBalancers", "route53:ListHostedZones", "route53:*"]);
    applied.call(
        "iam",
        "put_role_policy",
        json!({"RoleName": name, "PolicyName": name, "PolicyDocument": policy.to_string()}),
    );
    let plan = applied.scene.applies(&applied.emulator, "plan", &applied.bundle, &[]).run().exits(0).stdout;
    let shown = plan.lines().skip_while(|line| !line.starts_with("~ role")).take_while(|line| !line.is_empty());
    let expected = [
        "~ role democluster-example-front-door-dns-credentials",
        "  ~ permissions (iam:PutRolePolicy)",
        "        (2 unchanged lines)",
        "            {",
        "              \"Action\": [",
        "                \"elasticloadbalancing:DescribeLoadBalancers\",",
        "      -         \"route53:*\",",
        "      +         \"route53:ChangeResourceRecordSets\",",
        "                \"route53:ListHostedZones\"",
        "              ],",
        "              \"Effect\": \"Allow\",",
        "        (7 unchanged lines)",
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    Ok(())
}

/// What is not the bundle's is left alone, and said.
#[test]
fn foreign_policies_of_a_role_are_left_alone_and_named() -> Test {
    let applied = Applied::new()?;
    let grant = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    applied.call(
        "iam",
        "put_role_policy",
        json!({
            "RoleName": ROLES[0], "PolicyName": "added-by-hand", "PolicyDocument": grant.to_string(),
        }),
    );
    let plan =
        applied.scene.applies(&applied.emulator, "plan", &applied.bundle, &["--detailed-exitcode"]).run().exits(10);
    let expected = format!(
        "! role {} has policies that\n    are not in the bundle, and keeps them: added-by-hand\n\nNothing to change, but what is \
         marked with ! above is not the bundle's.\n",
        ROLES[0]
    );
    assert!(plan.stdout.contains(&expected), "{}", plan.stdout);
    let json = ["--detailed-exitcode", "--format", "json"];
    let plan = applied.scene.applies(&applied.emulator, "plan", &applied.bundle, &json).run().exits(10).json();
    let finding = json!({"kind": "foreign-policies", "role": ROLES[0], "policies": ["added-by-hand"], "pruned": false});
    assert_eq!((&plan["findings"], &plan["clean"], &plan["actions"]), (&json!([finding]), &json!(false), &json!([])));
    applied.call("iam", "delete_role_policy", json!({"RoleName": ROLES[0], "PolicyName": "added-by-hand"}));
    let made = json!({"PolicyName": "administrator", "PolicyDocument": grant.to_string()});
    applied.call("iam", "create_policy", made);
    let administrator = "arn:aws:iam::123456789012:policy/administrator";
    applied.call("iam", "attach_role_policy", json!({"RoleName": ROLES[1], "PolicyArn": administrator}));
    let plan = applied.scene.applies(&applied.emulator, "plan", &applied.bundle, &json).run().exits(10).json();
    let finding = json!({"kind": "foreign-policies", "role": ROLES[1], "policies": [administrator], "pruned": false});
    assert_eq!(plan["findings"], json!([finding]));
    Ok(())
}

/// A cluster that ccoctl made holds the same under the same names and tags: it is adopted where that is said.
#[test]
fn a_cluster_made_by_ccoctl_is_adopted() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let tags = json!([
        {"Key": "Name", "Value": "democluster"},
        {"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "owned"},
    ]);
    let place = json!({"LocationConstraint": "us-east-2"});
    emulator.call("s3", "create_bucket", json!({"Bucket": BUCKET, "CreateBucketConfiguration": place}));
    emulator.call("s3", "put_bucket_tagging", json!({"Bucket": BUCKET, "Tagging": {"TagSet": tags}}));
    emulator.call("s3", "put_object", json!({"Bucket": BUCKET, "Key": "keys.json", "Body": "{\"keys\": []}"}));
    emulator.call("iam", "create_open_id_connect_provider", json!({
        "Url": "https://democluster-oidc.s3.us-east-2.amazonaws.com", "Tags": tags,
        "ClientIDList": ["openshift", "sts.amazonaws.com"], "ThumbprintList": ["a9d53002e97e00e043244f3d170d6f4c414104fd"],
    }));
    emulator.call("iam", "create_role", json!({"RoleName": ROLES[0], "AssumeRolePolicyDocument": "{}", "Tags": tags}));
    let refused = scene.applies(&emulator, "plan", &bundle, &[]).run().exits(5).stderr;
    assert!(refused.starts_with(
        "error: the account refuses the bundle for 3 reasons; nothing was changed\n- bucket democluster-oidc "
    ));
    let plan = scene.applies(&emulator, "plan", &bundle, &["--adopt"]).run().exits(0).stdout;
    for finding in [
        "! bucket democluster-oidc carries the cluster's tag and has no record; it is\n    taken over (--adopt)\n",
        "! IDENTITY PROVIDER\n    arn:aws:iam::123456789012:oidc-provider/democluster-oidc.s3.us-east-2.amazonaws.com\n    IS NOT IN THE RECORD AND IS TAKEN OVER (--adopt)\n",
    ] {
        assert!(plan.contains(finding), "{plan}");
    }
    scene.applies(&emulator, "apply", &bundle, &["--yes", "--adopt"]).run().exits(0);
    scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(0);
    let provider = emulator.call("iam", "get_open_id_connect_provider", json!({"OpenIDConnectProviderArn": PROVIDER}));
    assert_eq!(provider["ThumbprintList"], json!(["a9d53002e97e00e043244f3d170d6f4c414104fd"]), "left to IAM");
    Ok(())
}

/// Organisations tag what they like: such tags stay, are named, and count unless the trust file says otherwise.
#[test]
fn tags_of_others_stay_and_are_named() -> Test {
    let applied = Applied::new()?;
    let tag = json!({"Key": "map-migrated", "Value": "d-1"});
    applied.call("iam", "tag_role", json!({"RoleName": ROLES[0], "Tags": [tag]}));
    applied.call("iam", "tag_open_id_connect_provider", json!({"OpenIDConnectProviderArn": PROVIDER, "Tags": [tag]}));
    let live = applied.emulator.call("s3", "get_bucket_tagging", json!({"Bucket": BUCKET}));
    let mut tags: Vec<Value> = live["TagSet"].as_array().unwrap().clone();
    tags.retain(|tag| tag["Key"] != "Name");
    tags.push(tag.clone());
    applied.call("s3", "put_bucket_tagging", json!({"Bucket": BUCKET, "Tagging": {"TagSet": tags}}));
    let run = |command, more: &[&str]| applied.scene.applies(&applied.emulator, command, &applied.bundle, more).run();

    run("apply", &["--yes"]).exits(0);
    let live = applied.emulator.call("s3", "get_bucket_tagging", json!({"Bucket": BUCKET}));
    assert!(live["TagSet"].as_array().unwrap().contains(&tag), "{live}");
    assert!(live["TagSet"].as_array().unwrap().contains(&json!({"Key": "Name", "Value": "democluster"})), "{live}");
    let plan = run("plan", &["--detailed-exitcode", "--format", "json"]).exits(10).json();
    let role = format!("arn:aws:iam::123456789012:role/{}", ROLES[0]);
    let finding = json!({
        "kind": "foreign-tag", "key": "map-migrated", "ignored": false,
        "resources": ["arn:aws:s3:::democluster-oidc", PROVIDER, role],
    });
    assert_eq!((&plan["actions"], &plan["findings"]), (&json!([]), &json!([finding])));

    let trust = json!({"roles": {"any": [applied.scene.public_key("minisign.pub")]}, "ignoredTags": ["map-*"]});
    applied.scene.write("trust.json", trust.to_string());
    let ignoring = applied.scene.applier(["plan", &applied.bundle, "--trust", "trust.json", "--detailed-exitcode"]);
    let plan = ignoring.envs(applied.emulator.environment()).run().exits(0).stdout;
    assert!(plan.contains("\n! tag map-migrated is not in the bundle (ignored by the trust file), "), "{plan}");
    Ok(())
}

/// A plan that publishes another key says so, with both key IDs.
#[test]
fn a_change_of_keys_is_a_headline() -> Test {
    let applied = Applied::new()?;
    let (scene, emulator) = (&applied.scene, &applied.emulator);
    scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]).run().exits(0);
    let more = ["--serial", "2", "--public-key-file", "keys/serviceaccount-signer.public"];
    scene.create_bundle(&more).run().exits(0);
    let kid = |bundle: &str| scene.entry(bundle, "oidc/keys.json")["keys"][0]["kid"].clone();
    let plan = scene.applies(emulator, "plan", "out/democluster-2.tar.gz", &["--format", "json"]).run().exits(0).json();
    let finding = json!({
        "kind": "key-change", "before": [kid(&applied.bundle)], "after": [kid("out/democluster-2.tar.gz")],
    });
    assert_eq!(plan["findings"], json!([finding]));
    let text = scene.applies(emulator, "plan", "out/democluster-2.tar.gz", &[]).run().exits(0).stdout;
    assert!(text.contains("Z\n\n! THE SIGNING KEY CHANGES: "), "{text}");
    Ok(())
}
