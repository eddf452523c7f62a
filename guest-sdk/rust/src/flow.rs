//! One play of an orchestrator: which tasks it waits for, which have an outcome, which were dropped.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::task::Waker;

use crate::error::{Error, Result};
use crate::host;

/// Shared by the context, its tasks and the executor.
pub(crate) struct Flow {
    /// The orchestrator, as clients start it.
    pub(crate) name: &'static str,
    waits: RefCell<Waits>,
    /// Handles of tasks that were dropped unfinished. They are cancelled before the next command and not at once: what
    /// is still there when the flow ends goes with it, and needs no commands of its own.
    dropped: RefCell<Vec<host::Task>>,
}

/// Numbers are given out as tasks are first polled, so that every play lists them in the same order.
#[derive(Default)]
struct Waits {
    next: u64,
    polled: BTreeMap<u64, Wait>,
}

enum Wait {
    Open {
        handle: host::Task,
        waker: Waker,
    },
    /// Until the task, which was woken, fetches it.
    Done(Result<String>),
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

    /// From now on the flow waits for `handle` too; `waker` is called when it is done.
    pub(crate) fn open(&self, handle: host::Task, waker: Waker) -> u64 {
        let mut waits = self.waits.borrow_mut();
        let number = waits.next;
        waits.next += 1;
        waits.polled.insert(number, Wait::Open { handle, waker });
        number
    }

    /// The outcome of a wait; while there is none, `waker` takes the place of the one before.
    pub(crate) fn poll(&self, number: u64, waker: &Waker) -> Option<Result<String>> {
        let mut waits = self.waits.borrow_mut();
        if let Some(Wait::Open { waker: before, .. }) = waits.polled.get_mut(&number) {
            before.clone_from(waker);
            return None;
        }
        match waits.polled.remove(&number) {
            Some(Wait::Done(outcome)) => Some(outcome),
            Some(Wait::Open { .. }) | None => unreachable!("a task polls its wait until it is done, and not after"),
        }
    }

    /// Ends a wait; its handle, if it had no outcome yet.
    pub(crate) fn close(&self, number: u64) -> Option<host::Task> {
        match self.waits.borrow_mut().polled.remove(&number) {
            Some(Wait::Open { handle, .. }) => Some(handle),
            Some(Wait::Done(_)) | None => None,
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
    fn park(&mut self) -> Option<Waker> {
        let (numbers, handles): (Vec<u64>, Vec<&host::Task>) = self.open().unzip();
        if handles.is_empty() {
            return None;
        }
        // An index out of bounds would be a broken host; a panic says so.
        let index = host::await_any(&handles) as usize;
        let done = Wait::Done(handles[index].outcome().map_err(Error::from_failure));
        match self.polled.insert(numbers[index], done) {
            Some(Wait::Open { waker, .. }) => Some(waker),
            Some(Wait::Done(_)) | None => unreachable!("only open waits were listed"),
        }
    }

    fn open(&self) -> impl Iterator<Item = (u64, &host::Task)> {
        self.polled.iter().filter_map(|(number, wait)| match wait {
            Wait::Open { handle, .. } => Some((*number, handle)),
            Wait::Done(_) => None,
        })
    }
}
