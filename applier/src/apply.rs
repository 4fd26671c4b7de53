//! Executing an approved plan: exactly its actions, side by side where their types allow it.
//!
//! Input: an [`ApprovedPlan`], which was read and agreed to. Output: a [`Receipt`] that says of every action whether
//! it is done, failed or was not reached. No decision is made here but one, in `found`: what an action that AWS says is done
//! already counts as.

mod found;
pub(crate) mod hold;
pub(crate) mod issuer_check;
pub mod journal;
mod outcome;
pub mod receipt;
mod remove;
mod schedule;
mod write;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bundle_schema::names::{BucketName, Timestamp};
use tokio::task::JoinSet;

use self::found::perform;
use self::hold::{Hold, Opened};
use self::issuer_check::IssuerCheck;
pub(crate) use self::outcome::{ActionError, IssuerOutcome, Outcome};
use self::receipt::Receipt;
use self::schedule::Schedule;
use crate::account::AwsError;
use crate::account::issuer::ReadIssuer;
use crate::account::live::ReadAccount;
use crate::plan::action::{Action, Call};
use crate::plan::head::Head;
use crate::plan::{ApprovedPlan, Operation};
use crate::record::{Making, Record, RecordState, RoleId};

/// The writing half of an account: it takes an action of a plan, or the record, and nothing else.
pub(crate) trait WriteAccount: Send + Sync + 'static {
    /// Sends the action's call; the answer is the ID of a role that was made.
    fn perform(&self, action: &Action) -> impl Future<Output = Result<Option<RoleId>, AwsError>> + Send;
    /// Writes the record over this version of it, or where there is none; the answer is the new version.
    fn put_record(
        &self,
        bucket: &BucketName,
        before: Option<&str>,
        record: &Record,
        patience: Patience,
    ) -> impl Future<Output = Result<String, AwsError>> + Send;
    /// Deletes this version of the record, and no other.
    fn delete_record(&self, bucket: &BucketName, etag: &str) -> impl Future<Output = Result<(), AwsError>> + Send;
    /// Deletes every version of the record, the newest last.
    fn delete_record_versions(&self, bucket: &BucketName) -> impl Future<Output = Result<(), AwsError>> + Send;
    /// What failed is not sent again from now on.
    fn stop_sending(&self);
}

/// Whether what fails is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Once,
    Retry,
}

/// How a plan is applied.
pub(crate) struct Run<'a> {
    pub(crate) concurrency: usize,
    /// Left out where this host cannot reach the issuer.
    pub(crate) issuer: Option<Arc<IssuerCheck>>,
    /// Set to stop in good order: what is under way ends, nothing new begins.
    pub(crate) stop: Arc<AtomicBool>,
    /// How long the record of a run that was cut off must not have changed.
    pub(crate) take_over_after: Duration,
    pub(crate) clock: &'a dyn Fn() -> Timestamp,
}

impl ApprovedPlan {
    /// Carries the plan out. `report` is called as each action ends.
    pub(crate) async fn apply<A: ReadAccount + ReadIssuer + WriteAccount>(
        self,
        account: &Arc<A>,
        run: Run<'_>,
        mut report: impl FnMut(&Action, &Outcome),
    ) -> Receipt {
        let plan = self.into_plan();
        let started = (run.clock)();
        let actions: Arc<[Action]> = plan.actions().into();
        let mut outcomes: Vec<Outcome> = actions.iter().map(|_| Outcome::NotReached).collect();
        let mut schedule = Schedule::of(&actions);
        let mut running = JoinSet::new();
        let mut indexes = HashMap::new();
        let mut hold: Option<Hold<'_, A>> = None;
        let mut failed = false;
        loop {
            while running.len() < run.concurrency && !failed && !run.stop.load(Ordering::Relaxed) {
                let Some(index) = schedule.next() else { break };
                let Some(action) = actions.get(index) else { continue };
                // Nothing else is under way while the record is opened or closed.
                let recorded = write_record(&**account, &action.call, &mut hold, plan.head(), &run).await;
                if let Some(result) = recorded {
                    let outcome = match result {
                        Ok(()) => {
                            schedule.finish(index);
                            Outcome::Done
                        }
                        Err(error) => {
                            failed = true;
                            Outcome::Failed(error)
                        }
                    };
                    report(action, &outcome);
                    outcomes.get_mut(index).into_iter().for_each(|slot| *slot = outcome.clone());
                    continue;
                }
                let (account, actions, issuer) = (Arc::clone(account), Arc::clone(&actions), run.issuer.clone());
                let task = running.spawn(async move {
                    match actions.get(index) {
                        Some(action) => perform(&*account, action, issuer.as_deref()).await,
                        None => Ok((Outcome::Done, None)),
                    }
                });
                indexes.insert(task.id(), index);
            }
            let ended = match &mut hold {
                Some(open) if !running.is_empty() => {
                    if let Ok(ended) = tokio::time::timeout(open.until_beat(), running.join_next_with_id()).await {
                        ended
                    } else {
                        if let Err(error) = open.beat((run.clock)()).await {
                            // Another run has begun: what fails from here on is its business.
                            account.stop_sending();
                            (failed, hold) = (true, None);
                            outcomes.last_mut().into_iter().for_each(|slot| *slot = Outcome::Failed(error.clone()));
                        }
                        continue;
                    }
                }
                _ => running.join_next_with_id().await,
            };
            let Some(ended) = ended else { break };
            let id = ended.as_ref().map_or_else(tokio::task::JoinError::id, |(id, _)| *id);
            let Some(index) = indexes.remove(&id) else { continue };
            let (Some(action), Some(outcome)) = (actions.get(index), outcomes.get_mut(index)) else { continue };
            let cut_off = || ActionError::CutOff { resource: action.resource.clone() };
            match ended.map_err(|_| cut_off()).and_then(|(_, result)| result) {
                Ok((done, role_id)) => {
                    if let Some(hold) = &mut hold {
                        hold.note(&action.call, role_id);
                    }
                    *outcome = done;
                    schedule.finish(index);
                }
                Err(error) => {
                    *outcome = Outcome::Failed(error);
                    failed = true;
                }
            }
            report(action, outcome);
        }
        let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyDone);
        let all_done = outcomes.iter().all(is_done);
        if let Some(hold) = hold.as_mut().filter(|_| !all_done) {
            hold.stop((run.clock)()).await;
        }
        let issuer = match &run.issuer {
            None if plan.operation() == Operation::Delete => IssuerOutcome::Deleted,
            None => IssuerOutcome::Skipped,
            Some(check) if all_done => match check.wait(&**account).await {
                Ok(()) => IssuerOutcome::Done,
                Err(error) => IssuerOutcome::Failed(error.into()),
            },
            Some(_) => IssuerOutcome::NotReached,
        };
        let record = hold.map(|hold| hold.record().clone());
        Receipt::new(&plan, outcomes, issuer, record, started, (run.clock)())
    }
}

/// Opens, closes or deletes the record, where that is the call.
async fn write_record<'a, A: ReadAccount + WriteAccount>(
    account: &'a A,
    call: &Call,
    hold: &mut Option<Hold<'a, A>>,
    head: &Head,
    run: &Run<'_>,
) -> Option<Result<(), ActionError>> {
    let now = (run.clock)();
    match (call, hold) {
        (Call::OpenRecord { bucket, before, known, making }, hold) => {
            let (state, before, making) = (RecordState::Applying, before.as_ref(), making.clone());
            let opened = Opened { state, bucket, before, known, making };
            let opened = Hold::open(account, head, opened, run.take_over_after, now).await;
            Some(opened.map(|opened| *hold = Some(opened)))
        }
        (Call::OpenRemoval { bucket, before, known }, hold) => {
            let (state, before, making) = (RecordState::Deleting, before.as_ref(), Making::default());
            let opened = Opened { state, bucket, before, known, making };
            let opened = Hold::open(account, head, opened, run.take_over_after, now).await;
            Some(opened.map(|opened| *hold = Some(opened)))
        }
        (Call::DeleteRecord { versions, .. }, hold) => {
            let deleted = hold.as_mut()?.delete(*versions).await;
            if deleted.is_ok() {
                *hold = None;
            }
            Some(deleted)
        }
        (Call::CloseRecord { provider_arn }, Some(open)) => Some(open.close(provider_arn, now).await),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::answered;
    use crate::fixture::{Fake, Held, contents, plan, plan_with};
    use crate::plan::choices::{Choices, ForeignPolicies};
    use crate::plan::{Approval, Plan};

    const ARN: &str = "arn:aws:iam::123456789012:role/prod-disk";

    fn run(account: &Arc<Fake>, concurrency: usize, stop: &Arc<AtomicBool>) -> Receipt {
        let held = account.held.lock().unwrap().state();
        run_plan(plan(&contents(), &held).unwrap(), account, concurrency, stop)
    }

    fn run_plan(plan: Plan, account: &Arc<Fake>, concurrency: usize, stop: &Arc<AtomicBool>) -> Receipt {
        let at = Timestamp::from_unix(0).unwrap();
        let run = Run {
            concurrency,
            issuer: Some(Arc::new(IssuerCheck::of(&contents()))),
            stop: Arc::clone(stop),
            take_over_after: Duration::ZERO,
            clock: &|| at,
        };
        let approved = plan.approve(Approval::Yes).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(approved.apply(account, run, |_, _| {}))
    }

    /// What the account holds, with the record's run and time as in every other test.
    fn held(account: &Arc<Fake>) -> Held {
        let mut held = account.held.lock().unwrap().clone();
        let mut record = held.bucket().record.clone().unwrap().content.unwrap();
        record.run = "0".repeat(32);
        held.put_record(record);
        held
    }

    fn apply(account: &Arc<Fake>) -> Receipt {
        run(account, 10, &Arc::default())
    }

    fn failing(call: &'static str, resource: &str, code: &str, carried_out: bool) -> Arc<Fake> {
        let account = Fake::new(Held::nothing());
        account.errors.lock().unwrap().push((call, resource.to_owned(), answered(call, 409, code, "m"), carried_out));
        Arc::new(account)
    }

    #[test]
    fn what_is_applied_is_there() {
        let account = Arc::new(Fake::new(Held::nothing()));
        assert_eq!(apply(&account).to_string(), "13 done, 0 failed, 0 not reached");
        assert_eq!(held(&account), Held::everything(&contents()));
        assert_eq!(apply(&account).to_string(), "0 done, 0 failed, 0 not reached");
    }

    #[test]
    fn only_what_must_wait_waits() {
        let account = Arc::new(Fake::new(Held::nothing()));
        apply(&account);
        let log = account.log.lock().unwrap();
        let at = |entry: &str| log.iter().position(|line| line == entry).expect(entry);
        let after = |later: &str, earlier: &str| assert!(at(later) > at(earlier), "{later}\n{log:#?}");
        after("begin s3:PutBucketPublicAccessBlock prod-oidc", "end s3:CreateBucket prod-oidc");
        after("end s3:PutBucketPublicAccessBlock prod-oidc", "begin s3:PutObject keys.json");
        let provider = "iam:CreateOpenIDConnectProvider prod-oidc.s3.us-east-2.amazonaws.com";
        after(&format!("begin {provider}"), "end s3:PutObject jwks");
        after(&format!("begin {provider}"), "end s3:PutBucketPolicy prod-oidc");
        after("begin iam:CreateRole prod-disk", &format!("end {provider}"));
        after("end iam:CreateRole prod-disk", "begin iam:CreateRole prod-registry");
        after("begin iam:PutRolePolicy prod-disk", "end iam:CreateRole prod-disk");
    }

    #[test]
    fn what_is_removed_goes_last_and_is_forgotten() {
        let mut held = Held::everything(&contents());
        let orphan = held.role("prod-disk").clone();
        let mut record = crate::fixture::record();
        record.made.roles.insert(crate::fixture::parsed("prod-old"), orphan.id.clone());
        held.put_record(record);
        held.others.insert(crate::fixture::parsed("prod-old"), orphan);
        held.role("prod-disk").policy = None;
        held.role("prod-registry").description = None;
        let prune = Choices { foreign_policies: ForeignPolicies::Prune, ..Choices::default() };
        for lost in [None, Some("iam:DeleteRolePolicy"), Some("iam:DeleteRole")] {
            let account = Arc::new(Fake::new(held.clone()));
            if let Some(call) = lost {
                let error = answered(call, 404, "NoSuchEntity", "it is gone");
                account.errors.lock().unwrap().push((call, "prod-old".to_owned(), error, true));
            }
            let plan = plan_with(&contents(), &held.state(), &prune).unwrap();
            let receipt = run_plan(plan, &account, 10, &Arc::default());
            assert_eq!(receipt.to_string(), "6 done, 0 failed, 0 not reached", "{lost:?}");
            let log = account.log.lock().unwrap();
            let at = |entry: &str| log.iter().position(|line| line == entry).expect(entry);
            let first = at("begin iam:DeleteRolePolicy prod-old");
            assert!(first > at("end iam:PutRolePolicy prod-disk") && first > at("end iam:UpdateRole prod-registry"));
            assert!(at("begin iam:DeleteRole prod-old") > at("end iam:DeleteRolePolicy prod-old"));
            drop(log);
            assert_eq!(self::held(&account), Held::everything(&contents()));
        }
    }

    #[test]
    fn no_more_than_allowed_are_under_way() {
        let account = Arc::new(Fake::new(Held::nothing()));
        run(&account, 1, &Arc::default());
        let log: Vec<String> = account.log.lock().unwrap().iter().filter(|line| *line != "record").cloned().collect();
        assert!(log.chunks(2).all(|pair| pair[0].starts_with("begin") && pair[1].starts_with("end")), "{log:#?}");
    }

    #[test]
    fn after_a_failure_nothing_new_begins() {
        let account = failing("iam:CreateRole", "prod-disk", "LimitExceeded", false);
        let receipt = apply(&account);
        assert_eq!(receipt.to_string(), "9 done, 1 failed, 3 not reached");
        assert_eq!(receipt.first_error().unwrap(), answered("iam:CreateRole", 409, "LimitExceeded", "m").into());
        assert_eq!(receipt.ending(), receipt::Ending::Failed);
        account.errors.lock().unwrap().clear();
        assert_eq!(apply(&account).to_string(), "5 done, 0 failed, 0 not reached");
        assert_eq!(held(&account), Held::everything(&contents()));
    }

    #[test]
    fn a_run_cut_off_anywhere_is_finished_by_another() {
        let actions = 13;
        for cut in 0..actions {
            let account = Arc::new(Fake::new(Held::nothing()));
            let contents = contents();
            let plan = plan(&contents, &Held::nothing().state()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            for action in &plan.actions()[..cut] {
                if let Call::OpenRecord { known, making, .. } = &action.call {
                    let mut record = crate::fixture::record();
                    record.state = crate::record::RecordState::Applying;
                    (record.made, record.making) = (known.clone(), making.clone());
                    account.held.lock().unwrap().put_record(record);
                } else {
                    runtime.block_on(account.perform(action)).unwrap();
                }
            }
            // The record is opened again.
            let left = if cut < 2 { actions - cut } else { actions - cut + 1 };
            assert_eq!(apply(&account).to_string(), format!("{left} done, 0 failed, 0 not reached"));
            assert_eq!(held(&account), Held::everything(&contents));
        }
    }

    #[test]
    fn a_lost_answer_is_no_failure_if_what_is_there_is_ours() {
        for (call, resource, code) in [
            ("s3:CreateBucket", "prod-oidc", "BucketAlreadyOwnedByYou"),
            ("s3:PutObject", "keys.json", "PreconditionFailed"),
            ("iam:CreateOpenIDConnectProvider", "prod-oidc.s3.us-east-2.amazonaws.com", "EntityAlreadyExists"),
            ("iam:CreateRole", "prod-disk", "EntityAlreadyExists"),
        ] {
            let account = failing(call, resource, code, true);
            assert_eq!(apply(&account).to_string(), "13 done, 0 failed, 0 not reached", "{call}");
            assert_eq!(held(&account), Held::everything(&contents()));
        }
    }

    #[test]
    fn something_else_in_its_place_is_a_failure() {
        // AWS says that the role exists, and what reading finds is not what was to be made.
        let account = failing("iam:CreateRole", "prod-disk", "EntityAlreadyExists", false);
        let receipt = apply(&account);
        assert_eq!(receipt.first_error().unwrap(), ActionError::Changed { resource: ARN.to_owned() });
        assert_eq!(
            receipt.first_error().unwrap().to_string(),
            format!("{ARN} was changed by somebody else during this run\n  run it again to make a new plan")
        );
    }

    #[test]
    fn a_stopped_run_says_what_was_not_reached() {
        let account = Arc::new(Fake::new(Held::nothing()));
        let receipt = run(&account, 10, &Arc::new(AtomicBool::new(true)));
        assert_eq!(receipt.to_string(), "0 done, 0 failed, 13 not reached");
        assert_eq!(receipt.ending(), receipt::Ending::Interrupted);
        assert_eq!(*account.held.lock().unwrap(), Held::nothing());
    }
}
