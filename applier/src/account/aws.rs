//! The account behind its APIs: clients, one way to send, one way to fail.
//!
//! Credentials, profile, FIPS and endpoint come from the SDK's own chain (`AWS_PROFILE`, `AWS_ENDPOINT_URL`, ...). The
//! region does not: every client works in the bundle's, because that alone decides the partition in which IAM answers
//! and the region in which the bucket is. An endpoint given by IP address is asked in path style, one given by name as
//! `bucket.name`: that is the SDK's own rule.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use bundle_schema::documents::index::Header;
use bundle_schema::names::{AccountId, BucketName, Partition};
use tokio::sync::Semaphore;

use super::calls::CallLog;
use super::error::AwsError;
use super::pace::Gate;
use super::{https, retry};
use crate::moving_line::{Throttling, say};

/// One attempt may take this long; a healthy one takes well under a second.
const ATTEMPT: Duration = Duration::from_secs(10);

/// The clients for one account. Reading and writing are the traits `ReadAccount` and `WriteAccount`.
pub(crate) struct Aws {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) cloudfront: aws_sdk_cloudfront::Client,
    pub(super) sts: aws_sdk_sts::Client,
    /// Another S3 than AWS's, where the environment names one.
    s3_endpoint: Option<String>,
    /// Sent with every S3 call: a bucket that somebody else made first then fails instead of receiving our issuer.
    pub(crate) owner: AccountId,
    pub(crate) partition: Partition,
    /// Whether this run opened a bucket's public access block, which takes a while to be known everywhere.
    pub(crate) opened_block: AtomicBool,
    /// Set when nothing more is to be sent that changes anything: somebody else holds the record.
    pub(crate) stopped: AtomicBool,
    gates: Gates,
    /// Roles that are read.
    pub(super) read: AtomicUsize,
    /// Roles that are asked for, those included.
    pub(super) to_read: AtomicUsize,
    /// Requests that may be under way at once.
    permits: Semaphore,
}

/// The way to each service.
struct Gates {
    s3: Gate,
    iam: Gate,
    cloudfront: Gate,
    sts: Gate,
}

impl Gates {
    fn new() -> Self {
        Self { s3: Gate::new(), iam: Gate::new(), cloudfront: Gate::new(), sts: Gate::new() }
    }

    /// That of the service that a call names: `iam:GetRole`.
    fn of(&self, call: &str) -> &Gate {
        match call.split_once(':') {
            Some(("s3", _)) => &self.s3,
            Some(("cloudfront", _)) => &self.cloudfront,
            Some(("sts", _)) => &self.sts,
            _ => &self.iam,
        }
    }
}

impl Aws {
    /// Clients with the environment's credentials, for the bundle's region and account. Nothing is sent yet.
    pub(crate) async fn connect(header: &Header, concurrency: usize) -> Self {
        let region = Region::new(header.region.to_string());
        // The credentials' chain needs some region to sign a profile's role with; the clients below have the bundle's.
        let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new())
            .or_else(region.clone());
        let config =
            aws_config::defaults(BehaviorVersion::latest()).http_client(https::client()).region(chain).load().await;
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).operation_attempt_timeout(ATTEMPT).build();
        // This program retries by itself (see `retry`); two layers would multiply.
        let retries = RetryConfig::disabled();
        let s3 = aws_sdk_s3::config::Builder::from(&config);
        let iam = aws_sdk_iam::config::Builder::from(&config);
        let cloudfront = aws_sdk_cloudfront::config::Builder::from(&config);
        let sts = aws_sdk_sts::config::Builder::from(&config);
        let s3_endpoint =
            std::env::var("AWS_ENDPOINT_URL_S3").ok().or_else(|| config.endpoint_url().map(str::to_owned));
        Self {
            s3_endpoint,
            s3: aws_sdk_s3::Client::from_conf(
                s3.region(region.clone()).retry_config(retries.clone()).timeout_config(timeouts.clone()).build(),
            ),
            iam: aws_sdk_iam::Client::from_conf(
                iam.region(region.clone()).retry_config(retries.clone()).timeout_config(timeouts.clone()).build(),
            ),
            cloudfront: aws_sdk_cloudfront::Client::from_conf(
                cloudfront
                    .region(region.clone())
                    .retry_config(retries.clone())
                    .timeout_config(timeouts.clone())
                    .build(),
            ),
            sts: aws_sdk_sts::Client::from_conf(
                sts.region(region).retry_config(retries).timeout_config(timeouts).build(),
            ),
            owner: header.account_id.clone(),
            partition: header.partition.clone(),
            opened_block: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            gates: Gates::new(),
            read: AtomicUsize::new(0),
            to_read: AtomicUsize::new(0),
            permits: Semaphore::new(concurrency),
        }
    }

    /// The service that slows the calls down, where one does.
    pub(crate) fn throttling(&self) -> Option<Throttling> {
        let Gates { s3, iam, cloudfront, sts } = &self.gates;
        let gates = [("IAM", iam), ("S3", s3), ("CloudFront", cloudfront), ("STS", sts)];
        gates.into_iter().find_map(|(service, gate)| Some(Throttling { service, rate: gate.takes()? }))
    }

    /// How many roles are read, and of how many.
    pub(crate) fn roles_read(&self) -> (usize, usize) {
        (self.read.load(Ordering::Relaxed), self.to_read.load(Ordering::Relaxed))
    }

    /// Where everybody finds what is in a public bucket: at the issuer's own URL, or at the S3 that the environment names.
    pub(crate) fn public_url(&self, bucket: &BucketName, issuer: &str) -> String {
        let own = self.s3_endpoint.as_ref().map(|endpoint| format!("{}/{bucket}", endpoint.trim_end_matches('/')));
        own.unwrap_or_else(|| issuer.to_owned())
    }

    /// Sends a request, when it is its turn.
    async fn attempt<T, E, F>(&self, sent: Sent<'_>, request: F) -> Result<T, AwsError>
    where
        T: RequestId,
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let is_stopped = || sent.writes && self.stopped.load(Ordering::Relaxed);
        let passed = self.gates.of(sent.call).pass(&self.permits, sent.is_urgent, is_stopped).await;
        let passed = passed.ok_or(AwsError::Stopped { call: sent.call })?;
        let answer = request.await;
        let id = match &answer {
            Ok(output) => output.request_id(),
            Err(error) => error.request_id(),
        };
        let id = id.map(str::to_owned);
        let answer = answer.map_err(|error| AwsError::of(sent.call, &error));
        if answer.as_ref().map_or_else(AwsError::is_answer, |_| true) {
            passed.note(answer.as_ref().is_err_and(AwsError::is_throttled));
        }
        drop(passed);
        if let Some(log) = sent.log.filter(|_| !answer.as_ref().is_err_and(AwsError::is_not_sent)) {
            log.note(id);
        }
        answer
    }

    /// Sends a request once. What is throttled was not done, and is sent again a few times.
    pub(crate) async fn send_once<T, E, F>(&self, sent: Sent<'_>, request: impl Fn() -> F) -> Result<T, AwsError>
    where
        T: RequestId,
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut attempt = 1;
        loop {
            match Box::pin(self.attempt(sent, request())).await {
                Err(error) if error.is_throttled() && attempt < retry::FEW => {
                    tokio::time::sleep(retry::pause_of_urgent(attempt)).await;
                }
                done => return done.map_err(|error| error.after(attempt)),
            }
            attempt += 1;
        }
    }

    /// Sends a request, again where that helps, within the limits of [`retry`].
    pub(crate) async fn send<T, E, F>(&self, sent: Sent<'_>, request: impl Fn() -> F) -> Result<T, AwsError>
    where
        T: RequestId,
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let gate = self.gates.of(sent.call);
        let first = gate.now();
        let (mut attempt, mut faults, mut first_fault) = (1, 0, None);
        loop {
            let error = match Box::pin(self.attempt(sent, request())).await {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            let pause = if error.is_throttled() {
                // The gate makes it wait, but for an urgent one.
                let pause = if sent.is_urgent { retry::pause_of_urgent(attempt) } else { Duration::ZERO };
                (!gate.is_silent(first)).then_some(pause)
            } else {
                faults += 1;
                let since = first_fault.get_or_insert_with(Instant::now).elapsed();
                let opened = self.opened_block.load(Ordering::Relaxed);
                retry::pause(&error, sent.writes, opened, faults, since)
            };
            let is_stopped = sent.writes && self.stopped.load(Ordering::Relaxed);
            match pause {
                Some(pause) if !is_stopped => {
                    if faults == 1
                        && let Some(waiting) = retry::waiting_for(&error)
                    {
                        say(waiting);
                    }
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error.after(attempt)),
            }
            attempt += 1;
        }
    }
}

/// Which call is sent: its name as IAM policies spell it, whether it writes, where it is noted, and whether it goes before others.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) call: &'static str,
    writes: bool,
    log: Option<&'a CallLog>,
    is_urgent: bool,
}

pub(crate) const fn reading(call: &'static str) -> Sent<'static> {
    Sent { call, writes: false, log: None, is_urgent: false }
}

pub(crate) const fn writing<'a>(call: &'static str, log: &'a CallLog) -> Sent<'a> {
    Sent { call, writes: true, log: Some(log), is_urgent: false }
}

impl Sent<'_> {
    /// Before all others, however many wait: for the record, which shows that the run is alive.
    pub(crate) fn urgent(self) -> Self {
        Self { is_urgent: true, ..self }
    }

    /// Another call for the same action.
    pub(crate) fn then(self, call: &'static str) -> Self {
        Self { call, ..self }
    }

    /// The SDK found a field missing that the bundle's types always have.
    pub(crate) fn incomplete(self) -> AwsError {
        AwsError::Unusable { call: self.call, reason: "the request lacks a field" }
    }
}
