//! `delete`: nothing of the cluster is left, and everything else is as it was.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::{Effect, Emulator, Which};
use tests::program::Outcome;
use tests::request::{Request, operations};
use tests::scene::{ACCOUNT, BUCKET, NAME, PROVIDER, ROLES, Scene};

type Test = Result<(), SetupError>;

const RECORD: &str = "sts-airlock/record.json";
/// The writing requests that delete a cluster: two a role, the provider, three documents, the record before and after, the
/// bucket.
const WRITES: usize = 7 + 2 * ROLES.len();

/// An account that a bundle was applied to.
struct Applied {
    scene: Scene,
    emulator: Emulator,
    bundle: String,
}

impl Applied {
    fn new() -> Result<Self, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        let bundle = scene.bundle();
        let applied = Self { scene, emulator, bundle };
        applied.again();
        Ok(applied)
    }

    /// The account as after an apply, and nothing before.
    fn again(&self) {
        self.emulator.reset();
        self.run("apply", &["--yes"]).exits(0);
        self.emulator.forget();
    }

    fn run(&self, command: &str, more: &[&str]) -> Outcome {
        self.scene.remove("receipt.json");
        self.scene
            .applies(&self.emulator, command, &self.bundle, &[&["--receipt", "receipt.json"], more].concat())
            .run()
    }

    fn receipt(&self) -> Value {
        self.scene.receipt("receipt.json")
    }

    fn call(&self, service: &str, operation: &str, parameters: Value) -> Value {
        self.emulator.call(service, operation, parameters)
    }

    /// Refused by live state, with exactly this, before anything was changed.
    #[track_caller]
    fn refuses(&self, more: &[&str], expected: &str) {
        self.run("delete", &[&["--yes"], more].concat()).exits(5).says(&format!("error: {expected}"));
        assert_eq!(operations(&self.emulator.writes()), Vec::<&str>::new());
    }

    #[track_caller]
    fn is_gone(&self) {
        nothing_of_it_is_there(&self.emulator);
    }
}

#[track_caller]
fn nothing_of_it_is_there(emulator: &Emulator) {
    let missing = |service, operation, parameters, code: &str| {
        let answer = emulator.try_call(ACCOUNT, service, operation, parameters);
        assert_eq!(answer["error"], code, "{operation}: {answer}");
    };
    for role in ROLES {
        missing("iam", "get_role", json!({"RoleName": role}), "NoSuchEntity");
    }
    missing("iam", "get_open_id_connect_provider", json!({"OpenIDConnectProviderArn": PROVIDER}), "NoSuchEntity");
    missing("s3", "head_bucket", json!({"Bucket": BUCKET}), "404");
}

#[test]
fn nothing_is_left_and_everything_else_is_as_it_was() -> Test {
    let applied = Applied::new()?;
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let url = "https://democluster2-oidc.s3.us-east-2.amazonaws.com";
    let tags = json!([{"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "owned"}]);
    let other = json!({"RoleName": "democluster-other", "AssumeRolePolicyDocument": trust, "Tags": tags});
    applied.call("iam", "create_role", other);
    let other = json!({"Url": url, "ClientIDList": ["openshift"], "ThumbprintList": ["a".repeat(40)]});
    applied.call("iam", "create_open_id_connect_provider", other);
    applied.call("s3", "create_bucket", json!({"Bucket": "democluster-other"}));
    applied.call("s3", "put_object", json!({"Bucket": "democluster-other", "Key": "keys.json", "Body": "{}"}));

    let deleted = applied.run("delete", &["--yes"]).exits(0);
    let summary = format!("Plan: delete 7 resources ({WRITES} calls).\n");
    assert!(deleted.stdout.contains(&summary), "{}", deleted.stdout);
    let ending = format!("Delete: {WRITES} done, 0 failed, 0 not reached. The receipt is receipt.json.\n");
    assert!(deleted.stdout.ends_with(&ending), "{}", deleted.stdout);
    applied.is_gone();
    assert_eq!(applied.emulator.writes().len(), WRITES);

    let roles = applied.call("iam", "list_roles", json!({}));
    assert_eq!(roles["Roles"].as_array().unwrap().len(), 1);
    let providers = applied.call("iam", "list_open_id_connect_providers", json!({}));
    assert_eq!(providers["OpenIDConnectProviderList"].as_array().unwrap().len(), 1);
    applied.call("s3", "get_object", json!({"Bucket": "democluster-other", "Key": "keys.json"}));

    applied.emulator.forget();
    let again = applied.run("delete", &["--yes"]).exits(0);
    assert!(again.stdout.contains("\nNothing to do: the account holds nothing of the bundle.\n"), "{}", again.stdout);
    assert_eq!(applied.emulator.writes().len(), 0);
    assert_eq!(applied.receipt()["actions"], json!([]));
    // And it can be made again.
    applied.run("apply", &["--yes"]).exits(0);
    applied.run("delete", &["--yes"]).exits(0);
    applied.is_gone();
    Ok(())
}

/// What uses something goes before it, and the record goes last of all objects.
#[test]
fn deletions_wait_for_what_they_need_and_for_nothing_else() -> Test {
    let applied = Applied::new()?;
    applied.emulator.latency(100);
    applied.run("delete", &["--yes"]).exits(0);
    let writes = applied.emulator.writes();
    let place = |write: &Request| match (write.operation.as_str(), write.parameter("Key")) {
        ("PutObject", RECORD) => 0,
        ("DeleteRolePolicy" | "DeleteRole", _) => 1,
        ("DeleteOpenIDConnectProvider", _) => 2,
        ("DeleteObject", RECORD) => 4,
        ("DeleteObject", _) => 3,
        ("DeleteBucket", _) => 5,
        other => panic!("{other:?}"),
    };
    for earlier in &writes {
        for later in writes.iter().filter(|later| place(later) > place(earlier)) {
            assert!(earlier.end.unwrap() <= later.begin, "{} and {}", earlier.summary(), later.summary());
        }
    }
    for role in ROLES {
        let of = |name: &str| {
            writes.iter().find(|write| write.operation == name && write.parameter("RoleName") == *role).unwrap()
        };
        assert!(of("DeleteRolePolicy").end.unwrap() <= of("DeleteRole").begin, "{role}");
    }
    for name in ["DeleteRole", "DeleteObject"] {
        let group: Vec<&Request> =
            writes.iter().filter(|write| write.operation == name && write.parameter("Key") != RECORD).collect();
        let last_begin = group.iter().map(|write| write.begin).fold(0.0, f64::max);
        let first_end = group.iter().map(|write| write.end.unwrap()).fold(f64::MAX, f64::min);
        assert!(last_begin < first_end, "{name} requests wait for each other");
    }
    for request in applied.emulator.requests().iter().filter(|request| request.service == "s3") {
        assert_eq!(request.header("x-amz-expected-bucket-owner"), ACCOUNT, "{}", request.summary());
    }
    let record = writes.iter().find(|write| write.operation == "DeleteObject" && write.parameter("Key") == RECORD);
    assert!(record.unwrap().header("if-match").starts_with('"'), "only the version that this run wrote is deleted");
    Ok(())
}

#[test]
fn the_receipt_says_that_it_was_a_deletion() -> Test {
    let applied = Applied::new()?;
    applied.run("delete", &["--yes", "--concurrency", "1"]).exits(0);
    let receipt = applied.receipt();
    assert_eq!(
        (&receipt["receiptVersion"], &receipt["operation"], &receipt["ending"]),
        (&json!(1), &json!("delete"), &json!("done"))
    );
    assert!(receipt.get("issuerCheck").is_none() && receipt.get("record").is_none(), "{receipt}");
    let actions = receipt["actions"].as_array().unwrap();
    assert_eq!(actions.len(), WRITES);
    let role = format!("arn:aws:iam::123456789012:role/{}", ROLES[0]);
    let record = "arn:aws:s3:::democluster-oidc/sts-airlock/record.json";
    for (index, change, call, resource) in [
        (0, "update", "s3:PutObject", record),
        (1, "update", "iam:DeleteRolePolicy", role.as_str()),
        (2, "delete", "iam:DeleteRole", &role),
        (WRITES - 6, "delete", "iam:DeleteOpenIDConnectProvider", PROVIDER),
        (WRITES - 2, "delete", "s3:DeleteObject", record),
        (WRITES - 1, "delete", "s3:DeleteBucket", "arn:aws:s3:::democluster-oidc"),
    ] {
        let action = &actions[index];
        let [id] = action["requestIds"].as_array().unwrap().as_slice() else { panic!("{action}") };
        let (_, operation) = call.split_once(':').unwrap();
        assert!(id.as_str().unwrap().starts_with(&format!("{operation}-")), "{action}");
        let expected = json!({
            "change": change, "call": call, "resource": resource, "outcome": "done",
            "began": action["began"], "ended": action["ended"], "attempts": 1, "requestIds": [id],
        });
        assert_eq!(*action, expected);
    }
    Ok(())
}

#[test]
fn the_plan_is_shown_and_approved() -> Test {
    let applied = Applied::new()?;
    let unapproved = applied.run("delete", &[]).exits(2);
    let (_, digest) = unapproved.stdout.trim_end().rsplit_once("plan digest: ").unwrap();
    assert!(unapproved.stdout.contains(
        "\n- bucket democluster-oidc\n    document      .well-known/openid-configuration\n    document      keys.json\n    document      \
         openid/v1/jwks\n    record        sts-airlock/record.json\n    calls         s3:DeleteObject, s3:DeleteBucket\n"
    ), "{}", unapproved.stdout);
    let says = format!(
        "error: the plan is not approved, and there is no terminal to ask on; nothing was changed\n  to delete exactly what this \
         plan names: --plan-digest {digest}\n  to delete whatever the plan names: --yes"
    );
    unapproved.clone().says(&says);
    let found = digest.to_owned();
    let wrong = "0".repeat(64);
    applied.run("delete", &["--plan-digest", &wrong]).exits(5).says(&format!(
        "error: plan digest mismatch: approved {wrong}, current {found}\n  the bundle or the account changed since: read the new \
         plan with `plan`, and approve that one"
    ));
    assert_eq!(applied.emulator.writes().len(), 0);
    applied.run("delete", &["--plan-digest", &found]).exits(0);
    applied.is_gone();
    Ok(())
}

/// On a terminal somebody types the cluster's name; "yes" is not enough.
#[test]
fn a_person_types_the_clusters_name() -> Test {
    let applied = Applied::new()?;
    let prompt = "Type the cluster's name, democluster, to delete its resources: ";
    let answered = |answer| {
        let program = applied.scene.applies(&applied.emulator, "delete", &applied.bundle, &[]);
        program.on_a_terminal(&[[prompt, answer]]).run()
    };
    for answer in ["yes", "democluster2", ""] {
        let declined = answered(answer).exits(1);
        let says = "error: the plan was declined; nothing was changed\r\n";
        assert!(declined.stdout.ends_with(says), "{}", declined.stdout);
    }
    assert_eq!(applied.emulator.writes().len(), 0);
    answered("democluster").exits(0);
    applied.is_gone();
    Ok(())
}

#[test]
fn an_expired_bundle_is_deleted_and_an_unsigned_one_is_not() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    scene.create_bundle(&["--serial", "2", "--created", "2020-01-01T00:00:00Z"]).run().exits(0);
    let expired = format!("out/{NAME}-2.tar.gz");
    scene.applies(&emulator, "apply", &expired, &["--yes"]).run().exits(5);
    let trust = |limits: Value| {
        let mut trust = json!({"roles": {"any": [scene.public_key("minisign.pub")]}});
        trust.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        scene.write("trust.json", trust.to_string());
        scene.applier(["delete", &expired, "--trust", "trust.json", "--yes"]).envs(emulator.environment()).run()
    };
    emulator.forget();
    trust(json!({"names": ["other-*"]})).exits(3).says(
        "error: the trust file does not allow this bundle: 1 problem(s)\n  name democluster matches none of other-*",
    );
    scene.signing_key("other");
    let other = scene.applier(["delete", &expired, "--trusted-key", "other/minisign.pub", "--yes"]);
    other.envs(emulator.environment()).run().exits(3);
    assert_eq!(emulator.requests().len(), 0, "AWS was not even asked");
    trust(json!({"maxAgeDays": 1, "minimumSerial": {NAME: 9}, "deniedActions": ["*"], "accounts": [ACCOUNT]})).exits(0);
    nothing_of_it_is_there(&emulator);
    Ok(())
}

#[test]
fn another_account_is_refused() -> Test {
    let applied = Applied::new()?;
    let program = applied.scene.applier(["delete", &applied.bundle, "--trusted-key", "minisign.pub", "--yes"]);
    let refused = program.envs(applied.emulator.environment_of("111111111111")).run().exits(5);
    assert!(
        refused.stderr.starts_with("error: the credentials belong to account 111111111111 ("),
        "{}",
        refused.stderr
    );
    assert_eq!(operations(&applied.emulator.writes()), Vec::<&str>::new());
    Ok(())
}

#[test]
fn what_others_put_there_stops_it() -> Test {
    let applied = Applied::new()?;
    for number in 0..12 {
        applied.call("s3", "put_object", json!({"Bucket": BUCKET, "Key": format!("notes-{number:02}"), "Body": "x"}));
    }
    applied.refuses(
        &["--prune", "--adopt"],
        "bucket democluster-oidc holds objects that are not the cluster's: notes-00, notes-01, notes-02, notes-03, notes-04, \
         notes-05, notes-06, notes-07, notes-08, notes-09, and 2 more\n  move or remove them, with all their versions, then run this \
         again",
    );
    applied.again();
    let profile = json!({"InstanceProfileName": "machines"});
    applied.call("iam", "create_instance_profile", profile);
    let member = json!({"InstanceProfileName": "machines", "RoleName": ROLES[0]});
    applied.call("iam", "add_role_to_instance_profile", member.clone());
    applied.refuses(
        &["--prune", "--adopt"],
        &format!(
            "role {} is in instance profiles, through which machines may be using it: machines\n  take it out with `aws iam \
             remove-role-from-instance-profile`, then run this again",
            ROLES[0]
        ),
    );
    applied.call("iam", "remove_role_from_instance_profile", member);

    let grant = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let inline = json!({"RoleName": ROLES[1], "PolicyName": "by-hand", "PolicyDocument": grant.to_string()});
    applied.call("iam", "put_role_policy", inline);
    applied.call("iam", "create_policy", json!({"PolicyName": "more", "PolicyDocument": grant.to_string()}));
    let arn = "arn:aws:iam::123456789012:policy/more";
    applied.call("iam", "attach_role_policy", json!({"RoleName": ROLES[1], "PolicyArn": arn}));
    applied.refuses(
        &["--adopt"],
        &format!(
            "role {} has policies that are not in the bundle: {arn}, by-hand\n  somebody may still need them: remove them, or delete \
             with --prune",
            ROLES[1]
        ),
    );
    let pruned = applied.run("delete", &["--yes", "--prune"]).exits(0);
    assert!(
        pruned.stdout.contains(" has policies that are not\n    in the bundle, and loses them: "),
        "{}",
        pruned.stdout
    );
    applied.is_gone();
    applied.call("iam", "get_policy", json!({"PolicyArn": arn}));
    Ok(())
}

/// A role of the right name that was made again by somebody is not the one that the record knows.
#[test]
fn a_role_that_is_not_ours_stops_it() -> Test {
    let applied = Applied::new()?;
    let name = ROLES[2];
    applied.call("iam", "delete_role_policy", json!({"RoleName": name, "PolicyName": name}));
    applied.call("iam", "delete_role", json!({"RoleName": name}));
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let made = |tags: Value| json!({"RoleName": name, "AssumeRolePolicyDocument": trust, "Tags": tags});
    applied.call("iam", "create_role", made(json!([])));
    let tag = "openshift.io/cloud-credential-operator/democluster";
    let untagged = format!(
        "role {name} carries no ownership tag of this cluster and is not in the record, so it is not deleted\n  if it is the \
         cluster's, restore the tag {tag}, then delete with --adopt; if not, leave it and delete the rest by hand"
    );
    applied.refuses(&[], &untagged);
    applied.refuses(&["--adopt"], &untagged);
    applied.call("iam", "delete_role", json!({"RoleName": name}));
    let live = applied.call("iam", "create_role", made(json!([{"Key": tag, "Value": "owned"}])));
    let id = live["Role"]["RoleId"].as_str().unwrap();
    let refused = applied.run("delete", &["--yes"]).exits(5).stderr;
    let says = format!(
        "error: role {name} carries the cluster's tag, but is not in the record of what was made here ({id}, made 2"
    );
    assert!(refused.starts_with(&says) && refused.contains("take it over with --adopt, or remove it"), "{refused}");
    assert_eq!(operations(&applied.emulator.writes()), Vec::<&str>::new());
    let shown = applied.run("delete", &["--yes", "--adopt"]).exits(0).stdout;
    assert!(shown.contains(" IS NOT IN THE RECORD\n    AND IS DELETED (--adopt)\n"), "{shown}");
    applied.is_gone();
    Ok(())
}

#[test]
fn an_older_bundle_is_no_reason_to_delete_what_a_newer_one_made() -> Test {
    let applied = Applied::new()?;
    applied.scene.create_bundle(&["--serial", "2"]).run().exits(0);
    let newer = format!("out/{NAME}-2.tar.gz");
    applied.scene.applies(&applied.emulator, "apply", &newer, &["--yes"]).run().exits(0);
    applied.emulator.forget();
    applied.refuses(
        &[],
        "bundle has serial 1, the account holds serial 2, which is newer and may have made more\n  delete with the newer bundle, \
         or make this one again with a --serial above 2",
    );
    Ok(())
}

/// Every version and every delete marker goes, the record's included.
#[test]
fn a_bucket_with_versions_is_emptied() -> Test {
    for status in ["Enabled", "Suspended"] {
        let applied = Applied::new()?;
        let versioning = |status| json!({"Bucket": BUCKET, "VersioningConfiguration": {"Status": status}});
        applied.call("s3", "put_bucket_versioning", versioning("Enabled"));
        applied.call("s3", "delete_object", json!({"Bucket": BUCKET, "Key": "keys.json"}));
        applied.run("apply", &["--yes"]).exits(0);
        applied.call("s3", "put_bucket_versioning", versioning(status));
        let deleted = applied.run("delete", &["--yes"]).exits(0);
        assert!(deleted.stdout.contains("\n    document      keys.json, 3 versions\n"), "{}", deleted.stdout);
        applied.is_gone();
        applied.run("delete", &["--yes"]).exits(0);
    }
    Ok(())
}

#[test]
fn object_lock_stops_it() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let place = json!({"LocationConstraint": "us-east-2"});
    let locked = json!({"Bucket": BUCKET, "CreateBucketConfiguration": place, "ObjectLockEnabledForBucket": true});
    emulator.call("s3", "create_bucket", locked);
    let tag = json!({"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "owned"});
    emulator.call("s3", "put_bucket_tagging", json!({"Bucket": BUCKET, "Tagging": {"TagSet": [tag]}}));
    scene.applies(&emulator, "apply", &bundle, &["--yes", "--adopt"]).run().exits(0);
    emulator.forget();
    scene.applies(&emulator, "delete", &bundle, &["--yes"]).run().exits(5).says(
        "error: bucket democluster-oidc has object lock on: S3 keeps versions until their retention ends\n  when it has ended, remove \
         what the bucket holds, with all versions and the record last, then run this again",
    );
    assert_eq!(operations(&emulator.writes()), Vec::<&str>::new());
    Ok(())
}

/// Where the bucket is gone, the receipt of the last apply says which roles are the cluster's.
#[test]
fn the_last_receipt_stands_in_for_the_record() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "applied.json"]).run().exits(0);
    for key in [".well-known/openid-configuration", "keys.json", "openid/v1/jwks", RECORD] {
        emulator.call("s3", "delete_object", json!({"Bucket": BUCKET, "Key": key}));
    }
    emulator.call("s3", "delete_bucket", json!({"Bucket": BUCKET}));
    emulator.forget();
    let refused = scene.applies(&emulator, "delete", &bundle, &["--yes"]).run().exits(5).stderr;
    assert!(
        refused.starts_with("error: the account refuses the bundle for 6 reasons; nothing was changed\n"),
        "{refused}"
    );
    assert_eq!(operations(&emulator.writes()), Vec::<&str>::new());
    let vouched = ["--yes", "--previous-receipt", "applied.json"];
    scene.applies(&emulator, "delete", &bundle, &vouched).run().exits(0);
    nothing_of_it_is_there(&emulator);
    Ok(())
}

/// What an apply made that was cut off is deleted too.
#[test]
fn an_apply_that_was_cut_off_is_deleted() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    for skip in [1, 4, 8, 11, 14] {
        emulator.reset();
        emulator.spoil(Which::Writes, skip, 1, Effect::StallAfter);
        let mut child = scene.applies(&emulator, "apply", &bundle, &["--yes", "--concurrency", "1"]).spawn();
        assert!(emulator.stalled(20_000) > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        emulator.forget();
        scene.applies(&emulator, "delete", &bundle, &["--yes", "--take-over-after", "0"]).run().exits(0);
        nothing_of_it_is_there(&emulator);
    }
    Ok(())
}

/// A deletion that was cut off is no reason not to make everything again.
#[test]
fn a_deletion_that_was_cut_off_can_be_undone() -> Test {
    let applied = Applied::new()?;
    applied.emulator.spoil(Which::Writes, 4, 1, Effect::StallAfter);
    let program = applied.scene.applies(&applied.emulator, "delete", &applied.bundle, &["--yes", "--concurrency", "1"]);
    let mut child = program.spawn();
    assert!(applied.emulator.stalled(20_000) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    applied.emulator.forget();
    let plan = applied.scene.applies(&applied.emulator, "plan", &applied.bundle, &[]).run().exits(0).stdout;
    let plan = plan.replace("\n          ", " ").replace("\n    ", " ");
    assert!(plan.contains("\nHolds     serial 1, being deleted, 2"), "{plan}");
    assert!(plan.contains("\n! a deletion of serial 1 by arn:aws:sts::123456789012:user/moto at 2"), "{plan}");
    assert!(plan.contains("Z did not end; some of the cluster may be gone\n"), "{plan}");
    applied.run("apply", &["--yes", "--take-over-after", "0"]).exits(0);
    applied.scene.applies(&applied.emulator, "plan", &applied.bundle, &["--detailed-exitcode"]).run().exits(0);
    Ok(())
}
