//! The cluster's key is rotated: two keys are published, then the new one alone.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use bundle_schema::documents::key::ServiceAccountKey;
use generator::keys::service_account::{KeyType, PrivateKey};
use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::Emulator;
use tests::program::{Outcome, Program};
use tests::scene::{BUCKET, Scene};

type Test = Result<(), SetupError>;

const FIRST: &str = "out/democluster-1.tar.gz";
const SECOND: &str = "out/democluster-2.tar.gz";
const THIRD: &str = "out/democluster-3.tar.gz";

/// A key whose ID begins with a hyphen, as one in 64 does.
fn key_with_a_hyphen() -> ServiceAccountKey {
    let keys = std::iter::repeat_with(|| PrivateKey::generate(KeyType::P256).unwrap().public().clone());
    keys.into_iter().find(|key| key.kid().starts_with('-')).unwrap()
}

/// The next bundle, made on this day of November, with the sample requests and nothing else that `--previous` could give.
fn next(scene: &Scene, previous: &str, day: u32, more: &[&str]) -> Program {
    let created = format!("2026-11-{day:02}T00:00:00Z");
    scene.create_next_bundle(previous, more).args(["--expires-in", "400", "--created", &created])
}

fn kids(jwks: &Value) -> Vec<&str> {
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect()
}

/// The JWKS that AWS reads, which is the same at both places.
fn published(emulator: &Emulator) -> Value {
    let read = |key: &str| emulator.call("s3", "get_object", json!({"Bucket": BUCKET, "Key": key}))["Body"].clone();
    assert_eq!(read("keys.json"), read("openid/v1/jwks"));
    serde_json::from_str(read("keys.json").as_str().unwrap()).unwrap()
}

/// Text without its folding.
fn flat(outcome: &Outcome) -> String {
    outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn review(scene: &Scene, bundle: &str, against: &str) -> Outcome {
    let arguments = ["review", bundle, "--against", against, "--trusted-key", "minisign.pub", "--format", "json"];
    scene.generator(arguments).run().exits(0)
}

#[test]
fn both_keys_are_published_and_then_the_new_one() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    scene.create_bundle(&["--created", "2026-11-01T00:00:00Z", "--expires-in", "400"]).run().exits(0);
    scene.applies(&emulator, "apply", FIRST, &["--yes"]).run().exits(0);
    let (old, new) = (scene.entry(FIRST, "oidc/keys.json"), key_with_a_hyphen());
    let (old, new_kid) = (kids(&old)[0].to_owned(), new.kid().to_owned());
    scene.write("next.public", new.to_pem());

    let report =
        next(&scene, FIRST, 2, &["--add-public-key", "next.public", "--format", "json"]).run().exits(0).says("").json();
    assert_eq!((&report["kid"], &report["furtherKids"]), (&json!(old), &json!([new_kid])));
    let further = format!("keys/{new_kid}.public");
    assert_eq!(scene.entry_bytes(SECOND, &further), new.to_pem().into_bytes());
    assert_eq!(
        scene.entry_bytes(SECOND, "serviceaccount-signer.public"),
        scene.entry_bytes(FIRST, "serviceaccount-signer.public")
    );
    assert_eq!(kids(&scene.entry(SECOND, "oidc/keys.json")), [&old, &new_kid]);
    assert_eq!(
        scene.entry(SECOND, "oidc/openid-configuration")["id_token_signing_alg_values_supported"],
        json!(["ES256", "RS256"])
    );
    let added = review(&scene, SECOND, FIRST).json();
    assert_eq!(added["comparison"]["keys"], json!({"came": [new_kid], "went": []}));
    assert_eq!(added["rebuild"]["identical"], true);
    assert_eq!(
        added["keys"],
        json!([{"kid": old, "key": "RSA-4096", "signs": true}, {"kid": new_kid, "key": "P-256", "signs": false}])
    );
    let text = flat(&scene.generator(["review", SECOND, "--against", FIRST]).run().exits(0));
    assert!(text.contains(&format!(" ! NEW KEY {new_kid}: whoever holds its private half")), "{text}");
    assert!(!text.contains("KEY GONE") && !text.contains("the keys are the same"), "{text}");
    scene.sign(SECOND, ".", &["--signer", "again"]).run().exits(0);

    let plan = scene.applies(&emulator, "plan", SECOND, &["--format", "json"]).run().exits(0).json();
    let change =
        |before: &[&String], after: &[&String]| json!([{"kind": "key-change", "before": before, "after": after}]);
    assert_eq!(plan["findings"], change(&[&old], &[&old, &new_kid]));
    let text = flat(&scene.applies(&emulator, "plan", SECOND, &[]).run().exits(0));
    let headline = format!("Z ! THE PUBLISHED KEYS CHANGE: published now: {old}; then: {old}, {new_kid}. AWS");
    assert!(text.contains(&headline), "{text}");
    scene.applies(&emulator, "apply", SECOND, &["--yes"]).run().exits(0);
    assert_eq!(published(&emulator), scene.entry(SECOND, "oidc/keys.json"));
    scene.applies(&emulator, "plan", SECOND, &["--detailed-exitcode"]).run().exits(0);

    // Two days later no token of the old key is left.
    next(&scene, SECOND, 4, &["--drop-key", &old]).run().exits(0).says("");
    assert_eq!(scene.entry_bytes(THIRD, "serviceaccount-signer.public"), new.to_pem().into_bytes());
    assert!(!scene.entries(THIRD).iter().any(|entry| entry.starts_with("keys/")));
    let dropped = flat(&scene.generator(["review", THIRD, "--against", SECOND]).run().exits(0));
    assert!(dropped.contains(&format!(" ! KEY GONE {old}: every token that it signed stops working ")), "{dropped}");
    assert!(dropped.contains(&format!(" ! another signing key: {new_kid}, was {old} ")), "{dropped}");
    assert!(!dropped.contains("NEW KEY"), "{dropped}");
    let plan = scene.applies(&emulator, "plan", THIRD, &["--format", "json"]).run().exits(0).json();
    assert_eq!(plan["findings"], change(&[&old, &new_kid], &[&new_kid]));
    let text = scene.applies(&emulator, "plan", THIRD, &[]).run().exits(0).stdout;
    assert!(text.contains("Z\n\n! THE SIGNING KEY CHANGES: "), "{text}");
    scene.applies(&emulator, "apply", THIRD, &["--yes"]).run().exits(0);
    assert_eq!(kids(&published(&emulator)), [&new_kid]);
    scene.applies(&emulator, "plan", THIRD, &["--detailed-exitcode"]).run().exits(0);
    Ok(())
}

#[test]
fn an_early_drop_is_warned_of_and_a_senseless_one_refused() -> Test {
    let scene = Scene::with_key()?;
    scene.create_bundle(&["--created", "2026-11-01T00:00:00Z"]).run().exits(0);
    let old = kids(&scene.entry(FIRST, "oidc/keys.json"))[0].to_owned();
    let new = key_with_a_hyphen();
    scene.write("next.public", new.to_pem());
    scene.write("same.public", scene.entry_bytes(FIRST, "serviceaccount-signer.public"));
    let refused = |previous: &str, more: &[&str], error: &str| {
        next(&scene, previous, 1, more).run().exits(2).says(&format!("error: {error}"));
    };
    refused(
        FIRST,
        &["--drop-key", &old],
        "--drop-key leaves no key, so AWS would refuse every token\n  add the new one before: --add-public-key FILE",
    );
    let unknown =
        format!("is \"{}\"; the bundle of --previous has {old}\n  give the key ID as `review` shows it", new.kid());
    refused(FIRST, &["--drop-key", new.kid()], &format!("--drop-key {unknown}"));
    refused(FIRST, &["--signing-kid", new.kid()], &format!("--signing-kid {unknown}"));
    refused(
        FIRST,
        &["--add-public-key", "same.public"],
        &format!("key {old} of --add-public-key is published already, or given twice\n  leave it out"),
    );
    for flag in ["--drop-key", "--signing-kid", "--add-public-key"] {
        scene.create_bundle(&["--serial", "2", flag, "next.public"]).run().exits(2).says(&format!(
            "error: {flag} changes the keys of the bundle of --previous, which is not given\n  give --previous BUNDLE, or leave {flag} \
             out"
        ));
    }
    assert!(!scene.path(SECOND).exists());

    // The other way round: the new key is taken back, although its ID looks like a flag.
    next(&scene, FIRST, 2, &["--add-public-key", "next.public"]).run().exits(0).says("");
    let early = "warning: a key is dropped less than a day after the bundle of --previous was made, at 2026-11-02T00:00:00Z: if that \
                 one added the key that is left, tokens of the old one may still be in use";
    next(&scene, SECOND, 2, &["--drop-key", new.kid()]).run().exits(0).says(early);
    assert_eq!(scene.entry_bytes(THIRD, "oidc/keys.json"), scene.entry_bytes(FIRST, "oidc/keys.json"));
    next(&scene, SECOND, 3, &["--signing-kid", new.kid(), "--serial", "4"]).run().exits(0).says("");
    assert_eq!(kids(&scene.entry("out/democluster-4.tar.gz", "oidc/keys.json")), [new.kid(), &old]);
    let at_once = ["--add-public-key", "next.public", "--drop-key", &old, "--serial", "5"];
    next(&scene, FIRST, 3, &at_once).run().exits(0).says(
        "warning: no key of the bundle of --previous is left: every token stops working once this one is applied",
    );
    assert_eq!(kids(&scene.entry("out/democluster-5.tar.gz", "oidc/keys.json")), [new.kid()]);
    Ok(())
}
