//! The state machine a guest talks to while it plays: feed it arrivals, let the guest ask, take the outcome.
//!
//! A turn is `begin_turn` (live) or `replay_turn` (from the history), then the guest's calls, then `finish_turn`.
//! Both kinds run the same code; replaying only adds that each command must equal the recorded one.

mod tasks;

use crate::error::{Failure, GuestFault};
use crate::event::Event;
use crate::history::{CorruptHistory, TurnRecord};
use crate::ids::{Identity, MAX_NAME_CHARS, TaskId};
use crate::limits::Limits;
use crate::payload::Payload;
use crate::replay::{Expected, Mismatch};
use crate::status::RuntimeStatus;
use crate::turn::{ActivityCall, TurnEnd, TurnOutcome, failed_output};
use tasks::Tasks;

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
        }
    }
}

impl Orchestration {
    /// Opens an execution from its first record.
    pub fn open(identity: Identity, limits: Limits, opening: TurnRecord) -> Result<Self, CorruptHistory> {
        let size_bytes = opening.size_bytes();
        let mut events = opening.events.into_iter();
        let (Some(Event::ExecutionStarted { name, input }), None) = (events.next(), events.next()) else {
            return Err(CorruptHistory::NoOpening);
        };
        Ok(Self {
            identity,
            limits,
            name,
            input,
            tasks: Tasks::default(),
            uuids: 0,
            next_seq: 1,
            history_events: 1,
            history_bytes: size_bytes,
            turn: Turn::new(Mode::Live, opening.at_ms),
            stop: None,
        })
    }

    /// The opening record of an execution that is being created.
    pub fn opening(name: &str, input: Payload, at_ms: u64) -> TurnRecord {
        TurnRecord { at_ms, events: vec![Event::ExecutionStarted { name: name.to_owned(), input }] }
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

    /// When the first of its armed timers fires, in milliseconds since 1970.
    pub fn next_timer(&self) -> Option<u64> {
        self.tasks.next_timer()
    }

    /// Why the guest was stopped in this turn, if it was.
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    // ---- turns -------------------------------------------------------------------------------------------------

    /// Begins a live turn at `at_ms`: arrivals that nothing waits for any more are dropped, due timers are added.
    /// `false` where nothing is left to play and the turn need not happen.
    pub fn begin_turn(&mut self, at_ms: u64, arrivals: Vec<Event>) -> bool {
        // Time never runs backwards within an instance, whatever the machine's clock does.
        let at_ms = at_ms.max(self.turn.at_ms);
        self.turn = Turn::new(Mode::Live, at_ms);
        for event in arrivals {
            if self.tasks.arrive(&event).is_ok() {
                self.turn.events.push(event);
            }
        }
        for task in self.tasks.due_timers(at_ms) {
            let event = Event::TimerFired { task };
            self.tasks.arrive(&event).expect("a due timer is open");
            self.turn.events.push(event);
        }
        self.turn.arrivals = self.turn.events.len();
        self.turn.arrivals > 0 || self.next_seq == 1
    }

    /// Begins a turn that is recorded in the history.
    pub fn replay_turn(&mut self, record: TurnRecord) -> Result<(), CorruptHistory> {
        let (seq, at_ms) = (self.next_seq, record.at_ms);
        let (arrivals, commands) = record.split(seq)?;
        self.turn = Turn::new(Mode::Replaying(Expected::new(commands)), at_ms);
        for event in &arrivals {
            self.tasks.arrive(event).map_err(|reason| CorruptHistory::Impossible { seq, reason })?;
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
        let (status, output) = self.conclude(end)?;
        if let Mode::Replaying(expected) = &mut self.turn.mode {
            expected.finish(self.tasks.commands(), self.next_seq)?;
        }
        let at_ms = self.turn.at_ms;
        let turn = std::mem::replace(&mut self.turn, Turn::new(Mode::Live, at_ms));
        let record = TurnRecord { at_ms, events: turn.events };
        self.next_seq += 1;
        self.history_events += record.events.len();
        self.history_bytes += record.size_bytes();
        let running = !status.is_finished();
        Ok(TurnOutcome {
            record,
            status,
            custom_status: turn.custom_status,
            output,
            wake_at_ms: self.tasks.next_timer().filter(|_| running),
            has_open_activities: running && self.tasks.has_open_activities(),
            activities: if running { turn.activities } else { Vec::new() },
        })
    }

    /// The turn that ends the instance at once, without asking the guest.
    pub fn terminate(at_ms: u64, reason: String) -> TurnOutcome {
        let output = Payload::string(&reason);
        let record = TurnRecord { at_ms, events: vec![Event::ExecutionTerminated { reason }] };
        Self::final_outcome(record, RuntimeStatus::Terminated, output)
    }

    /// The turn that ends the instance as Failed, without asking the guest. Only that it failed is recorded.
    pub fn fail(at_ms: u64, orchestrator: &str, failure: Failure) -> TurnOutcome {
        let output = failed_output(orchestrator, &failure);
        let record = TurnRecord { at_ms, events: vec![Event::ExecutionFailed { failure }] };
        Self::final_outcome(record, RuntimeStatus::Failed, output)
    }

    fn final_outcome(record: TurnRecord, status: RuntimeStatus, output: Payload) -> TurnOutcome {
        TurnOutcome {
            record,
            status,
            custom_status: None,
            output: Some(output),
            wake_at_ms: None,
            has_open_activities: false,
            activities: Vec::new(),
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

    fn conclude(&mut self, end: TurnEnd) -> Result<(RuntimeStatus, Option<Payload>), Box<Mismatch>> {
        let (event, status, output) = match end {
            TurnEnd::Parked => return Ok((RuntimeStatus::Running, None)),
            TurnEnd::Returned(Ok(output)) if self.is_limited() && output.len_bytes() > self.limits.payload_bytes => {
                let failure = self.too_large("output of the orchestrator", &output).into_failure();
                self.failed(failure)
            }
            TurnEnd::Returned(Ok(output)) => {
                (Event::ExecutionCompleted { output: output.clone() }, RuntimeStatus::Completed, output)
            }
            TurnEnd::Returned(Err(failure)) => self.failed(failure),
            TurnEnd::Faulted(failure) => {
                // The commands of a turn that broke off half way were never meant to stand alone.
                self.turn.events.truncate(self.turn.arrivals);
                self.failed(failure)
            }
        };
        let (index, seq) = (self.tasks.commands(), self.next_seq);
        if let Mode::Replaying(expected) = &mut self.turn.mode {
            expected.check(index, seq, &event)?;
        }
        self.turn.events.push(event);
        Ok((status, Some(output)))
    }

    fn failed(&self, failure: Failure) -> (Event, RuntimeStatus, Payload) {
        let failure = failure.bounded(self.limits.payload_bytes);
        let output = failed_output(&self.name, &failure);
        (Event::ExecutionFailed { failure }, RuntimeStatus::Failed, output)
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
    pub fn call_activity(&mut self, name: String, input: &str) -> Result<TaskId, Stop> {
        self.check_name("activity", &name)?;
        let input = self.payload(&format!("input of activity '{name}'"), input)?;
        let event = Event::TaskScheduled { name: name.clone(), input: input.clone() };
        let task = self.command(event)?;
        let call = ActivityCall { task, name, input };
        self.turn.activities.push(call.clone());
        self.tasks.add_activity(call);
        Ok(task)
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

    /// Takes the outcome of a task that `poll_any` has returned.
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

    /// The guest asked for something that this host does not offer yet.
    pub fn not_yet(&mut self, what: &'static str) -> Stop {
        self.fault(GuestFault::NotYet(what))
    }

    /// Whether limits apply to this turn. What was let through once is not judged again: a limit that is lowered later
    /// must not stop an instance half way.
    fn is_limited(&self) -> bool {
        match &self.turn.mode {
            Mode::Live => true,
            Mode::Replaying(expected) => expected.ends_in_failure(),
        }
    }

    // ---- commands ----------------------------------------------------------------------------------------------

    fn command(&mut self, event: Event) -> Result<TaskId, Stop> {
        if let Some(stop) = &self.stop {
            return Err(stop.clone());
        }
        let index = self.tasks.commands();
        if let Mode::Replaying(expected) = &mut self.turn.mode
            && let Err(mismatch) = expected.check(index, self.next_seq, &event)
        {
            let stop = Stop::Mismatch(mismatch);
            self.stop = Some(stop.clone());
            return Err(stop);
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
