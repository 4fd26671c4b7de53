//! Check 10: what the live account does not allow, all of it at once.
//!
//! Input: a bundle and the account's state. The account itself was checked when the state was read. Output: nothing,
//! or the list of reasons; while there is one, nothing is written.

pub(super) mod cloudfront;
pub(super) mod provider;

use std::collections::HashSet;
use std::fmt;

use bundle_schema::documents::contents::BucketDocuments;
use bundle_schema::escape::Escaped;
use bundle_schema::names::RoleName;

use self::cloudfront::CloudFrontRefusal;
use self::provider::ProviderRefusal;
use crate::account::live::{BucketState, LiveBucket, LiveRole, LiveState, OWNED, Tags};
use crate::plan::action::Action;
use crate::plan::choices::{Choices, ForeignPolicies};
use crate::plan::desired::{DIGEST_TAG, Desired, SERIAL_TAG};
use crate::plan::ownership::{Claim, Ownership};
use crate::plan::removal::Obstacle;
use crate::record::{Place, Record, RecordError};

/// What is left of a cluster whose bucket is gone.
const ISSUER_LEFT: &str = "identity provider or roles are";
/// See [`ISSUER_LEFT`].
const DISTRIBUTION_LEFT: &str = "distribution is";

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "{what} {} exists and is not this cluster's: its tag {tag} is {}, not {OWNED}\n  if it is the cluster's, restore the tag, or look at it and take it over with --adopt; if not, make the bundle with another --name",
        Escaped(.resource), found.as_deref().map_or("missing".to_owned(), |value| format!("\"{}\"", Escaped(value)))
    )]
    NotOurs { what: &'static str, resource: String, tag: String, found: Option<String> },
    #[error(
        "{what} {} is another cluster's: it has the tag {}={OWNED}\n  make the bundle with another --name; or remove that tag, if that cluster is gone, and give --adopt", Escaped(.resource), Escaped(.tag)
    )]
    OtherCluster { what: &'static str, resource: String, tag: String },
    #[error(
        "bucket {bucket} exists and S3 does not show it to these credentials: it is another account's, or s3:ListBucket is not allowed\n  make the bundle with another --name, or allow s3:ListBucket"
    )]
    BucketForbidden { bucket: String },
    #[error(
        "bucket {bucket} is in region {}, the bundle is for {region}\n  make the bundle with --region {}, or remove the bucket if it is not in use", Escaped(.found), Escaped(.found)
    )]
    BucketRegion { bucket: String, found: String, region: String },
    #[error(
        "bundle has serial {bundle}, the account holds serial {live}, which is newer\n  apply the newer bundle, or make this one again with a --serial above {live}; to go back all the same: --allow-rollback"
    )]
    OlderSerial { live: u64, bundle: u64 },
    #[error(
        "the cluster has moved to another issuer with serial {live}; this bundle has serial {bundle} and the issuer that it had before\n  apply a bundle of the new issuer; to go back to the former one all the same: --allow-rollback"
    )]
    Moved { live: u64, bundle: u64 },
    #[error(
        "bundle has serial {serial} and SHA-256 {bundle}, the account holds serial {serial} with SHA-256 {}\n  make the bundle again with a --serial above {serial}", Escaped(.live)
    )]
    OtherDigest { serial: u64, bundle: String, live: String },
    #[error(
        "record {place} is not what this program writes: {}\n  find out who changed it; to start a new record, remove it, then give --previous-receipt FILE or --adopt", Escaped(&.error.to_string())
    )]
    BadRecord { place: Place, error: RecordError },
    #[error(
        "{what} {} carries the cluster's tag, but is not in the record of what was made here ({identity})\n  somebody else may have made it and may still be using it: look at it, then take it over with --adopt, or remove it", Escaped(.resource)
    )]
    NotInRecord { what: &'static str, resource: String, identity: String },
    #[error(
        "role {} has policies that are not in the bundle, and the plan would give it more: {}\n  remove them with --prune, or keep them with --leave-foreign-policies", .role, escaped_list(.policies)
    )]
    ForeignPolicies { role: String, policies: Vec<String> },
    #[error(
        "bucket {bucket} is gone, but the cluster's {found} still there\n  without it nothing says which bundle was applied last: give --previous-receipt FILE, or --allow-rollback if this bundle is the one to apply"
    )]
    BucketGone { bucket: String, found: &'static str },
    #[error(
        "bucket {bucket} has ABAC on, with which S3 refuses to replace its tags; tags to set: {}\n  set them with `aws s3control tag-resource`, or turn ABAC off for this bucket", Escaped(.tags)
    )]
    Abac { bucket: String, tags: String },
    #[error(
        "role {} has path {}, the bundle has {wanted}; IAM cannot move a role\n  make the bundle with --role-path {}, or remove the role if it is not in use",
        .role, Escaped(.found), Escaped(.found)
    )]
    RolePath { role: String, found: String, wanted: String },
    #[error(transparent)]
    Provider(#[from] ProviderRefusal),
    #[error(transparent)]
    CloudFront(#[from] CloudFrontRefusal),
    #[error(transparent)]
    Removal(#[from] Obstacle),
}

/// Every reason why the account does not take the bundle. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub(super) reasons: Vec<Refusal>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reasons.as_slice() {
            [one] => write!(f, "{one}"),
            many => {
                write!(f, "the account refuses the bundle for {} reasons; nothing was changed", many.len())?;
                many.iter().try_for_each(|reason| write!(f, "\n- {reason}"))
            }
        }
    }
}

impl std::error::Error for Refused {}

fn escaped_list(names: &[String]) -> String {
    names.iter().map(|name| Escaped(name).to_string()).collect::<Vec<_>>().join(", ")
}

/// Every reason against this plan; the actions are looked at too, because giving is refused where taking over is not.
pub(crate) fn check(
    desired: &Desired<'_>,
    live: &LiveState,
    choices: &Choices,
    actions: &[Action],
) -> Result<(), Refused> {
    let ownership = Ownership::new(desired, live, choices);
    let mut reasons: Vec<Refusal> = record(desired, live).into_iter().collect();
    reasons.extend(former_records(live));
    reasons.extend(bucket(desired, live.bucket(), &ownership, choices));
    if let (BucketState::Present(bucket), Some(documents)) = (live.bucket(), desired.bucket()) {
        reasons.extend(abac(desired, documents, bucket));
    }
    let header = &desired.contents().header;
    if ownership.is_record_gone() && !choices.allow_rollback {
        reasons.push(match desired.place() {
            Place::Bucket(bucket) => {
                let found = if live.distribution().is_some() { DISTRIBUTION_LEFT } else { ISSUER_LEFT };
                Refusal::BucketGone { bucket: bucket.to_string(), found }
            }
            Place::Provider { arn, .. } => ProviderRefusal::Gone { arn }.into(),
        });
    }
    reasons.extend(serial(desired, live, &ownership, choices));
    reasons.extend(cloudfront::check(desired, live, &ownership, choices));
    reasons.extend(provider::check(desired, live, &ownership, choices));
    let granted: HashSet<&str> =
        actions.iter().filter(|action| action.grants()).map(|action| action.resource.as_str()).collect();
    for role in &desired.contents().roles {
        let name = &role.create.role_name;
        let Some(live) = live.role(name) else { continue };
        let claim = ownership.role(name, live);
        let is_taken = claim != Claim::None || choices.adopt;
        if is_taken && live.path != role.create.path.as_str() {
            let (role, found, wanted) = (name.to_string(), live.path.clone(), role.create.path.to_string());
            reasons.push(Refusal::RolePath { role, found, wanted });
        } else {
            reasons.extend(role_claim(desired, name, live, claim, choices));
        }
        let is_given = granted.contains(header.role_arn(name).as_str());
        let foreign: Vec<String> = live.attached.iter().chain(&live.other_inline).cloned().collect();
        if is_taken && is_given && !foreign.is_empty() && choices.foreign_policies == ForeignPolicies::Refuse {
            reasons.push(Refusal::ForeignPolicies { role: name.to_string(), policies: foreign });
        }
    }
    if reasons.is_empty() { Ok(()) } else { Err(Refused { reasons }) }
}

/// A record that is there and says nothing.
pub(super) fn record(desired: &Desired<'_>, live: &LiveState) -> Option<Refusal> {
    let error = live.record()?.content.as_ref().err()?.clone();
    Some(Refusal::BadRecord { place: desired.place(), error })
}

/// The records of former issuers that are there and say nothing.
fn former_records(live: &LiveState) -> impl Iterator<Item = Refusal> {
    live.former().iter().filter_map(|former| {
        let error = former.record.as_ref()?.content.as_ref().err()?.clone();
        Some(Refusal::BadRecord { place: former.place.clone(), error })
    })
}

/// Why a role may not be touched.
pub(super) fn role_claim(
    desired: &Desired<'_>,
    name: &RoleName,
    live: &LiveRole,
    claim: Claim,
    choices: &Choices,
) -> Option<Refusal> {
    let identity = format!("{}, made {}", live.id, live.created);
    claimed(desired, choices, ("role", name.to_string()), claim, &live.tags, identity)
}

/// Whether a resource of the right name may be changed. `--adopt` takes over what no record knows, with the cluster's tag or
/// without; but not what says that it is another cluster's.
fn claimed(
    desired: &Desired<'_>,
    choices: &Choices,
    (what, resource): (&'static str, String),
    claim: Claim,
    tags: &Tags,
    identity: String,
) -> Option<Refusal> {
    if claim == Claim::Known {
        return None;
    }
    if let Some(tag) = desired.tag_of_other_cluster(tags) {
        return Some(Refusal::OtherCluster { what, resource, tag: tag.to_owned() });
    }
    if choices.adopt {
        return None;
    }
    if claim == Claim::TagOnly {
        return Some(Refusal::NotInRecord { what, resource, identity });
    }
    let tag = desired.contents().header.name.ownership_tag_key();
    let found = tags.get(&tag).cloned();
    Some(Refusal::NotOurs { what, resource, tag, found })
}

/// Why the bucket may not be touched.
pub(super) fn bucket(
    desired: &Desired<'_>,
    state: &BucketState,
    ownership: &Ownership<'_>,
    choices: &Choices,
) -> Option<Refusal> {
    let header = &desired.contents().header;
    let bucket = header.bucket().to_string();
    let live = match state {
        BucketState::Absent => return None,
        BucketState::Forbidden => return Some(Refusal::BucketForbidden { bucket }),
        BucketState::InRegion(found) => {
            return Some(Refusal::BucketRegion { bucket, found: found.clone(), region: header.region.to_string() });
        }
        BucketState::Present(live) => live,
    };
    let (claim, identity) = (ownership.bucket(live), "it has no record".to_owned());
    claimed(desired, choices, ("bucket", bucket), claim, &live.tags, identity)
}

/// Replacing a bucket's tags is the one call for it that is used here.
fn abac(desired: &Desired<'_>, documents: &BucketDocuments, live: &LiveBucket) -> Option<Refusal> {
    let bucket = desired.contents().header.bucket().to_string();
    let missing: Vec<String> = desired
        .bucket_tags(documents)
        .into_iter()
        .filter(|(key, value)| live.tags.get(key) != Some(value))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    (live.abac && !missing.is_empty()).then(|| Refusal::Abac { bucket, tags: missing.join(", ") })
}

/// The serial never goes back: not behind the record, and not behind what the tags say, which somebody who removed the record
/// may have left.
pub(super) fn serial(
    desired: &Desired<'_>,
    live: &LiveState,
    ownership: &Ownership<'_>,
    choices: &Choices,
) -> Option<Refusal> {
    if choices.allow_rollback {
        return None;
    }
    let (bundle, digest) = (desired.contents().header.serial, desired.digest().as_str());
    if let Some(record) = ownership.record().filter(|record| record.state.is_moved() && record.serial >= bundle) {
        return Some(Refusal::Moved { live: record.serial, bundle });
    }
    let (serial, recorded) = applied(live, ownership)?;
    if serial > bundle {
        return Some(Refusal::OlderSerial { live: serial, bundle });
    }
    (serial == bundle && recorded != digest).then(|| Refusal::OtherDigest {
        serial,
        bundle: digest.to_owned(),
        live: recorded,
    })
}

/// Serial and digest of the newest bundle that the account says was applied, in part or wholly.
pub(crate) fn applied(live: &LiveState, ownership: &Ownership<'_>) -> Option<(u64, String)> {
    // Where they agree on the serial, the digest of the bundle's own record counts.
    let of = |record: &Record| (record.serial, record.sha256.to_string());
    let former = ownership.former_records().map(of).max_by_key(|(serial, _)| *serial);
    [former, tagged_here(live, ownership), ownership.record().map(of)]
        .into_iter()
        .flatten()
        .max_by_key(|(serial, _)| *serial)
}

/// The same by the tags on bucket and provider alone.
pub(super) fn tagged_here(live: &LiveState, ownership: &Ownership<'_>) -> Option<(u64, String)> {
    let bucket = if let BucketState::Present(bucket) = live.bucket() { tagged(&bucket.tags) } else { None };
    // A provider that is somebody else's says what they applied.
    let provider = live.provider().filter(|_| ownership.makes_issuer()).and_then(|provider| tagged(&provider.tags));
    [provider, bucket].into_iter().flatten().max_by_key(|(serial, _)| *serial)
}

fn tagged(tags: &Tags) -> Option<(u64, String)> {
    let serial = tags.get(SERIAL_TAG)?;
    // One spelling only: what this program writes.
    let number = serial.parse::<u64>().ok().filter(|number| number.to_string() == *serial)?;
    Some((number, tags.get(DIGEST_TAG).cloned().unwrap_or_default()))
}

#[cfg(test)]
mod tests;
