//! When each instance wakes next: the next timers in memory, the rest in the store until their time comes near.

use dacapo_core::InstanceId;
use dacapo_store::InstanceKey;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// When each unfinished instance wakes next.
pub(crate) struct Timers {
    wheel: Mutex<Wheel>,
    changed: mpsc::Sender<()>,
}

pub(crate) struct Wheel {
    by_time: BTreeMap<(u64, InstanceKey), InstanceId>,
    by_key: HashMap<InstanceKey, u64>,
    /// Timers at this time and later are only in the store.
    pub(crate) beyond_ms: u64,
    /// The store did not answer: it is not asked at the moment.
    pub(crate) paused: bool,
    pub(crate) capacity: usize,
}

impl Wheel {
    fn remove(&mut self, key: InstanceKey) {
        if let Some(at_ms) = self.by_key.remove(&key) {
            self.by_time.remove(&(at_ms, key));
        }
    }

    fn insert(&mut self, at_ms: u64, key: InstanceKey, id: InstanceId) {
        if at_ms >= self.beyond_ms {
            return;
        }
        self.by_key.insert(key, at_ms);
        self.by_time.insert((at_ms, key), id);
        if self.by_time.len() > self.capacity
            && let Some(((at_ms, key), _)) = self.by_time.pop_last()
        {
            self.by_key.remove(&key);
            self.beyond_ms = at_ms;
        }
    }

    /// Takes in what was read from the store; `beyond_ms`: the read stopped within this millisecond.
    pub(crate) fn take_in(&mut self, read: Vec<(u64, InstanceKey, InstanceId)>, beyond_ms: Option<u64>) {
        self.beyond_ms = self.beyond_ms.min(beyond_ms.unwrap_or(u64::MAX));
        for (at_ms, key, id) in read {
            // What a turn has set meanwhile is newer than what was read.
            if !self.by_key.contains_key(&key) {
                self.insert(at_ms, key, id);
            }
        }
    }

    /// The store did not answer: timers from `from_ms` on are still only there.
    pub(crate) fn not_read(&mut self, from_ms: u64) {
        self.beyond_ms = self.beyond_ms.min(from_ms);
        self.paused = true;
    }

    /// When the store is asked for the next timers, if it holds any.
    pub(crate) fn fetch_ms(&self) -> Option<u64> {
        (self.beyond_ms != u64::MAX && !self.paused).then_some(self.beyond_ms)
    }

    /// When something has to be done: a timer fires, or more have to be fetched.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        let first = self.by_time.first_key_value().map(|((at_ms, _), _)| *at_ms);
        let fetch = self.fetch_ms();
        first.into_iter().chain(fetch).min()
    }

    pub(crate) fn take_due(&mut self, now_ms: u64) -> Vec<InstanceId> {
        let mut due = Vec::new();
        while let Some(entry) = self.by_time.first_entry()
            && entry.key().0 <= now_ms
        {
            let ((_, key), id) = entry.remove_entry();
            self.by_key.remove(&key);
            due.push(id);
        }
        due
    }
}

impl Timers {
    pub(crate) fn new(capacity: usize) -> (Self, mpsc::Receiver<()>) {
        let (changed, armed) = mpsc::channel(1);
        // Everything is in the store until the first fetch.
        let (by_time, by_key) = (BTreeMap::new(), HashMap::new());
        let wheel = Wheel { by_time, by_key, beyond_ms: 0, paused: false, capacity: capacity.max(1) };
        (Self { wheel: Mutex::new(wheel), changed }, armed)
    }

    pub(crate) fn wheel(&self) -> std::sync::MutexGuard<'_, Wheel> {
        // A panic while it was held leaves at worst one entry in one of the two maps: a spurious wake.
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a committed turn says of the instance's next timer. Called in the order of commits.
    pub(crate) fn set(&self, key: InstanceKey, id: &InstanceId, at_ms: Option<u64>) {
        let mut wheel = self.wheel();
        if wheel.by_key.get(&key).copied() == at_ms {
            return;
        }
        let before = wheel.next_ms();
        wheel.remove(key);
        if let Some(at_ms) = at_ms {
            wheel.insert(at_ms, key, id.clone());
        }
        let sooner = match (wheel.next_ms(), before) {
            (Some(now), Some(before)) => now < before,
            (now, _) => now.is_some(),
        };
        if sooner {
            // Full means that it will look anyway.
            let _ = self.changed.try_send(());
        }
    }
}
