//! How many requests it takes to apply thirty roles, to apply them again and to delete them: each call is sent as often as it has
//! to be, and no more.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;

use tests::SetupError;
use tests::emulator::Emulator;
use tests::scene::Scene;

type Test = Result<(), SetupError>;

const ROLES: usize = 30;
const BUNDLE: &str = "out/democluster-1.tar.gz";

/// Requests by call.
type Counts = BTreeMap<String, usize>;

fn counted(emulator: &Emulator) -> Counts {
    let mut counts = Counts::new();
    for request in emulator.requests() {
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

/// A scene with the bundle, and the requests of one run for it.
fn run(scene: &Scene, emulator: &Emulator, command: &str) -> Counts {
    emulator.forget();
    scene.applies(emulator, command, BUNDLE, &["--yes", "--receipt", &format!("{command}.json")]).run().exits(0);
    scene.remove(&format!("{command}.json"));
    counted(emulator)
}

/// Who asks, the bucket, the provider and one listing tell that nothing is there. Each role takes two calls.
#[test]
fn thirty_roles_take_as_many_requests_as_they_must() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    scene.write_requests("requests", 0..ROLES, 20);
    scene.create_bundle(&["--credentials-requests-dir", "requests"]).run().exits(0);

    let new = run(&scene, &emulator, "apply");
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

    let again = run(&scene, &emulator, "apply");
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
    let gone = run(&scene, &emulator, "delete");
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
