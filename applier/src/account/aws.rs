//! The account behind its APIs: its clients, and what they have in common.
//!
//! Credentials, profile, FIPS and endpoint come from the SDK's own chain (`AWS_PROFILE`, `AWS_ENDPOINT_URL`, ...). The
//! region does not: every client works in the bundle's, because that alone decides the partition in which IAM answers
//! and the region in which the bucket is. An endpoint given by IP address is asked in path style, one given by name as
//! `bucket.name`: that is the SDK's own rule.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use bundle_schema::documents::index::Header;
#[cfg(feature = "cloudfront")]
use bundle_schema::names::Partition;
use bundle_schema::names::{AccountId, BucketName};
use tokio::sync::Semaphore;

use super::https;
use super::pace::Gate;
use crate::moving_line::Throttling;

/// One attempt may take this long; a healthy one takes well under a second.
const ATTEMPT: Duration = Duration::from_secs(10);

/// A bundle whose issuer is behind CloudFront, in a program without it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the bundle's issuer is behind CloudFront, and this airlock-applier was built without it\n  \
     use one with it: the packages have it, and so has a build with cargo's default features"
)]
pub(crate) struct WithoutCloudFront;

/// The clients for one account. Reading and writing are the traits `ReadAccount` and `WriteAccount`.
pub(crate) struct Aws {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    #[cfg(feature = "cloudfront")]
    pub(crate) cloudfront: aws_sdk_cloudfront::Client,
    pub(super) sts: aws_sdk_sts::Client,
    /// Another S3 than AWS's, where the environment names one.
    s3_endpoint: Option<String>,
    /// Sent with every S3 call: a bucket that somebody else made first then fails instead of receiving our issuer.
    pub(crate) owner: AccountId,
    #[cfg(feature = "cloudfront")]
    pub(crate) partition: Partition,
    /// Whether this run opened a bucket's public access block, which takes a while to be known everywhere.
    pub(crate) opened_block: AtomicBool,
    /// Set when nothing more is to be sent that changes anything: somebody else holds the record.
    pub(crate) stopped: AtomicBool,
    pub(super) gates: Gates,
    /// Roles that are read.
    pub(super) read: AtomicUsize,
    /// Roles that are asked for, those included.
    pub(super) to_read: AtomicUsize,
    /// Requests that may be under way at once.
    pub(super) permits: Semaphore,
}

/// The way to each service.
pub(super) struct Gates {
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
    pub(super) fn of(&self, call: &str) -> &Gate {
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
    pub(crate) async fn connect(header: &Header, concurrency: usize) -> Result<Self, WithoutCloudFront> {
        if header.has_distribution() && !cfg!(feature = "cloudfront") {
            return Err(WithoutCloudFront);
        }
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
        let config = config.into_builder().region(region).retry_config(retries).timeout_config(timeouts).build();
        let s3_endpoint =
            std::env::var("AWS_ENDPOINT_URL_S3").ok().or_else(|| config.endpoint_url().map(str::to_owned));
        Ok(Self {
            s3_endpoint,
            s3: aws_sdk_s3::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            #[cfg(feature = "cloudfront")]
            cloudfront: aws_sdk_cloudfront::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            owner: header.account_id.clone(),
            #[cfg(feature = "cloudfront")]
            partition: header.partition.clone(),
            opened_block: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            gates: Gates::new(),
            read: AtomicUsize::new(0),
            to_read: AtomicUsize::new(0),
            permits: Semaphore::new(concurrency),
        })
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
}
