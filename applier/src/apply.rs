//! Executing an approved plan: exactly its actions, side by side where their types allow it.
//!
//! Input: an [`ApprovedPlan`], which was read and agreed to. Output: its [`Ledger`] while it goes on, then a [`Receipt`] that says of
//! every action whether it is done, failed or was not reached. No decision is made here but one, in `found`: what an action that AWS
//! says is done already counts as.

pub(crate) mod deployment;
mod failure;
mod found;
mod hand_over;
pub(crate) mod hold;
pub(crate) mod issuer_check;
pub mod journal;
pub(crate) mod ledger;
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
use self::ledger::Ledger;
use self::progress::{Clock, Ended, Progress};
use self::receipt::Receipt;
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
    /// The host's clock.
    pub(crate) clock: &'a dyn Fn() -> Timestamp,
}

impl ApprovedPlan {
    /// Begins to carry the plan out: from here on there is always a receipt.
    pub(crate) fn begin(self, started: Timestamp) -> Ledger {
        Ledger::new(self, started)
    }
}

impl Ledger {
    /// Carries the plan out. `report` is called as each action ends.
    pub(crate) async fn apply<A: ReadAccount + WriteAccount>(
        &self,
        account: &Arc<A>,
        run: Run<'_>,
        report: impl FnMut(&Action, &Entry),
    ) -> Receipt {
        let plan = self.plan();
        let (is_apply, has_issuer) = (plan.operation() == Operation::Apply, plan.head().bundle.kind == Kind::Cluster);
        let wait = run.wait.as_deref().filter(|_| is_apply);
        let issuer_check = match run.issuer {
            Some(_) => Some(IssuerCheck::NotReached),
            None => (is_apply && has_issuer).then_some(IssuerCheck::Skipped),
        };
        self.note(|ran| {
            ran.deployment = wait.map(|_| Deployment::NotReached);
            ran.issuer_check = issuer_check;
        });
        let clock = Clock::new(run.clock, self.started());
        let mut progress = Progress::new(account, &run, self, &clock, report);
        progress.finish().await;
        let Ended { mut errors, look } = progress.ended().await;
        let mut is_done = self.is_done();
        if let Some(wait) = wait {
            let id = self.distribution().filter(|_| is_done);
            let deployment = deployed(&**account, wait, id.as_ref(), &run, &mut errors).await;
            is_done &= deployment == Deployment::Done;
            self.note(|ran| ran.deployment = Some(deployment));
        }
        match &run.issuer {
            Some(check) if is_done => {
                let checked = match check.result(look).await.map_err(ActionError::from) {
                    Ok(()) => IssuerCheck::Done,
                    Err(error) => {
                        let text = error_text(&error);
                        errors.push(error);
                        IssuerCheck::Failed(text)
                    }
                };
                self.note(|ran| ran.issuer_check = Some(checked));
            }
            _ => {
                look.inspect(JoinHandle::abort);
            }
        }
        self.note(|ran| ran.errors = errors);
        self.receipt(clock.now())
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
