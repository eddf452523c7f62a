//! Which runs of activities are under way, and how many may be at a time. Admission is a queue in memory: no write, no
//! poll.

use crate::caller::{Run, Runner};
use crate::config::RuntimeConfig;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Runs that were handed over, and of which no durable turn has taken what they came to.
pub(crate) struct Calls {
    in_flight: Mutex<HashSet<Run>>,
    of_modules: Semaphore,
    of_the_host: Semaphore,
}

impl Calls {
    pub(crate) fn new(config: &RuntimeConfig) -> Self {
        let slots = |concurrency: usize| Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Self {
            in_flight: Mutex::default(),
            of_modules: slots(config.activity_concurrency),
            of_the_host: slots(config.host_activity_concurrency),
        }
    }

    fn in_flight(&self) -> MutexGuard<'_, HashSet<Run>> {
        // A set of keys is valid whatever happened while it was locked.
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run begins; `false` when it has begun already.
    pub(crate) fn begin(&self, run: Run) -> bool {
        self.in_flight().insert(run)
    }

    /// A durable turn has taken what the run came to, or nothing ever will.
    pub(crate) fn settle(&self, run: &Run) {
        self.in_flight().remove(run);
    }

    /// Waits until the runner has a place for one more.
    pub(crate) async fn place(&self, runner: Option<&Runner>) -> Option<SemaphorePermit<'_>> {
        let slots = match runner {
            Some(Runner::Host) => &self.of_the_host,
            Some(Runner::Module(_)) | None => &self.of_modules,
        };
        // Never closed: the semaphore lives as long as the runtime.
        slots.acquire().await.ok()
    }
}
