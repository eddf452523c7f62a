//! The host that a test plays: it answers as the script says, and its time is virtual.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::bindings::dacapo::orchestration::types::{ActivityOptions, ChildOptions, Failure, LogLevel, RetryPolicy};
use crate::export::Outcome;

/// When a flow starts, unless the test says otherwise, in milliseconds since 1970.
const START_MS: u64 = 1_700_000_000_000;
/// A custom status may have so many KiB of UTF-16, rounded down, as on a server.
const STATUS_KIB: usize = 16;

/// What answers for an activity or a child, from JSON to JSON.
pub(crate) type Answer = Box<dyn FnMut(&str) -> Outcome>;

/// Everything around one flow.
pub(crate) struct World {
    pub(crate) input: String,
    pub(crate) instance_id: String,
    started_ms: u64,
    now_ms: u64,
    activities: BTreeMap<String, Answer>,
    children: BTreeMap<String, Answer>,
    tasks: Vec<State>,
    /// The tasks that are waited for, and the key of each.
    watched: BTreeMap<usize, u32>,
    /// What happens at which time, in the order in which it was arranged.
    agenda: BTreeMap<(u64, usize), Happening>,
    arranged: usize,
    /// Events that nothing waits for, by which one of all it was.
    buffered: BTreeMap<usize, (String, String)>,
    events: usize,
    done: usize,
    uuids: u64,
    pub(crate) commands: Vec<String>,
    pub(crate) statuses: Vec<String>,
    pub(crate) raised: Vec<(String, String, String)>,
    pub(crate) continued: Option<(String, bool)>,
    /// What each wait was answered, and the time then.
    record: Vec<(usize, Outcome, u64)>,
    replay: Option<VecDeque<(usize, Outcome, u64)>>,
}

enum State {
    Waiting(String),
    Event(String),
    /// `event`: which one of all it took, and its name.
    Done {
        order: usize,
        outcome: Outcome,
        event: Option<(usize, String)>,
    },
    Over,
}

enum Happening {
    Run(Call),
    Timer(usize),
    Event(String, String),
}

#[derive(Clone)]
struct Call {
    task: usize,
    name: String,
    input: String,
    is_child: bool,
    attempt: u32,
    called_ms: u64,
    retry: Option<RetryPolicy>,
}

/// What an activity may know of its call.
struct Run {
    instance_id: String,
    idempotency_key: String,
    attempt: u32,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// Plays a flow in a world, and gives that back.
pub(crate) fn play(flow: fn() -> Outcome, world: World) -> (Outcome, World) {
    WORLD.set(Some(world));
    let outcome = flow();
    let world = WORLD.take().expect("it was put there before the flow began");
    (outcome, world)
}

fn world<T>(use_it: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| {
        let Some(world) = world else { panic!("outside of a server, a flow is played by `dacapo::testing::Play`") };
        use_it(world)
    })
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            input: "null".into(),
            instance_id: "test".into(),
            started_ms: START_MS,
            now_ms: START_MS,
            activities: BTreeMap::new(),
            children: BTreeMap::new(),
            tasks: Vec::new(),
            watched: BTreeMap::new(),
            agenda: BTreeMap::new(),
            arranged: 0,
            buffered: BTreeMap::new(),
            events: 0,
            done: 0,
            uuids: 0,
            commands: Vec::new(),
            statuses: Vec::new(),
            raised: Vec::new(),
            continued: None,
            record: Vec::new(),
            replay: None,
        }
    }

    /// The same beginning, with everything that came answered from the record.
    pub(crate) fn to_be_replayed(&self) -> Self {
        Self {
            input: self.input.clone(),
            instance_id: self.instance_id.clone(),
            started_ms: self.started_ms,
            now_ms: self.started_ms,
            replay: Some(self.record.iter().cloned().collect()),
            ..Self::new()
        }
    }

    pub(crate) fn start_at(&mut self, now_ms: u64) {
        assert!(self.agenda.is_empty(), "say when the flow starts before what comes after that");
        (self.started_ms, self.now_ms) = (now_ms, now_ms);
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.now_ms - self.started_ms
    }

    pub(crate) fn answer(&mut self, name: &str, answer: Answer) {
        self.activities.insert(name.to_lowercase(), answer);
    }

    pub(crate) fn answer_child(&mut self, name: &str, answer: Answer) {
        self.children.insert(name.to_lowercase(), answer);
    }

    pub(crate) fn raise_after(&mut self, delay: Duration, name: &str, data: String) {
        let at_ms = self.now_ms + u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.arrange(at_ms, Happening::Event(name.to_owned(), data));
    }

    fn arrange(&mut self, at_ms: u64, what: Happening) {
        self.arranged += 1;
        self.agenda.insert((at_ms, self.arranged), what);
    }

    fn issue(&mut self, command: String) -> usize {
        self.commands.push(command.clone());
        self.tasks.push(State::Waiting(command));
        self.tasks.len() - 1
    }

    fn finish(&mut self, task: usize, outcome: Outcome) {
        if matches!(self.tasks[task], State::Waiting(_) | State::Event(_)) {
            self.set_done(task, outcome, None);
        }
    }

    fn set_done(&mut self, task: usize, outcome: Outcome, event: Option<(usize, String)>) {
        self.done += 1;
        self.tasks[task] = State::Done { order: self.done, outcome, event };
    }

    fn call(&mut self, what: String, call: Call) -> Task {
        let task = self.issue(what);
        self.arrange(self.now_ms, Happening::Run(Call { task, ..call }));
        Task { number: task }
    }

    /// Of the watched tasks, the one that was done first.
    fn first_done(&self) -> Option<usize> {
        let order = |task: usize| match &self.tasks[task] {
            State::Done { order, .. } => Some(*order),
            _ => None,
        };
        self.watched.keys().filter_map(|task| Some((order(*task)?, *task))).min().map(|(_, task)| task)
    }

    fn raise(&mut self, name: &str, data: String) {
        self.events += 1;
        self.give(self.events, name, data);
    }

    /// Gives an event to the task that waits for it, or keeps it.
    fn give(&mut self, number: usize, name: &str, data: String) {
        let waits = |state: &State| matches!(state, State::Event(wanted) if wanted.eq_ignore_ascii_case(name));
        match self.tasks.iter().position(waits) {
            Some(task) => self.set_done(task, Ok(data), Some((number, name.to_owned()))),
            None => {
                self.buffered.insert(number, (name.to_owned(), data));
            }
        }
    }

    /// Stops waiting for a task. An event that it had already taken goes back to where it was.
    fn cancel(&mut self, task: usize) {
        self.watched.remove(&task);
        let before = std::mem::replace(&mut self.tasks[task], State::Over);
        if let State::Done { outcome: Ok(data), event: Some((number, name)), .. } = before {
            self.give(number, &name, data);
        }
    }

    fn ended(&mut self, call: Call, outcome: Outcome) {
        let again = match (&outcome, &call.retry) {
            (Err(failure), Some(policy)) => next_attempt(policy, &call, failure, self.now_ms),
            _ => None,
        };
        match again {
            Some(at_ms) => self.arrange(at_ms, Happening::Run(Call { attempt: call.attempt + 1, ..call })),
            None => self.finish(call.task, outcome),
        }
    }

    fn describe(&self, task: usize) -> String {
        match &self.tasks[task] {
            State::Waiting(command) => command.clone(),
            State::Event(name) => format!("event {name}"),
            State::Done { .. } | State::Over => "something that is over".to_owned(),
        }
    }

    /// What the flow waits for.
    fn awaited(&self) -> String {
        self.watched.keys().map(|task| self.describe(*task)).collect::<Vec<_>>().join(", ")
    }
}

fn next_attempt(policy: &RetryPolicy, call: &Call, failure: &Failure, now_ms: u64) -> Option<u64> {
    if call.attempt >= policy.max_attempts || policy.unless_kinds.contains(&failure.kind) {
        return None;
    }
    let at_ms = now_ms.saturating_add(delay_ms(policy, call.attempt));
    let too_late = policy.give_up_after_ms.is_some_and(|most_ms| at_ms - call.called_ms > most_ms);
    (!too_late).then_some(at_ms)
}

/// The wait after the `failed`-th attempt, from 1. As the server's: a whole factor in thousandths, and rounded only once.
fn delay_ms(policy: &RetryPolicy, failed: u32) -> u64 {
    const FRACTION_BITS: u32 = 44;
    let factor = (policy.backoff * 1_000.0).round() as u128;
    let longest = u128::from(policy.max_delay_ms.unwrap_or(u64::MAX)) << FRACTION_BITS;
    let mut delay = (u128::from(policy.first_delay_ms) << FRACTION_BITS).min(longest);
    for _ in 1..failed {
        let next = (delay.saturating_mul(factor) / 1_000).min(longest);
        if next == delay {
            break;
        }
        delay = next;
    }
    ((delay + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS) as u64
}

pub(crate) struct Task {
    number: usize,
}

impl Task {
    pub(crate) fn outcome(&self) -> Outcome {
        world(|world| match std::mem::replace(&mut world.tasks[self.number], State::Over) {
            State::Done { outcome, .. } => outcome,
            _ => panic!("only a task that is done has an outcome"),
        })
    }

    pub(crate) fn cancel(&self) {
        world(|world| {
            let command = format!("cancel {}", world.describe(self.number));
            world.commands.push(command);
            world.cancel(self.number);
        });
    }

    pub(crate) fn watch(&self, key: u32) {
        world(|world| world.watched.insert(self.number, key));
    }
}

pub(crate) fn await_next() -> u32 {
    let task = match world(|world| world.replay.as_mut().map(VecDeque::pop_front)) {
        Some(recorded) => replayed(recorded),
        None => lived(),
    };
    world(|world| world.watched.remove(&task).expect("only watched tasks are awaited"))
}

fn replayed(recorded: Option<(usize, Outcome, u64)>) -> usize {
    let recorded = recorded.filter(|(task, ..)| world(|world| world.watched.contains_key(task)));
    let Some((task, outcome, now_ms)) = recorded else {
        let waits = world(|world| world.awaited());
        panic!("the flow is not the same when it is played again: now it waits for {waits}");
    };
    world(|world| {
        world.now_ms = now_ms;
        world.finish(task, outcome);
        if !matches!(world.tasks[task], State::Done { .. }) {
            panic!("the flow is not the same when it is played again: it has stopped waiting for what came first");
        }
    });
    task
}

fn lived() -> usize {
    loop {
        if let Some(task) = world(|world| world.first_done()) {
            world(|world| {
                if let State::Done { outcome, .. } = &world.tasks[task] {
                    world.record.push((task, outcome.clone(), world.now_ms));
                }
            });
            return task;
        }
        let next = world(|world| {
            let ((at_ms, _), what) = world.agenda.pop_first()?;
            world.now_ms = world.now_ms.max(at_ms);
            Some(what)
        });
        match next {
            Some(Happening::Run(call)) => run(call),
            Some(Happening::Timer(task)) => world(|world| world.finish(task, Ok("null".into()))),
            Some(Happening::Event(name, data)) => world(|world| world.raise(&name, data)),
            None => panic!(
                "the flow waits for {}, and the test brings none of it about: see `Play::event_after`",
                world(|world| world.awaited())
            ),
        }
    }
}

fn run(call: Call) {
    // Taken out, so that what answers may ask its own host.
    let name = call.name.to_lowercase();
    let answer = world(|world| {
        let answers = if call.is_child { &mut world.children } else { &mut world.activities };
        RUN.set(Some(Run {
            instance_id: world.instance_id.clone(),
            idempotency_key: format!("{}#{}", world.instance_id, call.task),
            attempt: call.attempt,
        }));
        answers.remove(&name)
    });
    let Some(mut answer) = answer else {
        let (what, how) = if call.is_child { ("orchestrator", "orchestrator") } else { ("activity", "activity") };
        panic!("the flow calls {what} {}, and the test does not answer for it: see `Play::{how}`", call.name);
    };
    let outcome = answer(&call.input);
    world(|world| {
        let answers = if call.is_child { &mut world.children } else { &mut world.activities };
        answers.insert(name, answer);
        world.ended(call, outcome);
    });
}

pub(crate) fn call_activity(name: &str, input: &str, options: Option<&ActivityOptions>) -> Task {
    world(|world| {
        let retry = options.and_then(|options| options.retry.clone());
        world.call(format!("{name}({input})"), Call::new(name, input, false, retry, world.now_ms))
    })
}

pub(crate) fn call_orchestrator(name: &str, input: &str, options: Option<&ChildOptions>) -> Task {
    world(|world| {
        let retry = options.and_then(|options| options.retry.clone());
        let task =
            world.call(format!("orchestrator {name}({input})"), Call::new(name, input, true, retry, world.now_ms));
        if let Some(options) = options.filter(|options| options.detached) {
            let id = options.instance_id.clone().unwrap_or_else(|| format!("{}:{}", world.instance_id, task.number));
            world.agenda.retain(|_, what| !matches!(what, Happening::Run(call) if call.task == task.number));
            world.finish(task.number, Ok(serde_json::Value::String(id).to_string()));
        }
        task
    })
}

impl Call {
    fn new(name: &str, input: &str, is_child: bool, retry: Option<RetryPolicy>, called_ms: u64) -> Self {
        Self { task: 0, name: name.into(), input: input.into(), is_child, attempt: 1, called_ms, retry }
    }
}

pub(crate) fn wait_for_event(name: &str) -> Task {
    world(|world| {
        let task = world.issue(format!("event {name}"));
        world.tasks[task] = State::Event(name.to_owned());
        let kept = world.buffered.iter().find(|(_, (kept, _))| kept.eq_ignore_ascii_case(name));
        if let Some(number) = kept.map(|(number, _)| *number)
            && let Some((name, data)) = world.buffered.remove(&number)
        {
            world.set_done(task, Ok(data), Some((number, name)));
        }
        Task { number: task }
    })
}

pub(crate) fn start_timer(delay_ms: u64) -> Task {
    world(|world| {
        let task = world.issue(format!("timer {delay_ms} ms"));
        world.arrange(world.now_ms.saturating_add(delay_ms), Happening::Timer(task));
        Task { number: task }
    })
}

pub(crate) fn raise_event(instance_id: &str, name: &str, data: &str) {
    world(|world| {
        world.commands.push(format!("raise {name}({data}) at {instance_id}"));
        world.raised.push((instance_id.into(), name.into(), data.into()));
    });
}

pub(crate) fn continue_as_new(input: &str, keep_events: bool) {
    world(|world| world.continued = Some((input.to_owned(), keep_events)));
}

pub(crate) fn set_custom_status(value: &str) -> Result<(), Failure> {
    let kib = value.encode_utf16().count() * 2 / 1_024;
    if kib > STATUS_KIB {
        let message = format!(
            "The UTF-16 size of the JSON-serialized payload must not exceed {STATUS_KIB} KB. The current payload size is {kib} KB."
        );
        return Err(Failure { kind: "custom-status-too-large".into(), message, details: None });
    }
    world(|world| world.statuses.push(value.to_owned()));
    Ok(())
}

pub(crate) fn get_input() -> String {
    world(|world| world.input.clone())
}

pub(crate) fn instance_id() -> String {
    world(|world| world.instance_id.clone())
}

pub(crate) fn current_time_ms() -> u64 {
    world(|world| world.now_ms)
}

pub(crate) fn new_uuid() -> String {
    world(|world| {
        world.uuids += 1;
        format!("00000000-0000-5000-8000-{:012x}", world.uuids)
    })
}

pub(crate) fn is_replaying() -> bool {
    world(|world| world.replay.as_ref().is_some_and(|left| !left.is_empty()))
}

pub(crate) fn log(level: LogLevel, message: &str) {
    // Shown by the test harness where a test fails.
    println!("{level:?}: {message}");
}

/// What an activity asks of its host, in a test.
pub(crate) mod activity {
    use super::{LogLevel, RUN, Run};

    fn run<T>(use_it: impl FnOnce(&Run) -> T) -> T {
        RUN.with_borrow(|run| {
            let alone = Run { instance_id: "test".into(), idempotency_key: "test#0".into(), attempt: 1 };
            use_it(run.as_ref().unwrap_or(&alone))
        })
    }

    pub(crate) fn instance_id() -> String {
        run(|run| run.instance_id.clone())
    }

    pub(crate) fn idempotency_key() -> String {
        run(|run| run.idempotency_key.clone())
    }

    pub(crate) fn attempt() -> u32 {
        run(|run| run.attempt)
    }

    pub(crate) fn report_progress(progress: &str) {
        println!("progress: {progress}");
    }

    pub(crate) fn log(level: LogLevel, message: &str) {
        super::log(level, message);
    }
}
