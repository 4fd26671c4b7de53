//! A host that somebody else runs, an account, and bundles for the host.

use tests::SetupError;
use tests::emulator::Emulator;
use tests::issuer_server::{CA_FILE, HOST, IssuerServer};
use tests::program::{Outcome, Program};
use tests::request::operations;
use tests::scene::Scene;

/// Where each document of a bundle is published, below the issuer's path.
const DOCUMENTS: [(&str, &str); 3] = [
    (".well-known/openid-configuration", "oidc/openid-configuration"),
    ("keys.json", "oidc/keys.json"),
    ("openid/v1/jwks", "oidc/keys.json"),
];

/// The host, an account, and bundles for it.
pub(crate) struct Site {
    pub(crate) scene: Scene,
    pub(crate) emulator: Emulator,
    server: IssuerServer,
}

impl Site {
    /// None where the issuer's server cannot be set up here.
    pub(crate) fn start() -> Result<Option<Self>, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        let server = IssuerServer::start(&scene, &emulator)?;
        Ok(server.map(|server| Self { scene, emulator, server }))
    }

    /// A bundle of two roles for an issuer below this path.
    pub(crate) fn bundle(&self, name: &str, path: &str, serial: u32) -> String {
        self.scene.write_requests("requests", 0..2, 1);
        let (serial, url) = (serial.to_string(), format!("https://{HOST}{path}"));
        let given = ["--name", name, "--serial", &serial, "--credentials-requests-dir", "requests"];
        self.scene.create_bundle(&[&given[..], &["--issuer-url", &url]].concat()).run().exits(0);
        format!("out/{name}-{serial}.tar.gz")
    }

    /// Has the bundle's documents served below this path.
    pub(crate) fn publish(&self, bundle: &str, path: &str) {
        for (at, entry) in DOCUMENTS {
            self.scene.write(&format!("site{path}/{at}"), self.scene.entry_bytes(bundle, entry));
        }
    }

    /// A command that trusts the host's authority.
    pub(crate) fn run(&self, command: &str, bundle: &str, more: &[&str]) -> Outcome {
        let trusted: &[&str] = if command == "apply" { &["--ca-file", CA_FILE] } else { &[] };
        self.program(command, bundle, &[trusted, more].concat()).run()
    }

    /// A command, with the proxy's variables.
    pub(crate) fn program(&self, command: &str, bundle: &str, more: &[&str]) -> Program {
        self.scene.remove("receipt.json");
        self.server.proxied(self.scene.applies(&self.emulator, command, bundle, more))
    }

    pub(crate) fn apply(&self, bundle: &str) -> Outcome {
        self.run("apply", bundle, &["--yes", "--receipt", "receipt.json"]).exits(0)
    }

    pub(crate) fn delete(&self, bundle: &str) -> Outcome {
        self.run("delete", bundle, &["--yes", "--receipt", "receipt.json"]).exits(0)
    }

    /// The plan is empty, and nothing foreign is there.
    #[track_caller]
    pub(crate) fn holds(&self, bundle: &str) {
        let plan = self.run("plan", bundle, &["--detailed-exitcode"]).exits(0);
        assert!(plan.stdout.contains("\nNothing to do: the account holds what the bundle says.\n"), "{}", plan.stdout);
    }

    /// It ends with this code and exactly this on standard error, and nothing is written to AWS.
    #[track_caller]
    pub(crate) fn refuses(&self, program: &Program, code: i32, error: &str) {
        self.emulator.forget();
        let said = program.run().exits(code).stderr;
        assert!(said.contains(error), "{said}\n--- expected\n{error}");
        assert_eq!(operations(&self.emulator.writes()), Vec::<&str>::new());
    }

    /// What the host and the proxy were asked, once each, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.scene.text("log").lines().map(str::to_owned).collect();
        lines.sort();
        lines.dedup();
        lines
    }
}
