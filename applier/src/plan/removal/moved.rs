//! The deletion of an issuer that the cluster had before: everything of it, and none of the roles, which are another issuer's.
//!
//! Input: what a deletion knows. Output: which roles are no part of it, and what stands in its way. FORMAT.md, section "A former issuer's record".

use std::collections::BTreeSet;

use bundle_schema::names::RoleName;

use super::{Obstacle, Removal};
use crate::account::live::LiveRole;
use crate::plan::former::trusted_providers;
use crate::plan::ownership::Claim;
use crate::plan::refusal::{self, Refusal};

impl Removal<'_> {
    /// Tells a role that is another issuer's, whatever its tags say: no record knows it, and it trusts other providers alone.
    pub(super) fn is_elsewhere(&self) -> impl Fn(&RoleName, &LiveRole) -> bool {
        let (ownership, own) = (&self.ownership, self.desired.issuer().and(self.desired.provider_arn()));
        move |name, role| {
            let trusted = trusted_providers(&role.trust);
            ownership.role(name, role) != Claim::Known
                && own.as_ref().is_some_and(|own| !trusted.is_empty() && !trusted.contains(own))
        }
    }

    /// What a cluster that has moved still needs of the issuer that it had: the roles that trust its provider.
    pub(super) fn still_trusted(&self) -> Option<Refusal> {
        let provider = self.desired.provider_arn().filter(|_| self.ownership.has_moved())?;
        let bundled = self.desired.contents().roles.iter().map(|documents| &documents.create.role_name);
        let bundled = bundled.filter_map(|name| self.live.role(name).map(|role| (name, role)));
        let all =
            bundled.chain(self.live.others()).filter(|(_, role)| trusted_providers(&role.trust).contains(&provider));
        let roles: BTreeSet<String> = all.map(|(name, _)| name.to_string()).collect();
        (!roles.is_empty()).then(|| Obstacle::StillTrusted { provider, roles }.into())
    }

    /// The serial, which the record of an issuer that the cluster had before says no longer.
    pub(super) fn serial(&self) -> Option<Refusal> {
        let Self { desired, live, choices, ownership, .. } = self;
        if !ownership.has_moved() {
            return refusal::serial(desired, live, ownership, choices);
        }
        let bundle = desired.contents().header.serial;
        let (serial, _) = refusal::tagged_here(live, ownership)?;
        (serial > bundle && !choices.allow_rollback).then_some(Refusal::OlderSerial { live: serial, bundle })
    }
}
