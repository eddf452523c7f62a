//! How writing goes: counted for whoever asks after the server's health, said in the log, and final when the disk fails.

use crate::clock::Clock;
use crate::throttle::Throttle;
use dacapo_store::{Condition, Maintained, StoreError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// For so long after a commit that failed the server counts as not well, in milliseconds, unless one succeeds.
const UNWELL_MS: u64 = 10_000;

/// How often something was done, and how it went the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Successes since the start.
    pub succeeded: u64,
    /// Failures since the start.
    pub failed: u64,
    /// The time of the last success, in milliseconds since 1970.
    pub last_success_ms: Option<u64>,
    /// The time of the last failure, in milliseconds since 1970, and why.
    pub last_failure: Option<(u64, String)>,
}

impl Tally {
    fn add(&mut self, now_ms: u64, failure: Option<String>) {
        match failure {
            None => {
                self.succeeded += 1;
                self.last_success_ms = Some(now_ms);
            }
            Some(why) => {
                self.failed += 1;
                self.last_failure = Some((now_ms, why));
            }
        }
    }
}

/// How writing goes.
#[derive(Clone, Debug)]
pub struct StorageHealth {
    /// Transactions.
    pub commits: Tally,
    /// Checkpoints: what was committed was moved to its place.
    pub checkpoints: Tally,
    /// The store itself.
    pub condition: Condition,
    /// Why nothing, or not everything, can be written now; `None` while all is well.
    pub trouble: Option<String>,
}

#[derive(Default)]
struct State {
    commits: Tally,
    checkpoints: Tally,
    /// The last commit has failed, at this time.
    failing_since_ms: Option<u64>,
    /// Apart, so that none silences another.
    about_commits: Throttle,
    about_checkpoints: Throttle,
    about_readers: Throttle,
}

/// What the committer tells of its work.
pub(crate) struct Storage {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// What the disk did, once it has failed.
    failure: watch::Sender<Option<Arc<str>>>,
    closing: CancellationToken,
}

impl Storage {
    /// `closing`: cancelled when the disk fails, so that no turn or activity begins any more.
    pub(crate) fn new(clock: Arc<dyn Clock>, closing: CancellationToken) -> Self {
        Self { clock, state: Mutex::default(), failure: watch::Sender::new(None), closing }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn committed(&self) {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        state.commits.add(now_ms, None);
        state.failing_since_ms = None;
    }

    pub(crate) fn not_committed(&self, error: &StoreError, writes: usize, condition: &Condition) {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        state.commits.add(now_ms, Some(error.to_string()));
        state.failing_since_ms = Some(now_ms);
        if let Some(left_out) = state.about_commits.lets_through(now_ms) {
            tracing::error!(%error, writes, left_out, ?condition, "a commit failed");
        }
    }

    /// What the store did for itself after a commit.
    pub(crate) fn maintained(&self, done: &Result<Maintained, StoreError>, condition: impl Fn() -> Condition) {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        match done {
            Ok(Maintained::Nothing) => {}
            Ok(Maintained::Checkpointed { log_pages, moved_pages, is_held }) => {
                state.checkpoints.add(now_ms, None);
                tracing::debug!(log_pages, moved_pages, "moved the log into the database");
                if *is_held && let Some(left_out) = state.about_readers.lets_through(now_ms) {
                    let log_bytes = condition().log_bytes;
                    tracing::warn!(log_bytes, left_out, "the log grows: somebody has been reading in it for long");
                }
            }
            Err(error) => {
                state.checkpoints.add(now_ms, Some(error.to_string()));
                if let Some(left_out) = state.about_checkpoints.lets_through(now_ms) {
                    let condition = condition();
                    tracing::error!(%error, left_out, ?condition, "the log could not be moved into the database");
                }
            }
        }
    }

    /// The disk has failed: nothing is begun any more, and whoever runs the server ends the process.
    pub(crate) fn fail(&self, error: &StoreError) {
        tracing::error!(%error, "the disk failed: the process ends, and goes on from what the disk holds when started again");
        self.closing.cancel();
        self.failure.send_replace(Some(error.to_string().into()));
    }

    /// Returns once the disk has failed: what it did.
    pub(crate) async fn failed(&self) -> Arc<str> {
        let mut failure = self.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await.ok().and_then(|failure| failure.clone());
        match failed {
            Some(failure) => failure,
            // The sender lives as long as this.
            None => std::future::pending().await,
        }
    }

    pub(crate) fn health(&self, condition: Condition) -> StorageHealth {
        let now_ms = self.clock.now_ms();
        let failure = self.failure.borrow().clone();
        let state = self.state();
        let fails = state.failing_since_ms.filter(|since_ms| now_ms.abs_diff(*since_ms) <= UNWELL_MS);
        let why = || state.commits.last_failure.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
        let trouble = match failure {
            Some(failure) => Some(failure.to_string()),
            None if !condition.has_room => {
                Some("the disk is full: only what frees room or ends instances is taken".to_owned())
            }
            None => fails.map(|_| format!("commits fail: {}", why())),
        };
        StorageHealth { commits: state.commits.clone(), checkpoints: state.checkpoints.clone(), condition, trouble }
    }
}
