//! A host that somebody else runs, with a certificate of an authority of its own, reached through a proxy.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tests::emulator::Emulator;
use tests::program::{Outcome, Program, tool};
use tests::request::operations;
use tests::scene::Scene;
use tests::{SetupError, crate_file};

/// The host's name: no DNS server knows it, the proxy does.
pub(crate) const HOST: &str = "oidc.example.com";

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
    server: Child,
    proxy: String,
}

impl Site {
    /// None where openssl, which makes the certificates, is not installed.
    pub(crate) fn start() -> Result<Option<Self>, SetupError> {
        let Some(openssl) = tool("openssl") else { return Ok(None) };
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        let new_key = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let runs = |arguments: &[&[&str]]| drop(scene.runs(&openssl.clone().args(arguments.concat())).exits(0));
        let authority = ["-x509", "-days", "2", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem"];
        runs(&[&new_key, &authority]);
        runs(&[&new_key, &["-subj", "/CN=issuer", "-keyout", "server.key", "-out", "server.csr"]]);
        scene.write("names", format!("subjectAltName=DNS:{HOST}\n"));
        let signed = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        runs(&[&signed, &["-days", "2", "-extfile", "names", "-out", "server.pem"]]);

        let mut server = Command::new("python3")
            .arg(crate_file("support/issuer.py"))
            .args([scene.path("server.pem"), scene.path("server.key"), scene.path("")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| SetupError(format!("the issuer's server does not start: {error}")))?;
        let mut port = String::new();
        let stdout = server.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut port).unwrap();
        Ok(Some(Self { scene, emulator, server, proxy: format!("http://127.0.0.1:{}", port.trim()) }))
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
        let trusted: &[&str] = if command == "apply" { &["--ca-file", "ca.pem"] } else { &[] };
        self.program(command, bundle, &[trusted, more].concat()).run()
    }

    /// A command, with the proxy's variables.
    pub(crate) fn program(&self, command: &str, bundle: &str, more: &[&str]) -> Program {
        self.scene.remove("receipt.json");
        let program = self.scene.applies(&self.emulator, command, bundle, more);
        // The account is no business of the proxy's.
        program.env("HTTPS_PROXY", &self.proxy).env("HTTP_PROXY", &self.proxy).env("NO_PROXY", "127.0.0.1")
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

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
