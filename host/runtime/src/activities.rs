//! Runs the activities that turns asked for: at most so many at a time, each at most once at a time.

use crate::Runtime;
use crate::executor::ActivityRun;
use crate::instance::Fate;
use crate::router::{Message, Router};
use dacapo_core::{ActivityCall, Failure, Identity, Payload, TaskId};
use dacapo_store::{InstanceKey, VersionId};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// One activity call of one execution.
pub(crate) type CallKey = (InstanceKey, u32, TaskId);

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) key: InstanceKey,
    pub(crate) identity: Identity,
    pub(crate) version: VersionId,
}

impl Caller {
    pub(crate) fn call_key(&self, task: TaskId) -> CallKey {
        (self.key, self.identity.generation, task)
    }
}

/// Admission is a queue in memory: no write, no poll.
pub(crate) struct Activities {
    /// Calls that were handed over and whose results no turn has consumed yet.
    in_flight: Mutex<HashSet<CallKey>>,
    slots: Semaphore,
}

impl Activities {
    pub(crate) fn new(concurrency: usize) -> Self {
        Self { in_flight: Mutex::default(), slots: Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS)) }
    }

    fn in_flight(&self) -> MutexGuard<'_, HashSet<CallKey>> {
        // A set of keys is valid whatever happened while it was locked.
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `call` unless it is in flight already. `fate` is that of the turn that asked for it.
    pub(crate) fn dispatch(runtime: &Arc<Runtime>, caller: &Caller, call: ActivityCall, fate: Fate) {
        let key = caller.call_key(call.task);
        if !runtime.activities.in_flight().insert(key) {
            return;
        }
        let (started, caller) = (runtime.clone(), caller.clone());
        runtime.spawn(async move {
            // Never closed: the semaphore lives as long as the runtime.
            let Ok(_slot) = started.activities.slots.acquire().await else { return };
            if started.is_closing() {
                return;
            }
            let task = call.task;
            let outcome = run(&started, &caller, call).await;
            let (key, generation) = (caller.key, caller.identity.generation);
            let message = Message::Activity { key, generation, task, outcome, fate };
            Router::post(&started, &caller.identity.instance_id, message);
        });
    }

    /// A turn has consumed the result of the call, or nothing ever will.
    pub(crate) fn settled(&self, key: &CallKey) {
        self.in_flight().remove(key);
    }
}

async fn run(runtime: &Runtime, caller: &Caller, call: ActivityCall) -> Result<Payload, Failure> {
    let Some(version) = runtime.catalog.activity(&call.name, caller.version) else {
        let message = format!("No deployed module exports the activity '{}'.", call.name);
        return Err(Failure::new("activity-not-found", message));
    };
    let run = ActivityRun {
        idempotency_key: caller.identity.idempotency_key(call.task),
        instance_id: caller.identity.instance_id.to_string(),
        name: call.name,
        input: call.input,
        attempt: 1,
        now_ms: runtime.clock.now_ms(),
    };
    let name = run.name.clone();
    let limit = runtime.config.limits.payload_bytes;
    let result = runtime.guests.activities.run(version, run).await.map_err(|failure| failure.bounded(limit))?;
    let found = result.len_bytes();
    if found > limit {
        let message =
            format!("The result of activity '{name}' has {found} bytes; the limit `payload_bytes` is {limit}.");
        return Err(Failure::new("too-large", message));
    }
    Ok(result)
}
