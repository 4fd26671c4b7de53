//! The generator has no network: it makes no socket, and no code that could is linked.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::collections::BTreeSet;

use tests::SetupError;
use tests::emulator::Emulator;
use tests::linked;
use tests::program::{Program, find_on_path};
use tests::scene::Scene;

type Test = Result<(), SetupError>;

/// Every command runs where the kernel kills whoever makes a socket.
#[test]
fn every_command_of_the_generator_runs_without_sockets() -> Test {
    let scene = Scene::empty()?;
    let run = |arguments: &[&str]| scene.generator(arguments).sockets_denied().run().exits(0);
    run(&["--help"]);
    run(&["create-signing-key", "--no-password", "--output-dir", "."]);
    run(&["create-signing-key", "--no-password", "--output-dir", "review"]);
    run(&["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]);
    scene.create_bundle(&["--install-archive", "install.tar.gz"]).sockets_denied().run().exits(0);
    let bundle = "out/democluster-1.tar.gz";
    scene.sign(bundle, "review", &["--trusted-key", "minisign.pub"]).sockets_denied().run().exits(0);
    Ok(())
}

/// So does the applier, where it needs no AWS.
#[test]
fn the_applier_verifies_without_sockets() -> Test {
    let scene = Scene::with_key()?;
    let bundle = scene.bundle();
    scene.applier(["verify", &bundle, "--trusted-key", "minisign.pub"]).sockets_denied().run().exits(0);
    Ok(())
}

/// The control: what does make a socket is killed, by the same means.
#[test]
fn whoever_makes_a_socket_there_is_killed() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let planned = scene.applies(&emulator, "plan", &bundle, &[]).sockets_denied().run();
    assert_eq!(planned.code, None, "a signal ends it");
    assert_eq!(emulator.requests().len(), 0);
    scene.applies(&emulator, "plan", &bundle, &[]).run().exits(0);

    let Some(python) = find_on_path("python3") else { return Ok(()) };
    for code in ["socket.socket()", "socket.socketpair()"] {
        let killed = Program::new(&python).args(["-c", &format!("import socket; {code}")]).sockets_denied().run();
        assert_eq!(killed.code, None, "{code}");
    }
    Ok(())
}

/// What is linked into the generator and into the applier, by cargo's own account.
#[test]
fn no_network_code_is_linked_into_the_generator() {
    let linked = crates_of(&["--package", "generator"]);
    assert!(linked.contains("bundle-schema") && linked.contains("rsa"), "{linked:?}");
    assert_eq!(network_crates(&linked), BTreeSet::new());
    // The control: the applier is seen to have a network, and without AWS it is seen to have none.
    let applier = network_crates(&crates_of(&["--package", "applier"]));
    assert!(
        applier.is_superset(&["hyper", "mio", "rustls", "socket2", "tokio"].map(str::to_owned).into()),
        "{applier:?}"
    );
    let verify_only = crates_of(&["--package", "applier", "--no-default-features"]);
    assert_eq!(network_crates(&verify_only), BTreeSet::new());
}

/// Names of crates that talk to a network, or that something needs for it.
fn network_crates(crates: &BTreeSet<String>) -> BTreeSet<String> {
    const NAMES: &[&str] = &[
        "async-io",
        "async-std",
        "attohttpc",
        "curl",
        "curl-sys",
        "h2",
        "h3",
        "hickory-resolver",
        "http",
        "http-body",
        "hyper",
        "hyper-util",
        "io-uring",
        "isahc",
        "libssh2-sys",
        "minreq",
        "mio",
        "native-tls",
        "nix",
        "openssl",
        "openssl-sys",
        "polling",
        "quinn",
        "quinn-udp",
        "reqwest",
        "ring",
        "rustls",
        "smol",
        "socket2",
        "surf",
        "tokio",
        "tokio-util",
        "tower",
        "trust-dns-resolver",
        "tungstenite",
        "ureq",
        "webpki",
        "webpki-roots",
    ];
    let talks =
        |name: &&String| NAMES.contains(&name.as_str()) || name.starts_with("aws-") || name.starts_with("hyper-");
    crates.iter().filter(talks).cloned().collect()
}

/// Their names alone.
fn crates_of(selection: &[&str]) -> BTreeSet<String> {
    let linked = linked::crates_of(selection);
    linked.iter().filter_map(|krate| krate.split(' ').next()).map(str::to_owned).collect()
}
