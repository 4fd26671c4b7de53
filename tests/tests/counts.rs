//! What can be counted, and so does not depend on the machine: the crates behind the programs, and the requests that a cluster
//! takes. A number that changes here is a change that somebody pays for.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;

use tests::SetupError;
use tests::binaries::With;
use tests::emulator::Emulator;
use tests::linked::{crates_of, features_of};
use tests::request::{Request, longest_chain, operations};
use tests::scene::Scene;

type Test = Result<(), SetupError>;

const ROLES: usize = 30;
const BUNDLE: &str = "out/democluster-1.tar.gz";

/// The program's own crates and derive macros are among them.
#[test]
fn crates_behind_the_programs() {
    let count = |selection: &[&str]| crates_of(selection).len();
    assert_eq!(count(&["--package", "applier"]), 187);
    assert_eq!(count(&["--package", "applier", "--no-default-features", "--features", "aws"]), 186);
    assert_eq!(count(&["--package", "applier", "--no-default-features"]), 72);
    assert_eq!(count(&["--package", "generator"]), 112);
}

/// What is compiled for the demo, or for the programs under test, is what is compiled for the tests: a crate with other features
/// would be compiled twice, with all that stands on it. Only the applier of the demo's first story is another one, without CloudFront.
#[test]
fn the_demo_and_the_tests_compile_the_same() {
    let all = features_of(&["--workspace"], "normal,build,dev");
    let programs = ["--workspace", "--exclude", "packaging"];
    let first_story = [&programs[..], With::AllButCloudFront.features()].concat();
    for (selection, of_its_own) in [(&["--package", "tests"][..], 1), (&first_story, 1), (&programs, 0)] {
        let compiled = features_of(selection, "normal,build");
        let others: Vec<_> = compiled.difference(&all).collect();
        assert!(compiled.len() > 200 && others.len() == of_its_own, "{selection:?}: {others:#?}");
        assert!(others.iter().all(|other| other.starts_with("applier v") && other.ends_with(" aws")), "{others:#?}");
        assert_eq!(compiled.iter().any(|named| named.starts_with("aws-sdk-cloudfront ")), of_its_own == 0);
    }
}

/// A cluster's bundle, and an account that holds nothing of it at first.
struct Cluster {
    scene: Scene,
    emulator: Emulator,
}

impl Cluster {
    fn of(roles: usize) -> Result<Self, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        scene.write_requests("requests", 0..roles, 20);
        scene.create_bundle(&["--credentials-requests-dir", "requests"]).run().exits(0);
        Ok(Self { scene, emulator })
    }

    /// What one run of a command asks for.
    fn requests(&self, command: &str, more: &[&str]) -> Vec<Request> {
        self.emulator.forget();
        self.scene.applies(&self.emulator, command, BUNDLE, more).run().exits(0);
        self.emulator.requests()
    }
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
        let cluster = Cluster::of(roles)?;
        let count = |command, more: &[&str]| cluster.requests(command, more).len();
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

/// What a command asks of a new account that is far away, so that whatever need not wait is under way together.
fn from_afar(command: &str, more: &[&str]) -> Result<Vec<Request>, SetupError> {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.latency(300);
    scene.applies(&emulator, command, &bundle, more).run().exits(0);
    Ok(emulator.requests())
}

/// The caller, then the bucket, then side by side the provider and the list of roles.
#[test]
fn a_plan_for_a_new_account_waits_for_three_answers() -> Test {
    let requests = from_afar("plan", &[])?;
    let mut asked = operations(&requests);
    asked[2..].sort_unstable();
    assert_eq!(asked, ["GetCallerIdentity", "HeadBucket", "GetOpenIDConnectProvider", "ListRoles"]);
    assert_eq!(longest_chain(&requests), 3);
    Ok(())
}

/// Then the bucket, the record, what opens it to the public beside the documents, its policy, the public's look, the provider, a
/// role, its policy; and in the end the record, once the provider was read, while the public looks again.
#[test]
fn an_apply_to_a_new_account_waits_for_thirteen_answers() -> Test {
    assert_eq!(longest_chain(&from_afar("apply", &["--yes"])?), 13);
    Ok(())
}

/// Requests by call.
type Counts = BTreeMap<String, usize>;

fn counted(requests: &[Request]) -> Counts {
    let mut counts = Counts::new();
    for request in requests {
        *counts.entry(format!("{}:{}", request.service, request.operation)).or_default() += 1;
    }
    counts
}

/// The same number for each of these calls.
fn each(count: usize, calls: &[&str]) -> Counts {
    calls.iter().map(|call| ((*call).to_owned(), count)).collect()
}

fn sum(counts: &Counts) -> usize {
    counts.values().sum()
}

/// Who asks, the bucket, the provider and one listing tell that nothing is there. Each role takes two calls.
#[test]
fn thirty_roles_take_as_many_requests_as_they_must() -> Test {
    let cluster = Cluster::of(ROLES)?;

    let new = counted(&cluster.requests("apply", &["--yes"]));
    let mut expected = each(ROLES, &["iam:CreateRole", "iam:PutRolePolicy"]);
    expected.extend(each(
        1,
        &[
            "iam:CreateOpenIDConnectProvider",
            "iam:ListRoles",
            "s3:CreateBucket",
            "s3:HeadBucket",
            "s3:PutBucketPolicy",
            "s3:PutPublicAccessBlock",
            "sts:GetCallerIdentity",
        ],
    ));
    // Once to see that it is not there, once to see when IAM made it.
    expected.extend(each(2, &["iam:GetOpenIDConnectProvider"]));
    // Three documents, and the record twice.
    expected.extend(each(5, &["s3:PutObject"]));
    // As everybody reads them: before the provider is made, and at the end.
    expected.extend(each(6, &["public:GetObject"]));
    assert_eq!(new, expected);
    assert_eq!(sum(&new) - 6, 74, "calls to AWS");

    let again = counted(&cluster.requests("apply", &["--yes"]));
    let mut expected =
        each(ROLES, &["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]);
    let bucket = [
        "s3:GetBucketAbac",
        "s3:GetBucketEncryption",
        "s3:GetBucketLifecycleConfiguration",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPolicy",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:GetBucketWebsite",
        "s3:GetObjectLockConfiguration",
        "s3:GetPublicAccessBlock",
        "s3:ListObjectsV2",
    ];
    expected.extend(each(1, &bucket));
    let found = ["iam:GetOpenIDConnectProvider", "iam:ListRoles", "s3:HeadBucket", "sts:GetCallerIdentity"];
    expected.extend(each(1, &found));
    expected.extend(each(3, &["public:GetObject", "s3:GetObjectTagging"]));
    expected.extend(each(4, &["s3:GetObject"]));
    assert_eq!(again, expected);
    assert_eq!(sum(&again), 145);

    // Of what goes anyway, only what says whose it is and what stands in the way is read.
    let gone = counted(&cluster.requests("delete", &["--yes"]));
    let mut expected = each(
        ROLES,
        &[
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:GetRole",
            "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole",
            "iam:ListRolePolicies",
        ],
    );
    let bucket = [
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPolicy",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:GetObject",
        "s3:GetObjectLockConfiguration",
        "s3:ListObjectVersions",
        "s3:ListObjectsV2",
    ];
    expected.extend(each(1, &bucket));
    expected.extend(each(1, &found));
    expected.extend(each(1, &["iam:DeleteOpenIDConnectProvider", "s3:DeleteBucket", "s3:PutObject"]));
    expected.extend(each(4, &["s3:DeleteObject"]));
    assert_eq!(gone, expected);
    assert_eq!(sum(&gone), 199);
    Ok(())
}
