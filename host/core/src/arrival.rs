//! What comes to an instance from outside: one event, with where it came from and for which execution it is.

use crate::event::Event;
use crate::inbox::InboxEntry;

/// One arrival. A turn takes it in, or drops it and says why; either way it has been consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it came from.
    pub from: Source,
    /// The execution that it is for; `None`: whichever is current.
    pub execution: Option<u32>,
    /// What happened.
    pub event: Event,
}

/// Where an arrival came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The inbox, as the entry with this number.
    Inbox(u64),
    /// A run of an activity: this one of its call, from 1. Not durable before a turn has taken it in.
    Activity {
        /// See [`crate::ActivityCall::run`].
        run: u32,
    },
    /// The history: what a rewind repeats.
    History,
}

/// An arrival that no turn wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// What came.
    pub arrival: Arrival,
    /// Why it is of no use to anybody.
    pub why: String,
}

impl From<InboxEntry> for Arrival {
    fn from(entry: InboxEntry) -> Self {
        Self { from: Source::Inbox(entry.seq), execution: entry.execution, event: entry.event }
    }
}
