//! Finds or makes the slot of an instance, hands it messages, and evicts the least recently used warm ones.
//!
//! A slot with nothing to do has no tokio task. The first message starts one; it plays turns until none is left.
//! Locks are taken in the order map, slot, resting, and never held across an await.

use crate::instance::desk::Desk;
use crate::instance::held::Held;
use crate::instance::play::{Played, fail, play};
use crate::instance::stall;
use crate::instance::trouble::Trouble;
use crate::message::Message;
use crate::runtime::{RETRY_MS, Runtime, panic_text};
use crate::slots::Slots;
use dacapo_core::{Failure, InstanceId};
use futures::FutureExt;
use lru::LruCache;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;

/// An instance that was tried in vain again and again waits for so long at most, in milliseconds.
const LONGEST_RETRY_MS: u64 = 8 * RETRY_MS;

/// The place of one instance in memory.
pub(crate) struct Slot {
    pub(crate) id: InstanceId,
    /// Rung when a message comes while its task waits for the disk.
    news: Notify,
    state: Mutex<SlotState>,
}

#[derive(Default)]
struct SlotState {
    messages: Vec<Message>,
    running: bool,
    held: Option<Box<Held>>,
    /// What lies before it while it is to be tried again.
    desk: Desk,
    /// How often it was tried in vain, one after the other.
    failures: u32,
    /// It is to be tried again in a while.
    retrying: bool,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, SlotState> {
        // A panic while it was held: the fields are still each valid, and the history is the truth.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All slots.
pub(crate) struct Router {
    runtime: Arc<Runtime>,
    /// Itself, for the tasks of its slots.
    own: Weak<Router>,
    slots: Mutex<HashMap<InstanceId, Arc<Slot>>>,
    /// Warm slots that are at rest, least recently used first, with what each holds.
    resting: Mutex<LruCache<InstanceId, (Arc<Slot>, usize)>>,
    warm_bytes: AtomicUsize,
}

impl Slots for Router {
    fn post(&self, id: &InstanceId, message: Message) {
        let slot = |slots: &mut HashMap<InstanceId, Arc<Slot>>| {
            let new = || Arc::new(Slot { id: id.clone(), news: Notify::new(), state: Mutex::default() });
            Some(slots.entry(id.clone()).or_insert_with(new).clone())
        };
        self.post_to(slot, message);
    }

    fn post_if_awake(&self, id: &InstanceId, message: Message) {
        self.post_to(|slots| slots.get(id).cloned(), message);
    }

    fn evict_one(&self) -> bool {
        let Some((id, (slot, bytes))) = self.resting().pop_lru() else { return false };
        self.warm_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let dropped = {
            let mut slots = self.slots();
            let mut state = slot.state();
            if state.running {
                return true;
            }
            // Only the slot that is in the map: another may have taken its place meanwhile.
            if !state.retrying && slots.get(&id).is_some_and(|current| Arc::ptr_eq(current, &slot)) {
                slots.remove(&id);
            }
            state.held.take()
        };
        // Freed outside of the locks: it unmaps memory.
        drop(dropped);
        true
    }
}

impl Router {
    /// The one of this runtime: messages find their way to it from now on.
    pub(crate) fn new(runtime: Arc<Runtime>) -> Arc<Self> {
        let router = Arc::new_cyclic(|own| Self {
            own: own.clone(),
            slots: Mutex::default(),
            resting: Mutex::new(LruCache::unbounded()),
            warm_bytes: AtomicUsize::new(0),
            runtime,
        });
        let slots: Arc<dyn Slots> = router.clone();
        router.runtime.slots.leads_to(Arc::downgrade(&slots));
        router
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<InstanceId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resting(&self) -> MutexGuard<'_, LruCache<InstanceId, (Arc<Slot>, usize)>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post_to(&self, slot: impl FnOnce(&mut HashMap<InstanceId, Arc<Slot>>) -> Option<Arc<Slot>>, message: Message) {
        if self.runtime.is_closing() && !message.outlasts_closing() {
            return;
        }
        let mut slots = self.slots();
        let Some(slot) = slot(&mut slots) else { return };
        let start = {
            let mut state = slot.state();
            state.messages.push(message);
            !std::mem::replace(&mut state.running, true)
        };
        drop(slots);
        if !start {
            slot.news.notify_one();
        } else if let Some(router) = self.own.upgrade() {
            self.runtime.spawn(async move { router.run(slot).await });
        }
    }

    /// Warm instances at rest, and what they hold in bytes.
    pub(crate) fn warm(&self) -> (usize, usize) {
        (self.resting().len(), self.warm_bytes.load(Ordering::Relaxed))
    }

    fn leave_rest(&self, slot: &Slot) {
        if let Some((_, bytes)) = self.resting().pop(&slot.id) {
            self.warm_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    fn enter_rest(&self, slot: &Arc<Slot>, bytes: usize) {
        let mut resting = self.resting();
        if let Some((_, (_, old))) = resting.push(slot.id.clone(), (slot.clone(), bytes)) {
            self.warm_bytes.fetch_sub(old, Ordering::Relaxed);
        }
        self.warm_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Drops warm instances until the budget is kept.
    fn evict(&self) {
        let config = &self.runtime.config;
        while self.warm_bytes.load(Ordering::Relaxed) > config.warm_budget_bytes
            || self.resting().len() > config.warm_instances
        {
            if !self.evict_one() {
                return;
            }
        }
    }

    /// The slot has nothing to do: forgets it, or keeps what has to be kept of it. `false`: a message came in meanwhile.
    fn settle(&self, slot: &Arc<Slot>, work: &mut Work) -> bool {
        let bytes = work.held.as_ref().map_or(0, |held| held.memory_bytes());
        let mut slots = self.slots();
        let mut state = slot.state();
        if !state.messages.is_empty() {
            return false;
        }
        state.running = false;
        state.desk = std::mem::take(&mut work.desk);
        match work.held.take() {
            Some(held) => {
                state.held = Some(held);
                // Before the locks go: a message that comes right after takes it out of rest again.
                self.enter_rest(slot, bytes);
            }
            None if state.retrying || !state.desk.is_clear() => {}
            None => {
                slots.remove(&slot.id);
            }
        }
        true
    }

    /// Plays the turns of one instance until no message is left and all turns are durable.
    async fn run(self: Arc<Self>, slot: Arc<Slot>) {
        self.leave_rest(&slot);
        let mut work = {
            let mut state = slot.state();
            Work { held: state.held.take(), desk: std::mem::take(&mut state.desk) }
        };
        while let Err(panic) = AssertUnwindSafe(self.work(&slot, &mut work)).catch_unwind().await {
            // A mistake of the host's own must not leave the instance standing there for ever.
            work.held = None;
            let trouble = Trouble::NotNow(format!("the host panicked: {}", panic_text(&*panic)));
            self.follow_up(&slot, &mut work, trouble).await;
        }
        self.evict();
    }

    async fn work(&self, slot: &Arc<Slot>, work: &mut Work) {
        let runtime = &self.runtime;
        loop {
            let closing = runtime.is_closing();
            let is_full = work.desk.flight.is_full(runtime.config.turns_ahead);
            let mut messages = if is_full { Vec::new() } else { std::mem::take(&mut slot.state().messages) };
            if closing {
                messages.retain(Message::outlasts_closing);
            }
            if !messages.is_empty() {
                let held = work.held.take();
                match play(runtime, &slot.id, held, messages, &mut work.desk).await {
                    // Without a budget nothing is kept from one turn to the next, not even between two that follow at
                    // once.
                    Played::Done(held) => work.held = held.filter(|_| runtime.config.warm_budget_bytes > 0),
                    Played::Stopped(trouble) => self.follow_up(slot, work, trouble).await,
                }
            } else if work.desk.flight.is_empty() {
                if self.settle(slot, work) {
                    return;
                }
            } else {
                let landed = tokio::select! {
                    biased;
                    () = slot.news.notified(), if !is_full && !closing => continue,
                    landed = work.desk.land_one(runtime) => landed,
                };
                match landed {
                    Ok(()) => slot.state().failures = 0,
                    Err(trouble) => {
                        work.held = None;
                        self.follow_up(slot, work, trouble).await;
                    }
                }
            }
        }
    }

    /// What to do after a turn that did not happen, and with it what was held in memory.
    async fn follow_up(&self, slot: &Arc<Slot>, work: &mut Work, trouble: Trouble) {
        match trouble {
            Trouble::Gone | Trouble::Closed => work.desk.clear(&self.runtime),
            Trouble::Fenced => self.post(&slot.id, Message::Wake),
            Trouble::Unreadable(reason) => {
                work.desk.clear(&self.runtime);
                tracing::error!(instance = %slot.id, %reason, "it cannot be read, and stands still until it is purged");
            }
            Trouble::Stalled(known, reason) => {
                work.desk.clear(&self.runtime);
                stall::show(&self.runtime, &known, reason).await;
            }
            Trouble::Unsent(key, reason) => {
                let failure = Failure::new(Failure::RECEIVER_FULL, reason);
                if let Err(trouble) = fail(&self.runtime, &slot.id, key, failure, &mut work.desk).await {
                    self.retry(slot, &trouble);
                }
            }
            trouble @ (Trouble::NotNow(_) | Trouble::Cut(..) | Trouble::NoRoom(_)) => self.retry(slot, &trouble),
        }
    }

    /// Looks at the instance again in a while, and in a longer one each time that it is in vain.
    fn retry(&self, slot: &Arc<Slot>, trouble: &Trouble) {
        let wait_ms = {
            let mut state = slot.state();
            if std::mem::replace(&mut state.retrying, true) {
                return;
            }
            state.failures += 1;
            RETRY_MS.saturating_mul(1 << state.failures.clamp(1, 8).saturating_sub(1)).min(LONGEST_RETRY_MS)
        };
        tracing::error!(instance = %slot.id, %trouble, wait_ms, "a turn could not be committed; trying again in a while");
        let (runtime, slot) = (self.runtime.clone(), slot.clone());
        self.runtime.spawn(async move {
            if runtime.rest_ms(wait_ms).await {
                slot.state().retrying = false;
                runtime.slots.post(&slot.id, Message::Wake);
            }
        });
    }
}

/// What the task of a slot is at work with.
struct Work {
    held: Option<Box<Held>>,
    desk: Desk,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future_bytes<A, B, F>(_: impl FnOnce(A, B) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_an_instance_is_small() {
        // Each instance at work has one, it is moved a few times before it runs, and there may be ten thousand.
        let bytes = future_bytes(|router: Arc<Router>, slot: Arc<Slot>| router.run(slot));
        assert!(bytes <= 2_048, "{bytes}: box what is rarely waited for");
    }
}
