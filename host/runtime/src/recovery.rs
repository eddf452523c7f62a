//! Finds the work that a stopped server left: unfinished instances with something to do, by index, page by page.

use crate::Runtime;
use crate::router::{Message, Router};
use dacapo_store::InstanceKey;
use std::sync::Arc;

/// Instances a page: bounds one read. All of them are woken at once; the router bounds only how many are read.
const PAGE: usize = 1_000;

/// Wakes every instance that has work now. Instances that only wait stay in the store; timers are fetched by `timers`.
pub(crate) async fn run(runtime: Arc<Runtime>) {
    let (mut after, mut found) = (InstanceKey::ZERO, 0);
    loop {
        let page = match runtime.read(move |store| store.busy(after, PAGE)).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "cannot read the work that was left; trying again in a second");
                if runtime.sleep_until(runtime.clock.now_ms() + 1_000).await {
                    continue;
                }
                return;
            }
        };
        found += page.len();
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, id) in &page {
            Router::post(&runtime, id, Message::Wake);
        }
        if page.len() < PAGE || runtime.is_closing() {
            break;
        }
    }
    if found > 0 {
        tracing::info!(instances = found, "found unfinished work of an earlier run");
    }
}
