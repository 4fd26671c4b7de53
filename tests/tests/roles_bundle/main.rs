//! Bundles of kind `roles`: roles for an identity provider that is there already, whose tags hold the record. Nothing else of the
//! provider is touched, and several of them live side by side with the cluster's own bundle.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

mod account;
mod failures;

use std::collections::BTreeMap;

use serde_json::json;
use tests::SetupError;
use tests::request::{Request, operations};
use tests::scene::{ACCOUNT, NAME, PROVIDER, ROLES};

use self::account::{Account, HOSTED, TAG};

type Test = Result<(), SetupError>;

/// Text for a person, with what was folded on one line.
fn unfolded(text: &str) -> String {
    text.replace("\n          ", " ").replace("\n    ", " ")
}

#[test]
fn roles_are_made_and_the_record_stands_in_the_providers_tags() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    let before = account.provider(HOSTED);
    let plan = unfolded(&account.run("plan", &bundle, &[]).exits(0).stdout);
    assert!(plan.contains(&format!("\nKind      roles for identity provider {HOSTED}\n")), "{plan}");
    assert!(!plan.contains("bucket") && !plan.contains("Issuer"), "{plan}");
    assert!(
        plan.contains("\n~ identity provider oidc.example.com/2abc record        tags sts-airlock/record/addons"),
        "{plan}"
    );
    assert!(plan.contains("\nPlan: create 2 resources, update 1 resource (6 calls).\n"), "{plan}");
    let json = account.run("plan", &bundle, &["--format", "json"]).exits(0).json();
    assert_eq!((&json["bundle"]["kind"], &json["providerArn"]), (&json!("roles"), &json!(HOSTED)));
    assert_eq!(
        (&json["actions"][0]["call"], &json["actions"][0]["place"]),
        (&json!("iam:TagOpenIDConnectProvider"), &json!({"provider": {"arn": HOSTED, "name": "addons"}}))
    );

    account.emulator.forget();
    account.run("apply", &bundle, &["--yes", "--receipt", "receipt.json", "--concurrency", "1"]).exits(0);
    let writes = account.emulator.writes();
    assert_eq!(
        writes.iter().map(Request::summary).collect::<Vec<_>>(),
        [
            format!("TagOpenIDConnectProvider {HOSTED}"),
            "CreateRole addons-efs-cloud".to_owned(),
            "CreateRole addons-lb-cloud".to_owned(),
            "PutRolePolicy addons-efs-cloud".to_owned(),
            "PutRolePolicy addons-lb-cloud".to_owned(),
            format!("TagOpenIDConnectProvider {HOSTED}"),
        ]
    );
    let requests = account.emulator.requests();
    assert!(requests.iter().all(|request| request.service != "s3" && request.service != "public"));
    let receipt = account.receipt();
    assert_eq!((&receipt["ending"], &receipt["bundle"]["kind"]), (&json!("done"), &json!("roles")));
    assert_eq!((receipt.get("issuerCheck"), receipt["record"]["made"].get("provider")), (None, None));

    let mut tags = account.tags(HOSTED);
    let first = tags.remove(TAG).unwrap();
    let fields: Vec<&str> = first.split(' ').collect();
    assert_eq!(
        [fields[0], fields[1], fields[2], fields[3], fields[7], fields[8]],
        ["1", "applied", "1", &account.scene.digest(&bundle), "2", "user/moto"]
    );
    let text = |value: &'_ serde_json::Value| value.as_str().unwrap().to_owned();
    assert_eq!((fields.len(), fields[5].to_owned()), (9, text(&receipt["record"]["run"])));
    assert_eq!(fields[6], text(&receipt["planDigest"]));
    assert_eq!(tags.remove(&format!("{TAG}/1")).unwrap().len(), 24);
    assert_eq!(tags, BTreeMap::from([("red-hat".to_owned(), "true".to_owned())]), "the tags of others stay");
    let after = account.provider(HOSTED);
    for field in ["ClientIDList", "ThumbprintList", "Url"] {
        assert_eq!(before[field], after[field]);
    }

    account.holds(&bundle);
    account.emulator.forget();
    account.apply(&bundle);
    assert_eq!(operations(&account.emulator.writes()), Vec::<&str>::new());
    let verified = account.scene.applier(["verify", &bundle, "--trusted-key", "minisign.pub"]).run().exits(0);
    assert!(verified.stdout.contains("\nKind      roles for identity provider\n"), "{}", verified.stdout);
    Ok(())
}

#[test]
fn two_of_them_and_the_clusters_own_live_side_by_side() -> Test {
    let account = Account::empty()?;
    let cluster = account.scene.bundle();
    account.apply(&cluster);
    let (addons, more) =
        (account.bundle("addons", PROVIDER, 1, &["efs", "lb"]), account.bundle("more", PROVIDER, 4, &["dns"]));
    account.apply(&addons);
    account.apply(&more);
    for bundle in [&cluster, &addons, &more] {
        account.holds(bundle);
    }
    let note = account.run("plan", &cluster, &[]).exits(0).stdout;
    assert!(note.contains("! roles bundle addons stands on this identity provider: serial 1\n"), "{note}");
    assert!(note.contains("! roles bundle more stands on this identity provider: serial 4\n"), "{note}");
    assert!(!account.run("plan", &addons, &[]).exits(0).stdout.contains("! "));

    // Each is upgraded, and none touches what is not its own.
    account.scene.create_bundle(&["--serial", "2"]).run().exits(0);
    let upgrades = [
        (format!("out/{NAME}-2.tar.gz"), NAME),
        (account.bundle("addons", PROVIDER, 2, &["efs", "logs"]), "addons"),
        (account.bundle("more", PROVIDER, 5, &["dns", "pki"]), "more"),
    ];
    for (bundle, name) in &upgrades {
        account.emulator.forget();
        account.apply(bundle);
        let roles: Vec<Request> =
            account.emulator.writes().into_iter().filter(|write| !write.parameter("RoleName").is_empty()).collect();
        let beginning = format!("{name}-");
        assert!(roles.iter().all(|write| write.parameter("RoleName").starts_with(&beginning)), "{name}");
    }
    account.holds(&upgrades[0].0);
    account.holds(&upgrades[2].0);
    let orphan = account.run("plan", &upgrades[1].0, &["--detailed-exitcode"]).exits(10).stdout;
    assert!(
        unfolded(&orphan).contains("! role addons-lb-cloud is the cluster's, is not in the bundle, and stays"),
        "{orphan}"
    );
    account.run("apply", &upgrades[1].0, &["--yes", "--prune"]).exits(0);
    account.holds(&upgrades[1].0);
    assert!(!account.roles().contains(&"addons-lb-cloud".to_owned()));

    // The provider goes with the cluster, so the cluster waits for the others.
    account.refuses(
        "delete",
        &upgrades[0].0,
        &["--yes"],
        &format!(
            "identity provider {PROVIDER} holds the records of bundles whose roles trust it: addons serial 2, more serial 5\n  delete \
             those first, each with its own bundle; if a bundle is lost, delete its roles by hand, and its tags with `aws iam \
             untag-open-id-connect-provider`"
        ),
    );
    account.delete(&upgrades[1].0);
    account.holds(&upgrades[0].0);
    account.holds(&upgrades[2].0);
    account.delete(&upgrades[2].0);
    account.holds(&upgrades[0].0);
    assert_eq!(account.roles(), ROLES);
    assert!(account.tags(PROVIDER).keys().all(|key| !key.starts_with("sts-airlock/record/")));
    account.delete(&upgrades[0].0);
    assert_eq!(account.roles(), Vec::<String>::new());
    Ok(())
}

#[test]
fn deleting_one_leaves_the_provider_as_it_was() -> Test {
    let account = Account::hosted()?;
    let before = account.provider(HOSTED);
    let bundle = account.addons();
    account.apply(&bundle);
    account.emulator.forget();
    account.delete(&bundle);
    assert_eq!(
        operations(&account.emulator.writes()),
        [
            "TagOpenIDConnectProvider",
            "DeleteRolePolicy",
            "DeleteRolePolicy",
            "DeleteRole",
            "DeleteRole",
            "UntagOpenIDConnectProvider"
        ]
    );
    assert_eq!((account.provider(HOSTED), account.roles()), (before, vec![]));
    account.emulator.forget();
    let again = account.delete(&bundle);
    assert!(again.stdout.contains("\nNothing to do: the account holds nothing of the bundle.\n"), "{}", again.stdout);
    assert_eq!(operations(&account.emulator.writes()), Vec::<&str>::new());
    account.apply(&bundle);
    account.holds(&bundle);
    Ok(())
}

#[test]
fn the_provider_must_be_there_with_the_audiences() -> Test {
    let account = Account::empty()?;
    let bundle = account.addons();
    account.refuses(
        "apply",
        &bundle,
        &["--yes"],
        &format!(
            "identity provider {HOSTED} does not exist in account {ACCOUNT}\n  make it first (`aws iam \
             create-open-id-connect-provider`), or make the bundle with another --identity-provider-arn"
        ),
    );
    account.delete(&bundle);
    account.make_provider(&["sts.amazonaws.com", "another"]);
    account.refuses(
        "apply",
        &bundle,
        &["--yes"],
        &format!(
            "identity provider {HOSTED} does not have all audiences of the bundle: missing openshift, found sts.amazonaws.com, \
             another\n  add them with `aws iam add-client-id-to-open-id-connect-provider`, or make the bundle with another --audience"
        ),
    );
    let add = json!({"OpenIDConnectProviderArn": HOSTED, "ClientID": "openshift"});
    account.call("add_client_id_to_open_id_connect_provider", add);
    account.apply(&bundle);
    account.holds(&bundle);
    assert_eq!(account.provider(HOSTED)["ClientIDList"].as_array().unwrap().len(), 3, "more audiences are no problem");
    Ok(())
}

#[test]
fn the_clusters_own_name_is_refused() -> Test {
    let account = Account::empty()?;
    account.apply(&account.scene.bundle());
    let bundle = account.bundle(NAME, PROVIDER, 2, &["efs"]);
    let same = format!(
        "identity provider {PROVIDER} is of cluster {NAME}, and the bundle has the same name\n  make the bundle with a --name of its \
         own: the cluster's own bundle would take its roles for orphans"
    );
    account.refuses("apply", &bundle, &["--yes", "--adopt"], &same);
    account.refuses("delete", &bundle, &["--yes", "--adopt"], &same);
    Ok(())
}

#[test]
fn serials_do_not_go_back_and_have_one_digest() -> Test {
    let account = Account::hosted()?;
    let (first, second) = (account.addons(), account.bundle("addons", HOSTED, 2, &["efs", "lb"]));
    account.apply(&second);
    account.refuses(
        "apply",
        &first,
        &["--yes"],
        "bundle has serial 1, the account holds serial 2, which is newer\n  apply the newer bundle, or make this one again with a \
         --serial above 2; to go back all the same: --allow-rollback",
    );
    let applied = account.scene.digest(&second);
    for file in [&second, &format!("{second}.minisig")] {
        account.scene.remove(file);
    }
    account.scene.remove("out/addons-2-install.tar.gz");
    account.scene.remove("out/addons-2-install.tar.gz.minisig");
    let other = account.bundle("addons", HOSTED, 2, &["efs", "lb", "pki"]);
    account.refuses(
        "apply",
        &other,
        &["--yes"],
        &format!(
            "bundle has serial 2 and SHA-256 {}, the account holds serial 2 with SHA-256 {applied}\n  make the bundle again with a \
             --serial above 2",
            account.scene.digest(&other)
        ),
    );
    account.run("apply", &first, &["--yes", "--allow-rollback"]).exits(0);
    account.holds(&first);
    Ok(())
}

#[test]
fn a_record_that_somebody_changed_is_refused() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    account.apply(&bundle);
    let tags = account.tags(HOSTED);
    let (first, marks) = (&tags[TAG], &tags[&format!("{TAG}/1")]);
    // What it says about the roles follows from that.
    let is_refused = |command: &str, reason: &str| {
        account.emulator.forget();
        let refused = account.run(command, &bundle, &["--yes"]).exits(5).stderr;
        let expected = format!(
            "\n- record {TAG} in the tags of {HOSTED} is not what this program writes: {reason}\n  find out who changed it; to start \
             a new record, remove it, then give --previous-receipt FILE or --adopt\n"
        );
        assert!(refused.contains(&expected), "{refused}");
        assert_eq!(operations(&account.emulator.writes()), Vec::<&str>::new());
    };
    let malformed = |key: &str| format!("tag {key} does not have the form that this program writes");
    for (from, to) in [(" applied ", " done "), (" 1 ", " 01 "), (" 2 user/", " 900000 user/"), ("1 ", "")] {
        account.tag(HOSTED, TAG, &first.replacen(from, to, 1));
        is_refused("apply", &malformed(TAG));
    }
    account.tag(HOSTED, TAG, &first.replacen("1 ", "2 ", 1));
    is_refused("apply", "it has version 2; this program reads version 1");
    account.untag(HOSTED, &[TAG]);
    is_refused("delete", &format!("tag {TAG} is missing"));
    account.tag(HOSTED, TAG, first);
    let list = format!("{TAG}/1");
    account.untag(HOSTED, &[&list]);
    is_refused("apply", &format!("tag {list} is missing"));
    account.tag(HOSTED, &list, &marks[..23]);
    is_refused("apply", &malformed(&list));
    account.tag(HOSTED, &list, &[&marks[12..], &marks[..12]].concat());
    is_refused("apply", &malformed(&list));
    // Marks of the right form that fit no role: the roles are nobody's then.
    account.tag(HOSTED, &list, "000000000000ffffffffffff");
    let refused = account.run("apply", &bundle, &["--yes"]).exits(5).stderr;
    assert_eq!(refused.matches("carries the cluster's tag, but is not in the record of what was made here").count(), 2);
    account.tag(HOSTED, &list, marks);
    account.holds(&bundle);
    Ok(())
}

#[test]
fn a_role_that_somebody_made_again_is_not_ours() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    account.apply(&bundle);
    let role = "addons-efs-cloud";
    account.call("delete_role_policy", json!({"RoleName": role, "PolicyName": role}));
    account.call("delete_role", json!({"RoleName": role}));
    let tags = json!([{"Key": "openshift.io/cloud-credential-operator/addons", "Value": "owned"}]);
    let made = account.call("create_role", json!({"RoleName": role, "AssumeRolePolicyDocument": "{}", "Tags": tags}));
    let id = made["Role"]["RoleId"].as_str().unwrap();
    let refused = account.run("apply", &bundle, &["--yes"]).exits(5).stderr;
    let expected = format!(
        "error: role {role} carries the cluster's tag, but is not in the record of what was made here ({id}, made "
    );
    assert!(refused.starts_with(&expected), "{refused}");
    account.run("apply", &bundle, &["--yes", "--adopt"]).exits(0);
    account.holds(&bundle);
    Ok(())
}

/// As roles are that ccoctl made; or where somebody removed the tags.
#[test]
fn roles_without_a_record_are_taken_over_or_known_from_the_receipt() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    account.apply(&bundle);
    let remove = || account.untag(HOSTED, &[TAG, &format!("{TAG}/1")]);
    remove();
    account.run("apply", &bundle, &["--yes"]).exits(5);
    account.run("delete", &bundle, &["--yes"]).exits(5);
    let adopted = account.run("apply", &bundle, &["--yes", "--adopt"]).exits(0).stdout;
    assert!(adopted.contains("\n! ROLE addons-efs-cloud "), "{adopted}");
    account.holds(&bundle);
    let second = account.bundle("addons", HOSTED, 2, &["efs", "lb"]);
    account.run("apply", &second, &["--yes", "--receipt", "kept.json"]).exits(0);
    remove();
    account.run("plan", &bundle, &["--previous-receipt", "kept.json"]).exits(5);
    account.run("apply", &second, &["--yes", "--previous-receipt", "kept.json"]).exits(0);
    account.holds(&second);
    Ok(())
}

#[test]
fn what_is_changed_by_hand_is_put_back() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    account.apply(&bundle);
    let role = "addons-efs-cloud";
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    ]});
    account.call("update_assume_role_policy", json!({"RoleName": role, "PolicyDocument": policy.to_string()}));
    account.call("delete_role_policy", json!({"RoleName": role, "PolicyName": role}));
    account.run("plan", &bundle, &["--detailed-exitcode"]).exits(10);
    account.apply(&bundle);
    account.holds(&bundle);
    Ok(())
}

#[test]
fn a_provider_has_fifty_tags_at_most() -> Test {
    let account = Account::hosted()?;
    let bundle = account.addons();
    // One is there.
    for number in 0..48 {
        account.tag(HOSTED, &format!("k{number}"), "v");
    }
    account.refuses(
        "apply",
        &bundle,
        &["--yes"],
        &format!(
            "identity provider {HOSTED} would have 51 tags: it has 49, and the record of 2 roles needs 2 more; IAM takes 50\n  remove tags that are not in use, or make the bundle of fewer requests"
        ),
    );
    account.untag(HOSTED, &["k0"]);
    account.apply(&bundle);
    account.holds(&bundle);
    Ok(())
}
