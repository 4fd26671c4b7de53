//! A former issuer's record says that the cluster has moved: whoever applies an older bundle of that issuer is refused from then on.
//!
//! Input: the action, with the version of the record that the plan was made for. Output: the record as it was, but with state `moved` and the
//! serial of the bundle to which the cluster moved. It is written as every record is: by compare and swap, after a run that may be under way.

use std::sync::Arc;
use std::time::Duration;

use bundle_schema::names::{Sha256, Timestamp};

use super::failure::ActionError;
use super::found::Performed;
use super::hold::{Hold, Opened};
use super::{Run, WriteAccount};
use crate::account::CallLog;
use crate::account::live::ReadAccount;
use crate::plan::action::{Action, Call};
use crate::plan::head::Head;
use crate::record::{Making, RecordState};

/// What it takes besides the action.
pub(super) struct HandOver {
    head: Head,
    plan_digest: Sha256,
    take_over_after: Duration,
    now: Timestamp,
}

impl HandOver {
    /// Where that is the action.
    pub(super) fn of(
        action: &Action,
        head: &Head,
        plan_digest: &Sha256,
        run: &Run<'_>,
        now: Timestamp,
    ) -> Option<Self> {
        let is_one = matches!(action.call, Call::HandOver { .. });
        let (head, plan_digest, take_over_after) = (head.clone(), plan_digest.clone(), run.take_over_after);
        is_one.then_some(Self { head, plan_digest, take_over_after, now })
    }

    /// Writes the record, and lets go of it.
    pub(super) async fn perform<A: ReadAccount + WriteAccount>(
        self,
        account: Arc<A>,
        action: Action,
        log: Arc<CallLog>,
    ) -> Result<Option<Performed>, ActionError> {
        let Self { head, plan_digest, take_over_after, now } = self;
        if let Call::HandOver { place, before, known, .. } = &action.call {
            let (state, before, making) = (RecordState::Moved, Some(before), Making::default());
            let opened = Opened { state, place, before, known, making, plan_digest };
            Hold::open(&*account, &head, opened, take_over_after, now, &log).await?;
        }
        Ok(Some(Performed { already: false, made: None }))
    }
}
