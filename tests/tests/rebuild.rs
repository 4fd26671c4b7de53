//! A bundle is made again before it is signed: nobody signs what the requests in it do not ask for.
//!
//! Each attack is a bundle that the generator's key has signed and whose form is right; only it is not what its requests and
//! settings give.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing, and changes what it made itself"
)]

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::index::Skipped;
use bundle_schema::documents::policy::{PermissionStatement, RoleTrustPolicy};
use bundle_schema::json::Embedded;
use serde_json::Value;
use tests::SetupError;
use tests::forge::contents::{distribution, endpoint, own_host, parsed};
use tests::forge::{Delivery, Kit};
use tests::program::Outcome;
use tests::scene::Scene;

type Test = Result<(), SetupError>;

const EXTRA: &str = "credentials-requests/extra.yaml";
const DISK: &str = "credentials-requests/disk.yaml";
const DISK_ROLE: &str = "prod-a-storage-disk-creds";
const REGISTRY_ROLE: &str = "prod-a-registry-bucket-creds";
const DISKS: &str = "allows ec2:AttachVolume, ec2:Describe* on *";
const GRANTS: &str = "allows kms:CreateGrant on * if Bool kms:GrantIsForAWSResource is true";

/// Writes a forged bundle and its signatures; gives its name and the generator's key.
fn deliver(scene: &Scene, delivery: &Delivery) -> (&'static str, String) {
    let bundle = "prod-a-7.tar.gz";
    scene.write(bundle, &delivery.archive);
    for (ending, signature) in &delivery.signatures {
        scene.write(&format!("{bundle}{ending}"), signature);
    }
    (bundle, delivery.trust.split('"').find(|text| text.starts_with("RW")).unwrap().to_owned())
}

/// What a reviewer's `sign` makes of a forged bundle.
fn sign(scene: &Scene, delivery: &Delivery, more: &[&str]) -> Outcome {
    let (bundle, trusted) = deliver(scene, delivery);
    scene.sign(bundle, ".", &["--signer", "third", "--trusted-key", &trusted]).args(more).run()
}

/// `sign` refuses the bundle and names these differences; `review` has the same in its report.
fn refused(scene: &Scene, delivery: &Delivery, differences: &[&str]) {
    let count =
        if differences.len() == 1 { "1 difference".to_owned() } else { format!("{} differences", differences.len()) };
    let lines: Vec<String> = differences.iter().map(|difference| format!("- {difference}\n")).collect();
    sign(scene, delivery, &[]).exits(4).says(&format!(
        "error: prod-a-7.tar.gz is not what its requests ask for: {count}\n{}  \
         read the whole report: airlock-generator review prod-a-7.tar.gz\n  \
         --without-rebuild signs it all the same, and the signature says so",
        lines.concat()
    ));
    assert!(!scene.path("prod-a-7.tar.gz.third.minisig").exists());
    let review = scene.generator(["review", "prod-a-7.tar.gz", "--format", "json"]).run().exits(4);
    let report: Value = serde_json::from_str(&review.stdout).unwrap();
    assert_eq!(report["rebuild"]["identical"], false);
    assert_eq!(report["rebuild"]["differences"].as_array().unwrap().len(), differences.len());
}

/// The contents of the statement of a role.
fn statement(contents: &mut Contents, role: usize, statement: usize) -> &mut PermissionStatement {
    &mut contents.roles[role].policy.policy_document.0.statement[statement]
}

#[test]
fn what_was_not_asked_for_is_named() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    sign(&scene, &kit.good(), &[]).exits(0).says("");
    scene.remove("prod-a-7.tar.gz.third.minisig");
    let forged = |change: fn(&mut Contents)| kit.with_contents(change);
    for (delivery, differences) in [
        (
            forged(|contents| {
                let more = ["secretsmanager:GetSecretValue", "iam:CreateAccessKey"].map(parsed);
                statement(contents, 1, 0).action.as_mut().unwrap().extend(more);
            }),
            vec![
                format!("{DISK_ROLE}, statement 1: action granted and not asked for: iam:CreateAccessKey"),
                format!("{DISK_ROLE}, statement 1: action granted and not asked for: secretsmanager:GetSecretValue"),
            ],
        ),
        (
            forged(|contents| drop(statement(contents, 1, 0).action.as_mut().unwrap().pop())),
            vec![format!("{DISK_ROLE}, statement 1: action asked for and not granted: ec2:Describe*")],
        ),
        (
            forged(|contents| {
                let all =
                    PermissionStatement { action: Some(vec![parsed("iam:*")]), ..statement(contents, 1, 0).clone() };
                contents.roles[1].policy.policy_document.0.statement.push(all);
            }),
            vec![format!("{DISK_ROLE}, statement 3: statement granted and not asked for: allows iam:* on *")],
        ),
        (
            forged(|contents| {
                contents.roles[0].policy.policy_document.0.statement.remove(1);
            }),
            vec![format!("{REGISTRY_ROLE}: statement asked for and not granted: {GRANTS}")],
        ),
        (
            kit.with_text(DISK, |text| text.replacen("resource: '*'", "resource: 'arn:aws:ec2:*:*:volume/*'", 1)),
            vec![
                // Both roles of the good bundle have the same policy.
                format!("{DISK_ROLE}: has the policy of {REGISTRY_ROLE}"),
                format!("{DISK_ROLE}, statement 1: resource set and not asked for: *"),
                format!("{DISK_ROLE}, statement 1: resource asked for and not set: arn:aws:ec2:*:*:volume/*"),
            ],
        ),
        (
            forged(|contents| statement(contents, 1, 1).condition = None),
            vec![format!(
                "{DISK_ROLE}, statement 2: condition asked for and not set: Bool kms:GrantIsForAWSResource is true"
            )],
        ),
        (
            forged(|contents| contents.roles[1].policy.policy_document.0.statement.swap(0, 1)),
            vec![format!("{DISK_ROLE}: has the same statements and actions in another order")],
        ),
    ] {
        refused(&scene, &delivery, &differences.iter().map(String::as_str).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn roles_are_those_of_the_requests() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    let forged = |change: fn(&mut Contents)| kit.with_contents(change);
    let swapped = kit.with_contents(|contents| {
        let registry = &mut contents.requests[1].1;
        *registry =
            String::from_utf8(registry.clone()).unwrap().replace("ec2:AttachVolume", "s3:GetObject").into_bytes();
        statement(contents, 1, 0).action = Some(vec![parsed("s3:GetObject"), parsed("ec2:Describe*")]);
    });
    for (delivery, differences) in [
        (
            swapped,
            vec![
                format!("{REGISTRY_ROLE}: has the policy of {DISK_ROLE}"),
                format!("{REGISTRY_ROLE}, statement 1: action granted and not asked for: ec2:AttachVolume"),
                format!("{REGISTRY_ROLE}, statement 1: action asked for and not granted: s3:GetObject"),
                format!("{DISK_ROLE}: has the policy of {REGISTRY_ROLE}"),
                format!("{DISK_ROLE}, statement 1: action granted and not asked for: s3:GetObject"),
                format!("{DISK_ROLE}, statement 1: action asked for and not granted: ec2:AttachVolume"),
            ],
        ),
        (
            forged(|contents| {
                contents.header.components[1].service_accounts.push(parsed("default"));
                trust_its_accounts(contents, 1);
            }),
            vec![format!("{DISK_ROLE}: service account that may assume the role and was not asked for: default")],
        ),
        (
            forged(|contents| {
                contents.header.components[1].service_accounts.remove(0);
                trust_its_accounts(contents, 1);
            }),
            vec![format!("{DISK_ROLE}: service account asked for that may not assume the role: disk-controller")],
        ),
        (
            forged(|contents| {
                contents.header.components[1].service_accounts.swap(0, 1);
                trust_its_accounts(contents, 1);
            }),
            vec![format!("{DISK_ROLE}: names the service accounts in another order")],
        ),
        (
            forged(|contents| {
                let (mut ghost, mut documents) = (contents.header.components[1].clone(), contents.roles[1].clone());
                (ghost.secret_name, ghost.role_name) = (parsed("ghost"), parsed("prod-a-storage-ghost"));
                documents.create.role_name = ghost.role_name.clone();
                documents.create.description = ghost.role_description();
                documents.policy.role_name = ghost.role_name.clone();
                documents.policy.policy_name = ghost.role_name.clone();
                contents.header.components.push(ghost);
                contents.roles.push(documents);
            }),
            [(1, DISKS), (2, GRANTS)]
                .map(|(number, words)| {
                    format!(
                        "prod-a-storage-ghost, statement {number}: statement granted and not asked for: no request asks for this \
                         role: {words}"
                    )
                })
                .into(),
        ),
        (
            forged(|contents| {
                contents.header.components.remove(0);
                contents.roles.remove(0);
            }),
            [DISKS, GRANTS]
                .map(|words| {
                    format!("{REGISTRY_ROLE}: statement asked for and not granted: request registry has no role: {words}")
                })
                .into(),
        ),
        (
            forged(|contents| contents.header.components[1].source = parsed("credentials-requests/registry.yaml")),
            vec![format!("{DISK_ROLE}: another source: expected {DISK}, found credentials-requests/registry.yaml")],
        ),
        (
            forged(|contents| contents.roles[1].create.permissions_boundary = None),
            vec![format!(
                "{DISK_ROLE}: another permissions boundary: expected arn:aws:iam::123456789012:policy/boundary, found none"
            )],
        ),
    ] {
        refused(&scene, &delivery, &differences.iter().map(String::as_str).collect::<Vec<_>>());
    }
    // A tag of one role alone is refused before: the documents of a bundle have the tags of its index.
    let tag = forged(|contents| contents.roles[1].create.tags[2].value = parsed("edge"));
    let outcome = sign(&scene, &tag, &[]).exits(4);
    assert!(outcome.stderr.contains(&format!("aws/roles/{DISK_ROLE}.json: Tags: expected ")), "{}", outcome.stderr);
    Ok(())
}

/// The trust policy that goes with a role's service accounts.
fn trust_its_accounts(contents: &mut Contents, role: usize) {
    let (header, subjects) = (&contents.header, contents.header.components[role].subjects());
    contents.roles[role].create.assume_role_policy_document = Embedded(RoleTrustPolicy::of(header, &subjects));
}

#[test]
fn every_document_belongs_to_the_bundle() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    let registry = String::from_utf8(kit.entries()["credentials-requests/registry.yaml"].clone()).unwrap();
    let other = registry.replace("bucket-creds", "other-creds").replace("name: registry}", "name: other}");
    let extra = |text: &str| {
        kit.with_entries(|entries| {
            entries.insert(EXTRA.to_owned(), text.as_bytes().to_vec());
        })
    };
    let no_role = [DISKS, GRANTS].map(|words| {
        format!("prod-a-registry-other-creds: statement asked for and not granted: request other has no role: {words}")
    });
    refused(&scene, &extra(&other), &no_role.each_ref().map(String::as_str));
    for (text, difference) in [
        // A Secret that a component has, in a file that it does not come from.
        (
            registry.as_str(),
            "bundle.json: cannot be made again: requests registry (extra.yaml, document 1) and registry (registry.yaml, document 1) \
             have the same Secret registry/bucket-creds",
        ),
        ("a: [\n", "credentials-requests/extra.yaml: cannot be made again: line 1, column 4: unclosed bracket '['"),
        (
            "a: &b 1\n",
            "credentials-requests/extra.yaml: cannot be made again: line 1, column 7: anchors (&name) are not read",
        ),
        (
            "\u{1b}",
            "credentials-requests/extra.yaml: cannot be made again: line 1, column 1: unexpected character: `\\u{1b}'",
        ),
        ("# nothing\n", "credentials-requests/extra.yaml: no role and no skipped document comes from it"),
        ("kind: Secret\n", "credentials-requests/extra.yaml: no role and no skipped document comes from it"),
        (
            "kind: List\n",
            "credentials-requests/extra.yaml: cannot be made again: document 1: kind (line 1): List is not read; write each object \
             as a document of its own",
        ),
    ] {
        refused(&scene, &extra(text), &[difference]);
    }
    let unnamed = kit.with_entries(|entries| {
        entries.insert("credentials-requests/README.md".to_owned(), Vec::new());
    });
    refused(&scene, &unnamed, &["credentials-requests/README.md: no role and no skipped document comes from it"]);
    let large = kit.with_entries(|entries| {
        entries.insert(EXTRA.to_owned(), vec![b'#'; 1024 * 1024 + 1]);
    });
    refused(&scene, &large, &[&format!("{EXTRA}: cannot be made again: 1048577 bytes; at most 1048576 are allowed")]);
    Ok(())
}

#[test]
fn a_second_document_is_seen() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    let appended = |more: &str| kit.with_text(DISK, |text| text + "---\n" + more);
    refused(
        &scene,
        &appended("kind: Secret\n"),
        &[&format!(
            "{DISK}: cannot be made again: document 3: the document (line 21): a Secret must not be in a bundle"
        )],
    );
    refused(
        &scene,
        &appended("---\nkind: Config\n"),
        &[
            &format!("{DISK}: skipped, and not listed so: document 3 (without a name): the document is empty"),
            &format!(
                "{DISK}: skipped, and not listed so: document 4 (without a name): it is of kind Config, not CredentialsRequest"
            ),
        ],
    );
    Ok(())
}

#[test]
fn the_index_says_what_the_requests_say() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    let index = |change: fn(&mut Contents)| kit.with_contents(change);
    let text = |from: &str, to: &str| kit.with_text(DISK, |text| text.replacen(from, to, 1));
    let gcp = "providerSpec is of kind GCPProviderSpec, not AWSProviderSpec";
    for (delivery, difference) in [
        (text("name: disk}", "name: tape}"), format!("{DISK_ROLE}: another request: expected tape, found disk")),
        (
            text("spec:\n", "spec:\n  cloudTokenPath: /token\n"),
            format!(
                "{DISK_ROLE}: another token path: expected /token, found /var/run/secrets/openshift/serviceaccount/token"
            ),
        ),
        (
            text("kind: AWSProviderSpec", "kind: AWSProviderSpec\n    more: x"),
            format!(
                "{DISK}: cannot be made again: document 1: spec.providerSpec (line 9) has the unknown field \"more\"; known are \
                 apiVersion, kind, statementEntries, stsIAMRoleARN"
            ),
        ),
        (
            index(|contents| contents.header.skipped.push(contents.header.skipped[0].clone())),
            "bundle.json: lists the skipped documents in another order, or one twice".to_owned(),
        ),
        (
            index(|contents| {
                let more = contents.header.skipped[0].clone();
                contents.header.skipped.push(Skipped { document: 3, ..more });
            }),
            format!("{DISK}: listed as skipped for a reason that does not hold: document 3 (disk-gcp): {gcp}"),
        ),
        (
            index(|contents| contents.header.skipped.clear()),
            format!("{DISK}: skipped, and not listed so: document 2 (disk-gcp): {gcp}"),
        ),
    ] {
        refused(&scene, &delivery, &[&difference]);
    }
    Ok(())
}

#[test]
fn without_a_rebuild_the_signature_says_so() -> Test {
    let (scene, kit) = (Scene::with_key()?, Kit::new());
    let forged = kit.with_contents(|contents| statement(contents, 1, 1).condition = None);
    sign(&scene, &forged, &["--without-rebuild"]).exits(0);
    let comment = |file: &str| scene.text(file).lines().nth(2).unwrap().to_owned();
    let remarked = comment("prod-a-7.tar.gz.third.minisig");
    assert!(remarked.ends_with("\tfile:prod-a-7.tar.gz\thashed\twithout-rebuild"), "{remarked}");
    let review = scene.generator(["review", "prod-a-7.tar.gz", "--trusted-key", "minisign.pub"]).run().exits(4).stdout;
    let verdict = review.split("\n\n").next().unwrap().replace("\n    ", " ");
    assert!(verdict.ends_with("; signed by trusted key 1 WITHOUT A REBUILD"), "{verdict}");
    scene.remove("prod-a-7.tar.gz.third.minisig");
    sign(&scene, &kit.good(), &[]).exits(0);
    let comment = comment("prod-a-7.tar.gz.third.minisig");
    assert!(comment.ends_with("\tfile:prod-a-7.tar.gz\thashed"), "{comment}");
    Ok(())
}

/// As the generator makes it: a file of two documents, one of them for another cloud, an empty one, and lists as values.
#[test]
fn private_buckets_are_made_again() -> Test {
    let kit = Kit::new();
    for contents in [endpoint(), distribution(), own_host()] {
        sign(&Scene::with_key()?, &kit.of(contents).good(), &[]).exits(0).says("");
    }
    let not_asked_for = kit.of(own_host()).with_contents(|contents| statement(contents, 1, 1).condition = None);
    let found = sign(&Scene::with_key()?, &not_asked_for, &[]).exits(4).stderr;
    assert!(found.starts_with("error: prod-a-7.tar.gz is not what its requests ask for: "), "{found}");
    Ok(())
}

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
