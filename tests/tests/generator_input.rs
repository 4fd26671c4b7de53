//! What `airlock-generator` reads and what it refuses: requests, settings, arguments, and the words for what is wrong.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tests::SetupError;
use tests::program::Outcome;
use tests::scene::{GCP, PREVIEW, ROLES, Scene};

type Test = Result<(), SetupError>;

/// A request with a namespace, a Secret and service accounts in flow style, such as `[a, b]`.
fn request(namespace: &str, secret: &str, accounts: &str) -> String {
    format!(
        "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata:\n  name: {secret}-request\n  namespace: \
         openshift-cloud-credential-operator\nspec:\n  serviceAccountNames: {accounts}\n  secretRef: {{namespace: {namespace}, \
         name: {secret}}}\n  providerSpec:\n    apiVersion: cloudcredential.openshift.io/v1\n    kind: AWSProviderSpec\n    \
         statementEntries:\n    - effect: Allow\n      action: [ec2:DescribeInstances]\n      resource: \"*\"\n"
    )
}

/// `create-bundle` of the requests in `requests/`.
fn of_requests(scene: &Scene, more: &[&str]) -> Outcome {
    let more = [&["--credentials-requests-dir", "requests"], more].concat();
    scene.create_bundle(&more).run()
}

#[test]
fn a_name_that_would_be_used_twice_is_refused() -> Test {
    let scene = Scene::with_key()?;
    let long = "component-with-a-long-name-that-has-an-ending-like";
    scene.write("requests/a.yaml", request("example", &format!("{long}-this"), "[a]"));
    scene.write("requests/b.yaml", request("example", &format!("{long}-that"), "[b]"));
    of_requests(&scene, &[]).exits(4).says(&format!(
        "error: requests {long}-this-request (a.yaml, document 1) and {long}-that-request (b.yaml, document 1) would both have the \
         role democluster-example-component-with-a-long-name-that-has-an-endin (names are compared without regard to case)\n  \
         give --role-names hashed, which ends names that are too long in a hash, or a shorter --name"
    ));
    of_requests(&scene, &["--role-names", "hashed"]).exits(0);
    let index = scene.entry("out/democluster-1.tar.gz", "bundle.json");
    let roles: Vec<&str> = index["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["roleName"].as_str().unwrap())
        .collect();
    // The ending is the start of the SHA-256 of the whole name.
    assert_eq!(
        roles,
        [
            "democluster-example-component-with-a-long-name-that-has-410b4c6c",
            "democluster-example-component-with-a-long-name-that-has-e4404bcd",
        ]
    );
    Ok(())
}

#[test]
fn a_request_without_service_accounts_is_refused_unless_they_are_given() -> Test {
    let scene = Scene::with_key()?;
    scene.write("requests/old.yaml", request("example", "old", "[\"\"]"));
    of_requests(&scene, &[]).exits(4).says(
        "error: request old-request (old.yaml, document 1) has no service account, so nothing could use its role\n  name its \
         service accounts: --service-accounts example/old=NAME,NAME",
    );
    of_requests(&scene, &["--service-accounts", "example/old=one,two"]).exits(0);
    let role = scene.entry("out/democluster-1.tar.gz", "aws/roles/democluster-example-old.json");
    let trust: Value = serde_json::from_str(role["AssumeRolePolicyDocument"].as_str().unwrap()).unwrap();
    let subjects =
        &trust["Statement"][0]["Condition"]["StringEquals"]["democluster-oidc.s3.us-east-2.amazonaws.com:sub"];
    assert_eq!(*subjects, json!(["system:serviceaccount:example:one", "system:serviceaccount:example:two"]));
    Ok(())
}

/// Wrong input names the file, the document and the field, all of it at once.
#[test]
fn wrong_requests_are_named() -> Test {
    let scene = Scene::with_key()?;
    let good = request("example", "good", "[a]");
    scene.write("requests/1-effect.yaml", good.replace("Allow", "Maybe"));
    scene.write("requests/2-action.yaml", format!("{good}---\n{}", good.replace("ec2:DescribeInstances", "ec2")));
    scene.write("requests/3-field.yaml", good.replace("      resource:", "      ressource:"));
    scene.write("requests/4-alias.yaml", good.replace("[a]", "&a [a]"));
    scene.write("requests/5-twice.yaml", format!("{good}kind: CredentialsRequest\n"));
    scene.write("requests/6-secret.yaml", good.replace("name: good}", "name: no}"));
    scene.write("requests/7-syntax.yaml", "a: [\n");
    of_requests(&scene, &[]).exits(4).says(
        "error: invalid CredentialsRequests: 7 problems\n\
         - 1-effect.yaml, document 1: spec.providerSpec.statementEntries[0].effect (line 13): it is neither Allow nor Deny\n\
         - 2-action.yaml, document 2: spec.providerSpec.statementEntries[0].action[0] (line 30): invalid action \"ec2\": must be *, \
         or service:Action with letters, digits, -, and the wildcards * and ?\n\
         - 3-field.yaml, document 1: spec.providerSpec.statementEntries[0] (line 15) has the unknown field \"ressource\"; known \
         are action, effect, policyCondition, resource\n\
         - 4-alias.yaml, line 7, column 27: anchors (&name) are not read\n  write the value where it is used\n\
         - 5-twice.yaml, line 16, column 1: key \"kind\" occurs twice\n\
         - 6-secret.yaml, document 1: spec.secretRef.name (line 8) is no, which is read differently by different readers of \
         YAML, not text\n  quote it: \"no\"\n\
         - 7-syntax.yaml, line 1, column 4: unclosed bracket '['",
    );
    Ok(())
}

#[test]
fn a_folder_without_requests_is_refused() -> Test {
    let scene = Scene::with_key()?;
    let missing = "error: requests cannot be read\n  because: No such file or directory (os error 2)";
    of_requests(&scene, &[]).exits(1).says(missing);
    let empty = |skipped: u8, left_out: u8| {
        format!(
            "error: requests holds no CredentialsRequest for AWS (skipped: {skipped} documents, left out: {left_out} files)\n  fill \
             it with: oc adm release extract --credentials-requests --cloud=aws --to=DIR RELEASE"
        )
    };
    std::fs::create_dir(scene.path("requests")).unwrap();
    of_requests(&scene, &[]).exits(4).says(&empty(0, 0));
    scene
        .write("requests/other.yaml", request("example", "other", "[a]").replace("AWSProviderSpec", "GCPProviderSpec"));
    scene.write("requests/kubeconfig.yaml", "apiVersion: v1\nkind: Config\n");
    of_requests(&scene, &[]).exits(4).says(&empty(1, 1));
    Ok(())
}

#[test]
fn arguments_are_checked() -> Test {
    let scene = Scene::with_key()?;
    for (flag, value, text) in [
        ("--name", "Prod", "invalid name \"Prod\": must consist of a-z, 0-9 and -, as a bucket's name is\n"),
        ("--name", "xn--a", "S3 reserves bucket names that begin with xn--, sthree- and amzn-s3-demo-\n"),
        ("--account-id", "12345", "invalid account ID \"12345\": must be exactly 12 digits\n"),
        ("--region", "us east", "must look like us-east-2: lower-case words and a number, joined by -\n"),
        ("--role-path", "no-slash", "invalid role path \"no-slash\": must begin and end with /\n"),
        (
            "--permissions-boundary-arn",
            "arn:aws:iam::111111111111:policy/edge",
            "it must be a policy of account 123456789012 (or aws) in partition aws\n",
        ),
        ("--tag", "Name=mine", "tag Name is given twice, or is one of those that mark the cluster's resources"),
        ("--audience", "", "invalid audience \"\": must have 1 to 255 characters\n"),
        ("--thumbprint", "abc", "invalid thumbprint \"abc\": must be exactly 40 hexadecimal digits\n"),
        ("--expires-in", "0", "0 is not in 1..=400\n"),
        ("--serial", "0", "0 is not in 1.."),
        ("--service-accounts", "example", "must have the form NAMESPACE/SECRET=ACCOUNT,ACCOUNT\n"),
        (
            "--signing-key",
            "minisign.pub",
            "the signing key is a public key\n  give the secret one: minisign.key, not minisign.pub\n",
        ),
        ("--public-key-file", "minisign.pub", "the public key is not one PEM block with the header PUBLIC KEY\n"),
    ] {
        let refused = scene.create_bundle(&[flag, value]).run().exits(2);
        assert!(refused.stderr.contains(text), "{flag} {value}: {}", refused.stderr);
        assert!(!scene.path("out").exists(), "{flag} {value}: nothing is written");
    }
    Ok(())
}

/// Every partition's issuer and ARNs, and an unknown region refused with what to pass.
#[test]
fn partitions_have_their_own_names() -> Test {
    let scene = Scene::with_key()?;
    for (region, partition, suffix) in [
        ("us-east-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ] {
        scene.create_bundle(&["--region", region, "--output-dir", region]).run().exits(0);
        let bundle = format!("{region}/democluster-1.tar.gz");
        let index = scene.entry(&bundle, "bundle.json");
        let host = format!("democluster-oidc.s3.{region}.{suffix}");
        assert_eq!((&index["partition"], &index["issuerUrl"]), (&json!(partition), &json!(format!("https://{host}"))));
        let role = scene.entry(&bundle, &format!("aws/roles/{}.json", ROLES[0]));
        let trust: Value = serde_json::from_str(role["AssumeRolePolicyDocument"].as_str().unwrap()).unwrap();
        let provider = format!("arn:{partition}:iam::123456789012:oidc-provider/{host}");
        assert_eq!(trust["Statement"][0]["Principal"]["Federated"], provider);
        let bucket = scene.entry(&bundle, "aws/bucket.json");
        assert_eq!(bucket.get("CreateBucketConfiguration").is_none(), region == "us-east-1");
        scene.applier(["verify", &bundle, "--trusted-key", "minisign.pub"]).run().exits(0);
    }
    scene.create_bundle(&["--region", "mars-north-1"]).run().exits(2).says(
        "error: region mars-north-1 is not known\n  did you mean cn-north-1? For another region, say where it is: --partition \
         and --dns-suffix, such as aws-us-gov and amazonaws.com",
    );
    let place = ["--region", "mars-north-1", "--partition", "aws-mars", "--dns-suffix", "aws.mars.example"];
    scene.create_bundle(&place).run().exits(0);
    scene.applier(["verify", "out/democluster-1.tar.gz", "--trusted-key", "minisign.pub"]).run().exits(0);
    Ok(())
}

/// Settings from a file; what the command line says wins.
#[test]
fn a_settings_file_holds_what_the_command_line_holds() -> Test {
    let scene = Scene::with_key()?;
    let arguments = scene.bundle_arguments();
    let line = |[flag, value]: &[String; 2]| format!("{}: \"{value}\"\n", flag.trim_start_matches('-'));
    let settings: String = arguments.as_chunks().0.iter().map(line).collect();
    scene.write("settings.yaml", settings);
    let create = |more: &[&str]| {
        let program = scene.generator(["create-bundle", "--no-password", "--config", "settings.yaml"]);
        program.args(more).env("SOURCE_DATE_EPOCH", "1790000000").run()
    };
    create(&[]).exits(0);
    scene.create_bundle(&["--output-dir", "flags"]).env("SOURCE_DATE_EPOCH", "1790000000").run().exits(0);
    assert_eq!(scene.digest("out/democluster-1.tar.gz"), scene.digest("flags/democluster-1.tar.gz"));
    create(&["--name", "other"]).exits(0);
    assert_eq!(scene.entry("out/other-1.tar.gz", "bundle.json")["name"], "other");
    scene.write("settings.yaml", "nmae: x\n");
    let refused = create(&[]).exits(2).stderr;
    let text = "error: settings.yaml: the document (line 1) has the unknown field \"nmae\"; known are name, region, account-id, ";
    assert!(refused.starts_with(text), "{refused}");
    Ok(())
}

#[test]
fn conditions_are_kept_as_iam_needs_them() -> Test {
    let scene = Scene::with_key()?;
    let bundle = scene.bundle();
    let policy = scene.entry(&bundle, &format!("aws/role-policies/{}.json", ROLES[0]));
    let policy: Value = serde_json::from_str(policy["PolicyDocument"].as_str().unwrap()).unwrap();
    let expected = json!({
        "Bool": {"kms:GrantIsForAWSResource": true},
        "StringEquals": {"aws:ResourceTag/purpose": ["volumes", "snapshots"]},
    });
    assert_eq!(policy["Statement"][1]["Condition"], expected);
    let secret = scene.entry_bytes(&bundle, "manifests/example-block-storage-volume-credentials-credentials.yaml");
    let line = "    web_identity_token_file = /var/run/secrets/example/token\n";
    assert!(String::from_utf8(secret).unwrap().contains(line), "cloudTokenPath is honoured");
    Ok(())
}

#[test]
fn features_decide_what_is_skipped() -> Test {
    let scene = Scene::with_key()?;
    let skipped = |folder: &str, more: &[&str]| {
        scene.create_bundle(&[&["--output-dir", folder], more].concat()).run().exits(0);
        scene.skipped(&format!("{folder}/democluster-1.tar.gz"))
    };
    assert_eq!(skipped("plain", &[]), [GCP, PREVIEW]);
    assert_eq!(skipped("preview", &["--enable-tech-preview"]), [GCP]);
    assert_eq!(skipped("development", &["--feature-set", "DevPreviewNoUpgrade"]), [GCP]);
    scene.write("install-config.yaml", "capabilities:\n  baselineCapabilitySet: None\n");
    let ingress = "02-front-door.yaml 1: the install-config leaves out the capability Ingress";
    assert_eq!(skipped("small", &["--install-config", "install-config.yaml"]), [ingress, GCP, PREVIEW]);
    Ok(())
}

#[test]
fn a_thousand_requests_make_a_bundle() -> Test {
    let scene = Scene::with_key()?;
    for number in 0..1000 {
        scene.write(&format!("requests/{number:04}.yaml"), request("example", &format!("secret-{number}"), "[a, b]"));
    }
    of_requests(&scene, &[]).exits(0);
    let bundle = "out/democluster-1.tar.gz";
    assert_eq!(scene.entry(bundle, "bundle.json")["components"].as_array().unwrap().len(), 1000);
    scene.applier(["verify", bundle, "--trusted-key", "minisign.pub"]).run().exits(0);
    Ok(())
}

#[test]
fn everything_that_is_missing_is_named_at_once() -> Test {
    let scene = Scene::with_key()?;
    scene.generator(["create-bundle", "--region", "us-east-2", "--output-dir", "out"]).run().exits(2).says(
        "error: --name, --account-id, --credentials-requests-dir and --signing-key are missing\n  give them, or write them into the \
         file of --config, such as \"name: ...\"",
    );
    let arguments = scene.bundle_arguments();
    let without_name = &arguments[2..];
    scene
        .generator(["create-bundle"])
        .args(without_name)
        .run()
        .exits(2)
        .says("error: --name is missing\n  give it, or write it into the file of --config, such as \"name: ...\"");
    Ok(())
}

#[test]
fn an_install_config_that_ignores_the_roles_is_a_warning() -> Test {
    let scene = Scene::with_key()?;
    let warned = |name: &str, text: &str| {
        scene.write("install-config.yaml", text);
        scene.create_bundle(&["--install-config", "install-config.yaml", "--output-dir", name]).run().exits(0).stderr
    };
    let warning = "warning: the install-config does not have \"credentialsMode: Manual\", without which the cluster ignores the \
                   roles of this bundle\n";
    assert!(warned("mint", "credentialsMode: Mint\n").contains(warning));
    assert!(warned("none", "apiVersion: v1\n").contains(warning));
    assert!(!warned("manual", "credentialsMode: Manual\n").contains("warning: the install-config"));
    Ok(())
}

#[test]
fn other_files_are_left_out() -> Test {
    let scene = Scene::with_key()?;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: aws-creds}\nstringData: {aws_access_key_id: x}\n";
    scene.write("requests/1.yaml", request("example", "one", "[a]"));
    scene.write("requests/2-secret.yaml", secret);
    scene.write("requests/3-kubeconfig.yml", "apiVersion: v1\nkind: Config\n");
    scene.write("requests/4.txt", "");
    scene.write("requests/.5.yaml", "");
    scene.write("requests/6.yaml/7.yaml", "");
    let created = of_requests(&scene, &["--format", "json"]).exits(0).json();
    let left_out = |file: &str, reason: &str| json!({"file": file, "reason": reason});
    assert_eq!(
        created["leftOut"],
        json!([
            left_out(".5.yaml", "its name begins with a dot"),
            left_out("2-secret.yaml", "it holds no CredentialsRequest"),
            left_out("3-kubeconfig.yml", "it holds no CredentialsRequest"),
            left_out("4.txt", "its name does not end in .yaml, .yml or .json"),
            left_out("6.yaml", "it is a directory"),
        ])
    );
    let entries = scene.entries("out/democluster-1.tar.gz");
    let requests: Vec<_> = entries.iter().filter(|entry| entry.starts_with("credentials-requests/")).collect();
    assert_eq!(requests, ["credentials-requests/1.yaml"]);
    scene.applier(["verify", "out/democluster-1.tar.gz", "--trusted-key", "minisign.pub"]).run().exits(0);

    let report = of_requests(&scene, &["--output-dir", "text"]).exits(0).stdout;
    assert!(report.contains("\nLeft out  2-secret.yaml (it holds no CredentialsRequest)\n"), "{report}");

    scene.write("requests/1.yaml", format!("{}---\n{secret}", request("example", "one", "[a]")));
    of_requests(&scene, &["--serial", "2"]).exits(4).says(
        "error: 1.yaml, document 2: the document (line 17): a Secret must not be in a bundle\n  remove this document from the file",
    );
    Ok(())
}

#[test]
fn links_stay_inside_the_directory() -> Test {
    let scene = Scene::with_key()?;
    scene.write("requests/..2026/a.yaml", request("example", "a", "[a]"));
    symlink("..2026", scene.path("requests/..data")).unwrap();
    symlink("..data/a.yaml", scene.path("requests/a.yaml")).unwrap();
    of_requests(&scene, &[]).exits(0);
    let entry = scene.entry_bytes("out/democluster-1.tar.gz", "credentials-requests/a.yaml");
    assert_eq!(entry, scene.read("requests/..2026/a.yaml"));

    let outside = scene.write("secret.yaml", request("example", "b", "[a]"));
    for target in ["../secret.yaml", outside.to_str().unwrap()] {
        symlink(target, scene.path("requests/b.yaml")).unwrap();
        let outside = outside.canonicalize().unwrap();
        of_requests(&scene, &["--serial", "2"]).exits(4).says(&format!(
            "error: file \"b.yaml\" is a link to {}, outside the directory of requests\n  replace the link by the file, if it \
             belongs there",
            outside.display()
        ));
        std::fs::remove_file(scene.path("requests/b.yaml")).unwrap();
    }
    Ok(())
}

#[test]
fn input_is_bounded() -> Test {
    let scene = Scene::with_key()?;
    let file = scene.write("requests/000.yaml", request("example", "a", "[a]") + &"#".repeat(1_000_000));
    let size = std::fs::metadata(&file).unwrap().len();
    for number in 1..600 {
        std::fs::hard_link(&file, scene.path(&format!("requests/{number:03}.yaml"))).unwrap();
    }
    of_requests(&scene, &[])
        .exits(4)
        .says(&format!("error: files of requests have {} bytes together; at most 16777216 are allowed", 600 * size));
    std::fs::remove_dir_all(scene.path("requests")).unwrap();
    let accounts = |count: usize| (0..count).map(|number| format!("a{number}")).collect::<Vec<_>>().join(",");
    scene.write("requests/a.yaml", request("example", "a", &format!("[{}]", accounts(94_000))));
    of_requests(&scene, &[]).exits(4).says(
        "error: a.yaml, document 1: spec.serviceAccountNames (line 7): 94000 service accounts; at most 300 are allowed",
    );
    let refused = of_requests(&scene, &["--service-accounts", &format!("example/a={}", accounts(301))]).exits(2).stderr;
    assert!(refused.contains(": at most 300 service accounts are allowed\n"), "{refused}");
    Ok(())
}

#[test]
fn two_clusters_do_not_share_a_key_by_accident() -> Test {
    let scene = Scene::with_key()?;
    scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "out"]).run().exits(0);
    let arguments = scene.bundle_arguments();
    let key = arguments.iter().position(|word| word == "--public-key-file").unwrap();
    let arguments = [&arguments[..key], &arguments[key + 2..]].concat();
    let create =
        |name: &str, more: &[&str]| scene.create_bundle_with(&arguments, &[&["--name", name], more].concat()).run();
    create("dev", &[]).exits(0);
    create("dev", &["--serial", "2"]).exits(0);
    create("prod", &[]).exits(2).says(
        "error: cluster prod would share the key in out/serviceaccount-signer.private with cluster dev (out/dev-2.tar.gz)\n  for a \
         key of its own: another --output-dir\n  to share the key: --public-key-file FILE, with FILE from: tar xzOf \
         out/dev-2.tar.gz serviceaccount-signer.public",
    );
    assert!(!scene.path("out/prod-1.tar.gz").exists());
    create("prod", &["--public-key-file", "out/serviceaccount-signer.public"]).exits(0);
    // A bundle of another key is no reason, and neither is a file that is no bundle.
    scene.create_bundle(&["--name", "third"]).run().exits(0);
    std::fs::remove_file(scene.path("out/prod-1.tar.gz")).unwrap();
    scene.write("out/junk-1.tar.gz", "junk");
    create("dev", &["--serial", "3"]).exits(0);
    Ok(())
}
