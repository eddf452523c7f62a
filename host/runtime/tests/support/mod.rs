//! A runtime on native guests, and a store that can be held up and made to fail.

use dacapo_core::{Failure, InstanceId, Orchestration, Payload, TaskId};
use dacapo_runtime::executor::{
    ActivityExecutor, ActivityRun, Exports, GuestEnd, Guests, InvalidModule, ModuleLoader, OrchestratorExecutor, Play,
    PlayError, SharedOrchestration,
};
use dacapo_runtime::{Client, ManualClock, Runtime, RuntimeConfig};
use dacapo_store::memory::MemoryStore;
use dacapo_store::{
    ContinueAfter, InboxEntry, Instance, InstanceFilter, InstanceKey, ModuleVersion, Page, Refused, Result, Store,
    StoreError, StoredTurn, Write, Written,
};
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// Calls activity `Echo` with its input, publishes the result, waits for event `Go`, returns its data.
#[derive(Default)]
pub(crate) struct NativeGuests {
    /// Turns that were cut before one was let through.
    pub(crate) cuts: AtomicU32,
    /// Whether activities count as pure.
    pub(crate) pure: AtomicBool,
    /// Runs of activities.
    pub(crate) runs: AtomicUsize,
}

struct NativePlay {
    guests: Arc<NativeGuests>,
    orchestration: SharedOrchestration,
    task: Option<(TaskId, bool)>,
}

impl NativePlay {
    fn step(&mut self) -> GuestEnd {
        let mut host = self.orchestration.lock().expect("no panic");
        let host: &mut Orchestration = &mut host;
        loop {
            let Some((task, is_event)) = self.task else {
                let input = host.input().to_string();
                self.task = Some((host.call_activity("Echo".into(), &input).expect("allowed"), false));
                continue;
            };
            if host.poll_any(&[task]).expect("allowed").is_none() {
                return GuestEnd::Parked;
            }
            let outcome = host.outcome(task).expect("done");
            if is_event {
                return GuestEnd::Returned(outcome);
            }
            host.set_custom_status(outcome.expect("Echo succeeds").as_str()).expect("allowed").expect("small");
            self.task = Some((host.wait_for_event("Go".into()).expect("allowed"), true));
        }
    }
}

impl Play for NativePlay {
    fn run_turn(&mut self) -> BoxFuture<'_, Result<GuestEnd, PlayError>> {
        Box::pin(async {
            let left = self.guests.cuts.load(Ordering::SeqCst);
            if left > 0 {
                self.guests.cuts.store(left - 1, Ordering::SeqCst);
                return Err(PlayError::Cut("by the test".into()));
            }
            Ok(self.step())
        })
    }

    fn memory_bytes(&self) -> usize {
        1_000
    }
}

pub(crate) struct Native(pub(crate) Arc<NativeGuests>);

impl OrchestratorExecutor for Native {
    fn begin<'a>(
        &'a self,
        _version: &'a ModuleVersion,
        orchestration: SharedOrchestration,
    ) -> BoxFuture<'a, Result<Box<dyn Play>, PlayError>> {
        let play = NativePlay { guests: self.0.clone(), orchestration, task: None };
        Box::pin(async move { Ok(Box::new(play) as Box<dyn Play>) })
    }
}

impl ActivityExecutor for Native {
    fn is_pure(&self, _version: &ModuleVersion) -> bool {
        self.0.pure.load(Ordering::SeqCst)
    }

    fn run(&self, _version: Arc<ModuleVersion>, run: ActivityRun) -> BoxFuture<'_, Result<Payload, Failure>> {
        self.0.runs.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(run.input) })
    }
}

impl ModuleLoader for Native {
    fn prepare<'a>(&'a self, _: &'a str, _: &'a [u8]) -> BoxFuture<'a, Result<Exports, InvalidModule>> {
        let exports = Exports { orchestrators: vec!["Flow".into()], activities: vec!["Echo".into()], imports: vec![] };
        Box::pin(async move { Ok(exports) })
    }
}

#[derive(Default)]
struct Control {
    held: bool,
    waiting: usize,
    failing: bool,
    failed: usize,
    only_turns: bool,
}

/// A memory store whose commits can be held up or made to fail.
pub(crate) struct UnrulyStore {
    inner: MemoryStore,
    control: Mutex<Control>,
    changed: Condvar,
}

impl UnrulyStore {
    fn new() -> Self {
        Self { inner: MemoryStore::new(), control: Mutex::default(), changed: Condvar::new() }
    }

    /// Only commits that hold a turn are held up and made to fail.
    pub(crate) fn only_turns(&self) {
        self.control.lock().expect("no panic").only_turns = true;
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

    /// Commits fail from now on, or no longer.
    pub(crate) fn fail(&self, failing: bool) {
        self.control.lock().expect("no panic").failing = failing;
    }

    /// Returns once a commit waits.
    pub(crate) fn until_held(&self) {
        let control = self.control.lock().expect("no panic");
        drop(self.changed.wait_while(control, |control| control.waiting == 0).expect("no panic"));
    }
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
        if control.failing {
            control.failed += 1;
            return Err(StoreError::Engine { doing: "committing", source: "the disk is full".into() });
        }
        drop(control);
        self.inner.commit(batch)
    }

    fn instance(&self, id: &InstanceId) -> Result<Option<Instance>> {
        self.inner.instance(id)
    }

    fn history(&self, key: InstanceKey, generation: u32, from_seq: u64) -> Result<Vec<StoredTurn>> {
        self.inner.history(key, generation, from_seq)
    }

    fn inbox(&self, key: InstanceKey) -> Result<Vec<InboxEntry>> {
        self.inner.inbox(key)
    }

    fn list(&self, filter: &InstanceFilter, after: ContinueAfter, limit: usize) -> Result<Page> {
        self.inner.list(filter, after, limit)
    }

    fn input(&self, key: InstanceKey) -> Result<Option<Payload>> {
        self.inner.input(key)
    }

    fn busy(&self, after: InstanceKey, limit: usize) -> Result<Vec<(InstanceKey, InstanceId)>> {
        self.inner.busy(after, limit)
    }

    fn timers(&self, after: (u64, InstanceKey), limit: usize) -> Result<Vec<(u64, InstanceKey, InstanceId)>> {
        self.inner.timers(after, limit)
    }

    fn modules(&self) -> Result<Vec<ModuleVersion>> {
        self.inner.modules()
    }

    fn component(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        self.inner.component(digest)
    }

    fn describe(&self) -> (&'static str, String) {
        self.inner.describe()
    }
}

/// A runtime with module `m` deployed.
pub(crate) struct World {
    pub(crate) store: Arc<UnrulyStore>,
    pub(crate) guests: Arc<NativeGuests>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
}

impl World {
    pub(crate) async fn new(config: RuntimeConfig) -> World {
        let guests = Arc::new(NativeGuests::default());
        let native = Arc::new(Native(guests.clone()));
        let all = Guests { orchestrators: native.clone(), activities: native.clone(), loader: native };
        let (store, clock) = (Arc::new(UnrulyStore::new()), Arc::new(ManualClock::new(1_000)));
        let client = Runtime::start(store.clone(), all, clock.clone(), config).await.expect("starts");
        client.deploy("m", b"native".to_vec()).await.expect("deploys");
        World { store, guests, clock, client }
    }
}

pub(crate) fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).expect("valid")
}

pub(crate) fn json(text: &str) -> Payload {
    Payload::parse(text).expect("json")
}
