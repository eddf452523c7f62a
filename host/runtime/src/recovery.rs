//! Finds the work that a stopped server left: unfinished instances with something to do, by index, page by page.

use crate::message::Message;
use crate::runtime::{RETRY_MS, Runtime};
use dacapo_store::InstanceKey;
use std::sync::Arc;

/// Instances a page: bounds one read.
const PAGE: usize = 1_000;

/// Wakes every instance that has work now. Instances that only wait stay in the store; timers are fetched by `timers`.
pub(crate) async fn run(runtime: Arc<Runtime>) {
    let (mut after, mut found) = (InstanceKey::ZERO, 0);
    loop {
        let page = match runtime.read(move |store| store.busy(after, PAGE)).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "cannot read the work that was left; trying again in a second");
                if runtime.rest_ms(RETRY_MS).await {
                    continue;
                }
                return;
            }
        };
        found += page.len();
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, id) in &page {
            // In step with those that load: it queues behind them for their permits.
            let turn = tokio::select! {
                biased;
                turn = runtime.cold_loads.acquire() => turn,
                () = runtime.closing.cancelled() => return,
            };
            drop(turn);
            runtime.slots.post(id, Message::Wake);
        }
        if page.len() < PAGE {
            break;
        }
    }
    if found > 0 {
        tracing::info!(instances = found, "found unfinished work of an earlier run");
    }
}
