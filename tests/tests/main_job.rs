//! The main job, end to end: a bundle is made, verified, planned and applied, and then there is nothing left to do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::Emulator;
use tests::request::{Request, operations};
use tests::scene::{ACCOUNT, BUCKET, PROVIDER, ROLES, Scene};

type Test = Result<(), SetupError>;

/// The writing requests that apply a fresh bundle: the bucket and its settings, three objects, the record before and after,
/// the provider, and two a role.
const WRITES: usize = 9 + 2 * ROLES.len();

#[test]
fn from_requests_to_roles_and_then_nothing_to_do() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();

    let verified = scene.applier(["verify", &bundle, "--trusted-key", "minisign.pub"]).run().exits(0);
    assert!(verified.stdout.starts_with("Bundle    democluster serial 1\nSHA-256   "));
    let plan = scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(10);
    assert!(
        plan.stdout.contains(&format!("\nPlan: create 7 resources, update 0 resources ({WRITES} calls).\n")),
        "{}",
        plan.stdout
    );
    assert_eq!(emulator.writes().len(), 0, "planning writes nothing");

    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    assert_eq!(emulator.writes().len(), WRITES);
    emulator.forget();

    let plan = scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(0);
    assert!(plan.stdout.contains("\nNothing to do: the account holds what the bundle says.\n"), "{}", plan.stdout);
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    assert_eq!(emulator.writes().len(), 0, "the second apply writes nothing");
    Ok(())
}

#[test]
fn the_account_then_holds_exactly_the_bundle() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);

    let listed = emulator.call("iam", "list_roles", json!({}));
    let mut names: Vec<&str> =
        listed["Roles"].as_array().unwrap().iter().map(|role| role["RoleName"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ROLES);
    for role in ROLES {
        let document = scene.entry(&bundle, &format!("aws/roles/{role}.json"));
        let live = emulator.call("iam", "get_role", json!({"RoleName": role}));
        let trust: Value = serde_json::from_str(document["AssumeRolePolicyDocument"].as_str().unwrap()).unwrap();
        assert_eq!(live["Role"]["AssumeRolePolicyDocument"], trust);
        assert_eq!(live["Role"]["Description"], document["Description"]);
        assert_eq!(live["Role"]["Tags"], document["Tags"]);
        let document = scene.entry(&bundle, &format!("aws/role-policies/{role}.json"));
        let live = emulator.call("iam", "get_role_policy", json!({"RoleName": role, "PolicyName": role}));
        let policy: Value = serde_json::from_str(document["PolicyDocument"].as_str().unwrap()).unwrap();
        assert_eq!(live["PolicyDocument"], policy);
    }

    let provider = emulator.call("iam", "get_open_id_connect_provider", json!({"OpenIDConnectProviderArn": PROVIDER}));
    let document = scene.entry(&bundle, "aws/identity-provider.json");
    let mut tags = document["Tags"].as_array().unwrap().clone();
    tags.push(json!({"Key": "sts-airlock/bundle-sha256", "Value": scene.digest(&bundle)}));
    tags.push(json!({"Key": "sts-airlock/serial", "Value": "1"}));
    assert_eq!(provider["Tags"], json!(tags));
    assert_eq!(provider["ClientIDList"], json!(["openshift", "sts.amazonaws.com"]));
    for (key, entry) in [
        (".well-known/openid-configuration", "oidc/openid-configuration"),
        ("keys.json", "oidc/keys.json"),
        ("openid/v1/jwks", "oidc/keys.json"),
    ] {
        let object = emulator.call("s3", "get_object", json!({"Bucket": BUCKET, "Key": key}));
        assert_eq!(object["Body"].as_str().unwrap().as_bytes(), scene.entry_bytes(&bundle, entry), "{key}");
        assert_eq!(object["ContentType"], "application/json", "{key}");
        let tags = emulator.call("s3", "get_object_tagging", json!({"Bucket": BUCKET, "Key": key}));
        assert_eq!(tags["TagSet"], document["Tags"], "{key}");
    }
    Ok(())
}

/// Every write that must precede another has its answer before that other is sent.
#[test]
fn writes_wait_for_what_they_need_and_for_nothing_else() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.latency(100);
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    let writes = emulator.writes();
    assert_eq!(operations(&writes)[0], "CreateBucket");
    let is_record = |write: &&Request| write.parameter("Key") == "sts-airlock/record.json";
    let records: Vec<usize> =
        writes.iter().enumerate().filter(|(_, write)| is_record(write)).map(|(at, _)| at).collect();
    assert_eq!(records, [1, WRITES - 1], "the record is opened before everything else, and closed behind it");
    let writes: Vec<Request> = writes.into_iter().filter(|write| !is_record(&write)).collect();
    let of = |name: &str| writes.iter().filter(|write| write.operation == name).cloned().collect::<Vec<_>>();
    let order =
        ["CreateBucket", "PutPublicAccessBlock", "PutBucketPolicy", "CreateOpenIDConnectProvider", "CreateRole"];
    for (earlier, later) in order.iter().zip(&order[1..]) {
        assert!(last_end(&of(earlier)) <= first_begin(&of(later)), "{later} came before {earlier} was answered");
    }
    assert!(last_end(&of("PutObject")) <= first_begin(&of("CreateOpenIDConnectProvider")), "IAM may read the issuer");
    for role in ROLES {
        let of = |name| of(name).into_iter().find(|write: &Request| write.parameter("RoleName") == *role).unwrap();
        assert!(of("CreateRole").end.unwrap() <= of("PutRolePolicy").begin, "{role}");
    }
    // Independent writes are under way together: the last of them begins before the first ends.
    for name in ["PutObject", "CreateRole"] {
        let group = of(name);
        let last_begin = group.iter().map(|write| write.begin).fold(0.0, f64::max);
        let first_end = group.iter().map(|write| write.end.unwrap()).fold(f64::MAX, f64::min);
        assert!(last_begin < first_end, "{name} requests wait for each other");
    }
    Ok(())
}

fn last_end(requests: &[Request]) -> f64 {
    requests.iter().map(|request| request.end.unwrap()).fold(0.0, f64::max)
}

fn first_begin(requests: &[Request]) -> f64 {
    requests.iter().map(|request| request.begin).fold(f64::MAX, f64::min)
}

#[test]
fn concurrency_is_bounded() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    for concurrency in [1, 4] {
        emulator.reset();
        emulator.latency(20);
        let flags = ["--yes", "--concurrency", &concurrency.to_string()];
        scene.applies(&emulator, "apply", &bundle, &flags).run().exits(0);
        let requests = emulator.requests();
        let is_under_way = |one: &Request, at: f64| one.begin <= at && at < one.end.unwrap();
        let at_once = |at: f64| requests.iter().filter(|one| is_under_way(one, at)).count();
        let most = requests.iter().map(|one| at_once(one.begin)).max().unwrap();
        assert!(most <= concurrency, "{most} of at most {concurrency}");
    }
    Ok(())
}

/// A bucket of that name that somebody else made never receives our issuer: S3 compares the owner on every call.
#[test]
fn every_s3_request_names_the_buckets_owner() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    scene.applies(&emulator, "plan", &bundle, &[]).run().exits(0);
    let requests: Vec<Request> = emulator.requests().into_iter().filter(|request| request.service == "s3").collect();
    let (made, rest): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.operation == "CreateBucket");
    assert_eq!(made.len(), 1, "CreateBucket has no such header in the API");
    for request in rest {
        assert_eq!(request.header("x-amz-expected-bucket-owner"), ACCOUNT, "{}", request.summary());
        assert_eq!(request.region, "us-east-2", "{}", request.summary());
    }
    for put in requests.iter().filter(|request| request.operation == "PutObject") {
        assert_eq!(put.header("content-type"), "application/json");
        if put.parameter("Key") == "sts-airlock/record.json" {
            assert_ne!(put.header("if-none-match") == "*", put.header("if-match").starts_with('"'), "one condition");
            continue;
        }
        assert_eq!(put.header("if-none-match"), "*");
        let tags = "Name=democluster&openshift.io%2Fcloud-credential-operator%2Fdemocluster=owned";
        assert_eq!(put.header("x-amz-tagging"), tags);
    }
    Ok(())
}

#[test]
fn the_receipt_says_what_was_done() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let plan = scene.applies(&emulator, "plan", &bundle, &["--format", "json"]).run().exits(0).json();
    let applied = scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "receipt.json"]).run().exits(0);
    let ending = format!("Apply: {WRITES} done, 0 failed, 0 not reached. The receipt is receipt.json.\n");
    assert!(applied.stdout.ends_with(&ending), "{}", applied.stdout);

    let receipt = scene.receipt("receipt.json");
    assert_eq!(receipt["receiptVersion"], 1);
    assert_eq!(receipt["ending"], "done");
    assert_eq!(receipt["bundle"], plan["bundle"]);
    assert_eq!(receipt["planDigest"], plan["digest"]);
    assert_eq!(receipt["accountId"], ACCOUNT);
    assert_eq!(receipt["caller"], "arn:aws:sts::123456789012:user/moto");
    assert_eq!(receipt["signers"].as_array().unwrap().len(), 1);
    assert_eq!(receipt["signers"][0]["key"].as_str().unwrap(), scene.text("minisign.pub").lines().nth(1).unwrap());
    assert_eq!(receipt["approval"], json!({"by": "yes", "planDigest": plan["digest"]}));
    assert_eq!(
        (&receipt["issuerCheck"], &receipt["record"]["state"]),
        (&json!({"outcome": "done"}), &"applied".into())
    );
    let planned = plan["actions"].as_array().unwrap();
    let done = receipt["actions"].as_array().unwrap();
    assert_eq!((planned.len(), done.len()), (WRITES, WRITES));
    let writes = emulator.writes();
    for (planned, done) in planned.iter().zip(done) {
        let [id] = done["requestIds"].as_array().unwrap().as_slice() else { panic!("{done}") };
        let write = writes.iter().find(|write| write.id.as_deref() == id.as_str()).unwrap();
        assert!(
            done["call"].as_str().unwrap().ends_with(&write.operation.replace("PutPublic", "PutBucketPublic")),
            "{done}"
        );
        let expected = json!({
            "change": planned["change"], "call": planned["call"], "resource": planned["resource"], "outcome": "done",
            "began": done["began"], "ended": done["ended"], "attempts": 1, "requestIds": [id],
        });
        assert_eq!(*done, expected);
    }
    let ids: BTreeSet<&str> = done.iter().map(|action| action["requestIds"][0].as_str().unwrap()).collect();
    assert_eq!(ids.len(), WRITES);
    Ok(())
}

#[test]
fn a_receipt_is_written_beside_the_user_by_default() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    let names = scene.files(".");
    let receipts: Vec<&String> = names.iter().filter(|name| name.contains("receipt")).collect();
    assert_eq!(receipts.len(), 1, "{names:?}");
    assert!(receipts[0].starts_with("democluster-1.2") && receipts[0].ends_with("Z.receipt.json"), "{receipts:?}");
    Ok(())
}

#[test]
fn nothing_is_written_where_no_receipt_can_be() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let receipt = scene.path("missing/receipt.json");
    let applied =
        scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", &receipt.to_string_lossy()]).run().exits(1);
    applied.says(&format!(
        "error: receipt {} cannot be written\n  because: No such file or directory (os error 2)\n  give a place that can be \
         written to with --receipt FILE",
        receipt.display()
    ));
    assert_eq!(emulator.writes().len(), 0);
    Ok(())
}

#[test]
fn a_plan_is_approved_by_its_digest_and_no_other() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let plan = scene.applies(&emulator, "plan", &bundle, &["--format", "json"]).run().exits(0).json();
    let digest = plan["digest"].as_str().unwrap();

    let unapproved = scene.applies(&emulator, "apply", &bundle, &[]).run().exits(2);
    unapproved.says(&format!(
        "error: the plan is not approved, and there is no terminal to ask on; nothing was changed\n  to apply exactly this \
         plan: --plan-digest {digest}\n  to apply whatever the plan is: --yes"
    ));
    // Somebody makes a role between the plan and the apply: it is another plan now, and one that adopts.
    emulator.call(
        "iam",
        "create_role",
        json!({
            "RoleName": ROLES[0], "AssumeRolePolicyDocument": "{}",
            "Tags": [{"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "owned"}],
        }),
    );
    let other = scene
        .applies(&emulator, "apply", &bundle, &["--plan-digest", digest, "--adopt", "--allow-rollback"])
        .run()
        .exits(5);
    let found = scene
        .applies(&emulator, "plan", &bundle, &["--format", "json", "--adopt", "--allow-rollback"])
        .run()
        .exits(0)
        .json();
    other.says(&format!(
        "error: plan digest mismatch: approved {digest}, current {}\n  the bundle or the account changed since: read the new \
         plan with `plan`, and approve that one",
        found["digest"].as_str().unwrap()
    ));
    assert_eq!(emulator.writes().len(), 0);

    let approved = ["--plan-digest", found["digest"].as_str().unwrap(), "--adopt", "--allow-rollback"];
    scene.applies(&emulator, "apply", &bundle, &approved).run().exits(0);
    scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(0);
    Ok(())
}

/// On a terminal somebody is asked, and only "yes" is yes.
#[test]
fn a_person_is_asked_on_a_terminal() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let prompt = "Type \"yes\" to apply: ";
    let answered = |answer| scene.applies(&emulator, "apply", &bundle, &[]).on_a_terminal(&[[prompt, answer]]).run();
    for answer in ["no", "y", ""] {
        let declined = answered(answer).exits(1);
        assert!(
            declined.stdout.ends_with("error: the plan was declined; nothing was changed\r\n"),
            "{}",
            declined.stdout
        );
    }
    assert_eq!(emulator.writes().len(), 0);
    answered("yes").exits(0);
    assert_eq!(emulator.writes().len(), WRITES);
    Ok(())
}

/// What a program reads does not change from run to run.
#[test]
fn the_plan_is_stable() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let planned = || {
        let mut plan = scene.applies(&emulator, "plan", &bundle, &["--format", "json"]).run().exits(0).json();
        let time = plan.as_object_mut().unwrap().remove("time").unwrap();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        plan
    };
    let plan = planned();
    assert_eq!(plan, planned());
    let fields: BTreeSet<&str> = plan.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "accountId",
        "actions",
        "bundle",
        "caller",
        "choices",
        "clean",
        "create",
        "delete",
        "digest",
        "findings",
        "issuerUrl",
        "operation",
        "partition",
        "providerArn",
        "planVersion",
        "region",
        "signers",
        "update",
    ];
    assert_eq!(fields, BTreeSet::from(expected));
    assert_eq!(
        (&plan["create"], &plan["update"], &plan["accountId"]),
        (&json!(WRITES - 1), &json!(1), &json!(ACCOUNT))
    );
    assert_eq!(plan["caller"], "arn:aws:sts::123456789012:user/moto");
    assert_eq!(plan["issuerUrl"], "https://democluster-oidc.s3.us-east-2.amazonaws.com");
    assert_eq!((&plan["partition"], &plan["region"]), (&json!("aws"), &json!("us-east-2")));
    assert_eq!(plan["signers"][0]["key"], scene.public_key("minisign.pub"));
    Ok(())
}

/// A cluster of another name, in us-east-1 (which has no location constraint), beside the first.
#[test]
fn two_clusters_share_an_account() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let first = scene.bundle();
    scene.create_bundle(&["--name", "second", "--region", "us-east-1"]).run().exits(0);
    for bundle in [first.as_str(), "out/second-1.tar.gz"] {
        scene.applies(&emulator, "apply", bundle, &["--yes"]).run().exits(0);
    }
    for bundle in [first.as_str(), "out/second-1.tar.gz"] {
        scene.applies(&emulator, "plan", bundle, &["--detailed-exitcode"]).run().exits(0);
    }
    assert_eq!(emulator.call("iam", "list_roles", json!({}))["Roles"].as_array().unwrap().len(), 2 * ROLES.len());
    Ok(())
}

/// A change board reads the plan once: 80 columns, colours on a terminal that wants them, and no second time under its digest.
#[test]
fn the_plan_is_for_people() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let plan = scene.applies(&emulator, "plan", &bundle, &[]).run().exits(0).stdout;
    let long: Vec<&str> = plan.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.iter().all(|line| line.trim_start().split(' ').count() == 1), "{long:?}");
    assert!(!plan.contains('\u{1b}'), "a pipe gets no colours");
    let role = "+ role democluster-example-machines-machine-credentials\n    assumed by    example-machines/machines-controller\n    allows        ec2:";
    assert!(plan.contains(role), "{plan}");

    let on_terminal = |variable: &str| {
        let program = scene.applies(&emulator, "plan", &bundle, &[]).env("TERM", "xterm").env(variable, "1");
        program.on_a_terminal(&[]).run().exits(0).stdout
    };
    assert!(on_terminal("UNUSED").contains("\u{1b}[32m+ role "));
    assert!(!on_terminal("NO_COLOR").contains('\u{1b}'));

    let digest = plan.lines().find_map(|line| line.strip_prefix("plan digest: ")).unwrap();
    let applied = scene.applies(&emulator, "apply", &bundle, &["--plan-digest", digest]).run().exits(0).stdout;
    assert!(applied.starts_with("Bundle    democluster serial 1\n") && !applied.contains("+ role"), "{applied}");
    assert!(
        applied.contains("] done: iam:CreateRole role democluster-example-machines-machine-credentials\n"),
        "{applied}"
    );
    Ok(())
}
