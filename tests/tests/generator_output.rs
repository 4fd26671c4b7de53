//! What `airlock-generator` writes: the same bytes for the same input, private files that are private, keys that are kept.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;
use tests::SetupError;
use tests::forge::raw::{Raw, RawEntry};
use tests::program::{Program, tool};
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
            "democluster-1-install.tar.gz.minisig",
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
fn the_report_says_what_became_of_each_request() -> Test {
    let scene = Scene::with_key()?;
    let created = scene.create_bundle(&[]).env("SOURCE_DATE_EPOCH", "1790000000").run().exits(0);
    let long: Vec<&str> = created.stdout.lines().filter(|line| line.chars().count() > 80).collect();
    // A path of this machine's is one word.
    assert!(long.iter().all(|line| line.trim_start().split(' ').count() == 1), "{long:?}");
    let role = |role: usize, request: &str, accounts: &str| {
        format!("Role      {}\n  for     {request}\n  used by {accounts}\n", ROLES[role])
    };
    let reason = |line: &str| line.split_once(": ").unwrap().1.to_owned();
    let digest = scene.digest("out/democluster-1.tar.gz");
    for part in [
        "Bundle    democluster serial 1\nAccount   123456789012 (aws, us-east-2)\n".to_owned(),
        "Issuer    https://democluster-oidc.s3.us-east-2.amazonaws.com\n".to_owned(),
        role(
            0,
            "example-block-storage (03-block-storage.yaml), 2 statements",
            "block-storage-operator, block-storage-controller",
        ),
        role(1, "example-front-door (02-front-door.yaml), 1 statement", "front-door-operator"),
        role(2, "example-image-store (01-image-store.yaml), 1 statement", "image-store-operator, image-store"),
        role(3, "example-machines (04-machines.yaml), 1 statement", "machines-controller"),
        role(4, "example-permissions-watcher (05-read-only.yaml), 1 statement", "permissions-watcher"),
        format!("Skipped   example-machines-gcp (04-machines.yaml, document 1)\n          {}\n", reason(GCP)),
        format!("File      out/democluster-1.tar.gz (bundle)\n  sha256  {digest}\n"),
        "\n2. carry the bundle and its .minisig files to the privileged network:\n    airlock-applier plan \
         out/democluster-1.tar.gz --trust trust.json\n"
            .to_owned(),
    ] {
        assert!(created.stdout.contains(&part), "{part}\n---\n{}", created.stdout);
    }
    assert!(created.stdout.contains("Skipped   example-preview (06-preview.yaml, document 1)\n"));
    assert!(reason(PREVIEW).contains("TechPreviewNoUpgrade"));
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
    let dialogue = |second| [["New password: ", "open sesame"], ["Confirm password: ", second]];
    let differ = create.clone().typed_unseen(&dialogue("open")).run().exits(2);
    assert!(differ.stdout.ends_with("error: the passwords do not match\r\n"), "{}", differ.stdout);
    assert_eq!(scene.files("."), [""; 0]);
    let made = create.typed_unseen(&dialogue("open sesame")).run().exits(0);
    assert!(!made.stdout.contains("sesame"), "{}", made.stdout);
    assert_eq!(scene.files("."), ["minisign.key", "minisign.pub"]);

    let bundle = scene.generator(["create-bundle"]).args(scene.bundle_arguments());
    let typed = |password| bundle.clone().typed_unseen(&[["Password: ", password]]).run();
    let wrong = typed("open").exits(2);
    assert!(
        wrong.stdout.contains("the password does not open the signing key (or the file is damaged)"),
        "{}",
        wrong.stdout
    );
    typed("open sesame").exits(0);
    scene.applier(["verify", "out/democluster-1.tar.gz", "--trusted-key", "minisign.pub"]).run().exits(0);

    bundle.args(["--serial", "2"]).run().exits(2).says(
        "error: the password cannot be asked for: standard input is not a terminal\n  give --password-file FILE, or --no-password \
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
        "error: ./minisign.key already exists with other content and is not overwritten\n  name another --output-dir, or move \
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
        [
            "democluster-1-install.tar.gz",
            "democluster-1-install.tar.gz.minisig",
            "democluster-1.tar.gz",
            "democluster-1.tar.gz.minisig",
        ]
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
        [
            "democluster-1-install.tar.gz",
            "democluster-1-install.tar.gz.minisig",
            "democluster-1.tar.gz",
            "democluster-1.tar.gz.minisig",
        ]
    );
    let entries = scene.entries("out/democluster-1-install.tar.gz");
    assert!(entries.iter().all(|path| path.starts_with("manifests/")), "{entries:?}");
    Ok(())
}

#[test]
fn the_install_archive_goes_to_standard_output() -> Test {
    let scene = Scene::with_key()?;
    let written = scene.create_bundle(&["--install-archive", "-"]).run().exits(0);
    let signature = "democluster-1-install.tar.gz.minisig";
    assert_eq!(scene.files("out"), [signature, "democluster-1.tar.gz", "democluster-1.tar.gz.minisig"]);
    let entries: Vec<String> = Raw::of(&written.bytes).entries.iter().map(RawEntry::path).collect();
    assert!(entries.iter().any(|path| path == "manifests/cluster-authentication-02-config.yaml"), "{entries:?}");
    assert!(written.stderr.contains("example-image-store"), "the report is on standard error: {}", written.stderr);
    assert!(scene.text(&format!("out/{signature}")).contains("\tfile:democluster-1-install.tar.gz\thashed\n"));
    // The signature is over the bytes that were written, and that file can be checked as it stands.
    scene.write("out/democluster-1-install.tar.gz", &written.bytes);
    scene.create_bundle(&["--output-dir", "again"]).run().exits(0);
    let Some(minisign) = tool("minisign") else { return Ok(()) };
    for folder in ["out", "again"] {
        let archive = format!("{folder}/democluster-1-install.tar.gz");
        scene.runs(&minisign.clone().args(["-Vm", &archive, "-p", "minisign.pub"])).exits(0);
    }
    Ok(())
}

#[test]
fn the_install_archive_is_not_thrown_away() -> Test {
    let scene = Scene::with_key()?;
    let arguments = scene.bundle_arguments();
    let script = "\"$@\" --install-archive - > \"$to\"";
    for (to, code, text) in [
        ("/dev/null", 2, "error: --install-archive - would write the only copy of the private key to /dev/null\n"),
        ("/dev/full", 1, "\n  because: No space left on device (os error 28)\n"),
    ] {
        let run =
            Program::new("sh").env("to", to).args(["-c", script, "sh"]).arg(&tests::binaries::binaries()?.generator);
        let refused = scene.runs(&run.args(["create-bundle", "--no-password"]).args(&arguments)).exits(code);
        assert!(refused.stderr.contains(text), "{to}: {}", refused.stderr);
        assert!(!scene.path("out/democluster-1.tar.gz").exists(), "{to}");
    }
    Ok(())
}

#[test]
fn a_killed_run_leaves_no_file() -> Test {
    let scene = Scene::with_key()?;
    for signal in ["INT", "TERM", "KILL"] {
        let mut child = Command::new(&tests::binaries::binaries()?.generator)
            .args(["create-bundle", "--no-password", "--install-archive", "-"])
            .args(scene.bundle_arguments())
            .current_dir(scene.path("."))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The first byte is written when everything is staged.
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 1]).unwrap();
        assert_eq!(scene.files("out"), [""; 0], "{signal}");
        scene.runs(&Program::new("sh").args(["-c", &format!("kill -s {signal} {}", child.id())])).exits(0);
        assert_eq!(child.wait().unwrap().code(), None, "{signal} ends it");
        assert_eq!(scene.files("out"), [""; 0], "{signal}");
    }
    Ok(())
}

/// What each role of the sample requests may do at most, as `sign` says it.
const RISKIEST: &str = "  democluster-example-block-storage-volume-credentials\n    Permissions management: kms:CreateGrant\n  \
     democluster-example-front-door-dns-credentials\n    Write: route53:ChangeResourceRecordSets\n  \
     democluster-example-image-store-bucket-credentials\n    Write: s3:CreateBucket, s3:PutObject, s3:DeleteObject\n  \
     democluster-example-machines-machine-credentials\n    Write: ec2:RunInstances, ec2:TerminateInstances, iam:PassRole\n  \
     democluster-example-permissions-watcher-operator-permissions-wat\n    Read: iam:GetUser, iam:GetUserPolicy\n";

#[test]
fn a_second_signature_is_added_beside_the_first() -> Test {
    let scene = Scene::with_key()?;
    scene.signing_key("review");
    let bundle = scene.bundle();
    let signed =
        scene.sign(&bundle, "review", &["--signer", "reviewer", "--trusted-key", "minisign.pub"]).run().exits(0);
    assert_eq!(
        scene.files("out")[2..],
        ["democluster-1.tar.gz", "democluster-1.tar.gz.minisig", "democluster-1.tar.gz.reviewer.minisig"]
    );
    let index = scene.entry(&bundle, "bundle.json");
    let text = |field: &str| index[field].as_str().unwrap().to_owned();
    assert_eq!(
        signed.stdout,
        format!(
            "File     {bundle} (bundle)\n\
             Verdict  is what its requests ask for; 6 warnings, 2 notes; signed by trusted\n    key 1\n\
             Name     democluster\nSerial   1\nAccount  123456789012 (aws, us-east-2)\n\
             Issuer   {}\nKey      RSA-4096 {}\nRoles    5\n{RISKIEST}Created  {}, expires {}\nSHA-256  {}\n\
             Signature  {bundle}.reviewer.minisig (written)\nSigned by  {}\n",
            text("issuerUrl"),
            scene.entry(&bundle, "oidc/keys.json")["keys"][0]["kid"].as_str().unwrap(),
            text("created"),
            text("expires"),
            scene.digest(&bundle),
            scene.public_key("review/minisign.pub"),
        )
    );
    let keys = ["--trusted-key", "minisign.pub", "--trusted-key", "review/minisign.pub"];
    scene.applier(["verify", &bundle]).args(keys).run().exits(0);
    let refused = scene.sign(&bundle, "review", &["--signer", "../x"]).run().exits(2).stderr;
    assert!(refused.contains("'--signer <LABEL>': must have 1 to 32 letters, digits, - and _\n"), "{refused}");
    assert_eq!(scene.files(".").len(), 4, "{:?}", scene.files("."));
    Ok(())
}

#[test]
fn only_the_reviewed_bundle_is_signed() -> Test {
    let scene = Scene::with_key()?;
    scene.signing_key("review");
    let bundle = scene.bundle();
    let sign = scene.generator(["sign", &bundle, "--no-password", "--signing-key", "review/minisign.key"]);
    let files = scene.files("out");
    let (digest, other) = (scene.digest(&bundle), "0".repeat(64));
    sign.clone().args(["--sha256", &other]).run().exits(3).says(&format!(
        "error: {bundle} has SHA-256 {digest}; --sha256 expects {other}\n  review the file that is here, or get the one that was \
         reviewed"
    ));
    sign.clone().run().exits(2).says(&format!(
        "error: {bundle} is not signed: standard input is not a terminal to confirm on\n  give --sha256 HEX, the SHA-256 of the \
         file that was reviewed"
    ));
    let asked = |answer| sign.clone().on_a_terminal(&[["Type \"yes\" to sign: ", answer]]).run();
    let declined = asked("y").exits(1).stdout;
    assert!(declined.contains(&format!("SHA-256  {digest}\r\n")), "{declined}");
    assert!(
        declined.ends_with(&format!("error: {bundle} is not signed: the answer was not \"yes\"\r\n")),
        "{declined}"
    );
    assert_eq!(scene.files("out"), files);
    asked("yes").exits(0);
    assert_eq!(scene.files("out").len(), files.len() + 1);
    Ok(())
}

#[test]
fn a_missing_signature_is_noticed_before_signing() -> Test {
    let scene = Scene::with_key()?;
    scene.signing_key("review");
    scene.signing_key("stranger");
    let bundle = scene.bundle();
    let line = scene.public_key("stranger/minisign.pub");
    for key in ["stranger/minisign.pub", &line] {
        let refused = scene.sign(&bundle, "review", &["--trusted-key", key]).run().exits(3).stderr;
        assert!(refused.starts_with("error: role \"trusted key 1\" has not signed: "), "{refused}");
    }
    let refused = scene.sign(&bundle, "review", &["--trusted-key", "nothing"]).run().exits(2).stderr;
    let reason = "error: trusted key nothing is neither an existing file nor a minisign public key\n";
    assert!(refused.starts_with(reason), "{refused}");
    scene.sign(&bundle, "review", &["--trusted-key", &scene.public_key("minisign.pub")]).run().exits(0);
    Ok(())
}

#[test]
fn an_expired_bundle_is_not_signed() -> Test {
    let scene = Scene::with_key()?;
    scene.create_bundle(&["--expires-in", "1"]).env("SOURCE_DATE_EPOCH", "1700000000").run().exits(0);
    let sign = scene.sign("out/democluster-1.tar.gz", ".", &[]).env("SOURCE_DATE_EPOCH", "1700000000");
    let said = sign.run().exits(5).stderr;
    assert!(said.starts_with("error: the bundle expired at 2023-11-15T22:13:20Z; it is now 2"), "{said}");
    assert!(said.ends_with("Z\n  make it again with a new --serial\n"), "{said}");
    Ok(())
}

#[test]
fn a_secret_that_others_can_read_is_noticed() -> Test {
    let scene = Scene::with_key()?;
    let set = |file: &str, mode| {
        std::fs::set_permissions(scene.path(file), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let create = || scene.create_bundle(&[]).env("SOURCE_DATE_EPOCH", "1795000000").run();
    create().exits(0);
    assert_eq!(mode(&scene, "out"), 0o700);
    let archive = "out/democluster-1-install.tar.gz";
    set(archive, 0o644);
    let refused = |file: &str| {
        format!(
            "has mode 0644, so others can read its private key; expected 0600\n  if nobody has read it: chmod 600 {file}"
        )
    };
    let said = create().exits(2).stderr;
    assert!(said.ends_with(&format!("error: {archive} {}\n", refused(archive))), "{said}");
    set(archive, 0o600);
    create().exits(0);

    let make = || scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]).run();
    make().exits(0);
    assert_eq!(mode(&scene, "keys"), 0o700);
    let private = "keys/serviceaccount-signer.private";
    set(private, 0o644);
    make().exits(2).says(&format!("error: {private} {}", refused(private)));

    scene.write("password", "open sesame\n");
    let open = |file: &str, mode: &str| {
        format!("warning: {file} has mode {mode}, so others can read it; expected 0600\n  chmod 600 {file}")
    };
    set("password", 0o604);
    let make = ["create-signing-key", "--output-dir", "protected", "--password-file", "password"];
    scene.generator(make).run().exits(0).says(&open("password", "0604"));
    // A signing key and its password, wherever they are used: `sign` here, `create-bundle` below.
    let (bundle, key) = ("out/democluster-1.tar.gz", "protected/minisign.key");
    set(key, 0o640);
    let sign = ["sign", bundle, "--sha256", &scene.digest(bundle), "--signing-key", key, "--password-file", "password"];
    let warned = format!("{}\n{}", open("password", "0604"), open(key, "0640"));
    scene.generator(sign).run().exits(0).says(&warned);
    set("password", 0o600);
    set(key, 0o600);
    let (signature, other) = (format!("{bundle}.reviewer.minisig"), format!("{bundle}.other.minisig"));
    std::fs::rename(scene.path(&signature), scene.path(&other)).unwrap();
    scene.generator(sign).run().exits(0).says("");
    set("minisign.key", 0o644);
    scene.create_bundle(&["--serial", "2"]).run().exits(0).says(&open("minisign.key", "0644"));
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

/// A pipe takes some kilobytes that nobody reads. The bundle appears when the install archive was read, and not before:
/// otherwise its private key would exist nowhere.
#[test]
fn no_bundle_appears_where_nobody_took_the_key() -> Test {
    let scene = Scene::with_key()?;
    let arguments = scene.bundle_arguments();
    let key = arguments.iter().position(|word| word == "--public-key-file").unwrap();
    let arguments = [&arguments[..key], &arguments[key + 2..]].concat();
    let line = |consumer: &str| {
        let create = scene.create_bundle_with(&arguments, &["--key-type", "p256", "--install-archive", "-"]).line();
        let generator = tests::binaries::binaries().unwrap().generator.to_string_lossy().into_owned();
        let create = create.replacen("airlock-generator", &generator, 1);
        scene.runs(&Program::new("/bin/bash").args(["-c", &format!("set -o pipefail; {create} | {consumer}")]))
    };
    line("sleep 0.3").exits(1).says(
        "error: the install archive was not read from standard output; no bundle was written\n  because: broken pipe\n  if a \
         private key was made, it is gone: correct the command behind the pipe, then run this command again",
    );
    assert!(!scene.path("out/democluster-1.tar.gz").exists());
    let slow = line("(sleep 0.3; cat > install.tar.gz)").exits(0);
    assert!(slow.stderr.contains(
            "If it is lost before the bundle is applied, delete out/democluster-1.tar.gz.minisig, \
             out/democluster-1-install.tar.gz.minisig and out/democluster-1.tar.gz, and run this command again with the same serial"
        ), "{}", slow.stderr);
    assert!(scene.entries("install.tar.gz").contains(&"tls/bound-service-account-signing-key.key".to_owned()));
    assert!(scene.path("out/democluster-1.tar.gz").exists());

    // The archive is lost: the advice brings a new key, as long as nothing was applied.
    line("cat > /dev/null").exits(2).says(
        "error: out/democluster-1.tar.gz.minisig already exists with other content and is not overwritten\n  if the \
         install archive is lost and the bundle was never applied, delete the bundle and the signatures, then run this \
         again; for a changed bundle of the same \
         cluster give --serial 2 and --public-key-file",
    );
    for file in scene.files("out") {
        std::fs::remove_file(scene.path(&format!("out/{file}"))).unwrap();
    }
    line("cat > again.tar.gz").exits(0);
    Ok(())
}

/// What is done with an install archive depends on the serial: only the first is for an installation.
#[test]
fn the_next_steps_are_those_of_the_serial() -> Test {
    let scene = Scene::with_key()?;
    let next = |serial| {
        let report = scene.create_bundle(&["--serial", serial, "--format", "json"]).run().exits(0).json();
        report["next"].as_array().unwrap().iter().map(|step| step.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (first, second) = (next("1"), next("2"));
    assert_eq!(
        first[0],
        "have the bundle reviewed and signed again: airlock-generator review out/democluster-1.tar.gz --trusted-key generator.pub \
         && airlock-generator sign out/democluster-1.tar.gz --trusted-key generator.pub --signing-key REVIEWERS-KEY"
    );
    assert!(first[1].ends_with("airlock-applier plan out/democluster-1.tar.gz --trust trust.json"), "{first:?}");
    assert_eq!(
        first[2],
        "before openshift-install create cluster, check and extract the install archive where it runs: minisign -Vm \
         out/democluster-1-install.tar.gz -p generator.pub && tar xzf out/democluster-1-install.tar.gz -C INSTALL-DIR"
    );
    assert_eq!(
        second[2],
        "once the bundle is applied, check and extract the install archive and apply its Secrets to the cluster: minisign -Vm \
         out/democluster-2-install.tar.gz -p generator.pub && tar xzf out/democluster-2-install.tar.gz -C INSTALL-DIR && oc \
         apply -f INSTALL-DIR/manifests"
    );
    Ok(())
}

#[test]
fn an_install_archive_is_not_signed() -> Test {
    let scene = Scene::with_key()?;
    scene.bundle();
    let archive = "out/democluster-1-install.tar.gz";
    scene.sign(archive, ".", &[]).run().exits(4).says(&format!(
        "error: {archive} is an install archive, which may hold the cluster's private key\n  do not sign it, and do not carry it to \
         the privileged network\n  sign the bundle: NAME-SERIAL.tar.gz"
    ));
    Ok(())
}

#[test]
fn a_reader_that_leaves_is_no_failure() -> Test {
    let scene = Scene::with_key()?;
    let bundle = scene.bundle();
    let binaries = tests::binaries::binaries().unwrap();
    let (generator, applier) = (binaries.generator.to_string_lossy(), binaries.applier.to_string_lossy());
    for command in [
        format!("{generator} create-key-pair --key-type p256 --output-dir keys"),
        format!("{applier} verify {bundle} --trusted-key minisign.pub"),
    ] {
        let line = format!("set -o pipefail; {command} | true");
        scene.runs(&Program::new("/bin/bash").args(["-c", &line])).exits(0).says("");
    }
    Ok(())
}
