//! The part of a review that says what came and went since another bundle.

use std::collections::BTreeMap;

use bundle_schema::names::Sha256;
use serde::Serialize;

use super::Statement;

/// What a change means for what may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Exactly the same is allowed.
    Same,
    /// Less is allowed, and nothing new.
    Narrowed,
    /// Something may be allowed that was not; it cannot be decided.
    Undecided,
    /// Something is allowed that was not.
    Widened,
}

/// What came and went between two bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleComparison {
    /// The older one.
    pub against: Against,
    /// The worst of its parts.
    pub verdict: Verdict,
    /// Name, account, partition, region and issuer, where they are not the same: said once, and not for every role.
    pub identity: Vec<ValueChange>,
    /// Key IDs.
    pub keys: CameAndWent,
    /// The provider's audiences.
    pub audiences: CameAndWent,
    /// The provider's thumbprints.
    pub thumbprints: CameAndWent,
    /// Tags of every resource, as `key=value`.
    pub tags: CameAndWent,
    /// The roles that differ, and those that came or went.
    pub roles: Vec<RoleComparison>,
}

/// The older of two bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Against {
    /// The cluster's name.
    pub name: String,
    /// Its serial.
    pub serial: u64,
    /// The SHA-256 of its archive.
    pub sha256: Sha256,
}

/// A value that is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// The field, such as `region`.
    pub field: &'static str,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
}

/// What is in one of two lists alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CameAndWent {
    /// In the newer one.
    pub came: Vec<String>,
    /// In the older one.
    pub went: Vec<String>,
}

/// What came and went of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleComparison {
    /// The role's name; that of the older bundle where it is gone.
    pub role: String,
    /// `namespace/secret`, by which roles of two bundles are known to be the same.
    pub secret: String,
    /// Whether it came or went as a whole.
    pub presence: Presence,
    /// What that means for what it may do.
    pub verdict: Verdict,
    /// What came and went.
    pub changes: Vec<Change>,
    /// Requests that were refused and are allowed now; one for each widening.
    pub witnesses: Vec<Witness>,
    /// What cannot be decided, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
    /// The statements of the older bundle's policy; left out where that has no such role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Statement>,
}

/// Which of two bundles have a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// The newer one alone.
    Came,
    /// The older one alone.
    Went,
    /// Both.
    Both,
}

/// One thing that came or went.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What it is.
    pub what: Changed,
    /// Its statement in the newer policy, or in the older one for what went; from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// Whether it came; it went otherwise.
    pub came: bool,
    /// The action, resource, condition, service account or ARN.
    pub value: String,
}

/// What can come and go of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Changed {
    /// A service account that may assume it.
    ServiceAccount,
    /// Its boundary.
    Boundary,
    /// A whole statement.
    Statement,
    /// An action of a statement.
    Action,
    /// A statement's resource.
    Resource,
    /// A statement's condition.
    Condition,
    /// Where the pod finds its token.
    TokenPath,
}

/// A request that was refused and is allowed now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Witness {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// The values of the condition keys that it takes; a key that is not named is absent.
    pub context: BTreeMap<String, Vec<String>>,
}
