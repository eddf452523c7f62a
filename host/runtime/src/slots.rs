//! What the parts below may ask of those who hold the instances: the one way up.

use crate::message::Message;
use dacapo_core::InstanceId;
use std::sync::{Arc, OnceLock, Weak};

/// Those who hold the instances.
pub(crate) trait Slots: Send + Sync + 'static {
    /// Gives the instance a message; it is looked at soon, after those that came before it.
    fn post(&self, id: &InstanceId, message: Message);
    /// As [`Slots::post`], if anything of the instance is in memory.
    fn post_if_awake(&self, id: &InstanceId, message: Message);
    /// Drops the warm instance that was longest at rest; `false` when there is none.
    fn evict_one(&self) -> bool;
}

/// The way to them. Before they are there, and once they have gone, there is nobody to be told: the store has it all.
#[derive(Default)]
pub(crate) struct Way(OnceLock<Weak<dyn Slots>>);

impl Way {
    /// It leads there from now on. Once only.
    pub(crate) fn leads_to(&self, slots: Weak<dyn Slots>) {
        let _ = self.0.set(slots);
    }

    fn slots(&self) -> Option<Arc<dyn Slots>> {
        self.0.get()?.upgrade()
    }

    pub(crate) fn post(&self, id: &InstanceId, message: Message) {
        if let Some(slots) = self.slots() {
            slots.post(id, message);
        }
    }

    pub(crate) fn post_if_awake(&self, id: &InstanceId, message: Message) {
        if let Some(slots) = self.slots() {
            slots.post_if_awake(id, message);
        }
    }

    pub(crate) fn evict_one(&self) -> bool {
        self.slots().is_some_and(|slots| slots.evict_one())
    }
}
