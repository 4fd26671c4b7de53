//! What CloudFront lacks of what serves a private bucket. Pure.
//!
//! A distribution keeps the caller reference that it was made with, so that is never compared. What an organisation adds to it is
//! left alone as far as it decides nothing about what is served.

use bundle_schema::documents::contents::public_keys;
use bundle_schema::documents::policy::BucketPolicy;
use bundle_schema::documents::{DistributionDocuments, PutBucketPolicy};
use bundle_schema::json::Embedded;
use bundle_schema::names::AccessControlId;

use super::tag_changes;
use crate::account::live::cloudfront::{
    AccessControlSettings, DistributionSettings, LiveAccessControl, LiveDistribution,
};
use crate::account::live::{LiveState, Tags};
use crate::plan::action::{Action, Call, UNNAMED};
use crate::plan::desired::{Desired, tags};

/// First the access control, then the distribution that names it.
pub(super) fn actions(desired: &Desired<'_>, live: &LiveState) -> Vec<Action> {
    let Some(documents) = desired.distribution() else { return Vec::new() };
    let header = &desired.contents().header;
    let id = live.access_control().map(|control| &control.id);
    let arn = header.access_control_arn(id.map_or(UNNAMED, AccessControlId::as_str));
    let mut actions: Vec<Action> = access_control(documents, live.access_control())
        .into_iter()
        .map(|call| Action { resource: arn.clone(), call })
        .collect();
    let arn = header.distribution_arn(live.distribution().map_or(UNNAMED, |distribution| distribution.id.as_str()));
    let calls = distribution(documents, id, live.distribution());
    actions.extend(calls.into_iter().map(|call| Action { resource: arn.clone(), call }));
    actions
}

/// What an access control lacks.
pub(crate) fn access_control(documents: &DistributionDocuments, live: Option<&LiveAccessControl>) -> Option<Call> {
    let wanted = &documents.access_control.origin_access_control_config;
    let Some(live) = live else {
        return Some(Call::CreateAccessControl { input: documents.access_control.clone() });
    };
    (live.settings != AccessControlSettings::from(wanted)).then(|| Call::UpdateAccessControl {
        id: live.id.clone(),
        etag: live.etag.clone(),
        before: live.settings.clone(),
        after: wanted.clone(),
    })
}

/// What a distribution lacks, with this access control.
pub(crate) fn distribution(
    documents: &DistributionDocuments,
    access_control: Option<&AccessControlId>,
    live: Option<&LiveDistribution>,
) -> Vec<Call> {
    let Some(live) = live else {
        let (input, access_control) = (documents.create.clone(), access_control.cloned());
        return vec![Call::CreateDistribution { input, access_control }];
    };
    let mut calls = Vec::new();
    let after = settings(documents, access_control);
    // An access control that is about to be made is not the one that is there.
    if access_control.is_none() || live.settings != after {
        let (id, etag, before) = (live.id.clone(), live.etag.clone(), Box::new(live.settings.clone()));
        calls.push(Call::UpdateDistribution { id, etag, before, after: Box::new(after) });
    }
    let (before, after) = tag_changes(&distribution_tags(documents), &live.tags);
    if !after.is_empty() {
        calls.push(Call::TagDistribution { before, after });
    }
    calls
}

/// Those of a bundle's distribution.
pub(crate) fn settings(
    documents: &DistributionDocuments,
    access_control: Option<&AccessControlId>,
) -> DistributionSettings {
    DistributionSettings::of(&documents.create.distribution_config_with_tags.distribution_config, access_control)
}

/// Those of a bundle's distribution.
pub(crate) fn distribution_tags(documents: &DistributionDocuments) -> Tags {
    tags(&documents.create.distribution_config_with_tags.tags.items)
}

/// The bucket's policy for the distribution that is there; as the bundle has it where there is none yet.
pub(super) fn bucket_policy(desired: &Desired<'_>, input: &PutBucketPolicy, live: &LiveState) -> PutBucketPolicy {
    let header = &desired.contents().header;
    let Some(distribution) = live.distribution().filter(|_| desired.distribution().is_some()) else {
        return input.clone();
    };
    let policy = BucketPolicy::for_distribution(header, Some(&distribution.id), &public_keys(header));
    PutBucketPolicy { policy: Embedded(policy), ..input.clone() }
}
