//! An instance in memory, with its guest parked.

use super::known::Known;
use crate::caller::Caller;
use crate::player::Player;
use dacapo_core::Inbox;

/// See the file.
pub(crate) struct Held {
    pub(crate) known: Known,
    pub(crate) inbox: Inbox,
    pub(crate) player: Player,
}

impl Held {
    /// What it costs to keep it, in bytes. An estimate.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + 1_024 + self.player.memory_bytes()
    }

    /// Who calls the activities of the present execution.
    pub(crate) fn caller(&self) -> Caller {
        let identity = self.player.orchestration().identity().clone();
        Caller { key: self.known.fence.key, identity, version: self.known.version }
    }
}
