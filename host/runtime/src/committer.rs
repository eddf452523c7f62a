//! Group commit: all writes that wait go into the next transaction, one fsync for all of them.

use crate::scheduler::Scheduler;
use crate::storage::Storage;
use dacapo_core::Payload;
use dacapo_store::{OutboxEntry, Refused, Store, StoreError, Write, Written};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot, watch};

/// Writes in one transaction at most. Larger groups gain nothing, and the first of them waits longer.
const GROUP: usize = 512;
/// KiB in one transaction at most; the first write is taken whatever its size.
const GROUP_KIB: u32 = 16 << 10;

/// How often it is looked whether there is room again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Why a write did not happen, as far as anybody knows.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// The store judged it and refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed; the write has not happened.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The disk failed while it was written: whether it has happened is known after the next start.
    #[error(transparent)]
    Unknown(Arc<StoreError>),
    /// The committer has stopped.
    #[error("the server is shutting down")]
    Closed,
}

type Done = Box<dyn FnOnce(&Result<Written, CommitError>) + Send>;

/// Who is told of a write.
type Waiting = (Done, oneshot::Sender<Result<Written, CommitError>>);

struct Job {
    write: Write,
    weight: u32,
    waiting: Waiting,
}

/// What may wait for the disk at once, from everywhere, in KiB; whoever comes then waits until there is room.
const ROOM_KIB: u32 = 256 << 10;

/// What a write takes of the room: its KiB, and one for itself.
fn weight(write: &Write) -> u32 {
    let sent = |entry: &OutboxEntry| match entry {
        OutboxEntry::Start { new, .. } => new.opening.size_bytes(),
        OutboxEntry::Event(delivery) => delivery.event.size_bytes(),
        OutboxEntry::Ended { event, .. } | OutboxEntry::ToSelf(event) => event.size_bytes(),
        OutboxEntry::EndChildren { .. } => 0,
    };
    let payload = |payload: &Option<Payload>| payload.as_ref().map_or(0, Payload::len_bytes);
    let bytes = match write {
        Write::Create(new) => new.opening.size_bytes(),
        Write::Turn(turn) => {
            let own = turn.record.len() + payload(&turn.custom_status) + payload(&turn.output);
            let next = turn.next.as_ref().map_or(0, |next| next.opening.len());
            own + next + turn.outbox.iter().map(sent).sum::<usize>()
        }
        Write::Deliver(delivery) => delivery.event.size_bytes(),
        Write::AddModule(new) => new.component.len(),
        Write::Reopen { .. }
        | Write::Discard { .. }
        | Write::Repin { .. }
        | Write::Purge { .. }
        | Write::Activate(_)
        | Write::DeleteVersion(_) => 0,
    };
    u32::try_from(1 + (bytes >> 10)).unwrap_or(ROOM_KIB).min(ROOM_KIB)
}

/// The one writer.
pub(crate) struct Committer {
    jobs: Mutex<Option<UnboundedSender<Box<Job>>>>,
    room: Arc<Semaphore>,
    groups: Arc<Groups>,
    /// Ready once the loop has ended.
    ended: Mutex<Option<BoxFuture<'static, ()>>>,
}

/// How far the groups are: a reader of the store may see one before those who wait for it are told.
struct Groups {
    /// Groups that the store was given.
    begun: AtomicU64,
    /// Groups of which everybody was told.
    published: watch::Sender<u64>,
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
    /// `storage` is told how it goes. After a failure of the disk the loop ends, and with it all writing.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        storage: Arc<Storage>,
        scheduler: Arc<dyn Scheduler>,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = unbounded_channel();
        let room = Arc::new(Semaphore::new(ROOM_KIB as usize));
        let groups = Arc::new(Groups { begun: AtomicU64::new(0), published: watch::Sender::new(0) });
        let (made, told) = (room.clone(), groups.clone());
        let writer = Writer { store, storage, scheduler: scheduler.clone(), room: made, groups: told };
        let run = async move {
            if AssertUnwindSafe(writer.run(receiver)).catch_unwind().await.is_err() {
                // Nothing can be written any more, and it is not known what the last group came to: only a new start,
                // which reads the store, can tell.
                tracing::error!(
                    "the committer panicked; the process ends, and goes on from the store when started again"
                );
                std::process::abort();
            }
        };
        let ended = scheduler.run_loop("committer", Box::pin(run))?;
        Ok(Self { jobs: Mutex::new(Some(sender)), room, groups, ended: Mutex::new(Some(ended)) })
    }

    /// As [`Committer::submit`], and waits for the answer.
    pub(crate) async fn commit(
        &self,
        write: Write,
        done: impl FnOnce(&Result<Written, CommitError>) + Send + 'static,
    ) -> Result<Written, CommitError> {
        self.submit(write, done).await?.answer().await
    }

    /// Hands a write in, behind those that were handed in before it. `done` is called before the next group begins, in
    /// the order of commits: what has to follow that order (what readers see, who is woken) belongs there. It must be
    /// quick.
    pub(crate) fn submit(
        &self,
        write: Write,
        done: impl FnOnce(&Result<Written, CommitError>) + Send + 'static,
    ) -> impl Future<Output = Result<Pending, CommitError>> + Send {
        let (answer, answered) = oneshot::channel();
        // Boxed before anything is waited for, so that the tasks that wait here are small.
        let job = Box::new(Job { weight: weight(&write), write, waiting: (Box::new(done), answer) });
        async move {
            // Full only when the disk stands still. The committer makes room again, group by group.
            self.room.acquire_many(job.weight).await.map_err(|_| CommitError::Closed)?.forget();
            let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            let sent = jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
            sent.then_some(Pending(answered)).ok_or(CommitError::Closed)
        }
    }

    /// Returns once everybody was told of what the store holds by now: who reads it, and then waits for this, is not ahead
    /// of those who are told.
    pub(crate) async fn published(&self) {
        let begun = self.groups.begun.load(Ordering::Acquire);
        // The sender lives in `self`.
        let _ = self.groups.published.subscribe().wait_for(|published| *published >= begun).await;
    }

    /// Commits what was handed in, then stops.
    pub(crate) async fn stop(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended {
            // It ends when the last sender is gone. A panic of it ends the process.
            ended.await;
        }
        // Whoever still waits for room learns that there will be none.
        self.room.close();
    }
}

/// What the committer's loop works with.
struct Writer {
    store: Arc<dyn Store>,
    storage: Arc<Storage>,
    scheduler: Arc<dyn Scheduler>,
    room: Arc<Semaphore>,
    groups: Arc<Groups>,
}

impl Writer {
    /// Until nobody can hand anything in any more, or the disk has failed.
    async fn run(self, jobs: UnboundedReceiver<Box<Job>>) {
        let Err(error) = self.work(jobs).await else { return };
        // Those in the queue learned that nobody writes any more when it was dropped; now those who wait for room.
        self.room.close();
        self.storage.fail(&error);
    }

    async fn work(&self, mut jobs: UnboundedReceiver<Box<Job>>) -> Result<(), Arc<StoreError>> {
        let mut writes = Vec::with_capacity(GROUP);
        let mut waiting = Vec::with_capacity(GROUP);
        let mut has_room = true;
        loop {
            let mut next = tokio::select! {
                biased;
                job = jobs.recv() => match job {
                    Some(first) => Some(first),
                    None => return Ok(()),
                },
                () = self.scheduler.wait(LOOK_AGAIN), if !has_room => None,
            };
            let mut taken_kib = 0;
            while let Some(job) = next {
                let Job { write, weight, waiting: told } = *job;
                taken_kib += weight;
                writes.push(write);
                waiting.push(told);
                let is_full = writes.len() >= GROUP || taken_kib >= GROUP_KIB;
                next = if is_full { None } else { jobs.try_recv().ok() };
            }
            self.room.add_permits(taken_kib as usize);
            if !writes.is_empty() {
                let group = self.groups.begun.fetch_add(1, Ordering::AcqRel) + 1;
                let committed = self.commit(&writes, waiting.drain(..));
                writes.clear();
                self.groups.published.send_replace(group);
                committed?;
            }
            has_room = self.maintain()?;
        }
    }

    /// Nobody waits for this: what was written before it has been answered.
    fn maintain(&self) -> Result<bool, Arc<StoreError>> {
        let done = self.store.maintain();
        self.storage.maintained(&done, || self.store.condition());
        match done {
            Err(error) if error.is_unknown() => Err(Arc::new(error)),
            _ => Ok(self.store.has_room()),
        }
    }

    fn commit(&self, writes: &[Write], waiting: impl Iterator<Item = Waiting>) -> Result<(), Arc<StoreError>> {
        match self.store.commit(writes) {
            Ok(answers) => {
                self.storage.committed();
                for (job, answer) in waiting.zip(answers) {
                    answered(job, answer.map_err(CommitError::Refused));
                }
                Ok(())
            }
            Err(error) => {
                self.storage.not_committed(&error, writes.len(), &self.store.condition());
                match error.is_unknown() {
                    true => Err(unknown(waiting, error)),
                    false => self.one_by_one(writes, waiting, error),
                }
            }
        }
    }

    /// Nothing of a group has happened: perhaps because of one write that the store cannot take. The others must not
    /// suffer for it.
    fn one_by_one(
        &self,
        writes: &[Write],
        mut waiting: impl Iterator<Item = Waiting>,
        error: StoreError,
    ) -> Result<(), Arc<StoreError>> {
        let mut first = (writes.len() == 1).then_some(error);
        for write in writes {
            let committed = match first.take() {
                Some(error) => Err(error),
                None => self.store.commit(std::slice::from_ref(write)),
            };
            let Some(job) = waiting.next() else { break };
            match committed {
                Ok(mut answers) => {
                    self.storage.committed();
                    let answer = answers.pop().expect("one answer for each write");
                    answered(job, answer.map_err(CommitError::Refused));
                }
                // Those behind it were not tried: they are told that nobody writes any more.
                Err(error) if error.is_unknown() => return Err(unknown(std::iter::once(job), error)),
                Err(error) => answered(job, Err(CommitError::Store(Arc::new(error)))),
            }
        }
        Ok(())
    }
}

/// Tells those who wait that nobody knows.
fn unknown(waiting: impl Iterator<Item = Waiting>, error: StoreError) -> Arc<StoreError> {
    let error = Arc::new(error);
    for job in waiting {
        answered(job, Err(CommitError::Unknown(error.clone())));
    }
    error
}

fn answered((done, answer): Waiting, result: Result<Written, CommitError>) {
    done(&result);
    let _ = answer.send(result);
}
