//! Finds or makes the slot of an instance, hands it messages, and evicts the least recently used warm ones.
//!
//! A slot with nothing to do has no tokio task. The first message starts one; it plays turns until none is left.
//! Locks are taken in the order map, slot, resting, and never held across an await.

use crate::Runtime;
use crate::config::RuntimeConfig;
use crate::instance::{self, Created, Fate, Flight, Held};
use dacapo_core::{Event, InstanceId, TaskId};
use dacapo_store::InstanceKey;
use lru::LruCache;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// Cold instances that are read from the store and replayed at the same time.
const COLD_LOADS: usize = 64;

/// Why an instance should look whether there is a turn to play.
pub(crate) enum Message {
    /// It was created; its opening is durable.
    Created(Box<Created>),
    /// It was purged.
    Purged(InstanceKey),
    /// An event is in its inbox.
    Inbox { key: InstanceKey, seq: u64, event: Event },
    /// An activity has ended. Not durable until a turn consumes it.
    Activity { key: InstanceKey, generation: u32, task: TaskId, event: Event, fate: Fate },
    /// The instance is on another version now.
    Moved(InstanceKey),
    /// Its timer is due, or it was found with work at the start.
    Wake,
}

impl Message {
    /// Whether it is taken in even while the runtime closes: what an activity with effects has come to would have to be
    /// done again.
    fn outlasts_closing(&self) -> bool {
        matches!(self, Message::Activity { .. })
    }
}

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
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, SlotState> {
        // A panic while it was held: the fields are still each valid, and the history is the truth.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All slots.
pub(crate) struct Router {
    slots: Mutex<HashMap<InstanceId, Arc<Slot>>>,
    /// Warm slots that are at rest, least recently used first, with what each holds.
    resting: Mutex<LruCache<InstanceId, (Arc<Slot>, usize)>>,
    warm_bytes: AtomicUsize,
    budget_bytes: usize,
    budget_instances: usize,
    /// Bounds how many cold instances are read and replayed at once.
    pub(crate) cold_loads: Arc<Semaphore>,
    /// Those that are tried again in a while.
    retries: Mutex<HashSet<InstanceId>>,
}

impl Router {
    pub(crate) fn new(config: &RuntimeConfig) -> Self {
        Self {
            slots: Mutex::default(),
            resting: Mutex::new(LruCache::unbounded()),
            warm_bytes: AtomicUsize::new(0),
            budget_bytes: config.warm_budget_bytes,
            budget_instances: config.warm_instances,
            cold_loads: Arc::new(Semaphore::new(COLD_LOADS)),
            retries: Mutex::default(),
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<InstanceId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resting(&self) -> MutexGuard<'_, LruCache<InstanceId, (Arc<Slot>, usize)>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retries(&self) -> MutexGuard<'_, HashSet<InstanceId>> {
        self.retries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instance is to be tried again in a while; `false` when it is already.
    pub(crate) fn begin_retry(&self, id: &InstanceId) -> bool {
        self.retries().insert(id.clone())
    }

    /// It is tried again now.
    pub(crate) fn end_retry(&self, id: &InstanceId) {
        self.retries().remove(id);
    }

    /// Gives the instance a message; it is looked at soon, after those that came before it.
    pub(crate) fn post(runtime: &Arc<Runtime>, id: &InstanceId, message: Message) {
        let slot = |slots: &mut HashMap<InstanceId, Arc<Slot>>| {
            let new = || Arc::new(Slot { id: id.clone(), news: Notify::new(), state: Mutex::default() });
            Some(slots.entry(id.clone()).or_insert_with(new).clone())
        };
        Self::post_to(runtime, slot, message);
    }

    /// As [`Router::post`], if anything of the instance is in memory.
    pub(crate) fn post_if_awake(runtime: &Arc<Runtime>, id: &InstanceId, message: Message) {
        Self::post_to(runtime, |slots| slots.get(id).cloned(), message);
    }

    fn post_to(
        runtime: &Arc<Runtime>,
        slot: impl FnOnce(&mut HashMap<InstanceId, Arc<Slot>>) -> Option<Arc<Slot>>,
        message: Message,
    ) {
        if runtime.is_closing() && !message.outlasts_closing() {
            return;
        }
        let mut slots = runtime.router.slots();
        let Some(slot) = slot(&mut slots) else { return };
        let start = {
            let mut state = slot.state();
            state.messages.push(message);
            !std::mem::replace(&mut state.running, true)
        };
        drop(slots);
        if start {
            runtime.spawn(run(runtime.clone(), slot));
        } else {
            slot.news.notify_one();
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
        while self.warm_bytes.load(Ordering::Relaxed) > self.budget_bytes
            || self.resting().len() > self.budget_instances
        {
            if !self.evict_one() {
                return;
            }
        }
    }

    /// Drops the warm instance that was longest at rest; `false` when there is none.
    pub(crate) fn evict_one(&self) -> bool {
        let Some((id, (slot, bytes))) = self.resting().pop_lru() else { return false };
        self.warm_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let dropped = {
            let mut slots = self.slots();
            let mut state = slot.state();
            if state.running {
                return true;
            }
            // Only the slot that is in the map: another may have taken its place meanwhile.
            if slots.get(&id).is_some_and(|current| Arc::ptr_eq(current, &slot)) {
                slots.remove(&id);
            }
            state.held.take()
        };
        // Freed outside of the locks: it unmaps memory.
        drop(dropped);
        true
    }

    /// The slot has nothing to do: forgets it, or keeps it warm. Gives `held` back when a message came in meanwhile.
    fn settle(&self, slot: &Arc<Slot>, held: Option<Box<Held>>) -> Result<(), Option<Box<Held>>> {
        let mut slots = self.slots();
        let mut state = slot.state();
        if !state.messages.is_empty() {
            return Err(held);
        }
        state.running = false;
        match held {
            Some(held) => {
                let bytes = held.memory_bytes();
                state.held = Some(held);
                // Before the locks go: a message that comes right after takes it out of rest again.
                self.enter_rest(slot, bytes);
            }
            None => {
                slots.remove(&slot.id);
            }
        }
        Ok(())
    }
}

/// Plays the turns of one instance until no message is left and all turns are durable.
async fn run(runtime: Arc<Runtime>, slot: Arc<Slot>) {
    let router = &runtime.router;
    router.leave_rest(&slot);
    let mut held = slot.state().held.take();
    let mut flight = Flight::default();
    loop {
        let closing = runtime.is_closing();
        let mut messages = if flight.is_full() { Vec::new() } else { std::mem::take(&mut slot.state().messages) };
        if closing {
            messages.retain(Message::outlasts_closing);
        }
        if !messages.is_empty() {
            let played = instance::play(&runtime, &slot.id, held, messages, &mut flight).await;
            // Without a budget nothing is kept from one turn to the next, not even between two that follow at once.
            held = played.filter(|_| router.budget_bytes > 0);
        } else if flight.is_empty() {
            match router.settle(&slot, held) {
                Ok(()) => break,
                Err(back) => held = back,
            }
        } else {
            let landed = tokio::select! {
                biased;
                () = slot.news.notified(), if !flight.is_full() && !closing => continue,
                landed = flight.land_one(&runtime) => landed,
            };
            if let Err(trouble) = landed {
                held = None;
                instance::follow_up(&runtime, &slot.id, trouble).await;
            }
        }
    }
    router.evict();
}
