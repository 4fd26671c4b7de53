//! An AWS account over HTTP: moto behind `support/emulator.py`, which sees, delays and spoils requests as a test asks.

use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::SetupError;
use crate::control::ask;
use crate::program::{Outcome, Program};
use crate::request::Request;
use crate::server::Server;
use crate::venv::Venv;

/// The account that plain credentials belong to.
pub const ACCOUNT: &str = "123456789012";

/// A running emulator with an account of its own; it ends with this value.
pub struct Emulator {
    server: Server,
    venv: Venv,
}

/// How a request is spoiled.
#[derive(Debug, Clone, Copy)]
pub enum Effect<'a> {
    /// The connection is cut and nothing is done.
    CutBefore,
    /// The request is done, and its answer is lost.
    CutAfter,
    /// Nothing is done, and no answer comes.
    StallBefore,
    /// The request is done, and no answer comes.
    StallAfter,
    /// The request is done, and this error is answered.
    Lost {
        /// The HTTP status.
        status: u16,
        /// The service's code.
        code: &'a str,
        /// The message.
        message: &'a str,
    },
    /// An error is answered, and nothing is done.
    Error {
        /// The HTTP status.
        status: u16,
        /// The service's code.
        code: &'a str,
        /// The message.
        message: &'a str,
    },
}

/// Which requests are spoiled.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Those of this name.
    Operation(&'a str),
    /// Those that may change something.
    Writes,
    /// Those that are sent with credentials.
    Signed,
    /// All of them.
    Any,
}

/// What CloudFront answers at its edge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: String,
    /// The object, or an error as S3 writes it.
    pub body: String,
}

/// What [`Emulator::state`] is of an account that holds nothing.
pub fn empty_account() -> Value {
    json!({"roles": {}, "providers": {}, "buckets": {}, "distributions": {}, "accessControls": {}})
}

impl Emulator {
    /// Starts one, and sets up what it needs on the first call in a target folder.
    pub fn start() -> Result<Self, SetupError> {
        Self::start_saying(|_| {})
    }

    /// As [`Emulator::start`]; `say` hears what takes a while.
    pub fn start_saying(say: impl Fn(&str)) -> Result<Self, SetupError> {
        let venv = Venv::get(say)?;
        let server =
            Server::start("the AWS emulator", venv.program("python"), "emulator.py", std::iter::empty::<&str>())?;
        Ok(Self { server, venv })
    }

    /// What `AWS_ENDPOINT_URL` is set to.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// The environment that sends a program here with the credentials of [`ACCOUNT`].
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment_with("AKIAEMULATED", "emulated", None)
    }

    /// As [`Emulator::environment`], with this access key ID, by which the requests can be told apart.
    pub fn environment_as(&self, access_key: &str) -> Vec<(String, String)> {
        self.environment_with(access_key, "emulated", None)
    }

    /// The environment that sends a program here with another account's credentials.
    pub fn environment_of(&self, account: &str) -> Vec<(String, String)> {
        let role = format!("arn:aws:iam::{account}:role/tester");
        let answer = self.call("sts", "assume_role", json!({"RoleArn": role, "RoleSessionName": "tester"}));
        let part = |name: &str| answer.pointer(&format!("/Credentials/{name}")).and_then(Value::as_str).unwrap_or("");
        self.environment_with(part("AccessKeyId"), part("SecretAccessKey"), Some(part("SessionToken")))
    }

    fn environment_with(&self, id: &str, secret: &str, token: Option<&str>) -> Vec<(String, String)> {
        let mut environment = vec![
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_ACCESS_KEY_ID", id.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        environment.extend(token.map(|token| ("AWS_SESSION_TOKEN", token.to_owned())));
        environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Every request so far, in the order they came.
    pub fn requests(&self) -> Vec<Request> {
        self.control("requests")
    }

    /// The requests so far that may change something.
    pub fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.write).collect()
    }

    /// Drops the list of requests and all faults; the account stays as it is.
    pub fn forget(&self) {
        self.control::<Value>("forget");
    }

    /// An empty account, as after the start.
    pub fn reset(&self) {
        self.control::<Value>("reset");
    }

    /// Keeps the account as it is, for [`Emulator::restore`].
    pub fn save(&self) {
        self.control::<Value>("save");
    }

    /// The account as it was saved; requests and faults are dropped.
    pub fn restore(&self) {
        self.control::<Value>("restore");
    }

    /// What the account holds: roles, providers, buckets, distributions and origin access controls with everything that is the
    /// cluster's.
    pub fn state(&self) -> Value {
        self.control("state")
    }

    /// The account restricts public buckets, or no longer does; no bucket's own block shows it.
    pub fn account_block(&self, on: bool) {
        self.control::<Value>(&format!("accountblock?on={}", u8::from(on)));
    }

    /// Buckets decide access by their tags and refuse PutBucketTagging, or no longer do.
    pub fn abac(&self, on: bool) {
        self.control::<Value>(&format!("abac?on={}", u8::from(on)));
    }

    /// A page of `ListRoles`, and of CloudFront's lists, has at most so many items from now on.
    pub fn page_size(&self, items: u32) {
        self.control::<Value>(&format!("pagesize?n={items}"));
    }

    /// From now on a distribution is in progress for so many `GetDistribution` calls after each change; 1 from the start. None:
    /// it stays in progress until this is called again.
    pub fn deploys_after(&self, reads: Option<u32>) {
        let reads = reads.map_or("-1".to_owned(), |reads| reads.to_string());
        self.control::<Value>(&format!("deploys?reads={reads}"));
    }

    /// What CloudFront answers for `https://<host><path>`; 421 where no distribution serves the host.
    pub fn edge(&self, host: &str, path: &str) -> Served {
        self.control(&format!("edge?host={host}&path={path}"))
    }

    /// The role was used last so many days ago, in `us-east-2`.
    pub fn used(&self, role: &str, days: u32) {
        self.control::<Value>(&format!("used?role={role}&days={days}"));
    }

    /// Delays every request from now on.
    pub fn latency(&self, milliseconds: u32) {
        self.control::<Value>(&format!("latency?ms={milliseconds}"));
    }

    /// Each service takes so many requests a second from now on, and as many at once after a pause; it throttles what is beyond
    /// that. 0: no limit.
    pub fn throttles(&self, rate: u32) {
        self.control::<Value>(&format!("throttles?rate={rate}"));
    }

    /// Spoils `times` requests after `skip` matching ones.
    pub fn spoil(&self, which: Which<'_>, skip: usize, times: usize, effect: Effect<'_>) {
        let mut query = format!("fault?skip={skip}&times={times}");
        match which {
            Which::Operation(name) => query.extend(["&operation=", name]),
            Which::Writes => query.push_str("&writes=1"),
            Which::Signed => query.push_str("&signed=1"),
            Which::Any => {}
        }
        query.push_str("&effect=");
        match effect {
            Effect::CutBefore => query.push_str("cut-before"),
            Effect::CutAfter => query.push_str("cut-after"),
            Effect::StallBefore => query.push_str("stall-before"),
            Effect::StallAfter => query.push_str("stall-after"),
            Effect::Error { status, code, message } | Effect::Lost { status, code, message } => {
                let message = message.replace(' ', "+");
                let name = if matches!(effect, Effect::Lost { .. }) { "lost" } else { "error" };
                write!(query, "{name}&status={status}&code={code}&message={message}").expect("a string takes it");
            }
        }
        self.control::<Value>(&query);
    }

    /// How many requests hang, waiting a while for the first.
    pub fn stalled(&self, milliseconds: u32) -> usize {
        self.control(&format!("stalled?ms={milliseconds}"))
    }

    /// One API call by the account itself, such as `("iam", "get_role", {"RoleName": ...})`: boto3's names, the API's
    /// parameters. It is not among [`Emulator::requests`].
    pub fn call(&self, service: &str, operation: &str, parameters: Value) -> Value {
        self.call_as(ACCOUNT, service, operation, parameters)
    }

    /// As [`Emulator::call`], by another account.
    pub fn call_as(&self, account: &str, service: &str, operation: &str, parameters: Value) -> Value {
        let answer = self.try_call(account, service, operation, parameters);
        assert!(answer.get("error").is_none(), "{service} {operation}: {answer}");
        answer
    }

    /// As [`Emulator::call_as`], but an AWS error is an answer too: `{"error": code, "status": number, "message": text}`.
    pub fn try_call(&self, account: &str, service: &str, operation: &str, parameters: Value) -> Value {
        let call = json!({"service": service, "operation": operation, "parameters": parameters, "account": account});
        ask(self.port(), "/__airlock/call", Some(call.to_string().as_bytes())).expect("the emulator answers")
    }

    /// The stock AWS CLI, sent here; the first call in a target folder installs it.
    pub fn aws(&self, arguments: &[&str]) -> Outcome {
        let environment =
            self.environment().into_iter().chain([("AWS_DEFAULT_REGION".to_owned(), "us-east-2".to_owned())]);
        let cli = self.venv.aws_cli().expect("the AWS CLI can be installed");
        Program::new(cli).args(arguments).envs(environment).run()
    }

    fn control<T: DeserializeOwned>(&self, path: &str) -> T {
        ask(self.port(), &format!("/__airlock/{path}"), None).expect("the emulator answers")
    }
}
