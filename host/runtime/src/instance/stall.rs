//! Shows an instance that cannot be played on. Nothing of that is stored.

use super::known::Known;
use crate::runtime::Runtime;
use dacapo_core::Failure;
use dacapo_core::turn::failed_output;
use dacapo_store::Instance;

/// Shows it, unless it was purged or moved to another version meanwhile: nobody would take that away again.
pub(crate) async fn show(runtime: &Runtime, known: &Known, reason: String) {
    tracing::error!(instance = %known.id, %reason, "the instance cannot be played on; nothing was written");
    let output = failed_output(&known.name, &Failure::new("stalled", reason));
    loop {
        let (since, wanted) = (runtime.board.moment(&known.id), known.id.clone());
        let found = runtime.read(move |store| store.instance(&wanted)).await;
        let is_other = |now: Instance| (now.key, now.epoch) != (known.fence.key, known.fence.epoch);
        let has_gone = found.is_ok_and(|now| now.is_none_or(is_other));
        if has_gone || runtime.board.stall(since, known.view(), output.clone()) {
            return;
        }
    }
}
