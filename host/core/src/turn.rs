//! What one turn leaves behind: the value that is committed.

use crate::error::Failure;
use crate::history::TurnRecord;
use crate::ids::TaskId;
use crate::payload::Payload;
use crate::status::RuntimeStatus;

/// How the guest's part of a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// Every path of the orchestrator waits.
    Parked,
    /// The orchestrator returned.
    Returned(Result<Payload, Failure>),
    /// The guest trapped or broke the contract; this is the failure to end with.
    Faulted(Failure),
}

/// An activity that a turn asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityCall {
    /// Its task.
    pub task: TaskId,
    /// The activity, as the orchestrator spelt it.
    pub name: String,
    /// Its input.
    pub input: Payload,
}

/// Everything a turn changes, to be committed in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnOutcome {
    /// What is appended to the history.
    pub record: TurnRecord,
    /// The status after the turn.
    pub status: RuntimeStatus,
    /// The custom status, where the turn set one; `null` clears it.
    pub custom_status: Option<Payload>,
    /// The output, where the instance ended.
    pub output: Option<Payload>,
    /// When the next timer fires.
    pub wake_at_ms: Option<u64>,
    /// Whether activities are in flight after the turn.
    pub has_open_activities: bool,
    /// Activities to run once the turn is durable.
    pub activities: Vec<ActivityCall>,
}

/// The output of an instance that failed, by the words of Durable Functions.
pub fn failed_output(orchestrator: &str, failure: &Failure) -> Payload {
    Payload::string(&format!("Orchestrator function '{orchestrator}' failed: {}", failure.message))
}
