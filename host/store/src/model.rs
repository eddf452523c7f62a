//! What is kept: instances, turns, inbox entries, modules.

use dacapo_core::{InboxEntry, InstanceId, Payload, RuntimeStatus, StoredTurn, TaskId, Untaken};
use serde::{Deserialize, Serialize};

/// The key of one instance in its store; an id that is used again has another key. Keys ascend with creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceKey(pub i64);

impl InstanceKey {
    /// Before every key.
    pub const ZERO: InstanceKey = InstanceKey(0);
}

/// The key of one version of a module in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionId(pub i64);

/// One instance, without its input and history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its key.
    pub key: InstanceKey,
    /// Its id.
    pub id: InstanceId,
    /// The orchestrator, as the client spelt it.
    pub name: String,
    /// The module version it is pinned to.
    pub version: VersionId,
    /// Where it stands.
    pub status: RuntimeStatus,
    /// Its current execution.
    pub generation: u32,
    /// Grows whenever what somebody holds of this instance in memory becomes invalid.
    pub epoch: u64,
    /// The number of the next record of the current execution.
    pub next_seq: u64,
    /// Created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// The time of the last turn, in milliseconds since 1970.
    pub updated_at_ms: u64,
    /// The custom status; `None` until one is set and after one was cleared.
    pub custom_status: Option<Payload>,
    /// The output; `None` until the instance has ended.
    pub output: Option<Payload>,
    /// When the next timer fires.
    pub wake_at_ms: Option<u64>,
    /// Whether activities are in flight.
    pub open_activities: bool,
    /// How many events were ever delivered to the inbox: the number of the next one.
    pub inbox_next: u64,
    /// How many of them turns have consumed.
    pub inbox_done: u64,
    /// What waits in the inbox holds so many bytes, as it is kept.
    pub inbox_bytes: u64,
    /// Events that turns have taken in and its flow has not.
    pub untaken: Untaken,
    /// Who started it, if that was another instance.
    pub parent: Option<Parent>,
}

/// The call that started an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The caller.
    pub key: InstanceKey,
    /// Its id at that time.
    pub id: InstanceId,
    /// Its execution.
    pub generation: u32,
    /// The call's task in it.
    pub task: TaskId,
    /// Whether the caller waits for the end, and takes the child along when it is terminated.
    pub waits: bool,
}

/// The definition behind [`Instance::has_work`].
pub(crate) fn has_work(status: RuntimeStatus, next_seq: u64, open_activities: bool, waiting_events: u64) -> bool {
    let first_turn = status == RuntimeStatus::Pending || next_seq <= 1;
    !status.is_finished() && (first_turn || open_activities || waiting_events > 0)
}

impl Instance {
    /// Whether there is something to do now: a first turn to play, activities in flight, a filled inbox. This is the
    /// definition; a store's index must agree with it.
    pub fn has_work(&self) -> bool {
        let waiting_events = self.inbox_next - self.inbox_done;
        has_work(self.status, self.next_seq, self.open_activities, waiting_events)
    }

    /// What a turn that builds on this state has to name.
    pub fn fence(&self) -> Fence {
        Fence { key: self.key, epoch: self.epoch, generation: self.generation, next_seq: self.next_seq }
    }
}

/// What the writer of a turn believes; if any of it is not so, the turn is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The instance.
    pub key: InstanceKey,
    /// Its epoch.
    pub epoch: u64,
    /// Its execution.
    pub generation: u32,
    /// The number that the turn's record gets.
    pub next_seq: u64,
}

/// An instance with all that is kept of its present execution.
#[derive(Debug)]
pub struct Stored {
    /// The instance.
    pub instance: Instance,
    /// The records of its execution, in order. An error of theirs, or of whatever else of the instance cannot be read, does
    /// not keep the rest from being read.
    pub history: crate::Result<Vec<StoredTurn>>,
    /// What waits in its inbox, in order.
    pub inbox: Vec<InboxEntry>,
}

/// One version of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleVersion {
    /// Its key.
    pub id: VersionId,
    /// The module.
    pub module: String,
    /// 1, 2, 3, ... within the module, never used twice.
    pub version: u32,
    /// SHA-256 of the component, lower-case hex.
    pub digest: String,
    /// Bytes of the component.
    pub size_bytes: u64,
    /// Orchestrators, in the module's order.
    pub orchestrators: Vec<String>,
    /// Activities, in the module's order.
    pub activities: Vec<String>,
    /// What the component imports.
    pub imports: Vec<String>,
    /// Deployed, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Whether new starts take it: true for one version of a module, the one that was deployed last.
    pub active: bool,
}

/// What a module can export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FunctionKind {
    /// A flow.
    Orchestrator,
    /// A function with side effects.
    Activity,
}

impl FunctionKind {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Activity => "activity",
        }
    }
}
