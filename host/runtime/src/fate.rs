//! What became of a turn that something was started for before it was durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by a turn in flight and all that was started for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate(Arc<AtomicBool>);

impl Fate {
    /// Whether the turn is known never to have happened.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// The turn has never happened.
    pub(crate) fn lose(&self) {
        self.0.store(true, Ordering::Release);
    }
}
