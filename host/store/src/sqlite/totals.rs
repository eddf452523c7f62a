//! What is known of all instances together without walking through them.

use super::created::CreationTimes;
use super::pins::PinChanges;

/// A transaction's own: kept when it is durable, forgotten when it is not.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) times: CreationTimes,
    pub(super) pins: PinChanges,
}
