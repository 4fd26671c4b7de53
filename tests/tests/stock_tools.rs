//! Stock tools read what we write, and we read what they write. A test whose tool is not installed says that it skips.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::os::unix::fs::PermissionsExt;

use tests::SetupError;
use tests::emulator::Emulator;
use tests::program::tool;
use tests::scene::{ROLES, Scene};

type Test = Result<(), SetupError>;

#[test]
fn minisign_accepts_our_signature() -> Test {
    let Some(minisign) = tool("minisign") else { return Ok(()) };
    let scene = Scene::with_key()?;
    let bundle = scene.bundle();
    let verified = scene.runs(&minisign.args(["-Vm", &bundle, "-p", "minisign.pub"])).exits(0);
    assert!(verified.stdout.starts_with("Signature and comment signature verified\n"), "{}", verified.stdout);
    Ok(())
}

#[test]
fn we_accept_a_signature_of_minisign_with_a_password() -> Test {
    let Some(minisign) = tool("minisign") else { return Ok(()) };
    let scene = Scene::with_key()?;
    let bundle = scene.bundle();
    let keys = ["-p", "stock.pub", "-s", "stock.key"];
    scene.runs(&minisign.clone().arg("-G").args(keys).input("secret\nsecret\n")).exits(0);
    let signature = format!("{bundle}.stock.minisig");
    let sign = minisign.args(["-S", "-s", "stock.key", "-m", &bundle, "-x", &signature]).input("secret\n");
    scene.runs(&sign).exits(0);
    // Both keys are demanded, both have signed.
    let trust = ["--trusted-key", "minisign.pub", "--trusted-key", "stock.pub"];
    scene.applier(["verify", &bundle]).args(trust).run().exits(0);
    Ok(())
}

#[test]
fn minisign_uses_our_key_and_we_use_its() -> Test {
    let Some(minisign) = tool("minisign") else { return Ok(()) };
    let scene = Scene::empty()?;
    scene.write("password", "correct horse\n");
    let password = ["--password-file", "password"];
    scene.generator(["create-signing-key", "--output-dir", "."]).args(password).run().exits(0);
    scene.write("file", "some bytes");
    let sign = minisign.clone().args(["-S", "-s", "minisign.key", "-m", "file"]).input("correct horse\n");
    scene.runs(&sign).exits(0);
    scene.runs(&minisign.clone().args(["-Vm", "file", "-p", "minisign.pub"])).exits(0);

    let keys = ["-p", "stock.pub", "-s", "stock.key"];
    scene.runs(&minisign.clone().arg("-G").args(keys).input("correct horse\ncorrect horse\n")).exits(0);
    let arguments = scene.bundle_arguments();
    let arguments = arguments.iter().map(|word| if word == "minisign.key" { "stock.key" } else { word });
    scene.generator(["create-bundle"]).args(arguments).args(password).run().exits(0);
    scene.runs(&minisign.args(["-Vm", "out/democluster-1.tar.gz", "-p", "stock.pub"])).exits(0);
    Ok(())
}

#[test]
fn tar_lists_and_extracts_the_bundle() -> Test {
    let Some(tar) = tool("tar") else { return Ok(()) };
    let scene = Scene::with_key()?;
    let bundle = scene.bundle();
    let listed = scene.runs(&tar.clone().args(["tzf", &bundle])).exits(0);
    let names: Vec<&str> = listed.stdout.lines().collect();
    assert_eq!(names, scene.entries(&bundle));
    assert_eq!(names[0], "bundle.json");
    std::fs::create_dir(scene.path("extracted")).unwrap();
    scene.runs(&tar.args(["xzf", &bundle, "-C", "extracted"])).exits(0);
    assert_eq!(scene.read("extracted/bundle.json"), scene.entry_bytes(&bundle, "bundle.json"));
    Ok(())
}

#[test]
fn openssl_reads_the_keys() -> Test {
    let Some(openssl) = tool("openssl") else { return Ok(()) };
    let scene = Scene::empty()?;
    for (key_type, header, description) in [
        ("rsa-2048", "-----BEGIN RSA PRIVATE KEY-----\n", "Private-Key: (2048 bit, 2 primes)"),
        ("rsa-4096", "-----BEGIN RSA PRIVATE KEY-----\n", "Private-Key: (4096 bit, 2 primes)"),
        ("p256", "-----BEGIN EC PRIVATE KEY-----\n", "Private-Key: (256 bit)"),
    ] {
        scene.generator(["create-key-pair", "--output-dir", key_type, "--key-type", key_type]).run().exits(0);
        let private = format!("{key_type}/serviceaccount-signer.private");
        assert!(scene.text(&private).starts_with(header), "the installer loads PKCS#1 and SEC1");
        assert_eq!(std::fs::metadata(scene.path(&private)).unwrap().permissions().mode() & 0o777, 0o600);
        let checked =
            scene.runs(&openssl.clone().args(["pkey", "-check", "-text", "-noout", "-in", &private])).exits(0);
        assert!(
            checked.stdout.contains("Key is valid\n") && checked.stdout.contains(description),
            "{}",
            checked.stdout
        );
        let public = scene.runs(&openssl.clone().args(["pkey", "-pubout", "-in", &private])).exits(0).stdout;
        assert_eq!(public, scene.text(&format!("{key_type}/serviceaccount-signer.public")));
    }
    Ok(())
}

/// A team that may not run the applier can still use the bundle: each document is an input of the AWS CLI. What is left
/// for the applier then are the objects and the record, and somebody says that what is there is the cluster's.
#[test]
fn the_aws_cli_takes_the_documents() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let role = |folder: &str| format!("{folder}/{}.json", ROLES[0]);
    for (command, document) in [
        (["s3api", "create-bucket"], "aws/bucket.json".to_owned()),
        (["s3api", "put-public-access-block"], "aws/bucket-public-access-block.json".to_owned()),
        (["s3api", "put-bucket-policy"], "aws/bucket-policy.json".to_owned()),
        (["s3api", "put-bucket-tagging"], "aws/bucket-tagging.json".to_owned()),
        (["iam", "create-open-id-connect-provider"], "aws/identity-provider.json".to_owned()),
        (["iam", "create-role"], role("aws/roles")),
        (["iam", "put-role-policy"], role("aws/role-policies")),
    ] {
        let file = scene.write(&document, scene.entry_bytes(&bundle, &document));
        let input = format!("file://{}", file.display());
        emulator.aws(&[command[0], command[1], "--cli-input-json", &input]).exits(0);
    }
    let plan = scene.applies(&emulator, "plan", &bundle, &["--format", "json", "--adopt"]).run().exits(0).json();
    let calls: Vec<&str> =
        plan["actions"].as_array().unwrap().iter().map(|action| action["call"].as_str().unwrap()).collect();
    let mut expected = vec!["s3:PutObject", "s3:PutBucketTagging", "s3:PutObject", "s3:PutObject", "s3:PutObject"];
    expected.push("iam:TagOpenIDConnectProvider");
    expected.extend(["iam:CreateRole"; ROLES.len() - 1]);
    expected.extend(["iam:PutRolePolicy"; ROLES.len() - 1]);
    expected.push("s3:PutObject");
    assert_eq!(calls, expected);
    let adopted: Vec<&str> =
        plan["findings"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(adopted, ["adopted", "adopted", "bucket-adopted"], "provider and role, and the bucket without a record");
    Ok(())
}
