//! The history of an instance as Durable Functions shows it: what was scheduled stands merged with how it ended.

use dacapo_core::{Event, Failure, Payload, RuntimeStatus, StoredTurn};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// One entry. Keys are in the original's case.
#[derive(Default, Serialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orchestration_status: Option<&'static str>,
}

/// A time in milliseconds since 1970, written with its fraction of a second.
#[derive(Clone, Copy, Default)]
struct Moment(u64);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = i64::try_from(self.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        serializer.collect_str(&format_args!("{:.3}", moment.unwrap_or(Timestamp::MAX)))
    }
}

/// What an answer to a command is merged with: where the command stands among the entries.
struct Command<'a> {
    entry: usize,
    at: Moment,
    name: Option<&'a str>,
    input: Option<&'a str>,
    instance_id: Option<&'a str>,
    fire_at: Option<Moment>,
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
    fn command(&mut self, entry: HistoryEvent<'a>) {
        self.commands.push(Command {
            entry: self.entries.len(),
            at: entry.timestamp,
            name: entry.function_name,
            input: entry.input,
            instance_id: entry.instance_id,
            fire_at: entry.fire_at,
        });
        self.push(entry);
    }

    /// A command that is not shown.
    fn hidden(&mut self, at: Moment) {
        let entry = self.entries.len();
        self.commands.push(Command { entry, at, name: None, input: None, instance_id: None, fire_at: None });
        self.entries.push(None);
    }

    /// The answer to a command takes its place at the end.
    fn answer(&mut self, task: u32, event: HistoryEvent<'a>) {
        let Some(command) = self.commands.get(task as usize) else { return };
        self.entries[command.entry] = None;
        let entry = HistoryEvent {
            scheduled_time: Some(command.at),
            function_name: command.name,
            instance_id: command.instance_id,
            input: command.input,
            fire_at: event.fire_at.or(command.fire_at),
            ..event
        };
        self.push(entry);
    }

    fn failed(&mut self, task: u32, event_type: &'static str, at: Moment, failure: &'a Failure) {
        let (reason, details) = (Some(failure.message.as_str()), failure.details.as_ref());
        self.answer(task, HistoryEvent { event_type, timestamp: at, reason, details, ..HistoryEvent::default() });
    }

    fn add(&mut self, event: &'a Event, at: Moment) {
        let plain = |event_type| HistoryEvent { event_type, timestamp: at, ..HistoryEvent::default() };
        match event {
            Event::ExecutionStarted { name, input } => {
                let input = self.input(input);
                self.push(HistoryEvent { function_name: Some(name), input, ..plain("ExecutionStarted") });
            }
            Event::TaskScheduled { name, input, .. } => {
                let input = self.input(input);
                self.command(HistoryEvent { function_name: Some(name), input, ..plain("TaskScheduled") });
            }
            Event::ChildScheduled { name, input, instance_id, .. } => {
                let (input, instance_id) = (self.input(input), Some(instance_id.as_str()));
                let created = plain("SubOrchestrationInstanceCreated");
                self.command(HistoryEvent { function_name: Some(name), input, instance_id, ..created });
            }
            Event::TimerCreated { fire_at_ms } => {
                self.command(HistoryEvent { fire_at: Some(Moment(*fire_at_ms)), ..plain("TimerCreated") });
            }
            Event::EventSent { instance_id, name, data } => {
                let (input, instance_id) = (self.input(data), Some(instance_id.as_str()));
                self.command(HistoryEvent { name: Some(name), input, instance_id, ..plain("EventSent") });
            }
            Event::EventAwaited { .. } | Event::TaskCancelled { .. } | Event::CustomStatusRefused { .. } => {
                self.hidden(at);
            }
            Event::TaskCompleted { task, result } => {
                let result = self.result(result);
                self.answer(task.0, HistoryEvent { result, ..plain("TaskCompleted") });
            }
            Event::ChildCompleted { task, result } => {
                let result = self.result(result);
                self.answer(task.0, HistoryEvent { result, ..plain("SubOrchestrationInstanceCompleted") });
            }
            Event::TaskFailed { task, failure } => self.failed(task.0, "TaskFailed", at, failure),
            Event::ChildFailed { task, failure } => {
                self.failed(task.0, "SubOrchestrationInstanceFailed", at, failure);
            }
            Event::RetryScheduled { task, fire_at_ms, .. } => {
                let entry = self.entries.len();
                self.push(HistoryEvent { fire_at: Some(Moment(*fire_at_ms)), ..plain("TimerCreated") });
                if let Some(command) = self.commands.get_mut(task.0 as usize) {
                    (command.entry, command.at) = (entry, at);
                    command.fire_at = Some(Moment(*fire_at_ms));
                }
            }
            Event::TimerFired { task } => {
                let Some(command) = self.commands.get_mut(task.0 as usize) else { return };
                let fired = HistoryEvent { fire_at: command.fire_at.take(), ..plain("TimerFired") };
                self.entries[command.entry] = None;
                let scheduled = HistoryEvent { scheduled_time: Some(command.at), ..fired };
                // A retry: from here on its next attempt is under way.
                command.at = at;
                command.entry = self.entries.len();
                self.push(scheduled);
                if self.commands[task.0 as usize].name.is_some() {
                    self.again(task.0, at);
                }
            }
            Event::EventRaised { name, data } => {
                let input = self.input(data);
                self.push(HistoryEvent { name: Some(name), input, ..plain("EventRaised") });
            }
            Event::ExecutionSuspended { reason } => {
                self.push(HistoryEvent { reason: Some(reason), ..plain("ExecutionSuspended") });
            }
            Event::ExecutionResumed { reason } => {
                self.push(HistoryEvent { reason: Some(reason), ..plain("ExecutionResumed") });
            }
            Event::ExecutionRewound { reason, .. } => {
                self.push(HistoryEvent { reason: Some(reason), ..plain("ExecutionRewound") });
            }
            Event::ExecutionTerminated { reason, .. } => {
                let orchestration_status = Some(RuntimeStatus::Terminated.as_str());
                self.push(HistoryEvent { reason: Some(reason), orchestration_status, ..plain("ExecutionTerminated") });
            }
            Event::ExecutionContinuedAsNew { input, .. } => {
                let input = self.input(input);
                self.push(HistoryEvent { input, ..plain("ContinueAsNew") });
            }
            Event::ExecutionCompleted { output } => {
                let orchestration_status = Some(RuntimeStatus::Completed.as_str());
                let result = self.result(output);
                self.push(HistoryEvent { result, orchestration_status, ..plain("ExecutionCompleted") });
            }
            Event::ExecutionFailed { failure } => {
                let orchestration_status = Some(RuntimeStatus::Failed.as_str());
                let (reason, details) = (Some(failure.message.as_str()), failure.details.as_ref());
                let ended = plain("ExecutionCompleted");
                self.push(HistoryEvent { reason, details, orchestration_status, ..ended });
            }
        }
    }

    /// The next attempt of a call stands open until it is answered.
    fn again(&mut self, task: u32, at: Moment) {
        let entry = self.entries.len();
        let Some(command) = self.commands.get_mut(task as usize) else { return };
        command.entry = entry;
        let event_type = match command.instance_id {
            Some(_) => "SubOrchestrationInstanceCreated",
            None => "TaskScheduled",
        };
        let (function_name, input, instance_id) = (command.name, command.input, command.instance_id);
        let open = HistoryEvent { event_type, timestamp: at, function_name, input, instance_id, ..Default::default() };
        self.push(open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dacapo_core::{ActivityOptions, TaskId, TurnRecord};

    fn shown(turns: &[&[Event]], with_input: bool, with_results: bool) -> Vec<serde_json::Value> {
        let turns: Vec<StoredTurn> = (0u64..)
            .zip(turns)
            .map(|(seq, events)| StoredTurn {
                seq,
                record: TurnRecord { at_ms: seq * 1_000 + 5, events: events.to_vec() },
            })
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
        let started = Event::ExecutionStarted { name: "Flow".into(), input: Payload::null() };
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
