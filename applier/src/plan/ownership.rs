//! Whose resources these are: known from the record, not from a tag that anybody who may tag can set.
//!
//! Input: the account's state with its record, or the receipt that stands in for a record. Output: what is the cluster's, by
//! identity; what would have to be adopted; and what a run that was cut off made.

use std::collections::BTreeMap;

use bundle_schema::documents::contents::RoleDocuments;
use bundle_schema::names::RoleName;

use crate::account::live::cloudfront::{LiveAccessControl, LiveDistribution};
use crate::account::live::{BucketState, LiveBucket, LiveFormer, LiveProvider, LiveRole, LiveState};
use crate::plan::choices::Choices;
use crate::plan::desired::Desired;
use crate::plan::reconcile;
use crate::record::{Made, MadeProvider, Making, Place, Record};

/// How a resource of the bundle's name stands to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The record knows it, or a run that was cut off made it.
    Known,
    /// It carries the cluster's tag, and no record knows it.
    TagOnly,
    /// It does not even carry the tag.
    None,
}

/// What the record says, and what the account holds.
pub(crate) struct Ownership<'a> {
    desired: &'a Desired<'a>,
    live: &'a LiveState,
    record: Option<&'a Record>,
    /// The bundle's roles that a run was about to make.
    making: BTreeMap<&'a RoleName, &'a RoleDocuments>,
}

impl<'a> Ownership<'a> {
    pub(crate) fn new(desired: &'a Desired<'a>, live: &'a LiveState, choices: &'a Choices) -> Self {
        let record = live.record().and_then(|record| record.content.as_ref().ok()).or(choices.previous.as_ref());
        let is_about = |name| record.is_some_and(|record| record.making.roles.contains(name));
        let roles = desired.contents().roles.iter().map(|documents| (&documents.create.role_name, documents));
        Self { desired, live, record, making: roles.filter(|(name, _)| is_about(name)).collect() }
    }

    /// The record that the account holds, or the receipt's.
    pub(crate) fn record(&self) -> Option<&'a Record> {
        self.record
    }

    /// Whether the issuer is the bundle's own.
    pub(crate) fn makes_issuer(&self) -> bool {
        self.desired.issuer().is_some()
    }

    pub(crate) fn bucket(&self, bucket: &LiveBucket) -> Claim {
        if self.record.is_some() || bucket.is_left_by_a_cut_off_run() {
            return Claim::Known;
        }
        match self.desired.is_owned(&bucket.tags) {
            // As a run leaves it that was cut off before it wrote the record.
            true if bucket.is_new() => Claim::Known,
            true => Claim::TagOnly,
            false => Claim::None,
        }
    }

    pub(crate) fn provider(&self, provider: &LiveProvider) -> Claim {
        let is_made = || {
            self.desired.issuer().is_some_and(|issuer| {
                let tags = self.desired.provider_tags(issuer);
                reconcile::provider(&issuer.provider, &tags, Some(provider)).is_empty()
            })
        };
        let is_known = self.record.is_some_and(|record| {
            record.made.provider.as_ref().is_some_and(|made| made.created == provider.created)
                || (record.making.provider && is_made())
        });
        let is_tagged = self.desired.is_owned(&provider.tags);
        // As a run leaves it that was cut off before it wrote the record there.
        let is_left = || self.live.record().is_none() && self.has_record_in_tags() && is_tagged && is_made();
        claim(is_known || is_left(), is_tagged)
    }

    /// Whether the record stands in the provider's tags, and so is gone with it.
    fn has_record_in_tags(&self) -> bool {
        matches!(self.desired.place(), Place::Provider { .. })
    }

    pub(crate) fn role(&self, name: &RoleName, role: &LiveRole) -> Claim {
        let is_made = || self.making.get(name).is_some_and(|documents| reconcile::is_as_made(documents, role));
        let is_known = self.record.is_some_and(|record| has_role(record, name, role) || is_made());
        let is_handed_over = || self.former_records().any(|record| has_role(record, name, role));
        claim(is_known || is_handed_over(), self.desired.is_owned(&role.tags))
    }

    /// The records of the issuers that the cluster had before.
    pub(crate) fn former_records(&self) -> impl Iterator<Item = &'a Record> + use<'a> {
        self.live.former().iter().filter_map(LiveFormer::content)
    }

    /// Whether the cluster has moved to another issuer: its roles are that one's.
    pub(crate) fn has_moved(&self) -> bool {
        self.record.is_some_and(|record| record.state.is_moved())
    }

    /// The distribution that is in front of the bucket.
    pub(crate) fn distribution(&self, distribution: &LiveDistribution) -> Claim {
        let is_made = || {
            let control = self.live.access_control().map(|control| &control.id);
            let is_whole =
                |documents| reconcile::cloudfront::distribution(documents, control, Some(distribution)).is_empty();
            self.desired.distribution().is_some_and(is_whole)
        };
        let is_known = self.record.is_some_and(|record| {
            record.made.distribution.as_ref() == Some(&distribution.id) || (record.making.distribution && is_made())
        });
        claim(is_known, self.desired.is_owned(&distribution.tags))
    }

    /// The access control, which has no tags: nothing but the record says whose it is.
    pub(crate) fn access_control(&self, control: &LiveAccessControl) -> Claim {
        let is_made = || {
            let is_whole = |documents| reconcile::cloudfront::access_control(documents, Some(control)).is_none();
            self.desired.distribution().is_some_and(is_whole)
        };
        let is_known = self.record.is_some_and(|record| {
            record.made.access_control.as_ref() == Some(&control.id) || (record.making.access_control && is_made())
        });
        claim(is_known, false)
    }

    /// The roles that are the cluster's and that the bundle does not have. One that another cluster claims as well is ours only
    /// by the record.
    pub(crate) fn orphans(&self) -> impl Iterator<Item = (&'a RoleName, &'a LiveRole, Claim)> + '_ {
        self.live.others().iter().filter_map(|(name, role)| match self.role(name, role) {
            Claim::TagOnly if self.desired.tag_of_other_cluster(&role.tags).is_some() => None,
            Claim::None => None,
            claim => Some((name, role, claim)),
        })
    }

    /// What is the cluster's when this plan begins, adopted resources included; and what it is about to make.
    pub(crate) fn made_and_making(&self) -> (Made, Making) {
        let mut made = self.record.map(|record| record.made.clone()).unwrap_or_default();
        let mut making = Making::default();
        let provider = self.live.provider().filter(|_| self.makes_issuer());
        made.provider = provider.map(MadeProvider::from);
        making.provider = self.makes_issuer() && made.provider.is_none();
        if self.desired.distribution().is_some() {
            made.distribution = self.live.distribution().map(|distribution| distribution.id.clone());
            made.access_control = self.live.access_control().map(|control| control.id.clone());
            making.distribution = made.distribution.is_none();
            making.access_control = made.access_control.is_none();
        }
        for record in self.former_records() {
            made.roles.extend(record.made.roles.clone());
        }
        // What the bundle does not have stays in the record as long as it is there.
        made.roles.retain(|name, id| self.live.others().get(name).is_some_and(|role| role.id == *id));
        for documents in &self.desired.contents().roles {
            let name = &documents.create.role_name;
            if let Some(role) = self.live.role(name) {
                made.roles.insert(name.clone(), role.id.clone());
            } else {
                making.roles.insert(name.clone());
            }
        }
        (made, making)
    }

    /// What is the cluster's when it is about to be deleted: what the record knows and what is there of the bundle.
    pub(crate) fn made_before_removal(&self) -> Made {
        let mut made = self.record.map(|record| record.made.clone()).unwrap_or_default();
        let (there, _) = self.made_and_making();
        made.provider = there.provider.or(made.provider);
        made.distribution = there.distribution.or(made.distribution);
        made.access_control = there.access_control.or(made.access_control);
        made.roles.extend(there.roles);
        if self.has_moved() {
            made.roles.clear();
        }
        made
    }

    /// Whether anything of the cluster is there although what holds the record, its bucket or its provider, is not.
    pub(crate) fn is_record_gone(&self) -> bool {
        let has_issuer = self.makes_issuer() || self.desired.distribution().is_some();
        let is_claimed = |distribution| self.distribution(distribution) != Claim::None;
        let claims_distribution = self.live.distribution().is_some_and(is_claimed);
        let claims_provider = self.live.provider().is_some_and(|provider| self.provider(provider) != Claim::None);
        let roles = self.desired.contents().roles.iter().map(|documents| &documents.create.role_name);
        let mut live = roles.filter_map(|name| self.live.role(name).map(|role| (name, role)));
        has_issuer
            && self.record.is_none()
            && *self.live.bucket() == BucketState::Absent
            && !(self.has_record_in_tags() && self.live.provider().is_some())
            && (claims_provider
                || claims_distribution
                // Those of a cluster that has moved here are explained by the issuer that it had.
                || self.live.former().is_empty() && live.any(|(name, role)| self.role(name, role) != Claim::None))
    }
}

/// Whether a record has this role, by its identity.
fn has_role(record: &Record, name: &RoleName, role: &LiveRole) -> bool {
    record.made.roles.get(name) == Some(&role.id)
}

fn claim(is_known: bool, is_tagged: bool) -> Claim {
    match (is_known, is_tagged) {
        (true, _) => Claim::Known,
        (false, true) => Claim::TagOnly,
        (false, false) => Claim::None,
    }
}
