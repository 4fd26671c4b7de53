//! Reading the largest bundle that there may be needs less than four times the archive limit of memory, and a review of a
//! thousand roles less than 100 MB.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use bundle_schema::limits::{MAX_ARCHIVE_BYTES, MAX_ENTRY_BYTES, MAX_TRUST_PATTERNS};
use tests::binaries::binaries;
use tests::forge::{Delivery, Kit, contents::parsed, heavy, raw};
use tests::program::Program;
use tests::scene::Scene;

#[test]
fn the_largest_bundle_is_verified_within_four_archive_limits() {
    let kit = Kit::new();
    // Bytes that do not compress, so that the archive is large too, spread over as few entries as the limits allow.
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'0' + u8::try_from(state >> 59).unwrap()
    };
    let delivery = kit.with_contents(|contents| {
        for number in 0..3 {
            let body = (0..MAX_ENTRY_BYTES).map(|_| noise()).collect();
            contents.requests.push((parsed(&format!("credentials-requests/z{number}.yaml")), body));
        }
        contents.requests.push((
            parsed("credentials-requests/z9.yaml"),
            vec![b'x'; usize::try_from(MAX_ENTRY_BYTES).unwrap() - 64 * 1024],
        ));
    });
    let tar = raw::gunzip(&delivery.archive).len() as u64;
    assert!(tar > MAX_ARCHIVE_BYTES - MAX_ARCHIVE_BYTES / 50 && tar <= MAX_ARCHIVE_BYTES, "the tar has {tar} bytes");

    verified_within_limits(&delivery);
}

#[test]
fn the_most_denied_actions_are_compared_with_the_largest_bundle() {
    let kit = Kit::new();
    let mut delivery = kit.with_contents(|contents| heavy::burden(contents, heavy::ROLES));
    let tar = raw::gunzip(&delivery.archive).len() as u64;
    assert!(tar > MAX_ARCHIVE_BYTES - MAX_ARCHIVE_BYTES / 50 && tar <= MAX_ARCHIVE_BYTES, "the tar has {tar} bytes");
    let mut trust = kit.trust();
    trust["deniedActions"] = heavy::denied(MAX_TRUST_PATTERNS).into();
    delivery.trust = trust.to_string();
    verified_within_limits(&delivery);
}

/// What a reviewer's laptop has to spare for a thousand roles.
const MAX_REVIEW_KIB: u64 = 100_000;

#[test]
fn a_thousand_roles_are_reviewed_in_a_hundred_megabytes() {
    let scene = Scene::with_key().unwrap();
    let bundle = |serial: &str, actions: &str| {
        let folder = format!("requests-{serial}");
        for number in 0..1000 {
            let request = format!(
                "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata: {{name: component-{number}}}\n\
                 spec:\n  serviceAccountNames: [operator, controller]\n  secretRef: {{name: credentials-{number}, namespace: \
                 example}}\n  providerSpec:\n    kind: AWSProviderSpec\n    statementEntries:\n    - {{effect: Allow, resource: \
                 '*', action: ['ec2:AttachVolume', 'ec2:CreateVolume', 's3:PutObject', 'iam:PassRole', {actions}]}}\n"
            );
            scene.write(&format!("{folder}/{number:04}.yaml"), request);
        }
        let arguments = ["--credentials-requests-dir", &folder, "--serial", serial];
        scene.create_bundle(&arguments).run().exits(0);
        format!("out/democluster-{serial}.tar.gz")
    };
    let (old, new) = (bundle("1", "'ec2:Describe*'"), bundle("2", "'ec2:D*', 'kms:CreateGrant'"));
    for format in ["text", "markdown", "html", "json", "sarif"] {
        let peak = scene.generator(["review", &new, "--against", &old, "--format", format]).usage().peak_kib;
        println!("reviewing 1,000 roles as {format} takes {peak} KiB");
        assert!(peak < MAX_REVIEW_KIB, "{format}: {peak} KiB");
    }
}

fn verified_within_limits(delivery: &Delivery) {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("prod-a-7.tar.gz");
    std::fs::write(&bundle, &delivery.archive).unwrap();
    for (suffix, signature) in &delivery.signatures {
        std::fs::write(folder.path().join(format!("prod-a-7.tar.gz{suffix}")), signature).unwrap();
    }
    std::fs::write(folder.path().join("trust.json"), &delivery.trust).unwrap();
    let applier = &binaries().unwrap().applier;
    let verify = Program::new(applier).args(["verify", "--trust", "trust.json"]).arg(&bundle).in_folder(folder.path());
    let peak = verify.usage().peak_kib;
    println!("verifying it takes {peak} KiB");
    assert!(peak * 1024 < 4 * MAX_ARCHIVE_BYTES, "{peak} KiB");
}
