//! What a trust file allows: denied actions, exceptions, and how much of either there may be.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::policy::{Effect, PermissionStatement};
use serde_json::{Value, json};
use tests::binaries::binaries;
use tests::forge::{Delivery, Kit, contents::parsed, heavy};
use tests::program::{Outcome, Program};

/// `verify --trust` of a bundle with these contents, with more in the trust file.
fn verify(kit: &Kit, change: impl FnOnce(&mut Contents), limits: &Value) -> Outcome {
    let Delivery { archive, signatures, .. } = kit.with_contents(change);
    let mut trust = kit.trust();
    trust.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("prod-a-7.tar.gz", &archive);
    for (suffix, signature) in &signatures {
        write(&format!("prod-a-7.tar.gz{suffix}"), signature);
    }
    write("trust.json", trust.to_string().as_bytes());
    let applier = Program::new(&binaries().unwrap().applier).in_folder(folder.path());
    applier.args(["verify", "prod-a-7.tar.gz", "--trust", "trust.json"]).run()
}

/// The statements of the first role, prod-a-registry-bucket-creds.
fn statements(contents: &mut Contents) -> &mut Vec<PermissionStatement> {
    &mut contents.roles[0].policy.policy_document.0.statement
}

fn actions(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("iam:Thing{number:03}")).collect()
}

#[test]
fn a_deny_statement_grants_nothing() {
    let deny = |contents: &mut Contents| {
        let first = &mut statements(contents)[0];
        first.effect = Effect::Deny;
        first.action = Some(vec![parsed("iam:*")]);
    };
    verify(&Kit::new(), deny, &json!({ "deniedActions": ["iam:PassRole"] })).exits(0);
}

#[test]
fn what_a_role_is_granted_twice_is_one_reason() {
    let repeat = |contents: &mut Contents| {
        let statements = statements(contents);
        statements[0].action = Some(vec![parsed("iam:PassRole"), parsed("iam:Get*")]);
        statements[1].action = None;
        statements[1].not_action = Some(actions(7).iter().map(|action| parsed(action)).collect());
        statements.extend(statements.clone());
    };
    verify(&Kit::new(), repeat, &json!({ "deniedActions": ["iam:*", "iam:Put*"] })).exits(3).says(
        "error: the trust file does not allow this bundle: 3 problem(s)\n  \
         role prod-a-registry-bucket-creds grants iam:Get*, iam:PassRole, and iam:* is denied\n  \
         role prod-a-registry-bucket-creds grants all actions but iam:Thing000, iam:Thing001, iam:Thing002, iam:Thing003, \
         iam:Thing004 and 2 more, and iam:* is denied\n  \
         role prod-a-registry-bucket-creds grants all actions but iam:Thing000, iam:Thing001, iam:Thing002, iam:Thing003, \
         iam:Thing004 and 2 more, and iam:Put* is denied",
    );
}

#[test]
fn a_hostile_bundle_does_not_fill_the_screen() {
    let limits = json!({ "deniedActions": (0..20).map(|number| format!("iam:*{number}*")).collect::<Vec<_>>() });
    let said = verify(&Kit::new(), |contents| heavy::burden(contents, 100), &limits).exits(3).stderr;
    assert!(said.starts_with("error: the trust file does not allow this bundle: 1000 problem(s)\n"), "{said}");
    assert!(said.ends_with("\n  and 980 more\n") && said.len() < 20 * 1_000, "{} bytes", said.len());

    let foreign = |contents: &mut Contents| {
        heavy::burden(contents, 1_010);
        contents
            .roles
            .iter_mut()
            .for_each(|role| role.policy.policy_document.0.statement[0].resource = parsed("arn:aws-cn:s3:::b"));
    };
    let said = verify(&Kit::new(), foreign, &json!({})).exits(4).stderr;
    assert!(said.starts_with("error: invalid bundle: 1000 problem(s)\n"), "{said}");
    assert!(said.ends_with("\n  and 980 more\n") && said.len() < 20 * 1_000, "{} bytes", said.len());
}

#[test]
fn the_patterns_of_a_trust_file_are_limited() {
    let kit = Kit::new();
    let exception = |actions: Vec<String>| json!({ "role": "*", "actions": actions });
    for (field, most, more) in [
        ("names", json!({ "names": vec!["*"; 128] }), json!({ "names": vec!["*"; 129] })),
        ("deniedActions", json!({ "deniedActions": actions(128) }), json!({ "deniedActions": actions(129) })),
        ("ignoredTags", json!({ "ignoredTags": vec!["a*"; 128] }), json!({ "ignoredTags": vec!["a*"; 129] })),
        (
            "exceptions",
            json!({ "exceptions": vec![exception(actions(1)); 128] }),
            json!({ "exceptions": vec![exception(actions(1)); 129] }),
        ),
        (
            "exceptions[].actions",
            json!({ "exceptions": [exception(actions(64)), exception(actions(64))] }),
            json!({ "exceptions": [exception(actions(64)), exception(actions(65))] }),
        ),
    ] {
        verify(&kit, |_| (), &most).exits(0);
        verify(&kit, |_| (), &more)
            .exits(2)
            .says(&format!("error: trust file trust.json has 129 entries in \"{field}\"; at most 128 are allowed"));
    }
    for field in ["names", "ignoredTags"] {
        let long = "a".repeat(128);
        let said = verify(&kit, |_| (), &json!({ field: [long] })).exits(2).stderr;
        let reason = format!(
            "error: trust file trust.json is refused\n  because: invalid pattern \"{}... (68 more characters)\": must have 1 to 127 \
             bytes at line 1 column ",
            "a".repeat(60)
        );
        assert!(said.starts_with(&reason), "{said}");
    }
    let said = verify(&kit, |_| (), &json!({ "deniedActions": [format!("iam:{}", "a".repeat(124))] })).exits(2).stderr;
    let reason = "error: trust file trust.json is refused\n  because: invalid action \"iam:";
    assert!(said.starts_with(reason) && said.contains("\": must have at most 127 characters at line 1"), "{said}");
}
