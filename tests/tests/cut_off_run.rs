//! `create-bundle` after a run that was killed while its files appeared: it finishes, or says exactly what to do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::fs;

use tests::SetupError;
use tests::program::{Outcome, Program};
use tests::scene::Scene;

type Test = Result<(), SetupError>;

const BUNDLE: &str = "out/democluster-1.tar.gz";
const SIGNATURE: &str = "out/democluster-1.tar.gz.minisig";
const INSTALL: &str = "out/democluster-1-install.tar.gz";
const INSTALL_SIGNATURE: &str = "out/democluster-1-install.tar.gz.minisig";
/// In the order in which they appear.
const FILES: [&str; 4] = [SIGNATURE, INSTALL_SIGNATURE, INSTALL, BUNDLE];

/// `create-bundle` with a new key.
fn with_new_key(scene: &Scene) -> Program {
    let arguments = scene.bundle_arguments();
    let key = arguments.iter().position(|word| word == "--public-key-file").unwrap();
    scene.create_bundle_with(&[&arguments[..key], &arguments[key + 2..]].concat(), &["--key-type", "p256"])
}

fn remove(scene: &Scene, files: &[&str]) {
    for file in files {
        fs::remove_file(scene.path(file)).unwrap();
    }
}

fn refused(outcome: Outcome, delete: &str) {
    outcome.exits(2).says(&format!(
        "error: {SIGNATURE} already exists with other content and is not overwritten\n  {BUNDLE} is not there: if the run before was \
         cut off, it was never made\n  in that case delete {delete}, then run this again\n  if it was moved, put it back, and delete \
         nothing"
    ));
}

#[test]
fn a_new_keys_run_begins_again() -> Test {
    let scene = Scene::with_key()?;
    for (there, delete) in [
        (1, SIGNATURE.to_owned()),
        (2, format!("{SIGNATURE} and {INSTALL_SIGNATURE}")),
        (3, format!("{SIGNATURE}, {INSTALL_SIGNATURE} and {INSTALL}")),
    ] {
        with_new_key(&scene).run().exits(0);
        remove(&scene, &FILES[there..]);
        let before: Vec<_> = FILES[..there].iter().map(|file| scene.read(file)).collect();
        refused(with_new_key(&scene).run(), &delete);
        let after: Vec<_> = FILES[..there].iter().map(|file| scene.read(file)).collect();
        assert_eq!((before, scene.files("out").len()), (after, there));
        remove(&scene, &FILES[..there]);
        with_new_key(&scene).run().exits(0);
        scene.applier(["verify", BUNDLE, "--trusted-key", "minisign.pub"]).run().exits(0);
        remove(&scene, &FILES);
    }
    Ok(())
}

/// With a key and a time that are given, the same bytes come again.
#[test]
fn the_same_run_is_finished() -> Test {
    let scene = Scene::with_key()?;
    let create = |created| scene.create_bundle(&["--created", created]).run();
    let created = "2026-01-31T12:00:00Z";
    create(created).exits(0);
    let bytes = FILES.map(|file| scene.read(file));
    for there in 0..FILES.len() {
        remove(&scene, &FILES[there..]);
        create(created).exits(0);
        assert_eq!(FILES.map(|file| scene.read(file)), bytes, "{there}");
    }
    remove(&scene, &[BUNDLE]);
    refused(create("2026-01-31T12:00:01Z"), &format!("{SIGNATURE}, {INSTALL_SIGNATURE} and {INSTALL}"));
    // A bundle that was carried away with its signature is no run that was cut off.
    remove(&scene, &[SIGNATURE]);
    create("2026-01-31T12:00:01Z").exits(2).says(&format!(
        "error: {INSTALL_SIGNATURE} already exists with other content and is not overwritten\n  for a changed bundle of the same \
         cluster give --serial 2; to make the same one again give --created with its time"
    ));
    Ok(())
}

#[test]
fn what_went_to_standard_output_belongs_to_no_bundle() -> Test {
    let scene = Scene::with_key()?;
    let create = || with_new_key(&scene).args(["--install-archive", "-"]).run();
    create().exits(0);
    remove(&scene, &[BUNDLE]);
    let outcome = create();
    assert_eq!(outcome.bytes, b"");
    refused(outcome, &format!("{SIGNATURE}, {INSTALL_SIGNATURE} and what standard output was piped into"));
    remove(&scene, &[SIGNATURE, INSTALL_SIGNATURE]);
    create().exits(0);
    Ok(())
}
