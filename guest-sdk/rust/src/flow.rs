//! One play of an orchestrator: which tasks it waits for, which are done, which were dropped.

use std::cell::RefCell;
use std::task::Waker;

use crate::error::{Error, Result};
use crate::host;

/// Shared by the context, its tasks and the executor.
pub(crate) struct Flow {
    /// The orchestrator, as clients start it.
    pub(crate) name: &'static str,
    waits: RefCell<Waits>,
    /// Handles of tasks that were dropped before they were awaited to their end. They are cancelled before the next command
    /// and not at once: what is still there when the flow ends goes with it, and needs no commands of its own.
    dropped: RefCell<Vec<host::Task>>,
}

/// The tasks that were polled and not yet awaited to their end, each at the key that its host watches it by.
#[derive(Default)]
struct Waits {
    waits: Vec<Wait>,
    /// Keys that can be given out again.
    free: Vec<u32>,
    open: usize,
}

enum Wait {
    Open {
        handle: host::Task,
        waker: Waker,
    },
    /// Until the task, which was woken, takes the outcome.
    Done(host::Task),
    Over,
}

impl Flow {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, waits: RefCell::default(), dropped: RefCell::default() }
    }

    /// Runs a function of the host that adds a command.
    pub(crate) fn command<T>(&self, issue: impl FnOnce() -> T) -> T {
        self.cancel_dropped();
        issue()
    }

    /// From now on the flow waits for `handle` too; `waker` is called when it is done. Returns its key.
    pub(crate) fn open(&self, handle: host::Task, waker: Waker) -> u32 {
        self.waits.borrow_mut().open(handle, waker)
    }

    /// The outcome of a wait, which is over then; while there is none, `waker` takes the place of the one before.
    pub(crate) fn poll(&self, key: u32, waker: &Waker) -> Option<Result<String>> {
        let mut waits = self.waits.borrow_mut();
        if let Wait::Open { waker: before, .. } = &mut waits.waits[key as usize] {
            before.clone_from(waker);
            return None;
        }
        match waits.end(key) {
            Wait::Done(handle) => Some(handle.outcome().map_err(Error::from_failure)),
            Wait::Open { .. } | Wait::Over => unreachable!("a task polls its wait until it is done, and not after"),
        }
    }

    /// Ends a wait whose outcome nobody has taken; its handle.
    pub(crate) fn close(&self, key: u32) -> Option<host::Task> {
        match self.waits.borrow_mut().end(key) {
            Wait::Open { handle, .. } | Wait::Done(handle) => Some(handle),
            Wait::Over => None,
        }
    }

    /// Cancels `handle`, unless the flow ends before it asks for anything else.
    pub(crate) fn drop_unfinished(&self, handle: host::Task) {
        self.dropped.borrow_mut().push(handle);
    }

    /// Parks the guest until one of the open waits is done, and wakes whoever polled it. False if there are none.
    pub(crate) fn park(&self) -> bool {
        self.cancel_dropped();
        let Some(waker) = self.waits.borrow_mut().park() else {
            return false;
        };
        waker.wake();
        true
    }

    fn cancel_dropped(&self) {
        for handle in self.dropped.borrow_mut().drain(..) {
            handle.cancel();
        }
    }
}

impl Waits {
    fn open(&mut self, handle: host::Task, waker: Waker) -> u32 {
        let key = self.free.pop().unwrap_or_else(|| {
            self.waits.push(Wait::Over);
            u32::try_from(self.waits.len() - 1)
                .expect("each wait takes some bytes of the 4 GiB that a guest can address")
        });
        handle.watch(key);
        self.waits[key as usize] = Wait::Open { handle, waker };
        self.open += 1;
        key
    }

    fn park(&mut self) -> Option<Waker> {
        if self.open == 0 {
            return None;
        }
        let wait = &mut self.waits[host::await_next() as usize];
        match std::mem::replace(wait, Wait::Over) {
            Wait::Open { handle, waker } => {
                *wait = Wait::Done(handle);
                self.open -= 1;
                Some(waker)
            }
            Wait::Done(_) | Wait::Over => unreachable!("only open waits are watched"),
        }
    }

    fn end(&mut self, key: u32) -> Wait {
        let wait = std::mem::replace(&mut self.waits[key as usize], Wait::Over);
        self.open -= usize::from(matches!(wait, Wait::Open { .. }));
        self.free.push(key);
        wait
    }
}
