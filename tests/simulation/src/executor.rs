//! One thread that runs what is ready, one poll at a time, in an order that grows from a seed.

use crate::chance::Chance;
use dacapo_runtime::scheduler::Scheduler;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use tokio::sync::oneshot;

/// Steps in which what is driven must come to its end.
const PATIENCE: usize = 1_000_000;

type Task = BoxFuture<'static, ()>;

/// A process that can be killed: its tasks, and which of them are ready.
#[derive(Clone)]
pub(crate) struct Executor(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
}

struct State {
    chance: Chance,
    last: u64,
    tasks: BTreeMap<u64, Task>,
    ready: Vec<u64>,
    /// The loop that runs only when nothing else can; where there is none, it is a task as any other.
    last_of_all: Option<u64>,
    /// Whether the next loop is that one.
    loop_comes_last: bool,
    /// Those whose patience runs out when nothing else can run.
    patient: VecDeque<oneshot::Sender<()>>,
    killed: bool,
}

struct Waking {
    shared: Weak<Shared>,
    task: u64,
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut state = shared.state();
        if !state.killed && !state.ready.contains(&self.task) {
            state.ready.push(self.task);
        }
    }
}

impl State {
    fn draw(&mut self) -> Option<u64> {
        let last = self.last_of_all.and_then(|last| self.ready.iter().position(|id| *id == last));
        if let Some(at) = last {
            let end = self.ready.len() - 1;
            self.ready.swap(at, end);
        }
        match self.ready.len() - usize::from(last.is_some()) {
            0 => self.ready.pop(),
            others => {
                let at = self.chance.below(others);
                Some(self.ready.swap_remove(at))
            }
        }
    }

    fn add(&mut self, task: Task) -> u64 {
        self.last += 1;
        self.tasks.insert(self.last, task);
        self.ready.push(self.last);
        self.last
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }
}

impl Executor {
    /// `loop_comes_last`: the committer begins its next group when all others wait, for it or for the outside.
    pub(crate) fn new(seed: u64, loop_comes_last: bool) -> Self {
        let state = State {
            chance: Chance::new(seed),
            last: 0,
            tasks: BTreeMap::new(),
            ready: Vec::new(),
            last_of_all: None,
            loop_comes_last,
            patient: VecDeque::new(),
            killed: false,
        };
        Self(Arc::new(Shared { state: Mutex::new(state) }))
    }

    /// Polls one of the tasks that are ready; its number, or `None` where none is.
    pub(crate) fn step(&self) -> Option<u64> {
        let (id, mut task) = loop {
            let mut state = self.0.state();
            let id = state.draw()?;
            // One that has ended may be woken again.
            if let Some(task) = state.tasks.remove(&id) {
                break (id, task);
            }
        };
        let waker = Waker::from(Arc::new(Waking { shared: Arc::downgrade(&self.0), task: id }));
        let is_pending = task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        let ended = {
            let mut state = self.0.state();
            if is_pending && !state.killed {
                state.tasks.insert(id, task);
                None
            } else {
                Some(task)
            }
        };
        // Without the lock: it may wake others.
        drop(ended);
        Some(id)
    }

    /// Runs until everything waits for something that is not of this process.
    pub(crate) fn rest(&self) {
        while self.step().is_some() {}
    }

    /// Runs `work` as a task, and everything else along with it, until it is done. `None`: it waits for something that
    /// is not of this process.
    pub(crate) fn drive<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (answer, mut answered) = oneshot::channel();
        self.spawn(Box::pin(async move {
            let _ = answer.send(work.await);
        }));
        for _ in 0..PATIENCE {
            if let Ok(answer) = answered.try_recv() {
                return Some(answer);
            }
            if self.step().is_none() && !self.run_out() {
                return None;
            }
        }
        panic!("what is driven does not end, and something runs all the time");
    }

    /// Nothing else can run: the patience of whoever waits longest is at an end. `false`: nobody waits.
    fn run_out(&self) -> bool {
        let first = self.0.state().patient.pop_front();
        first.is_some_and(|patient| patient.send(()).is_ok())
    }

    /// The process is gone, with all that it held in memory.
    pub(crate) fn kill(&self) {
        let gone = {
            let mut state = self.0.state();
            state.killed = true;
            state.ready.clear();
            (std::mem::take(&mut state.patient), std::mem::take(&mut state.tasks))
        };
        // Without the lock: what goes wakes others.
        drop(gone);
    }
}

impl Scheduler for Executor {
    fn spawn(&self, task: Task) {
        let mut state = self.0.state();
        if state.killed {
            drop(state);
            return drop(task);
        }
        state.add(task);
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let (end, ended) = oneshot::channel::<()>();
        self.spawn(Box::pin(async move {
            job();
            drop(end);
        }));
        Box::pin(async {
            let _ = ended.await;
        })
    }

    fn run_loop(&self, _name: &str, work: Task) -> std::io::Result<BoxFuture<'static, ()>> {
        let (end, ended) = oneshot::channel::<()>();
        let mut state = self.0.state();
        let id = state.add(Box::pin(async move {
            work.await;
            drop(end);
        }));
        if state.loop_comes_last {
            state.last_of_all = Some(id);
        }
        Ok(Box::pin(async {
            let _ = ended.await;
        }))
    }

    fn wait(&self, _patience: Duration) -> BoxFuture<'static, ()> {
        let (end, ended) = oneshot::channel();
        self.0.state().patient.push_back(end);
        Box::pin(async {
            let _ = ended.await;
        })
    }
}
