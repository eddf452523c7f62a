//! Flows as data: a script that plays against an orchestration, and what can happen between its turns.

use dacapo_core::orchestration::Stop;
use dacapo_core::{
    ActivityOptions, ChildOptions, Event, Failure, Orchestration, Payload, RetryPolicy, TaskId, TurnEnd,
};
use proptest::prelude::*;

/// One step of a flow.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    Call(u8, u8),
    /// An activity that is tried again.
    Retried(u8),
    /// A child; with `true` one that is tried again.
    Child(u8, bool),
    /// An event for another instance.
    Send(u8),
    Timer(u16),
    Wait(u8),
    /// Await any of the tasks that were not taken; nothing where there is none.
    Await,
    /// Cancel the oldest task that was not taken; nothing where there is none.
    Cancel,
    Status(u8),
    Uuid,
    /// Begin anew at the end.
    Anew(u8),
}

fn policy() -> Option<RetryPolicy> {
    Some(RetryPolicy::every(20, 3))
}

pub(crate) fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u8..3, 0u8..3).prop_map(|(name, input)| Op::Call(name, input)),
        1 => (0u8..3).prop_map(Op::Retried),
        2 => (0u8..3, any::<bool>()).prop_map(|(name, retried)| Op::Child(name, retried)),
        1 => (0u8..3).prop_map(Op::Send),
        1 => (0u8..3).prop_map(Op::Anew),
        2 => (0u16..50).prop_map(Op::Timer),
        2 => (0u8..2).prop_map(Op::Wait),
        6 => Just(Op::Await),
        1 => Just(Op::Cancel),
        1 => any::<u8>().prop_map(Op::Status),
        1 => Just(Op::Uuid),
    ]
}

/// How a flow waits for its tasks: it lists them all each time, or watches each once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Waits {
    AwaitAny,
    AwaitNext,
}

/// A guest that plays a script: it can be resumed, as a parked one can.
pub(crate) struct Player {
    script: Vec<Op>,
    waits: Waits,
    at: usize,
    tasks: Vec<TaskId>,
    /// Everything that it saw.
    pub(crate) log: Vec<String>,
}

impl Player {
    pub(crate) fn new(script: &[Op], waits: Waits) -> Self {
        Self { script: script.to_vec(), waits, at: 0, tasks: Vec::new(), log: Vec::new() }
    }

    /// Runs until the flow waits or ends.
    pub(crate) fn play(&mut self, host: &mut Orchestration) -> Result<TurnEnd, Stop> {
        while let Some(op) = self.script.get(self.at).cloned() {
            match op {
                Op::Call(name, input) => {
                    let options = ActivityOptions::default();
                    self.tasks.push(host.call_activity(format!("A{name}"), &input.to_string(), options)?);
                }
                Op::Retried(name) => {
                    let options = ActivityOptions { retry: policy(), timeout_ms: Some(7) };
                    self.tasks.push(host.call_activity(format!("A{name}"), "0", options)?);
                }
                Op::Child(name, retried) => {
                    let options = ChildOptions { retry: policy().filter(|_| retried), detached: false };
                    let id = retried.then_some("child");
                    self.tasks.push(host.call_orchestrator(format!("O{name}"), "0", id, options)?);
                }
                Op::Send(name) => host.raise_event("other", format!("E{name}"), "1")?,
                Op::Anew(input) => host.continue_as_new(&input.to_string(), input > 0)?,
                Op::Timer(delay_ms) => self.tasks.push(host.start_timer(delay_ms.into())?),
                Op::Wait(name) => self.tasks.push(host.wait_for_event(format!("E{name}"))?),
                Op::Await if !self.tasks.is_empty() => {
                    let Some(position) = self.poll(host)? else { return Ok(TurnEnd::Parked) };
                    let task = self.remove(position);
                    let outcome = host.outcome(task)?;
                    self.log.push(format!("{task} {outcome:?} at {}", host.now_ms()));
                }
                Op::Cancel if !self.tasks.is_empty() => host.cancel(self.remove(0))?,
                Op::Await | Op::Cancel => {}
                Op::Status(value) => host.set_custom_status(&value.to_string())?.expect("small"),
                Op::Uuid => self.log.push(host.new_uuid()),
            }
            self.at += 1;
        }
        Ok(TurnEnd::Returned(Payload::of(&self.log).map_err(|error| unreachable!("texts are JSON: {error}"))))
    }

    /// The position of the task that was done first.
    fn poll(&mut self, host: &mut Orchestration) -> Result<Option<usize>, Stop> {
        if self.waits == Waits::AwaitAny {
            return host.poll_any(&self.tasks);
        }
        // All of them again: that tells what it looks at now.
        for task in &self.tasks {
            host.watch(*task, task.0 + 7)?;
        }
        let key = host.poll_next()?;
        Ok(key.map(|key| self.tasks.iter().position(|task| task.0 + 7 == key).expect("a watched task has this key")))
    }

    fn remove(&mut self, position: usize) -> TaskId {
        self.tasks.remove(position)
    }
}

/// What can happen between two turns.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Nothing,
    Completed(usize, u8),
    Failed(usize),
    Raised(u8, u8),
    Passed(u16),
    /// A result that came twice, as after a crash.
    Twice(usize),
    Suspended,
    Resumed,
}

/// A call that has no result yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Open {
    Activity(TaskId),
    Child(TaskId),
}

impl Open {
    pub(crate) fn of(host: &Orchestration) -> Vec<Open> {
        let activities = host.open_activities().map(|call| Open::Activity(call.task));
        activities.chain(host.open_children().map(|start| Open::Child(start.task))).collect()
    }
}

pub(crate) fn happenings() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (any::<usize>(), any::<u8>()).prop_map(|(which, value)| Happening::Completed(which, value)),
        1 => any::<usize>().prop_map(Happening::Failed),
        2 => (0u8..2, any::<u8>()).prop_map(|(name, value)| Happening::Raised(name, value)),
        2 => (0u16..60).prop_map(Happening::Passed),
        1 => any::<usize>().prop_map(Happening::Twice),
        1 => Just(Happening::Suspended),
        1 => Just(Happening::Resumed),
    ]
}

impl Happening {
    pub(crate) fn arrivals(&self, now_ms: &mut u64, open: &[Open]) -> Vec<Event> {
        let pick = |which: usize| (!open.is_empty()).then(|| open[which % open.len()]);
        let completed = |open, value: u8| match open {
            Open::Activity(task) => Event::TaskCompleted { task, result: json(value) },
            Open::Child(task) => Event::ChildCompleted { task, result: json(value) },
        };
        let failed = |open| {
            let failure = Failure::new("app", "it failed");
            match open {
                Open::Activity(task) => Event::TaskFailed { task, failure },
                Open::Child(task) => Event::ChildFailed { task, failure },
            }
        };
        match *self {
            Happening::Nothing => vec![],
            Happening::Completed(which, value) => pick(which).map(|task| completed(task, value)).into_iter().collect(),
            Happening::Twice(which) => pick(which).map_or(vec![], |task| vec![completed(task, 1), completed(task, 2)]),
            Happening::Failed(which) => pick(which).map(failed).into_iter().collect(),
            Happening::Suspended => vec![Event::ExecutionSuspended { reason: "hold on".into(), by: None }],
            Happening::Resumed => vec![Event::ExecutionResumed { reason: "go on".into(), by: None }],
            Happening::Raised(name, value) => {
                vec![Event::EventRaised { name: format!("e{name}"), data: json(value), by: None }]
            }
            Happening::Passed(ms) => {
                *now_ms += u64::from(ms);
                vec![]
            }
        }
    }
}

fn json(value: u8) -> Payload {
    Payload::of(&value).expect("numbers are JSON")
}

/// A single change of a flow's commands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Replace,
    Remove,
    Insert,
    Swap,
}

pub(crate) fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![Just(Change::Replace), Just(Change::Remove), Just(Change::Insert), Just(Change::Swap)]
}

impl Change {
    /// The script with one of its first `played` commands changed; `None` where there is nothing to change.
    pub(crate) fn apply(self, script: &[Op], played: usize, at: prop::sample::Index) -> Option<Vec<Op>> {
        let is_command = |op: &Op| {
            matches!(op, Op::Call(..) | Op::Retried(_) | Op::Child(..) | Op::Send(_) | Op::Timer(_) | Op::Wait(_))
        };
        // Commands of cancelling count as played too, so this takes fewer than it may: never one that was not played.
        let cancels = script.iter().filter(|op| matches!(op, Op::Cancel)).count();
        let commands: Vec<usize> = (0..script.len()).filter(|i| is_command(&script[*i])).collect();
        let commands = &commands[..commands.len().min(played.saturating_sub(cancels + 1))];
        if commands.is_empty() {
            return None;
        }
        let mut changed = script.to_vec();
        let n = at.index(commands.len());
        let place = commands[n];
        match self {
            Change::Replace => changed[place] = Op::Call(99, 0),
            Change::Insert => changed.insert(place, Op::Call(99, 0)),
            Change::Remove => {
                // The same command twice in a row is the same sequence without one of them, until the end tells.
                changed.remove(place);
            }
            Change::Swap => {
                let other = *commands.get(n + 1)?;
                if script[place] == script[other] {
                    return None;
                }
                changed.swap(place, other);
            }
        }
        Some(changed)
    }
}
