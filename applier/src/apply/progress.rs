//! A run under way: which actions ended and how, which are under way, which may begin.
//!
//! Input: an approved plan's actions, and an account to change. Output: an entry of the receipt for each of them.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bundle_schema::names::Timestamp;
use bundle_schema::receipt::{Approval, Distribution, Entry, Outcome, Sent};
use bundle_schema::record::Record;
use tokio::task::{Id, JoinError, JoinSet};

use super::failure::{ActionError, error_text};
use super::found::{Before, Performed, perform};
use super::hand_over::HandOver;
use super::hold::{Hold, Opened};
use super::issuer_check::{IssuerCheck, Look};
use super::schedule::Schedule;
use super::{Run, WriteAccount};
use crate::account::live::ReadAccount;
use crate::account::{CallLog, Calls};
use crate::plan::action::{Action, Call, Names};
use crate::plan::head::Head;
use crate::record::{Making, RecordState};

/// The host's clock, which may be set back while a run lasts: a receipt's times are in order all the same.
pub(super) struct Clock<'a> {
    host: &'a dyn Fn() -> Timestamp,
    last: Cell<Timestamp>,
}

impl<'a> Clock<'a> {
    pub(super) fn new(host: &'a dyn Fn() -> Timestamp) -> Self {
        Self { host, last: Cell::new(host()) }
    }

    /// The host's time, but never before what it was.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.last.get().max((self.host)());
        self.last.set(now);
        now
    }
}

/// An action that began.
struct Begun {
    time: Timestamp,
    log: Arc<CallLog>,
}

impl Begun {
    fn ended(self, ended: Timestamp) -> Sent {
        let Calls { attempts, request_ids } = self.log.calls();
        Sent { began: self.time, ended, attempts, request_ids }
    }
}

pub(super) struct Progress<'a, A, R> {
    account: &'a Arc<A>,
    run: &'a Run<'a>,
    head: &'a Head,
    approval: &'a Approval,
    clock: &'a Clock<'a>,
    actions: Arc<[Action]>,
    entries: Vec<Entry>,
    /// Of the actions that failed, by their place in the plan.
    errors: BTreeMap<usize, ActionError>,
    schedule: Schedule,
    running: JoinSet<Result<Option<Performed>, ActionError>>,
    begun: HashMap<Id, (usize, Begun)>,
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

/// What came of a run.
pub(super) struct Ended {
    pub(super) entries: Vec<Entry>,
    pub(super) errors: Vec<ActionError>,
    pub(super) record: Option<Record>,
    /// The one in front of the bucket, where there is one.
    pub(super) distribution: Option<Distribution>,
    /// The look at the issuer that was begun.
    pub(super) look: Option<Look>,
}

impl<'a, A: ReadAccount + WriteAccount, R: FnMut(&Action, &Entry)> Progress<'a, A, R> {
    pub(super) fn new(
        account: &'a Arc<A>,
        run: &'a Run<'a>,
        (head, approval): (&'a Head, &'a Approval),
        actions: &[Action],
        clock: &'a Clock<'a>,
        report: R,
    ) -> Self {
        Self {
            account,
            run,
            head,
            approval,
            clock,
            actions: actions.into(),
            entries: actions.iter().map(not_reached).collect(),
            errors: BTreeMap::new(),
            schedule: Schedule::of(actions),
            running: JoinSet::new(),
            begun: HashMap::new(),
            names: Names::of(head),
            hold: None,
            released: None,
            look: None,
            report,
        }
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
            let begun = Begun { time: self.clock.now(), log: Arc::default() };
            // Nothing else is under way while the record is opened or closed.
            if let Some(result) = self.write_record(index, &begun).await {
                self.end(index, begun, result.map(|()| Some(Performed { already: false, made: None })));
                continue;
            }
            if let Err(error) = self.release(index).await {
                self.end(index, begun, Err(error));
                continue;
            }
            let Some(action) = self.actions.get(index).map(|action| action.named(&self.names)) else { return };
            let (account, before, log) = (Arc::clone(self.account), self.before(), Arc::clone(&begun.log));
            // The record of this run goes on being written while another's is waited for.
            let plan_digest = &self.approval.plan_digest;
            let task = if let Some(hand_over) = HandOver::of(&action, self.head, plan_digest, self.run, begun.time) {
                self.running.spawn(hand_over.perform(account, action, log))
            } else {
                self.running.spawn(async move { perform(&*account, &action, &before, &log).await })
            };
            self.begun.insert(task.id(), (index, begun));
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

    /// A task that ended, also by a panic.
    fn take(&mut self, ended: Joined) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some((index, begun)) = self.begun.remove(&id) else { return };
        let cut_off = || ActionError::CutOff {
            resource: self.actions.get(index).map(|action| action.resource.clone()).unwrap_or_default(),
        };
        let result = ended.map_err(|_| cut_off()).and_then(|(_, result)| result);
        self.end(index, begun, result);
    }

    /// Notes how an action ended.
    fn end(&mut self, index: usize, begun: Begun, result: Result<Option<Performed>, ActionError>) {
        let (Some(action), Some(entry)) = (self.actions.get(index), self.entries.get_mut(index)) else { return };
        let sent = begun.ended(self.clock.now());
        entry.outcome = match result {
            // Stopped before its call was sent.
            Ok(None) => return,
            Ok(Some(Performed { already, made })) => {
                self.names.note(&action.call, made.as_ref());
                entry.resource = action.made_resource(made.as_ref());
                if let Some(hold) = &mut self.hold {
                    hold.note(&action.call, made.as_ref());
                }
                self.schedule.finish(index);
                if already { Outcome::AlreadyDone(sent) } else { Outcome::Done(sent) }
            }
            Err(error) => {
                let text = error_text(&error);
                self.errors.insert(index, error);
                Outcome::Failed { error: text, sent }
            }
        };
        (self.report)(action, entry);
    }

    /// Shows others that the run is alive. Where another run has begun, what fails from here on is its business.
    async fn beat(&mut self) {
        let now = self.clock.now();
        let Some(hold) = &mut self.hold else { return };
        if let Err(error) = hold.beat(now).await {
            self.account.stop_sending();
            self.hold = None;
            let last = self.actions.len().saturating_sub(1);
            self.end(last, Begun { time: now, log: Arc::default() }, Err(error));
        }
    }

    /// Opens, closes or deletes the record, where that is the action.
    async fn write_record(&mut self, index: usize, begun: &Begun) -> Option<Result<(), ActionError>> {
        let (now, log) = (begun.time, &*begun.log);
        let (actions, plan_digest) = (Arc::clone(&self.actions), self.approval.plan_digest.clone());
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

    /// Whether every action is done.
    pub(super) fn is_done(&self) -> bool {
        self.entries.iter().all(|entry| entry.outcome.is_done())
    }

    /// What came of it. A record that is open says from now on that nobody is at it.
    pub(super) async fn ended(self) -> Ended {
        let (is_done, now) = (self.is_done(), self.clock.now());
        let mut hold = self.hold.or(self.released.filter(|_| !is_done));
        if let Some(hold) = hold.as_mut().filter(|_| !is_done) {
            hold.stop(now).await;
        }
        let record = hold.map(|hold| hold.record().clone());
        let distribution = self.names.distribution.map(|(id, domain)| Distribution {
            arn: self.head.distribution_arn(&id),
            id,
            domain,
        });
        Ended {
            entries: self.entries,
            errors: self.errors.into_values().collect(),
            record,
            distribution,
            look: self.look,
        }
    }
}

fn not_reached(action: &Action) -> Entry {
    let (change, call, resource) = (action.change(), action.call_name(), action.resource.clone());
    Entry { change, call, resource, outcome: Outcome::NotReached }
}
