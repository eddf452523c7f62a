//! What can be written, and what a store answers.

use crate::model::{Fence, FunctionKind, InstanceKey, ModuleVersion, Parent, VersionId};
use dacapo_core::{By, Event, InboxEntry, InstanceId, Payload, RuntimeStatus, TurnOutcome, TurnRecord, Untaken};

/// One write of a batch. Each that is about one instance is refused with `Unreadable` where its row cannot be read.
#[derive(Clone, Debug)]
pub enum Write {
    /// Create an instance, with its opening record.
    /// Refused: `InstanceExists` (an unfinished one has the id), `UnknownVersion`.
    /// A finished instance with the id is purged in the same stroke.
    Create(NewInstance),
    /// Commit a turn: append its record, take its arrivals out of the inbox, set what it changed.
    /// A turn that ends the instance also ends its timers, its activities and what is left in its inbox.
    /// Refused: `UnknownVersion`, of a child or the next execution; `ReceiverFull`; `Fenced`; also on an instance that has ended, and when `inbox_done` is less than what is consumed already, or more than was delivered.
    Turn(TurnWrite),
    /// Put an event into an instance's inbox.
    /// Refused: `UnknownInstance`, `Finished`, `InboxFull`.
    Deliver(Delivery),
    /// Let a failed instance go on: it runs again, without an output, with an `ExecutionRewound` in its inbox.
    /// Refused: `UnknownInstance`, `NotFailed`, `UnknownVersion` (a failed instance does not keep its version).
    Reopen {
        /// The instance.
        id: InstanceId,
        /// What somebody said.
        reason: String,
        /// Who did.
        by: By,
    },
    /// Take entries out of an inbox that are of no use to anybody: no turn wants them. Nothing else changes.
    /// Refused: `Fenced`, as for a turn.
    Discard {
        /// The instance as it stands.
        fence: Fence,
        /// How many entries are consumed after it, counted from the instance's creation.
        inbox_done: u64,
    },
    /// Pin an instance to another version. What anybody holds of it in memory becomes invalid: its epoch grows.
    /// Refused: `UnknownVersion`; `Fenced`; `Finished`, unless it has failed (it may be rewound there).
    Repin {
        /// What was looked at before it was decided.
        fence: Fence,
        /// The version.
        version: VersionId,
    },
    /// Delete an instance with all that belongs to it. A parent that waits for it learns that it is gone.
    /// Refused: `UnknownInstance`, or `Unfinished` or `Unreadable` unless `force`.
    Purge {
        /// The instance.
        id: InstanceId,
        /// Delete it even while it runs, or when it cannot be read.
        force: bool,
        /// Only if it has this key; an instance that took the id since is as good as unknown.
        only: Option<InstanceKey>,
    },
    /// Add a version to a module and make it the active one. The same digest as one of the module's versions: that
    /// version becomes active again, and nothing is added.
    /// Refused: `NameTaken`, when the active version of *another* module exports a function of the same kind and name
    /// (ignoring case).
    AddModule(NewModule),
    /// Make a version the active one of its module.
    /// Refused: `UnknownVersion`, `NameTaken` as for `AddModule`.
    Activate(VersionId),
    /// Delete a version (and the component, once no version has its digest).
    /// Refused: `UnknownVersion`, `Pinned` while unfinished instances are on it.
    /// If it was the active one, the newest that is left becomes active; refused with `NameTaken` where another module
    /// exports one of that one's functions by now.
    DeleteVersion(VersionId),
}

/// A new instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInstance {
    /// Its id.
    pub id: InstanceId,
    /// The orchestrator, as the client spelt it.
    pub name: String,
    /// The module version it is pinned to.
    pub version: VersionId,
    /// The record that opens its history, as number 0.
    pub opening: TurnRecord,
    /// Who starts it, if that is another instance.
    pub parent: Option<Parent>,
}

/// A turn to commit.
#[derive(Clone, Debug)]
pub struct TurnWrite {
    /// What it builds on.
    pub fence: Fence,
    /// How many inbox entries are consumed after it, counted from the instance's creation.
    pub inbox_done: u64,
    /// The record to append, already encoded: the turn's own thread did that, not the one that writes.
    pub record: Vec<u8>,
    /// The time of the turn.
    pub at_ms: u64,
    /// The status after it.
    pub status: RuntimeStatus,
    /// The custom status, where the turn set one; `null` clears it.
    pub custom_status: Option<Payload>,
    /// The output, where the instance ended.
    pub output: Option<Payload>,
    /// Events that turns have taken in and its flow has not.
    pub untaken: Untaken,
    /// When the next timer fires.
    pub wake_at_ms: Option<u64>,
    /// Whether activities are in flight after the turn.
    pub open_activities: bool,
    /// The execution that follows this one, which ends with the turn; the instance does not. What was recorded of this one is deleted.
    pub next: Option<NextExecution>,
    /// What other instances, or this one, get in the same transaction; it is done in order, after the turn itself.
    pub outbox: Vec<OutboxEntry>,
}

/// The beginning of the next execution of an instance.
#[derive(Clone, Debug)]
pub struct NextExecution {
    /// The record that opens its history, already encoded.
    pub opening: Vec<u8>,
    /// The module version it is pinned to.
    pub version: VersionId,
}

/// What a turn sends. That a receiver is not there (any more) is no fault of the turn.
#[derive(Clone, Debug)]
pub enum OutboxEntry {
    /// Start a child. Its parent must be the instance whose turn this is.
    ///
    /// An instance that the same call has started before: one that has not ended is left alone; with `rewind` one that
    /// has failed (on a version that is still there) is reopened, and of one that has completed the sender gets the
    /// `ChildCompleted` again. In all other cases one that has ended makes way, as for `Create`.
    /// An unfinished instance of somebody else: the sender gets a `ChildFailed`.
    /// A sender that does not wait gets a `ChildCompleted` with the id, once the child is there.
    Start {
        /// The child.
        new: NewInstance,
        /// The reason with which the sender was rewound.
        rewind: Option<String>,
    },
    /// Put an event into the inbox of whoever has an id. Dropped where nobody unfinished has it; where the receiver has no
    /// room for it the turn is refused.
    Event(Delivery),
    /// Put the end of a child into its parent's inbox, addressed to the execution that waits. Dropped where that has ended.
    Ended {
        /// The parent.
        parent: Parent,
        /// What it learns.
        event: Event,
    },
    /// Put an event into the sender's own inbox, addressed to the execution whose turn this is. Dropped where the turn ends
    /// that.
    ToSelf(Event),
    /// Put an `ExecutionTerminated` into the inbox of every unfinished child that the sender waits for.
    EndChildren {
        /// The reason.
        reason: String,
        /// The sender.
        by: By,
    },
}

/// What became of something that was sent, for those who have to be woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// An instance was created.
    Created {
        /// Its key.
        key: InstanceKey,
        /// Its epoch.
        epoch: u64,
        /// What it was created of.
        new: NewInstance,
    },
    /// An event is in an inbox.
    Delivered {
        /// The receiver.
        id: InstanceId,
        /// Its key.
        key: InstanceKey,
        /// What it got.
        entry: InboxEntry,
    },
}

impl TurnWrite {
    /// The write that commits `outcome` on top of `fence`.
    pub fn of(fence: Fence, inbox_done: u64, outcome: &TurnOutcome) -> Self {
        Self {
            fence,
            inbox_done,
            record: outcome.record.encode(),
            at_ms: outcome.record.at_ms,
            status: outcome.status,
            custom_status: outcome.record.custom_status.clone(),
            output: outcome.output.clone(),
            untaken: outcome.untaken,
            wake_at_ms: outcome.wake_at_ms,
            open_activities: outcome.has_open_activities,
            next: None,
            outbox: Vec::new(),
        }
    }
}

/// An event for an instance.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The receiver.
    pub id: InstanceId,
    /// What it gets.
    pub event: Event,
    /// How many events the inbox may hold, this one included.
    pub limit: u64,
    /// How many events the instance may have been given and not taken, this one included: those in its inbox, and those
    /// that turns have taken in and its flow has not.
    pub limit_untaken: u64,
    /// How many bytes these may hold. The first one is taken whatever its size.
    pub limit_bytes: u64,
}

/// A module to add. The store assigns the version's key and number.
#[derive(Clone, Debug)]
pub struct NewModule {
    /// The module's name.
    pub module: String,
    /// SHA-256 of the component, lower-case hex.
    pub digest: String,
    /// The component.
    pub component: Vec<u8>,
    /// Orchestrators.
    pub orchestrators: Vec<String>,
    /// Activities.
    pub activities: Vec<String>,
    /// What the component imports.
    pub imports: Vec<String>,
    /// When, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// What a store did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The instance exists.
    Created {
        /// Its key.
        key: InstanceKey,
        /// Its epoch.
        epoch: u64,
    },
    /// The turn is part of the history, and what it sent is where it belongs.
    Turned {
        /// What others got.
        sent: Vec<Sent>,
    },
    /// The event is in the inbox.
    Delivered {
        /// The receiver.
        key: InstanceKey,
        /// The entry's number.
        seq: u64,
    },
    /// The entries are gone.
    Discarded,
    /// The instance is gone.
    Purged {
        /// The key it had.
        key: InstanceKey,
        /// What its parent got.
        sent: Vec<Sent>,
    },
    /// The module has this version, and it is active.
    ModuleAdded {
        /// The version.
        version: ModuleVersion,
        /// Whether it is new.
        added: bool,
        /// All versions of the module, by number.
        versions: Vec<ModuleVersion>,
    },
    /// The instance is on the version.
    Repinned,
    /// The version is active, or gone.
    ModuleChanged {
        /// All versions that the module has now, by number.
        versions: Vec<ModuleVersion>,
    },
}

/// Why a write was refused; it changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Somebody else moved the instance on, or it is gone: forget what you hold of it.
    #[error("the instance has moved on since this turn began")]
    Fenced,
    /// An unfinished instance has this id.
    #[error("an instance with this id is {status}")]
    InstanceExists {
        /// Where it stands.
        status: RuntimeStatus,
    },
    /// No instance has this id.
    #[error("no instance has this id")]
    UnknownInstance,
    /// The instance has ended.
    #[error("the instance is {status}")]
    Finished {
        /// How.
        status: RuntimeStatus,
    },
    /// The instance has not ended.
    #[error("the instance is {status}")]
    Unfinished {
        /// Where it stands.
        status: RuntimeStatus,
    },
    /// What is kept of the instance cannot be read.
    #[error("what is kept of the instance cannot be read: {what}; a purge with force removes it")]
    Unreadable {
        /// What, and why.
        what: String,
    },
    /// Only a failed instance can be rewound.
    #[error("the instance is {status}, not Failed")]
    NotFailed {
        /// Where it stands.
        status: RuntimeStatus,
    },
    /// The instance has been given as many events as it may have and not take.
    #[error("the instance has not taken what it was given: {limit} is the limit `{setting}`")]
    InboxFull {
        /// `inbox_events`, `inbox_bytes`, or `untaken_events`.
        setting: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A turn raises an event that its receiver has no room for. Nothing of the turn has happened.
    #[error(
        "The event '{event}' cannot be sent to '{receiver}', which has not taken what it was given: {limit} is the limit \
         `{setting}`. Nothing of the turn that sends it has happened."
    )]
    ReceiverFull {
        /// Whose turn it is.
        sender: InstanceKey,
        /// Who has no room.
        receiver: InstanceId,
        /// The event's name.
        event: String,
        /// `inbox_events`, `inbox_bytes`, or `untaken_events`.
        setting: &'static str,
        /// The limit.
        limit: u64,
    },
    /// No such module version.
    #[error("no such module version")]
    UnknownVersion,
    /// Unfinished instances are on the version.
    #[error("{instances} unfinished instances are pinned to this version")]
    Pinned {
        /// How many.
        instances: u64,
    },
    /// Another module exports the function.
    #[error("the {} '{function}' is already exported by module '{module}'", kind.as_str())]
    NameTaken {
        /// What it is.
        kind: FunctionKind,
        /// Its name, as the new module spells it.
        function: String,
        /// Whose it is.
        module: String,
    },
}
