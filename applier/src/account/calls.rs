//! What is sent for one action: how often, and what AWS calls the answers.
//!
//! Input: every writing call of the action, as it is answered or not. Output: what a receipt says of it. IDs come from the
//! network: one that is longer than any ID, or not printable, is left out.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bundle_schema::limits::MAX_REQUEST_IDS;
use bundle_schema::receipt::RequestId;

/// The writing calls of one action. It outlives the task that sends them, also one that panics.
#[derive(Debug, Default)]
pub(crate) struct CallLog(Mutex<Calls>);

/// How many calls were sent, and the IDs of their answers in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) attempts: u32,
    pub(crate) request_ids: Vec<RequestId>,
}

impl CallLog {
    /// A call was sent; its answer, where there was one, had this ID.
    pub(crate) fn note(&self, id: Option<String>) {
        let mut calls = self.lock();
        calls.attempts = calls.attempts.saturating_add(1);
        let id = id.and_then(|id| RequestId::new(id).ok());
        if calls.request_ids.len() < MAX_REQUEST_IDS {
            calls.request_ids.extend(id);
        }
    }

    /// What was sent so far.
    pub(crate) fn calls(&self) -> Calls {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_and_usable_ids_kept() {
        let log = CallLog::default();
        for id in [Some("a"), None, Some(""), Some("b c"), Some("d")] {
            log.note(id.map(str::to_owned));
        }
        let ids = ["a", "d"].map(|id| RequestId::new(id).unwrap());
        assert_eq!(log.calls(), Calls { attempts: 5, request_ids: ids.into() });
        (0..100).for_each(|number| log.note(Some(number.to_string())));
        assert_eq!((log.calls().attempts, log.calls().request_ids.len()), (105, MAX_REQUEST_IDS));
    }
}
