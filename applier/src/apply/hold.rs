//! The record while a run lasts: who writes it holds the cluster's resources, and nobody else changes them meanwhile.
//!
//! It is opened by compare and swap before the first change, written again every few seconds so that others see that the run
//! is alive, and closed at the end. S3's conditional writes let one of two runs win; the other stops. A record that its run
//! did not close is taken over when it has not changed for a while.

use std::io::{Write, stderr};
use std::time::{Duration, Instant};

use bundle_schema::escape::Escaped;
use bundle_schema::layout::fold;
use bundle_schema::names::{BucketName, ClusterName, Timestamp};

use crate::account::AwsError;
use crate::account::live::{LiveRecord, ReadAccount};
use crate::apply::outcome::ActionError;
use crate::apply::{Patience, WriteAccount};
use crate::plan::action::{Call, RecordVersion};
use crate::plan::head::Head;
use crate::record::{Made, MadeProvider, Making, Record, RecordState, RoleId, new_run_id};

/// How often the record is written again while a run lasts.
const BEAT: Duration = Duration::from_secs(5);
/// A beat that fails is tried again until this long after the last one that did not. With an attempt of 10 seconds before that
/// and one of another call after it, everything has ended before others take over.
const VALID: Duration = Duration::from_secs(12);
/// How long a record must not have changed before it is taken over, in seconds, where nothing else is said.
pub(crate) const TAKE_OVER_AFTER: u16 = 30;
/// How often somebody who waits looks at it.
const LOOK: Duration = Duration::from_secs(1);

/// What a record is opened with.
pub(super) struct Opened<'a> {
    pub(super) state: RecordState,
    pub(super) bucket: &'a BucketName,
    /// The version that the plan is made for.
    pub(super) before: Option<&'a RecordVersion>,
    pub(super) known: &'a Made,
    pub(super) making: Making,
}

/// The record of a run that is under way.
pub(super) struct Hold<'a, A> {
    account: &'a A,
    bucket: BucketName,
    record: Record,
    /// The version in the bucket: what was read, then what was written.
    etag: Option<String>,
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
    ) -> Result<Self, ActionError> {
        let Opened { state, bucket, before, known, making } = opened;
        let record = Record {
            version: Record::VERSION,
            name: head.bundle.name.clone(),
            state,
            serial: head.bundle.serial,
            sha256: head.bundle.sha256.clone(),
            time: now,
            caller: head.caller.clone(),
            run: new_run_id(),
            made: known.clone(),
            making,
        };
        let etag = before.map(|before| before.etag.clone());
        let mut hold = Self { account, bucket: bucket.clone(), record, etag, written: None };
        if let Some(before) = before.filter(|before| before.state.is_under_way()) {
            hold.wait(before, take_over_after).await?;
        }
        hold.write(Patience::Retry).await?;
        Ok(hold)
    }

    /// The record as it was written last.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Keeps in mind what a call made or removed; the record is written with it the next time.
    pub(super) fn note(&mut self, call: &Call, made: Option<RoleId>) {
        match (call, made) {
            (Call::CreateRole { input }, Some(id)) => {
                self.record.made.roles.insert(input.role_name.clone(), id);
                self.record.making.roles.remove(&input.role_name);
            }
            (Call::DeleteRole { role_name, .. }, _) => {
                self.record.made.roles.remove(role_name);
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
        match self.write(Patience::Once).await {
            Err(ActionError::Aws(_)) if self.written.is_some_and(|written| written.elapsed() < VALID) => {
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
            done => done,
        }
    }

    /// Says that everything is done, and what IAM calls the provider and the roles.
    pub(super) async fn close(&mut self, provider_arn: &str, now: Timestamp) -> Result<(), ActionError> {
        let provider = self.account.provider(provider_arn).await?;
        self.record.made.provider =
            provider.map(|provider| MadeProvider { created: provider.created, thumbprints: provider.thumbprints });
        self.record.making = Making::default();
        self.record.state = RecordState::Applied;
        self.record.time = now;
        self.write(Patience::Retry).await
    }

    /// Says that the run has ended before everything was done, so that the next one need not wait. Where that fails, it waits.
    pub(super) async fn stop(&mut self, now: Timestamp) {
        self.record.state = self.record.state.stopped();
        self.record.time = now;
        let _ = self.write(Patience::Once).await;
    }

    /// Deletes the record as it was written last, and no other; or all its versions, where the bucket keeps them.
    pub(super) async fn delete(&mut self, versions: bool) -> Result<(), ActionError> {
        if versions {
            let found = self.read().await?;
            self.mine(found)?;
            return Ok(self.account.delete_record_versions(&self.bucket).await?);
        }
        for is_last in [false, true] {
            let etag = self.etag.clone().unwrap_or_default();
            match self.account.delete_record(&self.bucket, &etag).await {
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
        // Nobody may be listening.
        let _ = writeln!(stderr(), "{}", fold(&text));
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

    /// Writes the record over the version that is known, and no other.
    async fn write(&mut self, patience: Patience) -> Result<(), ActionError> {
        let begun = Instant::now();
        // A write whose answer was lost has changed the version: it is looked at and written again.
        for is_last in [false, true] {
            match self.account.put_record(&self.bucket, self.etag.as_deref(), &self.record, patience).await {
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
        self.account.record(&self.bucket, &self.record.name).await
    }
}

fn is_other_version(error: &AwsError) -> bool {
    let codes = ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "NoSuchBucket"];
    error.code().is_some_and(|code| codes.contains(&code))
}

fn taken(cluster: &ClusterName, found: Option<LiveRecord>) -> ActionError {
    let by = match found.map(|found| found.content) {
        Some(Ok(record)) => format!(
            "serial {}, {}, {}, by {}",
            record.serial,
            record.state.word(),
            record.time,
            Escaped(&record.caller)
        ),
        Some(Err(error)) => format!("not what this program writes: {}", Escaped(&error.to_string())),
        None => "gone".to_owned(),
    };
    ActionError::Taken { cluster: cluster.to_string(), by }
}
