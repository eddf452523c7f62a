//! The rules by which an execution is played: what was right when it began stays right for it, or it would not replay.

use serde::{Deserialize, Serialize};

/// A set of rules. An execution keeps those that it began with; the next execution takes the current ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rules(u32);

impl Rules {
    /// Of what began before rules had numbers. An event goes to the wait that is oldest, looked at or not; what is
    /// derived of an instance (uuids, idempotency keys) does not depend on its key.
    pub const FIRST: Rules = Rules(1);
    /// An event goes to a wait that the orchestrator looks at, if there is one; what is derived of an instance depends on
    /// its key, so that an id which is used again at once gives nothing twice.
    pub const CURRENT: Rules = Rules(2);

    /// Whether these are the first ones, of which nothing is written.
    pub fn is_first(&self) -> bool {
        *self == Self::FIRST
    }

    /// Whether this version of Dacapo plays by them.
    pub fn is_known(self) -> bool {
        (Self::FIRST..=Self::CURRENT).contains(&self)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::FIRST
    }
}
