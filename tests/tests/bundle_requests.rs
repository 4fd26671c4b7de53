//! The requests inside a bundle: whoever reviews one signs nothing that made no part of it.
//!
//! Each attack is a bundle that the generator's key has signed and whose form is right; only the requests are wrong.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use bundle_schema::documents::contents::Contents;
use tests::SetupError;
use tests::forge::contents::parsed;
use tests::forge::{Delivery, Kit};
use tests::program::Outcome;
use tests::scene::Scene;

type Test = Result<(), SetupError>;

const EXTRA: &str = "credentials-requests/extra.yaml";
const DISK: &str = "credentials-requests/disk.yaml";

/// What a reviewer's `sign` makes of a forged bundle.
fn sign(scene: &Scene, delivery: &Delivery) -> Outcome {
    let bundle = "prod-a-7.tar.gz";
    scene.write(bundle, &delivery.archive);
    for (ending, signature) in &delivery.signatures {
        scene.write(&format!("{bundle}{ending}"), signature);
    }
    let trusted = delivery.trust.split('"').find(|text| text.starts_with("RW")).unwrap();
    scene.sign(bundle, ".", &["--signer", "third", "--trusted-key", trusted]).run()
}

fn refused(scene: &Scene, delivery: &Delivery, problems: &[&str]) {
    let count = problems.len();
    sign(scene, delivery).exits(4).says(&format!(
        "error: prod-a-7.tar.gz cannot be used\n  because: invalid bundle: {count} problem(s)\n  {}",
        problems.join("\n  ")
    ));
    assert!(!scene.path("prod-a-7.tar.gz.third.minisig").exists());
}

#[test]
fn every_document_belongs_to_the_bundle() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    sign(&scene, &kit.good()).exits(0).says("");
    std::fs::remove_file(scene.path("prod-a-7.tar.gz.third.minisig")).unwrap();

    let registry = String::from_utf8(kit.entries()["credentials-requests/registry.yaml"].clone()).unwrap();
    let other = registry.replace("bucket-creds", "other-creds").replace("name: registry}", "name: other}");
    let extra = |text: &str| {
        kit.with_entries(|entries| {
            entries.insert(EXTRA.to_owned(), text.as_bytes().to_vec());
        })
    };
    for (text, problem) in [
        (other.as_str(), "document 1: no component comes from request other, and skipped does not list it"),
        // A Secret that a component has, in a file that it does not come from.
        (&registry, "document 1: no component comes from request registry, and skipped does not list it"),
        ("a: [\n", "line 1, column 4: unclosed bracket '['"),
        ("a: &b 1\n", "line 1, column 7: anchors (&name) are not read"),
        ("\u{1b}", "line 1, column 1: unexpected character: `\\u{1b}'"),
        ("# nothing\n", "it holds no CredentialsRequest"),
        ("kind: Secret\n", "document 1: it is a Secret, which must not be in a bundle"),
        (
            "kind: \"\\e[31m\"\n",
            "document 1: it is of kind \\u{1b}[31m, not CredentialsRequest, and skipped does not list it",
        ),
        ("kind: List\n", "document 1: kind (line 1): List is not read; write each object as a document of its own"),
    ] {
        refused(&scene, &extra(text), &[&format!("{EXTRA}: {problem}")]);
    }
    let unnamed = kit.with_entries(|entries| {
        entries.insert("credentials-requests/README.md".to_owned(), Vec::new());
    });
    refused(&scene, &unnamed, &["credentials-requests/README.md: its name does not end in .yaml, .yml or .json"]);
    let large = kit.with_entries(|entries| {
        entries.insert(EXTRA.to_owned(), vec![b'#'; 1024 * 1024 + 1]);
    });
    refused(&scene, &large, &[&format!("{EXTRA}: 1048577 bytes; at most 1048576 are allowed")]);
    Ok(())
}

#[test]
fn a_second_document_is_seen() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    let appended = |more: &str| kit.with_text(DISK, |text| text + "---\n" + more);
    refused(
        &scene,
        &appended("kind: Secret\n"),
        &[&format!("{DISK}: document 3: it is a Secret, which must not be in a bundle")],
    );
    refused(
        &scene,
        &appended("---\nkind: Config\n"),
        &[
            &format!("{DISK}: document 3: the document is empty, and skipped does not list it"),
            &format!("{DISK}: document 4: it is of kind Config, not CredentialsRequest, and skipped does not list it"),
        ],
    );
    let twice = kit.with_text(DISK, |text| format!("{text}---\n{}", text.split("---\n").next().unwrap()));
    refused(
        &scene,
        &twice,
        &[&format!("{DISK}: document 3: no component comes from request disk, and skipped does not list it")],
    );
    Ok(())
}

#[test]
fn the_index_says_what_the_requests_say() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    let index = |change: fn(&mut Contents)| kit.with_contents(change);
    let text = |from: &str, to: &str| kit.with_text(DISK, |text| text.replacen(from, to, 1));
    let role = "prod-a-storage-disk-creds";
    for (delivery, problem) in [
        (text("name: disk}", "name: tape}"), format!("{DISK}: document 1: metadata.name: expected disk, found tape")),
        (
            text("[disk-controller, ", "["),
            format!(
                "{DISK}: document 1: spec.serviceAccountNames: expected disk-controller, disk-node, found disk-node"
            ),
        ),
        (
            text("spec:\n", "spec:\n  cloudTokenPath: /token\n"),
            format!(
                "{DISK}: document 1: spec.cloudTokenPath: expected /var/run/secrets/openshift/serviceaccount/token, found /token"
            ),
        ),
        (
            text("kind: AWSProviderSpec", "kind: AWSProviderSpec\n    more: x"),
            format!(
                "{DISK}: document 1: spec.providerSpec (line 9) has the unknown field \"more\"; known are apiVersion, kind, \
                 statementEntries, stsIAMRoleARN"
            ),
        ),
        (
            text("name: disk-gcp}", "name: tape-gcp}"),
            format!("{DISK}: document 2: metadata.name: expected disk-gcp, found tape-gcp"),
        ),
        (
            index(|contents| contents.header.skipped[0].document = 9),
            format!("{DISK}: document 2: spec (line 19) has no field \"secretRef\""),
        ),
        (
            index(|contents| contents.header.skipped.push(contents.header.skipped[0].clone())),
            format!("bundle.json: skipped lists document 2 of {DISK} twice"),
        ),
        (
            index(|contents| {
                let more = contents.header.skipped[0].clone();
                contents.header.skipped.push(bundle_schema::documents::index::Skipped { document: 3, ..more });
            }),
            format!("bundle.json: skipped lists document 3 of {DISK}, which is not there"),
        ),
        (
            index(|contents| {
                let mut hidden = contents.header.skipped[0].clone();
                (hidden.document, hidden.request) = (1, Some(parsed("disk")));
                contents.header.skipped.push(hidden);
            }),
            format!("bundle.json: component {role}: no document of {DISK} asks for its Secret storage/disk-creds"),
        ),
    ] {
        refused(&scene, &delivery, &[&problem]);
    }
    Ok(())
}

/// As the generator makes it: a file of two documents, one of them for another cloud, an empty one, and lists as values.
#[test]
fn what_the_generator_makes_is_signed() -> Test {
    let scene = Scene::with_key()?;
    scene.signing_key("review");
    let samples = tests::crate_file("samples/credentials-requests/04-machines.yaml");
    let machines = std::fs::read_to_string(samples).unwrap();
    let condition = "      policyCondition: {StringEquals: {aws:RequestedRegion: [us-east-2, us-west-2]}}\n";
    scene.write("requests/machines.yaml", format!("{machines}{condition}---\n---\nkind: Config\n"));
    let requests = ["--credentials-requests-dir", "requests"];
    scene.create_bundle(&requests).run().exits(0);
    let bundle = "out/democluster-1.tar.gz";
    assert_eq!(
        scene.skipped(bundle),
        [
            "machines.yaml 1: providerSpec is of kind GCPProviderSpec, not AWSProviderSpec",
            "machines.yaml 3: the document is empty",
            "machines.yaml 4: it is of kind Config, not CredentialsRequest",
        ]
    );
    scene.sign(bundle, "review", &["--trusted-key", "minisign.pub"]).run().exits(0).says("");
    // Service accounts may be given to a request that has none.
    let without = machines.replace("  serviceAccountNames:\n  - machines-controller\n", "");
    scene.write("requests/machines.yaml", without);
    let accounts = "example-machines/machine-credentials=one,two";
    scene
        .create_bundle(&["--credentials-requests-dir", "requests", "--serial", "2", "--service-accounts", accounts])
        .run()
        .exits(0);
    scene.sign("out/democluster-2.tar.gz", "review", &["--trusted-key", "minisign.pub"]).run().exits(0);
    Ok(())
}
