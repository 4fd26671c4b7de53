//! A bundle of kind `roles`, from `create-bundle --identity-provider-arn` to a reviewer's desk.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use serde_json::json;
use tests::program::Program;
use tests::scene::{ACCOUNT, NAME, PROVIDER, REGION, ROLES, Scene};
use tests::{SetupError, crate_file};

type Test = Result<(), SetupError>;

const ISSUER: &str = "https://oidc.example.com/2abc";
const ARN: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/2abc";
const FIRST: &str = "out/addons-1.tar.gz";

/// `create-bundle` of the sample requests for a provider that is there already, with more arguments, which win.
fn add_ons(scene: &Scene, more: &[&str]) -> Program {
    let requests = crate_file("samples/credentials-requests").to_string_lossy().into_owned();
    let arguments: Vec<String> = [
        ["--name", "addons"],
        ["--region", REGION],
        ["--identity-provider-arn", ARN],
        ["--credentials-requests-dir", &requests],
        ["--signing-key", "minisign.key"],
        ["--output-dir", "out"],
        ["--created", "2026-11-01T00:00:00Z"],
    ]
    .as_flattened()
    .iter()
    .map(|&word| word.to_owned())
    .collect();
    scene.create_bundle_with(&arguments, more)
}

#[test]
fn a_bundle_of_roles_has_no_key_and_no_issuer() -> Test {
    let scene = Scene::with_key()?;
    let report = add_ons(&scene, &["--format", "json"]).run().exits(0).says("").json();
    assert_eq!(
        (&report["kind"], &report["issuerUrl"], &report["providerArn"], &report["accountId"]),
        (&json!("roles"), &json!(ISSUER), &json!(ARN), &json!(ACCOUNT))
    );
    assert_eq!((report.get("key"), report.get("kid"), report.get("keySource")), (None, None, None));
    let next = report["next"].as_array().unwrap();
    assert_eq!(
        next[2],
        "once the bundle is applied, check and extract the install archive and apply its Secrets to the cluster: minisign -Vm \
         out/addons-1-install.tar.gz -p generator.pub && tar xzf out/addons-1-install.tar.gz -C INSTALL-DIR && oc apply -f \
         INSTALL-DIR/manifests"
    );
    assert_eq!(next.len(), 3);

    let index = scene.entry(FIRST, "bundle.json");
    assert_eq!(
        (&index["kind"], &index["issuerUrl"], &index["audiences"], index.get("endpoint")),
        (&json!("roles"), &json!(ISSUER), &json!(["openshift", "sts.amazonaws.com"]), None)
    );
    let folders = ["aws/role-policies/", "aws/roles/", "credentials-requests/", "manifests/"];
    let others: Vec<String> = scene
        .entries(FIRST)
        .into_iter()
        .filter(|entry| !folders.iter().any(|folder| entry.starts_with(folder)))
        .collect();
    assert_eq!(others, ["bundle.json"]);
    let manifests =
        |archive| scene.entries(archive).into_iter().filter(|entry| entry.starts_with("manifests/")).count();
    assert_eq!((manifests(FIRST), scene.entries("out/addons-1-install.tar.gz").len()), (ROLES.len(), ROLES.len()));
    assert_eq!(manifests("out/addons-1-install.tar.gz"), ROLES.len());

    let digest = scene.digest(FIRST);
    let text = add_ons(&scene, &["--output-dir", "again"]).run().exits(0).stdout;
    assert_eq!(scene.digest("again/addons-1.tar.gz"), digest);
    let head = "Bundle    addons serial 1\nAccount   123456789012 (aws, us-east-2)\nProvider  \
                arn:aws:iam::123456789012:oidc-provider/oidc.example.com/2abc\nIssuer    https://oidc.example.com/2abc, which \
                somebody else manages\nAudiences openshift, sts.amazonaws.com\nSigned    ";
    assert!(text.starts_with(head), "{text}");
    Ok(())
}

#[test]
fn its_roles_and_secrets_are_those_that_a_cluster_of_that_name_and_issuer_has() -> Test {
    let scene = Scene::with_key()?;
    let cluster = scene.bundle();
    add_ons(&scene, &["--name", NAME, "--identity-provider-arn", PROVIDER, "--output-dir", "roles"]).run().exits(0);
    let roles = "roles/democluster-1.tar.gz";
    let of_roles = scene.entries(roles);
    assert_eq!(of_roles.iter().filter(|entry| entry.starts_with("aws/roles/")).count(), ROLES.len());
    for entry in of_roles.iter().filter(|entry| *entry != "bundle.json") {
        assert_eq!(scene.entry_bytes(roles, entry), scene.entry_bytes(&cluster, entry), "{entry}");
    }
    Ok(())
}

#[test]
fn what_does_not_fit_a_provider_of_somebody_else_is_refused() -> Test {
    let scene = Scene::with_key()?;
    let public = crate_file("samples/serviceaccount-signer.public").to_string_lossy().into_owned();
    let own = "is for a cluster's own issuer, and --identity-provider-arn says that somebody else manages it";
    for (more, error) in [
        (
            ["--account-id", "210987654321"],
            "--identity-provider-arn is of account 123456789012, the bundle is for 210987654321\n  give the provider of account \
             210987654321, or correct --account-id\n"
                .to_owned(),
        ),
        (
            ["--region", "us-gov-west-1"],
            "--identity-provider-arn is of partition aws, the bundle is for aws-us-gov\n  give the provider of partition \
             aws-us-gov, or correct --region\n"
                .to_owned(),
        ),
        (["--public-key-file", &public], format!("--public-key-file {own}\n  leave --public-key-file out\n")),
        (["--key-type", "p256"], format!("--key-type {own}\n  leave --key-type out\n")),
        (["--thumbprint", &"a".repeat(40)], format!("--thumbprint {own}\n  leave --thumbprint out\n")),
    ] {
        let refused = add_ons(&scene, &more).run().exits(2);
        assert_eq!(refused.stderr, format!("error: {error}"));
    }
    let form = add_ons(&scene, &["--identity-provider-arn", "arn:aws:iam::123456789012:role/x"]).run().exits(2).stderr;
    let expected = "must have the form arn:PARTITION:iam::ACCOUNT:oidc-provider/HOST[/PATH]";
    assert!(form.contains(expected), "{form}");
    assert!(!scene.path("out").exists());
    Ok(())
}

#[test]
fn the_next_bundle_of_roles_keeps_its_provider() -> Test {
    let scene = Scene::with_key()?;
    add_ons(&scene, &[]).run().exits(0);
    let next = |more: &[&str]| scene.create_next_bundle(FIRST, more);
    let refused = next(&["--identity-provider-arn", PROVIDER]).run().exits(2).stderr;
    assert_eq!(
        refused,
        format!(
            "error: --identity-provider-arn is {PROVIDER}; the bundle of --previous has {ARN}\n  leave --identity-provider-arn \
             out: a cluster keeps it\n"
        )
    );
    let refused = next(&["--add-public-key", "key.pub"]).run().exits(2).stderr;
    assert!(refused.starts_with("error: --add-public-key is for a cluster's own issuer, and "), "{refused}");
    next(&[]).run().exits(0);
    let index = scene.entry("out/addons-2.tar.gz", "bundle.json");
    assert_eq!(
        (&index["kind"], &index["serial"], &index["issuerUrl"], &index["previous"]["sha256"]),
        (&json!("roles"), &json!(2), &json!(ISSUER), &json!(scene.digest(FIRST)))
    );

    let cluster = scene.bundle();
    let refused = next(&["--previous", &cluster, "--identity-provider-arn", PROVIDER]);
    let refused = refused.run().exits(2).stderr;
    assert!(refused.contains("cannot be used multiple times"), "{refused}");
    let refused = scene.create_next_bundle(&cluster, &["--identity-provider-arn", PROVIDER]);
    assert_eq!(
        refused.run().exits(2).stderr,
        format!(
            "error: --identity-provider-arn is {PROVIDER}; the bundle of --previous has another issuer\n  leave \
             --identity-provider-arn out: a cluster keeps it\n"
        )
    );
    Ok(())
}

#[test]
fn a_reviewer_sees_that_somebody_else_manages_the_issuer() -> Test {
    let scene = Scene::with_key()?;
    add_ons(&scene, &[]).run().exits(0);
    scene.signing_key("review");
    let trusted = ["--trusted-key", "minisign.pub"];
    let text = scene.generator(["review", FIRST]).args(trusted).run().exits(0).stdout;
    assert!(text.starts_with("addons serial 1 is what its requests ask for; "), "{text}");
    let issuer = "Issuer    https://oidc.example.com/2abc; somebody else manages it, and the\n          bundle makes roles alone\n";
    assert!(text.contains(issuer), "{text}");
    assert!(!text.contains("Key  ") && !text.contains("Thumbprints"), "{text}");
    let review = scene.generator(["review", FIRST, "--format", "json"]).args(trusted).run().exits(0).json();
    assert_eq!((&review["bundle"]["kind"], &review["keys"]), (&json!("roles"), &json!([])));
    let page = scene.generator(["review", FIRST, "--format", "html"]).args(trusted).run().exits(0).stdout;
    assert!(page.contains("somebody else manages it") && !page.contains("Keys of the cluster"), "{page}");

    let cluster = scene.bundle();
    let against = scene.generator(["review", FIRST, "--against", &cluster]).args(trusted).run().exits(0).stdout;
    assert!(against.contains("another kind: roles, was cluster"), "{against}");
    let signed = scene.sign(FIRST, "review", &trusted).run().exits(0).stdout;
    assert!(signed.contains("\nIssuer   https://oidc.example.com/2abc, which somebody else manages\n"), "{signed}");
    Ok(())
}
