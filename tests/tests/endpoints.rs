//! Where the applier finds AWS: a bundle's region decides the partition, and the SDK's own settings choose FIPS and dual-stack
//! endpoints. A proxy sees which host is asked for first, and lets nothing through.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use tests::scene::Scene;
use tests::{SetupError, crate_file};

type Test = Result<(), SetupError>;

/// A proxy that refuses every connection; it says which ones it was asked for.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, hosts) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if asked.send(first).is_err() {
                return;
            }
        }
    });
    (url, hosts)
}

/// The first request of a plan for this region, as the proxy sees it.
fn first_host(region: &str, settings: &[(&str, &str)]) -> Result<String, SetupError> {
    let scene = Scene::with_key()?;
    let request = std::fs::read(crate_file("samples/credentials-requests/01-image-store.yaml")).unwrap();
    scene.write("requests/01-image-store.yaml", request);
    scene.create_bundle(&["--credentials-requests-dir", "requests", "--region", region]).run().exits(0);
    let (url, hosts) = proxy();
    let plan = scene.applier(["plan", "out/democluster-1.tar.gz", "--trusted-key", "minisign.pub"]);
    let plan = plan.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("HTTPS_PROXY", &url);
    let plan = plan.env("AWS_EC2_METADATA_DISABLED", "true");
    settings.iter().fold(plan, |plan, (name, value)| plan.env(name, value)).run().exits(6);
    Ok(hosts.recv().unwrap())
}

#[test]
fn the_region_decides_the_partition() -> Test {
    for (region, host) in [
        ("us-east-2", "sts.us-east-2.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", "sts.us-isof-south-1.csp.hci.ic.gov"),
        ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
    ] {
        assert_eq!(first_host(region, &[])?, format!("CONNECT {host}:443 HTTP/1.1"));
    }
    Ok(())
}

#[test]
fn fips_and_dual_stack_endpoints_are_the_sdks_settings() -> Test {
    let (fips, dual) = (("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "true"));
    for (region, settings, host) in [
        ("us-east-2", &[fips][..], "sts-fips.us-east-2.amazonaws.com"),
        ("us-east-2", &[dual], "sts.us-east-2.api.aws"),
        ("us-east-2", &[fips, dual], "sts-fips.us-east-2.api.aws"),
        ("us-gov-west-1", &[fips], "sts.us-gov-west-1.amazonaws.com"),
    ] {
        assert_eq!(first_host(region, settings)?, format!("CONNECT {host}:443 HTTP/1.1"));
    }
    Ok(())
}
