//! Says which instances are being played from their history, or for the first time, so that one that ends the process (by
//! using up the machine's memory, say) is found out: after it has done so a few times it stalls, and the others go on.

use super::known::Known;
use super::trouble::Trouble;
use crate::runtime::Runtime;
use dacapo_store::InstanceKey;
use std::sync::Arc;
use tokio::sync::SemaphorePermit;

/// How often the process may end while an instance is played until it is played no more.
const DEATHS_BEFORE_STALL: u32 = 3;

/// The instance is being played for as long as this lives.
pub(crate) struct AtWork<'a> {
    runtime: &'a Arc<Runtime>,
    key: InstanceKey,
    /// Of those that are suspected one is played at a time: when the process ends again, it is known who was at work.
    _alone: Option<SemaphorePermit<'a>>,
}

impl<'a> AtWork<'a> {
    /// Begins to play it, unless the process has ended too often while somebody did.
    pub(crate) async fn begin(runtime: &'a Arc<Runtime>, known: &Known) -> Result<Self, Trouble> {
        let key = known.fence.key;
        let deaths = runtime.store.deaths(key);
        if deaths >= DEATHS_BEFORE_STALL {
            let reason = format!(
                "the server's process has ended {deaths} times in a row while this instance was played (for want of memory, \
                 perhaps), so it is not played any more; after the server was stopped and started in order it is tried again"
            );
            return Err(Trouble::Stalled(Box::new(known.clone()), reason));
        }
        let alone = match deaths {
            0 => None,
            // Closed never: the semaphore lives as long as the runtime.
            _ => Some(runtime.suspects.acquire().await.map_err(|_| Trouble::Closed)?),
        };
        runtime.store.plays(key);
        Ok(Self { runtime, key, _alone: alone })
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.runtime.store.rests(self.key);
    }
}
