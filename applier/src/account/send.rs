//! One way to send a call, whatever it is: when it is its turn, and again where that helps.
//!
//! Input: what makes a request of the SDK, as often as it is asked. Output: its answer, or an [`AwsError`]. All that depends on the
//! type of the answer is to keep it: the rest is there once, and not for each of some fifty calls.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;

use super::aws::Aws;
use super::calls::CallLog;
use super::error::AwsError;
use super::retry;
use crate::moving_line::say;

/// A request under way. What AWS calls its answer, and whether that is an error; the answer itself is kept.
type Request<'a> = Pin<Box<dyn Future<Output = (Option<String>, Result<(), AwsError>)> + Send + 'a>>;

/// What makes the request, as often as it is sent.
type Make<'a> = dyn Fn() -> Request<'a> + Sync + 'a;

/// The answer of the attempt that had one.
struct Kept<T>(Mutex<Option<T>>);

impl<T: RequestId + Send> Kept<T> {
    fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The request, whose answer is kept here.
    fn of<'a, E>(
        &'a self,
        call: &'static str,
        request: impl Future<Output = Result<T, SdkError<E>>> + Send + 'a,
    ) -> Request<'a>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Box::pin(async move {
            match request.await {
                Ok(answer) => {
                    let id = answer.request_id().map(str::to_owned);
                    *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
                    (id, Ok(()))
                }
                Err(error) => (error.request_id().map(str::to_owned), Err(AwsError::of(call, &error))),
            }
        })
    }

    fn take(self, sent: Sent<'_>) -> Result<T, AwsError> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).ok_or_else(|| sent.incomplete())
    }
}

impl Aws {
    /// Sends a request, again where that helps, within the limits of [`retry`].
    pub(crate) async fn send<T, E, F>(&self, sent: Sent<'_>, request: impl Fn() -> F + Sync) -> Result<T, AwsError>
    where
        T: RequestId + Send,
        F: Future<Output = Result<T, SdkError<E>>> + Send,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let kept = Kept::new();
        self.send_again(sent, &|| kept.of(sent.call, request())).await?;
        kept.take(sent)
    }

    /// Sends a request once. What is throttled was not done, and is sent again a few times.
    pub(crate) async fn send_once<T, E, F>(&self, sent: Sent<'_>, request: impl Fn() -> F + Sync) -> Result<T, AwsError>
    where
        T: RequestId + Send,
        F: Future<Output = Result<T, SdkError<E>>> + Send,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let kept = Kept::new();
        self.send_a_few_times(sent, &|| kept.of(sent.call, request())).await?;
        kept.take(sent)
    }

    async fn send_again(&self, sent: Sent<'_>, request: &Make<'_>) -> Result<(), AwsError> {
        let gate = self.gates.of(sent.call);
        let first = gate.now();
        let (mut attempt, mut faults, mut first_fault) = (1, 0, None);
        loop {
            let Err(error) = self.attempt(sent, request).await else { return Ok(()) };
            let pause = if error.is_throttled() {
                // The gate makes it wait, but for an urgent one.
                let pause = if sent.is_urgent { retry::pause_of_urgent(attempt) } else { Duration::ZERO };
                (!gate.is_silent(first)).then_some(pause)
            } else {
                faults += 1;
                let since = first_fault.get_or_insert_with(Instant::now).elapsed();
                let opened = self.opened_block.load(Ordering::Relaxed);
                retry::pause(&error, sent.writes, opened, faults, since)
            };
            match pause {
                Some(pause) if !self.is_stopped(sent) => {
                    if faults == 1
                        && let Some(waiting) = retry::waiting_for(&error)
                    {
                        say(waiting);
                    }
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error.after(attempt)),
            }
            attempt += 1;
        }
    }

    async fn send_a_few_times(&self, sent: Sent<'_>, request: &Make<'_>) -> Result<(), AwsError> {
        let mut attempt = 1;
        loop {
            match self.attempt(sent, request).await {
                Err(error) if error.is_throttled() && attempt < retry::FEW => {
                    tokio::time::sleep(retry::pause_of_urgent(attempt)).await;
                }
                done => return done.map_err(|error| error.after(attempt)),
            }
            attempt += 1;
        }
    }

    /// Sends a request, when it is its turn.
    async fn attempt(&self, sent: Sent<'_>, request: &Make<'_>) -> Result<(), AwsError> {
        let is_stopped = || self.is_stopped(sent);
        let passed = self.gates.of(sent.call).pass(&self.permits, sent.is_urgent, is_stopped).await;
        let passed = passed.ok_or(AwsError::Stopped { call: sent.call })?;
        let (id, answer) = request().await;
        if answer.as_ref().map_or_else(AwsError::is_answer, |()| true) {
            passed.note(answer.as_ref().is_err_and(AwsError::is_throttled));
        }
        drop(passed);
        if let Some(log) = sent.log.filter(|_| !answer.as_ref().is_err_and(AwsError::is_not_sent)) {
            log.note(id);
        }
        answer
    }

    /// Whether a call is not sent any more.
    fn is_stopped(&self, sent: Sent<'_>) -> bool {
        sent.writes && self.stopped.load(Ordering::Relaxed)
    }
}

/// Which call is sent: its name as IAM policies spell it, whether it writes, where it is noted, and whether it goes before others.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) call: &'static str,
    writes: bool,
    log: Option<&'a CallLog>,
    is_urgent: bool,
}

pub(crate) const fn reading(call: &'static str) -> Sent<'static> {
    Sent { call, writes: false, log: None, is_urgent: false }
}

pub(crate) const fn writing<'a>(call: &'static str, log: &'a CallLog) -> Sent<'a> {
    Sent { call, writes: true, log: Some(log), is_urgent: false }
}

impl Sent<'_> {
    /// Before all others, however many wait: for the record, which shows that the run is alive.
    pub(crate) fn urgent(self) -> Self {
        Self { is_urgent: true, ..self }
    }

    /// Another call for the same action.
    pub(crate) fn then(self, call: &'static str) -> Self {
        Self { call, ..self }
    }

    /// The SDK found a field missing that the bundle's types always have.
    pub(crate) fn incomplete(self) -> AwsError {
        AwsError::Unusable { call: self.call, reason: "the request lacks a field" }
    }
}
