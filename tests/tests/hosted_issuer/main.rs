//! Clusters whose issuer's documents somebody else publishes (`--issuer-url`): no bucket, the record on the identity provider, and
//! the documents read over the issuer's own URL, with its certificate and through a proxy, before AWS is told to trust it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

mod failures;
mod site;

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::empty_account;
use tests::issuer_server::HOST;
use tests::request::{Request, operations};

use self::site::Site;

type Test = Result<(), SetupError>;

const NAME: &str = "hosted";
const PATH: &str = "/clusters/hosted";
const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/clusters/hosted";
const ROLES: [&str; 2] = ["hosted-example-credentials-0", "hosted-example-credentials-1"];
const TAG: &str = "sts-airlock/record/hosted";

impl Site {
    /// A bundle whose documents are published.
    fn published(&self, serial: u32) -> String {
        let bundle = self.bundle(NAME, PATH, serial);
        self.publish(&bundle, PATH);
        bundle
    }

    fn provider(&self) -> Value {
        self.emulator.state()["providers"][PROVIDER].clone()
    }

    fn call(&self, operation: &str, mut parameters: Value) {
        parameters["OpenIDConnectProviderArn"] = PROVIDER.into();
        self.emulator.call("iam", operation, parameters);
    }

    fn roles(&self) -> Vec<String> {
        self.emulator.state()["roles"].as_object().unwrap().keys().cloned().collect()
    }
}

#[test]
fn a_cluster_is_made_upgraded_and_deleted_without_a_bucket() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let first = site.published(1);
    let plan = site.run("plan", &first, &[]).exits(0).stdout;
    assert!(!plan.contains("bucket") && !plan.contains("s3:"), "{plan}");
    assert!(plan.contains(&format!("\nIssuer    https://{HOST}{PATH}\n")), "{plan}");
    assert!(plan.contains("\nPlan: create 3 resources, update 0 resources (7 calls).\n"), "{plan}");

    site.emulator.forget();
    site.run("apply", &first, &["--yes", "--receipt", "receipt.json", "--concurrency", "1"]).exits(0);
    assert_eq!(
        operations(&site.emulator.writes()),
        [
            "CreateOpenIDConnectProvider",
            "TagOpenIDConnectProvider",
            "CreateRole",
            "CreateRole",
            "PutRolePolicy",
            "PutRolePolicy",
            "TagOpenIDConnectProvider",
        ]
    );
    let is_s3 = |request: &Request| request.service == "s3" || request.service == "public";
    assert!(!site.emulator.requests().iter().any(is_s3));
    assert_eq!(
        site.asked(),
        [
            format!("CONNECT {HOST}:443"),
            format!("GET {PATH}/.well-known/openid-configuration"),
            format!("GET {PATH}/keys.json"),
            format!("GET {PATH}/openid/v1/jwks"),
        ]
    );
    let receipt = site.scene.receipt("receipt.json");
    assert_eq!((&receipt["ending"], &receipt["issuerCheck"]), (&json!("done"), &json!({"outcome": "done"})));
    let made = &receipt["record"]["made"];
    assert_eq!(made["provider"]["created"], site.provider()["identity"]);
    assert_eq!(made["roles"].as_object().unwrap().keys().collect::<Vec<_>>(), ROLES);
    let tags = site.provider()["tags"].clone();
    let record: Vec<&str> = tags[TAG].as_str().unwrap().split(' ').collect();
    assert_eq!((record[1], record[2], record[7]), ("applied", "1", "3"), "two roles and the provider");
    site.holds(&first);
    site.emulator.forget();
    site.apply(&first);
    assert_eq!(operations(&site.emulator.writes()), Vec::<&str>::new());

    let second = site.published(2);
    site.apply(&second);
    site.holds(&second);
    assert_eq!(site.provider()["tags"]["sts-airlock/serial"], "2");
    let older = "error: bundle has serial 1, the account holds serial 2, which is newer\n  apply the newer bundle, or make \
                 this one again with a --serial above 2; to go back all the same: --allow-rollback";
    site.refuses(&site.program("apply", &first, &["--yes"]), 5, older);

    site.emulator.forget();
    let deleted = site.delete(&second).stdout;
    let stays = format!(
        "\n! the issuer's documents stay at https://{HOST}{PATH}:\n    somebody else publishes them, and may take them down now\n\nPlan: \
         delete 3 resources (6 calls).\n"
    );
    assert!(deleted.contains(&stays), "{deleted}");
    let writes = site.emulator.writes();
    assert_eq!(
        operations(&writes),
        [
            "TagOpenIDConnectProvider",
            "DeleteRolePolicy",
            "DeleteRolePolicy",
            "DeleteRole",
            "DeleteRole",
            "DeleteOpenIDConnectProvider"
        ]
    );
    assert!(!site.emulator.requests().iter().any(is_s3));
    assert_eq!(site.emulator.state(), empty_account());
    assert_eq!(site.scene.receipt("receipt.json").get("record"), None);
    let again = site.delete(&second).stdout;
    assert!(again.contains("\nNothing to do: the account holds nothing of the bundle.\n"), "{again}");
    Ok(())
}

/// What is not as it should be is found before the provider is made, and says what to do.
#[test]
fn nothing_is_made_before_the_documents_are_published() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.bundle(NAME, PATH, 1);
    let trusted = || site.program("apply", &bundle, &["--yes", "--ca-file", "ca.pem"]);
    let discovery = format!("https://{HOST}{PATH}/.well-known/openid-configuration");
    let unread = |answer: &str, advice: &str| {
        format!(
            "because: the public cannot read the issuer's document {discovery}: {answer}\n  AWS reads it to check every token: \
             {advice}\n  then run this again, or leave the check out with --skip-issuer-check where this host cannot reach the issuer"
        )
    };
    let publish_it = "have the bundle's documents published there, each under its own path (`oidc/` in the bundle)";
    site.refuses(&trusted(), 6, &unread("HTTP 404", publish_it));

    site.publish(&bundle, PATH);
    let moved = site
        .scene
        .write(&format!("site{PATH}/.well-known/openid-configuration.redirect"), "https://elsewhere.example/a");
    let redirected = "have the documents served at the issuer's own URL: no redirect is followed";
    site.refuses(&trusted(), 6, &unread("HTTP 302, a redirect to https://elsewhere.example/a", redirected));
    std::fs::remove_file(moved).unwrap();

    let certificate = "look at the server's certificate: its names, its dates, its chain; where an authority of your own issued it, \
                       or a proxy opens the connection, give that authority's certificate with --ca-file";
    let untrusted = site.program("apply", &bundle, &["--yes"]);
    site.refuses(&untrusted, 6, &unread("invalid peer certificate: UnknownIssuer", certificate));

    let (keys, found) = (format!("site{PATH}/keys.json"), "0".repeat(64 * 1024));
    let expected = site.scene.digest(&keys);
    site.scene.write(&keys, &found);
    let differs = format!(
        "because: the public reads another document at https://{HOST}{PATH}/keys.json: expected SHA-256 {expected}, found {}\n  have \
         this bundle's documents published there (`oidc/` in the bundle), or look for a cache or a proxy in between; then run this again",
        site.scene.digest(&keys)
    );
    site.refuses(&trusted(), 6, &differs);
    site.scene.write(&keys, found + "0");
    let too_long = format!("{PATH}/keys.json: a document has over 64 KiB\n");
    site.refuses(&trusted(), 6, &too_long);
    Ok(())
}

#[test]
fn a_host_that_cannot_be_reached_is_named() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let given = ["--issuer-url", "https://oidc.example.org", "--name", NAME];
    site.scene.create_bundle(&given).run().exits(0);
    let bundle = format!("out/{NAME}-1.tar.gz");
    let program = site.program("apply", &bundle, &["--yes", "--ca-file", "ca.pem"]);
    let advice = "\n  AWS reads it to check every token: look for the DNS record of the host, a firewall, and this host's proxy \
                  (HTTPS_PROXY, NO_PROXY)\n";
    site.refuses(&program, 6, advice);
    assert_eq!(site.asked(), ["CONNECT oidc.example.org:443"]);

    // Where this host cannot reach it, the receipt says that nobody looked.
    let skipped = ["--yes", "--skip-issuer-check", "--receipt", "receipt.json"];
    site.program("apply", &bundle, &skipped).run().exits(0);
    assert_eq!(site.scene.receipt("receipt.json")["issuerCheck"], json!({"outcome": "skipped"}));
    Ok(())
}

#[test]
fn a_file_without_certificates_is_refused() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.published(1);
    let advice = "\n  give certificates of authorities in PEM: one block, or several, that begin with -----BEGIN CERTIFICATE-----";
    for (content, reason) in [
        ("no PEM at all", "it has no certificate"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "it is not PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "one of its certificates cannot be read"),
    ] {
        site.scene.write("x.pem", content);
        let program = site.program("apply", &bundle, &["--yes", "--ca-file", "x.pem"]);
        let error = format!("error: --ca-file x.pem holds no certificates that can be used: {reason}{advice}");
        site.refuses(&program, 2, &error);
    }
    Ok(())
}

/// Two issuers of one host, each with its own provider and record, and a bundle of roles on one of them.
#[test]
fn clusters_of_one_host_live_side_by_side() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let first = site.published(1);
    let second = site.bundle("other", "/clusters/other", 4);
    site.publish(&second, "/clusters/other");
    site.apply(&first);
    site.apply(&second);
    let addons = ["create-bundle", "--no-password", "--name", "addons", "--region", "us-east-2"];
    let from = ["--credentials-requests-dir", "requests", "--signing-key", "minisign.key", "--output-dir", "out"];
    site.scene.generator(addons).args(["--identity-provider-arn", PROVIDER]).args(from).run().exits(0);
    let addons = "out/addons-1.tar.gz";
    site.run("apply", addons, &["--yes"]).exits(0);
    let plan = site.run("plan", &first, &["--detailed-exitcode"]).exits(0).stdout;
    assert_eq!(plan.matches("\n! ").count(), 1, "its own record is nothing to mention: {plan}");
    assert!(plan.contains("\n! roles bundle addons stands on this identity provider: serial 1\n"), "{plan}");
    site.holds(&second);
    site.holds(addons);
    let waits = format!(
        "error: identity provider {PROVIDER} holds the records of bundles whose roles trust it: addons serial 1\n"
    );
    site.refuses(&site.program("delete", &first, &["--yes"]), 5, &waits);

    site.delete(addons);
    site.delete(&first);
    site.holds(&second);
    assert_eq!(site.roles(), ["other-example-credentials-0", "other-example-credentials-1"]);
    site.delete(&second);
    assert_eq!(site.roles(), Vec::<String>::new());
    Ok(())
}

/// What `permissions` prints covers every call, on its resource.
#[test]
fn permissions_cover_what_is_called() -> Test {
    let Some(site) = Site::start()? else { return Ok(()) };
    let bundle = site.published(1);
    for command in ["apply", "delete"] {
        let printed = site.scene.applier(["permissions", &bundle, "--trusted-key", "minisign.pub", "--for", command]);
        let policy = printed.run().exits(0).json();
        let is_granted = |action: &str, resource: &str| {
            let holds = |statement: &Value, field: &str, text: &str| {
                statement[field].as_array().unwrap().contains(&text.into())
            };
            let mut statements = policy["Statement"].as_array().unwrap().iter();
            statements.any(|statement| holds(statement, "Action", action) && holds(statement, "Resource", resource))
        };
        site.emulator.forget();
        site.run(command, &bundle, &["--yes"]).exits(0);
        let requests = site.emulator.requests();
        for request in requests.iter().filter(|request| request.service != "sts") {
            let resource = match (request.operation.as_str(), request.parameter("RoleName")) {
                ("ListRoles", _) => "*".to_owned(),
                (_, "") => PROVIDER.to_owned(),
                (_, role) => format!("arn:aws:iam::123456789012:role/{role}"),
            };
            let action = format!("{}:{}", request.service, request.operation);
            assert!(is_granted(&action, &resource), "{command}: {action} on {resource}");
        }
    }
    Ok(())
}
