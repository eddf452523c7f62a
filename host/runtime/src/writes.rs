//! Writes that are not turns, and who is told of them once they are durable: in the order of commits.

use crate::committer::CommitError;
use crate::instance::known::Known;
use crate::message::{Created, Message};
use crate::runtime::Runtime;
use crate::view::InstanceView;
use dacapo_core::{By, Event, InboxEntry, InstanceId, RuntimeStatus};
use dacapo_store::{Delivery, InstanceKey, NewInstance, Sent, Write, Written};
use std::sync::Arc;

impl Runtime {
    /// What was sent to an instance is durable: it plays its next turn.
    pub(crate) fn wake(&self, sent: Sent) {
        match sent {
            Sent::Created { key, epoch, new } => {
                let created = Created { key, epoch, new };
                self.board.publish(InstanceView { status: RuntimeStatus::Pending, ..Known::created(&created).view() });
                let id = created.new.id.clone();
                self.slots.post(&id, Message::Created(Box::new(created)));
            }
            Sent::Delivered { id, key, entry } => {
                if matches!(entry.event, Event::ExecutionRewound { .. }) {
                    self.board.forget(&id);
                }
                self.slots.post(&id, Message::Inbox { key, entry });
            }
        }
    }

    pub(crate) async fn create(self: &Arc<Self>, new: NewInstance) -> Result<(), CommitError> {
        let (runtime, begun) = (self.clone(), new.clone());
        let told = move |written: &Result<Written, CommitError>| {
            if let Ok(Written::Created { key, epoch }) = *written {
                runtime.wake(Sent::Created { key, epoch, new: begun });
            }
        };
        self.committer.commit(Write::Create(new), told).await.map(|_| ())
    }

    pub(crate) async fn deliver(self: &Arc<Self>, delivery: Delivery) -> Result<(), CommitError> {
        let (id, event) = (delivery.id.clone(), delivery.event.clone());
        self.put(Write::Deliver(delivery), id, event).await
    }

    /// Lets a failed instance go on.
    pub(crate) async fn reopen(self: &Arc<Self>, id: InstanceId, reason: String, by: By) -> Result<(), CommitError> {
        let event = Event::ExecutionRewound { reason: reason.clone(), from_turn: None, by: Some(by.clone()) };
        self.put(Write::Reopen { id: id.clone(), reason, by }, id, event).await
    }

    /// A write that puts `event` into the inbox of `id`.
    async fn put(self: &Arc<Self>, write: Write, id: InstanceId, event: Event) -> Result<(), CommitError> {
        let runtime = self.clone();
        let told = move |written: &Result<Written, CommitError>| {
            if let Ok(Written::Delivered { key, seq }) = *written {
                runtime.wake(Sent::Delivered { id, key, entry: InboxEntry { seq, execution: None, event } });
            }
        };
        self.committer.commit(write, told).await.map(|_| ())
    }

    /// `only`: the instance must be this one, not one that took its id since.
    pub(crate) async fn purge(
        self: &Arc<Self>,
        id: InstanceId,
        force: bool,
        only: Option<InstanceKey>,
    ) -> Result<(), CommitError> {
        let (runtime, purged) = (self.clone(), id.clone());
        let told = move |written: &Result<Written, CommitError>| {
            if let Ok(Written::Purged { key, sent }) = written {
                runtime.board.remove(&purged, *key);
                runtime.timers.set(*key, &purged, None);
                runtime.slots.post_if_awake(&purged, Message::Purged(*key));
                sent.iter().cloned().for_each(|sent| runtime.wake(sent));
            }
        };
        self.committer.commit(Write::Purge { id, force, only }, told).await.map(|_| ())
    }
}
