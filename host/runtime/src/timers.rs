//! Wakes instances when their time comes. Nothing polls.

use crate::message::Message;
use crate::runtime::{RETRY_MS, Runtime};
use dacapo_store::InstanceKey;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Wakes instances when their time comes, until the runtime closes.
pub(crate) async fn run(runtime: Arc<Runtime>, mut armed: mpsc::Receiver<()>) {
    let mut pause = None;
    while !runtime.is_closing() {
        fire_due(&runtime).await;
        let (next_ms, paused) = {
            let wheel = runtime.timers.wheel();
            (wheel.next_ms(), wheel.paused)
        };
        if paused && pause.is_none() {
            pause = Some(runtime.clock.rest_ms(RETRY_MS));
        }
        let paused = async {
            match &mut pause {
                Some(pause) => pause.await,
                None => std::future::pending().await,
            }
        };
        let slept = async {
            match next_ms {
                Some(at_ms) => runtime.clock.sleep_until(at_ms).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = slept => {}
            _ = armed.recv() => {}
            () = paused => {
                pause = None;
                runtime.timers.wheel().paused = false;
            }
            () = runtime.closing.cancelled() => {}
        }
    }
}

async fn fire_due(runtime: &Arc<Runtime>) {
    let now_ms = runtime.clock.now_ms();
    let due = runtime.timers.wheel().take_due(now_ms);
    for id in due {
        runtime.slots.post(&id, Message::Wake);
    }
    let (fetch_ms, beyond_ms) = {
        let wheel = runtime.timers.wheel();
        (wheel.fetch_ms(), wheel.beyond_ms)
    };
    if fetch_ms.is_some_and(|at_ms| at_ms <= now_ms) {
        fetch(runtime, beyond_ms).await;
    }
}

/// Fetches the next timers from the store: those that are due are fired, the next ones taken into memory.
async fn fetch(runtime: &Arc<Runtime>, from_ms: u64) {
    let capacity = runtime.timers.wheel().capacity;
    // While the store is read, turns may set timers at `from_ms` and later: let them into memory.
    runtime.timers.wheel().beyond_ms = u64::MAX;
    let mut after = (from_ms, InstanceKey::ZERO);
    loop {
        let page = match runtime.read(move |store| store.timers(after, capacity)).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "cannot read timers from the store; trying again in a second");
                return runtime.timers.wheel().not_read(after.0);
            }
        };
        let full = page.len() == capacity;
        let now_ms = runtime.clock.now_ms();
        let last = page.last().map(|(at_ms, key, _)| (*at_ms, *key));
        let (due, next): (Vec<_>, Vec<_>) = page.into_iter().partition(|(at_ms, ..)| *at_ms <= now_ms);
        for (_, _, id) in due {
            runtime.slots.post(&id, Message::Wake);
        }
        match last {
            Some(last) if full && next.is_empty() => after = last,
            last => return runtime.timers.wheel().take_in(next, last.filter(|_| full).map(|(at_ms, _)| at_ms)),
        }
    }
}
