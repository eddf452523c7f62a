//! What of a failed execution still counts once it is rewound: a pure function of its history.

use crate::arrival::{Arrival, Source};
use crate::event::Event;
use crate::history::StoredTurn;
use std::collections::HashSet;

/// Where a failed execution goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewind {
    /// The first turn that does not count any more.
    pub from_turn: u64,
    /// What arrived from that turn on and still counts, in order.
    pub arrivals: Vec<Event>,
}

impl Rewind {
    /// Says in the `ExecutionRewound` among `arrivals` from which turn on the history does not count any more, and puts
    /// behind it what still does. `false`: nobody has rewound it.
    pub fn join(self, arrivals: &mut Vec<Arrival>) -> bool {
        let at = arrivals.iter().position(|arrival| matches!(arrival.event, Event::ExecutionRewound { .. }));
        let Some(at) = at else { return false };
        if let Event::ExecutionRewound { from_turn, .. } = &mut arrivals[at].event {
            *from_turn = Some(self.from_turn);
        }
        let again = |event| Arrival { from: Source::History, execution: None, event };
        arrivals.splice(at + 1..at + 1, self.arrivals.into_iter().map(again));
        true
    }
}

/// The turns that count, of all that were recorded.
pub fn effective(recorded: Vec<StoredTurn>) -> Vec<StoredTurn> {
    let mut turns: Vec<StoredTurn> = Vec::with_capacity(recorded.len());
    for turn in recorded {
        if let Some(from_turn) = rewound_from(&turn) {
            turns.truncate(turns.partition_point(|earlier| earlier.seq < from_turn));
        }
        turns.push(turn);
    }
    turns
}

fn rewound_from(turn: &StoredTurn) -> Option<u64> {
    turn.record.events.iter().find_map(|event| match event {
        Event::ExecutionRewound { from_turn, .. } => *from_turn,
        _ => None,
    })
}

/// Rewinds a failed execution of which `turns` count.
///
/// Failures that the orchestrator did nothing about (the turns from the first of them to the end hold no command) are
/// taken back, and with them nothing but the end. Where it did something, a compensation say, the last failure is taken
/// back, and everything that was commanded from its turn on. Where nothing failed but the orchestrator itself, its last
/// turn is played again. Whatever succeeded and was asked for before the first turn that is taken back still counts.
pub fn rewind(turns: &[StoredTurn]) -> Rewind {
    let failures = |turn: &StoredTurn| final_failures(&turn.record.events);
    let last = turns.len().saturating_sub(1);
    let idle_tail = turns[..last].iter().rposition(|turn| !is_idle(turn)).map_or(1, |at| at + 1).min(last);
    let from = (idle_tail..turns.len())
        .find(|at| !failures(&turns[*at]).is_empty())
        .or_else(|| (1..last).rev().find(|at| !failures(&turns[*at]).is_empty()))
        .unwrap_or(last);
    let commands =
        turns[..from].iter().flat_map(|turn| &turn.record.events).filter(|event| !event.is_arrival()).count();
    let known = |event: &Event| event.task().is_none_or(|task| (task.0 as usize) < commands);
    let arrivals = turns[from..].iter().flat_map(|turn| {
        let failed = failures(turn);
        let arrived = turn.record.events.iter().enumerate().filter(|(_, event)| event.is_arrival());
        arrived.filter(move |(at, _)| !failed.contains(at)).map(|(_, event)| event)
    });
    let counts = |event: &&Event| known(event) && !matches!(event, Event::ExecutionRewound { .. });
    Rewind {
        from_turn: turns.get(from).map_or(1, |turn| turn.seq),
        arrivals: arrivals.filter(counts).cloned().collect(),
    }
}

/// Whether the orchestrator asked for nothing in this turn; that it stopped waiting is nothing.
fn is_idle(turn: &StoredTurn) -> bool {
    let mut commands = turn.record.events.iter().filter(|event| !event.is_arrival());
    commands.all(|event| matches!(event, Event::TaskCancelled { .. } | Event::ExecutionFailed { .. }))
}

/// Positions of the failures that no further attempt follows.
fn final_failures(events: &[Event]) -> HashSet<usize> {
    let retried: HashSet<u32> = events
        .iter()
        .filter_map(|event| match event {
            Event::RetryScheduled { task, .. } => Some(task.0),
            _ => None,
        })
        .collect();
    let is_final = |event: &Event| match event {
        Event::TaskFailed { task, .. } | Event::ChildFailed { task, .. } => !retried.contains(&task.0),
        _ => false,
    };
    events.iter().enumerate().filter(|(_, event)| is_final(event)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ActivityOptions, Failure, Payload, Rules, TaskId, TurnRecord};

    fn call(name: &str) -> Event {
        Event::TaskScheduled { name: name.into(), input: Payload::null(), options: ActivityOptions::default() }
    }

    fn completed(task: u32) -> Event {
        Event::TaskCompleted { task: TaskId(task), result: Payload::null() }
    }

    fn failed(task: u32) -> Event {
        Event::TaskFailed { task: TaskId(task), failure: Failure::new("app", "no") }
    }

    fn ended() -> Event {
        Event::ExecutionFailed { failure: Failure::new("app", "no") }
    }

    fn history(turns: &[&[Event]]) -> Vec<StoredTurn> {
        let opening = Event::ExecutionStarted { name: "X".into(), input: Payload::null(), rules: Rules::CURRENT };
        let turns = std::iter::once([opening].to_vec()).chain(turns.iter().map(|events| events.to_vec()));
        let stored = |(seq, events)| StoredTurn { seq: seq as u64, record: TurnRecord::new(1, events) };
        turns.enumerate().map(stored).collect()
    }

    #[test]
    fn a_failure_that_ended_it_is_taken_back_and_what_succeeded_stays() {
        let turns = history(&[&[call("A")], &[completed(0), call("B")], &[failed(1), ended()]]);
        assert_eq!(rewind(&turns), Rewind { from_turn: 3, arrivals: vec![] });
    }

    #[test]
    fn of_a_fan_out_all_failures_are_taken_back_and_successes_between_them_stay() {
        let turns = history(&[
            &[call("A"), call("B"), call("C"), call("D")],
            &[completed(0)],
            &[failed(1)],
            &[completed(2)],
            &[failed(3), ended()],
        ]);
        assert_eq!(rewind(&turns), Rewind { from_turn: 3, arrivals: vec![completed(2)] });
    }

    #[test]
    fn where_it_was_compensated_the_failure_and_its_compensation_are_taken_back() {
        let turns =
            history(&[&[call("A"), call("B")], &[completed(0)], &[failed(1), call("UndoA")], &[completed(2), ended()]]);
        assert_eq!(rewind(&turns), Rewind { from_turn: 3, arrivals: vec![] });
    }

    #[test]
    fn a_failure_that_was_dealt_with_long_before_the_end_stays_dealt_with() {
        let turns =
            history(&[&[call("A")], &[failed(0), call("B")], &[completed(1), call("C")], &[failed(2), ended()]]);
        assert_eq!(rewind(&turns), Rewind { from_turn: 4, arrivals: vec![] });
    }

    #[test]
    fn where_only_the_orchestrator_failed_its_last_turn_is_played_again() {
        let turns = history(&[&[call("A")], &[completed(0), ended()]]);
        assert_eq!(rewind(&turns), Rewind { from_turn: 2, arrivals: vec![completed(0)] });
        assert_eq!(rewind(&history(&[&[ended()]])), Rewind { from_turn: 1, arrivals: vec![] });
    }

    #[test]
    fn an_attempt_that_was_followed_by_another_is_no_failure() {
        let retried = Event::RetryScheduled { task: TaskId(0), attempt: 2, fire_at_ms: 9 };
        let fired = Event::TimerFired { task: TaskId(0) };
        let turns = history(&[&[call("A")], &[failed(0), retried], &[fired], &[failed(0), ended()]]);
        assert_eq!(rewind(&turns), Rewind { from_turn: 4, arrivals: vec![] });
    }

    #[test]
    fn turns_that_were_taken_back_do_not_count_and_it_can_be_rewound_again() {
        let rewound =
            |from_turn| Event::ExecutionRewound { reason: String::new(), from_turn: Some(from_turn), by: None };
        let mut recorded = history(&[&[call("A")], &[failed(0), ended()], &[rewound(2)], &[failed(0), ended()]]);
        let seqs = |turns: &[StoredTurn]| turns.iter().map(|turn| turn.seq).collect::<Vec<_>>();
        let turns = effective(recorded.clone());
        assert_eq!(seqs(&turns), [0, 1, 3, 4]);
        assert_eq!(rewind(&turns), Rewind { from_turn: 4, arrivals: vec![] });
        recorded.push(StoredTurn { seq: 5, record: TurnRecord::new(1, vec![rewound(4), completed(0)]) });
        assert_eq!(seqs(&effective(recorded)), [0, 1, 3, 5]);
    }
}
