//! What a history must be, whoever wrote it: a small reading of the records that shares nothing with core's.

use crate::guests::Run;
use dacapo_core::{Event, Identity, Payload, StoredTurn, TaskId};
use serde_json::Value;

type Checked<T = ()> = Result<T, String>;

/// What the records of one execution say.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By task.
    commands: Vec<Command>,
    /// Data of events that arrived, in order.
    pub(crate) raised: Vec<Payload>,
    /// How it ended, if it did.
    pub(crate) end: Option<Event>,
}

#[derive(Debug)]
struct Command {
    what: What,
    state: State,
}

#[derive(Debug)]
enum What {
    Activity,
    /// By whom it was started, by its input; or, of a detached one, its id.
    Child(Value, bool),
    Timer(u64),
    Wait,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// The n-th attempt is at work.
    Open(u32),
    Failed(u32),
    /// For this attempt, and for that time.
    Waits(u32, u64),
    Done,
    Cancelled,
}

fn by(input: &Payload) -> Value {
    value(input)["by"].clone()
}

fn value(payload: &Payload) -> Value {
    serde_json::from_str(payload.as_str()).expect("payloads are JSON")
}

impl Ledger {
    /// Reads all records of an execution. The error says what no history can hold.
    pub(crate) fn read(identity: &Identity, recorded: &[StoredTurn]) -> Checked<Self> {
        for (n, turn) in recorded.iter().enumerate() {
            if turn.seq != n as u64 {
                return Err(format!("record {n} has the number {}", turn.seq));
            }
        }
        let mut ledger = Self::default();
        let mut before_ms = 0;
        for turn in dacapo_core::rewind::effective(recorded.to_vec()) {
            let at_ms = turn.record.at_ms;
            if at_ms < before_ms {
                return Err(format!("record {} goes back from {before_ms} to {at_ms}", turn.seq));
            }
            before_ms = at_ms;
            let mut commands = false;
            for event in &turn.record.events {
                if commands && event.is_arrival() {
                    return Err(format!("record {}: an arrival after a command", turn.seq));
                }
                commands |= !event.is_arrival();
                ledger.take(identity, at_ms, event).map_err(|why| format!("record {}: {why}: {event:?}", turn.seq))?;
            }
        }
        Ok(ledger)
    }

    /// Attempts of activities that are at work.
    pub(crate) fn open_runs(&self, identity: &Identity) -> Vec<Run> {
        let open = self.commands.iter().enumerate().filter_map(|(n, command)| match (&command.what, command.state) {
            (What::Activity, State::Open(attempt)) => Some((TaskId(u32::try_from(n).expect("few")), attempt)),
            _ => None,
        });
        let run = |(task, attempt)| (identity.instance_id.to_string(), identity.idempotency_key(task), attempt);
        open.map(run).collect()
    }

    /// The time of its next timer.
    pub(crate) fn next_timer_ms(&self) -> Option<u64> {
        let timers = self.commands.iter().filter_map(|command| match (&command.what, command.state) {
            (What::Timer(at_ms), State::Open(_)) => Some(*at_ms),
            (_, State::Waits(_, at_ms)) => Some(at_ms),
            _ => None,
        });
        timers.min()
    }

    fn take(&mut self, identity: &Identity, at_ms: u64, event: &Event) -> Checked {
        // One that has failed can be rewound, and terminated before it goes on.
        let is_last_word =
            matches!((&self.end, event), (Some(Event::ExecutionFailed { .. }), Event::ExecutionTerminated { .. }));
        if self.end.is_some() && !is_last_word {
            return Err("after the end".into());
        }
        match event {
            Event::TaskScheduled { .. } => self.push(What::Activity),
            Event::ChildScheduled { input, instance_id, options, .. } => {
                let expected = if options.detached { Value::from(instance_id.as_str()) } else { by(input) };
                self.push(What::Child(expected, options.detached));
            }
            Event::TimerCreated { fire_at_ms } => self.push(What::Timer(*fire_at_ms)),
            Event::EventAwaited { .. } => self.push(What::Wait),
            Event::EventSent { .. } | Event::CustomStatusRefused { .. } => self.push(What::Other),
            Event::TaskCancelled { task } => {
                self.command(*task)?.state = State::Cancelled;
                self.push(What::Other);
            }
            Event::EventRaised { data, .. } => self.raised.push(data.clone()),
            Event::ExecutionCompleted { .. }
            | Event::ExecutionFailed { .. }
            | Event::ExecutionContinuedAsNew { .. }
            | Event::ExecutionTerminated { .. } => self.end = Some(event.clone()),
            Event::ExecutionStarted { .. }
            | Event::ExecutionSuspended { .. }
            | Event::ExecutionResumed { .. }
            | Event::ExecutionRewound { .. } => {}
            arrival => self.arrival(identity, at_ms, arrival)?,
        }
        Ok(())
    }

    fn arrival(&mut self, identity: &Identity, at_ms: u64, event: &Event) -> Checked {
        match event {
            Event::TaskCompleted { task, result } => {
                if value(result)["key"] != identity.idempotency_key(*task) {
                    return Err("the result of another call".into());
                }
                self.ends(*task, |_| State::Done)
            }
            Event::TaskFailed { task, .. } | Event::ChildFailed { task, .. } => self.ends(*task, State::Failed),
            Event::ChildCompleted { task, result } => {
                let result = value(result);
                match &self.command(*task)?.what {
                    What::Child(expected, true) if result != *expected => return Err("another child".into()),
                    What::Child(expected, false) if result["input"]["by"] != *expected => {
                        return Err(format!("the result of another call's child; this one's is by {expected}"));
                    }
                    What::Child(..) => {}
                    other => return Err(format!("no child, but {other:?}")),
                }
                self.ends(*task, |_| State::Done)
            }
            Event::RetryScheduled { task, attempt, fire_at_ms } => match self.command(*task)?.state {
                State::Failed(failed) if failed + 1 == *attempt => self.set(*task, State::Waits(*attempt, *fire_at_ms)),
                other => Err(format!("attempt {attempt} after {other:?}")),
            },
            Event::TimerFired { task } => match self.command(*task).map(|it| (&it.what, it.state))? {
                (What::Timer(fire_at_ms), State::Open(_)) if *fire_at_ms <= at_ms => self.set(*task, State::Done),
                (_, State::Waits(attempt, fire_at_ms)) if fire_at_ms <= at_ms => self.set(*task, State::Open(attempt)),
                other => Err(format!("a timer fires of {other:?}")),
            },
            other => Err(format!("not expected here: {other:?}")),
        }
    }

    fn push(&mut self, what: What) {
        self.commands.push(Command { what, state: State::Open(1) });
    }

    fn command(&mut self, task: TaskId) -> Checked<&mut Command> {
        self.commands.get_mut(task.0 as usize).ok_or_else(|| format!("there is no task {task}"))
    }

    fn set(&mut self, task: TaskId, state: State) -> Checked {
        self.command(task)?.state = state;
        Ok(())
    }

    /// An attempt ends.
    fn ends(&mut self, task: TaskId, how: impl Fn(u32) -> State) -> Checked {
        match self.command(task)?.state {
            State::Open(attempt) => self.set(task, how(attempt)),
            other => Err(format!("an end of what is {other:?}")),
        }
    }
}
