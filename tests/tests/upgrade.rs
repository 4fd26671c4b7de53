//! The bundle that follows another: `create-bundle --previous`, from new requests to an account that holds it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use serde_json::{Value, json};
use tests::emulator::Emulator;
use tests::program::Program;
use tests::scene::{self, NAME, ROLES, Scene};
use tests::{SetupError, crate_file};

type Test = Result<(), SetupError>;

const FIRST: &str = "out/democluster-1.tar.gz";
const SECOND: &str = "out/democluster-2.tar.gz";

/// The release's next requests: one role may do less, one is gone, one is new.
fn next_requests(scene: &Scene) {
    for name in ["01-image-store.yaml", "02-front-door.yaml", "03-block-storage.yaml", "04-machines.yaml"] {
        let text = std::fs::read_to_string(crate_file("samples/credentials-requests").join(name)).unwrap();
        scene.write(&format!("next/{name}"), text.replace("      - s3:DeleteObject\n", ""));
    }
    scene.write("next/07-shelves.yaml", shelves("  serviceAccountNames: [shelf]\n"));
}

/// A request for a Secret of its own.
fn shelves(service_accounts: &str) -> String {
    format!(
        "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata:\n  name: example-shelves\nspec:\n{service_accounts}  \
         secretRef:\n    namespace: example-shelves\n    name: shelf-credentials\n  providerSpec:\n    kind: AWSProviderSpec\n    \
         statementEntries:\n    - effect: Allow\n      action: [s3:ListBucket]\n      resource: '*'\n"
    )
}

/// `create-bundle` of the next requests, with nothing that `--previous` could give.
fn upgrade(scene: &Scene, more: &[&str]) -> Program {
    let arguments = ["create-bundle", "--no-password", "--credentials-requests-dir", "next", "--output-dir", "out"];
    scene.generator(arguments).args(["--signing-key", "minisign.key"]).args(more)
}

fn follows<'a>(bundle: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--previous", bundle, "--trusted-key", "minisign.pub"], more].concat()
}

#[test]
fn a_cluster_is_upgraded_without_its_private_key() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    scene.signing_key("review");
    // The first bundle's key pair is new: its private half is in the first install archive alone.
    let arguments = scene.bundle_arguments();
    let key = arguments.iter().position(|word| word == "--public-key-file").unwrap();
    let arguments = [&arguments[..key], &arguments[key + 2..]].concat();
    scene.create_bundle_with(&arguments, &["--key-type", "p256"]).run().exits(0);
    scene.applies(&emulator, "apply", FIRST, &["--yes"]).run().exits(0);
    assert_eq!(scene::record(&emulator)["serial"], 1);

    next_requests(&scene);
    let report = upgrade(&scene, &follows(FIRST, &["--format", "json"])).run().exits(0).says("").json();
    let previous = json!({"serial": 1, "sha256": scene.digest(FIRST)});
    assert_eq!((&report["serial"], &report["previous"]), (&json!(2), &previous));
    assert_eq!(report["keySource"], format!("its public half, from {FIRST}"));
    let next: Vec<&str> = report["next"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
    assert_eq!(
        next,
        [
            "have the bundle reviewed and signed again: airlock-generator review out/democluster-2.tar.gz --against \
             out/democluster-1.tar.gz --trusted-key generator.pub && airlock-generator sign out/democluster-2.tar.gz --trusted-key \
             generator.pub --signing-key REVIEWERS-KEY",
            "carry the bundle and its .minisig files to the privileged network: airlock-applier plan out/democluster-2.tar.gz \
             --trust trust.json",
            "once the bundle is applied, check and extract the install archive and apply its Secrets to the cluster: minisign -Vm \
             out/democluster-2-install.tar.gz -p generator.pub && tar xzf out/democluster-2-install.tar.gz -C INSTALL-DIR && oc \
             apply -f INSTALL-DIR/manifests",
        ]
    );
    assert_eq!(scene.entry(SECOND, "bundle.json")["previous"], previous);
    assert_eq!(
        scene.entry_bytes(SECOND, "serviceaccount-signer.public"),
        scene.entry_bytes(FIRST, "serviceaccount-signer.public")
    );
    assert_eq!(scene.entry_bytes(SECOND, "oidc/keys.json"), scene.entry_bytes(FIRST, "oidc/keys.json"));
    let private = |archive| scene.entries(archive).iter().filter(|entry| !entry.starts_with("manifests/")).count();
    assert_eq!((private("out/democluster-1-install.tar.gz"), private("out/democluster-2-install.tar.gz")), (1, 0));
    assert_eq!(scene.entries("out/democluster-2-install.tar.gz").len(), 1 + 5);

    let against = ["review", SECOND, "--against", FIRST, "--trusted-key", "minisign.pub"];
    let review = scene.generator(against).run().exits(0).stdout;
    assert!(review.contains("\nAgainst democluster serial 1\n"), "{review}");
    assert!(review.contains("\n  the keys are the same\n"), "{review}");
    assert!(!review.contains("NEW KEY") && !review.contains("KEY GONE"), "{review}");
    scene.sign(SECOND, "review", &["--trusted-key", "minisign.pub"]).run().exits(0);

    let both = ["--trusted-key", "review/minisign.pub"];
    let applies =
        |command: &str, more: &[&str]| scene.applies(&emulator, command, SECOND, &[&both, more].concat()).run();
    emulator.forget();
    applies("plan", &["--detailed-exitcode"]).exits(10);
    assert_eq!(emulator.writes().len(), 0);
    applies("apply", &["--yes"]).exits(0);
    let record = scene::record(&emulator);
    assert_eq!(
        (&record["serial"], &record["sha256"], &record["state"]),
        (&json!(2), &json!(scene.digest(SECOND)), &json!("applied"))
    );
    let live =
        emulator.call("iam", "get_role", json!({"RoleName": format!("{NAME}-example-shelves-shelf-credentials")}));
    assert_eq!(live["Role"]["Path"], "/");
    let store = ROLES[2];
    let live = emulator.call("iam", "get_role_policy", json!({"RoleName": store, "PolicyName": store}));
    assert!(!live["PolicyDocument"].to_string().contains("s3:DeleteObject"), "{live}");
    emulator.forget();
    applies("apply", &["--yes"]).exits(0);
    assert_eq!(emulator.writes().len(), 0, "the second apply writes nothing");
    Ok(())
}

#[test]
fn every_setting_is_taken_over_and_the_same_input_gives_the_same_bytes() -> Test {
    let scene = Scene::with_key()?;
    let boundary = "arn:aws:iam::123456789012:policy/edge";
    let settings = [
        ["--permissions-boundary-arn", boundary],
        ["--role-path", "/openshift/"],
        ["--role-names", "hashed"],
        ["--tag", "team=edge"],
        ["--audience", "openshift"],
        ["--thumbprint", "0123456789abcdef0123456789abcdef01234567"],
        ["--feature-set", "CustomNoUpgrade"],
        ["--feature-gates", "Shelves,-Drawers"],
        ["--service-accounts", "example-shelves/shelf-credentials=one,two"],
        ["--credentials-requests-dir", "next"],
        ["--expires-in", "1"],
        ["--created", "2026-01-01T00:00:00Z"],
    ];
    next_requests(&scene);
    scene.write("next/07-shelves.yaml", shelves(""));
    scene.create_bundle(settings.as_flattened()).run().exits(0);
    // It expired long ago, which does no harm: nothing is applied by it.
    let more = follows(FIRST, &["--created", "2026-11-01T00:00:00Z"]);
    upgrade(&scene, &more).run().exits(0);
    let (first, second) = (scene.entry(FIRST, "bundle.json"), scene.entry(SECOND, "bundle.json"));
    for field in ["name", "accountId", "partition", "dnsSuffix", "region", "issuerUrl", "endpoint", "rolePath", "tags"]
    {
        assert_eq!(first[field], second[field], "{field}");
    }
    assert_eq!((&first["settings"], &first["components"]), (&second["settings"], &second["components"]));
    for entry in scene.entries(FIRST).iter().filter(|entry| *entry != "bundle.json") {
        assert_eq!(scene.entry_bytes(FIRST, entry), scene.entry_bytes(SECOND, entry), "{entry}");
    }
    assert_eq!(
        (&second["created"], &second["expires"]),
        (&json!("2026-11-01T00:00:00Z"), &json!("2026-12-01T00:00:00Z"))
    );
    // Again: nothing is written, because it would be the same.
    let (bytes, install) = (scene.read(SECOND), scene.read("out/democluster-2-install.tar.gz"));
    upgrade(&scene, &more).run().exits(0);
    for file in scene.files("out").iter().filter(|file| file.contains("-2")) {
        scene.remove(&format!("out/{file}"));
    }
    upgrade(&scene, &more).run().exits(0);
    assert_eq!((scene.read(SECOND), scene.read("out/democluster-2-install.tar.gz")), (bytes, install));
    Ok(())
}

#[test]
fn flags_and_new_requests_win() -> Test {
    let scene = Scene::with_key()?;
    next_requests(&scene);
    scene.write("next/07-shelves.yaml", shelves(""));
    let given = "example-shelves/shelf-credentials=one,two";
    scene
        .create_bundle(&["--credentials-requests-dir", "next", "--service-accounts", given, "--tag", "team=edge"])
        .run()
        .exits(0);
    // The same in a file of settings, where the older bundle stands too.
    scene.write(
        "upgrade.yaml",
        format!(
            "previous: {FIRST}\ntrusted-key: [minisign.pub]\nname: {NAME}\ntag: [cost=1]\naudience: [openshift]\nserial: 5\nexpires-in: 7\n\
             service-accounts: ['example-shelves/shelf-credentials=three']\nfeature-set: OKD\n"
        ),
    );
    upgrade(&scene, &["--config", "upgrade.yaml"]).run().exits(0);
    let bundle = "out/democluster-5.tar.gz";
    let index = scene.entry(bundle, "bundle.json");
    assert_eq!(index["previous"]["serial"], 1);
    assert_eq!(index["settings"]["featureSet"], "OKD");
    assert_eq!(index["settings"]["serviceAccounts"][0]["serviceAccounts"], json!(["three"]));
    assert_eq!(index["tags"].as_array().unwrap().iter().filter(|tag| tag["Key"] == "cost").count(), 1);
    assert_eq!(index["tags"].as_array().unwrap().iter().filter(|tag| tag["Key"] == "team").count(), 0);
    assert_eq!(scene.entry(bundle, "aws/identity-provider.json")["ClientIDList"], json!(["openshift"]));
    // A request that names its service accounts now needs none of those that were given.
    scene.write("next/07-shelves.yaml", shelves("  serviceAccountNames: [shelf]\n"));
    upgrade(&scene, &follows(bundle, &[])).run().exits(0);
    let index = scene.entry("out/democluster-6.tar.gz", "bundle.json");
    assert_eq!(index["settings"]["serviceAccounts"], json!([]));
    Ok(())
}

#[test]
fn an_older_bundle_that_nobody_vouches_for_gives_nothing() -> Test {
    let scene = Scene::with_key()?;
    scene.signing_key("other");
    scene.bundle();
    next_requests(&scene);
    let refused = |more: &[&str], code: i32, error: &str| {
        upgrade(&scene, more).run().exits(code).says(error);
        assert!(!scene.path(SECOND).exists());
    };
    let nobody = format!(
        "error: --previous does not say who must have signed {FIRST}\n  give --trusted-key KEY with the public half of each key that \
         signed it, or --trust FILE"
    );
    refused(&["--previous", FIRST], 2, &nobody);
    refused(
        &["--trusted-key", "minisign.pub", "--serial", "2"],
        2,
        "error: --trusted-key says who must have signed the bundle of --previous, which is not given\n  give --previous BUNDLE, or \
         leave --trusted-key out",
    );
    let (own, other) = (scene.public_key("minisign.pub"), scene.public_key("other/minisign.pub"));
    let unsigned = |whose: &str, key: &str| {
        format!(
            "error: {FIRST} cannot be used\n  because: {whose} has not signed: none of its keys ({key}) made the only signature beside \
             the bundle (democluster-1.tar.gz.minisig)\n  to sign: airlock-generator sign BUNDLE --signing-key KEY, or minisign -S -m \
             BUNDLE -x BUNDLE.SIGNER.minisig"
        )
    };
    refused(
        &["--previous", FIRST, "--trusted-key", "other/minisign.pub"],
        3,
        &unsigned("role \"trusted key 1\"", &other),
    );
    let trust = json!({"roles": {"generator": [own], "reviewer": [other]}, "accounts": ["123456789012"]});
    scene.write("trust.json", trust.to_string());
    refused(&["--previous", FIRST, "--trust", "trust.json"], 3, &unsigned("role \"reviewer\"", &other));

    let good = scene.read(FIRST);
    let mut changed = good.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    scene.write(FIRST, changed);
    let outcome = upgrade(&scene, &follows(FIRST, &[])).run().exits(3);
    let error = format!(
        "error: {FIRST} cannot be used\n  because: signature democluster-1.tar.gz.minisig claims the trusted key "
    );
    assert!(outcome.stderr.starts_with(&error), "{}", outcome.stderr);
    assert!(!scene.path(SECOND).exists());

    scene.write(FIRST, good);
    scene.sign(FIRST, "other", &[]).run().exits(0);
    upgrade(&scene, &["--previous", FIRST, "--trust", "trust.json"]).run().exits(0);
    Ok(())
}

#[test]
fn what_makes_another_cluster_is_refused() -> Test {
    let scene = Scene::with_key()?;
    scene.bundle();
    next_requests(&scene);
    scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]).run().exits(0);
    let kid = |jwks: &Value| jwks["keys"][0]["kid"].as_str().unwrap().to_owned();
    let old = kid(&scene.entry(FIRST, "oidc/keys.json"));
    scene.create_bundle(&["--name", "other", "--public-key-file", "keys/serviceaccount-signer.public"]).run().exits(0);
    let new = kid(&scene.entry("out/other-1.tar.gz", "oidc/keys.json"));
    let keeps = |setting: &str, given: &str, old: &str| {
        format!(
            "error: {setting} is {given}; the bundle of --previous has {old}\n  leave {setting} out: a cluster keeps it"
        )
    };
    for (setting, given, error) in [
        ("--name", "prod", keeps("--name", "prod", NAME)),
        ("--account-id", "210987654321", keeps("--account-id", "210987654321", "123456789012")),
        ("--region", "eu-west-1", keeps("--region", "eu-west-1", "us-east-2")),
        ("--partition", "aws-cn", keeps("--partition", "aws-cn", "aws")),
        ("--role-path", "/x/", keeps("--role-path", "/x/", "/")),
        (
            "--public-key-file",
            "keys/serviceaccount-signer.public",
            keeps("--public-key-file", &format!("the key {new}"), &format!("the key {old}")),
        ),
        (
            "--serial",
            "1",
            "error: --serial is 1; the bundle of --previous has 1, and the applier refuses to go back\n  leave --serial out: the next \
             one is 2"
                .to_owned(),
        ),
    ] {
        upgrade(&scene, &follows(FIRST, &[setting, given])).run().exits(2).says(&error);
        assert!(!scene.path(SECOND).exists(), "{setting}");
    }
    // The same values may be given: a file of settings may stay as it is.
    scene.create_bundle(&follows(FIRST, &[])).run().exits(0);
    Ok(())
}

#[test]
fn no_bundle_follows_the_highest_serial() -> Test {
    let scene = Scene::with_key()?;
    let highest = "999999999";
    let refused = scene.create_bundle(&["--serial", "1000000000"]).run().exits(2).stderr;
    assert!(refused.contains(": 1000000000 is not in 1..=999999999\n"), "{refused}");
    scene.create_bundle(&["--serial", highest]).run().exits(0);
    next_requests(&scene);
    let last = "out/democluster-999999999.tar.gz";
    for more in [&[][..], &["--serial", highest]] {
        upgrade(&scene, &follows(last, more))
            .run()
            .exits(2)
            .says("error: the bundle of --previous has serial 999999999, the highest there is, so none can follow it");
    }
    Ok(())
}

/// A private key that lies about is neither read nor packed.
#[test]
fn an_install_archive_of_a_later_serial_holds_no_key() -> Test {
    let scene = Scene::with_key()?;
    scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "out"]).run().exits(0);
    let public = scene.path("out/serviceaccount-signer.public");
    let arguments = scene.bundle_arguments_for(&crate_file("samples/credentials-requests"), &public);
    let key = arguments.iter().position(|word| word == "--public-key-file").unwrap();
    let arguments = [&arguments[..key], &arguments[key + 2..]].concat();
    let keys = |archive: &str| scene.entries(archive).iter().filter(|entry| entry.starts_with("tls/")).count();
    scene.create_bundle_with(&arguments, &[]).run().exits(0);
    let second = scene.create_bundle_with(&arguments, &["--serial", "2", "--format", "json"]).run().exits(0).json();
    assert_eq!((keys("out/democluster-1-install.tar.gz"), keys("out/democluster-2-install.tar.gz")), (1, 0));
    assert_eq!(
        second["next"][3],
        "the install archive holds no key, because a cluster that runs has it; to install a cluster all the same: cp \
         out/serviceaccount-signer.private INSTALL-DIR/tls/bound-service-account-signing-key.key"
    );
    scene.write("out/serviceaccount-signer.private", "junk");
    next_requests(&scene);
    upgrade(&scene, &follows(SECOND, &[])).run().exits(0);
    assert_eq!(keys("out/democluster-3-install.tar.gz"), 0);
    Ok(())
}
