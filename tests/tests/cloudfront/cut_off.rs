//! Runs that are disturbed at each of their writing requests, in all six ways, are finished by running them again.

use tests::crash::{Matrix, Operation, Way};
use tests::issuer_server::ALIAS;
use tests::request::Request;

use super::Test;
use super::site::{CLUSTER, ENDPOINT, ONE_PHASE, Site};

/// Every run ends well that is disturbed at a request of CloudFront's or at one that changes the bucket.
#[track_caller]
fn converges(site: &Site, command: &str, bundle: &str, name: &'static str, writes: usize) {
    site.emulator.deploys_after(Some(0));
    let operation = Operation { name, command, bundle, more: &[] };
    let matrix = Matrix::through(&site.server, &site.scene, &site.emulator, operation);
    let is_ours = |request: &Request| request.write && request.service != "iam";
    assert_eq!(matrix.requests().iter().filter(|request| is_ours(request)).count(), writes);
    for (at, request) in matrix.requests().iter().enumerate().filter(|(_, request)| is_ours(request)) {
        for way in Way::ALL {
            if let Err(reason) = matrix.run(at, way) {
                panic!("request {at}, {}, {way:?}: {reason}", request.summary());
            }
        }
    }
}

/// The bucket, the record twice, the block, the access control, the distribution.
#[test]
fn an_endpoint() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.endpoint();
    converges(&site, "apply", ENDPOINT, "endpoint", 6);
    Ok(())
}

/// The record twice, tags and policy of the bucket, three documents.
#[test]
fn the_cluster_of_an_endpoint() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.endpoint();
    site.runs("apply", ENDPOINT);
    site.cluster();
    converges(&site, "apply", CLUSTER, "cluster", 7);
    Ok(())
}

/// The record before and after, the distribution disabled and deleted, the access control, three documents, the bucket.
#[test]
fn a_deletion() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.endpoint();
    site.runs("apply", ENDPOINT);
    site.cluster();
    site.runs("apply", CLUSTER);
    converges(&site, "delete", CLUSTER, "deletion", 9);
    Ok(())
}

/// A distribution whose run was killed before it could write down what it had made is found again by its origin.
#[test]
fn one_bundle_never_makes_two_distributions() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    site.one_phase(ALIAS);
    let create = tests::emulator::Which::Operation("CreateDistributionWithTags");
    site.emulator.spoil(create, 0, 1, tests::emulator::Effect::StallAfter);
    let mut killed = site.program("apply", ONE_PHASE, &["--yes", "--receipt", "first.json"]).spawn();
    assert!(site.emulator.stalled(20_000) > 0);
    killed.kill().and_then(|()| killed.wait()).unwrap();
    let (id, found) = site.distribution();
    site.server.point(&site.scene, ALIAS, found["domain"].as_str().unwrap());
    let flags = ["--yes", "--receipt", "second.json", "--take-over-after", "0"];
    site.program("apply", ONE_PHASE, &flags).run().exits(0);
    assert_eq!(site.distribution().0, id);
    assert_eq!(site.scene.receipt("second.json")["distribution"]["id"], id.as_str());
    site.holds(ONE_PHASE);
    Ok(())
}
