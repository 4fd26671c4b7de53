//! `sign --trust FILE`: the other roles' signatures are there, the signing key has a role, and the limits hold.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use std::error::Error;

use serde_json::{Value, json};
use tests::forge::receipt::GOOD;
use tests::program::Outcome;
use tests::scene::Scene;

type Test = Result<(), Box<dyn Error>>;

/// A bundle that the generator has signed, and a reviewer's key.
fn scene() -> Result<(Scene, String), Box<dyn Error>> {
    let scene = Scene::with_key()?;
    scene.signing_key("review");
    let bundle = scene.bundle();
    Ok((scene, bundle))
}

/// Writes a trust file with both roles, and more.
fn trust(scene: &Scene, more: &Value) {
    let (generator, reviewer) = (scene.public_key("minisign.pub"), scene.public_key("review/minisign.pub"));
    let mut trust = json!({ "roles": { "generator": [generator], "reviewer": [reviewer] } });
    for (field, value) in more.as_object().unwrap() {
        trust[field] = value.clone();
    }
    scene.write("trust.json", trust.to_string());
}

fn sign(scene: &Scene, file: &str, key_folder: &str) -> Outcome {
    scene.sign(file, key_folder, &["--trust", "trust.json"]).run()
}

#[test]
fn whoever_signs_last_is_told_the_role() -> Test {
    let (scene, bundle) = scene()?;
    trust(&scene, &json!({}));
    let key = scene.public_key("review/minisign.pub");
    let signed = sign(&scene, &bundle, "review").exits(0);
    let end = format!("Signature  {bundle}.reviewer.minisig (written)\nSigned by  {key} (role \"reviewer\")\n");
    assert!(signed.stdout.ends_with(&end), "{}", signed.stdout);
    scene.applier(["verify", &bundle, "--trust", "trust.json"]).run().exits(0);

    let again = scene.sign(&bundle, "review", &["--trust", "trust.json", "--format", "json"]).run().exits(0).json();
    assert_eq!((&again["role"], &again["kept"]), (&json!("reviewer"), &json!(true)));
    let without = scene.sign(&bundle, "review", &["--format", "json"]).run().exits(0).json();
    assert_eq!(without.get("role"), None);
    let both = ["--trust", "trust.json", "--trusted-key", "minisign.pub"];
    let refused = scene.sign(&bundle, "review", &both).run().exits(2).stderr;
    assert!(
        refused.starts_with("error: the argument '--trust <FILE>' cannot be used with '--trusted-key <KEY>'"),
        "{refused}"
    );
    Ok(())
}

#[test]
fn a_key_of_no_role_signs_nothing() -> Test {
    let (scene, bundle) = scene()?;
    scene.signing_key("stranger");
    trust(&scene, &json!({}));
    let refusal = |folder: &str| {
        let key = scene.public_key(&format!("{folder}/minisign.pub"));
        format!(
            "error: signing key {key} belongs to no role of the trust file, so its signature would count for nothing\n  \
             sign with a key of a role: \"generator\", \"reviewer\""
        )
    };
    sign(&scene, &bundle, "stranger").exits(3).says(&refusal("stranger"));
    // The same key under another ID: a reader would not find it.
    let line = scene.public_key("review/minisign.pub");
    let other_id = format!("RWQAAAAAAAAA{}", &line[12..]);
    trust(&scene, &json!({ "roles": { "generator": [scene.public_key("minisign.pub")], "reviewer": [other_id] } }));
    sign(&scene, &bundle, "review").exits(3).says(&refusal("review"));
    assert!(!scene.path(&format!("{bundle}.reviewer.minisig")).exists());
    Ok(())
}

#[test]
fn every_other_role_has_signed_before() -> Test {
    let (scene, bundle) = scene()?;
    scene.signing_key("security");
    trust(&scene, &json!({}));
    let (generator, reviewer) = (scene.public_key("minisign.pub"), scene.public_key("review/minisign.pub"));
    scene.sign(&bundle, ".", &["--trust", "trust.json", "--signer", "again"]).run().exits(3).says(&format!(
        "error: role \"reviewer\" has not signed: none of its keys ({reviewer}) made the only signature beside the bundle \
         (democluster-1.tar.gz.minisig)\n  to sign: airlock-generator sign BUNDLE --signing-key KEY, or minisign -S -m BUNDLE -x \
         BUNDLE.SIGNER.minisig"
    ));
    let security = scene.public_key("security/minisign.pub");
    trust(&scene, &json!({ "roles": { "generator": [generator], "reviewer": [reviewer], "security": [security] } }));
    let two = "error: roles \"reviewer\", \"security\" have not signed; all roles but the signing key's must have signed before\n  \
               get the signatures of the other roles first";
    sign(&scene, &bundle, "review").exits(3).says(two);
    // No key is opened, and nothing is asked, before that.
    let unopened = ["sign", &bundle, "--signing-key", "nowhere", "--trust", "trust.json"];
    scene.generator(unopened).run().exits(3).says(two);
    scene.sign(&bundle, "review", &[]).run().exits(0);
    scene.sign(&bundle, "security", &["--trust", "trust.json", "--signer", "security"]).run().exits(0);
    scene.applier(["verify", &bundle, "--trust", "trust.json"]).run().exits(0);

    let signature = scene.text(&format!("{bundle}.minisig"));
    scene.write(&format!("{bundle}.minisig"), signature.replacen("file:democluster-1", "file:democluster-2", 1));
    let refused = sign(&scene, &bundle, "review").exits(3).stderr;
    let reason = "error: signature democluster-1.tar.gz.minisig claims the trusted key ";
    assert!(refused.starts_with(reason), "{refused}");
    Ok(())
}

#[test]
fn the_limits_are_those_of_the_applier() -> Test {
    let (scene, bundle) = scene()?;
    scene.sign(&bundle, "review", &[]).run().exits(0);
    for (limits, reason) in [
        (json!({ "accounts": ["210987654321"] }), "account 123456789012 is none of 210987654321"),
        (json!({ "partitions": ["aws-cn"] }), "partition aws is none of aws-cn"),
        (json!({ "names": ["prod-*"] }), "name democluster matches none of prod-*"),
        (json!({ "minimumSerial": { "democluster": 2 } }), "serial of democluster is 1; at least 2 is required"),
        (
            json!({ "deniedActions": ["iam:PassRole"] }),
            "role democluster-example-machines-machine-credentials grants iam:PassRole, and iam:PassRole is denied",
        ),
    ] {
        trust(&scene, &limits);
        let refusal = format!("error: the trust file does not allow this bundle: 1 problem(s)\n  {reason}");
        sign(&scene, &bundle, "review").exits(3).says(&refusal);
        scene.applier(["verify", &bundle, "--trust", "trust.json"]).run().exits(3).says(&refusal);
    }
    trust(&scene, &json!({ "exceptions": [{ "role": "x-*", "actions": ["iam:*"] }] }));
    let unused = "warning: the trust file's exception for x-* (iam:*) spares nothing in this bundle";
    sign(&scene, &bundle, "review").exits(0).says(unused);
    Ok(())
}

#[test]
fn an_old_bundle_is_not_signed() -> Test {
    let (scene, _) = scene()?;
    // Six days old, on whatever day this runs.
    let six_days_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(6 * 24);
    let seconds = six_days_ago.duration_since(std::time::UNIX_EPOCH)?.as_secs().to_string();
    scene.create_bundle(&["--output-dir", "old"]).env("SOURCE_DATE_EPOCH", &seconds).run().exits(0);
    let created = scene.entry("old/democluster-1.tar.gz", "bundle.json")["created"].clone();
    trust(&scene, &json!({ "maxAgeDays": 5 }));
    sign(&scene, "old/democluster-1.tar.gz", "review").exits(3).says(&format!(
        "error: the trust file does not allow this bundle: 1 problem(s)\n  bundle was created {}, 6 days ago; at most 5 are allowed",
        created.as_str().unwrap()
    ));
    trust(&scene, &json!({ "maxAgeDays": 7 }));
    sign(&scene, "old/democluster-1.tar.gz", "review").exits(0);
    Ok(())
}

#[test]
fn a_trust_file_is_read_as_the_applier_reads_it() -> Test {
    let (scene, bundle) = scene()?;
    for (text, code) in [
        ("{\"roles\": {\"a\": []}}", 3),
        ("{}", 2),
        ("{\"roles\": {}, \"accounts\": []}", 2),
        ("{\"roles\": {}, \"x\": 1}", 2),
    ] {
        scene.write("trust.json", text);
        let expected = scene.applier(["verify", &bundle, "--trust", "trust.json"]).run().exits(code).stderr;
        sign(&scene, &bundle, "review").exits(code).says(expected.trim_end());
    }
    scene.sign(&bundle, "review", &["--trust", "nowhere.json"]).run().exits(2).says(
        "error: the trust file cannot be read\n  because: nowhere.json cannot be read\n  because: No such file or directory (os error 2)",
    );
    Ok(())
}

#[test]
fn a_receipt_needs_the_signatures_and_the_limits_on_its_account() -> Test {
    let (scene, _) = scene()?;
    trust(&scene, &json!({ "deniedActions": ["iam:*"], "accounts": ["123456789012"] }));
    scene.write("receipt.json", GOOD);
    let refused = sign(&scene, "receipt.json", "review").exits(3).stderr;
    assert!(refused.starts_with("error: roles \"generator\", \"reviewer\" have not signed; "), "{refused}");
    scene.sign("receipt.json", ".", &["--signer", "generator"]).run().exits(0);
    sign(&scene, "receipt.json", "review").exits(0);
    trust(&scene, &json!({ "accounts": ["210987654321"] }));
    sign(&scene, "receipt.json", "review").exits(3).says(
        "error: the trust file does not allow this receipt: 1 problem(s)\n  account 123456789012 is none of 210987654321",
    );
    Ok(())
}
