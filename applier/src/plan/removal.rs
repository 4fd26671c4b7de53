//! What has to be done so that nothing is left of what a bundle made: pure, as the plan of an apply.
//!
//! Input: a bundle whose resources may be removed, the account's state, and what else the bucket and the roles are about.
//! Output: a [`Plan`] of deletions, or every reason against it. Nothing is deleted that is not the cluster's by its record.

mod moved;
mod obstacle;
#[cfg(test)]
mod tests;

use bundle_schema::names::{RoleName, Timestamp};
use bundle_schema::signature::Signer;

pub(crate) use self::obstacle::Obstacle;
use crate::account::live::cloudfront::LiveDistribution;
use crate::account::live::{BucketState, Hazard, LiveBucket, LiveProvider, LiveRole, LiveState};
use crate::account::remains::Remains;
use crate::admit::Removable;
use crate::plan::action::{Action, Call, RecordVersion};
use crate::plan::adopted::{Adopted, Fate};
use crate::plan::choices::{Choices, ForeignPolicies};
use crate::plan::desired::Desired;
use crate::plan::finding::{Finding, adopted_distribution, distribution_left, roles_bundles, unfinished};
use crate::plan::head::Head;
use crate::plan::orphans::{self, Orphan};
use crate::plan::ownership::{Claim, Ownership};
use crate::plan::refusal::{self, Refusal, Refused};
use crate::plan::{Operation, Plan};
use crate::record::{Place, RECORD_KEY};
use crate::served;

/// Versions that one call deletes at most [S3 API reference, DeleteObjects].
const MAX_VERSIONS: usize = 1000;
/// A role that was used within this many seconds is one that somebody may still need.
const LATELY: i64 = 24 * 60 * 60;

impl Plan {
    /// Check 10 for a deletion and, where it holds, the actions.
    pub(crate) fn removal(
        bundle: &Removable,
        live: &LiveState,
        remains: &Remains,
        choices: &Choices,
        now: Timestamp,
    ) -> Result<Self, Refused> {
        Self::removal_of(&Desired::of_removable(bundle), live, remains, choices, bundle.bundle().signers(), now)
    }

    pub(crate) fn removal_of(
        desired: &Desired<'_>,
        live: &LiveState,
        remains: &Remains,
        choices: &Choices,
        signers: &[Signer],
        now: Timestamp,
    ) -> Result<Self, Refused> {
        let ownership = Ownership::new(desired, live, choices);
        let removal = Removal { desired, live, remains, choices, ownership };
        let reasons = removal.reasons();
        if !reasons.is_empty() {
            return Err(Refused { reasons });
        }
        let head = Head::new(desired, live, removal.ownership.record(), signers, now);
        let (actions, findings) = (removal.actions(), removal.findings(now));
        Ok(Self::new(Operation::Delete, head, choices.flags(), actions, findings))
    }
}

/// What is deleted, and what is known about it.
struct Removal<'a> {
    desired: &'a Desired<'a>,
    live: &'a LiveState,
    remains: &'a Remains,
    choices: &'a Choices,
    ownership: Ownership<'a>,
}

impl<'a> Removal<'a> {
    /// The bundle's roles that are there, unless they are those of the issuer to which the cluster has moved.
    fn roles(&self) -> impl Iterator<Item = (&'a RoleName, &'a LiveRole)> {
        let names = self.desired.contents().roles.iter().map(|documents| &documents.create.role_name);
        let there = names.filter_map(|name| self.live.role(name).map(|role| (name, role)));
        let is_elsewhere = self.is_elsewhere();
        let has_moved = self.ownership.has_moved();
        there.filter(move |(name, role)| !has_moved && !is_elsewhere(name, role))
    }

    /// The bucket, where it is there.
    fn bucket(&self) -> Option<&'a LiveBucket> {
        if let BucketState::Present(bucket) = self.live.bucket() { Some(bucket) } else { None }
    }

    /// The identity provider, where it is the cluster's and there.
    fn provider(&self) -> Option<&'a LiveProvider> {
        self.live.provider().filter(|_| self.desired.issuer().is_some())
    }

    /// The distribution, where it is the cluster's and there.
    fn distribution(&self) -> Option<&'a LiveDistribution> {
        self.live.distribution().filter(|_| self.desired.distribution().is_some())
    }

    fn reasons(&self) -> Vec<Refusal> {
        let Self { desired, live, remains, choices, ownership } = self;
        let mut reasons = Vec::new();
        // A bucket that holds nothing and carries the tag is what a deletion leaves that was cut off before its last call;
        // nobody loses anything with it.
        let is_left = |bucket: &LiveBucket| remains.versions.is_empty() && desired.is_owned(&bucket.tags);
        if !self.bucket().is_some_and(is_left) {
            reasons.extend(refusal::record(desired, live));
            reasons.extend(refusal::bucket(desired, live.bucket(), ownership, choices));
        }
        reasons.extend(self.serial());
        reasons.extend(self.still_trusted());
        reasons.extend(refusal::cloudfront::claims(desired, live, ownership, choices));
        reasons.extend(refusal::provider::claim(desired, live, ownership, choices));
        reasons.extend(self.roles_bundles());
        reasons.extend(self.untagged());
        for (name, role) in self.roles() {
            reasons.extend(refusal::role_claim(desired, name, role, ownership.role(name, role), choices));
            let policies = foreign_policies(role);
            if !policies.is_empty() && choices.foreign_policies != ForeignPolicies::Prune {
                reasons.push(Obstacle::Policies { role: name.to_string(), policies }.into());
            }
            if let Some(profiles) = remains.instance_profiles.get(name).cloned() {
                reasons.push(Obstacle::InstanceProfiles { role: name.to_string(), profiles }.into());
            }
        }
        reasons.extend(self.bucket().and_then(|bucket| self.obstacle(bucket)).map(Refusal::from));
        reasons.into_iter().map(of_a_deletion).collect()
    }

    /// The provider goes with the cluster, and with it what every role of these bundles trusts.
    fn roles_bundles(&self) -> Option<Refusal> {
        let bundles: Vec<_> = roles_bundles(self.desired, self.live).collect();
        let provider = self.desired.provider_arn()?;
        (!bundles.is_empty()).then(|| Obstacle::RolesBundles { provider, bundles }.into())
    }

    /// What neither carries the tag nor stands in the record: an apply takes it over with `--adopt`, but a deletion leaves it alone.
    /// Without the flag it is refused already.
    fn untagged(&self) -> Vec<Refusal> {
        let Self { desired, choices, ownership, .. } = self;
        if !choices.adopt {
            return Vec::new();
        }
        let header = &desired.contents().header;
        let bucket = self.bucket().filter(|bucket| ownership.bucket(bucket) == Claim::None);
        let bucket = bucket.map(|_| ("bucket", header.bucket().to_string()));
        let provider = self.provider().filter(|provider| ownership.provider(provider) == Claim::None);
        let provider = provider.and(header.provider_arn()).map(|arn| ("identity provider", arn));
        let distribution = self.distribution().filter(|live| ownership.distribution(live) == Claim::None);
        let distribution = distribution.map(|live| ("distribution", live.id.to_string()));
        let roles = self.roles().filter(|(name, role)| ownership.role(name, role) == Claim::None);
        let roles = roles.map(|(name, _)| ("role", name.to_string()));
        let all = bucket.into_iter().chain(distribution).chain(provider).chain(roles);
        let tag = header.name.ownership_tag_key();
        all.map(|(what, resource)| Obstacle::Untagged { what, resource, tag: tag.clone() }.into()).collect()
    }

    /// What the bucket holds that keeps it from being emptied.
    fn obstacle(&self, live: &LiveBucket) -> Option<Obstacle> {
        let (versions, bucket) = (&self.remains.versions, self.desired.contents().header.bucket().to_string());
        if !versions.others.is_empty() {
            return Some(Obstacle::Objects { bucket, keys: versions.others.clone(), has_more: versions.has_more });
        }
        if versions.has_more {
            return Some(Obstacle::TooManyVersions { bucket });
        }
        (live.hazards.contains(&Hazard::ObjectLock) && !versions.is_empty()).then_some(Obstacle::ObjectLock { bucket })
    }

    /// Roles, then the provider that they trust, then the documents that it reads, then the record, then the bucket.
    fn actions(&self) -> Vec<Action> {
        let mut actions: Vec<Action> =
            self.roles().flat_map(|(name, role)| orphans::removal(self.desired, name, role)).collect();
        if !self.ownership.has_moved() {
            actions.extend(orphans::removals(self.desired, &self.ownership, self.choices));
        }
        let provider = self.desired.provider_arn().zip(self.provider());
        actions.extend(provider.map(|(resource, provider)| {
            let call = Call::DeleteProvider { created: provider.created };
            Action { resource, call }
        }));
        if let Place::Provider { .. } = self.desired.place() {
            return self.with_record_in_tags(actions);
        }
        actions.extend(self.cloudfront());
        let Some(live) = self.bucket() else { return actions };

        let (resource, bucket) = (self.desired.bucket_arn(), self.desired.contents().header.bucket());
        let record = format!("{resource}/{RECORD_KEY}");
        let versions = live.hazards.iter().any(|hazard| matches!(hazard, Hazard::Versioning(_)));
        actions.extend(self.objects(versions));
        // An empty bucket alone needs no record: whoever else deletes it does the same.
        if !actions.is_empty() || !self.remains.versions.is_empty() {
            let before = self.record_version();
            let known = self.ownership.made_before_removal();
            let place = self.desired.place();
            let open = Call::OpenRemoval { place: place.clone(), before, known };
            actions.insert(0, Action { resource: record.clone(), call: open });
            let delete = Call::DeleteRecord { place, versions };
            actions.push(Action { resource: record, call: delete });
        }
        actions.push(Action { resource, call: Call::DeleteBucket { bucket } });
        actions
    }

    /// A distribution whose bucket is gone would serve whatever somebody else puts into a bucket of that name.
    fn cloudfront(&self) -> Vec<Action> {
        let header = &self.desired.contents().header;
        let mut actions = Vec::new();
        if self.desired.distribution().is_none() {
            return actions;
        }
        if let Some(distribution) = self.distribution() {
            let (id, etag) = (distribution.id.clone(), distribution.etag.clone());
            let resource = header.distribution_arn(id.as_str());
            let disable = Call::DisableDistribution { id: id.clone(), etag };
            let calls = distribution.settings.enabled.then_some(disable).into_iter();
            let calls = calls.chain([Call::DeleteDistribution { id }]);
            actions.extend(calls.map(|call| Action { resource: resource.clone(), call }));
        }
        if let Some(control) = self.live.access_control() {
            let (id, etag) = (control.id.clone(), control.etag.clone());
            let resource = header.access_control_arn(id.as_str());
            actions.push(Action { resource, call: Call::DeleteAccessControl { id, etag } });
        }
        actions
    }

    fn record_version(&self) -> Option<RecordVersion> {
        let read = self.live.record()?;
        Some(RecordVersion::of(&read.etag, read.content.as_ref().ok()?))
    }

    /// The roles between the calls that open and delete the record. Where the provider is gone or goes, the record goes with it.
    fn with_record_in_tags(&self, mut actions: Vec<Action>) -> Vec<Action> {
        let before = self.record_version();
        if self.live.provider().is_none() || (actions.is_empty() && before.is_none()) {
            return actions;
        }
        let (place, known) = (self.desired.place(), self.ownership.made_before_removal());
        let resource = place.arn(&self.desired.contents().header);
        let open = Call::OpenRemoval { place: place.clone(), before, known };
        actions.insert(0, Action { resource: resource.clone(), call: open });
        if self.desired.issuer().is_none() {
            actions.push(Action { resource, call: Call::DeleteRecord { place, versions: false } });
        }
        actions
    }

    /// The issuer's documents; the record has its own call.
    fn objects(&self, versions: bool) -> Vec<Action> {
        let bucket = self.desired.contents().header.bucket();
        let documents = self.remains.versions.ours.iter().filter(|(key, _)| *key != RECORD_KEY);
        let mut actions = Vec::new();
        for (key, ids) in documents {
            let resource = format!("{}/{key}", self.desired.bucket_arn());
            let (bucket, key) = (bucket.clone(), key.clone());
            if versions {
                actions.extend(ids.chunks(MAX_VERSIONS).map(|ids| Action {
                    resource: resource.clone(),
                    call: Call::DeleteVersions { bucket: bucket.clone(), key: key.clone(), version_ids: ids.to_vec() },
                }));
            } else {
                actions.push(Action { resource, call: Call::DeleteObject { bucket, key } });
            }
        }
        actions
    }

    fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let Self { desired, ownership, .. } = self;
        let mut findings = Vec::new();
        let is_used = |role: &LiveRole| {
            role.last_used.as_ref().is_some_and(|used| used.time.unix() > now.unix().saturating_sub(LATELY))
        };
        let used: Vec<String> =
            self.roles().filter(|(_, role)| is_used(role)).map(|(name, _)| name.to_string()).collect();
        findings.extend((!used.is_empty()).then_some(Finding::UsedLately { roles: used }));
        let provider = self.provider().filter(|provider| ownership.provider(provider) == Claim::TagOnly);
        let provider = desired.provider_arn().zip(provider);
        findings.extend(
            provider.map(|(arn, provider)| Finding::Adopted(Adopted::provider(arn, provider, true, Fate::Deleted))),
        );
        let taken = self.roles().filter(|(name, role)| ownership.role(name, role) == Claim::TagOnly);
        findings.extend(taken.map(|(name, role)| Finding::Adopted(Adopted::role(name, role, true, Fate::Deleted))));
        findings.extend(adopted_distribution(self.distribution(), ownership));
        findings.extend(distribution_left(desired, ownership));
        findings.extend(ownership.record().and_then(unfinished));
        for (name, role) in self.roles() {
            let policies = foreign_policies(role);
            if !policies.is_empty() {
                findings.push(Finding::ForeignPolicies { role: name.to_string(), policies, pruned: true });
            }
        }
        if !ownership.has_moved() {
            findings.extend(Orphan::all(ownership, self.choices, now).into_iter().map(Finding::Orphan));
        }
        findings.extend(
            self.live
                .former()
                .iter()
                .map(|former| Finding::FormerIssuerStays { issuer_url: former.issuer_url.clone() }),
        );
        let alias = self.distribution().and_then(|_| served::alias(&desired.contents().header));
        findings.extend(alias.map(|host| Finding::DnsRecordStays { host }));
        // As long as anything of the cluster is there to be deleted.
        let is_hosted = desired.issuer().is_some() && desired.bucket().is_none();
        if is_hosted && (self.provider().is_some() || self.roles().next().is_some()) {
            let url = desired.contents().header.issuer_url.clone();
            findings.extend(url.map(|issuer_url| Finding::DocumentsStay { issuer_url }));
        }
        findings
    }
}

/// A reason that a deletion shares with an apply, with its own advice.
fn of_a_deletion(reason: Refusal) -> Refusal {
    match reason {
        Refusal::OlderSerial { live, bundle } => Obstacle::OlderSerial { live, bundle }.into(),
        Refusal::NotOurs { what, resource, tag, .. } => Obstacle::Untagged { what, resource, tag }.into(),
        other => other,
    }
}

/// The names of the policies on a role that the bundle does not have.
fn foreign_policies(role: &LiveRole) -> Vec<String> {
    role.attached.iter().chain(&role.other_inline).cloned().collect()
}
