//! `create-bundle --issuer-url`: a bundle whose documents somebody else publishes, and what the generator says about it.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use serde_json::json;
use tests::scene::Scene;
use tests::{SetupError, crate_file};

type Test = Result<(), SetupError>;

const URL: &str = "https://oidc.example.com/prod";
const BUNDLE: &str = "out/democluster-1.tar.gz";

#[test]
fn the_bundle_holds_the_documents_and_no_bucket() -> Test {
    let scene = Scene::with_key()?;
    let report = scene.create_bundle(&["--issuer-url", URL, "--format", "json"]).run().exits(0).json();
    let index = scene.entry(BUNDLE, "bundle.json");
    assert_eq!(
        (&index["kind"], &index["endpoint"], &index["issuerUrl"], index.get("bucketName")),
        (&json!("cluster"), &json!("hosted"), &json!(URL), None)
    );
    let of_aws = |entry: &&String| entry.starts_with("aws/") && !entry.starts_with("aws/role");
    let entries = scene.entries(BUNDLE);
    assert_eq!(entries.iter().filter(of_aws).collect::<Vec<_>>(), ["aws/identity-provider.json"]);
    let discovery = scene.entry(BUNDLE, "oidc/openid-configuration");
    assert_eq!((&discovery["issuer"], &discovery["jwks_uri"]), (&json!(URL), &json!(format!("{URL}/keys.json"))));
    assert_eq!(
        report["next"][1],
        format!(
            "once the bundle is signed by everybody, publish its documents as application/json: tar xzOf {BUNDLE} \
             oidc/openid-configuration at {URL}/.well-known/openid-configuration, tar xzOf {BUNDLE} oidc/keys.json at \
             {URL}/keys.json and at {URL}/openid/v1/jwks"
        )
    );
    let review = scene.generator(["review", BUNDLE, "--trusted-key", "minisign.pub"]).run().exits(0).stdout;
    assert!(review.contains(&format!("\nIssuer    {URL}\n")), "{review}");
    Ok(())
}

#[test]
fn a_cluster_keeps_its_issuer_and_has_one_alone() -> Test {
    let scene = Scene::with_key()?;
    let refused = |more: &[&str], error: &str| {
        let found = scene.create_bundle(more).run().exits(2).stderr;
        assert_eq!(found, format!("error: {error}\n"));
    };
    refused(
        &["--issuer-url", URL, "--bucket-name", "acme-oidc"],
        "--bucket-name names a bucket, and with --issuer-url alone there is none\n  leave one of them out",
    );
    let arn = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/prod";
    let found = scene.create_bundle(&["--issuer-url", URL, "--identity-provider-arn", arn]).run().exits(2).stderr;
    assert!(found.starts_with("error: --public-key-file is for a cluster's own issuer, "), "{found}");
    let found = scene.create_bundle(&["--issuer-url", "http://oidc.example.com"]).run().exits(2).stderr;
    assert!(found.contains("must begin with https://"), "{found}");
    assert!(!scene.path("out").exists());

    scene.create_bundle(&["--issuer-url", URL]).run().exits(0);
    let next = |more: &[&str]| scene.create_next_bundle(BUNDLE, more);
    let requests = crate_file("samples/credentials-requests").to_string_lossy().into_owned();
    // Another URL, or a bucket, is another issuer: the roles trust the former one too.
    for (number, more) in
        [["--issuer-url", "https://oidc.example.com/test"], ["--bucket-name", "acme-oidc"]].iter().enumerate()
    {
        let folder = format!("moved-{number}");
        let arguments = ["--previous", BUNDLE, "--trusted-key", "minisign.pub", "--output-dir", &folder];
        scene
            .create_bundle_with(
                &[],
                &[&arguments[..], more, &["--signing-key", "minisign.key", "--credentials-requests-dir", &requests]]
                    .concat(),
            )
            .run()
            .exits(0);
        let index = scene.entry(&format!("{folder}/democluster-2.tar.gz"), "bundle.json");
        assert_eq!(index["formerIssuers"], json!([{"issuerUrl": URL, "endpoint": "hosted"}]));
    }
    next(&[]).run().exits(0);
    assert_eq!(scene.entry("out/democluster-2.tar.gz", "bundle.json")["issuerUrl"], URL);
    Ok(())
}

#[test]
fn a_public_bucket_in_china_needs_a_licence() -> Test {
    let scene = Scene::with_key()?;
    let warnings = |more: &[&str]| {
        let report = scene.create_bundle(&[&["--format", "json"], more].concat()).run().exits(0).json();
        report["warnings"].clone()
    };
    let china = ["--region", "cn-north-1", "--output-dir", "china"];
    assert_eq!(
        warnings(&china),
        json!([
            "in China a bucket answers the public only where the account has an ICP recordal, or an exception from it: ask AWS \
                before the bundle is applied, or have the documents published elsewhere with --issuer-url"
        ])
    );
    assert_eq!(warnings(&["--output-dir", "ohio"]), json!([]));
    assert_eq!(warnings(&["--region", "cn-north-1", "--issuer-url", URL, "--output-dir", "hosted"]), json!([]));
    Ok(())
}
