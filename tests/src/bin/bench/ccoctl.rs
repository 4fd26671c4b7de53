//! ccoctl, run on the same input as ours: <https://github.com/openshift/cloud-credential-operator/blob/master/docs/ccoctl.md>.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tests::SetupError;
use tests::issuer_server::CA_FILE;
use tests::program::Program;
use tests::scene::{NAME, PROVIDER, REGION, Scene};

use crate::account::Account;

/// The folder with the key pair that it finds, so that making one is no part of a figure.
const KEYS: &str = "ccoctl-keys";

/// A ccoctl of any version since 4.10.
pub(crate) struct Ccoctl {
    file: PathBuf,
    /// Whether its `create-all` knows `--dry-run`.
    dries_all: bool,
}

impl Ccoctl {
    /// The program that `CCOCTL` names.
    pub(crate) fn named(file: &OsStr, scene: &Scene) -> Result<Self, SetupError> {
        let named = Path::new(file).display().to_string();
        let file = std::path::absolute(file).map_err(|error| SetupError(format!("CCOCTL is {named}: {error}")))?;
        if !file.is_file() {
            return Err(SetupError(format!("CCOCTL is {named}, which is no file\n  give the path of ccoctl")));
        }
        scene.generator(["create-key-pair", "--output-dir", KEYS]).run().exits(0);
        let ccoctl = Self { file, dries_all: false };
        let help = ccoctl.program(scene, &["create-all", "--help"]).run();
        Ok(Self { dries_all: help.stdout.contains("--dry-run"), ..ccoctl })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A new RSA-4096 key pair.
    pub(crate) fn create_key_pair(&self, scene: &Scene, output: &str) -> Program {
        self.program(scene, &["create-key-pair", "--output-dir", output])
    }

    /// What it makes of requests without AWS.
    pub(crate) fn dry_run(&self, scene: &Scene, requests: &str, output: &str) -> Program {
        let flags = ["--credentials-requests-dir", requests, "--output-dir", output, "--dry-run"];
        if self.dries_all {
            give_keys(scene, output);
            return self.named_program(scene, "create-all").args(flags);
        }
        self.named_program(scene, "create-iam-roles").args(["--identity-provider-arn", PROVIDER]).args(flags)
    }

    /// All of it in an account.
    pub(crate) fn create_all(&self, scene: &Scene, account: &Account, requests: &str, output: &str) -> Program {
        give_keys(scene, output);
        let flags = ["--credentials-requests-dir", requests, "--output-dir", output];
        account.reached(self.named_program(scene, "create-all").args(flags)).env("SSL_CERT_FILE", scene.path(CA_FILE))
    }

    /// Everything of it out of an account.
    pub(crate) fn delete(&self, scene: &Scene, account: &Account) -> Program {
        account.reached(self.named_program(scene, "delete"))
    }

    fn named_program(&self, scene: &Scene, command: &str) -> Program {
        self.program(scene, &[command, "--name", NAME, "--region", REGION])
    }

    fn program(&self, scene: &Scene, arguments: &[&str]) -> Program {
        Program::new(&self.file).arg("aws").args(arguments).in_folder(scene.path(""))
    }
}

/// It makes no key pair where there is one.
fn give_keys(scene: &Scene, output: &str) {
    for half in ["serviceaccount-signer.private", "serviceaccount-signer.public"] {
        scene.write(&format!("{output}/{half}"), scene.read(&format!("{KEYS}/{half}")));
    }
}
