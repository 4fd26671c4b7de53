//! What `airlock-generator` writes: the same bytes for the same input, private files that are private, keys that are kept.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tests::SetupError;
use tests::forge::raw::{Raw, RawEntry};
use tests::scene::{GCP, PREVIEW, ROLES, Scene};

type Test = Result<(), SetupError>;

fn mode(scene: &Scene, file: &str) -> u32 {
    std::fs::metadata(scene.path(file)).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_same_input_gives_the_same_bytes() -> Test {
    let scene = Scene::with_key()?;
    scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]).run().exits(0);
    let arguments = scene.bundle_arguments();
    let key = arguments.iter().position(|word| word == "--public-key-file").unwrap();
    let arguments = [&arguments[..key], &arguments[key + 2..]].concat();
    for folder in ["one", "two"] {
        std::fs::create_dir(scene.path(folder)).unwrap();
        std::fs::create_dir(scene.path(&format!("{folder}/out"))).unwrap();
        for file in ["serviceaccount-signer.private", "serviceaccount-signer.public"] {
            std::fs::copy(scene.path(&format!("keys/{file}")), scene.path(&format!("{folder}/out/{file}"))).unwrap();
        }
        let created = scene
            .create_bundle_with(&arguments, &["--output-dir", &format!("{folder}/out")])
            .env("SOURCE_DATE_EPOCH", "1790000000");
        created.run().exits(0);
    }
    let names = scene.files("one/out");
    assert_eq!(
        names,
        [
            "democluster-1-install.tar.gz",
            "democluster-1.tar.gz",
            "democluster-1.tar.gz.minisig",
            "serviceaccount-signer.private",
            "serviceaccount-signer.public",
        ]
    );
    assert_eq!(scene.files("two/out"), names);
    for name in names {
        assert_eq!(scene.read(&format!("one/out/{name}")), scene.read(&format!("two/out/{name}")), "{name}");
    }
    Ok(())
}

#[test]
fn the_bundle_lists_what_it_holds() -> Test {
    let scene = Scene::with_key()?;
    scene.create_bundle(&["--expires-in", "7"]).env("SOURCE_DATE_EPOCH", "1790000000").run().exits(0);
    let bundle = "out/democluster-1.tar.gz";
    let index = scene.entry(bundle, "bundle.json");
    for (field, value) in [
        ("schemaVersion", json!(1)),
        ("kind", json!("cluster")),
        ("name", json!("democluster")),
        ("serial", json!(1)),
        ("created", json!("2026-09-21T14:13:20Z")),
        ("expires", json!("2026-09-28T14:13:20Z")),
        ("partition", json!("aws")),
        ("region", json!("us-east-2")),
        ("accountId", json!("123456789012")),
        ("issuerUrl", json!("https://democluster-oidc.s3.us-east-2.amazonaws.com")),
        ("endpoint", json!("public-bucket")),
    ] {
        assert_eq!(index[field], value, "{field}");
    }
    let roles: Vec<&str> = index["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["roleName"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ROLES);
    assert_eq!(scene.skipped(bundle), [GCP, PREVIEW]);
    let names = ["manifests/", "aws/", "oidc/", "serviceaccount-signer.public", "credentials-requests/", "bundle.json"];
    let entries = scene.entries(bundle);
    assert!(entries.iter().all(|entry| names.iter().any(|name| entry.starts_with(name))), "{entries:?}");
    Ok(())
}

#[test]
fn a_table_says_what_became_of_each_request() -> Test {
    let scene = Scene::with_key()?;
    let created = scene.create_bundle(&[]).env("SOURCE_DATE_EPOCH", "1790000000").run().exits(0);
    let part = |from: &str| {
        let lines = created.stdout.lines().skip_while(move |line| !line.starts_with(from));
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(
        part("democluster serial 1")[..2],
        [
            "democluster serial 1 for account 123456789012 (aws, us-east-2)",
            "issuer       https://democluster-oidc.s3.us-east-2.amazonaws.com",
        ]
    );
    let shortest =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" | ");
    let table: Vec<String> = part("REQUEST").into_iter().map(shortest).collect();
    assert_eq!(
        table,
        [
            "REQUEST | ROLE | SERVICE ACCOUNTS | STATEMENTS".to_owned(),
            format!("example-block-storage | {} | block-storage-operator, block-storage-controller | 2", ROLES[0]),
            format!("example-front-door | {} | front-door-operator | 1", ROLES[1]),
            format!("example-image-store | {} | image-store-operator, image-store | 1", ROLES[2]),
            format!("example-machines | {} | machines-controller | 1", ROLES[3]),
            format!("example-permissions-watcher | {} | permissions-watcher | 1", ROLES[4]),
        ]
    );
    let skipped: Vec<String> = part("SKIPPED").into_iter().map(shortest).collect();
    let reason = |line: &str| line.split_once(": ").unwrap().1.to_owned();
    assert_eq!(
        skipped,
        [
            "SKIPPED | WHY | FILE".to_owned(),
            format!("example-machines-gcp | {} | 04-machines.yaml, document 1", reason(GCP)),
            format!("example-preview | {} | 06-preview.yaml, document 1", reason(PREVIEW)),
        ]
    );
    let digest = scene.digest("out/democluster-1.tar.gz");
    assert!(
        part("sha256").contains(&format!("{digest}  out/democluster-1.tar.gz  (bundle)").as_str()),
        "{}",
        created.stdout
    );
    Ok(())
}

#[test]
fn private_files_are_private_from_the_start() -> Test {
    let scene = Scene::with_key()?;
    scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]).run().exits(0);
    scene.create_bundle(&[]).run().exits(0);
    for file in ["minisign.key", "keys/serviceaccount-signer.private", "out/democluster-1-install.tar.gz"] {
        assert_eq!(mode(&scene, file), 0o600, "{file}");
    }
    for file in ["minisign.pub", "keys/serviceaccount-signer.public", "out/democluster-1.tar.gz"] {
        assert_eq!(mode(&scene, file), 0o644, "{file}");
    }
    Ok(())
}

/// A password is asked for on a terminal, twice for a new key, and never shown.
#[test]
fn passwords_are_typed_unseen() -> Test {
    let scene = Scene::empty()?;
    let create = scene.generator(["create-signing-key", "--output-dir", "."]);
    let dialogue = |second| [["Password for the new signing key: ", "open sesame"], ["The same again: ", second]];
    let differ = create.clone().typed_unseen(&dialogue("open")).run().exits(2);
    assert!(differ.stdout.ends_with("error: the two passwords differ\r\n"), "{}", differ.stdout);
    assert_eq!(scene.files("."), [""; 0]);
    let made = create.typed_unseen(&dialogue("open sesame")).run().exits(0);
    assert!(!made.stdout.contains("sesame"), "{}", made.stdout);
    assert_eq!(scene.files("."), ["minisign.key", "minisign.pub"]);

    let bundle = scene.generator(["create-bundle"]).args(scene.bundle_arguments());
    let typed = |password| bundle.clone().typed_unseen(&[["Password of the signing key: ", password]]).run();
    let wrong = typed("open").exits(2);
    assert!(
        wrong.stdout.contains("the password does not open the signing key (or the file is damaged)"),
        "{}",
        wrong.stdout
    );
    typed("open sesame").exits(0);
    scene.applier(["verify", "out/democluster-1.tar.gz", "--trusted-key", "minisign.pub"]).run().exits(0);

    bundle.args(["--serial", "2"]).run().exits(2).says(
        "error: the password cannot be asked for: standard input is no terminal\n  give --password-file FILE, or --no-password \
         for a key without one",
    );
    Ok(())
}

#[test]
fn an_existing_key_is_kept() -> Test {
    let scene = Scene::with_key()?;
    let make = || scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]).run();
    make().exits(0);
    let private = scene.read("keys/serviceaccount-signer.private");
    let again = make().exits(0);
    let said = "keys/serviceaccount-signer.private  the private half, which was there already and is kept: keep it on this host\n";
    assert!(again.stdout.starts_with(said), "{}", again.stdout);
    assert_eq!(scene.read("keys/serviceaccount-signer.private"), private);

    let key = scene.read("minisign.key");
    scene.generator(["create-signing-key", "--no-password", "--output-dir", "."]).run().exits(2).says(
        "error: ./minisign.key is there already, with other content, and is not overwritten\n  name another --output-dir, or move \
         the old pair away",
    );
    assert_eq!(scene.read("minisign.key"), key);
    Ok(())
}

#[test]
fn the_private_key_is_in_the_install_archive_alone() -> Test {
    let scene = Scene::with_key()?;
    let arguments = scene.bundle_arguments();
    let key = arguments.iter().position(|word| word == "--public-key-file").unwrap();
    let arguments = [&arguments[..key], &arguments[key + 2..]].concat();
    scene.create_bundle_with(&arguments, &["--key-type", "p256"]).run().exits(0);
    assert_eq!(
        scene.files("out"),
        ["democluster-1-install.tar.gz", "democluster-1.tar.gz", "democluster-1.tar.gz.minisig"]
    );
    let install = "out/democluster-1-install.tar.gz";
    let private = String::from_utf8(scene.entry_bytes(install, "tls/bound-service-account-signing-key.key")).unwrap();
    assert!(private.starts_with("-----BEGIN EC PRIVATE KEY-----\n"), "SEC1");
    let secret = private.lines().nth(1).unwrap();
    for path in scene.entries("out/democluster-1.tar.gz") {
        let body = String::from_utf8(scene.entry_bytes("out/democluster-1.tar.gz", &path)).unwrap();
        assert!(!body.contains("PRIVATE KEY") && !body.contains(secret), "{path}");
    }
    let manifests =
        |archive| scene.entries(archive).into_iter().filter(|path| path.starts_with("manifests/")).collect::<Vec<_>>();
    assert_eq!(manifests(install), manifests("out/democluster-1.tar.gz"));
    Ok(())
}

#[test]
fn with_a_public_key_no_private_key_is_made() -> Test {
    let scene = Scene::with_key()?;
    scene.create_bundle(&[]).run().exits(0);
    assert_eq!(
        scene.files("out"),
        ["democluster-1-install.tar.gz", "democluster-1.tar.gz", "democluster-1.tar.gz.minisig"]
    );
    let entries = scene.entries("out/democluster-1-install.tar.gz");
    assert!(entries.iter().all(|path| path.starts_with("manifests/")), "{entries:?}");
    Ok(())
}

/// `--install-archive -`: the key goes to whatever encrypts it and lies on no disk; what people read goes elsewhere.
#[test]
fn the_install_archive_goes_to_standard_output() -> Test {
    let scene = Scene::with_key()?;
    let written = scene.create_bundle(&["--install-archive", "-"]).run().exits(0);
    assert_eq!(scene.files("out"), ["democluster-1.tar.gz", "democluster-1.tar.gz.minisig"]);
    let entries: Vec<String> = Raw::of(&written.bytes).entries.iter().map(RawEntry::path).collect();
    assert!(entries.iter().any(|path| path == "manifests/cluster-authentication-02-config.yaml"), "{entries:?}");
    assert!(written.stderr.contains("example-image-store"), "the table is on standard error: {}", written.stderr);
    Ok(())
}

#[test]
fn a_second_signature_is_added_beside_the_first() -> Test {
    let scene = Scene::with_key()?;
    scene.signing_key("review");
    let bundle = scene.bundle();
    let sign = |more: &[&str]| {
        scene.generator(["sign", &bundle, "--signing-key", "review/minisign.key", "--no-password"]).args(more).run()
    };
    let signed = sign(&["--signer", "reviewer"]).exits(0);
    assert_eq!(
        scene.files("out")[1..],
        ["democluster-1.tar.gz", "democluster-1.tar.gz.minisig", "democluster-1.tar.gz.reviewer.minisig"]
    );
    let digest = scene.digest(&bundle);
    for shown in ["democluster", "123456789012", &digest] {
        assert!(signed.stdout.contains(shown) || signed.stderr.contains(shown), "{signed:?}");
    }
    let keys = ["--trusted-key", "minisign.pub", "--trusted-key", "review/minisign.pub"];
    scene.applier(["verify", &bundle]).args(keys).run().exits(0);
    let refused = sign(&["--signer", "../x"]).exits(2).stderr;
    assert!(refused.contains("'--signer <LABEL>': it has 1 to 32 letters, digits, - and _\n"), "{refused}");
    assert_eq!(scene.files(".").len(), 4, "{:?}", scene.files("."));
    Ok(())
}

#[test]
fn help_has_an_example() -> Test {
    let scene = Scene::empty()?;
    for command in ["create-signing-key", "create-key-pair", "create-bundle", "sign"] {
        let help = scene.generator([command, "--help"]).run().exits(0).stdout;
        assert!(help.contains("Example") && help.contains(&format!("airlock-generator {command}")), "{help}");
    }
    for command in ["verify", "plan", "apply"] {
        let help = scene.applier([command, "--help"]).run().exits(0).stdout;
        assert!(help.contains("Example") && help.contains(&format!("airlock-applier {command}")), "{help}");
    }
    Ok(())
}
