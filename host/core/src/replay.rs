//! Match or mismatch between what was recorded and what is played.

use crate::error::Failure;
use crate::event::Event;
use crate::payload::Payload;

/// The orchestrator did not do again what it had done before. Its history is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "non-deterministic replay at command {index} (turn {turn}): the history has {}, but the orchestrator {}. Likely cause: {}",
    describe(.expected.as_ref()), played(.found.as_ref()), likely_cause(.expected.as_ref(), .found.as_ref())
)]
pub struct Mismatch {
    /// The command's number in its execution, from 0.
    pub index: u32,
    /// The turn it stands in.
    pub turn: u64,
    /// What the history holds; `None` where the recorded turn has no more commands.
    pub expected: Option<Event>,
    /// What the orchestrator asked for; `None` where it parked instead.
    pub found: Option<Event>,
}

impl Mismatch {
    /// What most often makes this difference, for people.
    pub fn likely_cause(&self) -> &'static str {
        likely_cause(self.expected.as_ref(), self.found.as_ref())
    }
}

/// What the recorded turn expects next, and how far it was matched.
#[derive(Debug, Default)]
pub struct Expected {
    commands: std::vec::IntoIter<Event>,
}

impl Expected {
    /// The commands of one recorded turn.
    pub fn new(commands: Vec<Event>) -> Self {
        Self { commands: commands.into_iter() }
    }

    /// The next recorded command must equal the one that is played.
    pub fn check(&mut self, index: u32, turn: u64, found: &Event) -> Result<(), Box<Mismatch>> {
        match self.commands.next() {
            Some(expected) if expected == *found || is_unnamed(&expected, found) => Ok(()),
            expected => Err(Box::new(Mismatch { index, turn, expected, found: Some(found.clone()) })),
        }
    }

    /// What the guest was told of the custom status that it sets now, where that was refused.
    pub fn refused_status(&self) -> Option<&str> {
        match self.commands.as_slice().first() {
            Some(Event::CustomStatusRefused { reason }) => Some(reason),
            _ => None,
        }
    }

    /// Whether nothing but a failure follows: perhaps the guest broke off half way, and what it had commanded until then
    /// was dropped.
    pub fn is_broken_off(&self) -> bool {
        matches!(self.commands.as_slice(), [Event::ExecutionFailed { .. }])
    }

    /// Whether the recorded turn ended the execution as Failed: a limit may have been the cause.
    pub fn ends_in_failure(&self) -> bool {
        matches!(self.commands.as_slice().last(), Some(Event::ExecutionFailed { .. }))
    }

    /// At the end of a turn nothing may be left over.
    pub fn finish(&mut self, index: u32, turn: u64) -> Result<(), Box<Mismatch>> {
        match self.commands.next() {
            None => Ok(()),
            expected => Err(Box::new(Mismatch { index, turn, expected, found: None })),
        }
    }
}

/// Whether it is the same failure, recorded before failures named their activity.
fn is_unnamed(expected: &Event, found: &Event) -> bool {
    match (expected, found) {
        (Event::ExecutionFailed { failure: expected }, Event::ExecutionFailed { failure: found }) => {
            *expected == Failure { activity: None, ..found.clone() }
        }
        _ => false,
    }
}

fn describe(event: Option<&Event>) -> String {
    let Some(event) = event else { return "no further command in this turn".into() };
    match event {
        Event::TaskScheduled { name, input, options } => {
            let options = match serde_json::to_string(options) {
                Ok(text) if !options.is_default() => format!(" and options {text}"),
                _ => String::new(),
            };
            format!("a call of activity '{name}' with input {}{options}", shorten(input))
        }
        Event::ChildScheduled { name, input, instance_id, .. } => {
            format!("a start of orchestrator '{name}' as '{instance_id}' with input {}", shorten(input))
        }
        Event::EventSent { instance_id, name, data } => {
            format!("event '{name}' for '{instance_id}' with {}", shorten(data))
        }
        Event::ExecutionContinuedAsNew { input, .. } => format!("a new execution with input {}", shorten(input)),
        Event::CustomStatusRefused { .. } => "a custom status that was refused".into(),
        Event::TimerCreated { fire_at_ms } => format!("a timer for {fire_at_ms} ms"),
        Event::EventAwaited { name } => format!("a wait for event '{name}'"),
        Event::TaskCancelled { task } => format!("the cancelling of task {task}"),
        Event::ExecutionCompleted { output } => format!("the end with output {}", shorten(output)),
        Event::ExecutionFailed { failure } => format!("the end with failure '{}'", failure.message),
        other => format!("{other:?}"),
    }
}

fn played(event: Option<&Event>) -> String {
    match event {
        None => "parked without any further command".into(),
        Some(event) => format!("asked for {}", describe(Some(event))),
    }
}

fn shorten(payload: &Payload) -> String {
    let text = payload.as_str();
    match text.char_indices().nth(80) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
    }
}

fn likely_cause(expected: Option<&Event>, found: Option<&Event>) -> &'static str {
    match (expected, found) {
        (Some(Event::TaskScheduled { name: a, .. }), Some(Event::TaskScheduled { name: b, .. })) if a == b => {
            "the activity's input is computed from something that differs between plays (iteration order, a value of the host, changed code)"
        }
        (Some(Event::TimerCreated { .. }), Some(Event::TimerCreated { .. })) => {
            "the timer's delay is not computed from the input, the history and the orchestration's own clock alone"
        }
        (None, Some(_)) | (Some(_), None) => {
            "a command was added or removed in code that this instance had already run"
        }
        _ => "the orchestrator's code was changed or reordered where this instance had already run it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ActivityOptions;

    fn call(name: &str, input: &str) -> Event {
        let input = Payload::parse(input).expect("json");
        Event::TaskScheduled { name: name.into(), input, options: ActivityOptions::default() }
    }

    #[test]
    fn equal_commands_match_and_leave_nothing_over() {
        let mut expected = Expected::new(vec![call("A", "1"), call("B", "2")]);
        assert_eq!(expected.check(0, 1, &call("A", "1")), Ok(()));
        assert_eq!(expected.check(1, 1, &call("B", "2")), Ok(()));
        assert_eq!(expected.finish(2, 1), Ok(()));
    }

    #[test]
    fn a_failure_that_was_recorded_without_its_activity_is_the_same_one() {
        let failed = |failure: Failure| Event::ExecutionFailed { failure };
        let (old, new) = (failed(Failure::new("k", "boom")), failed(Failure::new("k", "boom").of_activity("Y")));
        for (recorded, found, same) in [(&old, &new, true), (&new, &new, true), (&new, &old, false)] {
            assert_eq!(Expected::new(vec![recorded.clone()]).check(0, 1, found).is_ok(), same, "{recorded:?}");
        }
        let other = failed(Failure::new("k", "bang").of_activity("Y"));
        Expected::new(vec![old]).check(0, 1, &other).expect_err("another failure");
    }

    #[test]
    fn a_mismatch_shows_index_expected_found_and_a_cause() {
        let mut expected = Expected::new(vec![call("A", "1")]);
        let text = expected.check(4, 2, &call("A", "2")).expect_err("differs").to_string();
        for part in ["command 4 (turn 2)", "'A' with input 1", "'A' with input 2", "input is computed"] {
            assert!(text.contains(part), "{text}");
        }
        let text = Expected::new(vec![call("A", "1")]).finish(0, 1).expect_err("left over").to_string();
        assert!(text.contains("parked without any further command"), "{text}");
    }
}
