//! The head of a plan: which bundle, signed by whom, for which account, on whose behalf, and when.
//!
//! A change board reads it first. It is shown and recorded, but it is not part of the plan's digest: a plan that is made
//! again a minute later is the same plan.

use bundle_schema::names::{AccountId, IssuerUrl, Partition, Region, Sha256, Timestamp};
use bundle_schema::receipt::BundleId;
use bundle_schema::signature::Signer;
use serde::Serialize;

use crate::account::live::LiveState;
use crate::plan::desired::Desired;
use crate::record::{Record, RecordState};

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
