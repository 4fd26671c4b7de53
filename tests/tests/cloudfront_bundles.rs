//! `create-bundle` for private buckets behind CloudFront: the two bundles of the two-phase way, the one of the other, and what is
//! refused.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use serde_json::{Value, json};
use tests::SetupError;
use tests::forge::receipt::ENDPOINT;
use tests::program::Program;
use tests::scene::Scene;

type Test = Result<(), SetupError>;

const URL: &str = "https://oidc.example.com/prod";
const CERTIFICATE: &str = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
const IAM_CERTIFICATE: &str = "ASCACKCEVSQ6CEXAMPLE1";
const DOMAIN: &str = "d111111abcdef8.cloudfront.net";
const FIRST: &str = "out/democluster-1.tar.gz";
const SECOND: &str = "out/democluster-2.tar.gz";

/// `create-bundle` of an endpoint, with more arguments, which win.
fn create_endpoint(scene: &Scene, more: &[&str]) -> Program {
    let arguments: Vec<String> = [
        ["--name", "democluster"],
        ["--region", "us-east-2"],
        ["--account-id", "123456789012"],
        ["--signing-key", "minisign.key"],
        ["--output-dir", "out"],
    ]
    .as_flattened()
    .iter()
    .map(|word| (*word).to_owned())
    .collect();
    scene.create_bundle_with(&arguments, &[more, &["--create-private-s3-bucket"]].concat())
}

/// `create-bundle` of the cluster behind the distribution of `receipt.json`, of the sample requests.
fn create_cluster(scene: &Scene, more: &[&str]) -> Program {
    let requests = tests::crate_file("samples/credentials-requests");
    scene
        .generator([
            "create-bundle",
            "--no-password",
            "--endpoint-receipt",
            "receipt.json",
            "--receipt-key",
            "operator/minisign.pub",
        ])
        .args(["--signing-key", "minisign.key", "--output-dir", "out", "--credentials-requests-dir"])
        .arg(requests)
        .args(more)
}

/// A scene with the receipt of its endpoint's apply, which the operator has signed.
fn with_receipt() -> Result<Scene, SetupError> {
    let scene = Scene::with_key()?;
    scene.signing_key("operator");
    scene.write("receipt.json", ENDPOINT);
    scene.sign("receipt.json", "operator", &["--signer", "operator"]).run().exits(0);
    Ok(scene)
}

fn of_aws(scene: &Scene, bundle: &str) -> Vec<String> {
    let entries = scene.entries(bundle).into_iter();
    entries.filter(|entry| entry.starts_with("aws/") && !entry.starts_with("aws/role")).collect()
}

fn block(scene: &Scene, bundle: &str) -> Value {
    scene.entry(bundle, "aws/bucket-public-access-block.json")["PublicAccessBlockConfiguration"].clone()
}

fn config(scene: &Scene, bundle: &str) -> Value {
    let document = scene.entry(bundle, "aws/cloudfront-distribution.json");
    document["DistributionConfigWithTags"]["DistributionConfig"].clone()
}

fn policy(scene: &Scene, bundle: &str) -> Value {
    let document = scene.entry(bundle, "aws/bucket-policy.json");
    let policy: Value = serde_json::from_str(document["Policy"].as_str().unwrap()).unwrap();
    policy["Statement"][0].clone()
}

fn all_four() -> Value {
    json!({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true})
}

#[test]
fn the_first_bundle_makes_bucket_and_distribution_alone() -> Test {
    let scene = Scene::with_key()?;
    let report = create_endpoint(&scene, &["--format", "json"]).run().exits(0).json();
    assert_eq!(scene.files("out"), ["democluster-1.tar.gz", "democluster-1.tar.gz.minisig"]);
    assert_eq!(
        scene.entries(FIRST),
        [
            "bundle.json",
            "aws/bucket-public-access-block.json",
            "aws/bucket-tagging.json",
            "aws/bucket.json",
            "aws/cloudfront-distribution.json",
            "aws/cloudfront-origin-access-control.json",
        ]
    );
    let index = scene.entry(FIRST, "bundle.json");
    assert_eq!(
        (&index["kind"], &index["endpoint"], index.get("issuerUrl"), &index["components"]),
        (&json!("endpoint"), &json!("cloudfront"), None, &json!([]))
    );
    assert_eq!(block(&scene, FIRST), all_four());
    let config = config(&scene, FIRST);
    assert_eq!(config["Aliases"], json!({"Quantity": 0, "Items": []}));
    assert_eq!(config["ViewerCertificate"], json!({"CloudFrontDefaultCertificate": true}));
    assert_eq!(
        (&report["kind"], report.get("issuerUrl"), &report["privateBucket"], report.get("key")),
        (&json!("endpoint"), None, &json!({"bucket": "democluster-oidc"}), None)
    );
    assert_eq!(report["roles"], json!([]));
    let next: Vec<&str> = report["next"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
    assert_eq!(
        next[1..],
        [
            "carry the bundle and its .minisig files to the privileged network, and apply it: airlock-applier apply \
             out/democluster-1.tar.gz --trust trust.json --receipt democluster-1-receipt.json",
            "whoever applied it signs the receipt, with a key that signs no bundles: airlock-generator sign \
             democluster-1-receipt.json --signing-key OPERATORS-KEY --signer operator",
            "carry the receipt and its .minisig file back, and make the cluster's bundle: airlock-generator create-bundle \
             --endpoint-receipt democluster-1-receipt.json --receipt-key operator.pub --credentials-requests-dir DIR --signing-key KEY \
             --output-dir DIR",
        ]
    );
    Ok(())
}

#[test]
fn the_second_bundle_has_its_issuer_from_the_receipt() -> Test {
    let scene = with_receipt()?;
    let report = create_cluster(&scene, &["--key-type", "p256", "--format", "json"]).run().exits(0).json();
    let index = scene.entry(SECOND, "bundle.json");
    let made = json!({"id": "EDFDVBD6EXAMPLE", "domain": DOMAIN, "receiptSha256": scene.digest("receipt.json")});
    assert_eq!(
        (&index["kind"], &index["issuerUrl"], &index["distribution"], &index["serial"]),
        (&json!("cluster"), &json!(format!("https://{DOMAIN}")), &made, &json!(2))
    );
    assert_eq!(index["previous"], json!({"serial": 1, "sha256": "c".repeat(64)}));
    assert_eq!(report["privateBucket"], json!({"bucket": "democluster-oidc", "distribution": made}));
    assert_eq!(
        of_aws(&scene, SECOND),
        [
            "aws/bucket-policy.json",
            "aws/bucket-public-access-block.json",
            "aws/bucket-tagging.json",
            "aws/bucket.json",
            "aws/cloudfront-distribution.json",
            "aws/cloudfront-origin-access-control.json",
            "aws/identity-provider.json"
        ]
    );
    assert_eq!(block(&scene, SECOND), all_four());
    let arn = "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE";
    let statement = policy(&scene, SECOND);
    assert_eq!(statement["Principal"], json!({"Service": "cloudfront.amazonaws.com"}));
    assert_eq!(statement["Condition"], json!({"StringEquals": {"AWS:SourceArn": arn}}));
    // It is the cluster's first, whatever its serial: its key is new, and goes to the installer.
    let key = "tls/bound-service-account-signing-key.key".to_owned();
    assert!(scene.entries("out/democluster-2-install.tar.gz").contains(&key));
    let steps = report["next"].to_string();
    assert!(steps.contains("before openshift-install create cluster, check and extract"), "{steps}");
    Ok(())
}

#[test]
fn one_bundle_makes_everything_at_a_host_name_of_its_own() -> Test {
    let scene = Scene::with_key()?;
    let arguments =
        ["--issuer-url", URL, "--certificate-arn", CERTIFICATE, "--bucket-name", "acme-prod", "--format", "json"];
    let report = scene.create_bundle(&arguments).run().exits(0).json();
    let index = scene.entry(FIRST, "bundle.json");
    assert_eq!(
        (&index["endpoint"], &index["issuerUrl"], &index["certificate"], &index["bucketName"]),
        (&json!("cloudfront"), &json!(URL), &json!({"acm": CERTIFICATE}), &json!("acme-prod"))
    );
    assert_eq!(report["privateBucket"], json!({"bucket": "acme-prod", "certificate": {"acm": CERTIFICATE}}));
    let config = config(&scene, FIRST);
    assert_eq!(config["Aliases"], json!({"Quantity": 1, "Items": ["oidc.example.com"]}));
    assert_eq!(
        config["ViewerCertificate"],
        json!({
            "CloudFrontDefaultCertificate": false,
            "ACMCertificateArn": CERTIFICATE,
            "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021"
        })
    );
    let statement = policy(&scene, FIRST);
    assert_eq!(statement["Resource"][1], "arn:aws:s3:::acme-prod/prod/keys.json");
    let all = "arn:aws:cloudfront::123456789012:distribution/*";
    assert_eq!(statement["Condition"], json!({"StringLike": {"AWS:SourceArn": all}}));
    assert_eq!(
        report["next"][2],
        format!(
            "as soon as the applier names the distribution, make the DNS record oidc.example.com as a CNAME of its name: the identity \
             provider is made once the documents can be read at {URL}"
        )
    );
    // To ask for the private bucket besides changes nothing.
    let said = [&arguments[..], &["--create-private-s3-bucket", "--output-dir", "said"]].concat();
    let time = index["created"].as_str().unwrap();
    scene.create_bundle(&[&said[..], &["--created", time]].concat()).run().exits(0);
    assert_eq!(scene.digest("said/democluster-1.tar.gz"), scene.digest(FIRST));
    Ok(())
}

#[test]
fn one_file_of_settings_serves_both_bundles() -> Test {
    let scene = with_receipt()?;
    let requests = tests::crate_file("samples/credentials-requests");
    let text = format!(
        "create-private-s3-bucket: true\nname: democluster\nregion: us-east-2\naccount-id: \"123456789012\"\nsigning-key: \
         minisign.key\noutput-dir: out\ncredentials-requests-dir: {}\nkey-type: p256\nrole-path: /openshift/\nno-password: \
         true\nreceipt-key: [operator/minisign.pub]\n",
        requests.display()
    );
    scene.write("prod.yaml", text);
    scene.generator(["create-bundle", "--config", "prod.yaml"]).run().exits(0);
    assert_eq!(scene.entry(FIRST, "bundle.json")["rolePath"], "/");
    scene.generator(["create-bundle", "--config", "prod.yaml", "--endpoint-receipt", "receipt.json"]).run().exits(0);
    assert_eq!(scene.entry(SECOND, "bundle.json")["rolePath"], "/openshift/");
    // As a flag it would be of no use for the first bundle, and somebody meant it.
    assert_eq!(
        scene.generator(["create-bundle", "--config", "prod.yaml", "--audience", "vault"]).run().exits(2).stderr,
        "error: --audience is for the cluster's bundle, and --create-private-s3-bucket makes bucket and distribution alone\n  leave \
         --audience out, and give it with --endpoint-receipt, once this bundle is applied\n"
    );
    Ok(())
}

#[test]
fn settings_that_make_no_sense_are_refused_with_what_to_do() -> Test {
    let scene = Scene::with_key()?;
    let refused = |more: &[&str], error: &str| {
        assert_eq!(scene.create_bundle(more).run().exits(2).stderr, format!("error: {error}\n"), "{more:?}");
    };
    refused(
        &["--certificate-arn", CERTIFICATE],
        "--certificate-arn is for the issuer's own host name, and none is given\n  give it: --issuer-url https://HOST[/PATH]; for a \
         distribution at CloudFront's own name leave --certificate-arn out",
    );
    refused(
        &["--create-private-s3-bucket", "--issuer-url", URL],
        "--create-private-s3-bucket with --issuer-url needs a certificate for oidc.example.com\n  give --certificate-arn ARN, of \
         us-east-1, or --iam-certificate-id ID; if somebody else publishes the documents there, leave --create-private-s3-bucket out",
    );
    refused(
        &["--issuer-url", URL, "--certificate-arn", CERTIFICATE, "--region", "us-gov-west-1"],
        "a private bucket needs CloudFront, which partition aws-us-gov does not have\n  have the documents published elsewhere: \
         --issuer-url URL alone, without certificate and bucket",
    );
    refused(
        &["--issuer-url", URL, "--certificate-arn", CERTIFICATE, "--region", "cn-north-1"],
        &format!(
            "--certificate-arn is {CERTIFICATE}; CloudFront takes in partition aws-cn certificates that IAM holds, and no others\n  \
             give --iam-certificate-id ID, as aws iam list-server-certificates shows it"
        ),
    );
    refused(
        &["--issuer-url", URL, "--certificate-arn", CERTIFICATE, "--account-id", "210987654321"],
        &format!(
            "--certificate-arn is {CERTIFICATE}; the bundle is for account 210987654321 in partition aws\n  give a certificate of \
             that account, in us-east-1"
        ),
    );
    refused(
        &["--receipt-key", "minisign.pub"],
        "--receipt-key says who must have signed the receipt of --endpoint-receipt, which is not given\n  give --endpoint-receipt \
         FILE, or leave --receipt-key out",
    );
    let of_california = CERTIFICATE.replace("us-east-1", "us-west-1");
    let found = scene.create_bundle(&["--issuer-url", URL, "--certificate-arn", &of_california]).run().exits(2).stderr;
    assert!(found.contains("CloudFront takes certificates of us-east-1 alone"), "{found}");
    let both = ["--issuer-url", URL, "--certificate-arn", CERTIFICATE, "--iam-certificate-id", IAM_CERTIFICATE];
    let found = scene.create_bundle(&both).run().exits(2).stderr;
    assert!(found.contains("cannot be used with '--iam-certificate-id <ID>'"), "{found}");
    assert_eq!(
        create_endpoint(&scene, &["--region", "cn-north-1"]).run().exits(2).stderr,
        "error: CloudFront serves in partition aws-cn at host names of your own alone\n  give --issuer-url URL and \
         --iam-certificate-id ID, or have the documents published elsewhere: --issuer-url URL alone\n"
    );
    assert!(!scene.path("out").exists());
    Ok(())
}

#[test]
fn what_the_receipt_says_is_given_in_no_other_way() -> Test {
    let scene = with_receipt()?;
    let refused = |more: &[&str], error: &str| {
        assert_eq!(create_cluster(&scene, more).run().exits(2).stderr, format!("error: {error}\n"), "{more:?}");
    };
    for (setting, given, receipt) in [
        ("name", "prod-b", "democluster"),
        ("account-id", "210987654321", "123456789012"),
        ("partition", "aws-cn", "aws"),
        ("region", "eu-west-1", "us-east-2"),
        ("bucket-name", "acme-oidc", "democluster-oidc"),
    ] {
        refused(
            &[&format!("--{setting}"), given],
            &format!(
                "--{setting} is {given}; the receipt of --endpoint-receipt has {receipt}\n  leave --{setting} out, or give the receipt \
                 of the cluster's own endpoint"
            ),
        );
    }
    refused(
        &["--serial", "1"],
        "--serial is 1; the endpoint's bundle has 1, and the applier refuses to go back\n  leave --serial out: the next one is 2",
    );
    let provider = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com";
    for (flag, value) in [
        ("identity-provider-arn", provider),
        ("issuer-url", URL),
        ("certificate-arn", CERTIFICATE),
        ("iam-certificate-id", IAM_CERTIFICATE),
    ] {
        refused(
            &[&format!("--{flag}"), value],
            &format!(
                "--{flag} is for an issuer at another name than that of the distribution, which --endpoint-receipt says\n  leave one \
                 of them out"
            ),
        );
    }
    // A bundle that is not the first one of its cluster makes no key.
    let found = create_cluster(&scene, &["--serial", "3"]).run().exits(2).stderr;
    assert!(found.starts_with("error: serial 3 would get a new key pair, and the cluster's tokens "), "{found}");
    assert!(!scene.path("out").exists());
    // What it says may be said.
    let same = [
        "--name",
        "democluster",
        "--region",
        "us-east-2",
        "--bucket-name",
        "democluster-oidc",
        "--create-private-s3-bucket",
    ];
    create_cluster(&scene, &[&same[..], &["--key-type", "p256"]].concat()).run().exits(0);
    assert_eq!(scene.entry(SECOND, "bundle.json").get("bucketName"), None);
    Ok(())
}

#[test]
fn a_later_bundle_keeps_what_serves_the_issuer() -> Test {
    let scene = with_receipt()?;
    create_cluster(&scene, &["--key-type", "p256"]).run().exits(0);
    scene.create_next_bundle(SECOND, &[]).run().exits(0);
    let [before, after] = [SECOND, "out/democluster-3.tar.gz"].map(|bundle| scene.entry(bundle, "bundle.json"));
    for field in ["issuerUrl", "distribution", "endpoint", "kind"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(policy(&scene, SECOND), policy(&scene, "out/democluster-3.tar.gz"));
    let refused = |previous: &str, more: &[&str], error: &str| {
        let found = scene.create_next_bundle(previous, more).run().exits(2).stderr;
        assert_eq!(found, format!("error: {error}\n"), "{more:?}");
    };
    refused(
        SECOND,
        &["--certificate-arn", CERTIFICATE],
        &format!(
            "--certificate-arn is {CERTIFICATE}; the bundle of --previous has another issuer\n  leave --certificate-arn out: a \
             cluster keeps it"
        ),
    );
    // Its receipt says what the bundle before has.
    let again = ["--endpoint-receipt", "receipt.json", "--receipt-key", "operator/minisign.pub", "--serial", "4"];
    scene.create_next_bundle(SECOND, &again).run().exits(0);
    let again = scene.entry("out/democluster-4.tar.gz", "bundle.json");
    assert_eq!((&again["distribution"], again.get("formerIssuers")), (&before["distribution"], None));
    create_endpoint(&scene, &["--output-dir", "endpoint"]).run().exits(0);
    refused(
        "endpoint/democluster-1.tar.gz",
        &[],
        "the bundle of --previous is of kind endpoint: it has no issuer yet that a cluster's bundle could keep\n  apply it, and give \
         the receipt of that run: --endpoint-receipt FILE --receipt-key KEY",
    );
    scene.create_bundle(&["--output-dir", "public"]).run().exits(0);
    refused(
        "public/democluster-1.tar.gz",
        &["--create-private-s3-bucket"],
        "bucket democluster-oidc serves the issuer https://democluster-oidc.s3.us-east-2.amazonaws.com, which has to go on serving \
         until no token of it is left\n  give the new issuer's bucket another name: --bucket-name BUCKET",
    );
    Ok(())
}

#[test]
fn a_certificate_is_replaced_before_it_expires() -> Test {
    let scene = Scene::with_key()?;
    scene.create_bundle(&["--issuer-url", URL, "--certificate-arn", CERTIFICATE]).run().exits(0);
    let next = |more: &[&str]| {
        scene.create_next_bundle(FIRST, more).run().exits(0);
        let index = scene.entry(SECOND, "bundle.json");
        assert_eq!((&index["issuerUrl"], &index["endpoint"]), (&json!(URL), &json!("cloudfront")));
        for file in scene.files("out").iter().filter(|file| file.starts_with("democluster-2")) {
            scene.remove(&format!("out/{file}"));
        }
        index["certificate"].clone()
    };
    assert_eq!(next(&[]), json!({"acm": CERTIFICATE}));
    let newer = CERTIFICATE.replace("12345678-", "87654321-");
    assert_eq!(next(&["--certificate-arn", &newer]), json!({"acm": newer}));
    assert_eq!(next(&["--iam-certificate-id", IAM_CERTIFICATE]), json!({"iam": IAM_CERTIFICATE}));
    Ok(())
}

#[test]
fn all_three_are_reviewed_and_signed() -> Test {
    let scene = with_receipt()?;
    create_endpoint(&scene, &[]).run().exits(0);
    create_cluster(&scene, &["--key-type", "p256"]).run().exits(0);
    let own_host = ["--issuer-url", URL, "--certificate-arn", CERTIFICATE, "--output-dir", "own"];
    scene.create_bundle(&own_host).run().exits(0);
    let review = |bundle: &str, more: &[&str]| {
        let arguments = [&["review", bundle, "--trusted-key", "minisign.pub"], more].concat();
        scene.generator(arguments).run().exits(0)
    };
    let first = review(FIRST, &[]).stdout;
    assert!(
        first.starts_with("democluster serial 1 is what its settings give; 1 note; signed by trusted key 1\n"),
        "{first}"
    );
    assert!(first.contains("\nBucket   democluster-oidc, which CloudFront alone may read\n"), "{first}");
    for absent in ["Roles", "Requests", "Role names", "Audiences", "Skipped", "Boundary"] {
        assert!(!first.contains(absent), "{absent}: {first}");
    }
    let second = review(SECOND, &["--against", FIRST]).stdout;
    let server = format!("\nServer    distribution EDFDVBD6EXAMPLE of CloudFront, at\n          {DOMAIN}\n");
    for line in [
        format!("\n! the issuer's first name: https://{DOMAIN}\n"),
        server,
        format!("\nReceipt   {}\n", scene.digest("receipt.json")),
    ] {
        assert!(second.contains(&line), "{line}: {second}");
    }
    let moved = review("own/democluster-1.tar.gz", &["--against", SECOND]).stdout;
    let moved = moved.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = format!(
        "! THE ISSUER CHANGES to {URL}, was https://{DOMAIN}: AWS takes tokens that name the new one, and no others"
    );
    assert!(moved.contains(&line), "{moved}");
    let json = review(FIRST, &["--format", "json"]).json();
    assert_eq!(
        (&json["bundle"]["kind"], &json["bundle"]["privateBucket"], &json["findings"][0]["id"]),
        (&json!("endpoint"), &json!({"bucket": "democluster-oidc"}), &json!("airlock/cloudfront-tls"))
    );
    assert_eq!(
        scene.generator(["review", FIRST, "--credentials-requests-dir", "."]).run().exits(2).stderr,
        "error: out/democluster-1.tar.gz is of kind endpoint, and no request makes anything in it\n  leave \
         --credentials-requests-dir out, and give it to review the cluster's bundle\n"
    );
    scene.signing_key("reviewer");
    let signed = scene.sign(FIRST, "reviewer", &["--trusted-key", "minisign.pub"]).run().exits(0).stdout;
    assert!(
        signed.contains("\nIssuer   none yet: the receipt of its apply says the name\nBucket   democluster-oidc, "),
        "{signed}"
    );
    assert!(!signed.contains("\nRoles"), "{signed}");
    Ok(())
}

#[test]
fn a_partition_of_which_nothing_is_known_is_warned_about() -> Test {
    let scene = Scene::with_key()?;
    let warnings =
        |more: &[&str]| create_endpoint(&scene, &[&["--format", "json"], more].concat()).run().exits(0).json();
    assert_eq!(
        warnings(&["--region", "eusc-de-east-1", "--output-dir", "eusc"])["warnings"],
        json!([
            "whether partition aws-eusc has CloudFront is not known: ask AWS before the bundle is applied, or have the documents \
             published elsewhere with --issuer-url alone"
        ])
    );
    assert_eq!(warnings(&[])["warnings"], json!([]));
    let china =
        ["--region", "cn-north-1", "--issuer-url", URL, "--iam-certificate-id", IAM_CERTIFICATE, "--format", "json"];
    assert_eq!(
        scene.create_bundle(&[&china[..], &["--output-dir", "china"]].concat()).run().exits(0).json()["warnings"],
        json!([
            "in China CloudFront serves only host names that have an ICP recordal: ask AWS before the bundle is applied, or have the \
             documents published elsewhere with --issuer-url"
        ])
    );
    Ok(())
}
