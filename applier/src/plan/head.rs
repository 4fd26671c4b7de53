//! The head of a plan: which bundle, signed by whom, for which account, on whose behalf, and when.
//!
//! A change board reads it first. It is shown and recorded, but it is not part of the plan's digest: a plan that is made
//! again a minute later is the same plan.

use bundle_schema::documents::index::Header;
use bundle_schema::names::{AccountId, DistributionId, IssuerUrl, Partition, Region, Sha256, Timestamp};
use bundle_schema::receipt::{BundleId, Distribution};
use bundle_schema::signature::Signer;
use serde::Serialize;

use crate::account::live::LiveState;
use crate::account::live::cloudfront::LiveDistribution;
use crate::plan::desired::Desired;
use crate::record::{Record, RecordState};
use crate::served;

/// The last apply, as the record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Holds {
    pub(crate) state: RecordState,
    pub(crate) serial: u64,
    pub(crate) sha256: Sha256,
    pub(crate) time: Timestamp,
    /// The ARN that applied it.
    pub(crate) caller: String,
}

/// A private bucket's distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Served {
    /// The issuer's host name, where it is not CloudFront's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias: Option<String>,
    /// With this certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    /// The one that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) distribution: Option<Distribution>,
}

impl Served {
    fn of(header: &Header, live: Option<&LiveDistribution>) -> Option<Self> {
        header.has_distribution().then(|| Self {
            alias: served::alias(header),
            certificate: served::certificate(header),
            distribution: live.map(|live| Distribution {
                id: live.id.clone(),
                arn: header.distribution_arn(live.id.as_str()),
                domain: live.domain.clone(),
            }),
        })
    }
}

/// What a plan is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) bundle: BundleId,
    pub(crate) signers: Vec<Signer>,
    pub(crate) account_id: AccountId,
    pub(crate) partition: Partition,
    pub(crate) region: Region,
    /// None where the issuer has no name yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer_url: Option<IssuerUrl>,
    /// Those that the cluster had before and that its roles still trust.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) former_issuers: Vec<IssuerUrl>,
    /// Who serves the issuer's documents, where that is not the bucket itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) served: Option<Served>,
    /// The one that the roles trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider_arn: Option<String>,
    /// What the record says of the last apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holds: Option<Holds>,
    /// The ARN that the credentials belong to.
    pub(crate) caller: String,
    /// When the account was read.
    pub(crate) time: Timestamp,
}

impl Head {
    /// The ARN of a distribution in this account.
    pub(crate) fn distribution_arn(&self, id: &DistributionId) -> String {
        format!("arn:{}:cloudfront::{}:distribution/{id}", self.partition, self.account_id)
    }

    pub(crate) fn new(
        desired: &Desired<'_>,
        live: &LiveState,
        record: Option<&Record>,
        signers: &[Signer],
        now: Timestamp,
    ) -> Self {
        let header = &desired.contents().header;
        Self {
            bundle: BundleId {
                kind: header.kind,
                name: header.name.clone(),
                bucket_name: header.bucket_name.clone(),
                serial: header.serial,
                sha256: desired.digest().clone(),
                created: header.created,
                expires: header.expires,
            },
            signers: signers.to_vec(),
            account_id: header.account_id.clone(),
            partition: header.partition.clone(),
            region: header.region.clone(),
            issuer_url: header.issuer_url.clone(),
            former_issuers: header.former_issuers.iter().map(|former| former.issuer_url.clone()).collect(),
            served: Served::of(header, live.distribution()),
            provider_arn: header.provider_arn(),
            holds: record.map(|Record { state, serial, sha256, time, caller, .. }| Holds {
                state: *state,
                serial: *serial,
                sha256: sha256.clone(),
                time: *time,
                caller: caller.clone(),
            }),
            caller: live.caller().arn.clone(),
            time: now,
        }
    }
}
