//! What is refused, with which exit code and which sentence; and that the account saw no writing request, as a rule not
//! even a reading one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use serde_json::json;
use tests::SetupError;
use tests::emulator::Emulator;
use tests::program::Outcome;
use tests::scene::{BUCKET, PROVIDER, ROLES, Scene};

type Test = Result<(), SetupError>;

/// `apply --yes` ends with this code and says this, and nothing was written.
#[track_caller]
fn refuses(scene: &Scene, emulator: &Emulator, bundle: &str, code: i32, text: &str) {
    apply(scene, emulator, bundle).exits(code).says(text);
    assert_eq!(emulator.writes().len(), 0);
}

/// As [`refuses`], and AWS was not even asked.
#[track_caller]
fn refuses_offline(scene: &Scene, emulator: &Emulator, bundle: &str, code: i32, text: &str) {
    refuses(scene, emulator, bundle, code, text);
    assert_eq!(emulator.requests().len(), 0);
}

fn not_signed(scene: &Scene, role: &str, key: &str, found: &str) -> String {
    format!(
        "error: role \"{role}\" has not signed: none of its keys ({}) made {found}\n  to sign: \
         airlock-generator sign BUNDLE --signing-key KEY, or minisign -S -m BUNDLE -x BUNDLE.SIGNER.minisig",
        scene.public_key(key)
    )
}

fn apply(scene: &Scene, emulator: &Emulator, bundle: &str) -> Outcome {
    scene.applies(emulator, "apply", bundle, &["--yes"]).run()
}

#[test]
fn a_changed_byte() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let mut bytes = scene.read(&bundle);
    let last = bytes.len() - 1;
    for index in [0, last / 2, last] {
        bytes[index] ^= 1;
        scene.write(&bundle, &bytes);
        bytes[index] ^= 1;
        refuses_offline(
            &scene,
            &emulator,
            &bundle,
            3,
            &format!(
                "error: signature democluster-1.tar.gz.minisig claims the trusted key {} but does not match the bundle: the bundle, \
                 the comment or the signature was changed\n  get the bundle and its signatures again from where they were made, and \
                 compare the SHA-256",
                scene.public_key("minisign.pub")
            ),
        );
    }
    Ok(())
}

#[test]
fn a_key_that_did_not_sign() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.signing_key("other");
    std::fs::copy(scene.path("other/minisign.pub"), scene.path("minisign.pub")).unwrap();
    let found = "the only signature beside the bundle (democluster-1.tar.gz.minisig)";
    refuses_offline(&scene, &emulator, &bundle, 3, &not_signed(&scene, "trusted key 1", "minisign.pub", found));
    Ok(())
}

#[test]
fn no_signature() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    std::fs::remove_file(scene.path(&format!("{bundle}.minisig"))).unwrap();
    let text = format!(
        "error: role \"trusted key 1\" has not signed: there is no signature beside the bundle; one by its keys ({}) is \
         required\n  to sign: airlock-generator sign BUNDLE --signing-key KEY, or minisign -S -m BUNDLE -x \
         BUNDLE.SIGNER.minisig",
        scene.public_key("minisign.pub")
    );
    refuses_offline(&scene, &emulator, &bundle, 3, &text);
    Ok(())
}

#[test]
fn a_role_that_did_not_sign() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.signing_key("review");
    let key = |file| [scene.public_key(file)];
    let trust = json!({"roles": {"generator": key("minisign.pub"), "reviewer": key("review/minisign.pub")}});
    scene.write("trust.json", trust.to_string());
    let apply = || {
        let program = scene.applier(["apply", &bundle, "--trust", "trust.json", "--yes"]);
        program.envs(emulator.environment()).run()
    };
    let found = "the only signature beside the bundle (democluster-1.tar.gz.minisig)";
    apply().exits(3).says(&not_signed(&scene, "reviewer", "review/minisign.pub", found));
    assert_eq!(emulator.requests().len(), 0);
    scene.sign(&bundle, "review", &["--signer", "reviewer"]).run().exits(0);
    apply().exits(0);
    Ok(())
}

#[test]
fn an_expired_bundle() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    scene.create_bundle(&["--expires-in", "1"]).env("SOURCE_DATE_EPOCH", "1700000000").run().exits(0);
    let said = apply(&scene, &emulator, "out/democluster-1.tar.gz").exits(5).stderr;
    let (before, after) = said.split_once("it is now ").unwrap();
    assert_eq!(before, "error: the bundle expired at 2023-11-15T22:13:20Z; ");
    let advice = after.split_once('\n').unwrap().1;
    assert_eq!(advice, "  make it again, with a later --expires-in if need be, and have it signed\n");
    assert_eq!(emulator.requests().len(), 0);
    Ok(())
}

#[test]
fn another_accounts_credentials() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let environment = emulator.environment_of("111111111111");
    emulator.forget();
    let program = scene.applier(["apply", &bundle, "--trusted-key", "minisign.pub", "--yes"]).envs(environment);
    program.run().exits(5).says(
        "error: the credentials belong to account 111111111111 (arn:aws:sts::111111111111:assumed-role/tester/tester), the \
         bundle is for account 123456789012 (aws)\n  use credentials of account 123456789012, for example with AWS_PROFILE",
    );
    let requests = emulator.requests();
    assert_eq!(requests.len(), 1, "nothing is read of another account but who it is");
    assert_eq!(requests[0].operation, "GetCallerIdentity");
    Ok(())
}

#[test]
fn no_credentials() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let program = scene.applier(["apply", &bundle, "--trusted-key", "minisign.pub", "--yes"]);
    let program = program.env("AWS_ENDPOINT_URL", emulator.url()).env("AWS_EC2_METADATA_DISABLED", "true");
    program.run().exits(6).says(
        "error: the account cannot be read; nothing was changed\n  because: sts:GetCallerIdentity was not sent, because there \
         are no credentials: no credentials found in chain\n  give credentials: AWS_PROFILE (after `aws sso login`), or AWS_ACCESS_KEY_ID \
         and AWS_SECRET_ACCESS_KEY\n  a profile of `aws login`, or with mfa_serial, is for the AWS CLI alone: use credential_process, or \
         export what the CLI has: eval \"$(aws configure export-credentials --format env)\"",
    );
    assert_eq!(emulator.requests().len(), 0);
    Ok(())
}

#[test]
fn a_profile_of_the_cli_alone() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let login = "[profile console]\nlogin_session = arn:aws:iam::123456789012:user/alice\nregion = us-east-2\n";
    scene.write("aws-config", login);
    let program = scene.applier(["apply", &bundle, "--trusted-key", "minisign.pub", "--yes"]);
    let program = program.env("AWS_ENDPOINT_URL", emulator.url()).env("AWS_EC2_METADATA_DISABLED", "true");
    let program = program.env("AWS_CONFIG_FILE", scene.path("aws-config")).env("AWS_PROFILE", "console");
    program.run().exits(6).says(
        "error: the account cannot be read; nothing was changed\n  because: sts:GetCallerIdentity was not sent, because there \
         are no credentials: the profile is one of `aws login`\n  give credentials: AWS_PROFILE (after `aws sso login`), or \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n  a profile of `aws login`, or with mfa_serial, is for the AWS CLI alone: use \
         credential_process, or export what the CLI has: eval \"$(aws configure export-credentials --format env)\"",
    );
    assert_eq!(emulator.requests().len(), 0);
    Ok(())
}

#[test]
fn an_older_serial() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let older = scene.bundle();
    scene.create_bundle(&["--serial", "2"]).run().exits(0);
    apply(&scene, &emulator, "out/democluster-2.tar.gz").exits(0);
    emulator.forget();
    refuses(
        &scene,
        &emulator,
        &older,
        5,
        "error: bundle has serial 1, the account holds serial 2, which is newer\n  apply the newer bundle, or make this one \
         again with a --serial above 2; to go back all the same: --allow-rollback",
    );
    Ok(())
}

#[test]
fn other_content_under_the_same_serial() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    apply(&scene, &emulator, &bundle).exits(0);
    emulator.forget();
    let first = scene.digest(&bundle);
    scene.create_bundle(&["--tag", "team=payments", "--output-dir", "again"]).run().exits(0);
    let second = scene.digest("again/democluster-1.tar.gz");
    refuses(
        &scene,
        &emulator,
        "again/democluster-1.tar.gz",
        5,
        &format!(
            "error: bundle has serial 1 and SHA-256 {second}, the account holds serial 1 with SHA-256 {first}\n  make the \
             bundle again with a --serial above 1"
        ),
    );
    Ok(())
}

#[test]
fn a_bucket_of_another_account() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.call_as("111111111111", "s3", "create_bucket", json!({"Bucket": BUCKET}));
    refuses(
        &scene,
        &emulator,
        &bundle,
        5,
        "error: bucket democluster-oidc exists and S3 does not show it to these credentials: it is another account's, or \
         s3:ListBucket is not allowed\n  make the bundle with another --name, or allow s3:ListBucket",
    );
    Ok(())
}

#[test]
fn a_bucket_in_another_region() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let place = json!({"LocationConstraint": "eu-west-1"});
    emulator.call("s3", "create_bucket", json!({"Bucket": BUCKET, "CreateBucketConfiguration": place}));
    refuses(
        &scene,
        &emulator,
        &bundle,
        5,
        "error: bucket democluster-oidc is in region eu-west-1, the bundle is for us-east-2\n  make the bundle with --region \
         eu-west-1, or remove the bucket if it is not in use",
    );
    Ok(())
}

#[test]
fn resources_that_are_not_this_clusters() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let place = json!({"LocationConstraint": "us-east-2"});
    emulator.call("s3", "create_bucket", json!({"Bucket": BUCKET, "CreateBucketConfiguration": place}));
    emulator.call("s3", "put_object", json!({"Bucket": BUCKET, "Key": "holiday.jpg", "Body": "x"}));
    let tags = json!([{"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "shared"}]);
    emulator.call(
        "iam",
        "create_open_id_connect_provider",
        json!({
            "Url": "https://democluster-oidc.s3.us-east-2.amazonaws.com", "ClientIDList": ["x"], "Tags": tags,
        }),
    );
    emulator.call("iam", "create_role", json!({"RoleName": ROLES[0], "AssumeRolePolicyDocument": "{}"}));
    emulator.call(
        "iam",
        "create_role",
        json!({
            "RoleName": ROLES[1], "AssumeRolePolicyDocument": "{}", "Path": "/elsewhere/",
            "Tags": [{"Key": "openshift.io/cloud-credential-operator/democluster", "Value": "owned"}],
        }),
    );
    let tag = "openshift.io/cloud-credential-operator/democluster";
    let advice = "if it is the cluster's, restore the tag, or look at it and take it over with --adopt; if not, make the bundle with \
                  another --name";
    refuses(
        &scene,
        &emulator,
        &bundle,
        5,
        &[
            "error: the account refuses the bundle for 4 reasons; nothing was changed".to_owned(),
            format!("- bucket {BUCKET} exists and is not this cluster's: its tag {tag} is missing, not owned\n  {advice}"),
            format!("- identity provider {PROVIDER} exists and is not this cluster's: its tag {tag} is \"shared\", not owned\n  {advice}"),
            format!("- role {} exists and is not this cluster's: its tag {tag} is missing, not owned\n  {advice}", ROLES[0]),
            format!(
                "- role {} has path /elsewhere/, the bundle has /; IAM cannot move a role\n  make the bundle with --role-path \
                 /elsewhere/, or remove the role if it is not in use",
                ROLES[1]
            ),
        ]
        .join("\n"),
    );
    Ok(())
}

/// `plan` refuses what `apply` refuses: nobody approves a plan that cannot be carried out.
#[test]
fn a_plan_is_refused_as_an_apply_is() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.call("iam", "create_role", json!({"RoleName": ROLES[0], "AssumeRolePolicyDocument": "{}"}));
    let planned = scene.applies(&emulator, "plan", &bundle, &[]).run().exits(5);
    planned.says(apply(&scene, &emulator, &bundle).exits(5).stderr.trim_end());
    Ok(())
}

#[test]
fn trust_that_cannot_be_read() -> Test {
    let scene = Scene::with_key()?;
    let bundle = scene.bundle();
    let verify = |flag: &str, value: &str| scene.applier(["verify", &bundle, flag, value]).run();
    verify("--trusted-key", "missing.pub").exits(2).says(
        "error: trusted key missing.pub is neither an existing file nor a minisign public key\n  give a minisign.pub file, or \
         its second line (56 characters that begin with RWQ or similar)",
    );
    verify("--trusted-key", "minisign.key").exits(3).says(
        "error: trusted key of minisign.key is refused\n  because: this is a minisign secret key, not a public one\n  give the .pub \
         file, and consider whether the secret key is still secret",
    );
    verify("--trust", "missing.json").exits(2).says(
        "error: the trust file cannot be read\n  because: missing.json cannot be read\n  because: No such file or directory (os error 2)",
    );
    scene.write("trust.json", "{\"roles\": {}}");
    verify("--trust", "trust.json").exits(3).says(
        "error: trusted keys are refused\n  because: no key is trusted\n  name at least one role with one key, or give \
         --trusted-key",
    );
    scene.write("trust.json", "{\"roles\": {\"a\": []}}");
    verify("--trust", "trust.json").exits(3).says("error: trusted keys are refused\n  because: role \"a\" has no key");
    scene.applier(["verify", &bundle]).run().exits(2);
    Ok(())
}

/// What people deny first is granted by every release: an exception spares the one role that needs it, and nothing more.
#[test]
fn an_exception_spares_one_role() -> Test {
    let scene = Scene::with_key()?;
    let bundle = scene.bundle();
    let verify = |more: serde_json::Value| {
        let mut trust =
            json!({"roles": {"generator": [scene.public_key("minisign.pub")]}, "deniedActions": ["iam:PassRole"]});
        trust.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scene.write("trust.json", trust.to_string());
        scene.applier(["verify", &bundle, "--trust", "trust.json"]).run()
    };
    let refused = format!(
        "error: the trust file does not allow this bundle: 1 problem(s)\n  role {} grants iam:PassRole, and iam:PassRole is denied",
        ROLES[3]
    );
    verify(json!({})).exits(3).says(&refused);
    let exception = |role: &str| json!({"exceptions": [{"role": role, "actions": ["iam:PassRole"]}]});
    let spared = verify(exception("*-example-machines-*")).exits(0).stdout;
    assert!(!spared.contains("Unused"), "{spared}");
    verify(exception("*-example-other-*")).exits(3).says(&refused);
    let both = json!({"exceptions": [
        {"role": "*-machines-*", "actions": ["iam:Pass*"]}, {"role": "other", "actions": ["ec2:*"]},
    ]});
    let unused = verify(both).exits(0).stdout;
    assert!(unused.contains("\nUnused    the trust file's exception for other (ec2:*)\n"), "{unused}");

    verify(json!({"deniedActions": [], "minimumSerial": {"democluster": 2}})).exits(3).says(
        "error: the trust file does not allow this bundle: 1 problem(s)\n  serial of democluster is 1; at least 2 is required",
    );
    verify(json!({"deniedActions": [], "minimumSerial": {"other": 2}})).exits(0);
    Ok(())
}

/// A bucket with ABAC refuses to have its tags replaced: said before anything is written.
#[test]
fn a_bucket_whose_tags_cannot_be_replaced() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let first = scene.bundle();
    apply(&scene, &emulator, &first).exits(0);
    scene.create_bundle(&["--serial", "2"]).run().exits(0);
    emulator.abac(true);
    scene.applies(&emulator, "plan", &first, &["--detailed-exitcode"]).run().exits(0);
    emulator.forget();
    refuses(
        &scene,
        &emulator,
        "out/democluster-2.tar.gz",
        5,
        &format!(
            "error: bucket democluster-oidc has ABAC on, with which S3 refuses to replace its tags; tags to set: \
             sts-airlock/bundle-sha256={}, sts-airlock/serial=2\n  set them with `aws s3control tag-resource`, or turn ABAC off \
             for this bucket",
            scene.digest("out/democluster-2.tar.gz")
        ),
    );
    Ok(())
}

/// An approval is for the plan that was shown: what happens while somebody thinks is looked at before anything is written.
#[test]
fn an_approval_is_for_now() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let older = scene.bundle();
    scene.create_bundle(&["--serial", "2"]).run().exits(0);
    let applier = tests::binaries::binaries()?.applier.to_string_lossy().into_owned();
    let newer = format!(
        "{applier} apply out/democluster-2.tar.gz --trusted-key minisign.pub --yes --receipt newer.json > newer.log 2>&1"
    );
    let waiting = scene.applies(&emulator, "apply", &older, &["--receipt", "older.json"]);
    let refused = waiting.on_a_terminal_meanwhile("Type \"yes\" to apply: ", "yes", &newer).run().exits(5).stdout;
    let error = "error: bundle has serial 1, the account holds serial 2, which is newer\r\n";
    assert!(refused.contains(error), "{refused}");
    assert!(!scene.path("older.json").exists());
    scene.applies(&emulator, "plan", "out/democluster-2.tar.gz", &["--detailed-exitcode"]).run().exits(0);

    // Drift while somebody thinks makes another plan.
    let name = ROLES[0];
    emulator.call("iam", "update_role", json!({"RoleName": name, "Description": "mine", "MaxSessionDuration": 3600}));
    let other = format!(
        "python3 - <<'EOF'\nimport json, urllib.request\ncall = {{'service': 'iam', 'operation': 'delete_role_policy', 'parameters': \
         {{'RoleName': '{name}', 'PolicyName': '{name}'}}}}\nurllib.request.urlopen('{}/__airlock/call', \
         json.dumps(call).encode())\nEOF",
        emulator.url()
    );
    let waiting = scene.applies(&emulator, "apply", "out/democluster-2.tar.gz", &["--receipt", "other.json"]);
    let refused = waiting.on_a_terminal_meanwhile("Type \"yes\" to apply: ", "yes", &other).run().exits(5).stdout;
    assert!(refused.contains("error: plan digest mismatch: approved\r\n    "), "{refused}");
    assert_eq!(emulator.call("iam", "get_role", json!({"RoleName": name}))["Role"]["Description"], "mine");
    Ok(())
}
