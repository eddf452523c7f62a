//! Group commit: all writes that wait go into the next transaction, one fsync for all of them.

use dacapo_store::{Refused, Store, StoreError, Write, Written};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Writes in one transaction at most. Larger groups gain nothing, and the first of them waits longer.
const GROUP: usize = 512;

/// Why a write did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// The store judged it and refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed; nothing of the whole group has happened.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The committer has stopped.
    #[error("the server is shutting down")]
    Closed,
}

type Done = Box<dyn FnOnce(&Result<Written, CommitError>) + Send>;

struct Job {
    write: Write,
    done: Done,
    answer: oneshot::Sender<Result<Written, CommitError>>,
}

/// The one writer.
pub(crate) struct Committer {
    jobs: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    pub(crate) fn start(store: Arc<dyn Store>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(64 * GROUP);
        let thread = std::thread::Builder::new().name("committer".into()).spawn(move || run(&*store, &receiver))?;
        Ok(Self { jobs: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    /// Writes, and returns when it is durable.
    pub(crate) async fn commit(&self, write: Write) -> Result<Written, CommitError> {
        self.commit_then(write, |_| ()).await
    }

    /// As [`Committer::commit`]; `done` is called before the next group begins, in the order of commits: what has to
    /// follow that order (what readers see, who is woken) belongs there. It must be quick.
    pub(crate) async fn commit_then(
        &self,
        write: Write,
        done: impl FnOnce(&Result<Written, CommitError>) + Send + 'static,
    ) -> Result<Written, CommitError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { write, done: Box::new(done), answer };
        let sender = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sender) = sender else { return Err(CommitError::Closed) };
        // Full only when the disk stands still; then waiting is right, and it must not hold up other tasks.
        if let Err(std::sync::mpsc::TrySendError::Full(job)) = sender.try_send(job) {
            let _ = tokio::task::spawn_blocking(move || sender.send(job).is_ok()).await;
        }
        answered.await.unwrap_or(Err(CommitError::Closed))
    }

    /// Commits what was handed in, then stops.
    pub(crate) fn stop(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It ends when the last sender is gone; if it panicked there is nothing left to write.
            let _ = thread.join();
        }
    }
}

fn run(store: &dyn Store, jobs: &Receiver<Job>) {
    let mut writes = Vec::with_capacity(GROUP);
    let mut waiting = Vec::with_capacity(GROUP);
    while let Ok(first) = jobs.recv() {
        for job in std::iter::once(first).chain(jobs.try_iter()).take(GROUP) {
            writes.push(job.write);
            waiting.push((job.done, job.answer));
        }
        match store.commit(&writes) {
            Ok(answers) => {
                for ((done, answer), result) in waiting.drain(..).zip(answers) {
                    let result = result.map_err(CommitError::Refused);
                    done(&result);
                    let _ = answer.send(result);
                }
            }
            Err(error) => {
                tracing::error!(%error, writes = writes.len(), "a commit failed; nothing of it has happened");
                let error = Arc::new(error);
                for (done, answer) in waiting.drain(..) {
                    let result = Err(CommitError::Store(error.clone()));
                    done(&result);
                    let _ = answer.send(result);
                }
            }
        }
        writes.clear();
    }
}
