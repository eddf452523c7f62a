//! What messages bring to an instance, sorted out.

use super::Created;
use crate::activities::CallKey;
use crate::router::Message;
use dacapo_core::Event;
use dacapo_store::{InboxEntry, InstanceKey};

/// Everything that a batch of messages brings. Kept across attempts, since a turn may have to be tried again.
#[derive(Default)]
pub(super) struct Arrivals {
    pub(super) created: Option<Box<Created>>,
    activities: Vec<(CallKey, Event)>,
    inbox: Vec<(InstanceKey, InboxEntry)>,
}

/// The part of the inbox that a turn consumes.
pub(super) struct Inbox {
    pub(super) events: Vec<Event>,
    /// The number of the first entry that is left.
    pub(super) next: u64,
}

impl Arrivals {
    pub(super) fn of(messages: Vec<Message>) -> Self {
        let mut arrivals = Self::default();
        for message in messages {
            match message {
                Message::Created(created) => arrivals.created = Some(created),
                Message::Inbox { key, seq, event } => arrivals.inbox.push((key, InboxEntry { seq, event })),
                // The turn that asked for it never happened; whoever asks now asks anew.
                Message::Activity { fate, .. } if fate.is_lost() => {}
                Message::Activity { key, generation, task, outcome, fate: _ } => {
                    let event = match outcome {
                        Ok(result) => Event::TaskCompleted { task, result },
                        Err(failure) => Event::TaskFailed { task, failure },
                    };
                    arrivals.activities.push(((key, generation, task), event));
                }
                Message::Wake => {}
            }
        }
        arrivals
    }

    /// Activity calls whose results these are.
    pub(super) fn activity_keys(&self) -> impl Iterator<Item = CallKey> + '_ {
        self.activities.iter().map(|(key, _)| *key)
    }

    /// Results for this execution.
    pub(super) fn activities_for(&self, key: InstanceKey, generation: u32) -> Vec<Event> {
        let ours = self.activities.iter().filter(|((k, g, _), _)| (*k, *g) == (key, generation));
        ours.map(|(_, event)| event.clone()).collect()
    }

    /// The inbox of this instance from entry `next` on: what was `stored` when it was loaded, then what came by message.
    /// Messages come in order, so that one that does not follow was read from the store before.
    pub(super) fn inbox_for(&self, key: InstanceKey, mut next: u64, stored: Vec<InboxEntry>) -> Inbox {
        let sent = self.inbox.iter().filter(|(k, _)| *k == key).map(|(_, entry)| entry.clone());
        let mut events = Vec::new();
        for entry in stored.into_iter().chain(sent) {
            if entry.seq == next {
                events.push(entry.event);
                next += 1;
            }
        }
        Inbox { events, next }
    }
}

/// The reason of the first termination among `events`.
pub(super) fn termination(events: &[Event]) -> Option<String> {
    events.iter().find_map(|event| match event {
        Event::ExecutionTerminated { reason } => Some(reason.clone()),
        _ => None,
    })
}
