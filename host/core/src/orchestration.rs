//! The state machine a guest talks to while it plays: feed it arrivals, let the guest ask, take the outcome.
//!
//! A turn is `begin_turn` (live) or `replay_turn` (from the history), then the guest's calls, then `finish_turn`.
//! Both kinds run the same code; replaying only adds that each command must equal the recorded one.

mod calls;
mod ends;
mod tasks;
mod turns;
mod watched;

pub use turns::{Begun, MOST_AHEAD_MS};

use crate::error::GuestFault;
use crate::event::Event;
use crate::history::{CorruptHistory, TurnRecord};
use crate::ids::Identity;
use crate::limits::Limits;
use crate::payload::Payload;
use crate::replay::{Expected, Mismatch};
use crate::rules::Rules;
use crate::turn::{ActivityCall, ChildStart, Outbound};
use std::collections::BTreeMap;
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
    suspended: bool,
    /// The activities whose failures the guest was handed, by what such a failure reads like.
    failed_activities: BTreeMap<[u8; 32], String>,
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
    inbox_done: Option<u64>,
    /// Commands since the guest was last given something from outside.
    commands: usize,
    payload_bytes: usize,
    custom_status: Option<Payload>,
    activities: Vec<ActivityCall>,
    sends: Vec<Outbound>,
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
            inbox_done: None,
            commands: 0,
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
    pub fn open(mut identity: Identity, limits: Limits, opening: TurnRecord) -> Result<Self, CorruptHistory> {
        let size_bytes = opening.size_bytes();
        let history_events = opening.events.len();
        let mut events = opening.events.into_iter();
        let Some(Event::ExecutionStarted { name, input, rules }) = events.next() else {
            return Err(CorruptHistory::NoOpening);
        };
        if !rules.is_known() {
            return Err(CorruptHistory::UnknownRules);
        }
        if rules.is_first() {
            identity.key = None;
        }
        let mut tasks = Tasks::new(rules);
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
            failed_activities: BTreeMap::new(),
            continue_with: None,
            turn: Turn::new(Mode::Live, opening.at_ms),
            stop: None,
        })
    }

    /// The opening record of an execution that is being created.
    pub fn opening(name: &str, input: Payload, at_ms: u64) -> TurnRecord {
        TurnRecord::new(at_ms, vec![Event::ExecutionStarted { name: name.to_owned(), input, rules: Rules::CURRENT }])
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
}
