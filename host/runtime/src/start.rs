//! Starts and stops the runtime.

use crate::client::Client;
use crate::clock::Clock;
use crate::config::RuntimeConfig;
use crate::executor::Guests;
use crate::ground::Ground;
use crate::router::Router;
use crate::runtime::Runtime;
use crate::scheduler::TokioScheduler;
use crate::{recovery, timers};
use dacapo_store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

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
        let scheduler = Arc::new(TokioScheduler::current());
        Self::start_on(Ground { store, guests, clock, scheduler }, config).await
    }

    /// As [`Runtime::start`], with a scheduler that need not be tokio.
    pub async fn start_on(ground: Ground, config: RuntimeConfig) -> Result<Client, StartError> {
        let (runtime, armed) = Self::new(ground, config)?;
        let versions = runtime.read(|store| store.modules()).await?;
        runtime.catalog.load(versions);
        let router = Router::new(runtime.clone());
        runtime.spawn(timers::run(runtime.clone(), armed));
        runtime.spawn(recovery::run(runtime.clone()));
        Ok(Client { runtime, router })
    }
}

impl Client {
    /// Returns once the disk has failed: what it did. From then on nothing is written, and no turn or activity begins; what
    /// was being written may have happened or not. End the process: only a new start, which reads what the disk holds,
    /// goes on.
    pub async fn failed(&self) -> Arc<str> {
        self.runtime.storage.failed().await
    }

    /// Stops the runtime: no new turn begins, those under way are committed, and the committer ends. What is left undone
    /// is in the store. Waits `patience` at most for activities and turns under way. Requests after it answer
    /// [`crate::ClientError::ShuttingDown`].
    pub async fn drain(&self, patience: Duration) {
        let runtime = &self.runtime;
        runtime.closing.cancel();
        runtime.tasks.close();
        tokio::select! {
            biased;
            () = runtime.tasks.wait() => {}
            () = runtime.scheduler.wait(patience) => {
                tracing::warn!("stopped with turns or activities under way: they run again after the next start");
            }
        }
        runtime.committer.stop().await;
    }
}
