//! What a run has done so far: written down while it goes on, and made into its receipt at the end.
//!
//! Input: an approved plan, and each action as it begins and ends. Output: the [`Receipt`]; also of a run that the program cannot end,
//! because it fails itself.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::sleep;
use std::time::Duration;

use bundle_schema::names::{DistributionId, Timestamp};
use bundle_schema::receipt::{Approval, Entry, Outcome, Sent};

use super::failure::{ActionError, error_text};
use super::receipt::{Ran, Receipt};
use crate::account::{CallLog, Calls};
use crate::plan::action::Action;
use crate::plan::{ApprovedPlan, Plan};

/// How often the pages are asked for by whoever finds the program failing, and how long it waits in between.
const ASK: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// An approved plan that is being carried out.
pub(crate) struct Ledger {
    plan: Plan,
    pages: Mutex<Pages>,
}

struct Pages {
    ran: Ran,
    /// The actions that began and have not ended, by their place in the plan.
    under_way: BTreeMap<usize, Begun>,
}

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

impl Ledger {
    pub(super) fn new(approved: ApprovedPlan, started: Timestamp) -> Self {
        let (plan, approval) = approved.into_plan();
        let entries = plan.actions().iter().map(not_reached).collect();
        let ran = Ran::new(approval, started, entries);
        Self { plan, pages: Mutex::new(Pages { ran, under_way: BTreeMap::new() }) }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn approval(&self) -> Approval {
        self.pages().ran.approval.clone()
    }

    pub(super) fn started(&self) -> Timestamp {
        self.pages().ran.started
    }

    /// Notes that an action begins; what is sent for it is noted in the log.
    pub(super) fn begin(&self, index: usize, time: Timestamp) -> Arc<CallLog> {
        let log = Arc::<CallLog>::default();
        self.pages().under_way.insert(index, Begun { time, log: Arc::clone(&log) });
        log
    }

    /// Notes that an action ended, and how.
    pub(super) fn end(
        &self,
        index: usize,
        ended: Timestamp,
        resource: Option<String>,
        outcome: impl FnOnce(Sent) -> Outcome,
    ) -> Option<Entry> {
        let mut pages = self.pages();
        let begun = pages.under_way.remove(&index)?;
        let entry = pages.ran.entries.get_mut(index)?;
        entry.outcome = outcome(begun.ended(ended));
        entry.resource = resource.unwrap_or_else(|| mem::take(&mut entry.resource));
        Some(entry.clone())
    }

    /// Notes that an action was left out after all.
    pub(super) fn leave_out(&self, index: usize) {
        self.pages().under_way.remove(&index);
    }

    /// The distribution in front of the bucket, where there is one.
    pub(super) fn distribution(&self) -> Option<DistributionId> {
        self.pages().ran.distribution.as_ref().map(|distribution| distribution.id.clone())
    }

    /// Whether every action is done.
    pub(super) fn is_done(&self) -> bool {
        self.pages().ran.entries.iter().all(|entry| entry.outcome.is_done())
    }

    /// Notes what is of the run and of no action.
    pub(super) fn note(&self, note: impl FnOnce(&mut Ran)) {
        note(&mut self.pages().ran);
    }

    /// The receipt of a run that has ended.
    pub(super) fn receipt(&self, finished: Timestamp) -> Receipt {
        Receipt::new(&self.plan, Ran { finished, ..self.pages().ran.clone() })
    }

    /// The receipt of a run that goes no further, because the program fails: what is under way may or may not be carried out. None
    /// where it is these pages that it fails at.
    pub(crate) fn receipt_of_failure(&self, now: Timestamp) -> Option<Receipt> {
        let mut pages = self.pages_of_failure()?;
        let (mut ran, under_way) = (pages.ran.clone(), mem::take(&mut pages.under_way));
        // Nothing begins or ends any more.
        mem::forget(pages);
        let began = under_way.values().map(|begun| begun.time);
        let ended = ran.entries.iter().filter_map(|entry| Some(entry.outcome.sent()?.ended));
        ran.finished = began.chain(ended).fold(now.max(ran.started), Timestamp::max);
        for (index, begun) in under_way {
            if let Some(entry) = ran.entries.get_mut(index) {
                let error = ActionError::CutOff { resource: entry.resource.clone() };
                entry.outcome = Outcome::Failed { error: error_text(&error), sent: begun.ended(ran.finished) };
            }
        }
        Some(Receipt::new(&self.plan, ran))
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pages, where they are free: the thread that fails may have been writing them.
    fn pages_of_failure(&self) -> Option<MutexGuard<'_, Pages>> {
        for _ in 0..ASK {
            match self.pages.try_lock() {
                Ok(pages) => return Some(pages),
                Err(TryLockError::Poisoned(pages)) => return Some(pages.into_inner()),
                Err(TryLockError::WouldBlock) => sleep(PAUSE),
            }
        }
        None
    }
}

fn not_reached(action: &Action) -> Entry {
    let (change, call, resource) = (action.change(), action.call_name(), action.resource.clone());
    Entry { change, call, resource, outcome: Outcome::NotReached }
}
