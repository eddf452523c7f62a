//! Group commit: all writes that wait go into the next transaction, one fsync for all of them.

use dacapo_store::{Refused, Store, StoreError, Write, Written};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, oneshot};

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

/// Writes that may wait for the disk at once, from everywhere; whoever comes then waits until there is room.
const WAITING: usize = 64 * GROUP;

/// The one writer.
pub(crate) struct Committer {
    jobs: Mutex<Option<Sender<Job>>>,
    room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A write that was handed in: durable, or refused, once there is an answer.
pub(crate) struct Pending(oneshot::Receiver<Result<Written, CommitError>>);

impl Pending {
    /// Waits for the answer. May be dropped half way and called again, until it has answered.
    pub(crate) async fn answer(&mut self) -> Result<Written, CommitError> {
        (&mut self.0).await.unwrap_or(Err(CommitError::Closed))
    }
}

impl Committer {
    pub(crate) fn start(store: Arc<dyn Store>) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let room = Arc::new(Semaphore::new(WAITING));
        let made = room.clone();
        let run = move || run(&*store, &receiver, &made);
        let thread = std::thread::Builder::new().name("committer".into()).spawn(run)?;
        Ok(Self { jobs: Mutex::new(Some(sender)), room, thread: Mutex::new(Some(thread)) })
    }

    /// Writes, and returns when it is durable.
    pub(crate) async fn commit(&self, write: Write) -> Result<Written, CommitError> {
        self.commit_then(write, |_| ()).await
    }

    /// As [`Committer::submit`], and waits for the answer.
    pub(crate) async fn commit_then(
        &self,
        write: Write,
        done: impl FnOnce(&Result<Written, CommitError>) + Send + 'static,
    ) -> Result<Written, CommitError> {
        self.submit(write, done).await?.answer().await
    }

    /// Hands a write in, behind those that were handed in before it. `done` is called before the next group begins, in
    /// the order of commits: what has to follow that order (what readers see, who is woken) belongs there. It must be
    /// quick.
    pub(crate) async fn submit(
        &self,
        write: Write,
        done: impl FnOnce(&Result<Written, CommitError>) + Send + 'static,
    ) -> Result<Pending, CommitError> {
        // Full only when the disk stands still. The committer makes room again, group by group.
        self.room.acquire().await.map_err(|_| CommitError::Closed)?.forget();
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().is_some_and(|jobs| jobs.send(Job { write, done: Box::new(done), answer }).is_ok());
        sent.then_some(Pending(answered)).ok_or(CommitError::Closed)
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

fn run(store: &dyn Store, jobs: &Receiver<Job>, room: &Semaphore) {
    let mut writes = Vec::with_capacity(GROUP);
    let mut waiting = Vec::with_capacity(GROUP);
    while let Ok(first) = jobs.recv() {
        for job in std::iter::once(first).chain(jobs.try_iter()).take(GROUP) {
            writes.push(job.write);
            waiting.push((job.done, job.answer));
        }
        room.add_permits(writes.len());
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
