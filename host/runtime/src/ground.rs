//! What a runtime stands on, and does not make itself.

use crate::clock::Clock;
use crate::executor::Guests;
use crate::scheduler::Scheduler;
use dacapo_store::Store;
use std::sync::Arc;

/// See the file.
#[derive(Clone)]
pub struct Ground {
    /// What must survive.
    pub store: Arc<dyn Store>,
    /// What runs guests.
    pub guests: Guests,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
    /// What sets tasks going.
    pub scheduler: Arc<dyn Scheduler>,
}
