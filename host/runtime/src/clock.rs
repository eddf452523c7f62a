//! The only source of time: the machine's clock, or one that a test moves by hand.

use futures::future::BoxFuture;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Tells the time and waits for one.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970 (UTC).
    fn now_ms(&self) -> u64;
    /// Returns once [`Clock::now_ms`] is at least `at_ms`.
    fn sleep_until(&self, at_ms: u64) -> BoxFuture<'_, ()>;
    /// Returns after that long, whatever [`Clock::now_ms`] says meanwhile: a clock that is set changes nothing. For waits
    /// of the server's own; what a flow waits for is a time.
    fn rest_ms(&self, ms: u64) -> BoxFuture<'_, ()>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }

    fn sleep_until(&self, at_ms: u64) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // In slices: the machine's clock may be set, and a sleep does not notice.
            loop {
                let left_ms = at_ms.saturating_sub(self.now_ms());
                if left_ms == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(left_ms.min(60_000))).await;
            }
        })
    }

    fn rest_ms(&self, ms: u64) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    time: watch::Sender<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Time {
    now_ms: u64,
    /// How much time has passed, however the clock was set.
    passed_ms: u64,
}

impl ManualClock {
    /// Stands at `now_ms`.
    pub fn new(now_ms: u64) -> Self {
        Self { time: watch::Sender::new(Time { now_ms, passed_ms: 0 }) }
    }

    /// Stands at `now_ms` from now on, as a clock that is set: forward or back. No time passes.
    pub fn set(&self, now_ms: u64) {
        self.time.send_modify(|time| time.now_ms = now_ms);
    }

    /// Time passes; whoever waited for that wakes.
    pub fn advance(&self, by: Duration) {
        let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.time.send_modify(|time| {
            time.now_ms = time.now_ms.saturating_add(by_ms);
            time.passed_ms = time.passed_ms.saturating_add(by_ms);
        });
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.time.borrow().now_ms
    }

    fn sleep_until(&self, at_ms: u64) -> BoxFuture<'_, ()> {
        let mut time = self.time.subscribe();
        Box::pin(async move {
            // The sender lives in `self`, which outlives this future: waiting can only end by the time coming.
            let _ = time.wait_for(|time| time.now_ms >= at_ms).await;
        })
    }

    fn rest_ms(&self, ms: u64) -> BoxFuture<'_, ()> {
        let mut time = self.time.subscribe();
        let until_ms = time.borrow().passed_ms.saturating_add(ms);
        Box::pin(async move {
            let _ = time.wait_for(|time| time.passed_ms >= until_ms).await;
        })
    }
}
