//! An account with an identity provider, and bundles of roles for it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::Emulator;
use tests::program::Outcome;
use tests::request::operations;
use tests::scene::{REGION, Scene};

/// An issuer with a path, as ROSA and hosted control planes have it.
pub(crate) const HOSTED: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/2abc";
/// The first tag of the record of `addons`.
pub(crate) const TAG: &str = "sts-airlock/record/addons";

/// An account and bundles for it.
pub(crate) struct Account {
    pub(crate) scene: Scene,
    pub(crate) emulator: Emulator,
}

impl Account {
    pub(crate) fn empty() -> Result<Self, SetupError> {
        Ok(Self { scene: Scene::with_key()?, emulator: Emulator::start()? })
    }

    /// With a provider that somebody made by hand.
    pub(crate) fn hosted() -> Result<Self, SetupError> {
        let account = Self::empty()?;
        account.make_provider(&["openshift", "sts.amazonaws.com"]);
        Ok(account)
    }

    pub(crate) fn make_provider(&self, audiences: &[&str]) {
        let fixed = ["iam", "create-open-id-connect-provider", "--url", "https://oidc.example.com/2abc"];
        let thumbprint = "a".repeat(40);
        let more = ["--thumbprint-list", &thumbprint, "--tags", "Key=red-hat,Value=true", "--client-id-list"];
        self.emulator.aws(&[&fixed[..], &more, audiences].concat()).exits(0);
    }

    /// A bundle of these roles, each of which is one request.
    pub(crate) fn bundle(&self, name: &str, provider: &str, serial: u32, roles: &[&str]) -> String {
        let folder = format!("requests/{name}-{serial}");
        for role in roles {
            let request = format!(
                "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata: {{name: {role}}}\nspec:\n  \
                 serviceAccountNames: [operator]\n  secretRef: {{name: cloud, namespace: {role}}}\n  providerSpec:\n    kind: \
                 AWSProviderSpec\n    statementEntries:\n    - {{effect: Allow, resource: '*', action: ['ec2:DescribeVolumes']}}\n"
            );
            self.scene.write(&format!("{folder}/{role}.yaml"), request);
        }
        let serial = serial.to_string();
        let arguments = [
            ["--name", name],
            ["--region", REGION],
            ["--identity-provider-arn", provider],
            ["--credentials-requests-dir", &folder],
            ["--signing-key", "minisign.key"],
            ["--output-dir", "out"],
            ["--serial", &serial],
        ];
        self.scene.generator(["create-bundle", "--no-password"]).args(arguments.as_flattened()).run().exits(0);
        format!("out/{name}-{serial}.tar.gz")
    }

    /// `addons`, serial 1, with two roles for the provider that was made by hand.
    pub(crate) fn addons(&self) -> String {
        self.bundle("addons", HOSTED, 1, &["efs", "lb"])
    }

    pub(crate) fn run(&self, command: &str, bundle: &str, more: &[&str]) -> Outcome {
        self.scene.remove("receipt.json");
        self.scene.applies(&self.emulator, command, bundle, more).run()
    }

    pub(crate) fn apply(&self, bundle: &str) -> Outcome {
        self.run("apply", bundle, &["--yes", "--receipt", "receipt.json"]).exits(0)
    }

    pub(crate) fn delete(&self, bundle: &str) -> Outcome {
        self.run("delete", bundle, &["--yes", "--receipt", "receipt.json"]).exits(0)
    }

    pub(crate) fn receipt(&self) -> Value {
        serde_json::from_slice(&self.scene.read("receipt.json")).unwrap()
    }

    /// The plan is empty, and nothing foreign is there.
    #[track_caller]
    pub(crate) fn holds(&self, bundle: &str) {
        let plan = self.run("plan", bundle, &["--detailed-exitcode"]).exits(0);
        assert!(plan.stdout.contains("\nNothing to do: the account holds what the bundle says.\n"), "{}", plan.stdout);
    }

    /// Refused by live state, with exactly this, and nothing is changed.
    #[track_caller]
    pub(crate) fn refuses(&self, command: &str, bundle: &str, more: &[&str], error: &str) {
        self.emulator.forget();
        self.run(command, bundle, more).exits(5).says(&format!("error: {error}"));
        assert_eq!(operations(&self.emulator.writes()), Vec::<&str>::new());
    }

    pub(crate) fn call(&self, operation: &str, parameters: Value) -> Value {
        self.emulator.call("iam", operation, parameters)
    }

    pub(crate) fn provider(&self, arn: &str) -> Value {
        self.call("get_open_id_connect_provider", json!({"OpenIDConnectProviderArn": arn}))
    }

    pub(crate) fn tags(&self, arn: &str) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let provider = self.provider(arn);
        provider["Tags"].as_array().unwrap().iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect()
    }

    pub(crate) fn tag(&self, arn: &str, key: &str, value: &str) {
        let tags = json!({"OpenIDConnectProviderArn": arn, "Tags": [{"Key": key, "Value": value}]});
        self.call("tag_open_id_connect_provider", tags);
    }

    pub(crate) fn untag(&self, arn: &str, keys: &[&str]) {
        self.call("untag_open_id_connect_provider", json!({"OpenIDConnectProviderArn": arn, "TagKeys": keys}));
    }

    /// The names of all roles.
    pub(crate) fn roles(&self) -> Vec<String> {
        let roles = self.call("list_roles", json!({}));
        let names = roles["Roles"].as_array().unwrap().iter();
        let mut names: Vec<String> = names.map(|role| role["RoleName"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}
