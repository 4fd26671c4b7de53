//! A bundle for each partition: every ARN, URL and document of it, compared as bytes with a golden file.
//!
//! `UPDATE_GOLDEN=1 cargo test -p tests --test partitions` writes the golden files anew; the diff then shows what changes. The
//! table of partitions is botocore's `partitions.json`.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::fmt::Write;
use std::path::Path;

use tests::forge::receipt::ENDPOINT;
use tests::scene::Scene;
use tests::{SetupError, crate_file};

type Test = Result<(), SetupError>;

const PARTITIONS: [(&str, &str, &str); 8] = [
    ("aws", "us-east-2", "amazonaws.com"),
    ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
    ("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
    ("aws-iso", "us-iso-east-1", "c2s.ic.gov"),
    ("aws-iso-b", "us-isob-east-1", "sc2s.sgov.gov"),
    ("aws-iso-e", "eu-isoe-west-1", "cloud.adc-e.uk"),
    ("aws-iso-f", "us-isof-south-1", "csp.hci.ic.gov"),
    ("aws-eusc", "eusc-de-east-1", "amazonaws.eu"),
];

/// A scene whose one request is that of the image store.
fn scene() -> Result<Scene, SetupError> {
    let scene = Scene::with_key()?;
    let request = std::fs::read(crate_file("samples/credentials-requests/01-image-store.yaml")).unwrap();
    scene.write("requests/01-image-store.yaml", request);
    Ok(scene)
}

/// The entries of a bundle for this region, one after the other; the requests are the input.
fn entries(scene: &Scene, region: &str) -> String {
    let more = ["--region", region, "--credentials-requests-dir", "requests", "--created", "2026-11-01T00:00:00Z"];
    scene.create_bundle(&[&more[..], &["--output-dir", region]].concat()).run().exits(0);
    text_of(scene, &format!("{region}/democluster-1.tar.gz"))
}

/// The entries of a bundle, one after the other, without the requests.
fn text_of(scene: &Scene, bundle: &str) -> String {
    let mut text = String::new();
    for entry in scene.entries(bundle).iter().filter(|entry| !entry.starts_with("credentials-requests/")) {
        let body = String::from_utf8(scene.entry_bytes(bundle, entry)).unwrap();
        writeln!(text, "=== {entry}\n{body}").unwrap();
    }
    text
}

#[test]
fn every_partition_has_its_own_arns_urls_and_documents() -> Test {
    let scene = scene()?;
    for (partition, region, suffix) in PARTITIONS {
        let found = entries(&scene, region);
        check_golden(partition, &found);
        // What a golden file could have wrong in every place alike.
        let issuer = format!("https://democluster-oidc.s3.{region}.{suffix}");
        let provider = format!("arn:{partition}:iam::123456789012:oidc-provider/democluster-oidc.s3.{region}.{suffix}");
        assert!(found.contains(&format!("serviceAccountIssuer: {issuer}\n")), "{partition}");
        assert!(found.contains(&format!("\\\"Federated\\\":\\\"{provider}\\\"")), "{partition}");
        let arns: Vec<&str> =
            found.match_indices("arn:").map(|(at, _)| found[at..].split(':').nth(1).unwrap()).collect();
        assert!(arns.len() >= 3 && arns.iter().all(|found| *found == partition), "{partition}: {arns:?}");
        let constraint = scene.entry(&format!("{region}/democluster-1.tar.gz"), "aws/bucket.json");
        assert_eq!(constraint["CreateBucketConfiguration"]["LocationConstraint"], region);
    }
    Ok(())
}

fn check_golden(name: &str, found: &str) {
    let golden = crate_file("golden/partitions").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, found).unwrap();
    }
    assert_eq!(found, golden_text(&golden), "{name}");
}

/// Of the two bundles of the two-phase way, and of the one of the other, in each partition that has CloudFront.
#[test]
fn private_buckets_have_their_own_documents() -> Test {
    const URL: &str = "https://oidc.example.com/prod";
    let certificate = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
    let scene = scene()?;
    let time = ["--created", "2026-11-01T00:00:00Z", "--signing-key", "minisign.key", "--no-password"];
    let place = ["--name", "democluster", "--region", "us-east-2", "--account-id", "123456789012"];
    let first = ["create-bundle", "--create-private-s3-bucket", "--output-dir", "two"];
    scene.generator(first).args(place).args(time).run().exits(0);
    check_golden("aws-cloudfront-endpoint", &text_of(&scene, "two/democluster-1.tar.gz"));

    scene.write("receipt.json", ENDPOINT);
    scene.signing_key("operator");
    scene.sign("receipt.json", "operator", &[]).run().exits(0);
    let public = crate_file("samples/serviceaccount-signer.public");
    let second = ["create-bundle", "--endpoint-receipt", "receipt.json", "--receipt-key", "operator/minisign.pub"];
    let input = ["--credentials-requests-dir", "requests", "--output-dir", "two", "--public-key-file"];
    scene.generator(second).args(input).arg(public).args(time).run().exits(0);
    check_golden("aws-cloudfront-cluster", &text_of(&scene, "two/democluster-2.tar.gz"));

    for (name, region, flag, certificate) in [
        ("aws-cloudfront-own-host", "us-east-2", "--certificate-arn", certificate),
        ("aws-cn-cloudfront-own-host", "cn-north-1", "--iam-certificate-id", "ASCACKCEVSQ6CEXAMPLE1"),
    ] {
        let more =
            ["--region", region, "--issuer-url", URL, flag, certificate, "--credentials-requests-dir", "requests"];
        scene.create_bundle(&[&more[..], &["--created", time[1], "--output-dir", name]].concat()).run().exits(0);
        let found = text_of(&scene, &format!("{name}/democluster-1.tar.gz"));
        check_golden(name, &found);
        let partition = if region == "cn-north-1" { "aws-cn" } else { "aws" };
        let arns: Vec<&str> =
            found.match_indices("arn:").map(|(at, _)| found[at..].split(':').nth(1).unwrap()).collect();
        assert!(arns.len() >= 3 && arns.iter().all(|found| *found == partition), "{name}: {arns:?}");
    }
    Ok(())
}

fn golden_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_region_of_no_known_partition_says_where_it_is() -> Test {
    let scene = scene()?;
    let make = |more: &[&str]| {
        let arguments = ["--credentials-requests-dir", "requests", "--region", "us-esat-2"];
        scene.create_bundle(&[&arguments[..], more].concat()).run()
    };
    assert_eq!(
        make(&[]).exits(2).stderr,
        "error: region us-esat-2 is not known\n  did you mean us-east-2? For another region, say where it is: --partition and \
         --dns-suffix, such as aws-us-gov and amazonaws.com\n"
    );
    make(&["--partition", "aws-new", "--dns-suffix", "aws.example"]).exits(0);
    let index = scene.entry("out/democluster-1.tar.gz", "bundle.json");
    assert_eq!(index["issuerUrl"], "https://democluster-oidc.s3.us-esat-2.aws.example");
    Ok(())
}
