//! The history of an instance as Durable Functions shows it: what was scheduled stands merged with how it ended.

use crate::moment::Moment;
use dacapo_core::{By, Event, Failure, Payload, RuntimeStatus, StoredTurn, TaskId};
use serde::Serialize;

/// One entry. Keys are in the original's case.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HistoryEvent<'a> {
    event_type: &'static str,
    timestamp: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_time: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fire_at: Option<Moment>,
    /// JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// Whose doing it was. The original does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a By>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orchestration_status: Option<&'static str>,
}

/// A command, for what comes of it later.
struct Command<'a> {
    /// The last entry that says it is open.
    entry: usize,
    scheduled: HistoryEvent<'a>,
}

struct Entries<'a> {
    /// `None`: merged into a later one.
    entries: Vec<Option<HistoryEvent<'a>>>,
    /// By task.
    commands: Vec<Command<'a>>,
    with_input: bool,
    with_results: bool,
}

/// The entries of a history, in order.
pub(super) fn events(turns: &[StoredTurn], with_input: bool, with_results: bool) -> Vec<HistoryEvent<'_>> {
    let mut entries = Entries { entries: Vec::new(), commands: Vec::new(), with_input, with_results };
    for turn in turns {
        for event in &turn.record.events {
            entries.add(event, Moment(turn.record.at_ms));
        }
    }
    entries.entries.into_iter().flatten().collect()
}

impl<'a> Entries<'a> {
    fn push(&mut self, entry: HistoryEvent<'a>) {
        self.entries.push(Some(entry));
    }

    fn input(&self, payload: &'a Payload) -> Option<&'a str> {
        self.with_input.then(|| payload.as_str())
    }

    fn result(&self, payload: &Payload) -> Option<Payload> {
        self.with_results.then(|| payload.clone())
    }

    /// A command that gets an entry of its own until it is answered.
    fn command(&mut self, scheduled: HistoryEvent<'a>) {
        self.commands.push(Command { entry: self.entries.len(), scheduled: scheduled.clone() });
        self.push(scheduled);
    }

    /// A command that is not shown.
    fn hidden(&mut self) {
        self.commands.push(Command { entry: self.entries.len(), scheduled: HistoryEvent::default() });
        self.entries.push(None);
    }

    /// The answer to a command takes its place at the end.
    fn answer(&mut self, task: TaskId, event: HistoryEvent<'a>) {
        let Some(Command { entry, scheduled }) = self.commands.get(task.0 as usize) else { return };
        self.entries[*entry] = None;
        let entry = HistoryEvent {
            scheduled_time: Some(scheduled.timestamp),
            function_name: scheduled.function_name,
            instance_id: scheduled.instance_id,
            input: scheduled.input,
            ..event
        };
        self.push(entry);
    }

    fn completed(&mut self, task: TaskId, event: HistoryEvent<'a>, result: &Payload) {
        let result = self.result(result);
        self.answer(task, HistoryEvent { result, ..event });
    }

    /// What was asked for has begun: the call that asked is over.
    fn polled(&mut self, task: TaskId, at: Moment, timer: HistoryEvent<'a>) {
        self.answer(task, HistoryEvent { event_type: "TaskCompleted", timestamp: at, ..HistoryEvent::default() });
        self.again(task, timer);
    }

    /// The wait for the next run of a call.
    fn again(&mut self, task: TaskId, timer: HistoryEvent<'a>) {
        if let Some(command) = self.commands.get_mut(task.0 as usize) {
            command.entry = self.entries.len();
        }
        self.push(timer);
    }

    /// A timer of the flow's own, or one before an attempt, which is open from then on.
    fn fired(&mut self, task: TaskId, event: HistoryEvent<'a>) {
        let Some(command) = self.commands.get_mut(task.0 as usize) else { return };
        let timer = self.entries[command.entry].take().unwrap_or_default();
        let at = event.timestamp;
        self.entries.push(Some(HistoryEvent {
            fire_at: timer.fire_at,
            scheduled_time: Some(timer.timestamp),
            ..event
        }));
        if command.scheduled.function_name.is_some() {
            command.scheduled.timestamp = at;
            command.entry = self.entries.len();
            self.entries.push(Some(command.scheduled.clone()));
        }
    }

    fn add(&mut self, event: &'a Event, at: Moment) {
        let plain = |event_type| HistoryEvent { event_type, timestamp: at, ..HistoryEvent::default() };
        let named = |event_type, name| HistoryEvent { name: Some(name), ..plain(event_type) };
        let function = |event_type, name| HistoryEvent { function_name: Some(name), ..plain(event_type) };
        let timer = |at_ms| HistoryEvent { fire_at: Some(Moment(at_ms)), ..plain("TimerCreated") };
        let said = |event_type, reason| HistoryEvent { reason: Some(reason), ..plain(event_type) };
        let done =
            |event_type, reason, by: &'a Option<By>| HistoryEvent { by: by.as_ref(), ..said(event_type, reason) };
        let failed = |event_type, failure: &'a Failure| {
            let details = failure.details.as_ref();
            HistoryEvent { details, ..said(event_type, &failure.message) }
        };
        match event {
            Event::ExecutionStarted { name, input, rules: _ } => {
                self.push(HistoryEvent { input: self.input(input), ..function("ExecutionStarted", name) });
            }
            Event::TaskScheduled { name, input, .. } => {
                self.command(HistoryEvent { input: self.input(input), ..function("TaskScheduled", name) });
            }
            Event::ChildScheduled { name, input, instance_id, .. } => {
                let (input, instance_id) = (self.input(input), Some(instance_id.as_str()));
                let created = function("SubOrchestrationInstanceCreated", name);
                self.command(HistoryEvent { input, instance_id, ..created });
            }
            Event::TimerCreated { fire_at_ms } => self.command(timer(*fire_at_ms)),
            Event::EventSent { instance_id, name, data } => {
                let (input, instance_id) = (self.input(data), Some(instance_id.as_str()));
                self.command(HistoryEvent { input, instance_id, ..named("EventSent", name) });
            }
            Event::EventAwaited { .. } | Event::TaskCancelled { .. } | Event::CustomStatusRefused { .. } => {
                self.hidden();
            }
            Event::TaskCompleted { task, result } => self.completed(*task, plain("TaskCompleted"), result),
            Event::ChildCompleted { task, result } => {
                self.completed(*task, plain("SubOrchestrationInstanceCompleted"), result);
            }
            Event::TaskFailed { task, failure } => self.answer(*task, failed("TaskFailed", failure)),
            Event::ChildFailed { task, failure } => {
                self.answer(*task, failed("SubOrchestrationInstanceFailed", failure));
            }
            Event::RetryScheduled { task, fire_at_ms, .. } => self.again(*task, timer(*fire_at_ms)),
            Event::PollScheduled { task, fire_at_ms, .. } => self.polled(*task, at, timer(*fire_at_ms)),
            Event::TimerFired { task } => self.fired(*task, plain("TimerFired")),
            Event::EventRaised { name, data, by } => {
                self.push(HistoryEvent { input: self.input(data), by: by.as_ref(), ..named("EventRaised", name) });
            }
            Event::ExecutionSuspended { reason, by } => self.push(done("ExecutionSuspended", reason, by)),
            Event::ExecutionResumed { reason, by } => self.push(done("ExecutionResumed", reason, by)),
            Event::ExecutionRewound { reason, by, .. } => self.push(done("ExecutionRewound", reason, by)),
            Event::ExecutionTerminated { reason, by, .. } => {
                self.ended(RuntimeStatus::Terminated, done("ExecutionTerminated", reason, by));
            }
            Event::ExecutionContinuedAsNew { input, .. } => {
                self.push(HistoryEvent { input: self.input(input), ..plain("ContinueAsNew") });
            }
            Event::ExecutionCompleted { output } => {
                let completed = HistoryEvent { result: self.result(output), ..plain("ExecutionCompleted") };
                self.ended(RuntimeStatus::Completed, completed);
            }
            Event::ExecutionFailed { failure } => {
                self.ended(RuntimeStatus::Failed, failed("ExecutionCompleted", failure));
            }
        }
    }

    fn ended(&mut self, status: RuntimeStatus, event: HistoryEvent<'a>) {
        self.push(HistoryEvent { orchestration_status: Some(status.as_str()), ..event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dacapo_core::{ActivityOptions, Rules, TurnRecord};

    fn shown(turns: &[&[Event]], with_input: bool, with_results: bool) -> Vec<serde_json::Value> {
        let turns: Vec<StoredTurn> = (0u64..)
            .zip(turns)
            .map(|(seq, events)| StoredTurn { seq, record: TurnRecord::new(seq * 1_000 + 5, events.to_vec()) })
            .collect();
        let text = serde_json::to_string(&events(&turns, with_input, with_results)).expect("json");
        serde_json::from_str(&text).expect("json")
    }

    fn call() -> Event {
        let input = Payload::parse("[1]").expect("json");
        Event::TaskScheduled { name: "Pay".into(), input, options: ActivityOptions::default() }
    }

    fn kinds(events: &[serde_json::Value]) -> Vec<&str> {
        events.iter().filter_map(|event| event["EventType"].as_str()).collect()
    }

    #[test]
    fn one_activity_gives_three_events_and_the_middle_one_knows_when_it_was_scheduled() {
        let started = Event::ExecutionStarted { name: "Flow".into(), input: Payload::null(), rules: Rules::CURRENT };
        let result = Payload::parse(r#"{"ok": true}"#).expect("json");
        let completed = Event::TaskCompleted { task: TaskId(0), result: result.clone() };
        let turns: [&[Event]; 3] = [&[started], &[call()], &[completed, Event::ExecutionCompleted { output: result }]];
        let all = shown(&turns, true, true);
        assert_eq!(kinds(&all), ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]);
        let expected = serde_json::json!({
            "EventType": "TaskCompleted",
            "Timestamp": "1970-01-01T00:00:02.005Z",
            "ScheduledTime": "1970-01-01T00:00:01.005Z",
            "FunctionName": "Pay",
            "Input": "[1]",
            "Result": {"ok": true},
        });
        assert_eq!(all[1], expected);
        assert_eq!(all[2]["OrchestrationStatus"], "Completed");
        let less = shown(&turns, false, false);
        assert!(less[1].get("Input").is_none() && less[1].get("Result").is_none(), "{:?}", less[1]);
    }

    #[test]
    fn what_is_open_stays_scheduled_and_each_attempt_is_seen() {
        let failed = || Event::TaskFailed { task: TaskId(1), failure: Failure::new("app", "no") };
        let again = Event::RetryScheduled { task: TaskId(1), attempt: 2, fire_at_ms: 9_000 };
        let awaited = Event::EventAwaited { name: "Go".into() };
        let fired = Event::TimerFired { task: TaskId(1) };
        let turns: [&[Event]; 4] = [&[awaited, call()], &[failed(), again], &[fired], &[failed()]];
        assert_eq!(kinds(&shown(&turns[..1], true, true)), ["TaskScheduled"]);
        assert_eq!(kinds(&shown(&turns[..2], true, true)), ["TaskFailed", "TimerCreated"]);
        assert_eq!(kinds(&shown(&turns[..3], true, true)), ["TaskFailed", "TimerFired", "TaskScheduled"]);
        assert_eq!(kinds(&shown(&turns, true, true)), ["TaskFailed", "TimerFired", "TaskFailed"]);
    }
}
