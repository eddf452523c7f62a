//! The state machine a guest talks to while it plays: feed it arrivals, let the guest ask, take the outcome.
//!
//! A turn is `begin_turn` (live) or `replay_turn` (from the history), then the guest's calls, then `finish_turn`.
//! Both kinds run the same code; replaying only adds that each command must equal the recorded one.

mod tasks;
mod watched;

use crate::error::{Failure, GuestFault};
use crate::event::Event;
use crate::history::{CorruptHistory, StoredTurn, TurnRecord};
use crate::ids::{Identity, InstanceId, MAX_NAME_CHARS, TaskId};
use crate::limits::Limits;
use crate::payload::Payload;
use crate::replay::{Expected, Mismatch};
use crate::retry::{ActivityOptions, ChildOptions, RetryPolicy};
use crate::status::RuntimeStatus;
use crate::turn::{ActivityCall, ChildStart, Send, TurnEnd, TurnOutcome, failed_output};
use tasks::{Call, Callee, Tasks};

/// Why the guest cannot go on: the call it made traps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// It broke the contract or a limit.
    #[error(transparent)]
    Fault(#[from] GuestFault),
    /// It did something else than the history says.
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
}

/// How a turn leaves the execution.
struct Ended {
    status: RuntimeStatus,
    output: Option<Payload>,
    failure: Option<Failure>,
    next_execution: Option<TurnRecord>,
}

impl Ended {
    fn of(status: RuntimeStatus, output: Option<Payload>) -> Self {
        Self { status, output, failure: None, next_execution: None }
    }
}

#[derive(Debug)]
enum Mode {
    Live,
    Replaying(Expected),
}

/// One execution of one instance, in memory. Rebuilt from its history at any time.
#[derive(Debug)]
pub struct Orchestration {
    identity: Identity,
    limits: Limits,
    name: String,
    input: Payload,
    tasks: Tasks,
    uuids: u64,
    next_seq: u64,
    history_events: usize,
    history_bytes: usize,
    suspended: bool,
    /// What the guest has asked to begin anew with, once it returns.
    continue_with: Option<(Payload, bool)>,
    turn: Turn,
    stop: Option<Stop>,
}

/// What belongs to the turn that is being played.
#[derive(Debug)]
struct Turn {
    mode: Mode,
    at_ms: u64,
    events: Vec<Event>,
    arrivals: usize,
    payload_bytes: usize,
    custom_status: Option<Payload>,
    activities: Vec<ActivityCall>,
    sends: Vec<Send>,
    /// The first command, with its number, of a recorded turn that the guest broke off: such commands are not recorded.
    unrecorded: Option<(u32, Event)>,
}

impl Turn {
    fn new(mode: Mode, at_ms: u64) -> Self {
        Self {
            mode,
            at_ms,
            events: Vec::new(),
            arrivals: 0,
            payload_bytes: 0,
            custom_status: None,
            activities: Vec::new(),
            sends: Vec::new(),
            unrecorded: None,
        }
    }
}

impl Orchestration {
    /// Opens an execution from its first record.
    pub fn open(identity: Identity, limits: Limits, opening: TurnRecord) -> Result<Self, CorruptHistory> {
        let size_bytes = opening.size_bytes();
        let history_events = opening.events.len();
        let mut events = opening.events.into_iter();
        let Some(Event::ExecutionStarted { name, input }) = events.next() else {
            return Err(CorruptHistory::NoOpening);
        };
        let mut tasks = Tasks::default();
        // Kept by the execution before this one.
        for event in events {
            if !matches!(event, Event::EventRaised { .. }) {
                return Err(CorruptHistory::NoOpening);
            }
            tasks.arrive(&event).map_err(|reason| CorruptHistory::Impossible { seq: 0, reason })?;
        }
        Ok(Self {
            identity,
            limits,
            name,
            input,
            tasks,
            uuids: 0,
            next_seq: 1,
            history_events,
            history_bytes: size_bytes,
            suspended: false,
            continue_with: None,
            turn: Turn::new(Mode::Live, opening.at_ms),
            stop: None,
        })
    }

    /// The opening record of an execution that is being created.
    pub fn opening(name: &str, input: Payload, at_ms: u64) -> TurnRecord {
        TurnRecord::new(at_ms, vec![Event::ExecutionStarted { name: name.to_owned(), input }])
    }

    /// The orchestrator's name, as the client spelt it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which execution this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The activities in flight, to be run again after a restart.
    pub fn open_activities(&self) -> impl Iterator<Item = ActivityCall> + '_ {
        self.tasks.open_activities()
    }

    /// The children that it waits for.
    pub fn open_children(&self) -> impl Iterator<Item = ChildStart> + '_ {
        self.tasks.open_children()
    }

    /// When the first of its armed timers fires, in milliseconds since 1970; none does while it is suspended.
    pub fn next_timer(&self) -> Option<u64> {
        self.tasks.next_timer().filter(|_| !self.suspended)
    }

    /// Whether it stands still: in such a turn the guest does not run.
    pub fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// Why the guest was stopped in this turn, if it was.
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    // ---- turns -------------------------------------------------------------------------------------------------

    /// Begins a live turn at `at_ms`: arrivals that nothing waits for any more are dropped, failed attempts that are
    /// followed by another one get its timer, due timers are added.
    /// `false` where nothing is left to play and the turn need not happen.
    pub fn begin_turn(&mut self, at_ms: u64, arrivals: Vec<Event>) -> bool {
        // Time never runs backwards within an instance, whatever the machine's clock does.
        let at_ms = at_ms.max(self.turn.at_ms);
        self.turn = Turn::new(Mode::Live, at_ms);
        let mut rewound = false;
        for event in arrivals {
            rewound |= matches!(event, Event::ExecutionRewound { .. });
            let failed = match &event {
                Event::TaskFailed { task, .. } | Event::ChildFailed { task, .. } => Some(*task),
                _ => None,
            };
            if self.arrive(&event).is_err() {
                continue;
            }
            self.turn.events.push(event);
            if let Some(task) = failed
                && let Some((attempt, fire_at_ms)) = self.tasks.next_attempt(task, at_ms)
            {
                let again = Event::RetryScheduled { task, attempt, fire_at_ms };
                self.arrive(&again).expect("it has just failed, and has a policy");
                self.turn.events.push(again);
            }
        }
        let due = if self.suspended { Vec::new() } else { self.tasks.due_timers(at_ms) };
        for task in due {
            let event = Event::TimerFired { task };
            self.arrive(&event).expect("a due timer is open");
            self.turn.events.push(event);
        }
        if rewound {
            // What failed is asked for again. Of the children nobody knows here which ones that are: the store does.
            let again = self.tasks.open_children().map(|start| Send::Start(ChildStart { rewind: true, ..start }));
            self.turn.sends = again.collect();
        }
        self.turn.arrivals = self.turn.events.len();
        self.turn.arrivals > 0 || self.next_seq == 1
    }

    /// Takes in one arrival of this turn. The error says why it cannot have arrived.
    fn arrive(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::ExecutionSuspended { .. } => self.suspended = true,
            Event::ExecutionResumed { .. } => self.suspended = false,
            Event::ExecutionRewound { .. } => {}
            event => match self.tasks.arrive(event)? {
                Some(Callee::Activity(call)) => self.turn.activities.push(call),
                Some(Callee::Child(start)) => self.turn.sends.push(Send::Start(start)),
                None => {}
            },
        }
        Ok(())
    }

    /// Begins a turn that is recorded in the history.
    pub fn replay_turn(&mut self, turn: StoredTurn) -> Result<(), CorruptHistory> {
        let StoredTurn { seq, record } = turn;
        let at_ms = record.at_ms;
        let (arrivals, commands) = record.split(seq)?;
        self.next_seq = seq;
        self.turn = Turn::new(Mode::Replaying(Expected::new(commands)), at_ms);
        for event in &arrivals {
            self.arrive(event).map_err(|reason| CorruptHistory::Impossible { seq, reason })?;
        }
        self.turn.arrivals = arrivals.len();
        self.turn.events = arrivals;
        Ok(())
    }

    /// Ends the turn. On a mismatch nothing of the turn may be kept.
    pub fn finish_turn(&mut self, end: TurnEnd) -> Result<TurnOutcome, Box<Mismatch>> {
        if let Some(Stop::Mismatch(mismatch)) = self.stop.take() {
            return Err(mismatch);
        }
        let end = self.check_history_limits(end);
        let ended = self.conclude(end)?;
        if let Mode::Replaying(expected) = &mut self.turn.mode {
            expected.finish(self.tasks.commands(), self.next_seq)?;
        }
        let at_ms = self.turn.at_ms;
        let turn = std::mem::replace(&mut self.turn, Turn::new(Mode::Live, at_ms));
        let record = TurnRecord { at_ms, events: turn.events, custom_status: turn.custom_status };
        self.next_seq += 1;
        self.history_events += record.events.len();
        self.history_bytes += record.size_bytes();
        let goes_on = !ended.status.is_finished() && ended.next_execution.is_none();
        Ok(TurnOutcome {
            record,
            status: ended.status,
            output: ended.output,
            failure: ended.failure,
            next_execution: ended.next_execution,
            wake_at_ms: self.next_timer().filter(|_| goes_on),
            has_open_activities: goes_on && self.tasks.has_open_activities(),
            activities: if goes_on { turn.activities } else { Vec::new() },
            sends: turn.sends,
            ends_children: None,
        })
    }

    /// The turn that ends the instance at once, without asking the guest.
    pub fn terminate(at_ms: u64, reason: String, recursive: bool) -> TurnOutcome {
        let output = Payload::string(&reason);
        let ends_children = recursive.then(|| reason.clone());
        let record = TurnRecord::new(at_ms, vec![Event::ExecutionTerminated { reason, recursive }]);
        TurnOutcome { ends_children, ..Self::final_outcome(record, RuntimeStatus::Terminated, output, None) }
    }

    /// The turn that ends the instance as Failed, without asking the guest. Only that it failed is recorded.
    pub fn fail(at_ms: u64, orchestrator: &str, failure: Failure) -> TurnOutcome {
        let output = failed_output(orchestrator, &failure);
        let record = TurnRecord::new(at_ms, vec![Event::ExecutionFailed { failure: failure.clone() }]);
        Self::final_outcome(record, RuntimeStatus::Failed, output, Some(failure))
    }

    fn final_outcome(
        record: TurnRecord,
        status: RuntimeStatus,
        output: Payload,
        failure: Option<Failure>,
    ) -> TurnOutcome {
        TurnOutcome {
            record,
            status,
            output: Some(output),
            failure,
            next_execution: None,
            wake_at_ms: None,
            has_open_activities: false,
            activities: Vec::new(),
            sends: Vec::new(),
            ends_children: None,
        }
    }

    fn check_history_limits(&mut self, end: TurnEnd) -> TurnEnd {
        let events = self.history_events + self.turn.events.len();
        let bytes = self.history_bytes + self.turn.events.iter().map(Event::size_bytes).sum::<usize>();
        let full = |unit, found, setting, limit| {
            TurnEnd::Faulted(GuestFault::HistoryFull { unit, found, setting, limit }.into_failure())
        };
        match end {
            end if !self.is_limited() => end,
            TurnEnd::Parked if events > self.limits.history_events => {
                full("events", events, "history_events", self.limits.history_events)
            }
            TurnEnd::Parked if bytes > self.limits.history_bytes => {
                full("bytes", bytes, "history_bytes", self.limits.history_bytes)
            }
            other => other,
        }
    }

    fn conclude(&mut self, end: TurnEnd) -> Result<Ended, Box<Mismatch>> {
        let broke_off = matches!(end, TurnEnd::Faulted(_));
        let (event, ended) = match end {
            TurnEnd::Parked if self.suspended => return Ok(Ended::of(RuntimeStatus::Suspended, None)),
            TurnEnd::Parked => return Ok(Ended::of(RuntimeStatus::Running, None)),
            TurnEnd::Returned(Ok(output)) => match self.continue_with.clone() {
                Some((input, keep_events)) => self.begin_anew(input, keep_events),
                None => self.completed(output),
            },
            TurnEnd::Returned(Err(failure)) => self.failed(failure),
            TurnEnd::Faulted(failure) => {
                // The commands of a turn that broke off half way were never meant to stand alone.
                self.turn.events.truncate(self.turn.arrivals);
                self.turn.sends.clear();
                self.failed(failure)
            }
        };
        let seq = self.next_seq;
        if let Mode::Replaying(expected) = &mut self.turn.mode {
            match self.turn.unrecorded.take().filter(|_| !broke_off) {
                Some((index, found)) => expected.check(index, seq, &found)?,
                None => expected.check(self.tasks.commands(), seq, &event)?,
            }
        }
        self.turn.events.push(event);
        Ok(ended)
    }

    /// The end of this execution and the opening of the next one.
    fn begin_anew(&self, input: Payload, keep_events: bool) -> (Event, Ended) {
        let mut events = vec![Event::ExecutionStarted { name: self.name.clone(), input: input.clone() }];
        if keep_events {
            events.extend(self.tasks.kept_events());
        }
        let opening = TurnRecord::new(self.turn.at_ms, events);
        let ended = Ended { next_execution: Some(opening), ..Ended::of(RuntimeStatus::Running, None) };
        (Event::ExecutionContinuedAsNew { input, keep_events }, ended)
    }

    fn completed(&self, output: Payload) -> (Event, Ended) {
        if self.is_limited() && output.len_bytes() > self.limits.payload_bytes {
            return self.failed(self.too_large("output of the orchestrator", &output).into_failure());
        }
        let ended = Ended::of(RuntimeStatus::Completed, Some(output.clone()));
        (Event::ExecutionCompleted { output }, ended)
    }

    fn failed(&self, failure: Failure) -> (Event, Ended) {
        let failure = failure.bounded(self.limits.payload_bytes);
        let output = failed_output(&self.name, &failure);
        let ended = Ended { failure: Some(failure.clone()), ..Ended::of(RuntimeStatus::Failed, Some(output)) };
        (Event::ExecutionFailed { failure }, ended)
    }

    // ---- what the guest asks -----------------------------------------------------------------------------------

    /// The input of this execution.
    pub fn input(&self) -> &Payload {
        &self.input
    }

    /// The time of the turn, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.turn.at_ms
    }

    /// Whether this turn was played before.
    pub fn is_replaying(&self) -> bool {
        matches!(self.turn.mode, Mode::Replaying(_))
    }

    /// The next derived uuid.
    pub fn new_uuid(&mut self) -> String {
        let uuid = self.identity.uuid(self.uuids);
        self.uuids += 1;
        uuid
    }

    /// Asks for an activity.
    pub fn call_activity(&mut self, name: String, input: &str, options: ActivityOptions) -> Result<TaskId, Stop> {
        self.check_name("activity", &name)?;
        self.check_policy(options.retry.as_ref())?;
        let input = self.payload(&format!("input of activity '{name}'"), input)?;
        let event = Event::TaskScheduled { name: name.clone(), input: input.clone(), options: options.clone() };
        let task = self.command(event)?;
        let call = ActivityCall { task, name, input, attempt: 1, timeout_ms: options.timeout_ms };
        self.turn.activities.push(call.clone());
        self.add_call(Callee::Activity(call), options.retry);
        Ok(task)
    }

    /// Asks for a child. One that is given no id gets one that is derived from its parent's.
    pub fn call_orchestrator(
        &mut self,
        name: String,
        input: &str,
        instance_id: Option<&str>,
        options: ChildOptions,
    ) -> Result<TaskId, Stop> {
        self.check_name("orchestrator", &name)?;
        self.check_policy(options.retry.as_ref())?;
        let instance_id = match instance_id {
            Some(text) => self.instance_id(text)?,
            None => self.identity.child_id(TaskId(self.tasks.commands())),
        };
        let input = self.payload(&format!("input of orchestrator '{name}'"), input)?;
        let task = self.command(Event::ChildScheduled {
            name: name.clone(),
            input: input.clone(),
            instance_id: instance_id.clone(),
            options: options.clone(),
        })?;
        let start = ChildStart { task, name, input, instance_id, detached: options.detached, rewind: false };
        self.turn.sends.push(Send::Start(start.clone()));
        self.add_call(Callee::Child(start), options.retry);
        Ok(task)
    }

    fn add_call(&mut self, what: Callee, retry: Option<RetryPolicy>) {
        self.tasks.add_call(Call { what, retry, called_at_ms: self.turn.at_ms, attempt: 1 });
    }

    /// Sends an event to another instance.
    pub fn raise_event(&mut self, instance_id: &str, name: String, data: &str) -> Result<(), Stop> {
        self.check_name("event", &name)?;
        let instance_id = self.instance_id(instance_id)?;
        let data = self.payload(&format!("data of event '{name}'"), data)?;
        let sent = Event::EventSent { instance_id: instance_id.clone(), name: name.clone(), data: data.clone() };
        self.command(sent)?;
        self.turn.sends.push(Send::Event { instance_id, name, data });
        Ok(())
    }

    /// Begins anew with this input once the orchestrator has returned. Asked for twice, the last one counts.
    pub fn continue_as_new(&mut self, input: &str, keep_events: bool) -> Result<(), Stop> {
        let input = self.payload("input of the next execution", input)?;
        self.continue_with = Some((input, keep_events));
        Ok(())
    }

    /// Asks for a timer.
    pub fn start_timer(&mut self, delay_ms: u64) -> Result<TaskId, Stop> {
        let fire_at_ms = self.turn.at_ms.saturating_add(delay_ms);
        let task = self.command(Event::TimerCreated { fire_at_ms })?;
        self.tasks.add_timer(task, fire_at_ms);
        // A delay of zero is over at once. It fires in the next turn all the same: that is where arrivals are recorded.
        Ok(task)
    }

    /// Waits for an event; takes a buffered one if there is one.
    pub fn wait_for_event(&mut self, name: String) -> Result<TaskId, Stop> {
        self.check_name("event", &name)?;
        let task = self.command(Event::EventAwaited { name: name.clone() })?;
        self.tasks.add_event_wait(task, &name);
        Ok(task)
    }

    /// Stops waiting for a task. Of no effect on one that was taken or cancelled before.
    pub fn cancel(&mut self, task: TaskId) -> Result<(), Stop> {
        if !self.tasks.can_cancel(task) {
            return Ok(());
        }
        self.command(Event::TaskCancelled { task })?;
        self.tasks.cancel(task);
        self.turn.activities.retain(|call| call.task != task);
        Ok(())
    }

    /// Of `tasks`, the position of the one that was done first; `None` while none is.
    pub fn poll_any(&mut self, tasks: &[TaskId]) -> Result<Option<usize>, Stop> {
        let polled = self.tasks.poll_any(tasks);
        polled.map_err(|fault| self.fault(fault))
    }

    /// From now on `poll_next` waits for `task` too, and answers `key` for it, once.
    pub fn watch(&mut self, task: TaskId, key: u32) -> Result<(), Stop> {
        let watched = self.tasks.watch(task, key);
        watched.map_err(|fault| self.fault(fault))
    }

    /// The key of the watched task that was done first; `None` while none is.
    pub fn poll_next(&mut self) -> Result<Option<u32>, Stop> {
        let polled = self.tasks.poll_next();
        polled.map_err(|fault| self.fault(fault))
    }

    /// Takes the outcome of a task that `poll_any` or `poll_next` has returned.
    pub fn outcome(&mut self, task: TaskId) -> Result<Result<Payload, Failure>, Stop> {
        let taken = self.tasks.take(task);
        taken.map_err(|fault| self.fault(fault))
    }

    /// Publishes a custom status with this turn. The inner error is for the guest to handle. That a status was too large
    /// is recorded: the limit may be another one by the time of a replay, and the guest must be told the same.
    pub fn set_custom_status(&mut self, value: &str) -> Result<Result<(), Failure>, Stop> {
        let value = match Payload::parse(value) {
            Ok(value) => value,
            Err(error) => return Ok(Err(Failure::new("not-json", format!("the custom status is {error}")))),
        };
        let refused = match &self.turn.mode {
            Mode::Live => self.limits.check_custom_status(value.len_utf16()).err(),
            Mode::Replaying(expected) => expected.refused_status().map(str::to_owned),
        };
        if let Some(reason) = refused {
            self.command(Event::CustomStatusRefused { reason: reason.clone() })?;
            return Ok(Err(Failure::new("custom-status-too-large", reason)));
        }
        self.turn.custom_status = Some(value);
        Ok(Ok(()))
    }

    /// Whether limits apply to this turn. What was let through once is not judged again: a limit that is lowered later
    /// must not stop an instance half way.
    fn is_limited(&self) -> bool {
        match &self.turn.mode {
            Mode::Live => true,
            Mode::Replaying(expected) => expected.ends_in_failure(),
        }
    }

    /// The guest has broken the contract in a way that its host has noticed.
    pub fn broken(&mut self, fault: GuestFault) -> Stop {
        self.fault(fault)
    }

    // ---- commands ----------------------------------------------------------------------------------------------

    fn command(&mut self, event: Event) -> Result<TaskId, Stop> {
        if let Some(stop) = &self.stop {
            return Err(stop.clone());
        }
        let index = self.tasks.commands();
        match &mut self.turn.mode {
            Mode::Replaying(expected) if expected.is_broken_off() => {
                // Tolerated only if the guest breaks off again: see `conclude`.
                self.turn.unrecorded.get_or_insert_with(|| (index, event.clone()));
            }
            Mode::Replaying(expected) => {
                if let Err(mismatch) = expected.check(index, self.next_seq, &event) {
                    let stop = Stop::Mismatch(mismatch);
                    self.stop = Some(stop.clone());
                    return Err(stop);
                }
            }
            Mode::Live => {}
        }
        if self.is_limited() && self.turn.events.len() - self.turn.arrivals >= self.limits.commands_per_turn {
            return Err(self.fault(GuestFault::TooManyCommands { limit: self.limits.commands_per_turn }));
        }
        self.turn.events.push(event);
        Ok(self.tasks.next_command())
    }

    fn fault(&mut self, fault: GuestFault) -> Stop {
        let stop = Stop::Fault(fault);
        self.stop.get_or_insert_with(|| stop.clone());
        stop
    }

    fn check_name(&mut self, what: &'static str, name: &str) -> Result<(), Stop> {
        let found = name.chars().count();
        if found == 0 || found > MAX_NAME_CHARS {
            return Err(self.fault(GuestFault::Name { what, found, limit: MAX_NAME_CHARS }));
        }
        Ok(())
    }

    fn check_policy(&mut self, policy: Option<&RetryPolicy>) -> Result<(), Stop> {
        policy.map_or(Ok(()), RetryPolicy::check).map_err(|fault| self.fault(fault))
    }

    fn instance_id(&mut self, text: &str) -> Result<InstanceId, Stop> {
        InstanceId::parse(text).map_err(|error| self.fault(error.into()))
    }

    fn payload(&mut self, what: &str, text: &str) -> Result<Payload, Stop> {
        let payload = Payload::parse(text)
            .map_err(|error| self.fault(GuestFault::NotJson { what: what.to_owned(), reason: error.to_string() }))?;
        if !self.is_limited() {
            return Ok(payload);
        }
        if payload.len_bytes() > self.limits.payload_bytes {
            let fault = self.too_large(what, &payload);
            return Err(self.fault(fault));
        }
        self.turn.payload_bytes += payload.len_bytes();
        if self.turn.payload_bytes > self.limits.payload_bytes_per_turn {
            let (found, limit) = (self.turn.payload_bytes, self.limits.payload_bytes_per_turn);
            return Err(self.fault(GuestFault::TooManyBytes { found, limit }));
        }
        Ok(payload)
    }

    fn too_large(&self, what: &str, payload: &Payload) -> GuestFault {
        GuestFault::TooLarge {
            what: what.to_owned(),
            found: payload.len_bytes(),
            setting: "payload_bytes",
            limit: self.limits.payload_bytes,
        }
    }
}
