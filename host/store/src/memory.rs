//! The executable specification: everything in maps under one lock. For tests; nothing survives the process.

mod modules;

use crate::model::{Fence, Instance, InstanceKey, ModuleVersion, Stored, VersionId};
use crate::query::{ContinueAfter, InstanceFilter, Page};
use crate::rules::Taken;
use crate::write::{Delivery, NewInstance, OutboxEntry, Refused, Sent, TurnWrite, Write, Written};
use crate::{Result, Store, StoreError, rules};
use dacapo_core::{By, Event, InboxEntry, InstanceId, Payload, RuntimeStatus, StoredTurn, Untaken};
use modules::Modules;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

type Answer = std::result::Result<Written, Refused>;

/// A store that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    last_key: i64,
    keys: BTreeMap<InstanceId, InstanceKey>,
    instances: BTreeMap<InstanceKey, Instance>,
    /// By instance, execution and number.
    records: BTreeMap<(InstanceKey, u32, u64), Vec<u8>>,
    inboxes: BTreeMap<(InstanceKey, u64), InboxEntry>,
    modules: Modules,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A panic in a commit is a bug of this file; a test that goes on all the same should see what is there.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self, write: &Write) -> Answer {
        match write {
            Write::Create(new) => self.create(new),
            Write::Turn(turn) => self.turn(turn),
            Write::Deliver(delivery) => self.deliver(delivery).map(written),
            Write::Reopen { id, reason, by } => self.reopen(id, reason, by),
            Write::Discard { fence, inbox_done } => self.discard(*fence, *inbox_done),
            Write::Repin { fence, version } => self.repin(*fence, *version),
            Write::Purge { id, force, only } => self.purge(id, *force, *only),
            Write::AddModule(new) => self.modules.add(new),
            Write::Activate(id) => self.modules.activate_again(*id),
            Write::DeleteVersion(id) => {
                let pinned = self.instances.values().filter(|one| one.version == *id && !one.status.is_finished());
                self.modules.delete(*id, pinned.count() as u64)
            }
        }
    }

    fn find(&self, id: &InstanceId) -> Option<&Instance> {
        self.keys.get(id).map(|key| &self.instances[key])
    }

    fn history(&self, key: InstanceKey, generation: u32, from_seq: u64) -> Result<Vec<StoredTurn>> {
        let records = self.records.range((key, generation, from_seq)..=(key, generation, u64::MAX));
        records.map(|((_, _, seq), bytes)| rules::stored_turn(key, *seq, bytes)).collect()
    }

    fn inbox(&self, key: InstanceKey) -> Vec<InboxEntry> {
        self.inboxes.range((key, 0)..=(key, u64::MAX)).map(|(_, entry)| entry.clone()).collect()
    }

    fn create(&mut self, new: &NewInstance) -> Answer {
        let old = self.find(&new.id).map(|old| (old.key, old.epoch, old.status));
        if let Some((_, _, status)) = old.filter(|(_, _, status)| !status.is_finished()) {
            return Err(Refused::InstanceExists { status });
        }
        if !self.modules.contains(new.version) {
            return Err(Refused::UnknownVersion);
        }
        let mut epoch = 0;
        if let Some((old_key, old_epoch, _)) = old {
            self.remove(old_key);
            epoch = old_epoch + 1;
        }
        self.last_key += 1;
        let key = InstanceKey(self.last_key);
        self.keys.insert(new.id.clone(), key);
        self.instances.insert(key, rules::new_instance(key, epoch, new));
        self.records.insert((key, 0, 0), new.opening.encode());
        Ok(Written::Created { key, epoch })
    }

    fn turn(&mut self, turn: &TurnWrite) -> Answer {
        let Fence { key, generation, next_seq, .. } = turn.fence;
        if !rules::versions(turn).all(|version| self.modules.contains(version)) {
            return Err(Refused::UnknownVersion);
        }
        let instance = self.instances.get(&key).ok_or(Refused::Fenced)?;
        let inbox = instance.inbox_done..=instance.inbox_next;
        rules::accepts(instance.fence(), instance.status.is_finished(), inbox, turn)?;
        rules::receivers_have_room(turn, |id| Ok::<_, Refused>(self.given(id)))?;
        let instance = self.instances.get_mut(&key).ok_or(Refused::Fenced)?;
        let after = rules::after_turn(instance.inbox_next, turn);
        let consumed = instance.inbox_done..after.inbox_done;
        instance.next_seq += 1;
        instance.status = turn.status;
        instance.updated_at_ms = rules::kept_ms(turn.at_ms);
        if let Some(custom_status) = rules::new_custom_status(turn) {
            instance.custom_status = custom_status.cloned();
        }
        instance.output = turn.output.clone();
        instance.wake_at_ms = after.wake_at_ms;
        instance.open_activities = after.open_activities;
        instance.inbox_done = after.inbox_done;
        instance.untaken = after.untaken;
        if let Some(next) = &turn.next {
            instance.generation += 1;
            instance.next_seq = 1;
            instance.version = next.version;
            self.records.retain(|(owner, ..), _| *owner != key);
            self.records.insert((key, generation + 1, 0), next.opening.clone());
        } else {
            self.records.insert((key, generation, next_seq), turn.record.clone());
        }
        self.consume(key, consumed);
        let sent = turn.outbox.iter().flat_map(|entry| self.send((key, generation), entry)).collect();
        Ok(Written::Turned { sent })
    }

    fn given(&self, id: &InstanceId) -> Option<rules::Given> {
        let found = self.find(id).filter(|found| !found.status.is_finished())?;
        let Instance { key, inbox_next, inbox_done, inbox_bytes, untaken, .. } = *found;
        Some(rules::Given { key, inbox_next, inbox_done, inbox_bytes, untaken })
    }

    fn consume(&mut self, key: InstanceKey, seqs: std::ops::Range<u64>) {
        let entries = seqs.filter_map(|seq| self.inboxes.remove(&(key, seq)));
        let bytes: u64 = entries.map(|entry| entry.event.size_bytes() as u64).sum();
        if let Some(instance) = self.instances.get_mut(&key) {
            instance.inbox_bytes -= bytes;
        }
    }

    fn discard(&mut self, fence: Fence, inbox_done: u64) -> Answer {
        let instance = self.instances.get_mut(&fence.key).ok_or(Refused::Fenced)?;
        let (finished, before) = (instance.status.is_finished(), instance.inbox_done);
        rules::moves_on(instance.fence(), finished, before..=instance.inbox_next, (fence, inbox_done))?;
        instance.inbox_done = inbox_done;
        self.consume(fence.key, before..inbox_done);
        Ok(Written::Discarded)
    }

    /// `sender`: the instance whose turn it is, and the execution.
    fn send(&mut self, sender: (InstanceKey, u32), entry: &OutboxEntry) -> Vec<Sent> {
        match entry {
            OutboxEntry::Start { new, rewind } => self.start(sender, new, rewind.as_deref()),
            OutboxEntry::Event(delivery) => match self.deliver(delivery) {
                Ok(sent) => vec![sent],
                // Nobody is there: that there is room was looked at before.
                Err(_) => Vec::new(),
            },
            OutboxEntry::Ended { parent, event } => {
                self.put(parent.key, Some(parent.generation), event.clone()).into_iter().collect()
            }
            OutboxEntry::ToSelf(event) => self.answer(sender, event.clone()).into_iter().collect(),
            OutboxEntry::EndChildren { reason, by } => {
                let is_child = |one: &&Instance| one.parent.as_ref().is_some_and(|of| of.waits && of.key == sender.0);
                let children: Vec<_> = self.instances.values().filter(is_child).map(|one| one.key).collect();
                let event = || rules::ended_with_parent(reason, by);
                children.into_iter().filter_map(|key| self.put(key, None, event())).collect()
            }
        }
    }

    /// Puts an event into the inbox of an instance, if it takes it.
    fn put(&mut self, key: InstanceKey, execution: Option<u32>, event: Event) -> Option<Sent> {
        let takes = |one: &&mut Instance| rules::takes(one.status, one.generation, execution);
        let instance = self.instances.get_mut(&key).filter(takes)?;
        let entry = InboxEntry { seq: instance.inbox_next, execution, event };
        instance.inbox_next += 1;
        instance.inbox_bytes += entry.event.size_bytes() as u64;
        self.inboxes.insert((key, entry.seq), entry.clone());
        Some(Sent::Delivered { id: instance.id.clone(), key, entry })
    }

    /// Puts an event into the inbox of the execution that has asked for it.
    fn answer(&mut self, (key, execution): (InstanceKey, u32), event: Event) -> Option<Sent> {
        self.put(key, Some(execution), event)
    }

    fn start(&mut self, sender: (InstanceKey, u32), new: &NewInstance, rewind: Option<&str>) -> Vec<Sent> {
        let Some(parent) = &new.parent else { return Vec::new() };
        let found = self.find(&new.id).cloned();
        let taken = found.map(|old| {
            let same_call = rules::same_call(old.parent.as_ref(), Some(parent));
            // One whose version is gone cannot go on.
            let rewind = rewind.is_some() && self.modules.contains(old.version);
            (rules::taken(same_call, rewind, old.status), old)
        });
        match taken {
            Some((Taken::LeaveAlone, old)) => {
                let told = rules::told_again(new, parent, old.status, old.output);
                told.and_then(|event| self.answer(sender, event)).into_iter().collect()
            }
            Some((Taken::Reopen, _)) => {
                let by = By::Instance(parent.id.clone());
                let reopened = self.reopened(&new.id, rewind.unwrap_or_default(), &by);
                let told = rules::detached(new, parent).and_then(|event| self.answer(sender, event));
                reopened.into_iter().chain(told).collect()
            }
            Some((Taken::Refuse, old)) => {
                self.answer(sender, rules::not_started(new, parent, old.status)).into_iter().collect()
            }
            Some((Taken::Replace, _)) | None => {
                let Ok(Written::Created { key, epoch }) = self.create(new) else { return Vec::new() };
                let told = rules::detached(new, parent).and_then(|event| self.answer(sender, event));
                std::iter::once(Sent::Created { key, epoch, new: new.clone() }).chain(told).collect()
            }
        }
    }

    fn reopen(&mut self, id: &InstanceId, reason: &str, by: &By) -> Answer {
        let found = self.find(id).ok_or(Refused::UnknownInstance)?;
        let (status, version) = (found.status, found.version);
        if status == RuntimeStatus::Failed && !self.modules.contains(version) {
            return Err(Refused::UnknownVersion);
        }
        self.reopened(id, reason, by).map(written).ok_or(Refused::NotFailed { status })
    }

    fn repin(&mut self, fence: Fence, version: VersionId) -> Answer {
        if !self.modules.contains(version) {
            return Err(Refused::UnknownVersion);
        }
        let instance = self.instances.get_mut(&fence.key).ok_or(Refused::Fenced)?;
        rules::can_repin(instance.fence(), instance.status, fence)?;
        instance.version = version;
        instance.epoch += 1;
        Ok(Written::Repinned)
    }

    fn reopened(&mut self, id: &InstanceId, reason: &str, by: &By) -> Option<Sent> {
        let key = self.find(id).filter(|found| found.status == RuntimeStatus::Failed)?.key;
        let instance = self.instances.get_mut(&key)?;
        instance.status = RuntimeStatus::Running;
        instance.output = None;
        instance.epoch += 1;
        self.put(key, None, rules::rewound(reason, by))
    }

    fn deliver(&mut self, delivery: &Delivery) -> Result<Sent, Refused> {
        let key = *self.keys.get(&delivery.id).ok_or(Refused::UnknownInstance)?;
        let instance = &self.instances[&key];
        if instance.status.is_finished() {
            return Err(Refused::Finished { status: instance.status });
        }
        let waiting = Untaken { events: instance.inbox_next - instance.inbox_done, bytes: instance.inbox_bytes };
        if let Some(refused) = rules::is_full(delivery, waiting, instance.untaken) {
            return Err(refused);
        }
        self.put(key, None, delivery.event.clone()).ok_or(Refused::UnknownInstance)
    }

    fn purge(&mut self, id: &InstanceId, force: bool, only: Option<InstanceKey>) -> Answer {
        let found = self.find(id).filter(|found| only.is_none_or(|only| found.key == only));
        let instance = found.ok_or(Refused::UnknownInstance)?;
        let (key, status) = (instance.key, instance.status);
        if !status.is_finished() && !force {
            return Err(Refused::Unfinished { status });
        }
        let (name, parent) = (instance.name.clone(), instance.parent.clone());
        self.remove(key);
        let waits = parent.filter(|parent| parent.waits && !status.is_finished());
        let told =
            waits.and_then(|parent| self.answer((parent.key, parent.generation), rules::purged(&name, id, &parent)));
        Ok(Written::Purged { key, sent: told.into_iter().collect() })
    }

    fn remove(&mut self, key: InstanceKey) {
        if let Some(instance) = self.instances.remove(&key) {
            self.keys.remove(&instance.id);
        }
        self.records.retain(|(owner, _, _), _| *owner != key);
        self.inboxes.retain(|(owner, _), _| *owner != key);
    }
}

/// What the one who has delivered it is told.
fn written(sent: Sent) -> Written {
    match sent {
        Sent::Created { key, epoch, .. } => Written::Created { key, epoch },
        Sent::Delivered { key, entry, .. } => Written::Delivered { key, seq: entry.seq },
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: &[Write]) -> Result<Vec<Answer>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        Ok(batch.iter().map(|write| state.apply(write)).collect())
    }

    fn instance(&self, id: &InstanceId) -> Result<Option<Instance>> {
        Ok(self.read().find(id).cloned())
    }

    fn load(&self, id: &InstanceId) -> Result<Option<Stored>> {
        let state = self.read();
        let stored = |instance: &Instance| Stored {
            history: state.history(instance.key, instance.generation, 0),
            inbox: state.inbox(instance.key),
            instance: instance.clone(),
        };
        Ok(state.find(id).map(stored))
    }

    fn history(&self, key: InstanceKey, generation: u32, from_seq: u64) -> Result<Vec<StoredTurn>> {
        self.read().history(key, generation, from_seq)
    }

    fn inbox(&self, key: InstanceKey) -> Result<Vec<InboxEntry>> {
        Ok(self.read().inbox(key))
    }

    fn list(&self, filter: &InstanceFilter, after: ContinueAfter, limit: usize) -> Result<Page> {
        let state = self.read();
        let mut matches = state.instances.values().filter(|one| one.key > after && filter.matches(one));
        let instances: Vec<Instance> = matches.by_ref().take(limit).cloned().collect();
        let last = instances.last().map_or(after, |one| one.key);
        Ok(Page { next: matches.next().map(|_| last), instances })
    }

    fn input(&self, key: InstanceKey) -> Result<Option<Payload>> {
        let state = self.read();
        let Some(instance) = state.instances.get(&key) else { return Ok(None) };
        match state.records.get(&(key, instance.generation, 0)) {
            Some(bytes) => rules::input_of(key, bytes).map(Some),
            None => Err(StoreError::Corrupt(format!("instance key {} has no record 0", key.0))),
        }
    }

    fn busy(&self, after: InstanceKey, limit: usize) -> Result<Vec<(InstanceKey, InstanceId)>> {
        let state = self.read();
        let busy = state.instances.values().filter(|one| one.key > after && one.has_work());
        Ok(busy.take(limit).map(|one| (one.key, one.id.clone())).collect())
    }

    fn timers(&self, after: (u64, InstanceKey), limit: usize) -> Result<Vec<(u64, InstanceKey, InstanceId)>> {
        let state = self.read();
        let armed = state.instances.values().filter_map(|one| Some((one.wake_at_ms?, one.key, one.id.clone())));
        let mut timers: Vec<_> = armed.filter(|(at_ms, key, _)| (*at_ms, *key) > after).collect();
        timers.sort_by_key(|(at_ms, key, _)| (*at_ms, *key));
        timers.truncate(limit);
        Ok(timers)
    }

    fn modules(&self) -> Result<Vec<ModuleVersion>> {
        Ok(self.read().modules.all())
    }

    fn pins(&self) -> Result<Vec<(VersionId, u64)>> {
        let mut pins = BTreeMap::new();
        for instance in self.read().instances.values().filter(|one| !one.status.is_finished()) {
            *pins.entry(instance.version).or_default() += 1;
        }
        Ok(pins.into_iter().collect())
    }

    fn component(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.read().modules.component(digest))
    }

    fn describe(&self) -> (&'static str, String) {
        ("memory", "nothing survives the process".to_owned())
    }
}
