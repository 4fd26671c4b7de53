//! How a plan is agreed to: the one door from a plan to what may be executed.
//!
//! Input: a plan that was just computed, and an approval, which may be of an older one. Output: [`ApprovedPlan`], or why the
//! approval does not fit. The plan itself is never changed.

use bundle_schema::names::Sha256;
use bundle_schema::receipt::{self, ApprovedBy};

use super::Plan;
use super::file::{NotForThis, Outside, PlanFile};

/// How a plan was agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// In advance, whatever it is: `--yes`.
    Yes,
    /// By somebody who read the plan with this digest just now, on a terminal.
    Terminal(Sha256),
    /// By whoever named its digest: `--plan-digest`.
    Digest(Sha256),
    /// By whoever agreed to the plan in a file, of which this one is what is left: `--plan`.
    File(PlanFile),
}

/// Why a plan is not agreed to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAgreed {
    /// The plan that was approved is not the one that the account needs now.
    #[error(
        "plan digest mismatch: approved {approved}, current {found}\n  the bundle or the account changed since: read the new plan with `plan`, and approve that one"
    )]
    OtherPlan {
        /// The digest of the plan as it is now.
        found: Sha256,
        /// The digest that was approved.
        approved: Sha256,
    },
    /// The file is of something else.
    #[error(transparent)]
    NotForThis(#[from] NotForThis),
    /// Something is to be done, or known, that the file does not have.
    #[error(transparent)]
    Outside(#[from] Outside),
}

/// A plan that may be executed.
#[derive(Debug)]
pub struct ApprovedPlan {
    plan: Plan,
    approval: receipt::Approval,
}

impl Plan {
    /// Agrees to this plan. One without actions changes nothing, so every approval of the same bundle fits it.
    pub fn approve(self, approval: Approval) -> Result<ApprovedPlan, NotAgreed> {
        let own = self.digest.clone();
        let (by, plan_digest) = match approval {
            Approval::Yes | Approval::Terminal(_) | Approval::Digest(_) if self.is_empty() => {
                (ApprovedBy::NothingToDo, own)
            }
            Approval::Yes => (ApprovedBy::Yes, own),
            Approval::Terminal(approved) => (ApprovedBy::Terminal, self.is(approved)?),
            Approval::Digest(approved) => (ApprovedBy::PlanDigest, self.is(approved)?),
            // What is left of a file's plan may be nothing.
            Approval::File(file) => {
                file.is_for(&self.subject())?;
                if !self.is_empty() {
                    file.covers(&self)?;
                }
                (ApprovedBy::PlanFile, file.digest().clone())
            }
        };
        Ok(ApprovedPlan { plan: self, approval: receipt::Approval { by, plan_digest } })
    }

    /// The digest, if it is this plan's.
    fn is(&self, approved: Sha256) -> Result<Sha256, NotAgreed> {
        if approved == self.digest {
            return Ok(approved);
        }
        Err(NotAgreed::OtherPlan { found: self.digest.clone(), approved })
    }
}

impl ApprovedPlan {
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How it was agreed to. With a file, this plan may be the rest of the one that was.
    pub(crate) fn approval(&self) -> &receipt::Approval {
        &self.approval
    }

    pub(crate) fn into_plan(self) -> (Plan, receipt::Approval) {
        (self.plan, self.approval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Held, contents, digest, plan};

    #[test]
    fn a_plan_is_approved_by_its_own_digest_only() {
        let new = || plan(&contents(), &Held::nothing().state()).unwrap();
        let approved = |approval| new().approve(approval).map(|approved| approved.approval().clone());
        let by = |by| Ok(receipt::Approval { by, plan_digest: new().digest });
        assert_eq!(approved(Approval::Yes), by(ApprovedBy::Yes));
        assert_eq!(approved(Approval::Terminal(new().digest)), by(ApprovedBy::Terminal));
        assert_eq!(approved(Approval::Digest(new().digest)), by(ApprovedBy::PlanDigest));
        for approval in [Approval::Terminal(digest()), Approval::Digest(digest())] {
            assert_eq!(
                approved(approval).unwrap_err().to_string(),
                format!(
                    "plan digest mismatch: approved {}, current {}\n  the bundle or the account changed since: read the new plan with `plan`, and approve that one",
                    digest(),
                    new().digest
                )
            );
        }
        let empty = plan(&contents(), &Held::everything(&contents()).state()).unwrap();
        let approved = empty.approve(Approval::Digest(digest())).unwrap();
        assert_eq!(approved.approval().by, ApprovedBy::NothingToDo);
    }
}
