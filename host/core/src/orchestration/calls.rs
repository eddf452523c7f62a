//! What the guest asks of its orchestration while it runs.

use super::tasks::{Call, Callee};
use super::{Mode, Orchestration, Stop};
use crate::error::{Failure, GuestFault};
use crate::event::Event;
use crate::ids::{InstanceId, MAX_NAME_CHARS, TaskId};
use crate::limits::Limits;
use crate::payload::Payload;
use crate::retry::{ActivityOptions, ChildOptions, RetryPolicy};
use crate::turn::{ActivityCall, ChildStart, Outbound};

impl Orchestration {
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
        let call = ActivityCall { task, name, input, attempt: 1, run: 1, timeout_ms: options.timeout_ms };
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
        self.turn.sends.push(Outbound::Start(start.clone()));
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
        self.turn.sends.push(Outbound::Event { instance_id, name, data });
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
        if self.tasks.add_event_wait(task, &name) {
            // What is bounded is work of the guest's own, not how much has come for it.
            self.turn.commands = 0;
        }
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
        if let Ok(Err(failure)) = &taken
            && let Some(activity) = &failure.activity
        {
            self.failed_activities.insert(failure.mark(), activity.clone());
        }
        taken.map_err(|fault| self.fault(fault))
    }

    /// Publishes a custom status with this turn. The inner error is for the guest to handle. That a status was refused for
    /// its size or as not I-JSON is recorded: limits may be others by the time of a replay, and the guest must be told the
    /// same.
    pub fn set_custom_status(&mut self, value: &str) -> Result<Result<(), Failure>, Stop> {
        let value = match Payload::parse(value) {
            Ok(value) => value,
            Err(error) => return Ok(Err(Failure::new("not-json", format!("the custom status is {error}")))),
        };
        let refused = match &self.turn.mode {
            Mode::Live => self.limits.check_custom_status(&value).err(),
            Mode::Replaying(expected) => expected.refused_status().map(str::to_owned),
        };
        if let Some(reason) = refused {
            self.command(Event::CustomStatusRefused { reason: reason.clone() })?;
            return Ok(Err(Failure::new(Limits::custom_status_kind(&reason), reason)));
        }
        self.turn.custom_status = Some(value);
        Ok(Ok(()))
    }

    /// Whether limits apply to this turn. What was let through once is not judged again: a limit that is lowered later
    /// must not stop an instance half way.
    pub(super) fn is_limited(&self) -> bool {
        match &self.turn.mode {
            Mode::Live => true,
            Mode::Replaying(expected) => expected.ends_in_failure(),
        }
    }

    /// The guest has broken the contract in a way that its host has noticed.
    pub fn broken(&mut self, fault: GuestFault) -> Stop {
        self.fault(fault)
    }

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
        if self.is_limited() && self.turn.commands >= self.limits.commands_per_turn {
            return Err(self.fault(GuestFault::TooManyCommands { limit: self.limits.commands_per_turn }));
        }
        self.turn.commands += 1;
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
        if let Err(error) = payload.check(self.limits.payload_depth) {
            return Err(self.fault(GuestFault::NotJson { what: what.to_owned(), reason: error.to_string() }));
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

    pub(super) fn too_large(&self, what: &str, payload: &Payload) -> GuestFault {
        GuestFault::TooLarge {
            what: what.to_owned(),
            found: payload.len_bytes(),
            setting: "payload_bytes",
            limit: self.limits.payload_bytes,
        }
    }
}
