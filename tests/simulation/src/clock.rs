//! A clock that stands still until it is moved, and wakes those who wait in the order in which they came. (The runtime's
//! own `ManualClock` draws whom it wakes first.)

use dacapo_runtime::Clock;
use futures::future::BoxFuture;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::oneshot;

/// See the file.
pub(crate) struct OrderlyClock {
    state: Mutex<State>,
}

struct State {
    now_ms: u64,
    /// How much time has passed, however the clock was set.
    passed_ms: u64,
    waiting: Vec<(Until, oneshot::Sender<()>)>,
}

#[derive(Clone, Copy)]
enum Until {
    Time(u64),
    Passed(u64),
}

impl State {
    fn is_due(&self, until: Until) -> bool {
        match until {
            Until::Time(at_ms) => at_ms <= self.now_ms,
            Until::Passed(at_ms) => at_ms <= self.passed_ms,
        }
    }
}

impl OrderlyClock {
    /// Stands at `now_ms`.
    pub(crate) fn new(now_ms: u64) -> Self {
        Self { state: Mutex::new(State { now_ms, passed_ms: 0, waiting: Vec::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }

    /// Stands at `now_ms` from now on, as a clock that is set: forward or back. No time passes.
    pub(crate) fn set(&self, now_ms: u64) {
        self.change(|state| state.now_ms = now_ms);
    }

    /// Time passes.
    pub(crate) fn advance_ms(&self, by_ms: u64) {
        self.change(|state| {
            state.now_ms += by_ms;
            state.passed_ms += by_ms;
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let due = {
            let mut state = self.state();
            change(&mut state);
            let waiting = std::mem::take(&mut state.waiting);
            let (due, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(until, _)| state.is_due(*until));
            state.waiting = waiting;
            state.waiting.retain(|(_, waiting)| !waiting.is_closed());
            due
        };
        for (_, waiting) in due {
            // Whoever waited may have gone.
            let _ = waiting.send(());
        }
    }

    fn wait(&self, until: impl FnOnce(&State) -> Until) -> BoxFuture<'_, ()> {
        let mut state = self.state();
        let until = until(&state);
        if state.is_due(until) {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        state.waiting.push((until, wake));
        Box::pin(async {
            let _ = woken.await;
        })
    }
}

impl Clock for OrderlyClock {
    fn now_ms(&self) -> u64 {
        self.state().now_ms
    }

    fn sleep_until(&self, at_ms: u64) -> BoxFuture<'_, ()> {
        self.wait(|_| Until::Time(at_ms))
    }

    fn rest_ms(&self, ms: u64) -> BoxFuture<'_, ()> {
        self.wait(|state| Until::Passed(state.passed_ms.saturating_add(ms)))
    }
}
