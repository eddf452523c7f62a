//! What all parts of the runtime stand on: settings, time, the store, those who run guests, and what is known in memory.

use crate::board::StatusBoard;
use crate::calls::Calls;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::committer::Committer;
use crate::config::RuntimeConfig;
use crate::executor::Guests;
use crate::ground::Ground;
use crate::prepared::Prepared;
use crate::scheduler::Scheduler;
use crate::slots::Way;
use crate::storage::Storage;
use crate::wheel::Timers;
use dacapo_store::{Store, StoreError};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Cold instances that are read from the store and replayed at the same time.
const COLD_LOADS: usize = 64;

/// Reads for those outside at the same time; more only wait for each other in the store.
const OUTSIDE_READS: usize = 16;

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
    pub(crate) storage: Arc<Storage>,
    pub(crate) board: StatusBoard,
    pub(crate) calls: Calls,
    pub(crate) timers: Timers,
    /// The way to those who hold the instances.
    pub(crate) slots: Way,
    /// Bounds how many cold instances are read and replayed at once.
    pub(crate) cold_loads: Arc<Semaphore>,
    /// Has one permit, for those instances that may have ended the last process.
    pub(crate) suspects: Semaphore,
    /// Bounds reads for those outside: each holds a thread.
    outside: Semaphore,
    /// Everything that was spawned. Empty: nothing holds the store any more.
    pub(crate) tasks: TaskTracker,
    pub(crate) scheduler: Arc<dyn Scheduler>,
    pub(crate) closing: CancellationToken,
    pub(crate) started_at_ms: u64,
}

impl Runtime {
    /// What all parts stand on, before anything runs.
    pub(crate) fn new(ground: Ground, config: RuntimeConfig) -> std::io::Result<(Arc<Self>, mpsc::Receiver<()>)> {
        let Ground { store, guests, clock, scheduler } = ground;
        let (timers, armed) = Timers::new(config.timers_in_memory);
        let catalog = Arc::new(Catalog::default());
        let closing = CancellationToken::new();
        let storage = Arc::new(Storage::new(clock.clone(), closing.clone()));
        let runtime = Self {
            prepared: Prepared::new(guests.loader.clone(), catalog.clone(), scheduler.clone()),
            catalog,
            committer: Committer::start(store.clone(), storage.clone(), scheduler.clone())?,
            storage,
            board: StatusBoard::new(config.status_cache_bytes, clock.now_ms()),
            calls: Calls::new(&config),
            timers,
            slots: Way::default(),
            cold_loads: Arc::new(Semaphore::new(COLD_LOADS)),
            suspects: Semaphore::new(1),
            outside: Semaphore::new(OUTSIDE_READS),
            tasks: TaskTracker::new(),
            scheduler,
            closing,
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
        self.scheduler.spawn(Box::pin(self.tasks.track_future(task)));
    }

    /// Does something to its end, also where whoever waits for it has gone.
    pub(crate) async fn carry_through<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (answer, answered) = oneshot::channel();
        self.spawn(async move {
            // Whoever asked may have gone.
            let _ = answer.send(work.await);
        });
        answered.await.expect("nobody cancels it, and the runtime outlives those who wait")
    }

    /// Waits that long, whatever the machine's clock says meanwhile; `false` when the runtime closes before.
    pub(crate) async fn rest_ms(&self, ms: u64) -> bool {
        tokio::select! {
            biased;
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
        let (answer, answered) = oneshot::channel();
        let job = move || {
            // Whoever asked may have gone.
            let _ = answer.send(read(&*store));
        };
        self.scheduler.run_blocking(Box::new(job)).await;
        let lost = |_| StoreError::Engine { doing: "reading", source: "the read panicked, or was not begun".into() };
        answered.await.map_err(lost)?
    }

    /// A read for people: once it has answered, the status board shows no less than it has seen. However many there are,
    /// the engine's own reads wait behind none of them.
    pub(crate) async fn read_published<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let closed = |_| StoreError::Engine { doing: "reading", source: "the server is shutting down".into() };
        let _one_of_so_many = self.outside.acquire().await.map_err(closed)?;
        let result = self.read(move |store| dacapo_store::asker::for_outside(|| read(store))).await;
        self.committer.published().await;
        result
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
