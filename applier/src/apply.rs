//! Executing an approved plan: exactly its actions, side by side where their types allow it.
//!
//! Input: an [`ApprovedPlan`], which was read and agreed to. Output: a [`Receipt`] that says of every action whether
//! it is done, failed or was not reached. No decision is made here but one, in `found`: what an action that AWS says is done
//! already counts as.

pub(crate) mod deployment;
mod failure;
mod found;
mod hand_over;
pub(crate) mod hold;
pub(crate) mod issuer_check;
pub mod journal;
mod progress;
pub mod receipt;
mod remove;
mod schedule;
mod write;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bundle_schema::documents::index::Kind;
use bundle_schema::names::{DistributionId, Timestamp};
use bundle_schema::receipt::{Deployment, Entry, IssuerCheck};
use tokio::task::JoinHandle;

use self::deployment::{Wait, Waited};
pub(crate) use self::failure::ActionError;
use self::failure::error_text;
use self::progress::{Clock, Ended, Progress};
use self::receipt::{Ran, Receipt};
use crate::account::live::ReadAccount;
use crate::account::{AwsError, CallLog};
use crate::plan::action::{Action, Named};
use crate::plan::{ApprovedPlan, Operation};
use crate::record::{Place, Record};

/// The writing half of an account: it takes an action of a plan, or the record, and nothing else. Every call that is sent is
/// noted in the log.
pub(crate) trait WriteAccount: Send + Sync + 'static {
    /// Sends the action's call; the answer is what AWS calls what was made.
    fn perform(&self, action: &Action, log: &CallLog) -> impl Future<Output = Result<Option<Named>, AwsError>> + Send;
    /// Writes the record over this version of it, or where there is none; the answer is the new version. Over any, where it stands
    /// in tags.
    fn put_record(
        &self,
        place: &Place,
        before: Option<&str>,
        record: &Record,
        patience: Patience,
        log: &CallLog,
    ) -> impl Future<Output = Result<String, AwsError>> + Send;
    /// Deletes this version of the record, and no other; any, where it stands in tags.
    fn delete_record(
        &self,
        place: &Place,
        etag: &str,
        log: &CallLog,
    ) -> impl Future<Output = Result<(), AwsError>> + Send;
    /// Deletes every version of the record, the newest last.
    fn delete_record_versions(&self, place: &Place, log: &CallLog)
    -> impl Future<Output = Result<(), AwsError>> + Send;
    /// What failed is not sent again from now on.
    fn stop_sending(&self);
}

/// Whether what fails is sent again; what is throttled did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Once,
    Retry,
}

/// How a plan is applied.
pub(crate) struct Run<'a> {
    pub(crate) concurrency: usize,
    /// Left out where this host cannot reach the issuer.
    pub(crate) issuer: Option<Arc<issuer_check::IssuerCheck>>,
    /// How CloudFront is waited for; none where the bundle has no distribution.
    pub(crate) wait: Option<Arc<deployment::Wait>>,
    /// Set to stop in good order: what is under way ends, nothing new begins.
    pub(crate) stop: Arc<AtomicBool>,
    /// How long the record of a run that was cut off must not have changed.
    pub(crate) take_over_after: Duration,
    /// What was allowed, for the receipt.
    pub(crate) clock: &'a dyn Fn() -> Timestamp,
}

impl ApprovedPlan {
    /// Carries the plan out. `report` is called as each action ends.
    pub(crate) async fn apply<A: ReadAccount + WriteAccount>(
        self,
        account: &Arc<A>,
        run: Run<'_>,
        report: impl FnMut(&Action, &Entry),
    ) -> Receipt {
        let (plan, approval) = self.into_plan();
        let clock = Clock::new(run.clock);
        let started = clock.now();
        let mut progress = Progress::new(account, &run, (plan.head(), &approval), plan.actions(), &clock, report);
        progress.finish().await;
        let is_done = progress.is_done();
        let Ended { entries, mut errors, record, distribution, look } = progress.ended().await;
        let deployment = match &run.wait {
            Some(wait) if plan.operation() == Operation::Apply => {
                let id = distribution.as_ref().map(|distribution| &distribution.id).filter(|_| is_done);
                Some(deployed(&**account, wait, id, &run, &mut errors).await)
            }
            _ => None,
        };
        let is_done = is_done && matches!(deployment, None | Some(Deployment::Done));
        let has_issuer = plan.operation() == Operation::Apply && plan.head().bundle.kind == Kind::Cluster;
        let issuer_check = match &run.issuer {
            None if !has_issuer => None,
            None => Some(IssuerCheck::Skipped),
            Some(_) if !is_done => {
                look.inspect(JoinHandle::abort);
                Some(IssuerCheck::NotReached)
            }
            Some(check) => Some(match check.result(look).await {
                Ok(()) => IssuerCheck::Done,
                Err(error) => {
                    let error = ActionError::from(error);
                    let text = error_text(&error);
                    errors.push(error);
                    IssuerCheck::Failed(text)
                }
            }),
        };
        let finished = clock.now();
        Receipt::new(
            &plan,
            Ran { approval, started, finished, entries, errors, distribution, deployment, issuer_check, record },
        )
    }
}

/// The wait at the end of an apply; one that failed before an action is an error already.
async fn deployed(
    account: &impl ReadAccount,
    wait: &Wait,
    id: Option<&DistributionId>,
    run: &Run<'_>,
    errors: &mut Vec<ActionError>,
) -> Deployment {
    let Some(id) = id else {
        let failed = errors.iter().find(|error| matches!(error, ActionError::Deployment(_)));
        return failed.map_or(Deployment::NotReached, |error| Deployment::Failed(error_text(error)));
    };
    match wait.until_deployed(account, id, &run.stop).await {
        Ok(Waited::Deployed) => Deployment::Done,
        Ok(Waited::Stopped) => Deployment::NotReached,
        Err(error) => {
            let error = ActionError::from(error);
            let text = error_text(&error);
            errors.push(error);
            Deployment::Failed(text)
        }
    }
}

#[cfg(test)]
mod tests;
