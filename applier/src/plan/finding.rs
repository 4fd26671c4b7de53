//! What a plan says besides its actions.

mod words;

use std::collections::BTreeMap;

use bundle_schema::names::{ClusterName, DistributionDomain, DistributionId, IssuerUrl, Timestamp};
use serde::Serialize;
use serde_json::Value;

pub(super) use self::words::tags_listed;
use crate::account::live::cloudfront::LiveDistribution;
use crate::account::live::{BucketState, Hazard, LiveState, Tags};
use crate::plan::action::{Action, Call};
use crate::plan::adopted::{Adopted, Fate};
use crate::plan::choices::Choices;
use crate::plan::desired::{DIGEST_TAG, Desired, SERIAL_TAG, is_system_tag, tags};
use crate::plan::meaning::key_ids;
use crate::plan::orphans::Orphan;
use crate::plan::ownership::{Claim, Ownership};
use crate::plan::refusal::applied;
use crate::record::{self, Place, Record, RecordState};
use crate::served;

/// Something that a person should know and that no action says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum Finding {
    /// The keys of the cluster's tokens change: the key IDs that are published now, and those that will be, each with the one
    /// that signs first.
    KeyChange { before: Vec<String>, after: Vec<String> },
    /// What an apply leaves that was cut off between making the bucket and tagging it.
    BucketTakenOver { bucket: String },
    /// A role or provider of the right name that no record knew, taken over with `--adopt`.
    Adopted(Adopted),
    /// A bucket that had no record, and its tags; the cluster's may be among them.
    BucketAdopted { bucket: String, tagged: bool, tags: Tags, empty: bool },
    /// An older bundle is applied than the account holds.
    Rollback { from: u64, to: u64 },
    /// A run that did not end, or that ended before everything was done.
    Unfinished { state: RecordState, serial: u64, caller: String, time: Timestamp },
    /// A role loses the boundary of what it may ever do.
    BoundaryRemoved { role: String, boundary: String },
    /// Policies on one of our roles that the bundle does not have.
    ForeignPolicies { role: String, policies: Vec<String>, pruned: bool },
    /// A role of the cluster's that the bundle does not have.
    Orphan(Orphan),
    /// A setting of the bucket that can change, delete or hide the documents.
    Hazard {
        bucket: String,
        #[serde(flatten)]
        hazard: Hazard,
    },
    /// The provider's thumbprints are not those that the last run left.
    Thumbprints { recorded: Vec<String>, found: Vec<String> },
    /// A tag that is not the bundle's, on these of our resources (ARNs).
    ForeignTag { key: String, ignored: bool, resources: Vec<String> },
    /// An exception of the trust file that spares nothing in this bundle.
    UnusedException { exception: String },
    /// A bundle of roles alone whose roles trust the cluster's identity provider, which holds its record. No serial: the record
    /// cannot be read.
    RolesBundle { name: ClusterName, serial: Option<u64> },
    /// Roles that are about to be deleted and that were used in the last day.
    UsedLately { roles: Vec<String> },
    /// The DNS record that the issuer's own host name needs; no domain where CloudFront has not named it yet.
    DnsRecord { host: String, domain: Option<DistributionDomain> },
    /// The DNS record of a host name whose distribution is deleted.
    DnsRecordStays { host: String },
    /// A distribution of an earlier bundle's, which the record has and this bundle has no place for.
    DistributionStays { distribution: DistributionId },
    /// CloudFront does not answer everywhere, in words.
    Restriction { distribution: DistributionId, restriction: String },
    /// A distribution that no record knew, taken over or deleted with `--adopt`.
    DistributionAdopted { distribution: DistributionId, domain: DistributionDomain, tagged: bool, tags: Tags },
    /// The roles go to another issuer's record.
    IssuerChange { from: IssuerUrl, to: IssuerUrl },
    /// The roles trust a former issuer whose identity provider is not there: AWS takes no token of it.
    FormerProviderMissing { issuer_url: IssuerUrl },
    /// The cluster is deleted, and an issuer that it had before is not.
    FormerIssuerStays { issuer_url: IssuerUrl },
    /// The issuer is deleted, and somebody else publishes its documents.
    DocumentsStay { issuer_url: IssuerUrl },
}

impl Finding {
    /// Whether it belongs above everything else.
    pub(crate) fn is_headline(&self) -> bool {
        match self {
            Self::KeyChange { .. }
            | Self::IssuerChange { .. }
            | Self::Rollback { .. }
            | Self::BoundaryRemoved { .. }
            | Self::Adopted(_)
            | Self::DistributionAdopted { .. }
            | Self::DistributionStays { .. }
            | Self::UsedLately { .. } => true,
            Self::BucketAdopted { tagged, .. } => !tagged,
            Self::Orphan(orphan) => orphan.pruned,
            _ => false,
        }
    }

    /// Its JSON.
    pub(crate) fn to_value(&self) -> Value {
        // Fails only for maps with keys that are not strings; no finding has one.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether it is about something of others on what is the cluster's, or of the cluster's that is not in the bundle: `plan
    /// --detailed-exitcode` says so.
    pub(crate) fn is_foreign(&self) -> bool {
        match self {
            Self::ForeignPolicies { pruned, .. } => !pruned,
            Self::Orphan(orphan) => !orphan.pruned,
            Self::ForeignTag { ignored, .. } => !ignored,
            // Versions that are kept do no harm; whoever suspends them is none of the documents' business either.
            Self::Restriction { .. } | Self::FormerProviderMissing { .. } => true,
            Self::Hazard { hazard, .. } => !matches!(hazard, Hazard::Versioning(_)),
            Self::KeyChange { .. }
            | Self::IssuerChange { .. }
            | Self::FormerIssuerStays { .. }
            | Self::BucketTakenOver { .. }
            | Self::BucketAdopted { .. }
            | Self::Adopted(_)
            | Self::Rollback { .. }
            | Self::Unfinished { .. }
            | Self::BoundaryRemoved { .. }
            | Self::Thumbprints { .. }
            | Self::UnusedException { .. }
            | Self::RolesBundle { .. }
            | Self::UsedLately { .. }
            | Self::DnsRecord { .. }
            | Self::DnsRecordStays { .. }
            | Self::DistributionStays { .. }
            | Self::DistributionAdopted { .. }
            | Self::DocumentsStay { .. } => false,
        }
    }
}

/// Everything there is to say about an account and what is planned for it.
pub(crate) fn findings(
    desired: &Desired<'_>,
    live: &LiveState,
    choices: &Choices,
    actions: &[Action],
    now: Timestamp,
) -> Vec<Finding> {
    let ownership = Ownership::new(desired, live, choices);
    let mut findings: Vec<Finding> = actions.iter().filter_map(key_change).collect();
    findings.dedup();
    findings.extend(actions.iter().filter_map(|action| match &action.call {
        Call::HandOver { from, to, .. } => Some(Finding::IssuerChange { from: from.clone(), to: to.clone() }),
        _ => None,
    }));
    let missing = live.former().iter().filter(|former| !former.has_provider);
    findings.extend(missing.map(|former| Finding::FormerProviderMissing { issuer_url: former.issuer_url.clone() }));
    let to = desired.contents().header.serial;
    let newer = applied(live, &ownership).filter(|(from, _)| *from > to);
    findings.extend(newer.map(|(from, _)| Finding::Rollback { from, to }));
    findings.extend(adopted(desired, live, &ownership));
    findings.extend(actions.iter().filter_map(|action| match &action.call {
        Call::RemoveBoundary { role, before } => {
            Some(Finding::BoundaryRemoved { role: role.to_string(), boundary: before.clone() })
        }
        _ => None,
    }));
    findings.extend(bucket(desired, live.bucket(), &ownership));
    findings.extend(cloudfront(desired, live, &ownership));
    findings.extend(record(live, &ownership));
    for documents in &desired.contents().roles {
        let name = &documents.create.role_name;
        let Some(role) = live.role(name) else { continue };
        let policies: Vec<String> = role.attached.iter().chain(&role.other_inline).cloned().collect();
        if !policies.is_empty() {
            let pruned = choices.prunes();
            findings.push(Finding::ForeignPolicies { role: name.to_string(), policies, pruned });
        }
    }
    findings.extend(Orphan::all(&ownership, choices, now).into_iter().map(Finding::Orphan));
    findings.extend(roles_bundles(desired, live).map(|(name, serial)| Finding::RolesBundle { name, serial }));
    findings.extend(foreign_tags(desired, live));
    let unused = desired.unused_exceptions().iter();
    findings.extend(unused.map(|exception| Finding::UnusedException { exception: exception.clone() }));
    findings
}

/// The keys that are published come or go; the JWKS is in the bucket twice, so this is found twice.
fn key_change(action: &Action) -> Option<Finding> {
    let Call::PutObject { before: Some(before), after, .. } = &action.call else { return None };
    let (before, after) = (key_ids(before.body.as_deref().unwrap_or_default()), key_ids(&after.body));
    (!before.is_empty() && !after.is_empty() && before != after).then_some(Finding::KeyChange { before, after })
}

/// The provider and the roles that no record knew; without `--adopt` there is no plan with one of them.
fn adopted(desired: &Desired<'_>, live: &LiveState, ownership: &Ownership<'_>) -> Vec<Finding> {
    let provider = live.provider().filter(|_| ownership.makes_issuer());
    let provider = provider.map(|provider| (provider, ownership.provider(provider)));
    let provider = provider.filter(|(_, claim)| *claim != Claim::Known).zip(desired.provider_arn());
    let provider =
        provider.map(|((provider, claim), arn)| Adopted::provider(arn, provider, claim == Claim::TagOnly, Fate::Kept));
    let names = desired.contents().roles.iter().map(|documents| &documents.create.role_name);
    let roles = names.filter_map(|name| {
        let role = live.role(name)?;
        let claim = ownership.role(name, role);
        (claim != Claim::Known).then(|| Adopted::role(name, role, claim == Claim::TagOnly, Fate::Kept))
    });
    provider.into_iter().chain(roles).map(Finding::Adopted).collect()
}

fn bucket(desired: &Desired<'_>, state: &BucketState, ownership: &Ownership<'_>) -> Vec<Finding> {
    let BucketState::Present(live) = state else { return Vec::new() };
    let bucket = desired.contents().header.bucket().to_string();
    let mut findings = Vec::new();
    let claim = ownership.bucket(live);
    if claim != Claim::Known {
        let (tags, empty) = (live.tags.clone(), live.is_empty);
        findings.push(Finding::BucketAdopted { bucket: bucket.clone(), tagged: claim == Claim::TagOnly, tags, empty });
    } else if live.is_left_by_a_cut_off_run() && ownership.record().is_none() {
        findings.push(Finding::BucketTakenOver { bucket: bucket.clone() });
    }
    let hazard = |hazard: &Hazard| Finding::Hazard { bucket: bucket.clone(), hazard: hazard.clone() };
    findings.extend(live.hazards.iter().map(hazard));
    findings
}

/// The distribution, and the DNS record that points to it.
fn cloudfront(desired: &Desired<'_>, live: &LiveState, ownership: &Ownership<'_>) -> Vec<Finding> {
    let distribution = live.distribution().filter(|_| desired.distribution().is_some());
    let mut findings: Vec<Finding> = adopted_distribution(distribution, ownership).into_iter().collect();
    findings.extend(distribution.and_then(|live| {
        let restriction = live.restriction.clone()?;
        Some(Finding::Restriction { distribution: live.id.clone(), restriction })
    }));
    let domain = distribution.map(|live| live.domain.clone());
    findings.extend(served::alias(&desired.contents().header).map(|host| Finding::DnsRecord { host, domain }));
    findings.extend(distribution_left(desired, ownership));
    findings
}

/// A distribution of an earlier bundle's. Nothing of CloudFront is asked for a bundle that has none.
pub(super) fn distribution_left(desired: &Desired<'_>, ownership: &Ownership<'_>) -> Option<Finding> {
    let record = ownership.record().filter(|_| desired.distribution().is_none())?;
    record.made.distribution.clone().map(|distribution| Finding::DistributionStays { distribution })
}

/// A distribution that no record knew.
pub(super) fn adopted_distribution(live: Option<&LiveDistribution>, ownership: &Ownership<'_>) -> Option<Finding> {
    let live = live?;
    let claim = ownership.distribution(live);
    (claim != Claim::Known).then(|| Finding::DistributionAdopted {
        distribution: live.id.clone(),
        domain: live.domain.clone(),
        tagged: claim == Claim::TagOnly,
        tags: live.tags.clone(),
    })
}

/// What the record says that a person should know.
fn record(live: &LiveState, ownership: &Ownership<'_>) -> Vec<Finding> {
    let Some(record) = ownership.record() else { return Vec::new() };
    let unfinished = unfinished(record);
    let changed = record
        .made
        .provider
        .as_ref()
        .zip(live.provider())
        .filter(|(made, provider)| made.created == provider.created && made.thumbprints != provider.thumbprints);
    let changed = changed.map(|(made, provider)| Finding::Thumbprints {
        recorded: made.thumbprints.clone(),
        found: provider.thumbprints.clone(),
    });
    unfinished.into_iter().chain(changed).collect()
}

/// A run that did not end, or ended too early.
pub(super) fn unfinished(record: &Record) -> Option<Finding> {
    let Record { state, serial, caller, time, .. } = record;
    let (state, serial, caller, time) = (*state, *serial, caller.clone(), *time);
    let is_finished = matches!(state, RecordState::Applied | RecordState::Moved);
    (!is_finished).then_some(Finding::Unfinished { state, serial, caller, time })
}

/// The bundles of roles alone that stand on the cluster's identity provider, each with its serial. The cluster's own record may
/// stand there too.
pub(super) fn roles_bundles(
    desired: &Desired<'_>,
    live: &LiveState,
) -> impl Iterator<Item = (ClusterName, Option<u64>)> + use<> {
    let provider = live.provider().filter(|_| desired.issuer().is_some());
    let mut bundles = provider.map(|provider| record::tags::bundles(&provider.tags)).unwrap_or_default();
    if let Place::Provider { name, .. } = desired.place() {
        bundles.remove(&name);
    }
    bundles.into_iter()
}

/// The tags of others on what is the bundle's, by key.
fn foreign_tags(desired: &Desired<'_>, live: &LiveState) -> Vec<Finding> {
    let header = &desired.contents().header;
    let mut ours = tags(&header.tags);
    ours.extend([SERIAL_TAG, DIGEST_TAG].map(|key| (key.to_owned(), String::new())));
    let mut resources: Vec<(String, &Tags)> = Vec::new();
    if let BucketState::Present(bucket) = live.bucket() {
        resources.push((desired.bucket_arn(), &bucket.tags));
    }
    let distribution = live.distribution().filter(|_| desired.distribution().is_some());
    resources.extend(distribution.map(|live| (header.distribution_arn(live.id.as_str()), &live.tags)));
    let provider = live.provider().filter(|_| desired.issuer().is_some());
    resources.extend(header.provider_arn().zip(provider.map(|provider| &provider.tags)));
    for documents in &desired.contents().roles {
        let name = &documents.create.role_name;
        resources.extend(live.role(name).map(|role| (header.role_arn(name), &role.tags)));
    }
    let provider_arn = header.provider_arn();
    let is_record =
        |arn: &str, key: &str| Some(arn) == provider_arn.as_deref() && record::tags::bundle_of(key).is_some();
    let mut found: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for (arn, tags) in resources {
        for key in tags.keys().filter(|key| !ours.contains_key(*key) && !is_system_tag(key) && !is_record(&arn, key)) {
            found.entry(key).or_default().push(arn.clone());
        }
    }
    let finding = |(key, resources): (&String, Vec<String>)| Finding::ForeignTag {
        key: key.clone(),
        ignored: desired.ignores_tag(key),
        resources,
    };
    found.into_iter().map(finding).collect()
}
