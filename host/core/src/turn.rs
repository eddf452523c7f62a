//! What one turn leaves behind: the value that is committed.

use crate::error::Failure;
use crate::history::TurnRecord;
use crate::ids::{InstanceId, TaskId};
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
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The how-manieth run of the call it is, from 1: each attempt is one, and each time that it is asked whether what
    /// it has begun is done. A result is of one run, and of no use to another.
    pub run: u32,
    /// Past it the attempt fails with kind `timeout`, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// A child that a turn asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildStart {
    /// Its task.
    pub task: TaskId,
    /// The orchestrator, as its parent spelt it.
    pub name: String,
    /// Its input.
    pub input: Payload,
    /// The id it gets.
    pub instance_id: InstanceId,
    /// Its parent does not wait for its end.
    pub detached: bool,
    /// Its parent was rewound: a child that failed is rewound too, one that is at work is left alone, and of one that has
    /// completed the parent hears again.
    pub rewind: bool,
}

/// What a turn sends to other instances, in the same commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// Start a child.
    Start(ChildStart),
    /// Raise an event.
    Event {
        /// The receiver.
        instance_id: InstanceId,
        /// The event's name.
        name: String,
        /// Its data.
        data: Payload,
    },
}

/// Events that an instance has been given and that its flow has not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Untaken {
    /// How many.
    pub events: u64,
    /// What they hold, in bytes.
    pub bytes: u64,
}

/// Everything a turn changes, to be committed in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnOutcome {
    /// What of the inbox it has consumed, or dropped: everything before this number. `None`: nothing.
    pub inbox_done: Option<u64>,
    /// What is appended to the history.
    pub record: TurnRecord,
    /// Events that wait in its history for somebody to wait for them.
    pub untaken: Untaken,
    /// The status after the turn.
    pub status: RuntimeStatus,
    /// The output, where the instance ended.
    pub output: Option<Payload>,
    /// Why, where it failed.
    pub failure: Option<Failure>,
    /// The opening of the next execution, where the instance begins anew.
    pub next_execution: Option<TurnRecord>,
    /// When the next timer fires.
    pub wake_at_ms: Option<u64>,
    /// Whether activities are in flight after the turn.
    pub has_open_activities: bool,
    /// Activities to run once the turn is durable.
    pub activities: Vec<ActivityCall>,
    /// What other instances get.
    pub sends: Vec<Outbound>,
    /// The reason with which its unfinished children are terminated.
    pub ends_children: Option<String>,
}

/// The message of an orchestrator that failed, by the words of Durable Functions. What the orchestrator catches is the
/// activity's own message: flows compare it, and it has no name of the flow's to tell it.
fn failed_message(orchestrator: &str, Failure { message, activity, .. }: &Failure) -> String {
    match activity {
        Some(activity) => {
            format!("Orchestrator function '{orchestrator}' failed: Activity function '{activity}' failed: {message}")
        }
        None => format!("Orchestrator function '{orchestrator}' failed: {message}"),
    }
}

/// The output of an instance that failed.
pub fn failed_output(orchestrator: &str, failure: &Failure) -> Payload {
    Payload::string(&failed_message(orchestrator, failure))
}

/// What the parent of a child learns of its end. A failure carries the whole chain below it in its details.
pub fn child_outcome(
    orchestrator: &str,
    instance_id: &InstanceId,
    outcome: &TurnOutcome,
) -> Option<Result<Payload, Failure>> {
    let output = || outcome.output.clone().unwrap_or_else(Payload::null);
    match outcome.status {
        RuntimeStatus::Completed => Some(Ok(output())),
        RuntimeStatus::Failed => {
            let cause = outcome.failure.as_ref();
            let message = cause.map_or_else(|| output().to_string(), |cause| failed_message(orchestrator, cause));
            Some(Err(child_failure("child-failed", message, orchestrator, instance_id, cause)))
        }
        RuntimeStatus::Terminated | RuntimeStatus::Canceled => {
            let message = format!("Orchestrator function '{orchestrator}' was terminated: {}", output());
            Some(Err(child_failure("child-terminated", message, orchestrator, instance_id, None)))
        }
        _ => None,
    }
}

/// A failure that a parent sees of its child.
pub fn child_failure(
    kind: &str,
    message: String,
    orchestrator: &str,
    instance_id: &InstanceId,
    cause: Option<&Failure>,
) -> Failure {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Details<'a> {
        instance_id: &'a InstanceId,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<&'a Failure>,
    }
    let details = Payload::of(&Details { instance_id, name: orchestrator, cause });
    Failure::detailed(kind, message, details.ok())
}
