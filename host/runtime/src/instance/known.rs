//! What is known of an instance without its guest: enough to commit a turn and to show it.

use crate::message::Created;
use crate::view::{InstanceView, Progress};
use dacapo_core::{Event, Identity, InstanceId, Payload, RuntimeStatus, TurnRecord};
use dacapo_store::{Fence, Instance, Parent, VersionId};

/// See the file.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
    pub(crate) version: VersionId,
    pub(crate) fence: Fence,
    pub(crate) created_at_ms: u64,
    pub(crate) updated_at_ms: u64,
    pub(crate) input: Option<Payload>,
    pub(crate) custom_status: Option<Payload>,
    pub(crate) parent: Option<Parent>,
}

/// The input that an opening record holds.
pub(crate) fn input_of(opening: &TurnRecord) -> Option<Payload> {
    match opening.events.first() {
        Some(Event::ExecutionStarted { input, .. }) => Some(input.clone()),
        _ => None,
    }
}

impl Known {
    /// What is stored of it.
    pub(crate) fn of(instance: Instance, input: Option<Payload>) -> Self {
        Self {
            fence: instance.fence(),
            id: instance.id,
            name: instance.name,
            version: instance.version,
            created_at_ms: instance.created_at_ms,
            updated_at_ms: instance.updated_at_ms,
            input,
            custom_status: instance.custom_status,
            parent: instance.parent,
        }
    }

    /// One that was created a moment ago.
    pub(crate) fn created(created: &Created) -> Self {
        let opening = &created.new.opening;
        Self {
            id: created.new.id.clone(),
            name: created.new.name.clone(),
            version: created.new.version,
            fence: Fence { key: created.key, epoch: created.epoch, generation: 0, next_seq: 1 },
            created_at_ms: opening.at_ms,
            updated_at_ms: opening.at_ms,
            input: input_of(opening),
            custom_status: None,
            parent: created.new.parent.clone(),
        }
    }

    /// How readers see it while it runs.
    pub(crate) fn view(&self) -> InstanceView {
        InstanceView {
            key: self.fence.key,
            id: self.id.clone(),
            name: self.name.clone(),
            status: RuntimeStatus::Running,
            generation: self.fence.generation,
            turn: self.fence.next_seq,
            created_at_ms: self.created_at_ms,
            updated_at_ms: self.updated_at_ms,
            input: self.input.clone(),
            custom_status: self.custom_status.clone(),
            output: None,
            parent_id: self.parent.as_ref().map(|parent| parent.id.clone()),
            stalled: false,
            progress: Progress::default(),
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            instance_id: self.id.clone(),
            created_at_ms: self.created_at_ms,
            generation: self.fence.generation,
            key: Some(self.fence.key.0),
        }
    }
}
