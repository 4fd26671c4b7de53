//! What CloudFront does not allow: a distribution or an access control that is not the cluster's, or one that cannot be made again.
//!
//! Input: a bundle and the account's state. Output: reasons.

use bundle_schema::documents::index::Kind;
use bundle_schema::escape::Escaped;
use bundle_schema::names::{DistributionDomain, DistributionId};

use super::{Refusal, claimed};
use crate::account::live::LiveState;
use crate::account::live::cloudfront::{LiveDistribution, origin_domain};
use crate::plan::choices::Choices;
use crate::plan::desired::Desired;
use crate::plan::ownership::{Claim, Ownership};
use crate::record::Record;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CloudFrontRefusal {
    #[error(
        "distribution {id} does not exist in account {account}\n  it gives the issuer its name, {domain}, and cannot be made again: make and apply a bundle of kind endpoint anew, and then the cluster's from its receipt"
    )]
    Gone { id: DistributionId, domain: DistributionDomain, account: String },
    #[error(
        "distribution {id} has the domain {found}, the bundle has {expected}\n  make the bundle from the receipt of the endpoint that was applied here"
    )]
    Domain { id: DistributionId, found: DistributionDomain, expected: DistributionDomain },
    #[error(
        "distribution {id} has other origins than the bundle's bucket: expected {expected}, found {}\n  find out who changed it, and put the origin back; or make and apply a bundle of kind endpoint anew",
        super::escaped_list(.found)
    )]
    Origin { id: DistributionId, expected: String, found: Vec<String> },
    #[error(
        "several distributions have the bucket {bucket} as origin, and no record says which is the cluster's: {}\n  delete those that are not in use, or give --previous-receipt FILE", ids(.found)
    )]
    Several { bucket: String, found: Vec<DistributionId> },
    #[error(
        "origin access control {} ({id}) exists, and is not in the record of what was made here\n  somebody else may be using it: look at it, then take it over with --adopt, or remove it", Escaped(.name)
    )]
    AccessControl { name: String, id: String },
    #[error(
        "bundle is of kind endpoint, the account holds a cluster of this name: serial {serial}\n  use the cluster's own bundle; or make this one with another --name"
    )]
    ClusterIsThere { serial: u64 },
}

fn ids(ids: &[DistributionId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Why CloudFront's side is not this bundle's to change.
pub(super) fn check(
    desired: &Desired<'_>,
    live: &LiveState,
    ownership: &Ownership<'_>,
    choices: &Choices,
) -> Vec<Refusal> {
    let mut reasons = claims(desired, live, ownership, choices);
    reasons.extend(named(desired, live.distribution()).map(Refusal::from));
    reasons
}

/// What a deletion is refused for too.
pub(in crate::plan) fn claims(
    desired: &Desired<'_>,
    live: &LiveState,
    ownership: &Ownership<'_>,
    choices: &Choices,
) -> Vec<Refusal> {
    if desired.distribution().is_none() {
        return Vec::new();
    }
    let header = &desired.contents().header;
    let mut reasons: Vec<Refusal> = Vec::new();
    reasons.extend(cluster(desired, ownership.record()).map(Refusal::from));
    let found = live.cloudfront().rivals.clone();
    if !found.is_empty() {
        reasons.push(CloudFrontRefusal::Several { bucket: header.bucket().to_string(), found }.into());
    }
    if let Some(distribution) = live.distribution() {
        let identity = format!("domain {}", distribution.domain);
        let (what, claim) = (("distribution", distribution.id.to_string()), ownership.distribution(distribution));
        reasons.extend(claimed(desired, choices, what, claim, &distribution.tags, identity));
    }
    let control = live.access_control().filter(|control| ownership.access_control(control) != Claim::Known);
    if let Some(control) = control.filter(|_| !choices.adopt) {
        let (name, id) = (control.settings.name.clone(), control.id.to_string());
        reasons.push(CloudFrontRefusal::AccessControl { name, id }.into());
    }
    reasons
}

/// The first half of a cluster knows nothing of the second one's provider and roles.
fn cluster(desired: &Desired<'_>, record: Option<&Record>) -> Option<CloudFrontRefusal> {
    let record = record.filter(|_| desired.contents().header.kind == Kind::Endpoint)?;
    let (made, making) = (&record.made, &record.making);
    let is_cluster = made.provider.is_some() || !made.roles.is_empty() || making.provider || !making.roles.is_empty();
    is_cluster.then_some(CloudFrontRefusal::ClusterIsThere { serial: record.serial })
}

/// The distribution that the bundle names gives the issuer its name, so no other will do.
fn named(desired: &Desired<'_>, live: Option<&LiveDistribution>) -> Option<CloudFrontRefusal> {
    let header = &desired.contents().header;
    let (made, documents) = (header.distribution.as_ref()?, desired.distribution()?);
    let id = made.id.clone();
    let Some(live) = live else {
        let account = header.account_id.to_string();
        return Some(CloudFrontRefusal::Gone { id, domain: made.domain.clone(), account });
    };
    if live.domain != made.domain {
        let (found, expected) = (live.domain.clone(), made.domain.clone());
        return Some(CloudFrontRefusal::Domain { id, found, expected });
    }
    let expected = origin_domain(&documents.create);
    let found: Vec<String> = live.settings.origins.iter().map(|origin| origin.domain.clone()).collect();
    (!found.contains(&expected)).then_some(CloudFrontRefusal::Origin { id, expected, found })
}
