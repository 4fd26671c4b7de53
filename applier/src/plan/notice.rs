//! What a plan says besides its actions.

use std::fmt;

use bundle_schema::escape::Escaped;
use serde::Serialize;

use crate::plan::show::listed;

/// What a person should know and no action says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Notice {
    /// What an apply leaves that was cut off between making the bucket and tagging it.
    BucketTakenOver { bucket: String },
    /// The cluster's resources were made by ccoctl, or by hand: no bundle is recorded.
    NoRecord { bucket: String },
    /// Policies of a role that are not the bundle's.
    ForeignPolicies { role: String, policies: Vec<String> },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BucketTakenOver { bucket } => write!(
                f,
                "bucket {} is new: untagged, empty and without a policy, as an apply leaves it that was cut off; it is taken over",
                Escaped(bucket)
            ),
            Self::NoRecord { bucket } => write!(
                f,
                "bucket {} records no bundle: this is the first one applied to what is there",
                Escaped(bucket)
            ),
            Self::ForeignPolicies { role, policies } => write!(
                f,
                "role {} has policies that are not the bundle's and are left alone: {}",
                Escaped(role),
                listed(policies)
            ),
        }
    }
}
