//! Why an instance should look whether there is a turn to play.

use crate::caller::Run;
use crate::fate::Fate;
use dacapo_core::{Event, InboxEntry};
use dacapo_store::{InstanceKey, NewInstance};

/// What the slot of an instance is told.
pub(crate) enum Message {
    /// It was created; its opening is durable.
    Created(Box<Created>),
    /// It was purged.
    Purged(InstanceKey),
    /// An event is in its inbox.
    Inbox { key: InstanceKey, entry: InboxEntry },
    /// An activity has ended.
    Result(RunResult),
    /// It is on another version now.
    Moved(InstanceKey),
    /// Its timer is due, it is to be tried again, or it was found with work at the start.
    Wake,
}

impl Message {
    /// Whether it is taken in even while the runtime closes: what an activity with effects has come to would have to be
    /// done again.
    pub(crate) fn outlasts_closing(&self) -> bool {
        matches!(self, Message::Result(_))
    }
}

/// An instance that was created a moment ago; its opening is durable.
pub(crate) struct Created {
    pub(crate) key: InstanceKey,
    pub(crate) epoch: u64,
    pub(crate) new: NewInstance,
}

/// What a run of an activity has come to. Not durable before a turn that takes it in is.
pub(crate) struct RunResult {
    pub(crate) run: Run,
    pub(crate) event: Event,
    /// That of the turn that has asked for the run.
    pub(crate) fate: Fate,
}
