//! Where a test happens: a folder of its own, with the keys, requests and bundles of one cluster in it.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bundle_schema::names::Sha256;
use bundle_schema::receipt::Receipt;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::binaries;
pub use crate::emulator::ACCOUNT;
use crate::emulator::Emulator;
use crate::forge::raw::{Raw, RawEntry};
use crate::program::{Outcome, Program};
use crate::{SetupError, crate_file};

/// The name of a scene's cluster.
pub const NAME: &str = "democluster";
/// The region of a scene's bucket.
pub const REGION: &str = "us-east-2";
/// A scene's bucket.
pub const BUCKET: &str = "democluster-oidc";
/// The ARN of a scene's identity provider.
pub const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/democluster-oidc.s3.us-east-2.amazonaws.com";

/// The roles of the sample requests, sorted.
pub const ROLES: &[&str] = &[
    "democluster-example-block-storage-volume-credentials",
    "democluster-example-front-door-dns-credentials",
    "democluster-example-image-store-bucket-credentials",
    "democluster-example-machines-machine-credentials",
    "democluster-example-permissions-watcher-operator-permissions-wat",
];

/// The document of the sample requests that is for another cloud.
pub const GCP: &str = "04-machines.yaml 1: providerSpec is of kind GCPProviderSpec, not AWSProviderSpec";
/// The sample request for clusters with preview features.
pub const PREVIEW: &str = "06-preview.yaml 1: it belongs to the feature set TechPreviewNoUpgrade,DevPreviewNoUpgrade; the \
                           cluster has Default";

/// The record in a scene's bucket.
///
/// # Panics
/// Where there is none.
#[must_use]
pub fn record(emulator: &Emulator) -> Value {
    let object = emulator.call("s3", "get_object", json!({"Bucket": BUCKET, "Key": "sts-airlock/record.json"}));
    let body = object["Body"].as_str().expect("a record is text");
    serde_json::from_str(body).expect("a record is JSON")
}

/// A folder and the two programs.
pub struct Scene {
    folder: TempDir,
}

impl Scene {
    /// An empty folder.
    pub fn empty() -> Result<Self, SetupError> {
        binaries()?;
        let folder = TempDir::new().map_err(|error| SetupError(format!("no temporary folder can be made: {error}")))?;
        Ok(Self { folder })
    }

    /// A folder with one signing key pair, `minisign.key` and `minisign.pub`.
    pub fn with_key() -> Result<Self, SetupError> {
        let scene = Self::empty()?;
        scene.signing_key(".");
        Ok(scene)
    }

    /// A file or folder here.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders it needs.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("folders can be made");
        fs::write(&path, content).expect("files can be written");
        path
    }

    /// Removes a file, if it is there.
    pub fn remove(&self, name: &str) {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{name}: {error}"),
            _ => {}
        }
    }

    /// A file's bytes.
    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A receipt, which its reader takes.
    #[track_caller]
    pub fn receipt(&self, name: &str) -> Value {
        let bytes = self.read(name);
        Receipt::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A text file.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `airlock-generator`, run here with no environment but `PATH`.
    pub fn generator<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Program {
        let binaries = binaries().expect("they were built when the scene was made");
        Program::new(&binaries.generator).in_folder(self.folder.path()).args(arguments)
    }

    /// `airlock-applier`, run here without credentials.
    pub fn applier<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Program {
        let binaries = binaries().expect("they were built when the scene was made");
        Program::new(&binaries.applier).in_folder(self.folder.path()).args(arguments)
    }

    /// `airlock-applier COMMAND BUNDLE --trusted-key minisign.pub ...` with the emulator's credentials.
    pub fn applies(&self, emulator: &Emulator, command: &str, bundle: &str, more: &[&str]) -> Program {
        self.applier([command, bundle, "--trusted-key", "minisign.pub"]).args(more).envs(emulator.environment())
    }

    /// Makes a signing key pair without a password in a folder here.
    pub fn signing_key(&self, folder: &str) {
        self.generator(["create-signing-key", "--no-password", "--output-dir", folder]).run().exits(0);
    }

    /// The arguments of `create-bundle` for this scene's cluster and the sample requests, with a public key that is
    /// there already.
    pub fn bundle_arguments(&self) -> Vec<String> {
        let requests = crate_file("samples/credentials-requests");
        let public = crate_file("samples/serviceaccount-signer.public");
        self.bundle_arguments_for(&requests, &public)
    }

    /// As [`Scene::bundle_arguments`], for these requests and this public key.
    pub fn bundle_arguments_for(&self, requests: &Path, public_key: &Path) -> Vec<String> {
        let (requests, public_key) = (requests.to_string_lossy(), public_key.to_string_lossy());
        [
            ["--name", NAME],
            ["--region", REGION],
            ["--account-id", ACCOUNT],
            ["--credentials-requests-dir", &requests],
            ["--public-key-file", &public_key],
            ["--signing-key", "minisign.key"],
            ["--output-dir", "out"],
        ]
        .as_flattened()
        .iter()
        .map(|word| (*word).to_owned())
        .collect()
    }

    /// `create-bundle` for this scene's cluster and the sample requests, with more arguments, which win.
    pub fn create_bundle(&self, more: &[&str]) -> Program {
        self.create_bundle_with(&self.bundle_arguments(), more)
    }

    /// `create-bundle` with these arguments, those of the same name in `more` in their place.
    pub fn create_bundle_with(&self, arguments: &[String], more: &[&str]) -> Program {
        let kept = arguments.as_chunks::<2>().0.iter().filter(|[flag, _]| !more.contains(&flag.as_str())).flatten();
        self.generator(["create-bundle", "--no-password"]).args(kept).args(more)
    }

    /// `create-bundle` of the bundle that follows one here, of the sample requests, with nothing that `--previous` could give.
    pub fn create_next_bundle(&self, previous: &str, more: &[&str]) -> Program {
        let requests = crate_file("samples/credentials-requests");
        self.generator(["create-bundle", "--no-password", "--previous", previous, "--trusted-key", "minisign.pub"])
            .args(["--signing-key", "minisign.key", "--output-dir", "out", "--credentials-requests-dir"])
            .arg(requests)
            .args(more)
    }

    /// `sign` of a file here with the key without password of a folder here, as a pipeline does it.
    pub fn sign(&self, file: &str, key_folder: &str, more: &[&str]) -> Program {
        let (key, digest) = (format!("{key_folder}/minisign.key"), self.digest(file));
        let program = self.generator(["sign", file, "--no-password", "--signing-key", &key, "--sha256", &digest]);
        program.args(more)
    }

    /// The bundle of the sample requests, with serial 1: `out/democluster-1.tar.gz`.
    pub fn bundle(&self) -> String {
        self.create_bundle(&[]).run().exits(0);
        "out/democluster-1.tar.gz".to_owned()
    }

    /// Writes requests with these numbers into a folder here, each for so many actions and with a Secret of its own.
    pub fn write_requests(&self, folder: &str, numbers: Range<usize>, actions: usize) {
        let actions: Vec<String> = (0..actions).map(|action| format!("ec2:DescribeThing{action}")).collect();
        let actions = actions.join(", ");
        for number in numbers {
            let request = format!(
                "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata:\n  name: component-{number}\n\
                 spec:\n  serviceAccountNames: [operator, controller]\n  secretRef:\n    name: credentials-{number}\n    namespace: \
                 example\n  providerSpec:\n    apiVersion: cloudcredential.openshift.io/v1\n    kind: AWSProviderSpec\n    \
                 statementEntries:\n    - effect: Allow\n      resource: \"*\"\n      action: [{actions}]\n"
            );
            self.write(&format!("{folder}/{number:04}.yaml"), request);
        }
    }

    /// The bytes of a bundle's entry.
    #[track_caller]
    pub fn entry_bytes(&self, bundle: &str, path: &str) -> Vec<u8> {
        let entry = Raw::of(&self.read(bundle)).entries.into_iter().find(|entry| entry.path() == path);
        entry.unwrap_or_else(|| panic!("{bundle} has no {path}")).body
    }

    /// A bundle's entry as JSON.
    #[track_caller]
    pub fn entry(&self, bundle: &str, path: &str) -> Value {
        serde_json::from_slice(&self.entry_bytes(bundle, path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What made no role in a bundle, and why: `FILE DOCUMENT: REASON`.
    pub fn skipped(&self, bundle: &str) -> Vec<String> {
        let index = self.entry(bundle, "bundle.json");
        let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
        let line = |one: &Value| {
            let file = text(one, "source").replace("credentials-requests/", "");
            format!("{file} {}: {}", one["document"], text(one, "reason"))
        };
        index["skipped"].as_array().expect("an index has a list of them").iter().map(line).collect()
    }

    /// The paths of an archive's entries.
    pub fn entries(&self, archive: &str) -> Vec<String> {
        Raw::of(&self.read(archive)).entries.iter().map(RawEntry::path).collect()
    }

    /// The key line of a `minisign.pub` here.
    #[track_caller]
    pub fn public_key(&self, file: &str) -> String {
        self.text(file).lines().nth(1).unwrap_or_else(|| panic!("{file} has one line")).to_owned()
    }

    /// A file's SHA-256, in hexadecimal.
    pub fn digest(&self, file: &str) -> String {
        Sha256::of(&self.read(file)).to_string()
    }

    /// The names in a folder, sorted.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Runs a program here that is not ours.
    pub fn runs(&self, tool: &Program) -> Outcome {
        tool.clone().in_folder(self.folder.path()).run()
    }
}
