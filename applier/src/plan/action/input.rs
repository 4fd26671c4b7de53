//! What a call sends or replaces, where no document of a bundle says it.

use bundle_schema::names::{Sha256, Timestamp};
use serde::Serialize;

use crate::account::live::Tags;
use crate::record::{Record, RecordState};

/// The record that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordVersion {
    /// Tells this version from every other one; replacing demands that it is still this one.
    pub(crate) etag: String,
    pub(crate) state: RecordState,
    pub(crate) serial: u64,
    pub(crate) sha256: Sha256,
    pub(crate) time: Timestamp,
    pub(crate) caller: String,
    /// The digest of the plan that its run carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan_digest: Option<Sha256>,
}

impl RecordVersion {
    pub(crate) fn of(etag: &str, record: &Record) -> Self {
        let Record { state, serial, sha256, time, caller, plan_digest, .. } = record;
        Self {
            etag: etag.to_owned(),
            state: *state,
            serial: *serial,
            sha256: sha256.clone(),
            time: *time,
            caller: caller.clone(),
            plan_digest: plan_digest.clone(),
        }
    }
}

/// The settings of a role that one call changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleSettings {
    pub(crate) description: Option<String>,
    /// In seconds.
    pub(crate) max_session_duration: Option<i32>,
}

/// An object as the bucket holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Object {
    /// S3's tag of this version; replacing demands that it is still this one.
    pub(crate) etag: String,
    pub(crate) content_type: Option<String>,
    pub(crate) encryption: Option<String>,
    pub(crate) tags: Tags,
    /// Left out where it is longer than any document of an issuer, or no text.
    pub(crate) body: Option<String>,
}

/// An object as it will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewObject {
    pub(crate) key: String,
    pub(crate) content_type: &'static str,
    pub(crate) encryption: &'static str,
    pub(crate) tags: Tags,
    pub(crate) body: String,
}
