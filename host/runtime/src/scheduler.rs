//! The only place where something is set going: tasks, reads that block, the committer's loop, and waits of the machine.
//!
//! In production that is tokio. A simulation has one of its own, which runs everything on one thread, in an order that
//! grows from a seed; nothing else of the runtime knows a difference.

use futures::future::BoxFuture;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Sets things going.
pub trait Scheduler: Send + Sync + 'static {
    /// Starts a task. Called from any thread.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Runs what may block (a read of the store) off the threads of tasks; the future is ready once it has run, or will
    /// not run any more. Dropping the future does not stop it.
    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()>;

    /// Starts a loop that may block whenever it is polled (the committer's), apart from all tasks; the future is ready
    /// once the loop has ended. The error says why it could not be started.
    fn run_loop(&self, name: &str, work: BoxFuture<'static, ()>) -> std::io::Result<BoxFuture<'static, ()>>;

    /// Waits that long by the machine, whatever the clock of flows says.
    fn wait(&self, patience: Duration) -> BoxFuture<'static, ()>;
}

/// The tokio runtime that a server runs on.
pub(crate) struct TokioScheduler(Handle);

impl TokioScheduler {
    /// The one that this is called in.
    pub(crate) fn current() -> Self {
        Self(Handle::current())
    }
}

impl Scheduler for TokioScheduler {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let running = self.0.spawn_blocking(job);
        Box::pin(async {
            // An error says that the job panicked, or that tokio goes down: whoever waits for what it was to bring gets
            // nothing.
            let _ = running.await;
        })
    }

    fn run_loop(&self, name: &str, work: BoxFuture<'static, ()>) -> std::io::Result<BoxFuture<'static, ()>> {
        let (end, ended) = oneshot::channel::<()>();
        let handle = self.0.clone();
        let run = move || {
            handle.block_on(work);
            drop(end);
        };
        std::thread::Builder::new().name(name.into()).spawn(run)?;
        Ok(Box::pin(async {
            // Dropped without a word, with all that the loop held.
            let _ = ended.await;
        }))
    }

    fn wait(&self, patience: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(patience))
    }
}
