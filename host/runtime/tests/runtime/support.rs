//! A runtime on native guests, and a store that can be held up and made to fail.

use crate::flows::{self, Playing};
use dacapo_core::history::CorruptHistory;
use dacapo_core::{ActivityOptions, Event, Failure, InstanceId, Orchestration, Payload, RuntimeStatus, TaskId};
use dacapo_runtime::client::Subscription;
use dacapo_runtime::executor::{
    ActivityEnd, ActivityExecutor, ActivityRun, Exports, GuestEnd, Guests, InvalidModule, ModuleLoader,
    NoHostActivities, OrchestratorExecutor, Play, PlayError, SharedOrchestration,
};
use dacapo_runtime::{Client, InstanceView, ManualClock, Runtime, RuntimeConfig, Start};
use dacapo_store::memory::MemoryStore;
use dacapo_store::{
    Condition, ContinueAfter, Delivery, InboxEntry, Instance, InstanceFilter, InstanceKey, Maintained, ModuleVersion,
    Page, Refused, Result, Store, StoreError, Stored, StoredTurn, VersionId, Write, Written,
};
use futures::future::BoxFuture;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// `Flow` calls activity `Echo` with its input, publishes the result, waits for event `Go`, returns its data.
/// `Nap` waits for as many milliseconds as its input says, and returns it.
pub(crate) struct NativeGuests {
    /// Turns that are cut before one is let through.
    pub(crate) cuts: Counter,
    /// Turns and runs that panic before one is let through.
    pub(crate) panics: Counter,
    /// Guests that panic when they come to rest, before one does not.
    pub(crate) size_panics: Counter,
    /// Turns that cannot be played on before one is let through.
    pub(crate) unplayable: Counter,
    /// Plays and runs that find something out of order before one is let through.
    pub(crate) not_now: Counter,
    /// Runs that find no room before one is let through.
    pub(crate) no_room: Counter,
    /// Runs whose result is not for every reader before one is.
    pub(crate) odd: Counter,
    /// Whether activities count as pure.
    pub(crate) pure: AtomicBool,
    /// Runs of activities.
    pub(crate) runs: AtomicUsize,
    /// Turns of instance `a` pass it.
    pub(crate) turns: Gate,
    /// Runs of activities pass it.
    pub(crate) activities: Gate,
}

/// Counts down.
#[derive(Default)]
pub(crate) struct Counter(AtomicU32);

impl Counter {
    pub(crate) fn set(&self, times: u32) {
        self.0.store(times, Ordering::SeqCst);
    }

    fn takes_one(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// Open until it is closed; then it lets as many through as it is told.
pub(crate) struct Gate {
    permits: Semaphore,
    came: AtomicUsize,
}

const OPEN: usize = 1 << 20;

impl Gate {
    fn open() -> Self {
        Self { permits: Semaphore::new(OPEN), came: AtomicUsize::new(0) }
    }

    pub(crate) fn close(&self) {
        self.permits.forget_permits(usize::MAX >> 4);
        self.came.store(0, Ordering::SeqCst);
    }

    pub(crate) fn reopen(&self) {
        self.permits.add_permits(OPEN);
    }

    pub(crate) fn let_through(&self, how_many: usize) {
        self.permits.add_permits(how_many);
    }

    /// How many have come to it since it was closed.
    pub(crate) fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    async fn pass(&self) {
        self.came.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.expect("never closed for good").forget();
    }
}

impl NativeGuests {
    fn new() -> Self {
        Self {
            cuts: Counter::default(),
            unplayable: Counter::default(),
            panics: Counter::default(),
            size_panics: Counter::default(),
            not_now: Counter::default(),
            no_room: Counter::default(),
            odd: Counter::default(),
            pure: AtomicBool::new(false),
            runs: AtomicUsize::new(0),
            turns: Gate::open(),
            activities: Gate::open(),
        }
    }
}

struct NativePlay {
    playing: Option<Playing>,
    guests: Arc<NativeGuests>,
    orchestration: SharedOrchestration,
    task: Option<(TaskId, bool)>,
}

impl NativePlay {
    fn step(&mut self) -> GuestEnd {
        let mut host = self.orchestration.lock().expect("no panic");
        let host: &mut Orchestration = &mut host;
        if let Some(playing) = &mut self.playing {
            return playing.run(host);
        }
        let naps = host.name() == "nap";
        loop {
            let Some((task, is_last)) = self.task else {
                let input = host.input().to_string();
                let first = match naps {
                    true => host.start_timer(input.parse().expect("milliseconds")),
                    false => host.call_activity("Echo".into(), &input, ActivityOptions::default()),
                };
                self.task = Some((first.expect("allowed"), naps));
                continue;
            };
            if host.poll_any(&[task]).expect("allowed").is_none() {
                return GuestEnd::Parked;
            }
            let outcome = host.outcome(task).expect("done");
            if is_last {
                return GuestEnd::Returned(outcome);
            }
            let echo = match outcome {
                Ok(echo) => echo,
                Err(failure) => return GuestEnd::Returned(Err(failure)),
            };
            host.set_custom_status(echo.as_str()).expect("allowed").expect("small");
            self.task = Some((host.wait_for_event("Go".into()).expect("allowed"), true));
        }
    }
}

impl Play for NativePlay {
    fn run_turn(&mut self) -> BoxFuture<'_, Result<GuestEnd, PlayError>> {
        Box::pin(async {
            let is_a = self.orchestration.lock().expect("no panic").identity().instance_id == id("a");
            if is_a {
                self.guests.turns.pass().await;
            }
            assert!(!self.guests.panics.takes_one(), "a turn panics, by the test");
            if self.guests.cuts.takes_one() {
                return Err(PlayError::Cut("by the test".into()));
            }
            if self.guests.unplayable.takes_one() {
                return Err(PlayError::Unavailable("by the test".into()));
            }
            Ok(self.step())
        })
    }

    fn memory_bytes(&self) -> usize {
        assert!(!self.guests.size_panics.takes_one(), "a guest at rest panics, by the test");
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
        let name = orchestration.lock().expect("no panic").name().to_lowercase();
        let playing = flows::named(&name).map(Playing::new);
        let play = NativePlay { playing, guests: self.0.clone(), orchestration, task: None };
        Box::pin(async move {
            if self.0.not_now.takes_one() {
                return Err(PlayError::NotNow("by the test".into()));
            }
            Ok(Box::new(play) as Box<dyn Play>)
        })
    }
}

impl ActivityExecutor for Native {
    fn is_pure(&self, _version: &ModuleVersion) -> bool {
        self.0.pure.load(Ordering::SeqCst)
    }

    fn run(&self, _version: Arc<ModuleVersion>, run: ActivityRun) -> BoxFuture<'_, ActivityEnd> {
        self.0.runs.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.0.activities.pass().await;
            assert!(!self.0.panics.takes_one(), "a run panics, by the test");
            if self.0.not_now.takes_one() {
                return Err(PlayError::NotNow("by the test".into()));
            }
            if self.0.no_room.takes_one() {
                return Err(PlayError::NoRoom("by the test".into()));
            }
            if self.0.odd.takes_one() {
                return Ok(Ok(json("[1e400]")));
            }
            if run.name == "Flaky" && run.attempt < 3 {
                return Ok(Err(Failure::new("app", "not yet")));
            }
            Ok(Ok(run.input))
        })
    }
}

impl ModuleLoader for Native {
    fn prepare<'a>(&'a self, _: &'a str, _: &'a [u8]) -> BoxFuture<'a, Result<Exports, InvalidModule>> {
        let orchestrators =
            ["Flow", "Nap", "Leaver", "Renewer", "Stubborn", "Impatient", "Teller"].map(str::to_owned).into();
        let activities = vec!["Echo".into(), "Flaky".into()];
        let exports = Exports { orchestrators, activities, imports: vec![] };
        Box::pin(async move { Ok(exports) })
    }

    fn forget<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

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
    fn new() -> Self {
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

    fn condition(&self) -> Condition {
        Condition { has_room: !self.control.lock().expect("no panic").no_room, ..Condition::default() }
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

/// A runtime with module `m` deployed.
pub(crate) struct World {
    pub(crate) store: Arc<UnrulyStore>,
    pub(crate) guests: Arc<NativeGuests>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
}

impl World {
    pub(crate) async fn new(config: RuntimeConfig) -> World {
        let guests = Arc::new(NativeGuests::new());
        let native = Arc::new(Native(guests.clone()));
        let host = Arc::new(NoHostActivities);
        let all = Guests { orchestrators: native.clone(), activities: native.clone(), host, loader: native };
        let (store, clock) = (Arc::new(UnrulyStore::new()), Arc::new(ManualClock::new(1_000)));
        let client = Runtime::start(store.clone(), all, clock.clone(), config).await.expect("starts");
        client.deploy("m", b"native".to_vec()).await.expect("deploys");
        World { store, guests, clock, client }
    }

    /// One in which `Flow` waits for its event as instance `a`, and a subscription to that.
    pub(crate) async fn with_a_waiting(config: RuntimeConfig) -> (World, Subscription) {
        let world = World::new(config).await;
        let mut watching = world.client.subscribe(&id("a"));
        world.client.start(flow("a")).await.expect("starts");
        until(&mut watching, waits).await;
        (world, watching)
    }
}

pub(crate) fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).expect("valid")
}

pub(crate) fn json(text: &str) -> Payload {
    Payload::parse(text).expect("json")
}

/// Starts `Flow` as an instance with this id.
pub(crate) fn flow(text: &str) -> Start {
    Start { name: "flow".into(), id: Some(id(text)), input: json("7"), version: None }
}

/// Starts this orchestrator as an instance with this id.
pub(crate) fn start(name: &str, text: &str) -> Start {
    Start { name: name.into(), id: Some(id(text)), input: json("0"), version: None }
}

/// Starts `Nap` as an instance with this id.
pub(crate) fn nap(text: &str, ms: u64) -> Start {
    Start { name: "nap".into(), id: Some(id(text)), input: json(&ms.to_string()), version: None }
}

/// Waits for a view that is wanted, of whichever instance has the id.
pub(crate) async fn until(watching: &mut Subscription, wanted: impl Fn(&InstanceView) -> bool) -> Arc<InstanceView> {
    loop {
        if let Some(view) = watching.changed().await
            && wanted(&view)
        {
            return view;
        }
    }
}

/// As [`until`], while the clock goes on: what is tried again after a while is tried.
pub(crate) async fn until_in_time(
    world: &World,
    watching: &mut Subscription,
    wanted: impl Fn(&InstanceView) -> bool,
) -> Arc<InstanceView> {
    let mut seen = pin!(until(watching, wanted));
    loop {
        tokio::select! {
            biased;
            view = &mut seen => return view,
            () = tokio::task::yield_now() => world.clock.advance(Duration::from_millis(100)),
        }
    }
}

/// Waits for what another thread is about to do.
pub(crate) async fn becomes(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

/// `Flow` waits for its event.
pub(crate) fn waits(view: &InstanceView) -> bool {
    view.custom_status == Some(json("7")) && view.status == RuntimeStatus::Running
}

/// It has ended for good.
pub(crate) fn ended(view: &InstanceView) -> bool {
    view.status.is_finished() && !view.stalled
}
