//! One world: what is kept, the process that lives on it, and the outside.

use super::book::Book;
use super::store::{Delivered, FaultyStore, Rates, number_of};
use crate::chance::Chance;
use crate::clock::OrderlyClock;
use crate::executor::Executor;
use crate::flow::input_of;
use crate::guests::{Manner, ScriptGuests, failure_of, result_of};
use crate::ledger::Ledger;
use crate::script::{ANEW, Flows, flows};
use crate::seeds::runner;
use dacapo_core::{Event, Identity, InstanceId, Payload, RuntimeStatus};
use dacapo_runtime::{Client, ClientError, Clock, Ground, Runtime, RuntimeConfig, Start};
use dacapo_store::memory::MemoryStore;
use dacapo_store::{ContinueAfter, Instance, InstanceFilter, InstanceKey, Store};
use futures::future::BoxFuture;
use proptest::strategy::{Strategy, ValueTree};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

type Checked<T = ()> = Result<T, String>;

/// Steps while there are faults.
const STEPS: usize = 600;
/// Rounds in which everybody gets what they may wait for, when there are none any more.
const ROUNDS: usize = 80;
/// Steps between two looks at everything that is kept.
const AUDITED: usize = 50;
/// Instances that the outside starts in a world at most: each may have hundreds below it.
const STARTS: u64 = 8;
/// Steps after which it must be at rest.
const SETTLED: usize = 200_000;
/// Lines of what happened that are told.
const TOLD: usize = 120;

/// What came of a world.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) steps: u64,
    pub(crate) crashes: u64,
    /// Of everything that happened, in order.
    digest: u64,
}

/// What a world is made of.
#[derive(Clone, Debug)]
struct Nature {
    flows: Flows,
    pure: bool,
    config: RuntimeConfig,
    rates: Rates,
    guests: usize,
    /// In a thousand steps.
    crash: usize,
    clock_goes_back: bool,
}

impl Nature {
    fn draw(seed: u64, chance: &mut Chance) -> Self {
        let flows = flows().new_tree(&mut runner(seed)).expect("nothing is filtered").current();
        let mut one_of = |values: &[usize]| values[chance.below(values.len())];
        let config = RuntimeConfig {
            warm_budget_bytes: one_of(&[0, 64 << 20, 64 << 20]),
            warm_instances: one_of(&[0, 1, 2, 4_000]),
            turns_ahead: one_of(&[1, 2, 128, 128]),
            timers_in_memory: one_of(&[1, 2, 100_000]),
            status_cache_bytes: one_of(&[0, 64 << 20]),
            activity_concurrency: one_of(&[1, 3, 64]),
            ..RuntimeConfig::default()
        };
        let rates = Rates { commit: one_of(&[0, 10, 60]), death: one_of(&[0, 5, 20]), read: one_of(&[0, 10, 60]) };
        let (guests, crash) = (one_of(&[0, 0, 20, 80]), one_of(&[0, 2, 8]));
        Self { flows, pure: one_of(&[0, 1]) == 1, config, rates, guests, crash, clock_goes_back: one_of(&[0, 1]) == 1 }
    }
}

/// One life of the process.
struct Process {
    executor: Executor,
    store: Arc<FaultyStore>,
    guests: Arc<ScriptGuests>,
    client: Client,
}

/// One world.
pub(crate) struct World {
    nature: Nature,
    chance: Chance,
    kept: Arc<MemoryStore>,
    clock: Arc<OrderlyClock>,
    delivered: Arc<Mutex<Delivered>>,
    book: Arc<Mutex<Book>>,
    process: Option<Process>,
    faulty: bool,
    latest_ms: u64,
    events: u64,
    starts: u64,
    steps: u64,
    crashes: u64,
    digest: u64,
    /// How instances have ended that do not begin again.
    ended: BTreeMap<InstanceKey, (RuntimeStatus, Option<Payload>)>,
}

/// A client that hangs up after so many polls.
struct HangUp<T> {
    request: Option<BoxFuture<'static, T>>,
    polls: usize,
}

impl<T> Future for HangUp<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(request) = &mut self.request else { return Poll::Ready(None) };
        if let Poll::Ready(answer) = request.as_mut().poll(context) {
            self.request = None;
            return Poll::Ready(Some(answer));
        }
        self.polls = self.polls.saturating_sub(1);
        if self.polls == 0 {
            self.request = None;
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

fn id(text: &str) -> InstanceId {
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
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let nature = Nature::draw(seed, &mut chance);
        let mut world = Self {
            nature,
            chance,
            kept: Arc::new(MemoryStore::new()),
            clock: Arc::new(OrderlyClock::new(1_000_000)),
            delivered: Arc::default(),
            book: Arc::default(),
            process: None,
            faulty: false,
            latest_ms: 1_000_000,
            events: 0,
            starts: 0,
            steps: 0,
            crashes: 0,
            digest: 0xcbf2_9ce4_8422_2325,
            ended: BTreeMap::new(),
        };
        world.start();
        let client = world.process().client.clone();
        let deployed = world.process().executor.drive(async move { client.deploy("m", b"script".to_vec()).await });
        deployed.expect("answers").expect("deploys");
        world
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary { steps: self.steps, crashes: self.crashes, digest: self.digest }
    }

    /// What was wrong, and what happened before.
    pub(crate) fn tell(&self, why: &str) -> String {
        let lines = &self.book().lines;
        let told = lines[lines.len().saturating_sub(TOLD)..].join("\n  ");
        format!("{why}\n{:?}\nwhat happened last:\n  {told}", self.nature)
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("there is one but while it is started")
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nothing panics while it is held")
    }

    fn note(&mut self, line: String) {
        self.mix(&line);
        let line = format!("{}: {line}", self.steps);
        self.book().lines.push(line);
    }

    fn mix(&mut self, text: &str) {
        for byte in text.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// Starts a process on what is kept.
    fn start(&mut self) {
        loop {
            let (order, store, guests) = (self.chance.next(), self.chance.next(), self.chance.next());
            let rates = if self.faulty { self.nature.rates } else { Rates::default() };
            let store = FaultyStore::new(self.kept.clone(), store, rates, self.delivered.clone());
            let rate = if self.faulty { self.nature.guests } else { 0 };
            let manner = Manner::Erratic { seed: guests, rate };
            let guests = ScriptGuests::new(self.nature.flows.clone(), manner, self.nature.pure);
            let executor = Executor::new(order, false);
            let (clock, scheduler) = (self.clock.clone(), Arc::new(executor.clone()));
            let ground = Ground { store: store.clone(), guests: guests.all(), clock, scheduler };
            let started = executor.drive(Runtime::start_on(ground, self.nature.config.clone()));
            match started.expect("a start needs nothing from outside") {
                Ok(client) => {
                    self.process = Some(Process { executor, store, guests, client });
                    return;
                }
                Err(error) => {
                    executor.kill();
                    self.note(format!("does not start: {error}"));
                }
            }
        }
    }

    fn crash(&mut self) {
        self.crashes += 1;
        if let Some(process) = self.process.take() {
            process.executor.kill();
        }
        self.note("the process dies, and is started again".into());
        self.start();
    }

    /// Stops in good order, and starts again.
    fn restart(&mut self) {
        if let Some(Process { executor, client, .. }) = self.process.take() {
            executor.drive(async move { client.drain(Duration::from_secs(1)).await });
            executor.kill();
        }
        self.note("is stopped, and started again".into());
        self.start();
    }

    /// Lives with faults.
    pub(crate) fn live(&mut self) -> Checked {
        self.faulty = true;
        self.crash();
        for step in 0..STEPS {
            self.steps += 1;
            let polled = if self.chance.below(100) < 75 { self.process().executor.step() } else { None };
            match polled {
                Some(task) => self.mix(&format!("poll {task}")),
                None => self.act(),
            }
            if self.process().store.is_dead() || self.chance.below(1_000) < self.nature.crash {
                self.crash();
            }
            self.listen()?;
            if step % AUDITED == 0 {
                self.audit()?;
            }
        }
        self.audit()
    }

    /// Whether anybody has seen what must not be.
    fn listen(&self) -> Checked {
        if let Some(wrong) = self.process().guests.wrong().filter(|_| !self.nature.clock_goes_back) {
            return Err(format!("[twice] {wrong}"));
        }
        if let Some(wrong) = self.process().store.wrong() {
            return Err(format!("[twice] {wrong}"));
        }
        self.book().wrong.clone().map_or(Ok(()), Err)
    }

    // ---- the outside -------------------------------------------------------------------------------------------

    fn instances(&self) -> Vec<Instance> {
        let page = self.kept.list(&InstanceFilter::default(), ContinueAfter::ZERO, 100_000);
        page.expect("memory answers").instances
    }

    fn anybody(&mut self) -> Option<InstanceId> {
        let instances = self.instances();
        (!instances.is_empty()).then(|| instances[self.chance.below(instances.len())].id.clone())
    }

    fn act(&mut self) {
        match self.chance.below(100) {
            0..10 if self.starts < STARTS => self.start_one(),
            0..26 => {
                if let Some(id) = self.anybody() {
                    self.raise(&id);
                }
            }
            26..48 => self.end_one(),
            48..68 => self.pass(),
            68..80 => self.read_one(),
            80..85 => self.read_all(),
            85..99 => self.tell_one(),
            _ => self.restart(),
        }
    }

    /// Asks something, and puts the answer into the book; the client may hang up before.
    fn ask<T: Send + 'static>(
        &mut self,
        what: String,
        request: impl FnOnce(Client) -> BoxFuture<'static, T>,
        answered: impl FnOnce(&mut Book, T) -> String + Send + 'static,
    ) {
        let hangs_up = self.faulty && self.chance.below(5) == 0;
        let polls = if hangs_up { 1 + self.chance.below(4) } else { usize::MAX };
        self.note(format!("{what}{}", if hangs_up { ", and hangs up" } else { "" }));
        let (book, process) = (self.book.clone(), self.process());
        let request = HangUp { request: Some(request(process.client.clone())), polls };
        dacapo_runtime::scheduler::Scheduler::spawn(
            &process.executor,
            Box::pin(async move {
                let Some(answer) = request.await else { return };
                let mut book = book.lock().expect("nothing panics while it is held");
                let said = answered(&mut book, answer);
                book.lines.push(format!("    {what}: {said}"));
            }),
        );
    }

    fn start_one(&mut self) {
        self.starts += 1;
        // The first few can be reached by what flows send.
        let new = id(&format!("i{}", self.starts - 1));
        let flow = self.chance.below(self.nature.flows.len());
        let input = Payload::of(&input_of("", ANEW)).expect("JSON");
        let start = Start { name: format!("O{flow}"), id: Some(new.clone()), input, version: None };
        let what = format!("start {new} O{flow}");
        let request = |client: Client| -> BoxFuture<'static, _> { Box::pin(async move { client.start(start).await }) };
        self.ask(what, request, move |book, answer| {
            if answer.is_ok() {
                book.started.insert(new);
            }
            said(answer.map(drop))
        });
    }

    fn raise(&mut self, to: &InstanceId) {
        self.events += 1;
        let (number, to) = (self.events, to.clone());
        let name = format!("E{}", number % 2);
        let what = format!("raise {name} = {number} to {to}");
        let data = Payload::of(&number).expect("JSON");
        let request = move |client: Client| -> BoxFuture<'static, _> {
            Box::pin(async move { client.raise_event(&to, &name, data).await })
        };
        self.ask(what, request, move |book, answer| {
            if answer.is_ok() {
                book.raised.insert(number);
            }
            said(answer)
        });
    }

    fn end_one(&mut self) {
        let runs = self.process().guests.runs();
        if runs.is_empty() {
            return;
        }
        let run = runs[self.chance.below(runs.len())].clone();
        let fails = self.chance.below(3) == 0;
        self.note(format!("{run:?} {}", if fails { "fails" } else { "ends" }));
        let result = if fails { failure_of(&run) } else { result_of(&run) };
        self.process().guests.end(&run, result);
    }

    fn pass(&mut self) {
        let now_ms = self.clock.now_ms();
        let passed_ms = match self.chance.below(20) {
            0 => 1_500,
            1 => 10_000,
            _ => 1 + self.chance.next() % 40,
        };
        match self.chance.below(20) {
            // The clock is set: no time passes.
            0 => self.clock.set(now_ms + 20_000),
            1 if self.nature.clock_goes_back => self.clock.set(now_ms - 700),
            2 if self.nature.clock_goes_back => self.clock.set(now_ms - 20),
            _ => self.clock.advance_ms(passed_ms),
        }
        let now_ms = self.clock.now_ms();
        self.latest_ms = self.latest_ms.max(now_ms);
        self.note(format!("it is {now_ms}"));
    }

    fn read_one(&mut self) {
        let Some(who) = self.anybody() else { return };
        let (before, started) = {
            let book = self.book();
            (book.seen.clone(), book.started.contains(&who))
        };
        let asked = who.clone();
        let request =
            move |client: Client| -> BoxFuture<'static, _> { Box::pin(async move { client.status(&asked).await }) };
        self.ask(format!("status of {who}"), request, move |book, answer| {
            let shown = answer.as_ref().ok().and_then(Option::as_ref).map(|view| view.revision());
            book.status(&before, started, &who, answer);
            format!("{shown:?}")
        });
    }

    fn read_all(&mut self) {
        let (before, started) = {
            let book = self.book();
            (book.seen.clone(), book.started.clone())
        };
        let request = |client: Client| -> BoxFuture<'static, _> {
            Box::pin(async move { client.list(InstanceFilter::default(), ContinueAfter::ZERO, 100_000, false).await })
        };
        self.ask("list".into(), request, move |book, answer| match answer {
            Ok(page) => {
                book.list(&before, &started, &page.instances);
                format!("{} instances", page.instances.len())
            }
            Err(error) => error.to_string(),
        });
    }

    /// What operators do.
    fn tell_one(&mut self) {
        let Some(who) = self.anybody() else { return };
        let (told, recursive) = (who.clone(), self.chance.below(2) == 0);
        type Done = Result<(), ClientError>;
        let which = self.chance.below(14);
        let what = ["suspend", "resume", "rewind", "terminate", "purge"][usize::min(which / 3, 4)];
        if what == "purge" {
            self.book().purging.insert(who.clone());
        }
        let request = move |client: Client| -> BoxFuture<'static, Done> {
            Box::pin(async move {
                match what {
                    "suspend" => client.suspend(&told, "hold on".into()).await,
                    "resume" => client.resume(&told, "go on".into()).await,
                    "rewind" => client.rewind(&told, "again".into()).await,
                    "terminate" => client.terminate(&told, "enough".into(), recursive).await,
                    _ => client.purge(&told, recursive).await,
                }
            })
        };
        self.ask(format!("{what} {who}"), request, move |book, answer: Done| {
            // The ids of children can be used again.
            if what == "terminate" && answer.is_ok() && who.as_str().starts_with('i') && !who.as_str().contains(':') {
                book.terminated.insert(who);
            }
            said(answer)
        });
    }

    // ---- what must be ------------------------------------------------------------------------------------------

    fn ledger(&self, instance: &Instance) -> Checked<Ledger> {
        let turns = self.kept.history(instance.key, instance.generation, 0).map_err(|error| error.to_string())?;
        if turns.len() as u64 != instance.next_seq {
            return Err(format!("[history] '{}' has {} records", instance.id, turns.len()));
        }
        let ledger = Ledger::read(&identity(instance), &turns);
        ledger.map_err(|why| format!("[history] '{}', execution {}: {why}", instance.id, instance.generation))
    }

    /// Looks at everything that is kept.
    fn audit(&mut self) -> Checked {
        let instances = self.instances();
        let delivered = self.delivered.lock().expect("no panic").clone();
        if let Some(number) = self.book().raised.iter().find(|number| !delivered.contains_key(number)) {
            return Err(format!("[lost event] {number} was acknowledged, and nothing was written"));
        }
        for instance in &instances {
            let ledger = self.ledger(instance)?;
            let inbox = self.kept.inbox(instance.key).map_err(|error| error.to_string())?;
            let waiting = inbox.iter().filter_map(|entry| match &entry.event {
                Event::EventRaised { data, .. } => Some(data),
                _ => None,
            });
            let mut times: BTreeMap<u64, usize> = BTreeMap::new();
            for number in ledger.raised.iter().chain(waiting).filter_map(number_of) {
                *times.entry(number).or_default() += 1;
            }
            if let Some((number, _)) = times.iter().find(|(_, times)| **times > 1) {
                return Err(format!("[twice] '{}' has event {number} twice", instance.id));
            }
            let state = (instance.key, instance.generation);
            let lost = delivered.iter().find(|(number, to)| **to == state && !times.contains_key(number));
            // What it has not heard of when it fails goes with it: it is not there when it is rewound.
            let was_reopened = instance.epoch > 0;
            if let Some((number, _)) = lost.filter(|_| !instance.status.is_finished() && !was_reopened) {
                return Err(format!("[lost event] {number} was written, and '{}' has it nowhere", instance.id));
            }
            self.one_outcome(instance)?;
        }
        let there = |id: &InstanceId| instances.iter().any(|instance| instance.id == *id);
        let book = self.book();
        match book.started.iter().find(|id| !there(id) && !book.purging.contains(id)) {
            Some(id) => Err(format!("[gone] the start of '{id}' was acknowledged")),
            None => Ok(()),
        }
    }

    fn one_outcome(&mut self, instance: &Instance) -> Checked {
        let end = (instance.status, instance.output.clone());
        if let Some(before) = self.ended.get(&instance.key).filter(|before| **before != end) {
            return Err(format!("[two outcomes] '{}' had ended as {before:?}, and is {end:?}", instance.id));
        }
        if matches!(instance.status, RuntimeStatus::Completed | RuntimeStatus::Terminated) {
            self.ended.insert(instance.key, end);
        }
        Ok(())
    }

    /// No more faults: what was acknowledged has its effect, and once everybody gets what they wait for all ends.
    pub(crate) fn finish(&mut self) -> Checked {
        self.faulty = false;
        self.process().store.behave();
        self.process().guests.behave();
        self.note("no more faults".into());
        self.clock.set(self.latest_ms + 10_000);
        for _ in 0..4 {
            self.rest(400_000)?;
        }
        self.effects()?;
        for round in 0..ROUNDS {
            if round % 8 == 0 {
                self.audit()?;
            }
            let open: Vec<_> = self.instances().into_iter().filter(|one| !one.status.is_finished()).collect();
            if open.is_empty() {
                return self.audit();
            }
            self.end_all()?;
            for instance in open {
                let resumed = instance.id.clone();
                if instance.status == RuntimeStatus::Suspended {
                    let request = move |client: Client| -> BoxFuture<'static, _> {
                        Box::pin(async move { client.resume(&resumed, "go on".into()).await })
                    };
                    self.ask(format!("resume {}", instance.id), request, |_, answer| said(answer));
                }
                self.raise(&instance.id);
                self.raise(&instance.id);
            }
            self.rest(1_500)?;
        }
        let open = self.instances().into_iter().filter(|one| !one.status.is_finished());
        Err(format!("[stuck] these do not end: {:?}", open.collect::<Vec<_>>()))
    }

    fn rest(&mut self, pass_ms: u64) -> Checked {
        self.settle()?;
        self.clock.advance_ms(pass_ms);
        self.settle()
    }

    /// Ends every run, and those that had to wait for its place.
    fn end_all(&mut self) -> Checked {
        loop {
            let runs = self.process().guests.runs();
            if runs.is_empty() {
                return Ok(());
            }
            for run in runs {
                self.process().guests.end(&run, result_of(&run));
            }
            self.settle()?;
        }
    }

    fn settle(&mut self) -> Checked {
        for _ in 0..SETTLED {
            let Some(task) = self.process().executor.step() else { return self.listen() };
            self.steps += 1;
            self.mix(&format!("poll {task}"));
        }
        Err("[spins] it does not come to rest, though nothing happens to it".into())
    }

    /// At rest: what was acknowledged has had its effect.
    fn effects(&self) -> Checked {
        let now_ms = self.clock.now_ms();
        for instance in self.instances().iter().filter(|instance| !instance.status.is_finished()) {
            if self.book().terminated.contains(&instance.id) {
                return Err(format!("[no effect] '{}' was terminated, and is {}", instance.id, instance.status));
            }
            let inbox = self.kept.inbox(instance.key).map_err(|error| error.to_string())?;
            if let Some(entry) = inbox.first() {
                return Err(format!("[no effect] '{}' has not heard of {entry:?}", instance.id));
            }
            let due = self.ledger(instance)?.next_timer_ms().filter(|at_ms| *at_ms <= now_ms);
            if due.is_some() && instance.status == RuntimeStatus::Running {
                return Err(format!("[lost timer] '{}' has one for {due:?}, and it is {now_ms}", instance.id));
            }
        }
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.executor.kill();
        }
    }
}

fn said(answer: Result<(), ClientError>) -> String {
    answer.map_or_else(|error| error.to_string(), |()| "done".into())
}
