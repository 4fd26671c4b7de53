//! What can be counted, and so does not depend on the machine: the crates behind the programs, and the requests that a cluster
//! takes. A number that changes here is a change that somebody pays for.

#![allow(clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use tests::SetupError;
use tests::emulator::Emulator;
use tests::linked::crates_of;
use tests::request::{longest_chain, operations};
use tests::scene::Scene;

type Test = Result<(), SetupError>;

/// The program's own crates and derive macros are among them.
#[test]
fn crates_behind_the_programs() {
    let count = |selection: &[&str]| crates_of(selection).len();
    assert_eq!(count(&["--package", "applier"]), 186);
    assert_eq!(count(&["--package", "applier", "--no-default-features"]), 72);
    assert_eq!(count(&["--package", "generator"]), 112);
}

/// How many requests each command makes of a cluster with so many roles.
#[derive(Debug, PartialEq)]
struct Requests {
    plan_new: usize,
    apply_new: usize,
    plan_again: usize,
    apply_again: usize,
    delete: usize,
}

impl Requests {
    fn of(roles: usize) -> Result<Self, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        scene.write_requests("requests", 0..roles, 3);
        scene.create_bundle(&["--credentials-requests-dir", "requests"]).run().exits(0);
        let count = |command, more: &[&str]| {
            scene.applies(&emulator, command, "out/democluster-1.tar.gz", more).run().exits(0);
            let requests = emulator.requests().len();
            emulator.forget();
            requests
        };
        Ok(Self {
            plan_new: count("plan", &[]),
            apply_new: count("apply", &["--yes"]),
            plan_again: count("plan", &[]),
            apply_again: count("apply", &["--yes"]),
            delete: count("delete", &["--yes"]),
        })
    }
}

/// A new role is made and given its policy. One that is there is read whole: itself, its policy, and the names of all its policies
/// of either kind. One that goes is also looked for in instance profiles.
#[test]
fn requests_grow_with_the_roles_and_no_faster() -> Test {
    for roles in [10, 20] {
        let expected = Requests {
            plan_new: 4,
            apply_new: 20 + 2 * roles,
            plan_again: 22 + 4 * roles,
            apply_again: 25 + 4 * roles,
            delete: 19 + 6 * roles,
        };
        assert_eq!(Requests::of(roles)?, expected, "{roles} roles");
    }
    Ok(())
}

/// The caller, then the bucket, then side by side the provider and the list of roles.
#[test]
fn a_plan_for_a_new_account_waits_for_three_answers() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.latency(300);
    scene.applies(&emulator, "plan", &bundle, &[]).run().exits(0);
    let requests = emulator.requests();
    let mut asked = operations(&requests);
    asked[2..].sort_unstable();
    assert_eq!(asked, ["GetCallerIdentity", "HeadBucket", "GetOpenIDConnectProvider", "ListRoles"]);
    assert_eq!(longest_chain(&requests), 3);
    Ok(())
}
