//! `review` as a reviewer uses it: what it says of a bundle, of what came since another, and by its exit code.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::program::Outcome;
use tests::scene::{NAME, ROLES, Scene};
use tests::{SetupError, crate_file};

type Test = Result<(), SetupError>;

const BUNDLE: &str = "out/democluster-1.tar.gz";
const OTHER: &str = "out/democluster-2.tar.gz";
const STORE: &str = "democluster-example-image-store-bucket-credentials";

/// A scene with the bundle of the sample requests.
fn scene() -> Result<Scene, SetupError> {
    let scene = Scene::with_key()?;
    scene.bundle();
    Ok(scene)
}

/// A second bundle, of the sample requests with one file changed.
fn changed(scene: &Scene, file: &str, change: impl Fn(String) -> String, more: &[&str]) {
    let samples = crate_file("samples/credentials-requests");
    for entry in std::fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = if name == file { change(text) } else { text };
        scene.write(&format!("changed/{name}"), text);
    }
    scene.create_bundle(&[&["--credentials-requests-dir", "changed", "--serial", "2"], more].concat()).run().exits(0);
}

fn review(scene: &Scene, bundle: &str, more: &[&str]) -> Outcome {
    scene.generator(["review", bundle]).args(more).run()
}

fn report(scene: &Scene, bundle: &str, more: &[&str]) -> Value {
    let outcome = review(scene, bundle, &[more, &["--format", "json"]].concat()).exits(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

/// The ids of findings, each once.
fn ids(report: &Value) -> BTreeSet<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

#[test]
fn a_report_says_what_the_bundle_is() -> Test {
    let scene = scene()?;
    let report = report(&scene, BUNDLE, &["--trusted-key", "minisign.pub"]);
    assert_eq!(report["reviewVersion"], 1);
    let index = scene.entry(BUNDLE, "bundle.json");
    for field in ["name", "serial", "accountId", "partition", "region", "issuerUrl", "created", "expires"] {
        assert_eq!(report["bundle"][field], index[field], "{field}");
    }
    assert_eq!(report["bundle"]["sha256"], json!(scene.digest(BUNDLE)));
    assert_eq!(report["signaturesChecked"], true);
    assert_eq!(report["signers"][0]["role"], "trusted key 1");
    assert_eq!(report["rebuild"], json!({"identical": true, "requests": "bundle", "differences": []}));
    let roles = report["roles"].as_array().unwrap();
    let names: Vec<&str> = roles.iter().map(|role| role["role"].as_str().unwrap()).collect();
    assert_eq!(names, ROLES);
    let store = roles.iter().find(|role| role["role"] == STORE).unwrap();
    assert_eq!(store["source"], "credentials-requests/01-image-store.yaml");
    assert_eq!(texts(&store["serviceAccounts"]), ["image-store-operator", "image-store"]);
    assert_eq!(
        store["statements"],
        json!([{
            "effect": "Allow",
            "actions": ["s3:CreateBucket", "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "access": [{"service": "s3", "levels": [
                {"level": "Write", "actions": ["CreateBucket", "PutObject", "DeleteObject"]},
                {"level": "Read", "actions": ["GetObject"]},
                {"level": "List", "actions": ["ListBucket"]}
            ]}],
            "resource": "*",
            "line": 18
        }])
    );
    assert_eq!(report["skipped"].as_array().unwrap().len(), 2);
    assert_eq!(report["settings"]["featureSet"], "Default");
    Ok(())
}

#[test]
fn signatures_that_were_not_checked_are_said_loudly() -> Test {
    let scene = scene()?;
    let first = |outcome: Outcome| outcome.exits(0).stdout.split("\n\n").next().unwrap().replace("\n    ", " ");
    let unchecked = first(review(&scene, BUNDLE, &[]));
    assert!(unchecked.ends_with("; SIGNATURES NOT CHECKED"), "{unchecked}");
    let checked = first(review(&scene, BUNDLE, &["--trusted-key", "minisign.pub"]));
    assert!(checked.starts_with("democluster serial 1 is what its requests ask for; "), "{checked}");
    assert!(checked.ends_with("; signed by trusted key 1"), "{checked}");
    scene.signing_key("other");
    review(&scene, BUNDLE, &["--trusted-key", "other/minisign.pub"]).exits(3);
    Ok(())
}

#[test]
fn a_trust_file_says_who_has_to_sign_and_what_may_be_signed() -> Test {
    let scene = scene()?;
    scene.signing_key("review");
    let (generator, reviewer) = (scene.public_key("minisign.pub"), scene.public_key("review/minisign.pub"));
    let roles = json!({"generator": [generator], "reviewer": [reviewer]});
    scene.write("trust.json", json!({"roles": roles}).to_string());
    let before = report(&scene, BUNDLE, &["--trust", "trust.json"]);
    assert_eq!(before["signers"].as_array().unwrap().len(), 1);
    assert!(ids(&before).contains("airlock/not-signed"));
    scene.sign(BUNDLE, "review", &["--trust", "trust.json"]).run().exits(0);
    let after = report(&scene, BUNDLE, &["--trust", "trust.json"]);
    assert_eq!(after["signers"].as_array().unwrap().len(), 2);
    assert!(!ids(&after).contains("airlock/not-signed"));

    scene.write("strict.json", json!({"roles": roles, "names": ["prod-*"], "deniedActions": ["s3:*"]}).to_string());
    let strict = report(&scene, BUNDLE, &["--trust", "strict.json"]);
    let limits: Vec<&Value> = strict["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["id"] == "airlock/trust-limit")
        .collect();
    assert_eq!(limits[0]["level"], "error");
    assert_eq!(limits[0]["message"], "the trust file does not allow it: name democluster matches none of prod-*");
    review(&scene, BUNDLE, &["--trust", "strict.json", "--fail-on", "error"]).exits(1);

    // An older bundle that nobody signed may be anything.
    changed(&scene, "01-image-store.yaml", |text| text, &[]);
    scene.remove(&format!("{BUNDLE}.reviewer.minisig"));
    let against = report(&scene, OTHER, &["--trust", "trust.json", "--against", BUNDLE]);
    assert!(ids(&against).contains("airlock/older-not-signed"));
    Ok(())
}

#[test]
fn what_came_is_a_widening_with_a_witness() -> Test {
    let scene = scene()?;
    let wider = |text: String| text.replace("- s3:GetObject\n", "- s3:GetObject\n      - s3:PutBucketPolicy\n");
    changed(&scene, "01-image-store.yaml", wider, &[]);
    let forth = report(&scene, OTHER, &["--against", BUNDLE]);
    let comparison = &forth["comparison"];
    assert_eq!(
        (&comparison["verdict"], &comparison["against"]),
        (&json!("widened"), &json!({"name": NAME, "serial": 1, "sha256": scene.digest(BUNDLE)}))
    );
    let roles = comparison["roles"].as_array().unwrap();
    assert_eq!(roles.len(), 1);
    assert_eq!(roles[0]["role"], STORE);
    assert_eq!(
        roles[0]["changes"],
        json!([{"what": "action", "statement": 1, "came": true, "value": "s3:PutBucketPolicy"}])
    );
    assert_eq!(roles[0]["witnesses"], json!([{"action": "s3:PutBucketPolicy", "resource": "*", "context": {}}]));
    assert!(ids(&forth).contains("airlock/widened"));
    review(&scene, OTHER, &["--against", BUNDLE, "--fail-on", "error"]).exits(0);
    review(&scene, OTHER, &["--against", BUNDLE, "--fail-on", "warning"]).exits(1);

    let back = report(&scene, BUNDLE, &["--against", OTHER]);
    assert_eq!(back["comparison"]["verdict"], "narrowed");
    assert!(!ids(&back).contains("airlock/widened"));
    let same = report(&scene, BUNDLE, &["--against", BUNDLE]);
    assert_eq!((&same["comparison"]["verdict"], &same["comparison"]["roles"]), (&json!("same"), &json!([])));
    Ok(())
}

#[test]
fn what_is_not_in_the_policies_counts_as_well() -> Test {
    let scene = scene()?;
    scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]).run().exits(0);
    let account = |text: String| text.replace("  - image-store\n", "  - image-store\n  - image-store-pruner\n");
    let more = [
        "--public-key-file",
        "keys/serviceaccount-signer.public",
        "--audience",
        "openshift",
        "--audience",
        "sts.amazonaws.com",
        "--audience",
        "vault",
        "--tag",
        "team=edge",
        "--permissions-boundary-arn",
        "arn:aws:iam::123456789012:policy/edge",
    ];
    changed(&scene, "01-image-store.yaml", account, &more);
    let forth = report(&scene, OTHER, &["--against", BUNDLE]);
    let comparison = &forth["comparison"];
    assert_eq!(comparison["audiences"], json!({"came": ["vault"], "went": []}));
    assert_eq!(comparison["tags"], json!({"came": ["team=edge"], "went": []}));
    assert_eq!(comparison["keys"]["came"].as_array().unwrap().len(), 1);
    let roles = comparison["roles"].as_array().unwrap();
    assert_eq!(roles.len(), ROLES.len());
    let store = roles.iter().find(|role| role["role"] == STORE).unwrap();
    assert_eq!(store["verdict"], "widened");
    assert_eq!(
        store["witnesses"][0]["context"],
        json!({"democluster-oidc.s3.us-east-2.amazonaws.com:sub": ["system:serviceaccount:example-image-store:image-store-pruner"]})
    );
    // A boundary that came narrows.
    assert!(roles.iter().filter(|role| role["role"] != STORE).all(|role| role["verdict"] == "narrowed"));
    let expected = ["airlock/new-audience", "airlock/new-key", "airlock/widened"];
    assert!(expected.iter().all(|id| ids(&forth).contains(id)), "{:?}", ids(&forth));
    // And one that went leaves open what it refused.
    let back = report(&scene, BUNDLE, &["--against", OTHER]);
    let went = back["comparison"]["roles"].as_array().unwrap();
    assert!(went.iter().all(|role| role["verdict"] == "undecided"), "{went:?}");
    assert_eq!(
        went[0]["undecided"],
        json!([
            "the boundary arn:aws:iam::123456789012:policy/edge no longer bounds the role, and no bundle says what it refuses"
        ])
    );
    Ok(())
}

#[test]
fn another_place_is_said_once() -> Test {
    let scene = scene()?;
    let elsewhere =
        ["--name", "prod-b", "--account-id", "210987654321", "--region", "cn-north-1", "--output-dir", "elsewhere"];
    scene.create_bundle(&elsewhere).run().exits(0);
    let comparison = &report(&scene, "elsewhere/prod-b-1.tar.gz", &["--against", BUNDLE])["comparison"];
    let fields: Vec<&str> =
        comparison["identity"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["name", "account", "partition", "region", "issuer"]);
    assert_eq!((&comparison["verdict"], &comparison["roles"]), (&json!("same"), &json!([])));
    assert_eq!(comparison["tags"], json!({"came": [], "went": []}));
    Ok(())
}

#[test]
fn the_requests_of_a_directory_are_those_that_count() -> Test {
    let scene = scene()?;
    let samples = crate_file("samples/credentials-requests");
    let directory = ["--credentials-requests-dir", samples.to_str().unwrap()];
    assert_eq!(report(&scene, BUNDLE, &directory)["rebuild"]["requests"], "directory");
    let wider = |text: String| text.replace("- s3:GetObject\n", "- s3:GetObject\n      - s3:PutBucketPolicy\n");
    changed(&scene, "01-image-store.yaml", wider, &[]);
    // By itself it is what its requests ask for; it is not what the release asks for.
    report(&scene, OTHER, &[]);
    let outcome = review(&scene, OTHER, &[&directory[..], &["--format", "json"]].concat());
    let outcome = outcome.exits(4).says(
        "error: out/democluster-2.tar.gz is not what the requests of the directory ask for (2 differences)\n  do not sign it; ask whoever made it",
    );
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        report["rebuild"]["differences"],
        json!([
            {
                "entry": format!("aws/role-policies/{STORE}.json"),
                "role": STORE,
                "statement": 1,
                "message": "action granted and not asked for",
                "found": "s3:PutBucketPolicy"
            },
            {"entry": "credentials-requests/01-image-store.yaml", "message": "another file from line 23 on"}
        ])
    );
    Ok(())
}

#[test]
fn accepted_findings_do_not_count() -> Test {
    let scene = scene()?;
    let before = report(&scene, BUNDLE, &[]);
    let findings = before["findings"].as_array().unwrap();
    let entries: Vec<Value> = findings
        .iter()
        .filter(|finding| finding["level"] != "note")
        .map(|finding| {
            json!({"id": finding["id"], "role": finding["role"], "by": "Ada", "reason": "a test", "until": "2999-12-31"})
        })
        .collect();
    assert!(!entries.is_empty());
    let accepted = |entries: &[Value]| scene.write("accepted.json", json!({ "accepted": entries }).to_string());
    accepted(&entries);
    let flags = ["--accepted", "accepted.json", "--fail-on", "warning"];
    review(&scene, BUNDLE, &["--fail-on", "warning"]).exits(1);
    review(&scene, BUNDLE, &flags).exits(0);
    let after = report(&scene, BUNDLE, &flags);
    let marked = after["findings"].as_array().unwrap().iter().filter(|finding| !finding["accepted"].is_null()).count();
    assert_eq!(marked, findings.iter().filter(|finding| finding["level"] != "note").count());

    let mut expired = entries.clone();
    expired[0]["until"] = json!("2026-01-01");
    accepted(&expired);
    review(&scene, BUNDLE, &flags).exits(1);
    accepted(
        &[
            entries,
            vec![json!({"id": "airlock/all-actions", "role": STORE, "by": "A", "reason": "b", "until": "2999-12-31"})],
        ]
        .concat(),
    );
    review(&scene, BUNDLE, &flags)
        .exits(1)
        .says("error: out/democluster-1.tar.gz has 1 finding at or above warning that nobody accepted");
    scene.write("accepted.json", "{}");
    review(&scene, BUNDLE, &flags)
        .exits(2)
        .says("error: accepted.json cannot be used\n  because: missing field `accepted` at line 1 column 2");
    Ok(())
}

#[test]
fn a_report_in_a_file_appears_whole_and_replaces_nothing() -> Test {
    let scene = scene()?;
    for format in ["text", "markdown", "json", "sarif", "html"] {
        let shown = review(&scene, BUNDLE, &["--format", format]).exits(0).stdout;
        let file = format!("report.{format}");
        let outcome = review(&scene, BUNDLE, &["--format", format, "--output", &file]).exits(0);
        assert_eq!((outcome.stdout.as_str(), scene.text(&file)), ("", shown));
    }
    scene.write("report.text", "mine");
    review(&scene, BUNDLE, &["--output", "report.text"]).exits(2).says(
        "error: report.text already exists with other content and is not overwritten\n  name another --output, or move it away",
    );
    assert_eq!(scene.text("report.text"), "mine");
    Ok(())
}

#[test]
fn what_is_no_bundle_is_refused() -> Test {
    let scene = scene()?;
    scene.write("cut.tar.gz", &scene.read(BUNDLE)[..1000]);
    let cut = review(&scene, "cut.tar.gz", &[]).exits(4);
    assert!(cut.stderr.starts_with("error: cut.tar.gz cannot be used\n"), "{}", cut.stderr);
    review(&scene, "none.tar.gz", &[]).exits(1);
    review(&scene, "out/democluster-1-install.tar.gz", &[]).exits(4).says(
        "error: out/democluster-1-install.tar.gz is an install archive, which may hold the cluster's private key: nobody but the \
         installer should have it\n  review the bundle: NAME-SERIAL.tar.gz",
    );
    scene.write("data.json", "{}");
    review(&scene, BUNDLE, &["--action-data", "data.json"]).exits(2);
    Ok(())
}
