//! An account, its edge over TLS with DNS in front of it, and the bundles of one cluster in a private bucket.

use serde_json::{Value, json};
use tests::emulator::Emulator;
use tests::issuer_server::{CA_FILE, IssuerServer};
use tests::program::{Outcome, Program};
use tests::request::operations;
use tests::scene::{BUCKET, Scene};
use tests::{SetupError, crate_file};

pub(crate) const ENDPOINT: &str = "out/democluster-1.tar.gz";
pub(crate) const CLUSTER: &str = "out/democluster-2.tar.gz";
pub(crate) const ONE_PHASE: &str = "own/democluster-1.tar.gz";
const CERTIFICATE: &str = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";

pub(crate) struct Site {
    pub(crate) scene: Scene,
    pub(crate) emulator: Emulator,
    pub(crate) server: IssuerServer,
}

impl Site {
    /// None where the issuer's server cannot be set up here.
    pub(crate) fn start() -> Result<Option<Self>, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        scene.signing_key("operator");
        scene.write_requests("requests", 0..2, 1);
        let server = IssuerServer::start(&scene, &emulator)?;
        Ok(server.map(|server| Self { scene, emulator, server }))
    }

    /// The first half's bundle, with serial 1.
    pub(crate) fn endpoint(&self) {
        let all = self.scene.bundle_arguments();
        let kept = all.as_chunks::<2>().0.iter().filter(|[flag, _]| {
            !["--credentials-requests-dir", "--public-key-file", "--install-archive"].contains(&flag.as_str())
        });
        let arguments: Vec<String> = kept.flatten().cloned().collect();
        self.scene.create_bundle_with(&arguments, &["--create-private-s3-bucket"]).run().exits(0);
    }

    /// The second half's, from the receipt of the first one's apply, which the operator signs.
    pub(crate) fn cluster(&self) {
        self.scene.sign("receipt.json", "operator", &["--signer", "operator"]).run().exits(0);
        let from = ["--endpoint-receipt", "receipt.json", "--receipt-key", "operator/minisign.pub"];
        let public = crate_file("samples/serviceaccount-signer.public");
        let arguments =
            ["--signing-key", "minisign.key", "--output-dir", "out", "--credentials-requests-dir", "requests"];
        let cluster = self.scene.generator(["create-bundle", "--no-password"]).args(from).args(arguments);
        cluster.arg("--public-key-file").arg(public).run().exits(0);
    }

    /// The bundle of a cluster with a host name of its own, which has everything.
    pub(crate) fn one_phase(&self, host: &str) {
        let (folder, url) = ("own", format!("https://{host}/clusters/demo"));
        let issuer = ["--issuer-url", &url, "--certificate-arn", CERTIFICATE];
        let given = ["--output-dir", folder, "--credentials-requests-dir", "requests"];
        self.scene.create_bundle(&[&given[..], &issuer].concat()).run().exits(0);
    }

    pub(crate) fn program(&self, command: &str, bundle: &str, more: &[&str]) -> Program {
        let trusted: &[&str] = if command == "apply" { &["--ca-file", CA_FILE] } else { &[] };
        self.server.proxied(self.scene.applies(&self.emulator, command, bundle, &[trusted, more].concat()))
    }

    /// An apply or a deletion that ends well, and its receipt.
    #[track_caller]
    pub(crate) fn runs(&self, command: &str, bundle: &str) -> (Outcome, Value) {
        self.scene.remove("receipt.json");
        let outcome = self.program(command, bundle, &["--yes", "--receipt", "receipt.json"]).run().exits(0);
        let receipt = self.scene.receipt("receipt.json");
        assert_eq!(receipt["ending"], "done");
        (outcome, receipt)
    }

    /// The plan is empty, and nothing foreign is there.
    #[track_caller]
    pub(crate) fn holds(&self, bundle: &str) {
        let plan = self.program("plan", bundle, &["--detailed-exitcode"]).run().exits(0);
        assert!(plan.stdout.contains("\nNothing to do: the account holds what the bundle says.\n"), "{}", plan.stdout);
    }

    /// It ends with this code and this on standard error, and nothing is written to AWS.
    #[track_caller]
    pub(crate) fn refuses(&self, command: &str, bundle: &str, code: i32, error: &str) {
        self.emulator.forget();
        let said = self.program(command, bundle, if command == "plan" { &[] } else { &["--yes"] }).run();
        let said = said.exits(code).stderr;
        assert!(said.contains(error), "{said}\n--- expected\n{error}");
        assert_eq!(operations(&self.emulator.writes()), Vec::<&str>::new());
    }

    /// The one distribution that there is, and its ID.
    #[track_caller]
    pub(crate) fn distribution(&self) -> (String, Value) {
        let state = self.emulator.state();
        let mut all = state["distributions"].as_object().unwrap().iter();
        let (id, found) = all.next().unwrap();
        assert!(all.next().is_none(), "{state:#}");
        (id.clone(), found.clone())
    }

    /// Changes the distribution's configuration behind the applier's back.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        let (id, _) = self.distribution();
        let mut found = self.emulator.call("cloudfront", "get_distribution_config", json!({"Id": id}));
        let mut config = found["DistributionConfig"].take();
        change(&mut config);
        let update = json!({"Id": id, "IfMatch": found["ETag"], "DistributionConfig": config});
        self.emulator.call("cloudfront", "update_distribution", update);
    }

    /// The statement of the bucket's policy.
    pub(crate) fn policy(&self) -> Value {
        let policy = self.emulator.call("s3", "get_bucket_policy", json!({"Bucket": BUCKET}));
        let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
        policy["Statement"][0].clone()
    }
}
