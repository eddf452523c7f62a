//! Turns: begun with what arrived, live or from the history, and closed with what the guest did.

use super::tasks::Callee;
use super::{Mode, Orchestration, Stop, Turn};
use crate::arrival::{Arrival, Dropped, Source};
use crate::error::GuestFault;
use crate::event::Event;
use crate::history::{CorruptHistory, StoredTurn, TurnRecord};
use crate::replay::{Expected, Mismatch};
use crate::turn::{ChildStart, Outbound, TurnEnd, TurnOutcome, Untaken};

/// So far an instance's time may be ahead of the machine's clock: time does not run backwards within an instance when the
/// clock is set back a little. When it is set back by more, it had been wrong, and timers must not wait for that.
pub const MOST_AHEAD_MS: u64 = 60_000;

/// What [`Orchestration::begin_turn`] has made of what arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Whether there is a turn to play. If not, nothing has happened but that something was consumed.
    pub plays: bool,
    /// What of the inbox was consumed, taken in or dropped: everything before this number. `None`: nothing.
    pub inbox_done: Option<u64>,
    /// What was dropped.
    pub dropped: Vec<Dropped>,
}

impl Orchestration {
    /// Begins a live turn at `at_ms`: what arrived is taken in, or dropped where it is of no use to anybody; failed
    /// attempts that are followed by another one get its timer, due timers fire.
    pub fn begin_turn(&mut self, at_ms: u64, arrivals: Vec<Arrival>) -> Begun {
        let at_ms = at_ms.max(self.turn.at_ms.min(at_ms.saturating_add(MOST_AHEAD_MS)));
        self.turn = Turn::new(Mode::Live, at_ms);
        self.tasks.begin_turn(self.next_seq);
        let (mut rewound, mut dropped) = (false, Vec::new());
        for arrival in arrivals {
            rewound |= matches!(arrival.event, Event::ExecutionRewound { .. });
            if let Source::Inbox(seq) = arrival.from {
                self.turn.inbox_done = self.turn.inbox_done.max(Some(seq + 1));
            }
            match self.admit(&arrival) {
                Ok(()) => self.take_in(arrival.event),
                Err(why) => dropped.push(Dropped { arrival, why }),
            }
        }
        self.fire_due();
        if rewound {
            // What failed is asked for again. Of the children nobody knows here which ones that are: the store does.
            let again = self.tasks.open_children().map(|start| Outbound::Start(ChildStart { rewind: true, ..start }));
            self.turn.sends = again.collect();
        }
        self.turn.arrivals = self.turn.events.len();
        let plays = self.turn.arrivals > 0 || self.next_seq == 1;
        Begun { plays, inbox_done: self.turn.inbox_done, dropped }
    }

    /// Lets what arrived live have its effect. The error says why nobody wants it.
    fn admit(&mut self, arrival: &Arrival) -> Result<(), String> {
        let current = self.identity.generation;
        if let Some(execution) = arrival.execution.filter(|execution| *execution != current) {
            return Err(format!("it is for execution {execution}, and {current} is the current one"));
        }
        if let (Source::Activity { run }, Some(task)) = (arrival.from, arrival.event.task()) {
            self.tasks.check_run(task, run)?;
        }
        self.arrive(&arrival.event)
    }

    /// Records what was admitted, and that it is tried again where it has failed.
    fn take_in(&mut self, event: Event) {
        let failed = match &event {
            Event::TaskFailed { task, .. } | Event::ChildFailed { task, .. } => Some(*task),
            _ => None,
        };
        self.turn.events.push(event);
        if let Some(task) = failed
            && let Some((attempt, fire_at_ms)) = self.tasks.next_attempt(task, self.turn.at_ms)
        {
            let again = Event::RetryScheduled { task, attempt, fire_at_ms };
            self.arrive(&again).expect("it has just failed, and has a policy");
            self.turn.events.push(again);
        }
    }

    fn fire_due(&mut self) {
        let due = if self.suspended { Vec::new() } else { self.tasks.due_timers(self.turn.at_ms) };
        for task in due {
            let event = Event::TimerFired { task };
            self.arrive(&event).expect("a due timer is open");
            self.turn.events.push(event);
        }
    }

    /// Takes in one arrival of this turn. The error says why it cannot have arrived.
    fn arrive(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::ExecutionSuspended { .. } => self.suspended = true,
            Event::ExecutionResumed { .. } => self.suspended = false,
            Event::ExecutionRewound { .. } => {}
            event => match self.tasks.arrive(event)? {
                Some(Callee::Activity(call)) => self.turn.activities.push(call),
                Some(Callee::Child(start)) => self.turn.sends.push(Outbound::Start(start)),
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
        self.tasks.begin_turn(seq);
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
        let record = TurnRecord { custom_status: turn.custom_status, ..TurnRecord::new(at_ms, turn.events) };
        self.next_seq += 1;
        self.history_events += record.events.len();
        self.history_bytes += record.size_bytes();
        let goes_on = !ended.status.is_finished() && ended.next_execution.is_none();
        Ok(TurnOutcome {
            inbox_done: turn.inbox_done,
            untaken: if ended.status.is_finished() { Untaken::default() } else { self.tasks.untaken() },
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
}
