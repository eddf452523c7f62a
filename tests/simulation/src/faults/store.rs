//! A store that fails, and dies: what it has made durable stays.

use crate::chance::Chance;
use dacapo_core::{Event, InstanceId, Payload};
use dacapo_store::memory::MemoryStore;
use dacapo_store::{
    ContinueAfter, InboxEntry, Instance, InstanceFilter, InstanceKey, ModuleVersion, Page, Refused, Result, Store,
    StoreError, Stored, StoredTurn, VersionId, Write, Written,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// How often, in a thousand, an operation goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    /// A commit that fails, and of which nothing has happened.
    pub(crate) commit: usize,
    /// A commit that fails, and has happened: nobody can know, so the process ends.
    pub(crate) death: usize,
    pub(crate) read: usize,
}

/// What was delivered where: of each event its instance, and the execution that it met.
pub(crate) type Delivered = BTreeMap<u64, (InstanceKey, u32)>;

/// One process's view of what is kept.
pub(crate) struct FaultyStore {
    kept: Arc<MemoryStore>,
    state: Mutex<State>,
    delivered: Arc<Mutex<Delivered>>,
}

struct State {
    chance: Chance,
    rates: Rates,
    dead: bool,
    /// What must not be.
    wrong: Option<String>,
}

fn error(doing: &'static str) -> StoreError {
    StoreError::Engine { doing, source: "by the simulation".into() }
}

/// The number of an event that the outside has raised.
pub(crate) fn number_of(data: &Payload) -> Option<u64> {
    data.as_str().parse().ok()
}

impl FaultyStore {
    pub(crate) fn new(kept: Arc<MemoryStore>, seed: u64, rates: Rates, delivered: Arc<Mutex<Delivered>>) -> Arc<Self> {
        let state = State { chance: Chance::new(seed), rates, dead: false, wrong: None };
        Arc::new(Self { kept, state: Mutex::new(state), delivered })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }

    /// Whether the process has to end.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// No more faults.
    pub(crate) fn behave(&self) {
        self.state().rates = Rates::default();
    }

    /// What must not be, and was.
    pub(crate) fn wrong(&self) -> Option<String> {
        self.state().wrong.clone()
    }

    fn draws(&self, rate: impl Fn(&Rates) -> usize) -> bool {
        let mut state = self.state();
        let rate = rate(&state.rates);
        state.dead || (rate > 0 && state.chance.below(1_000) < rate)
    }

    fn reads<T>(&self, read: impl FnOnce(&MemoryStore) -> Result<T>) -> Result<T> {
        if self.draws(|rates| rates.read) { Err(error("reading")) } else { read(&self.kept) }
    }

    fn observe(&self, batch: &[Write], answers: &[std::result::Result<Written, Refused>]) {
        for (write, answer) in batch.iter().zip(answers) {
            let (Write::Deliver(delivery), Ok(Written::Delivered { key, .. })) = (write, answer) else { continue };
            let Event::EventRaised { data, .. } = &delivery.event else { continue };
            let Some(number) = number_of(data) else { continue };
            // Later writes of the batch may have moved it on: then it is as if it had met the later execution, which
            // asks for less.
            let found = self.kept.instance(&delivery.id).expect("memory answers");
            let generation = found.map_or(u32::MAX, |found| found.generation);
            let before = self.delivered.lock().expect("no panic").insert(number, (*key, generation));
            if before.is_some() {
                self.state().wrong = Some(format!("event {number} was delivered twice"));
            }
        }
    }
}

impl Store for FaultyStore {
    fn commit(&self, batch: &[Write]) -> Result<Vec<std::result::Result<Written, Refused>>> {
        if self.draws(|rates| rates.commit) {
            return Err(error("committing"));
        }
        let answers = self.kept.commit(batch)?;
        self.observe(batch, &answers);
        if self.draws(|rates| rates.death) {
            self.state().dead = true;
            return Err(error("committing, and it has happened"));
        }
        Ok(answers)
    }

    fn instance(&self, id: &InstanceId) -> Result<Option<Instance>> {
        self.reads(|kept| kept.instance(id))
    }

    fn load(&self, id: &InstanceId) -> Result<Option<Stored>> {
        self.reads(|kept| kept.load(id))
    }

    fn history(&self, key: InstanceKey, generation: u32, from_seq: u64) -> Result<Vec<StoredTurn>> {
        self.reads(|kept| kept.history(key, generation, from_seq))
    }

    fn inbox(&self, key: InstanceKey) -> Result<Vec<InboxEntry>> {
        self.reads(|kept| kept.inbox(key))
    }

    fn list(&self, filter: &InstanceFilter, after: ContinueAfter, limit: usize) -> Result<Page> {
        self.reads(|kept| kept.list(filter, after, limit))
    }

    fn input(&self, key: InstanceKey) -> Result<Option<Payload>> {
        self.reads(|kept| kept.input(key))
    }

    fn busy(&self, after: InstanceKey, limit: usize) -> Result<Vec<(InstanceKey, InstanceId)>> {
        self.reads(|kept| kept.busy(after, limit))
    }

    fn timers(&self, after: (u64, InstanceKey), limit: usize) -> Result<Vec<(u64, InstanceKey, InstanceId)>> {
        self.reads(|kept| kept.timers(after, limit))
    }

    fn modules(&self) -> Result<Vec<ModuleVersion>> {
        self.reads(MemoryStore::modules)
    }

    fn pins(&self) -> Result<Vec<(VersionId, u64)>> {
        self.reads(MemoryStore::pins)
    }

    fn component(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        self.reads(|kept| kept.component(digest))
    }

    fn describe(&self) -> (&'static str, String) {
        self.kept.describe()
    }
}
