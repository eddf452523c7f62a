//! A store that can be held up and made to fail.

use dacapo_core::history::CorruptHistory;
use dacapo_core::{Event, InstanceId, Payload};
use dacapo_store::memory::MemoryStore;
use dacapo_store::{
    ContinueAfter, Delivery, InboxEntry, Instance, InstanceFilter, InstanceKey, Maintained, ModuleVersion, Page,
    Refused, Result, Store, StoreError, Stored, StoredTurn, VersionId, Write, Written,
};
use std::sync::{Condvar, Mutex};

#[derive(Default)]
struct Control {
    held: bool,
    waiting: usize,
    failing: bool,
    failed: usize,
    /// The disk fails under the next commit that is tried: after its effect, or before.
    breaks: Option<bool>,
    /// What the next call of `maintain` answers, and how many there were.
    maintained: Option<Result<Maintained>>,
    maintains: usize,
    no_room: bool,
    only_turns: bool,
    /// Commits with an event of this name fail.
    poison: Option<&'static str>,
    timers_failing: bool,
    timers_failed: usize,
    /// Commits are not answered, though they have happened.
    answers_held: bool,
    reads_held: bool,
    reads_waiting: usize,
    lists_held: bool,
    lists_waiting: usize,
    reads: usize,
    damage: Option<Damage>,
    /// How often the process has ended while an instance was played.
    deaths: u32,
    /// Those that are being played, and how many were at most.
    playing: usize,
    most_playing: usize,
}

/// What of an instance cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    History,
    /// The first entry.
    Inbox,
    CustomStatus,
    Epoch,
}

/// A memory store whose commits can be held up or made to fail.
pub(crate) struct UnrulyStore {
    inner: MemoryStore,
    control: Mutex<Control>,
    changed: Condvar,
}

impl UnrulyStore {
    pub(crate) fn new() -> Self {
        Self { inner: MemoryStore::new(), control: Mutex::default(), changed: Condvar::new() }
    }

    /// Only commits that hold a turn are held up and made to fail.
    pub(crate) fn only_turns(&self) {
        self.control.lock().expect("no panic").only_turns = true;
    }

    /// Commits with an event of this name fail from now on.
    pub(crate) fn poison(&self, event: &'static str) {
        self.control.lock().expect("no panic").poison = Some(event);
    }

    /// Timers cannot be read from now on, or can again.
    pub(crate) fn fail_timers(&self, failing: bool) {
        self.control.lock().expect("no panic").timers_failing = failing;
    }

    /// Reads of timers that have failed.
    pub(crate) fn timers_failed(&self) -> usize {
        self.control.lock().expect("no panic").timers_failed
    }

    /// Reads of instances wait from now on, or no longer.
    pub(crate) fn hold_reads(&self, held: bool) {
        self.control.lock().expect("no panic").reads_held = held;
        self.changed.notify_all();
    }

    /// Reads of instances that wait.
    pub(crate) fn reads_waiting(&self) -> usize {
        self.control.lock().expect("no panic").reads_waiting
    }

    /// Calls of `maintain`.
    pub(crate) fn maintained(&self) -> usize {
        self.control.lock().expect("no panic").maintains
    }

    /// As if the process had ended so often while any instance was played.
    pub(crate) fn set_deaths(&self, deaths: u32) {
        self.control.lock().expect("no panic").deaths = deaths;
    }

    /// How many are being played, and how many were at the same time.
    pub(crate) fn playing(&self) -> (usize, usize) {
        let control = self.control.lock().expect("no panic");
        (control.playing, control.most_playing)
    }

    /// Lists wait from now on, or no longer.
    pub(crate) fn hold_lists(&self, held: bool) {
        self.control.lock().expect("no panic").lists_held = held;
        self.changed.notify_all();
    }

    /// Lists that wait.
    pub(crate) fn lists_waiting(&self) -> usize {
        self.control.lock().expect("no panic").lists_waiting
    }

    /// This cannot be read from now on.
    pub(crate) fn damage(&self, damage: Option<Damage>) {
        self.control.lock().expect("no panic").damage = damage;
    }

    fn is_damaged(&self, what: Damage) -> bool {
        self.control.lock().expect("no panic").damage == Some(what)
    }

    /// Reads of instances so far.
    pub(crate) fn reads(&self) -> usize {
        self.control.lock().expect("no panic").reads
    }

    /// Commits that have failed.
    pub(crate) fn failed(&self) -> usize {
        self.control.lock().expect("no panic").failed
    }

    /// Commits wait from now on, or no longer.
    pub(crate) fn hold(&self, held: bool) {
        self.control.lock().expect("no panic").held = held;
        self.changed.notify_all();
    }

    /// Commits happen and are not answered from now on, or are again.
    pub(crate) fn hold_answers(&self, held: bool) {
        self.control.lock().expect("no panic").answers_held = held;
        self.changed.notify_all();
    }

    /// Commits fail from now on, or no longer.
    pub(crate) fn fail(&self, failing: bool) {
        self.control.lock().expect("no panic").failing = failing;
    }

    fn wait_to_read(&self) {
        let mut control = self.control.lock().expect("no panic");
        control.reads_waiting += 1;
        control = self.changed.wait_while(control, |control| control.reads_held).expect("no panic");
        control.reads_waiting -= 1;
    }

    /// The disk fails under the next commit; it has happened all the same, or not.
    pub(crate) fn break_disk(&self, has_happened: bool) {
        self.control.lock().expect("no panic").breaks = Some(has_happened);
    }

    /// What is done after the next commit ends like this.
    pub(crate) fn maintain_ends(&self, result: Result<Maintained>) {
        self.control.lock().expect("no panic").maintained = Some(result);
    }

    /// The disk is full from now on, or no longer.
    pub(crate) fn fill_disk(&self, is_full: bool) {
        self.control.lock().expect("no panic").no_room = is_full;
    }

    /// Returns once a commit waits.
    pub(crate) fn until_held(&self) {
        let control = self.control.lock().expect("no panic");
        drop(self.changed.wait_while(control, |control| control.waiting == 0).expect("no panic"));
    }
}

/// What a store says when the disk fails.
pub(crate) fn disk_failed() -> StoreError {
    StoreError::DiskFailed { doing: "committing", source: "an fsync failed".into() }
}

impl Store for UnrulyStore {
    fn commit(&self, batch: &[Write]) -> Result<Vec<std::result::Result<Written, Refused>>> {
        let mut control = self.control.lock().expect("no panic");
        if control.only_turns && !batch.iter().any(|write| matches!(write, Write::Turn(_))) {
            drop(control);
            return self.inner.commit(batch);
        }
        control.waiting += 1;
        self.changed.notify_all();
        control = self.changed.wait_while(control, |control| control.held).expect("no panic");
        control.waiting -= 1;
        let poison = control.poison;
        let is_poisoned = |write: &Write| match write {
            Write::Deliver(Delivery { event: Event::EventRaised { name, .. }, .. }) => poison == Some(name),
            _ => false,
        };
        if let Some(has_happened) = control.breaks {
            if has_happened {
                self.inner.commit(batch)?;
            }
            return Err(disk_failed());
        }
        if control.no_room && !batch.iter().all(|write| matches!(write, Write::Purge { .. })) {
            return Err(StoreError::DiskFull { doing: "committing", source: "by the test".into() });
        }
        if control.failing || batch.iter().any(is_poisoned) {
            control.failed += 1;
            return Err(StoreError::Engine { doing: "committing", source: "the disk is full".into() });
        }
        drop(control);
        let answers = self.inner.commit(batch);
        let control = self.control.lock().expect("no panic");
        drop(self.changed.wait_while(control, |control| control.answers_held).expect("no panic"));
        answers
    }

    fn plays(&self, _: InstanceKey) {
        let mut control = self.control.lock().expect("no panic");
        control.playing += 1;
        control.most_playing = control.most_playing.max(control.playing);
    }

    fn rests(&self, _: InstanceKey) {
        self.control.lock().expect("no panic").playing -= 1;
    }

    fn deaths(&self, _: InstanceKey) -> u32 {
        self.control.lock().expect("no panic").deaths
    }

    fn maintain(&self) -> Result<Maintained> {
        let mut control = self.control.lock().expect("no panic");
        control.maintains += 1;
        control.maintained.take().unwrap_or(Ok(Maintained::Nothing))
    }

    fn has_room(&self) -> bool {
        !self.control.lock().expect("no panic").no_room
    }

    fn instance(&self, id: &InstanceId) -> Result<Option<Instance>> {
        self.wait_to_read();
        self.control.lock().expect("no panic").reads += 1;
        self.inner.instance(id)
    }

    fn load(&self, id: &InstanceId) -> Result<Option<Stored>> {
        self.wait_to_read();
        self.control.lock().expect("no panic").reads += 1;
        let Some(mut stored) = self.inner.load(id)? else { return Ok(None) };
        let key = stored.instance.key.0;
        let bad = |column: &str| {
            let (column, reason) = (column.to_owned(), "by the test".to_owned());
            StoreError::BadRow { table: "instances", key: key.to_string(), column, reason, rest: None }
        };
        let damage = self.control.lock().expect("no panic").damage;
        match damage {
            Some(Damage::Epoch) => return Err(bad("epoch")),
            Some(Damage::CustomStatus) => stored.history = Err(bad("custom_status")),
            Some(Damage::History) => {
                stored.history = Err(StoreError::CorruptHistory { key, source: CorruptHistory::NoOpening });
            }
            Some(Damage::Inbox) if !stored.inbox.is_empty() => drop(stored.inbox.remove(0)),
            Some(Damage::Inbox) | None => {}
        }
        Ok(Some(stored))
    }

    fn history(&self, key: InstanceKey, generation: u32, from_seq: u64) -> Result<Vec<StoredTurn>> {
        if self.is_damaged(Damage::History) {
            return Err(StoreError::CorruptHistory { key: key.0, source: CorruptHistory::NoOpening });
        }
        self.inner.history(key, generation, from_seq)
    }

    fn inbox(&self, key: InstanceKey) -> Result<Vec<InboxEntry>> {
        self.inner.inbox(key)
    }

    fn list(&self, filter: &InstanceFilter, after: ContinueAfter, limit: usize) -> Result<Page> {
        let mut control = self.control.lock().expect("no panic");
        control.lists_waiting += 1;
        control = self.changed.wait_while(control, |control| control.lists_held).expect("no panic");
        control.lists_waiting -= 1;
        drop(control);
        self.inner.list(filter, after, limit)
    }

    fn input(&self, key: InstanceKey) -> Result<Option<Payload>> {
        if self.is_damaged(Damage::History) {
            return Err(StoreError::CorruptHistory { key: key.0, source: CorruptHistory::NoOpening });
        }
        self.inner.input(key)
    }

    fn busy(&self, after: InstanceKey, limit: usize) -> Result<Vec<(InstanceKey, InstanceId)>> {
        self.inner.busy(after, limit)
    }

    fn timers(&self, after: (u64, InstanceKey), limit: usize) -> Result<Vec<(u64, InstanceKey, InstanceId)>> {
        let mut control = self.control.lock().expect("no panic");
        if control.timers_failing {
            control.timers_failed += 1;
            return Err(StoreError::Engine { doing: "reading timers", source: "by the test".into() });
        }
        drop(control);
        self.inner.timers(after, limit)
    }

    fn modules(&self) -> Result<Vec<ModuleVersion>> {
        self.inner.modules()
    }

    fn pins(&self) -> Result<Vec<(VersionId, u64)>> {
        self.inner.pins()
    }

    fn component(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        self.inner.component(digest)
    }

    fn describe(&self) -> (&'static str, String) {
        self.inner.describe()
    }
}
