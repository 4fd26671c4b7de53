//! A run under way: which actions ended and how, which are under way, which may begin.
//!
//! Input: an approved plan's actions, and an account to change. Output: what its ledger says of each of them.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bundle_schema::names::{Sha256, Timestamp};
use bundle_schema::receipt::{Distribution, Entry, Outcome};
use tokio::task::{Id, JoinError, JoinSet};

use super::failure::{ActionError, error_text};
use super::found::{Before, Performed, perform};
use super::hand_over::HandOver;
use super::hold::{Hold, Opened};
use super::issuer_check::{IssuerCheck, Look};
use super::ledger::Ledger;
use super::schedule::Schedule;
use super::{Run, WriteAccount};
use crate::account::CallLog;
use crate::account::live::ReadAccount;
use crate::plan::action::{Action, Call, Names};
use crate::plan::head::Head;
use crate::record::{Making, RecordState};

/// The host's clock, which may be set back while a run lasts: a receipt's times are in order all the same.
pub(super) struct Clock<'a> {
    host: &'a dyn Fn() -> Timestamp,
    last: Cell<Timestamp>,
}

impl<'a> Clock<'a> {
    pub(super) fn new(host: &'a dyn Fn() -> Timestamp, started: Timestamp) -> Self {
        Self { host, last: Cell::new(started) }
    }

    /// The host's time, but never before what it was.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.last.get().max((self.host)());
        self.last.set(now);
        now
    }
}

pub(super) struct Progress<'a, A, R> {
    account: &'a Arc<A>,
    run: &'a Run<'a>,
    ledger: &'a Ledger,
    head: &'a Head,
    clock: &'a Clock<'a>,
    actions: Arc<[Action]>,
    /// Of the actions that failed, by their place in the plan.
    errors: BTreeMap<usize, ActionError>,
    schedule: Schedule,
    running: JoinSet<Result<Option<Performed>, ActionError>>,
    /// Which action, by its place in the plan, a task carries out.
    tasks: HashMap<Id, usize>,
    /// What CloudFront has named.
    names: Names,
    hold: Option<Hold<'a, A>>,
    /// A record that goes with the provider, which is being deleted: it is not written any more.
    released: Option<Hold<'a, A>>,
    /// The look at the issuer, while the record is closed.
    look: Option<Look>,
    report: R,
}

/// How a task ended: with the action's result, or without one.
type Joined = Result<(Id, Result<Option<Performed>, ActionError>), JoinError>;

/// What came of a run, beside what stands in its ledger.
pub(super) struct Ended {
    pub(super) errors: Vec<ActionError>,
    /// The look at the issuer that was begun.
    pub(super) look: Option<Look>,
}

impl<'a, A: ReadAccount + WriteAccount, R: FnMut(&Action, &Entry)> Progress<'a, A, R> {
    pub(super) fn new(
        account: &'a Arc<A>,
        run: &'a Run<'a>,
        ledger: &'a Ledger,
        clock: &'a Clock<'a>,
        report: R,
    ) -> Self {
        let (head, actions) = (ledger.plan().head(), ledger.plan().actions());
        let progress = Self {
            account,
            run,
            ledger,
            head,
            clock,
            actions: actions.into(),
            errors: BTreeMap::new(),
            schedule: Schedule::of(actions),
            running: JoinSet::new(),
            tasks: HashMap::new(),
            names: Names::of(head),
            hold: None,
            released: None,
            look: None,
            report,
        };
        progress.note_distribution();
        progress
    }

    /// Goes on until every action ended, or one failed, or the run is told to stop; then until nothing is under way.
    pub(super) async fn finish(&mut self) {
        loop {
            self.begin_what_may().await;
            let next = self.running.join_next_with_id();
            let ended = match &self.hold {
                Some(hold) => tokio::time::timeout(hold.until_beat(), next).await,
                None => Ok(next.await),
            };
            match ended {
                Ok(Some(ended)) => self.take(ended),
                Ok(None) => return,
                Err(_) => self.beat().await,
            }
        }
    }

    async fn begin_what_may(&mut self) {
        while self.running.len() < self.run.concurrency
            && self.errors.is_empty()
            && !self.run.stop.load(Ordering::Relaxed)
        {
            let Some(index) = self.schedule.next() else { return };
            let now = self.clock.now();
            let log = self.ledger.begin(index, now);
            // Nothing else is under way while the record is opened or closed.
            if let Some(result) = self.write_record(index, now, &log).await {
                if result.is_ok() {
                    self.note_record();
                }
                self.end(index, result.map(|()| Some(Performed { already: false, made: None })));
                continue;
            }
            if let Err(error) = self.release(index).await {
                self.end(index, Err(error));
                continue;
            }
            let Some(action) = self.actions.get(index).map(|action| action.named(&self.names)) else { return };
            let (account, before) = (Arc::clone(self.account), self.before());
            // The record of this run goes on being written while another's is waited for.
            let plan_digest = self.plan_digest();
            let task = if let Some(hand_over) = HandOver::of(&action, self.head, &plan_digest, self.run, now) {
                self.running.spawn(hand_over.perform(account, action, log))
            } else {
                self.running.spawn(async move { perform(&*account, &action, &before, &log).await })
            };
            self.tasks.insert(task.id(), index);
        }
    }

    /// What an action that begins now may have to wait for.
    fn before(&self) -> Before {
        Before {
            issuer: self.run.issuer.clone(),
            wait: self.run.wait.clone(),
            distribution: self.names.distribution.clone(),
            stop: Arc::clone(&self.run.stop),
        }
    }

    /// The digest of the plan that was agreed to.
    fn plan_digest(&self) -> Sha256 {
        self.ledger.approval().plan_digest
    }

    /// A task that ended.
    fn take(&mut self, ended: Joined) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(index) = self.tasks.remove(&id) else { return };
        let cut_off = || ActionError::CutOff {
            resource: self.actions.get(index).map(|action| action.resource.clone()).unwrap_or_default(),
        };
        let result = ended.map_err(|_| cut_off()).and_then(|(_, result)| result);
        self.end(index, result);
    }

    /// Notes how an action ended.
    fn end(&mut self, index: usize, result: Result<Option<Performed>, ActionError>) {
        let actions = Arc::clone(&self.actions);
        let (Some(action), now) = (actions.get(index), self.clock.now()) else { return };
        let entry = match result {
            // Stopped before its call was sent.
            Ok(None) => return self.ledger.leave_out(index),
            Ok(Some(Performed { already, made })) => {
                self.names.note(&action.call, made.as_ref());
                self.note_distribution();
                if let Some(hold) = &mut self.hold {
                    hold.note(&action.call, made.as_ref());
                }
                self.schedule.finish(index);
                let outcome = if already { Outcome::AlreadyDone } else { Outcome::Done };
                self.ledger.end(index, now, Some(action.made_resource(made.as_ref())), outcome)
            }
            Err(error) => {
                let text = error_text(&error);
                self.errors.insert(index, error);
                self.ledger.end(index, now, None, |sent| Outcome::Failed { error: text, sent })
            }
        };
        if let Some(entry) = entry {
            (self.report)(action, &entry);
        }
    }

    /// The record as it was written last, for the receipt.
    fn note_record(&self) {
        let record = self.hold.as_ref().map(|hold| hold.record().clone());
        self.ledger.note(|ran| ran.record = record);
    }

    /// The distribution that there is now, for the receipt.
    fn note_distribution(&self) {
        let named = self.names.distribution.clone();
        let distribution = named.map(|(id, domain)| Distribution { arn: self.head.distribution_arn(&id), id, domain });
        self.ledger.note(|ran| ran.distribution = distribution);
    }

    /// Shows others that the run is alive. Where another run has begun, what fails from here on is its business.
    async fn beat(&mut self) {
        let now = self.clock.now();
        let Some(hold) = &mut self.hold else { return };
        if let Err(error) = hold.beat(now).await {
            self.account.stop_sending();
            self.hold = None;
            let last = self.actions.len().saturating_sub(1);
            self.ledger.begin(last, now);
            self.end(last, Err(error));
        }
        self.note_record();
    }

    /// Opens, closes or deletes the record, where that is the action.
    async fn write_record(&mut self, index: usize, now: Timestamp, log: &CallLog) -> Option<Result<(), ActionError>> {
        let (actions, plan_digest) = (Arc::clone(&self.actions), self.plan_digest());
        let opened = match &actions.get(index)?.call {
            Call::OpenRecord { place, before, known, making } => {
                let (state, before, making) = (RecordState::Applying, before.as_ref(), making.clone());
                Opened { state, place, before, known, making, plan_digest }
            }
            Call::OpenRemoval { place, before, known } => {
                let (before, making) = (before.as_ref(), Making::default());
                let state = before.map_or(RecordState::Deleting, |before| before.state.deleting());
                Opened { state, place, before, known, making, plan_digest }
            }
            Call::DeleteRecord { versions, .. } => {
                let deleted = self.hold.as_mut()?.delete(*versions, log).await;
                if deleted.is_ok() {
                    self.hold = None;
                }
                return Some(deleted);
            }
            Call::CloseRecord { provider_arn, .. } => {
                // All else is done. What CloudFront has yet to bring out is looked at after that.
                let may_begin =
                    |issuer: &&Arc<IssuerCheck>| self.run.wait.is_none() && issuer.at_once() < self.run.concurrency;
                let issuer = self.run.issuer.as_ref().filter(may_begin);
                self.look = issuer.map(IssuerCheck::begin);
                return Some(self.hold.as_mut()?.close(provider_arn.as_deref(), now, log).await);
            }
            _ => return None,
        };
        let opened = Hold::open(&**self.account, self.head, opened, self.run.take_over_after, now, log).await;
        Some(opened.map(|opened| self.hold = Some(opened)))
    }

    /// Lets go of a record that goes with the provider, where the action deletes that. It may be another run's by now.
    async fn release(&mut self, index: usize) -> Result<(), ActionError> {
        let is_deletion =
            self.actions.get(index).is_some_and(|action| matches!(action.call, Call::DeleteProvider { .. }));
        let Some(mut hold) = self.hold.take_if(|hold| is_deletion && hold.stands_on_provider()) else { return Ok(()) };
        hold.check().await?;
        self.released = Some(hold);
        Ok(())
    }

    /// What came of it. A record that is open says from now on that nobody is at it.
    pub(super) async fn ended(self) -> Ended {
        let (is_done, now) = (self.ledger.is_done(), self.clock.now());
        let mut hold = self.hold.or(self.released.filter(|_| !is_done));
        if let Some(hold) = hold.as_mut().filter(|_| !is_done) {
            hold.stop(now).await;
        }
        let record = hold.map(|hold| hold.record().clone());
        self.ledger.note(|ran| ran.record = record);
        Ended { errors: self.errors.into_values().collect(), look: self.look }
    }
}
