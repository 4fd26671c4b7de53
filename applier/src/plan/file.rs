//! A plan in a file: an approval that survives a run that was stopped. `PLAN.md` describes the format.
//!
//! Input: a file that anybody may have written, as little trusted as a bundle. Output: [`PlanFile`], which says what of a plan
//! that was just computed is in it. Nothing of the file is ever carried out: what is done comes from the signed bundle and
//! the live account, and the file can only refuse it.

mod actions;
mod findings;
mod outside;
mod read;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use bundle_schema::escape::Escaped;
use bundle_schema::exit::ExitCode;
use bundle_schema::names::{AccountId, ClusterName, Sha256};
use serde_json::Value;

use self::actions::FileActions;
use self::findings::FileFindings;
pub use self::outside::Outside;
pub use self::read::{NoPlan, PlanFileError};
use super::choices::Flags;
use super::{Operation, Plan};

/// The version of the plan's JSON.
pub(crate) const PLAN_VERSION: u32 = 1;

/// A plan that was made, written and agreed to before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    path: PathBuf,
    operation: Operation,
    account_id: AccountId,
    name: ClusterName,
    serial: u64,
    bundle_sha256: Sha256,
    flags: Flags,
    /// Objects with a call and a resource; everything else in them is compared, never used.
    actions: Vec<Value>,
    /// Objects with a kind, as they are digested.
    findings: Vec<Value>,
    /// Computed from what stands in the file.
    digest: Sha256,
}

/// What a command is about to plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) operation: Operation,
    pub(crate) account_id: &'a AccountId,
    pub(crate) name: &'a ClusterName,
    pub(crate) serial: u64,
    pub(crate) sha256: &'a Sha256,
    pub(crate) flags: Flags,
}

/// The file is of another plan than the one that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotForThis {
    /// To apply, or to delete.
    #[error("plan file {file} is for `{found}`, not for `{operation}`\n  give a file that `{maker}` wrote")]
    Operation {
        /// The file, escaped.
        file: String,
        /// The file's.
        found: &'static str,
        /// The command's.
        operation: &'static str,
        /// What writes such a file.
        maker: &'static str,
    },
    /// Another account.
    #[error("plan file {file} is for account {found}, the bundle is for account {account}\n  make a new plan")]
    Account {
        /// The file, escaped.
        file: String,
        /// The file's.
        found: AccountId,
        /// The bundle's.
        account: AccountId,
    },
    /// Another bundle, which may have the same name and serial.
    #[error(
        "plan file {file} is for bundle {found}, the bundle given is {bundle}\n  give that bundle, or make a new plan"
    )]
    Bundle {
        /// The file, escaped.
        file: String,
        /// Name, serial and SHA-256 in the file.
        found: String,
        /// Those of the bundle.
        bundle: String,
    },
    /// Other flags.
    #[error(
        "plan file {file} was made {found}, this command is run {given}\n  give the same flags, or make a new plan"
    )]
    Choices {
        /// The file, escaped.
        file: String,
        /// The file's.
        found: String,
        /// The command's.
        given: String,
    },
    /// Another digest than the command line names.
    #[error(
        "plan file {file} has digest {found}, --plan-digest is {approved}\n  give the file of the plan that was approved"
    )]
    Digest {
        /// The file, escaped.
        file: String,
        /// The file's.
        found: Sha256,
        /// The command line's.
        approved: Sha256,
    },
}

impl NotForThis {
    /// Flags are the command line's business.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if matches!(self, Self::Choices { .. }) { ExitCode::Usage } else { ExitCode::Refused }
    }
}

impl PlanFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The digest of the whole plan.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    /// How many calls the whole plan has.
    pub(crate) fn calls(&self) -> usize {
        self.actions.len()
    }

    fn shown(&self) -> String {
        Escaped(&self.path.to_string_lossy()).to_string()
    }

    /// Whether the file is of what the command is about.
    pub(crate) fn is_for(&self, subject: &Subject<'_>) -> Result<(), NotForThis> {
        let Subject { operation, account_id, name, serial, sha256, flags } = *subject;
        let file = || self.shown();
        if self.operation != operation {
            let (found, operation, maker) = (self.operation.verb(), operation.verb(), operation.planner());
            return Err(NotForThis::Operation { file: file(), found, operation, maker });
        }
        if self.account_id != *account_id {
            let (found, account) = (self.account_id.clone(), account_id.clone());
            return Err(NotForThis::Account { file: file(), found, account });
        }
        if (&self.name, self.serial, &self.bundle_sha256) != (name, serial, sha256) {
            let found = format!("{} serial {} (SHA-256 {})", self.name, self.serial, self.bundle_sha256);
            let bundle = format!("{name} serial {serial} (SHA-256 {sha256})");
            return Err(NotForThis::Bundle { file: file(), found, bundle });
        }
        if self.flags != flags {
            let (found, given) = (self.flags.to_string(), flags.to_string());
            return Err(NotForThis::Choices { file: file(), found, given });
        }
        Ok(())
    }

    /// Whether this is the file that was approved.
    pub(crate) fn has_digest(&self, approved: &Sha256) -> Result<(), NotForThis> {
        if self.digest == *approved {
            return Ok(());
        }
        let (file, found, approved) = (self.shown(), self.digest.clone(), approved.clone());
        Err(NotForThis::Digest { file, found, approved })
    }

    /// Whether everything that the plan does and says is in the file, or is explained by a run of the file's plan that was
    /// stopped.
    pub(crate) fn covers(&self, plan: &Plan) -> Result<(), Outside> {
        let file = FileActions::of(self);
        let known = FileFindings::of(self, &file);
        let mut outside = Outside::new(self.shown(), plan.operation());
        for action in plan.actions() {
            if let Some(why) = file.refuses(action) {
                outside.add(&format!("{action} {why}"));
            }
        }
        let stopped = plan.actions().iter().find_map(|action| file.stopped_run(&action.call));
        for finding in plan.findings() {
            if !known.knows(finding, stopped) {
                outside.add_finding(finding);
            }
        }
        outside.into_result()
    }
}
