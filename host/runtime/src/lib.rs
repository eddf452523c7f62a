//! Turns, routing, group commit, timers, activities and recovery: what makes stored instances run.
//!
//! | module | holds |
//! |---|---|
//! | [`client`] | the only door: start, status, raise, terminate, list, purge, deploy |
//! | [`executor`] | what the runtime asks of those who run guests |
//! | [`watch`] | statuses as readers see them, and who waits for one |
//! | [`modules`] | which module version serves which function |
//! | [`config`], [`clock`] | settings, and the only source of time |
//! | [`check`] | would open instances go on with another build |
//! | [`export`] | a history as a file, and how it is played without a server |
//! | `upgrade` | moves an open instance to another version |
//! | `router` | finds or makes the slot of an instance; evicts the least recently used warm ones |
//! | `instance` | plays the turns of one instance, one at a time |
//! | `player` | plays one execution on a guest, live or from a history |
//! | `committer` | group commit |
//! | `timers`, `activities` | what a committed turn asked for |
//! | `recovery` | finds the work that a stopped server left |

mod activities;
pub mod check;
pub mod client;
pub mod clock;
mod committer;
pub mod config;
pub mod executor;
pub mod export;
mod instance;
pub mod modules;
mod player;
mod recovery;
mod router;
mod timers;
mod upgrade;
pub mod watch;

pub use check::Checked;
pub use client::{Client, ClientError, Start};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::RuntimeConfig;
pub use executor::{Exports, Guests, InvalidModule};
pub use modules::DeployError;
pub use watch::{ActivityProgress, InstanceView};

use activities::Activities;
use committer::{CommitError, Committer};
use dacapo_core::{Event, InstanceId};
use dacapo_store::{Delivery, InstanceKey, NewInstance, Sent, Store, StoreError, Write, Written};
use modules::Catalog;
use router::{Message, Router};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use timers::Timers;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watch::StatusBoard;

/// Everything that runs, wired together. The outside holds a [`Client`] of it.
pub struct Runtime {
    pub(crate) config: RuntimeConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) guests: Guests,
    pub(crate) catalog: Catalog,
    pub(crate) committer: Committer,
    pub(crate) board: StatusBoard,
    pub(crate) router: Router,
    pub(crate) activities: Activities,
    pub(crate) timers: Timers,
    pub(crate) deploying: tokio::sync::Mutex<()>,
    /// Everything that was spawned. Empty: nothing holds the store any more.
    tasks: TaskTracker,
    /// For what the committer's thread starts.
    spawner: tokio::runtime::Handle,
    closing: CancellationToken,
    pub(crate) started_at_ms: u64,
}

/// Why the runtime could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The committer's thread could not be started.
    #[error("cannot start the committer's thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Runtime {
    /// Starts on what the store holds: unfinished work goes on at once. Must be called within a tokio runtime.
    pub async fn start(
        store: Arc<dyn Store>,
        guests: Guests,
        clock: Arc<dyn Clock>,
        config: RuntimeConfig,
    ) -> Result<Client, StartError> {
        let (timers, armed) = Timers::new(config.timers_in_memory);
        let runtime = Arc::new(Self {
            catalog: Catalog::default(),
            committer: Committer::start(store.clone())?,
            board: StatusBoard::new(config.status_cache_bytes, clock.now_ms()),
            router: Router::new(&config),
            activities: Activities::new(&config),
            timers,
            deploying: tokio::sync::Mutex::new(()),
            tasks: TaskTracker::new(),
            spawner: tokio::runtime::Handle::current(),
            closing: CancellationToken::new(),
            started_at_ms: clock.now_ms(),
            config,
            clock,
            store,
            guests,
        });
        let versions = runtime.read(|store| store.modules()).await?;
        runtime.catalog.load(versions);
        runtime.spawn(timers::run(runtime.clone(), armed));
        runtime.spawn(recovery::run(runtime.clone()));
        Ok(Client { runtime })
    }

    /// Starts a task, from whatever thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawner.spawn(self.tasks.track_future(task));
    }

    /// Waits until `at_ms`; `false` when the runtime closes before.
    pub(crate) async fn sleep_until(&self, at_ms: u64) -> bool {
        tokio::select! {
            () = self.clock.sleep_until(at_ms) => true,
            () = self.closing.cancelled() => false,
        }
    }

    /// Waits that long; `false` when the runtime closes before.
    pub(crate) async fn sleep_ms(&self, ms: u64) -> bool {
        self.sleep_until(self.clock.now_ms().saturating_add(ms)).await
    }

    /// Makes room for one more guest: one at rest goes, or, where all are at work, it waits a little; they will soon rest.
    /// `false` when the runtime closes before.
    pub(crate) async fn make_room(&self) -> bool {
        self.router.evict_one() || self.sleep_ms(ROOM_RETRY_MS).await
    }

    /// No new turn or activity begins from now on.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// A read of the store, off the async threads.
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

    pub(crate) async fn create(self: &Arc<Self>, new: NewInstance) -> Result<(), CommitError> {
        let runtime = self.clone();
        let begun = new.clone();
        self.committer
            .commit_then(Write::Create(new), move |written| {
                if let Ok(Written::Created { key, epoch }) = *written {
                    runtime.wake(Sent::Created { key, epoch, new: begun });
                }
            })
            .await?;
        Ok(())
    }

    pub(crate) async fn deliver(self: &Arc<Self>, delivery: Delivery) -> Result<(), CommitError> {
        let runtime = self.clone();
        let (id, event) = (delivery.id.clone(), delivery.event.clone());
        self.committer
            .commit_then(Write::Deliver(delivery), move |written| {
                if let Ok(Written::Delivered { key, seq }) = *written {
                    runtime.wake(Sent::Delivered { id, key, seq, event });
                }
            })
            .await?;
        Ok(())
    }

    /// Lets a failed instance go on.
    pub(crate) async fn reopen(self: &Arc<Self>, id: InstanceId, reason: String) -> Result<(), CommitError> {
        let runtime = self.clone();
        self.committer
            .commit_then(Write::Reopen { id: id.clone(), reason: reason.clone() }, move |written| {
                if let Ok(Written::Delivered { key, seq }) = *written {
                    let event = Event::ExecutionRewound { reason, from_turn: None };
                    runtime.wake(Sent::Delivered { id, key, seq, event });
                }
            })
            .await?;
        Ok(())
    }

    /// What was sent to an instance is durable: it plays its next turn.
    pub(crate) fn wake(self: &Arc<Self>, sent: Sent) {
        match sent {
            Sent::Created { key, epoch, new } => {
                let created = instance::Created { key, epoch, new };
                self.board.publish(created.view());
                let id = created.new.id.clone();
                Router::post(self, &id, Message::Created(Box::new(created)));
            }
            Sent::Delivered { id, key, seq, event } => {
                if matches!(event, Event::ExecutionRewound { .. }) {
                    self.board.forget(&id);
                }
                Router::post(self, &id, Message::Inbox { key, seq, event });
            }
        }
    }

    /// `only`: the instance must be this one, not one that took its id since.
    pub(crate) async fn purge(
        self: &Arc<Self>,
        id: InstanceId,
        force: bool,
        only: Option<InstanceKey>,
    ) -> Result<(), CommitError> {
        let runtime = self.clone();
        self.committer
            .commit_then(Write::Purge { id: id.clone(), force, only }, move |written| {
                if let Ok(Written::Purged { key }) = *written {
                    runtime.board.remove(&id, key);
                    runtime.timers.set(key, &id, None);
                    Router::post_if_awake(&runtime, &id, Message::Purged(key));
                }
            })
            .await?;
        Ok(())
    }

    /// Stops: no new turn begins, those under way are committed, and the committer ends. What is left undone is in the
    /// store. Waits `patience` at most for activities and turns under way.
    pub(crate) async fn drain(&self, patience: Duration) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("stopped with turns or activities under way: they run again after the next start");
        }
        self.committer.stop().await;
    }
}

/// After which time something is tried again that did not answer, in milliseconds.
pub(crate) const RETRY_MS: u64 = 1_000;

/// After which time a guest that found no room looks again, in milliseconds.
const ROOM_RETRY_MS: u64 = 10;

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}

impl Client {
    /// Stops the runtime: no new turn begins, those under way are committed. Requests after it answer
    /// [`ClientError::ShuttingDown`].
    pub async fn drain(&self, patience: Duration) {
        self.runtime.drain(patience).await;
    }
}
