//! The parts of a receipt around its actions.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::documents::index::Kind;
use crate::names::{BucketName, ClusterName, DistributionDomain, DistributionId, Sha256, Timestamp};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// The account is to hold what the bundle says.
    Apply,
    /// Nothing of it is to be left.
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apply => "apply",
            Self::Delete => "delete",
        })
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Every action is done.
    Done,
    /// An action failed, or the deployment of the distribution, or the check of the issuer.
    Failed,
    /// It was stopped from outside.
    Interrupted,
}

impl Ending {
    /// What the outcomes amount to.
    #[must_use]
    pub fn of(actions: &[Entry], deployment: Option<&Deployment>, issuer: Option<&IssuerCheck>) -> Self {
        let is_failed = actions.iter().any(|entry| entry.outcome.is_failed())
            || matches!(deployment, Some(Deployment::Failed(_)))
            || matches!(issuer, Some(IssuerCheck::Failed(_)));
        let is_deployed = matches!(deployment, None | Some(Deployment::Done));
        if is_failed {
            Self::Failed
        } else if is_deployed && actions.iter().all(|entry| entry.outcome.is_done()) {
            Self::Done
        } else {
            Self::Interrupted
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        })
    }
}

/// The bundle that the run was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BundleId {
    /// What it is for.
    pub kind: Kind,
    /// The cluster's name.
    pub name: ClusterName,
    /// The name of the issuer's bucket, where it is not `<name>-oidc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_name: Option<BucketName>,
    /// Its serial.
    pub serial: u64,
    /// The SHA-256 of its archive.
    pub sha256: Sha256,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is refused.
    pub expires: Timestamp,
}

impl BundleId {
    /// The issuer's bucket.
    #[must_use]
    pub fn bucket(&self) -> BucketName {
        self.name.bucket_or(self.bucket_name.as_ref())
    }
}

/// Who signed the bundle, as the run found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BundleSigner {
    /// The role, as the trust policy of the run named it.
    pub role: String,
    /// The key line.
    pub key: String,
    /// The comment that the signature covers.
    pub trusted_comment: String,
}

/// How a plan was agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovedBy {
    /// `--yes`: whatever the plan is.
    Yes,
    /// Somebody read it and agreed on a terminal.
    Terminal,
    /// `--plan-digest`: this plan.
    PlanDigest,
    /// `--plan`: what was left of a plan that was written to a file.
    PlanFile,
    /// It did nothing, which needs no approval.
    NothingToDo,
}

/// How a plan was agreed to, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Approval {
    /// How.
    pub by: ApprovedBy,
    /// The digest of the plan that was agreed to; that of a plan's file may be another than that of what was left of it.
    pub plan_digest: Sha256,
}

/// What was allowed besides what every plan may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line, and none goes with another")]
pub struct Choices {
    /// `--adopt`
    pub adopt: bool,
    /// `--allow-rollback`
    pub allow_rollback: bool,
    /// `--prune`
    pub prune: bool,
    /// `--leave-foreign-policies`
    pub leave_foreign_policies: bool,
}

/// The distribution in front of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Distribution {
    /// Its ID.
    pub id: DistributionId,
    /// Its ARN.
    pub arn: String,
    /// The host name that CloudFront gave it.
    pub domain: DistributionDomain,
}

/// How waiting for CloudFront ended, until it serves everywhere what the distribution is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "error", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deployment {
    /// It is deployed.
    Done,
    /// It took too long, or nobody could look.
    Failed(String),
    /// Something else had failed, or the run was stopped.
    NotReached,
}

/// How the last look at the issuer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "error", rename_all = "kebab-case", deny_unknown_fields)]
pub enum IssuerCheck {
    /// The public reads what was signed.
    Done,
    /// It does not, or nobody could look.
    Failed(String),
    /// Something else had failed, or the run was stopped.
    NotReached,
    /// `--skip-issuer-check`
    Skipped,
}

/// How many actions ended in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Those that are done, by this run or before.
    pub done: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that were not begun.
    pub not_reached: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} done, {} failed, {} not reached", self.done, self.failed, self.not_reached)
    }
}
