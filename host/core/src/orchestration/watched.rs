//! The tasks that `await-next` waits for: however many there are, a wait costs the same.

use crate::ids::TaskId;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Watched {
    /// What the guest knows each of them by.
    keys: BTreeMap<TaskId, u32>,
    /// Those that are done, by the order in which they were.
    done: BTreeMap<u64, TaskId>,
    /// Those that the guest has said it watches since it was last handed one: what it looks at now.
    fresh: Vec<TaskId>,
}

impl Watched {
    /// `done`: as the how-manieth of all it was done, if it is. Watched twice, a task has the key that it got last.
    pub(super) fn add(&mut self, task: TaskId, key: u32, done: Option<u64>) {
        self.keys.insert(task, key);
        self.fresh.push(task);
        if let Some(order) = done {
            self.done.insert(order, task);
        }
    }

    pub(super) fn finished(&mut self, task: TaskId, order: u64) {
        if self.keys.contains_key(&task) {
            self.done.insert(order, task);
        }
    }

    /// The task is not done after all: what has failed is tried again.
    pub(super) fn reopened(&mut self, order: u64) {
        self.done.remove(&order);
    }

    pub(super) fn remove(&mut self, task: TaskId, done: Option<u64>) {
        self.keys.remove(&task);
        if let Some(order) = done {
            self.done.remove(&order);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What the guest looks at: taken once, until it says so again.
    pub(super) fn fresh(&mut self) -> impl Iterator<Item = TaskId> + '_ {
        self.fresh.drain(..)
    }

    /// The one that was done first, and its key. It is not watched any more.
    pub(super) fn next(&mut self) -> Option<(TaskId, u32)> {
        let (_, task) = self.done.pop_first()?;
        self.fresh.clear();
        let key = self.keys.remove(&task)?;
        Some((task, key))
    }
}
