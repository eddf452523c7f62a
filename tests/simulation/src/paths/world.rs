//! A runtime on one path, and what is seen of it when it is at rest.

use super::Case;
use super::act::Act;
use crate::clock::OrderlyClock;
use crate::executor::Executor;
use crate::flow::input_of;
use crate::guests::{Manner, Run, ScriptGuests, failure_of, result_of};
use crate::ledger::Ledger;
use crate::script::{ANEW, Flows, INSTANCES};
use dacapo_core::{Event, Identity, InstanceId, Payload, RuntimeStatus};
use dacapo_runtime::client::Subscription;
use dacapo_runtime::{Client, ClientError, Ground, InstanceView, Runtime, RuntimeConfig, Start};
use dacapo_store::memory::MemoryStore;
use dacapo_store::sqlite::SqliteStore;
use dacapo_store::{ContinueAfter, Instance, InstanceFilter, InstanceKey, Store};
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// How instances live between steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Path {
    /// Parked in memory.
    Warm,
    /// Nothing is kept: every turn replays.
    Cold,
    /// The runtime stops and starts again before each step.
    Restarted,
    /// As servers live: turns run ahead of the disk, and everything at once. What it comes to depends on who is first; it
    /// must be right whoever that is.
    Ahead,
}

/// Where what must survive is kept.
#[derive(Clone)]
pub(crate) enum Kept {
    Memory(Arc<MemoryStore>),
    File(Rc<TempDir>),
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kept::Memory(_) => "memory",
            Kept::File(_) => "SQLite",
        })
    }
}

impl Kept {
    pub(crate) fn memory() -> Self {
        Self::Memory(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn file() -> Self {
        Self::File(Rc::new(tempfile::tempdir().expect("a folder")))
    }

    fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => store.clone(),
            Self::File(folder) => Arc::new(SqliteStore::open(folder.path()).expect("opens")),
        }
    }
}

type Checked<T = ()> = Result<T, String>;

/// What is seen of a world at rest.
#[derive(Debug, Default)]
pub(crate) struct Seen(Vec<String>);

impl Seen {
    /// The first lines that are not the same.
    pub(crate) fn differs(&self, other: &Self) -> Option<String> {
        let longest = self.0.len().max(other.0.len());
        let at = (0..longest).find(|at| self.0.get(*at) != other.0.get(*at))?;
        let line = |seen: &Self| seen.0.get(at).cloned().unwrap_or_else(|| "(nothing)".into());
        Some(format!("  warm:  {}\n  other: {}", line(self), line(other)))
    }
}

/// One start of the runtime.
struct Process {
    executor: Executor,
    guests: Arc<ScriptGuests>,
    store: Arc<dyn Store>,
    client: Client,
    watching: BTreeMap<InstanceId, Subscription>,
}

impl Process {
    fn start(world: &mut World) -> Checked<Self> {
        world.starts += 1;
        let is_ahead = world.path == Path::Ahead;
        let executor = Executor::new(world.seed ^ world.starts, !is_ahead);
        let guests =
            ScriptGuests::new(world.flows.clone(), if is_ahead { Manner::Open } else { Manner::Gated }, world.pure);
        let store = world.kept.open();
        let scheduler = Arc::new(executor.clone());
        let ground = Ground { store: store.clone(), guests: guests.all(), clock: world.clock.clone(), scheduler };
        let warm_budget_bytes = if world.path == Path::Cold { 0 } else { 64 << 20 };
        let usual = RuntimeConfig::default();
        // Which arrivals meet in one turn must not depend on how fast the disk is.
        let turns_ahead = if is_ahead { usual.turns_ahead } else { 1 };
        // Activities end when the acts say so, not when others have ended.
        let config = RuntimeConfig { warm_budget_bytes, turns_ahead, activity_concurrency: 100_000, ..usual };
        let started = executor.drive(Runtime::start_on(ground, config)).ok_or("does not start")?;
        let client = started.map_err(|error| error.to_string())?;
        executor.rest();
        Ok(Self { executor, guests, store, client, watching: BTreeMap::new() })
    }

    fn watch(&mut self, id: &InstanceId) {
        let client = &self.client;
        self.watching.entry(id.clone()).or_insert_with(|| client.subscribe(id));
    }

    fn stop(mut self) {
        self.watching.clear();
        let client = self.client.clone();
        self.executor.drive(async move { client.drain(Duration::from_secs(1)).await });
        self.executor.kill();
    }
}

/// A runtime on one path.
pub(crate) struct World {
    flows: Flows,
    pure: bool,
    path: Path,
    kept: Kept,
    clock: Arc<OrderlyClock>,
    seed: u64,
    starts: u64,
    process: Option<Process>,
    /// Ids that were ever seen.
    known: BTreeSet<InstanceId>,
    events: u64,
    /// Events that were acknowledged, by the instance and execution that was there.
    raised: Vec<(InstanceKey, u32, Payload)>,
    /// What each instance was last seen as.
    last: BTreeMap<InstanceId, InstanceView>,
}

pub(crate) fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).expect("valid")
}

fn identity(instance: &Instance) -> Identity {
    Identity {
        instance_id: instance.id.clone(),
        created_at_ms: instance.created_at_ms,
        generation: instance.generation,
        key: Some(instance.key.0),
    }
}

impl World {
    /// `seed`: of the order in which what is ready runs.
    pub(crate) fn new(case: &Case, path: Path, kept: Kept, seed: u64) -> Checked<Self> {
        let clock = Arc::new(OrderlyClock::new(1_000));
        let known = (0..INSTANCES).map(|n| id(&format!("i{n}"))).collect();
        let (raised, last) = (Vec::new(), BTreeMap::new());
        let (flows, pure) = (case.flows.clone(), case.pure);
        let mut world =
            Self { flows, pure, path, kept, clock, seed, starts: 0, process: None, known, events: 0, raised, last };
        let process = Process::start(&mut world)?;
        world.process = Some(process);
        world
            .ask(|client| async move { client.deploy("m", b"script".to_vec()).await.map(drop) })?
            .map_err(|error| error.to_string())?;
        Ok(world)
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("there is one but while it is restarted")
    }

    fn ask<T, F>(&mut self, request: impl FnOnce(Client) -> F) -> Checked<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let process = self.process();
        let answered =
            process.executor.drive(request(process.client.clone())).ok_or("[no answer] a request is not answered")?;
        self.rest();
        Ok(answered)
    }

    /// Between two acts of a step.
    fn rest(&mut self) {
        if self.path != Path::Ahead {
            self.process().executor.rest();
        }
    }

    fn restart(&mut self) -> Checked {
        let process = self.process.take().expect("there is one but while it is restarted");
        process.stop();
        let process = Process::start(self)?;
        self.process = Some(process);
        self.settle();
        Ok(())
    }

    /// Lets turns through, one by one, until nothing goes on.
    fn settle(&mut self) {
        let process = self.process();
        process.executor.rest();
        while process.guests.let_one_through() {
            process.executor.rest();
        }
    }

    /// Does the acts of a step, lets them have their effect, and looks.
    pub(crate) fn step(&mut self, acts: &[Act]) -> Checked<Seen> {
        if self.path == Path::Restarted {
            self.restart()?;
        }
        let known = self.known.clone();
        known.iter().for_each(|id| self.process().watch(id));
        let mut open = self.open_runs()?;
        let mut seen = Seen::default();
        for act in acts {
            self.clock.advance_ms(1);
            self.rest();
            let answer = self.act(*act, &mut open)?;
            seen.0.push(format!("{act:?}: {answer}"));
        }
        self.settle();
        self.look(&mut seen)?;
        Ok(seen)
    }

    fn act(&mut self, act: Act, open: &mut Vec<Run>) -> Checked<String> {
        let said = |done: Result<(), ClientError>| done.map_or_else(|error| error.to_string(), |()| "done".into());
        let present: Vec<InstanceId> = self.last.keys().cloned().collect();
        let pick = |who: u8| present.get(usize::from(who) % present.len().max(1)).cloned().unwrap_or_else(|| id("i0"));
        Ok(match act {
            Act::Start { who, flow } => {
                let name = format!("O{}", usize::from(flow) % self.flows.len());
                let input = Payload::of(&input_of("", ANEW)).expect("JSON");
                let start = Start { name, id: Some(id(&format!("i{who}"))), input, version: None };
                said(self.ask(|client| async move { client.start(start).await.map(drop) })?)
            }
            Act::Raise { who, name } => self.raise(&pick(who), name)?,
            Act::End { which, fails } if !open.is_empty() => {
                let run = open.remove(usize::from(which) % open.len());
                let result = if fails { failure_of(&run) } else { result_of(&run) };
                let ended = self.process().guests.end(&run, result);
                self.rest();
                format!("{run:?} {ended}")
            }
            Act::End { .. } => "none".into(),
            Act::EndStale => {
                let stale = self.process().guests.runs().into_iter().filter(|run| !open.contains(run));
                for run in stale.collect::<Vec<_>>() {
                    self.process().guests.end(&run, result_of(&run));
                    self.rest();
                }
                "done".into()
            }
            Act::Pass(ms) => {
                self.clock.advance_ms(ms.into());
                self.rest();
                "done".into()
            }
            Act::Suspend { who } => {
                let id = pick(who);
                said(self.ask(|client| async move { client.suspend(&id, "hold on".into()).await })?)
            }
            Act::Resume { who } => {
                let id = pick(who);
                said(self.ask(|client| async move { client.resume(&id, "go on".into()).await })?)
            }
            Act::Rewind { who } => {
                let id = pick(who);
                said(self.ask(|client| async move { client.rewind(&id, "again".into()).await })?)
            }
            Act::Terminate { who, recursive } => {
                let id = pick(who);
                said(self.ask(move |client| async move { client.terminate(&id, "enough".into(), recursive).await })?)
            }
            Act::Purge { who, force } => {
                let id = pick(who);
                said(self.ask(move |client| async move { client.purge(&id, force).await })?)
            }
        })
    }

    fn raise(&mut self, to: &InstanceId, name: u8) -> Checked<String> {
        self.events += 1;
        let data = Payload::of(&self.events).expect("JSON");
        let found = self.process().store.instance(to).map_err(|error| error.to_string())?;
        let (to, sent) = (to.clone(), data.clone());
        let raised = self.ask(move |client| async move { client.raise_event(&to, &format!("E{name}"), sent).await })?;
        match raised {
            Ok(()) => {
                let instance = found.ok_or("an event for nobody was acknowledged")?;
                self.raised.push((instance.key, instance.generation, data));
                Ok("done".into())
            }
            Err(error) => Ok(error.to_string()),
        }
    }

    fn stored(&mut self) -> Checked<Vec<(Instance, Ledger)>> {
        let store = self.process().store.clone();
        let text = |error: dacapo_store::StoreError| error.to_string();
        let page = store.list(&InstanceFilter::default(), ContinueAfter::ZERO, 10_000).map_err(text)?;
        let mut found = Vec::new();
        for instance in page.instances {
            let turns = store.history(instance.key, instance.generation, 0).map_err(text)?;
            if turns.len() as u64 != instance.next_seq {
                return Err(format!("'{}' has {} records of {}", instance.id, turns.len(), instance.next_seq));
            }
            let ledger = Ledger::read(&identity(&instance), &turns);
            let ledger = ledger
                .map_err(|why| format!("[history] '{}', execution {}: {why}", instance.id, instance.generation))?;
            found.push((instance, ledger));
        }
        Ok(found)
    }

    /// What the histories say is at work.
    fn open_runs(&mut self) -> Checked<Vec<Run>> {
        let stored = self.stored()?;
        let unfinished = stored.iter().filter(|(instance, _)| !instance.status.is_finished());
        let mut open: Vec<Run> =
            unfinished.flat_map(|(instance, ledger)| ledger.open_runs(&identity(instance))).collect();
        open.sort();
        Ok(open)
    }

    /// What is seen at rest, after it was found to be what it must.
    fn look(&mut self, seen: &mut Seen) -> Checked {
        let stored = self.stored()?;
        for (instance, ledger) in &stored {
            self.check(instance, ledger)?;
        }
        let running = self.process().guests.runs();
        for run in self.open_runs()? {
            if !running.contains(&run) {
                return Err(format!("[lost run] {run:?} is at work by the history, and nobody runs it"));
            }
        }
        if let Some(wrong) = self.process().guests.wrong() {
            return Err(format!("[twice] {wrong}"));
        }
        self.show(seen)
    }

    fn check(&mut self, instance: &Instance, ledger: &Ledger) -> Checked {
        let (id, now_ms) = (&instance.id, dacapo_runtime::Clock::now_ms(&*self.clock));
        let ended = match &ledger.end {
            None => None,
            Some(Event::ExecutionCompleted { .. }) => Some(RuntimeStatus::Completed),
            Some(Event::ExecutionTerminated { .. }) => Some(RuntimeStatus::Terminated),
            Some(_) => Some(RuntimeStatus::Failed),
        };
        if ended != Some(instance.status).filter(|status| status.is_finished()) {
            return Err(format!("[end] '{id}' is {}, and its history ends with {:?}", instance.status, ledger.end));
        }
        if ended.is_some() {
            return Ok(());
        }
        let due = ledger.next_timer_ms().filter(|at_ms| *at_ms <= now_ms);
        if let Some(at_ms) = due.filter(|_| instance.status == RuntimeStatus::Running) {
            return Err(format!("[lost timer] '{id}' has a timer for {at_ms}, and it is {now_ms}"));
        }
        for (key, generation, data) in &self.raised {
            let times = ledger.raised.iter().filter(|found| *found == data).count();
            let is_same = *key == instance.key && *generation == instance.generation;
            // What it has not heard of when it fails goes with it: it is not there when it is rewound.
            let wrong = if is_same && instance.epoch == 0 { times != 1 } else { times > 1 };
            if wrong {
                return Err(format!("[lost event] {data} was acknowledged, and '{id}' has it {times} times"));
            }
        }
        Ok(())
    }

    fn show(&mut self, seen: &mut Seen) -> Checked {
        let filter = InstanceFilter::default();
        let listed = self.ask(|client| async move { client.list(filter, ContinueAfter::ZERO, 10_000, true).await })?;
        let listed = listed.map_err(|error| error.to_string())?.instances;
        for (id, watching) in &mut self.process().watching {
            while let Some(view) = watching.changed().now_or_never() {
                seen.0.push(format!("'{id}' was shown as {view:?}"));
            }
        }
        self.last.clear();
        for view in listed {
            let wanted = view.id.clone();
            let shown = self.ask(|client| async move {
                (client.status(&wanted).await.map_err(|e| e.to_string()), client.history(&wanted).await)
            })?;
            let (status, history) = shown;
            let status = status?;
            if status.as_deref() != Some(&view) {
                return Err(format!("[readers] the list shows {view:?}, the status {status:?}"));
            }
            if view.stalled {
                return Err(format!("[stalled] it cannot be played on: {view:?}"));
            }
            let history = history.map_err(|error| error.to_string())?.map(|(_, turns)| turns).unwrap_or_default();
            seen.0.push(format!("{view:?}"));
            seen.0.extend(history.iter().map(|turn| format!("'{}' {turn:?}", view.id)));
            self.known.insert(view.id.clone());
            self.last.insert(view.id.clone(), view);
        }
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.watching.into_iter().for_each(drop);
            process.executor.kill();
        }
    }
}
