//! The closed set of things that can have happened to an execution.

use crate::by::By;
use crate::error::Failure;
use crate::ids::{InstanceId, TaskId};
use crate::payload::Payload;
use crate::retry::{ActivityOptions, ChildOptions};
use crate::rules::Rules;
use serde::{Deserialize, Serialize};

/// One thing that happened. Never changed once it is written; new kinds are added, none is reused.
///
/// A turn's record holds first what arrived, then what the orchestrator commanded in answer.
/// The n-th command of an execution is its task n; that number is not stored, it is the position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Arrived: the execution may begin. The first event of every execution.
    ExecutionStarted {
        /// The orchestrator, as the client spelt it.
        name: String,
        /// Its input.
        input: Payload,
        /// The rules by which it is played: those that were current when it began.
        #[serde(default, skip_serializing_if = "Rules::is_first")]
        rules: Rules,
    },
    /// Arrived: an activity succeeded.
    TaskCompleted {
        /// The activity's task.
        task: TaskId,
        /// What it returned.
        result: Payload,
    },
    /// Arrived: an activity failed for good.
    TaskFailed {
        /// The activity's task.
        task: TaskId,
        /// Why.
        failure: Failure,
    },
    /// Arrived: a timer's time has come.
    TimerFired {
        /// The timer's task.
        task: TaskId,
    },
    /// Arrived: somebody raised an event.
    EventRaised {
        /// The event's name, as raised.
        name: String,
        /// Its data.
        data: Payload,
        /// Who did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// Arrived: a child completed. Of a detached one: it exists, and the result is its id.
    ChildCompleted {
        /// The child's task.
        task: TaskId,
        /// What it returned.
        result: Payload,
    },
    /// Arrived: a child failed, was terminated, or could not be started.
    ChildFailed {
        /// The child's task.
        task: TaskId,
        /// Why.
        failure: Failure,
    },
    /// Arrived with the failure of an attempt: the call's policy asks for another one.
    RetryScheduled {
        /// The task of the activity or child.
        task: TaskId,
        /// The number of the next attempt, from 2.
        attempt: u32,
        /// When it starts, in milliseconds since 1970. Its timer fires as any other.
        fire_at_ms: u64,
    },
    /// Arrived: what an activity was called for has begun, and is not done. It is asked again when its time comes.
    PollScheduled {
        /// The activity's task.
        task: TaskId,
        /// What it is asked then, in place of its input.
        input: Payload,
        /// When, in milliseconds since 1970. Its timer fires as any other.
        fire_at_ms: u64,
    },
    /// Arrived: somebody suspended the instance. What arrives from here on is kept, and the orchestrator stands still.
    ExecutionSuspended {
        /// What they said.
        reason: String,
        /// Who did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// Arrived: somebody let it go on.
    ExecutionResumed {
        /// What they said.
        reason: String,
        /// Who did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// Arrived: somebody rewound the failed instance.
    ExecutionRewound {
        /// What they said.
        reason: String,
        /// The first turn that does not count any more; what of its arrivals and of those after it still counts follows
        /// this event. Absent while it waits in the inbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_turn: Option<u64>,
        /// Who did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// Arrived: somebody ended the instance.
    ExecutionTerminated {
        /// What they said; the instance's output.
        reason: String,
        /// Whether its children end too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        recursive: bool,
        /// Who did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },

    /// Command: run an activity.
    TaskScheduled {
        /// The activity.
        name: String,
        /// Its input.
        input: Payload,
        /// Retries and time-out.
        #[serde(default, skip_serializing_if = "ActivityOptions::is_default")]
        options: ActivityOptions,
    },
    /// Command: start another orchestrator.
    ChildScheduled {
        /// The orchestrator.
        name: String,
        /// Its input.
        input: Payload,
        /// The id it gets.
        instance_id: InstanceId,
        /// Retries, and whether it is waited for.
        #[serde(default, skip_serializing_if = "ChildOptions::is_default")]
        options: ChildOptions,
    },
    /// Command: send an event to another instance.
    EventSent {
        /// The receiver.
        instance_id: InstanceId,
        /// The event's name.
        name: String,
        /// Its data.
        data: Payload,
    },
    /// Command: publish a custom status that was too large; the guest was told so, and is told so again on replay,
    /// whatever the limit is by then.
    CustomStatusRefused {
        /// What the guest was told.
        reason: String,
    },
    /// Command: wake up at a time.
    TimerCreated {
        /// When, in milliseconds since 1970.
        fire_at_ms: u64,
    },
    /// Command: wait for an event.
    EventAwaited {
        /// The event's name, as the orchestrator spelt it.
        name: String,
    },
    /// Command: stop waiting for a task.
    TaskCancelled {
        /// The task.
        task: TaskId,
    },
    /// Command: the orchestrator returned, and the instance begins anew. The last event of an execution.
    ExecutionContinuedAsNew {
        /// The input of the next execution.
        input: Payload,
        /// Whether events that nothing has taken go along.
        keep_events: bool,
    },
    /// Command: the orchestrator returned. The last event of an execution.
    ExecutionCompleted {
        /// What it returned.
        output: Payload,
    },
    /// Command: the orchestrator failed, or was cut. The last event of an execution.
    ExecutionFailed {
        /// Why.
        failure: Failure,
    },
}

impl Event {
    /// Whether this came from outside the orchestrator (as opposed to a command of its own).
    pub fn is_arrival(&self) -> bool {
        match self {
            Event::ExecutionStarted { .. }
            | Event::TaskCompleted { .. }
            | Event::TaskFailed { .. }
            | Event::TimerFired { .. }
            | Event::EventRaised { .. }
            | Event::ChildCompleted { .. }
            | Event::ChildFailed { .. }
            | Event::RetryScheduled { .. }
            | Event::PollScheduled { .. }
            | Event::ExecutionSuspended { .. }
            | Event::ExecutionResumed { .. }
            | Event::ExecutionRewound { .. }
            | Event::ExecutionTerminated { .. } => true,
            Event::TaskScheduled { .. }
            | Event::ChildScheduled { .. }
            | Event::EventSent { .. }
            | Event::ExecutionContinuedAsNew { .. }
            | Event::CustomStatusRefused { .. }
            | Event::TimerCreated { .. }
            | Event::EventAwaited { .. }
            | Event::TaskCancelled { .. }
            | Event::ExecutionCompleted { .. }
            | Event::ExecutionFailed { .. } => false,
        }
    }

    /// The task whose outcome, or part of it, arrived.
    pub fn task(&self) -> Option<TaskId> {
        match self {
            Event::TaskCompleted { task, .. }
            | Event::TaskFailed { task, .. }
            | Event::ChildCompleted { task, .. }
            | Event::ChildFailed { task, .. }
            | Event::RetryScheduled { task, .. }
            | Event::PollScheduled { task, .. }
            | Event::TimerFired { task } => Some(*task),
            _ => None,
        }
    }

    /// The payload it carries, for limits and for people.
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Event::ExecutionStarted { input, .. }
            | Event::TaskScheduled { input, .. }
            | Event::ChildScheduled { input, .. }
            | Event::PollScheduled { input, .. }
            | Event::ExecutionContinuedAsNew { input, .. } => Some(input),
            Event::TaskCompleted { result, .. } | Event::ChildCompleted { result, .. } => Some(result),
            Event::EventRaised { data, .. } | Event::EventSent { data, .. } => Some(data),
            Event::ExecutionCompleted { output } => Some(output),
            Event::TaskFailed { failure, .. }
            | Event::ChildFailed { failure, .. }
            | Event::ExecutionFailed { failure } => failure.details.as_ref(),
            Event::TimerFired { .. }
            | Event::RetryScheduled { .. }
            | Event::ExecutionSuspended { .. }
            | Event::ExecutionResumed { .. }
            | Event::ExecutionRewound { .. }
            | Event::ExecutionTerminated { .. }
            | Event::CustomStatusRefused { .. }
            | Event::TimerCreated { .. }
            | Event::EventAwaited { .. }
            | Event::TaskCancelled { .. } => None,
        }
    }

    /// Roughly what it costs to keep, in bytes.
    pub fn size_bytes(&self) -> usize {
        32 + self.payload().map_or(0, Payload::len_bytes)
    }
}
