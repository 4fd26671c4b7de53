//! What the user of the privileged side allows besides what every plan may do.

use crate::record::Record;

/// Everything is off by default.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Take over what has the right name and is not in the record.
    pub(crate) adopt: bool,
    /// Apply a bundle that is older than what the account holds, or one whose bucket is gone.
    pub(crate) allow_rollback: bool,
    /// What happens to the policies of others on roles that are given permissions.
    pub(crate) foreign_policies: ForeignPolicies,
    /// What the last receipt vouches for, where the bucket holds no record.
    pub(crate) previous: Option<Record>,
}

impl Choices {
    /// Whether what is the cluster's and not in the bundle goes, and what others put on it.
    pub(crate) fn prunes(&self) -> bool {
        self.foreign_policies == ForeignPolicies::Prune
    }
}

/// What is done about policies of others on the cluster's roles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ForeignPolicies {
    /// A role that has one is given nothing.
    #[default]
    Refuse,
    /// They stay.
    Leave,
    /// They go.
    Prune,
}
