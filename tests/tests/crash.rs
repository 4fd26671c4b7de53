//! The crash matrix on a small cluster: runs that are disturbed at any request are finished by running them again.
//!
//! Every writing request is disturbed in all six ways. Of the reading ones, every fourth is cut off, which the same run has to
//! bear; what else may happen there leaves the account as it is at the writing request before or after it. `crash_matrix`, a
//! program of this crate, disturbs reading requests in all six ways too, on thirty roles.

#![allow(clippy::panic, reason = "a test says what is wrong by failing")]

use serde_json::json;
use tests::SetupError;
use tests::crash::{Matrix, Way};
use tests::lifecycle::{ADD_KEY, DELETE, DROP_KEY, Lifecycle, NEW_ACCOUNT, PRUNE, Step, UPGRADE};
use tests::request::{Request, operations};
use tests::scene::BUCKET;

type Test = Result<(), SetupError>;

/// As many roles as it takes to remove one, to change one and to leave one as it is.
const ROLES: usize = 3;

/// Every run ends well that is disturbed in these ways.
#[track_caller]
fn converges<'w>(matrix: &Matrix<'_>, ways: impl Fn(usize, &Request) -> &'w [Way]) {
    for (at, request) in matrix.requests().iter().enumerate() {
        for way in ways(at, request) {
            if let Err(reason) = matrix.run(at, *way) {
                panic!("request {at}, {}, {way:?}: {reason}", request.summary());
            }
        }
    }
}

#[track_caller]
fn step_converges(step: &Step, writes: usize) -> Test {
    let lifecycle = Lifecycle::new(ROLES)?;
    let matrix = lifecycle.matrix(step, |_| {});
    let requests = matrix.requests();
    assert_eq!(requests.iter().filter(|request| request.write).count(), writes, "{:?}", operations(requests));
    converges(&matrix, |at, request| match request.write {
        true => Way::at(request),
        false if at % 4 == 0 => &[Way::Cut],
        false => &[],
    });
    Ok(())
}

#[test]
fn a_new_account() -> Test {
    step_converges(&NEW_ACCOUNT, 9 + 2 * ROLES)
}

/// The record twice, tags of bucket and provider, a role and its policy, another role's policy.
#[test]
fn an_upgrade() -> Test {
    step_converges(&UPGRADE, 7)
}

/// The record twice, a role and its policy.
#[test]
fn a_removal_of_orphans() -> Test {
    step_converges(&PRUNE, 4)
}

/// The record twice, tags of bucket and provider, the JWKS at two places, and the algorithms in the discovery document.
#[test]
fn a_rotation_that_adds_a_key() -> Test {
    step_converges(&ADD_KEY, 7)
}

#[test]
fn a_rotation_that_drops_a_key() -> Test {
    step_converges(&DROP_KEY, 7)
}

/// Two a role, the provider, three documents, the record before and after, the bucket.
#[test]
fn a_deletion() -> Test {
    step_converges(&DELETE, 7 + 2 * ROLES)
}

/// The versions of a document are deleted in a call of their own, the record's last of all.
#[test]
fn a_deletion_of_versions() -> Test {
    let lifecycle = Lifecycle::new(1)?;
    let versions = json!({"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}});
    let matrix = lifecycle.matrix(&DELETE, |emulator| drop(emulator.call("s3", "put_bucket_versioning", versions)));
    let is_of_versions = |request: &Request| request.operation == "DeleteObjects";
    assert_eq!(matrix.requests().iter().filter(|request| is_of_versions(request)).count(), 4);
    converges(&matrix, |_, request| if is_of_versions(request) { Way::at(request) } else { &[] });
    Ok(())
}
