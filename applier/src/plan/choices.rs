//! What the user of the privileged side allows besides what every plan may do.

use std::fmt;

use serde::{Deserialize, Serialize};

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

    /// The flags that say so.
    pub(crate) fn flags(&self) -> Flags {
        let Self { adopt, allow_rollback, foreign_policies, previous: _ } = self;
        Flags {
            adopt: *adopt,
            allow_rollback: *allow_rollback,
            leave_foreign_policies: *foreign_policies == ForeignPolicies::Leave,
            prune: self.prunes(),
        }
    }
}

/// Which flags a plan was made with: they are part of its digest, its fields in the order of the alphabet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of the command line")]
pub(crate) struct Flags {
    pub(crate) adopt: bool,
    pub(crate) allow_rollback: bool,
    pub(crate) leave_foreign_policies: bool,
    pub(crate) prune: bool,
}

impl Flags {
    /// As they are given.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        let Self { adopt, allow_rollback, leave_foreign_policies, prune } = self;
        let all = [
            (adopt, "--adopt"),
            (allow_rollback, "--allow-rollback"),
            (leave_foreign_policies, "--leave-foreign-policies"),
            (prune, "--prune"),
        ];
        all.into_iter().filter_map(|(is_given, word)| is_given.then_some(word))
    }
}

/// `with --adopt --prune`, `without flags`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words().collect::<Vec<_>>().as_slice() {
            [] => f.write_str("without flags"),
            some => write!(f, "with {}", some.join(" ")),
        }
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
