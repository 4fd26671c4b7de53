//! How fast calls are sent: as they come, until a service says that they are too many, and then as many as it takes.
//!
//! Input: when each call was sent, and whether it was answered or throttled; the time is passed in. Output: whether the next one
//! may be sent, or how long it has to wait. All calls to one service have one pace, because AWS counts them together. After a
//! throttled call the rate falls below what was answered in the second before, then grows: slowly near the rate that was too
//! much, fast far from it. Source: CUBIC, RFC 9438, sections 4.2 and 4.6, with the constants of the AWS SDKs' adaptive retry mode.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as Turnstile, Semaphore, SemaphorePermit};

/// The part of the rate that is kept when it was too much.
const KEPT: f64 = 0.7;
/// How fast the rate grows again, in calls a second for each cubed second.
const GROWTH: f64 = 0.4;
/// The lowest rate, in calls a second: so that it is found out when more are taken again.
const LOWEST: f64 = 0.5;
/// What was answered is counted over this long.
const WINDOW: Duration = Duration::from_secs(1);
/// How far the pace may be behind and catch up: a timer is late by a millisecond or more.
const SLACK: Duration = Duration::from_millis(50);
/// A service that answers no call at all for this long, but throttles, is given up.
const PATIENCE: Duration = Duration::from_mins(3);

/// The pace of one service. Times are since any one moment.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    /// When calls were answered, within the window.
    answered: VecDeque<Duration>,
    last_answer: Option<Duration>,
    /// None before anything was throttled: nothing is slowed down.
    limit: Option<Limit>,
}

/// What a service seems to take.
#[derive(Debug, Clone, Copy)]
struct Limit {
    /// The rate that was too much, in calls a second.
    most: f64,
    /// When that was.
    since: Duration,
    /// When the next call may be sent.
    due: Duration,
}

impl Limit {
    fn of(most: f64, now: Duration) -> Self {
        let mut limit = Self { most, since: now, due: now };
        limit.due = now + limit.interval(now);
        limit
    }

    /// In calls a second.
    fn rate(&self, now: Duration) -> f64 {
        let back = (self.most * (1.0 - KEPT) / GROWTH).cbrt();
        let passed = now.saturating_sub(self.since).as_secs_f64();
        (self.most + GROWTH * (passed - back).powi(3)).max(LOWEST)
    }

    fn interval(&self, now: Duration) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate(now))
    }
}

impl Pacer {
    /// Takes the next place, or says how long it is until then.
    fn may_send(&mut self, now: Duration) -> Result<(), Duration> {
        match &self.limit {
            Some(limit) if limit.due > now => Err(limit.due.saturating_sub(now)),
            _ => {
                self.send(now);
                Ok(())
            }
        }
    }

    /// A call is sent, whether it is its turn or not.
    fn send(&mut self, now: Duration) {
        if let Some(limit) = &mut self.limit {
            limit.due = limit.due.max(now.saturating_sub(SLACK)) + limit.interval(now);
        }
    }

    /// A call was answered, with whatever but that it was too much.
    fn answered(&mut self, now: Duration) {
        self.last_answer = Some(now);
        self.forget(now);
        self.answered.push_back(now);
    }

    /// A call that was sent then was throttled.
    fn throttled(&mut self, sent: Duration, now: Duration) {
        // What was under way when the rate fell says nothing about the new rate.
        if self.limit.is_some_and(|limit| sent < limit.since) {
            return;
        }
        self.forget(now);
        let count = u32::try_from(self.answered.len()).unwrap_or(u32::MAX);
        let answered = f64::from(count) / WINDOW.as_secs_f64();
        let most = self.limit.map_or(answered, |limit| limit.rate(now).min(answered));
        self.limit = Some(Limit::of(most.max(LOWEST), now));
    }

    fn forget(&mut self, now: Duration) {
        while self.answered.front().is_some_and(|time| now.saturating_sub(*time) > WINDOW) {
            self.answered.pop_front();
        }
    }

    /// About how many calls a second the service takes, as long as that slows them down.
    fn takes(&self, now: Duration) -> Option<f64> {
        self.limit.filter(|limit| limit.rate(now) < 2.0 * limit.most.max(1.0)).map(|limit| limit.most)
    }

    /// Whether the service has answered nothing for too long, as a call sees it that began then.
    fn is_silent(&self, begun: Duration, now: Duration) -> bool {
        now.saturating_sub(self.last_answer.map_or(begun, |last| last.max(begun))) >= PATIENCE
    }
}

/// The way to one service.
pub(super) struct Gate {
    began: Instant,
    pacer: Mutex<Pacer>,
    /// Whoever holds it is the next to be sent; the others wait in the order in which they came.
    next: Turnstile<()>,
}

/// A call that is under way.
pub(super) struct Passed<'a> {
    gate: &'a Gate,
    sent: Duration,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), pacer: Mutex::default(), next: Turnstile::default() }
    }

    /// Waits until a call may be sent: it has a permit, and the service takes it; none where the run is stopped meanwhile. An
    /// urgent one waits for nobody, and the others wait longer for it.
    pub(super) async fn pass<'a>(
        &'a self,
        permits: &'a Semaphore,
        is_urgent: bool,
        is_stopped: impl Fn() -> bool,
    ) -> Option<Passed<'a>> {
        if is_urgent {
            let sent = self.now();
            self.pacer().send(sent);
            return Some(Passed { gate: self, sent, _permit: None });
        }
        let _next = self.next.lock().await;
        loop {
            // Closed never: the semaphore lives as long as the account.
            let permit = permits.acquire().await.ok();
            if is_stopped() {
                return None;
            }
            let sent = self.now();
            let turn = self.pacer().may_send(sent);
            let Err(pause) = turn else { return Some(Passed { gate: self, sent, _permit: permit }) };
            // Other services need not wait for this one.
            drop(permit);
            tokio::time::sleep(pause).await;
        }
    }

    /// Since when a call is tried, for [`Gate::is_silent`].
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether a call that was first tried then, and is throttled, need not be tried again.
    pub(super) fn is_silent(&self, begun: Duration) -> bool {
        self.pacer().is_silent(begun, self.now())
    }

    /// About how many calls a second the service takes, as long as that slows them down.
    pub(super) fn takes(&self) -> Option<f64> {
        self.pacer().takes(self.now())
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passed<'_> {
    /// How the call ended, where there was an answer.
    pub(super) fn note(&self, is_throttled: bool) {
        let now = self.gate.now();
        if is_throttled {
            self.gate.pacer().throttled(self.sent, now);
        } else {
            self.gate.pacer().answered(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// A service that takes so many calls a second, after as many at once.
    struct Service {
        rate: f64,
        tokens: f64,
        filled: Duration,
    }

    impl Service {
        fn takes(&mut self, now: Duration) -> bool {
            let filled = now.saturating_sub(self.filled).as_secs_f64() * self.rate;
            (self.tokens, self.filled) = ((self.tokens + filled).min(self.rate), now);
            let is_taken = self.tokens >= 1.0;
            self.tokens -= f64::from(u8::from(is_taken));
            is_taken
        }
    }

    /// Sends so many calls, some at once, each answered 50 ms later, to a service whose rate changes once so many were answered;
    /// the seconds that it takes, and how many were throttled.
    fn sends(calls: u32, at_once: usize, rates: &[(u32, f64)]) -> (f64, u32) {
        let mut service = Service { rate: rates[0].1, tokens: rates[0].1, filled: Duration::ZERO };
        let (mut pacer, mut now) = (Pacer::default(), Duration::ZERO);
        let (mut under_way, mut answered, mut throttled) = (BinaryHeap::new(), 0, 0);
        while answered < calls {
            let mut wake = ms(u64::MAX / 2);
            while under_way.len() < at_once {
                match pacer.may_send(now) {
                    Ok(()) => under_way.push(Reverse((now + ms(50), now, service.takes(now)))),
                    Err(pause) => {
                        wake = now + pause.max(Duration::from_nanos(1));
                        break;
                    }
                }
            }
            match under_way.peek() {
                Some(Reverse((end, sent, is_taken))) if *end <= wake => {
                    now = *end;
                    if *is_taken {
                        pacer.answered(now);
                        answered += 1;
                    } else {
                        pacer.throttled(*sent, now);
                        throttled += 1;
                    }
                    under_way.pop();
                }
                _ => now = wake,
            }
            if let Some((_, rate)) = rates.iter().rev().find(|(from, _)| answered >= *from) {
                service.rate = *rate;
            }
        }
        (now.as_secs_f64(), throttled)
    }

    #[test]
    fn nothing_is_slowed_down_before_a_throttled_call() {
        let mut pacer = Pacer::default();
        for _ in 0..1_000 {
            assert_eq!(pacer.may_send(ms(1)), Ok(()));
            pacer.answered(ms(1));
        }
        assert_eq!(pacer.takes(ms(1)), None);
        let (seconds, throttled) = sends(2_000, 20, &[(0, 1_000.0)]);
        assert!((4.9..5.1).contains(&seconds) && throttled == 0, "{seconds} {throttled}");
    }

    #[test]
    fn a_service_is_used_to_its_rate_and_seldom_beyond() {
        for (calls, at_once, rate) in [(2_000, 32, 20.0), (4_000, 10, 20.0), (2_000, 64, 5.0), (5_000, 32, 100.0)] {
            let (seconds, throttled) = sends(calls, at_once, &[(0, rate)]);
            let ideal = f64::from(calls) / rate;
            assert!(seconds < 1.15 * ideal, "{seconds} s where {ideal} s are possible");
            assert!(throttled < calls / 10, "{throttled} of {calls}");
        }
    }

    #[test]
    fn what_others_leave_is_found_again() {
        let (seconds, throttled) = sends(2_000, 32, &[(0, 20.0), (500, 2.0), (600, 20.0)]);
        let ideal = 25.0 + 50.0 + 70.0;
        assert!(seconds < 1.2 * ideal, "{seconds}");
        assert!(throttled < 200, "{throttled}");
    }

    #[test]
    fn the_rate_falls_once_for_what_was_under_way() {
        let mut pacer = Pacer::default();
        (0..20).for_each(|_| pacer.answered(ms(900)));
        for sent in [800, 850, 899] {
            pacer.throttled(ms(sent), ms(1_000));
        }
        assert_eq!(pacer.takes(ms(1_000)), Some(20.0));
        assert_eq!(pacer.may_send(ms(1_000)), Err(Duration::from_secs_f64(1.0 / 14.0)));
        pacer.throttled(ms(1_000), ms(1_100));
        let most = pacer.takes(ms(1_100)).unwrap();
        assert!(most > 14.0 && most < 16.0, "{most}");
        // Nothing was answered in the last second.
        pacer.throttled(ms(3_000), ms(3_100));
        assert_eq!(pacer.may_send(ms(3_100)), Err(ms(2_000)));
        assert_eq!(pacer.takes(ms(60_000)), None, "the rate has grown far beyond what was too much");
    }

    #[test]
    fn an_urgent_call_waits_for_nobody_and_counts() {
        let mut pacer = Pacer::default();
        (0..10).for_each(|_| pacer.answered(ms(0)));
        pacer.throttled(ms(0), ms(0));
        let first = pacer.may_send(ms(0)).unwrap_err();
        pacer.send(ms(0));
        assert!(pacer.may_send(ms(0)).unwrap_err() > first + ms(140));
    }

    #[test]
    fn a_service_that_answers_nothing_is_given_up() {
        let mut pacer = Pacer::default();
        assert!(!pacer.is_silent(ms(1_000), ms(180_999)) && pacer.is_silent(ms(1_000), ms(181_000)));
        pacer.answered(ms(100_000));
        assert!(!pacer.is_silent(ms(1_000), ms(279_999)) && pacer.is_silent(ms(1_000), ms(280_000)));
    }

    #[test]
    fn whoever_waits_for_one_service_holds_up_no_other_and_no_urgent_call() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (slow, other, permits) = (Gate::new(), Gate::new(), Semaphore::new(1));
            slow.pass(&permits, false, || false).await.unwrap().note(true);
            // Its next call is two seconds away.
            let waiting = tokio::time::timeout(ms(20), slow.pass(&permits, false, || false)).await;
            assert!(waiting.is_err());
            let urgent = slow.pass(&permits, true, || false).await.unwrap();
            let passed = other.pass(&permits, false, || false).await.unwrap();
            assert_eq!(permits.available_permits(), 0, "the urgent one took none");
            drop((urgent, passed));
            assert_eq!(permits.available_permits(), 1);
            assert!(slow.pass(&permits, false, || true).await.is_none(), "a run that has stopped waits no longer");
        });
    }
}
