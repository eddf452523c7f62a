//! What a reader is told about an instance.

use dacapo_core::{InstanceId, Payload, RuntimeStatus};
use dacapo_store::{Instance, InstanceKey};
use std::sync::Arc;

/// What a reader is told about an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// Its key; together with `generation` and `turn` it names this state of this instance for ever.
    pub key: InstanceKey,
    /// Its id.
    pub id: InstanceId,
    /// The orchestrator.
    pub name: String,
    /// Where it stands.
    pub status: RuntimeStatus,
    /// Its current execution.
    pub generation: u32,
    /// Turns committed in it (the opening counts as one).
    pub turn: u64,
    /// Created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Last turn, in milliseconds since 1970.
    pub updated_at_ms: u64,
    /// The input; `None` where it was not asked for.
    pub input: Option<Payload>,
    /// The custom status.
    pub custom_status: Option<Payload>,
    /// The output.
    pub output: Option<Payload>,
    /// The instance that started it, if one did.
    pub parent_id: Option<InstanceId>,
    /// The instance cannot be played on, and its history says nothing of it: the replay did not match, say.
    /// `status` and `output` then show it as Failed; nothing of that is stored (lists that are filtered by status still
    /// find it as Running), and its next message or a restart tries again.
    pub stalled: bool,
    /// What running activities have last reported; not durable.
    pub progress: Progress,
}

/// What the running activities of one instance have last reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Grows with every report; 0 while there is none.
    pub number: u64,
    /// By the order of the calls, those that have reported something.
    pub activities: Arc<[ActivityProgress]>,
}

/// What a running activity has last reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityProgress {
    /// The activity.
    pub name: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// What it said.
    pub progress: Payload,
}

impl InstanceView {
    /// The view of what is stored.
    pub fn of(instance: Instance, input: Option<Payload>) -> Self {
        Self {
            key: instance.key,
            id: instance.id,
            name: instance.name,
            status: instance.status,
            generation: instance.generation,
            turn: instance.next_seq,
            created_at_ms: instance.created_at_ms,
            updated_at_ms: instance.updated_at_ms,
            input,
            custom_status: instance.custom_status,
            output: instance.output,
            parent_id: instance.parent.map(|parent| parent.id),
            stalled: false,
            progress: Progress::default(),
        }
    }

    /// A text that is equal for two views of one id exactly when they show the same state.
    pub fn revision(&self) -> String {
        match self.progress.number {
            0 => self.durable_revision(),
            number => format!("{}.{number}", self.durable_revision()),
        }
    }

    /// As [`InstanceView::revision`], whatever its activities report.
    pub fn durable_revision(&self) -> String {
        // The status too: a failed instance that is rewound runs before its next turn.
        let stalled = if self.stalled { "s" } else { "" };
        format!("{}.{}.{}.{}{stalled}", self.key.0, self.generation, self.turn, self.status)
    }

    /// Of an instance that cannot be played on, with what is shown as its output.
    pub(crate) fn stalled_with(self, output: Payload) -> Self {
        InstanceView { status: RuntimeStatus::Failed, output: Some(output), stalled: true, ..self }
    }

    /// What it costs to keep, in bytes, without the input.
    pub(crate) fn own_bytes(&self) -> usize {
        let payloads = [&self.custom_status, &self.output];
        let reported = self.progress.activities.iter().map(|one| 64 + one.name.len() + one.progress.len_bytes());
        256 + reported.sum::<usize>()
            + self.id.as_str().len()
            + payloads.into_iter().flatten().map(Payload::len_bytes).sum::<usize>()
    }
}
