//! The settings that shaped a bundle's roles, as `bundle.json` records them: with the requests and the public key they are
//! all that somebody needs to make the bundle again. To the applier they mean nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::names::{BoundaryArn, Namespace, ObjectName, RoleNaming, name};

name! {
    /// The name of a feature set, a feature gate or a capability: 1 to 128 letters, digits and `-`, which it does not begin with
    /// [openshift/api config/v1].
    FeatureName, "feature name", |value| {
        let fits = (1..=128).contains(&value.len())
            && !value.starts_with('-')
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits { Ok(()) } else { Err("must have 1 to 128 letters, digits and -, and not begin with -") }
    }
}

/// The settings that are in no other field or document of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Settings {
    /// How the roles are named.
    pub role_names: RoleNaming,
    /// The policy that bounds every role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary_arn: Option<BoundaryArn>,
    /// The cluster's feature set.
    pub feature_set: FeatureName,
    /// What is known about its feature gates; left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_gates: Option<FeatureGates>,
    /// What is known about its capabilities; left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// The service accounts that were given for requests that name none, sorted by namespace and Secret.
    pub service_accounts: Vec<GivenServiceAccounts>,
}

impl Settings {
    /// Whether they are those of a bundle without roles: nothing is known, and nothing was given.
    #[must_use]
    pub fn shape_nothing(&self) -> bool {
        let Self { role_names, permissions_boundary_arn, feature_set, feature_gates, capabilities, service_accounts } =
            self;
        *role_names == RoleNaming::Ccoctl
            && permissions_boundary_arn.is_none()
            && feature_set.as_str() == "Default"
            && feature_gates.is_none()
            && capabilities.is_none()
            && service_accounts.is_empty()
    }
}

/// What is known about a cluster's feature gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FeatureGates {
    /// The state of these gates: true is on.
    pub gates: BTreeMap<FeatureName, bool>,
    /// The state of all others.
    pub others: OtherGates,
}

impl FeatureGates {
    /// Whether this gate is on; none where that is not known.
    #[must_use]
    pub fn state(&self, gate: &str) -> Option<bool> {
        let named = self.gates.iter().find(|(name, _)| name.as_str() == gate).map(|(_, on)| *on);
        named.or(match self.others {
            OtherGates::Off => Some(false),
            OtherGates::Unknown => None,
        })
    }
}

/// The state of the gates that are not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OtherGates {
    /// They are off: the list is complete (`--feature-gates`).
    Off,
    /// It depends on the release (an install-config's `featureGates`).
    Unknown,
}

/// The optional parts of OpenShift that a cluster has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capabilities {
    /// All that the release knows.
    All,
    /// These and no others.
    Only(BTreeSet<FeatureName>),
}

impl Capabilities {
    /// Whether the cluster has this one.
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(enabled) => enabled.iter().any(|name| name.as_str() == capability),
        }
    }
}

/// The service accounts of one request that names none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GivenServiceAccounts {
    /// The namespace of its Secret.
    pub secret_namespace: Namespace,
    /// Its Secret's name.
    pub secret_name: ObjectName,
    /// The service accounts.
    pub service_accounts: Vec<ObjectName>,
}
