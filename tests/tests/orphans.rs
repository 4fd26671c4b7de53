//! Roles that an older bundle had and the new one has not: named in every plan, removed with `--prune` alone. Roles of other
//! clusters, however alike their names are, are none of ours.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::fs;

use serde_json::{Value, json};
use tests::emulator::{Effect, Emulator, Which};
use tests::request::Request;
use tests::scene::{self, NAME, ROLES, Scene};
use tests::{SetupError, crate_file};

type Test = Result<(), SetupError>;

/// The sample role that the next bundle does not have.
const OLD: &str = ROLES[0];
const NEXT: &str = "out/democluster-2.tar.gz";
/// A policy of somebody else.
const POLICY: &str = "arn:aws:iam::123456789012:policy/administrator";

/// A scene with two bundles: the sample requests, and the same without one, with `more` for both.
fn upgrade(more: &[&str]) -> Result<(Scene, String), SetupError> {
    let scene = Scene::with_key()?;
    scene.create_bundle(more).run().exits(0);
    for file in fs::read_dir(crate_file("samples/credentials-requests")).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if name != "03-block-storage.yaml" {
            scene.write(&format!("next/{name}"), fs::read(file.path()).unwrap());
        }
    }
    let arguments = [&["--credentials-requests-dir", "next", "--serial", "2"], more].concat();
    scene.create_bundle(&arguments).run().exits(0);
    Ok((scene, format!("out/{NAME}-1.tar.gz")))
}

/// An account that holds the first bundle, and the second one to apply.
fn upgraded(more: &[&str]) -> Result<(Scene, Emulator), SetupError> {
    let ((scene, first), emulator) = (upgrade(more)?, Emulator::start()?);
    scene.applies(&emulator, "apply", &first, &["--yes"]).run().exits(0);
    Ok((scene, emulator))
}

fn is_there(emulator: &Emulator, role: &str) -> bool {
    let roles = emulator.call("iam", "list_roles", json!({}));
    roles["Roles"].as_array().unwrap().iter().any(|live| live["RoleName"] == role)
}

fn make_role(emulator: &Emulator, role: &str, owner: Option<&str>, path: &str) {
    let key = |cluster: &str| format!("openshift.io/cloud-credential-operator/{cluster}");
    let tags: Vec<Value> = owner.iter().map(|owner| json!({"Key": key(owner), "Value": "owned"})).collect();
    let made = json!({"RoleName": role, "AssumeRolePolicyDocument": "{}", "Tags": tags, "Path": path});
    emulator.call("iam", "create_role", made);
}

fn everything() -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}).to_string()
}

/// Somebody attaches [`POLICY`] to a role.
fn attach_administrator(emulator: &Emulator, role: &str) {
    let policy = json!({"PolicyName": "administrator", "PolicyDocument": everything()});
    emulator.call("iam", "create_policy", policy);
    emulator.call("iam", "attach_role_policy", json!({"RoleName": role, "PolicyArn": POLICY}));
}

/// Text for a person, with what was folded on one line.
fn unfolded(text: &str) -> String {
    text.replace("\n    ", " ")
}

/// What a plan says of orphans, as a program reads it.
fn orphans(scene: &Scene, emulator: &Emulator, code: i32, more: &[&str]) -> Vec<Value> {
    let arguments = [&["--format", "json", "--detailed-exitcode"], more].concat();
    let plan = scene.applies(emulator, "plan", NEXT, &arguments).run().exits(code).json();
    let findings = plan["findings"].as_array().unwrap();
    findings.iter().filter(|finding| finding["kind"] == "orphan").cloned().collect()
}

#[test]
fn a_role_that_the_bundle_no_longer_has_stays_until_it_is_pruned() -> Test {
    let (scene, emulator) = upgraded(&[])?;
    let run = |command, more: &[&str]| scene.applies(&emulator, command, NEXT, more).run();
    run("apply", &["--yes"]).exits(0);
    assert!(is_there(&emulator, OLD));
    let id = emulator.call("iam", "get_role", json!({"RoleName": OLD}))["Role"]["RoleId"].clone();
    assert_eq!(scene::record(&emulator)["made"]["roles"][OLD], id);

    let named = run("plan", &["--detailed-exitcode"]).exits(10).stdout;
    let stays = "is the cluster's, is not in the bundle, and stays (--prune removes it) made          2";
    assert!(
        unfolded(&named).contains(&format!("\n! role {OLD} {stays}"))
            && named.contains("\n    last used     never, as far as IAM tells\n")
            && named.contains("\nNothing to change, but what is marked with ! above is not the bundle's.\n"),
        "{named}"
    );
    let [orphan] = &orphans(&scene, &emulator, 10, &[])[..] else { panic!("one orphan") };
    assert_eq!((&orphan["role"], &orphan["roleId"], &orphan["inRecord"]), (&json!(OLD), &id, &json!(true)));
    assert_eq!(
        (&orphan["pruned"], &orphan["usedLately"], &orphan["policies"]),
        (&json!(false), &json!(false), &json!([]))
    );
    emulator.forget();
    run("apply", &["--yes"]).exits(0);
    assert_eq!(emulator.writes().len(), 0);

    let shown = run("plan", &["--prune", "--detailed-exitcode"]).exits(10).stdout;
    assert!(unfolded(&shown).contains(&format!("\n! ROLE {OLD} IS REMOVED (--prune) made ")), "{shown}");
    assert!(
        shown.contains("\nPlan: create 0 resources, update 0 resources, delete 1 resource (4 calls).\n"),
        "{shown}"
    );
    run("apply", &["--yes", "--prune"]).exits(0);
    let writes: Vec<String> = emulator.writes().iter().map(Request::summary).collect();
    let written = "PutObject sts-airlock/record.json".to_owned();
    assert_eq!(writes, [written.clone(), format!("DeleteRolePolicy {OLD}"), format!("DeleteRole {OLD}"), written]);
    assert!(!is_there(&emulator, OLD));
    assert!(scene::record(&emulator)["made"]["roles"].get(OLD).is_none());
    run("plan", &["--detailed-exitcode"]).exits(0);
    run("plan", &["--prune", "--detailed-exitcode"]).exits(0);
    Ok(())
}

/// In one go: what is new is there before what is old goes, and everything of it goes.
#[test]
fn an_upgrade_that_prunes_removes_last() -> Test {
    let (scene, emulator) = upgraded(&[])?;
    attach_administrator(&emulator, OLD);
    let inline = json!({"RoleName": OLD, "PolicyName": "more", "PolicyDocument": everything()});
    emulator.call("iam", "put_role_policy", inline);
    emulator.call("iam", "update_role", json!({"RoleName": ROLES[4], "Description": "another"}));
    emulator.used(OLD, 2);
    let [orphan] = &orphans(&scene, &emulator, 10, &[])[..] else { panic!("one orphan") };
    assert_eq!((&orphan["policies"], &orphan["usedLately"]), (&json!([POLICY, "more"]), &json!(true)));

    let shown = scene.applies(&emulator, "plan", NEXT, &["--prune"]).run().exits(0).stdout;
    let loudly = format!("\n! ROLE {OLD} IS REMOVED (--prune) ALTHOUGH IT WAS USED LATELY made ");
    assert!(unfolded(&shown).contains(&loudly), "{shown}");
    assert!(shown.contains(" in us-east-2: LESS THAN 7 DAYS AGO\n"), "{shown}");
    assert!(shown.contains(&format!("\n    others added  {POLICY}, more\n")), "{shown}");
    emulator.forget();
    scene.applies(&emulator, "apply", NEXT, &["--yes", "--prune"]).run().exits(0);
    let writes: Vec<String> = emulator.writes().iter().map(|write| write.operation.clone()).collect();
    let last = ["DetachRolePolicy", "DeleteRolePolicy", "DeleteRolePolicy", "DeleteRole", "PutObject"];
    assert_eq!(writes[writes.len() - 5..], last, "{writes:?}");
    assert!(writes[..writes.len() - 5].contains(&"UpdateRole".to_owned()));
    assert!(!is_there(&emulator, OLD));
    assert_eq!(orphans(&scene, &emulator, 0, &[]), Vec::<Value>::new());
    Ok(())
}

/// A role that somebody made under the same name is another one, whatever it is tagged.
#[test]
fn an_orphan_that_is_known_by_its_tag_alone_goes_only_by_adoption() -> Test {
    let (scene, emulator) = upgraded(&[])?;
    scene.applies(&emulator, "apply", NEXT, &["--yes", "--prune"]).run().exits(0);
    make_role(&emulator, OLD, Some(NAME), "/");
    emulator.used(OLD, 8);
    for more in [&[][..], &["--prune"], &["--adopt"]] {
        let [orphan] = &orphans(&scene, &emulator, 10, more)[..] else { panic!("one orphan") };
        assert_eq!((&orphan["inRecord"], &orphan["usedLately"]), (&json!(false), &json!(false)));
        let apply = [&["--yes"], more].concat();
        scene.applies(&emulator, "apply", NEXT, &apply).run().exits(0);
        assert!(is_there(&emulator, OLD));
    }
    let named = scene.applies(&emulator, "plan", NEXT, &["--prune"]).run().exits(0).stdout;
    assert!(
        unfolded(&named)
            .contains("is neither in the bundle nor in the record, and stays (--prune --adopt removes it) made "),
        "{named}"
    );
    scene.applies(&emulator, "apply", NEXT, &["--yes", "--prune", "--adopt"]).run().exits(0);
    assert!(!is_there(&emulator, OLD));
    scene.applies(&emulator, "plan", NEXT, &["--detailed-exitcode"]).run().exits(0);
    Ok(())
}

/// `democluster-` is the beginning of `democluster-a-` as well.
#[test]
fn roles_of_a_cluster_with_a_longer_name_are_left_alone() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.create_bundle(&["--name", "democluster-a"]).run().exits(0);
    let longer = "out/democluster-a-1.tar.gz";
    for bundle in [&bundle, longer] {
        scene.applies(&emulator, "apply", bundle, &["--yes"]).run().exits(0);
    }
    make_role(&emulator, "democluster-of-somebody", None, "/");
    make_role(&emulator, "democluster-a-old", Some("democluster-a"), "/");
    // Whoever may tag can make two clusters claim a role; then nobody removes it.
    make_role(&emulator, "democluster-both", Some(NAME), "/");
    let both = json!([{"Key": "openshift.io/cloud-credential-operator/democluster-a", "Value": "owned"}]);
    emulator.call("iam", "tag_role", json!({"RoleName": "democluster-both", "Tags": both}));
    let all = ["--detailed-exitcode", "--prune", "--adopt"];
    let plan = scene.applies(&emulator, "plan", &bundle, &all).run().exits(0).stdout;
    assert!(plan.contains("\nNothing to do: the account holds what the bundle says.\n"), "{plan}");
    emulator.forget();
    let plan = scene.applies(&emulator, "plan", longer, &["--format", "json"]).run().exits(0).json();
    assert_eq!(plan["findings"].as_array().unwrap().len(), 1);
    assert_eq!(plan["findings"][0]["role"], "democluster-a-old");
    Ok(())
}

/// IAM answers a listing in pages, as long as it likes.
#[test]
fn every_page_of_the_listing_is_read() -> Test {
    let (scene, emulator) = upgraded(&[])?;
    scene.applies(&emulator, "apply", NEXT, &["--yes"]).run().exits(0);
    for number in 0..6 {
        make_role(&emulator, &format!("of-somebody-{number}"), None, "/");
    }
    make_role(&emulator, "democluster-stray", Some(NAME), "/");
    emulator.page_size(2);
    emulator.forget();
    let found = orphans(&scene, &emulator, 10, &[]);
    let names: Vec<&str> = found.iter().map(|orphan| orphan["role"].as_str().unwrap()).collect();
    assert_eq!(names, [OLD, "democluster-stray"]);
    let requests = emulator.requests();
    let count = |operation: &str| requests.iter().filter(|request| request.operation == operation).count();
    assert_eq!(count("ListRoles"), 6, "twelve roles, two a page");
    // Each role that is ours, by name; the stray one first for its tags.
    assert_eq!(count("GetRole"), ROLES.len() + 2);
    let first = requests.iter().find(|request| request.operation == "ListRoles").unwrap();
    assert_eq!((first.parameter("MaxItems"), first.parameter("PathPrefix")), ("1000", ""));
    Ok(())
}

/// With a path of its own, that path alone is listed; names that are taken elsewhere are found all the same.
#[test]
fn a_role_path_is_listed_alone() -> Test {
    let (scene, emulator) = upgraded(&["--role-path", "/team/"])?;
    make_role(&emulator, "democluster-stray", Some(NAME), "/team/");
    make_role(&emulator, "democluster-elsewhere", Some(NAME), "/other/");
    emulator.forget();
    let found = orphans(&scene, &emulator, 10, &[]);
    let names: Vec<&str> = found.iter().map(|orphan| orphan["role"].as_str().unwrap()).collect();
    assert_eq!(names, [OLD, "democluster-stray"]);
    let requests = emulator.requests();
    let listing = requests.iter().find(|request| request.operation == "ListRoles").unwrap();
    assert_eq!(listing.parameter("PathPrefix"), "/team/");
    scene.applies(&emulator, "apply", NEXT, &["--yes", "--prune"]).run().exits(0);
    assert!(!is_there(&emulator, OLD));

    emulator.reset();
    make_role(&emulator, ROLES[1], Some(NAME), "/other/");
    let refused = scene.applies(&emulator, "plan", NEXT, &[]).run().exits(5).stderr;
    assert!(refused.contains(&format!("role {} has path /other/, the bundle has /team/", ROLES[1])), "{refused}");
    Ok(())
}

/// What others put on a role of the cluster's counts for the exit code, and goes with `--prune` too.
#[test]
fn policies_of_others_on_a_role_of_the_bundle_count() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
    attach_administrator(&emulator, ROLES[1]);
    scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(10);
    scene.applies(&emulator, "apply", &bundle, &["--yes", "--prune"]).run().exits(0);
    scene.applies(&emulator, "plan", &bundle, &["--detailed-exitcode"]).run().exits(0);
    Ok(())
}

/// A role that belongs to something else as well cannot be removed: IAM says so, and what to do is said too.
#[test]
fn a_role_in_an_instance_profile_is_not_removed() -> Test {
    let (scene, emulator) = upgraded(&[])?;
    emulator.call("iam", "create_instance_profile", json!({"InstanceProfileName": "p"}));
    let joined = json!({"InstanceProfileName": "p", "RoleName": OLD});
    emulator.call("iam", "add_role_to_instance_profile", joined.clone());
    // Not sent again: a test need not wait for IAM to see what was removed.
    let error = Effect::Error { status: 400, code: "ValidationError", message: "stop" };
    emulator.spoil(Which::Operation("DeleteRole"), 1, 100, error);
    let stopped = scene.applies(&emulator, "apply", NEXT, &["--yes", "--prune"]).run().exits(6).stderr;
    assert!(stopped.contains("because: iam:DeleteRole failed: "), "{stopped}");
    emulator.forget();
    emulator.call("iam", "remove_role_from_instance_profile", joined);
    scene.applies(&emulator, "apply", NEXT, &["--yes", "--prune"]).run().exits(0);
    scene.applies(&emulator, "plan", NEXT, &["--detailed-exitcode"]).run().exits(0);
    Ok(())
}
