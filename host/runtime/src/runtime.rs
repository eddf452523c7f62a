//! What all parts of the runtime stand on: settings, time, the store, those who run guests, and what is known in memory.

use crate::board::StatusBoard;
use crate::calls::Calls;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::committer::Committer;
use crate::config::RuntimeConfig;
use crate::executor::Guests;
use crate::prepared::Prepared;
use crate::slots::Way;
use crate::wheel::Timers;
use dacapo_store::{Store, StoreError};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Cold instances that are read from the store and replayed at the same time.
const COLD_LOADS: usize = 64;

/// After which time something is tried again that did not answer, in milliseconds.
pub(crate) const RETRY_MS: u64 = 1_000;

/// After which time a guest that found no room looks again, in milliseconds.
const ROOM_RETRY_MS: u64 = 10;

/// Everything that runs, wired together. The outside holds a [`crate::Client`] of it.
pub struct Runtime {
    pub(crate) config: RuntimeConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) guests: Guests,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) prepared: Prepared,
    pub(crate) committer: Committer,
    pub(crate) board: StatusBoard,
    pub(crate) calls: Calls,
    pub(crate) timers: Timers,
    /// The way to those who hold the instances.
    pub(crate) slots: Way,
    /// Bounds how many cold instances are read and replayed at once.
    pub(crate) cold_loads: Arc<Semaphore>,
    /// Everything that was spawned. Empty: nothing holds the store any more.
    pub(crate) tasks: TaskTracker,
    /// For what the committer's thread starts.
    spawner: tokio::runtime::Handle,
    pub(crate) closing: CancellationToken,
    pub(crate) started_at_ms: u64,
}

impl Runtime {
    /// What it stands on, before anything runs. Must be called within a tokio runtime.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        guests: Guests,
        clock: Arc<dyn Clock>,
        config: RuntimeConfig,
    ) -> std::io::Result<(Arc<Self>, mpsc::Receiver<()>)> {
        let (timers, armed) = Timers::new(config.timers_in_memory);
        let catalog = Arc::new(Catalog::default());
        let runtime = Self {
            prepared: Prepared::new(guests.loader.clone(), catalog.clone()),
            catalog,
            committer: Committer::start(store.clone())?,
            board: StatusBoard::new(config.status_cache_bytes, clock.now_ms()),
            calls: Calls::new(&config),
            timers,
            slots: Way::default(),
            cold_loads: Arc::new(Semaphore::new(COLD_LOADS)),
            tasks: TaskTracker::new(),
            spawner: tokio::runtime::Handle::current(),
            closing: CancellationToken::new(),
            started_at_ms: clock.now_ms(),
            config,
            clock,
            store,
            guests,
        };
        Ok((Arc::new(runtime), armed))
    }

    /// Starts a task, from whatever thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawner.spawn(self.tasks.track_future(task));
    }

    /// Does something to its end, also where whoever waits for it has gone.
    pub(crate) async fn carry_through<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let done = self.spawner.spawn(self.tasks.track_future(work)).await;
        done.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => unreachable!("nobody cancels it, and the runtime outlives those who wait: {error}"),
        })
    }

    /// Waits that long, whatever the machine's clock says meanwhile; `false` when the runtime closes before.
    pub(crate) async fn rest_ms(&self, ms: u64) -> bool {
        tokio::select! {
            () = self.clock.rest_ms(ms) => true,
            () = self.closing.cancelled() => false,
        }
    }

    /// Makes room for one more guest: one at rest goes, or, where all are at work, it waits a little; they will soon rest.
    /// `false` when the runtime closes before.
    pub(crate) async fn make_room(&self) -> bool {
        self.slots.evict_one() || self.rest_ms(ROOM_RETRY_MS).await
    }

    /// No new turn or activity begins from now on.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// A read of the store, off the async threads. It may be ahead of what the status board shows.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || read(&*store)).await {
            Ok(result) => result,
            Err(error) => Err(StoreError::Engine { doing: "reading", source: Box::new(error) }),
        }
    }

    /// A read for people: once it has answered, the status board shows no less than it has seen.
    pub(crate) async fn read_published<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let result = self.read(read).await;
        self.committer.published().await;
        result
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
