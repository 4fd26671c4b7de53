//! The record while a run lasts: who writes it holds the cluster's resources, and nobody else changes them meanwhile.
//!
//! It is opened by compare and swap before the first change, written again every few seconds so that others see that the run
//! is alive, and closed at the end. S3's conditional writes let one of two runs win; the other stops. A record that its run
//! did not close is taken over when it has not changed for a while.
//!
//! IAM has no conditional writes for tags. There the record is read right before each write, and after the first one again, when
//! whoever had read the same version has written too: all but the last one find another run's and stop. One that is slower than
//! that is found by the other's next beat.
//!
//! What reads and writes the record waits for no other call: where a service throttles, the run is slow, but alive.

mod found;

use std::time::{Duration, Instant};

use bundle_schema::escape::Escaped;
use bundle_schema::names::{Sha256, Timestamp};

use self::found::{is_other_version, new_provider, taken};
use crate::account::live::{LiveRecord, ReadAccount};
use crate::account::{AwsError, CallLog};
use crate::apply::failure::ActionError;
use crate::apply::{Patience, WriteAccount};
use crate::moving_line::say;
use crate::plan::action::{Call, Named, RecordVersion};
use crate::plan::head::Head;
use crate::record::{Made, MadeProvider, Making, Place, Record, RecordState, new_run_id};

/// How often the record is written again while a run lasts.
const BEAT: Duration = Duration::from_secs(5);
/// A beat that fails is tried again until this long after the last one that did not. With an attempt of 10 seconds before that
/// and one of another call after it, everything has ended before others take over.
const VALID: Duration = Duration::from_secs(12);
/// How long a record must not have changed before it is taken over, in seconds, where nothing else is said.
pub(crate) const TAKE_OVER_AFTER: u16 = 30;
/// How often somebody who waits looks at it.
const LOOK: Duration = Duration::from_secs(1);
/// How long somebody who read the same tags may take to write them, and IAM to show them.
const SETTLE: Duration = Duration::from_millis(500);
/// How often tags are looked at until IAM shows what was written.
const LOOKS: u32 = 20;
/// How long a beat may take, with what is read for it: as long as one attempt.
const ATTEMPT: Duration = Duration::from_secs(10);

/// What a record is opened with.
pub(super) struct Opened<'a> {
    pub(super) state: RecordState,
    pub(super) place: &'a Place,
    /// The version that the plan is made for.
    pub(super) before: Option<&'a RecordVersion>,
    pub(super) known: &'a Made,
    pub(super) making: Making,
    /// The digest of the plan that was approved.
    pub(super) plan_digest: Sha256,
}

/// The record of a run that is under way.
pub(super) struct Hold<'a, A> {
    account: &'a A,
    place: Place,
    record: Record,
    /// The version that stands there: what was read, then what was written.
    etag: Option<String>,
    /// The version that the plan was made for, which tags may show for a while after they were written.
    replaced: Option<String>,
    /// When it was written last.
    written: Option<Instant>,
}

impl<'a, A: ReadAccount + WriteAccount> Hold<'a, A> {
    /// Waits until nobody else seems to be at it, then writes the record.
    pub(super) async fn open(
        account: &'a A,
        head: &Head,
        opened: Opened<'_>,
        take_over_after: Duration,
        now: Timestamp,
        log: &CallLog,
    ) -> Result<Self, ActionError> {
        let Opened { state, place, before, known, making, plan_digest } = opened;
        let mut record = Record {
            version: Record::VERSION,
            name: head.bundle.name.clone(),
            state,
            serial: head.bundle.serial,
            sha256: head.bundle.sha256.clone(),
            time: now,
            caller: head.caller.clone(),
            run: new_run_id(),
            plan_digest: Some(plan_digest),
            made: known.clone(),
            making,
        };
        if let Place::Provider { arn, .. } = place
            && record.making.provider
        {
            // It was made right before this, because it holds the record.
            record.made.provider = Some(new_provider(account, arn).await?);
            record.making.provider = false;
        }
        if let Some(before) = before.filter(|_| state == RecordState::MovedDeleting) {
            // Whoever applies the former issuer's bundle is still told where the cluster has moved.
            (record.serial, record.sha256) = (before.serial, before.sha256.clone());
        }
        let etag = before.map(|before| before.etag.clone());
        let mut hold = Self { account, place: place.clone(), record, replaced: etag.clone(), etag, written: None };
        if let Some(before) = before.filter(|before| before.state.is_under_way()) {
            hold.wait(before, take_over_after).await?;
        }
        hold.write(Patience::Retry, log).await?;
        hold.settle().await?;
        Ok(hold)
    }

    /// The record as it was written last.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Keeps in mind what a call made or removed; the record is written with it the next time.
    pub(super) fn note(&mut self, call: &Call, named: Option<&Named>) {
        let Record { made, making, .. } = &mut self.record;
        match (call, named) {
            (Call::CreateRole { input }, Some(Named::Role(id))) => {
                made.roles.insert(input.role_name.clone(), id.clone());
                making.roles.remove(&input.role_name);
            }
            (_, Some(Named::AccessControl(id))) => {
                made.access_control = Some(id.clone());
                making.access_control = false;
            }
            (_, Some(Named::Distribution(id, _))) => {
                made.distribution = Some(id.clone());
                making.distribution = false;
            }
            (Call::DeleteAccessControl { .. }, _) => made.access_control = None,
            (Call::DeleteDistribution { .. }, _) => made.distribution = None,
            (Call::DeleteRole { role_name, .. }, _) => {
                made.roles.remove(role_name);
            }
            _ => {}
        }
    }

    /// How long until the record has to be written again.
    pub(super) fn until_beat(&self) -> Duration {
        self.written.map_or(Duration::ZERO, |written| BEAT.saturating_sub(written.elapsed()))
    }

    /// Shows others that the run is alive. An answer that does not come is no reason to stop until the record has been as it is
    /// for too long.
    pub(super) async fn beat(&mut self, now: Timestamp) -> Result<(), ActionError> {
        self.record.time = now;
        let call = self.place.put_call().as_str();
        let late = |_| {
            let reason = format!("none within {} seconds", ATTEMPT.as_secs());
            Err(AwsError::NoAnswer { call, reason, attempts: 1 }.into())
        };
        // It is no action of the plan: the receipt has none of these calls.
        let log = CallLog::default();
        match tokio::time::timeout(ATTEMPT, self.write(Patience::Once, &log)).await.unwrap_or_else(late) {
            Err(ActionError::Aws(_)) if self.written.is_some_and(|written| written.elapsed() < VALID) => {
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
            done => done,
        }
    }

    /// Says that everything is done, and what IAM calls the roles and the provider, where that is the bundle's own.
    pub(super) async fn close(
        &mut self,
        provider_arn: Option<&str>,
        now: Timestamp,
        log: &CallLog,
    ) -> Result<(), ActionError> {
        let provider = match provider_arn {
            Some(arn) => self.account.provider(arn).await?,
            None => None,
        };
        self.record.made.provider = provider.as_ref().map(MadeProvider::from);
        self.record.making = Making::default();
        self.record.state = RecordState::Applied;
        self.record.time = now;
        self.write(Patience::Retry, log).await
    }

    /// Says that the run has ended before everything was done, so that the next one need not wait. Where that fails, it waits.
    pub(super) async fn stop(&mut self, now: Timestamp) {
        self.record.state = self.record.state.stopped();
        self.record.time = now;
        let _ = self.write(Patience::Once, &CallLog::default()).await;
    }

    /// Whether the record goes with the identity provider.
    pub(super) fn stands_on_provider(&self) -> bool {
        matches!(self.place, Place::Provider { .. })
    }

    /// Deletes the record as it was written last, and no other; or all its versions, where the bucket keeps them.
    pub(super) async fn delete(&mut self, versions: bool, log: &CallLog) -> Result<(), ActionError> {
        if !self.place.has_compare_and_swap() {
            self.check().await?;
        }
        if versions {
            let found = self.read().await?;
            self.mine(found)?;
            return Ok(self.account.delete_record_versions(&self.place, log).await?);
        }
        for is_last in [false, true] {
            let etag = self.etag.clone().unwrap_or_default();
            match self.account.delete_record(&self.place, &etag, log).await {
                // An answer was lost, of this call or of the last write.
                Err(error) if !is_last && is_other_version(&error) => {
                    let found = self.read().await?;
                    if !self.mine(found)? {
                        return Ok(());
                    }
                }
                done => return done.map_err(ActionError::from),
            }
        }
        Ok(())
    }

    /// Whether the record that was found is there and of this run, whose version is then known; an error if it is another's.
    fn mine(&mut self, found: Option<LiveRecord>) -> Result<bool, ActionError> {
        match found {
            None => Ok(false),
            Some(LiveRecord { etag, content: Ok(record) }) if record.run == self.record.run => {
                self.etag = Some(etag);
                Ok(true)
            }
            other => Err(taken(&self.record.name, other)),
        }
    }

    async fn wait(&self, before: &RecordVersion, take_over_after: Duration) -> Result<(), ActionError> {
        if take_over_after.is_zero() {
            return Ok(());
        }
        let text = format!(
            "waiting {} seconds to see whether the {} of serial {} by {} at {} is still under way",
            take_over_after.as_secs(),
            if before.state.is_of_deletion() { "deletion" } else { "apply" },
            before.serial,
            Escaped(&before.caller),
            before.time
        );
        say(&text);
        let begun = Instant::now();
        while begun.elapsed() < take_over_after {
            tokio::time::sleep(LOOK.min(take_over_after)).await;
            let found = self.read().await?;
            if found.as_ref().map(|found| &found.etag) != Some(&before.etag) {
                return Err(taken(&self.record.name, found));
            }
        }
        Ok(())
    }

    /// Whether nobody else has written the tags since they were read: where a write cannot demand it.
    pub(super) async fn check(&mut self) -> Result<(), ActionError> {
        let found = self.read().await?;
        if self.is_replaced(found.as_ref()) || self.mine(found)? {
            return Ok(());
        }
        Err(taken(&self.record.name, None))
    }

    /// Waits until the tags are to be seen as this run wrote them, and whoever wrote at the same time has written.
    async fn settle(&mut self) -> Result<(), ActionError> {
        if self.place.has_compare_and_swap() {
            return Ok(());
        }
        for _ in 0..LOOKS {
            tokio::time::sleep(SETTLE).await;
            let found = self.read().await?;
            if !self.is_replaced(found.as_ref()) && self.mine(found)? {
                return Ok(());
            }
        }
        Err(AwsError::Unusable {
            call: self.place.put_call().as_str(),
            reason: "the tags are not there 10 seconds later",
        }
        .into())
    }

    /// Whether this is what the plan was made for, or nothing where there was nothing.
    fn is_replaced(&self, found: Option<&LiveRecord>) -> bool {
        found.map(|found| &found.etag) == self.replaced.as_ref()
    }

    /// Writes the record over the version that is known, and no other.
    async fn write(&mut self, patience: Patience, log: &CallLog) -> Result<(), ActionError> {
        let begun = Instant::now();
        if !self.place.has_compare_and_swap() {
            self.check().await?;
        }
        // A write whose answer was lost has changed the version: it is looked at and written again.
        for is_last in [false, true] {
            match self.account.put_record(&self.place, self.etag.as_deref(), &self.record, patience, log).await {
                Ok(etag) => {
                    self.etag = Some(etag);
                    self.written = Some(begun);
                    return Ok(());
                }
                Err(error) if !is_last && is_other_version(&error) => {
                    let found = self.read().await?;
                    if !self.mine(found)? {
                        return Err(taken(&self.record.name, None));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn read(&self) -> Result<Option<LiveRecord>, AwsError> {
        self.account.record(&self.place, &self.record.name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fake, digest, read, roles_contents, roles_held};
    use crate::plan::desired::Desired;
    use crate::plan::head::Head;
    use crate::record::tags;

    /// Opens the record of a bundle of roles, which finds these first when it looks, the last of them before the others.
    fn open(answers: impl FnOnce(&Record) -> Vec<LiveRecord>) -> (Result<(), ActionError>, Fake) {
        let (contents, digest, account) = (roles_contents(), digest(), Fake::new(roles_held()));
        let live = read(&contents, &roles_held());
        let (desired, at) = (Desired::for_test(&contents, &digest), Timestamp::from_unix(60).unwrap());
        let head = Head::new(&desired, &live, None, &[], at);
        let found = live.record().unwrap();
        let record = found.content.as_ref().unwrap();
        let before = RecordVersion::of(&found.etag, record);
        *account.records.lock().unwrap() = answers(record).into_iter().map(Some).collect();
        let (place, making) = (desired.place(), Making::default());
        let (state, before, known) = (RecordState::Applying, Some(&before), &record.made);
        let opened = Opened { state, place: &place, before, known, making, plan_digest: digest.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let done =
            runtime.block_on(Hold::open(&account, &head, opened, Duration::ZERO, at, &CallLog::default())).map(drop);
        (done, account)
    }

    fn written(record: &Record) -> LiveRecord {
        LiveRecord { etag: tags::write(record).1, content: Ok(record.clone()) }
    }

    fn others(record: &Record) -> LiveRecord {
        let caller = "user/other".to_owned();
        written(&Record { run: "f".repeat(32), state: RecordState::Applying, serial: 8, caller, ..record.clone() })
    }

    fn holds(account: &Fake) -> Record {
        let tags = account.held.lock().unwrap().provider().tags.clone();
        tags::read(&tags, &roles_contents().header.name).unwrap().content.unwrap().0
    }

    #[test]
    fn tags_that_are_not_shown_at_once_are_waited_for() {
        let (done, account) = open(|before| vec![written(before), written(before), written(before)]);
        assert_eq!(done, Ok(()));
        assert_eq!((holds(&account).state, holds(&account).time.unix()), (RecordState::Applying, 60));
        assert_eq!(*account.log.lock().unwrap(), ["record"]);
    }

    #[test]
    fn whoever_was_faster_is_not_written_over() {
        let (done, account) = open(|before| vec![others(before)]);
        let taken = ActionError::Taken {
            cluster: "addons".to_owned(),
            by: "serial 8, being applied, 1970-01-01T00:00:00Z, by user/other".to_owned(),
        };
        assert_eq!(done, Err(taken));
        assert_eq!(*account.log.lock().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn whoever_wrote_last_of_two_goes_on() {
        let (done, _) = open(|before| vec![others(before), written(before)]);
        assert!(matches!(done, Err(ActionError::Taken { .. })), "{done:?}");
    }
}
