//! What messages bring to an instance, sorted out, and how much of it one turn takes.

use super::{Created, Known};
use crate::activities::CallKey;
use crate::router::Message;
use dacapo_core::Event;
use dacapo_core::rewind::Rewind;
use dacapo_store::{InboxEntry, InstanceKey};
use std::collections::{BTreeMap, VecDeque};

/// Arrivals that one turn takes in at most. A record stays far below what a store can write in one piece.
const TURN_EVENTS: usize = 1_000;
/// Bytes of arrivals that one turn takes in at most; the first arrival is taken whatever its size.
const TURN_BYTES: usize = 8 << 20;

/// Everything that a batch of messages brings. What a turn has consumed is taken out; a turn that did not happen leaves
/// it as it was.
#[derive(Default)]
pub(super) struct Arrivals {
    pub(super) created: Option<Box<Created>>,
    /// Instances that were purged, or moved to another version: what is held of them is of no use any more.
    let_go: Vec<InstanceKey>,
    activities: VecDeque<(CallKey, Event)>,
    inbox: BTreeMap<(InstanceKey, u64), Event>,
}

/// What one turn takes in.
pub(super) struct Portion {
    pub(super) events: Vec<Event>,
    /// The number of the first inbox entry that is left.
    pub(super) inbox_next: u64,
    /// Activity results looked at: those of this execution are in `events`, the others are of no use to anybody.
    activities: usize,
}

impl Portion {
    /// Says from which turn on the instance is rewound, and adds what still counts. `false`: it was not rewound.
    pub(super) fn rewind(&mut self, rewind: Rewind) -> bool {
        let at = self.events.iter().position(|event| matches!(event, Event::ExecutionRewound { .. }));
        let Some(at) = at else { return false };
        if let Some(Event::ExecutionRewound { from_turn, .. }) = self.events.get_mut(at) {
            *from_turn = Some(rewind.from_turn);
        }
        self.events.splice(at + 1..at + 1, rewind.arrivals);
        true
    }
}

impl Arrivals {
    pub(super) fn of(messages: Vec<Message>) -> Self {
        let mut arrivals = Self::default();
        for message in messages {
            match message {
                Message::Created(created) => arrivals.created = Some(created),
                Message::Purged(key) | Message::Moved(key) => arrivals.let_go.push(key),
                Message::Inbox { key, seq, event } => arrivals.take_in(key, [InboxEntry { seq, event }]),
                // The turn that asked for it never happened; whoever asks now asks anew.
                Message::Activity { fate, .. } if fate.is_lost() => {}
                Message::Activity { key, generation, task, event, fate: _ } => {
                    arrivals.activities.push_back(((key, generation, task), event));
                }
                Message::Wake => {}
            }
        }
        arrivals
    }

    /// Takes in inbox entries; one that is known already is the same one, read from the store.
    pub(super) fn take_in(&mut self, key: InstanceKey, entries: impl IntoIterator<Item = InboxEntry>) {
        self.inbox.extend(entries.into_iter().map(|entry| ((key, entry.seq), entry.event)));
    }

    pub(super) fn has_let_go(&self, key: InstanceKey) -> bool {
        self.let_go.contains(&key)
    }

    /// Activity calls whose results these are.
    pub(super) fn activity_keys(&self) -> impl Iterator<Item = CallKey> + '_ {
        self.activities.iter().map(|(key, _)| *key)
    }

    /// Whether the instance is to end, whatever else waits.
    pub(super) fn termination(&self, known: &Known) -> Option<(String, bool, u64)> {
        self.waiting(known).find_map(|(seq, event)| match event {
            Event::ExecutionTerminated { reason, recursive } => Some((reason.clone(), *recursive, seq + 1)),
            _ => None,
        })
    }

    /// The instance's inbox, from the first entry on that no turn has consumed, without a gap: what comes after a gap is
    /// of an earlier look at the store.
    fn waiting(&self, known: &Known) -> impl Iterator<Item = (u64, &Event)> {
        let (key, mut next) = (known.fence.key, known.inbox_next);
        let entries = self.inbox.range((key, next)..=(key, u64::MAX)).map(|((_, seq), event)| (*seq, event));
        entries.take_while(move |(seq, _)| {
            let follows = *seq == next;
            next += 1;
            follows
        })
    }

    /// What the next turn takes in; with `inbox_first` the inbox alone.
    pub(super) fn portion(&self, known: &Known, inbox_first: bool) -> Portion {
        let execution = (known.fence.key, known.fence.generation);
        let mut portion = Portion { events: Vec::new(), inbox_next: known.inbox_next, activities: 0 };
        let mut bytes = 0;
        let mut has_room = |portion: &mut Portion, event: &Event| {
            bytes += event.size_bytes();
            let room = portion.events.is_empty() || (portion.events.len() < TURN_EVENTS && bytes <= TURN_BYTES);
            if room {
                portion.events.push(event.clone());
            }
            room
        };
        let activities = self.activities.iter().filter(|_| !inbox_first);
        for ((key, generation, _), event) in activities {
            if (*key, *generation) == execution && !has_room(&mut portion, event) {
                return portion;
            }
            portion.activities += 1;
        }
        for (seq, event) in self.waiting(known) {
            if !has_room(&mut portion, event) {
                break;
            }
            portion.inbox_next = seq + 1;
        }
        portion
    }

    /// A turn has consumed `portion`: the calls whose results it took.
    pub(super) fn consumed(&mut self, key: InstanceKey, portion: &Portion) -> Vec<CallKey> {
        self.inbox.retain(|(k, seq), _| *k != key || *seq >= portion.inbox_next);
        self.activities.drain(..portion.activities).map(|(call, _)| call).collect()
    }

    /// Whether anything is left for one more turn of this execution.
    pub(super) fn has_more(&self, known: &Known) -> bool {
        let execution = (known.fence.key, known.fence.generation);
        self.activities.iter().any(|((k, g, _), _)| (*k, *g) == execution) || self.waiting(known).next().is_some()
    }
}
