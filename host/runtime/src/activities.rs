//! Runs the activities that turns asked for: at most so many at a time, each at most once at a time.

use crate::executor::{ActivityEnd, ActivityRun, PlayError};
use crate::instance::Fate;
use crate::router::{Message, Router};
use crate::{RETRY_MS, Runtime, panic_text};
use dacapo_core::{ActivityCall, Failure, Identity, Payload, TaskId};
use dacapo_store::{FunctionKind, InstanceKey, ModuleVersion, VersionId};
use futures::FutureExt;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
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

    /// The module version that runs the activity; `None` where none exports it.
    pub(crate) fn resolve(&self, runtime: &Runtime, call: &ActivityCall) -> Option<Arc<ModuleVersion>> {
        runtime.catalog.called(FunctionKind::Activity, &call.name, self.version)
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

    /// Runs `call` unless it is in flight already; its key where it was not. `fate` is that of the turn that asked for
    /// it.
    pub(crate) fn dispatch(
        runtime: &Arc<Runtime>,
        caller: &Caller,
        call: ActivityCall,
        version: Option<Arc<ModuleVersion>>,
        fate: Fate,
    ) -> Option<CallKey> {
        let call_key = caller.call_key(call.task);
        if !runtime.activities.in_flight().insert(call_key) {
            return None;
        }
        let (started, caller) = (runtime.clone(), caller.clone());
        runtime.spawn(async move {
            // Never closed: the semaphore lives as long as the runtime.
            let Ok(_slot) = started.activities.slots.acquire().await else { return };
            let task = call.task;
            let Some(outcome) = run(&started, &caller, call, version).await else { return };
            let (key, generation) = (caller.key, caller.identity.generation);
            let message = Message::Activity { key, generation, task, outcome, fate };
            Router::post(&started, &caller.identity.instance_id, message);
        });
        Some(call_key)
    }

    /// A turn has consumed the result of the call, or nothing ever will.
    pub(crate) fn settled(&self, key: &CallKey) {
        self.in_flight().remove(key);
    }
}

/// Runs an activity to its end; `None` when the runtime closes before: it runs again after the next start.
async fn run(
    runtime: &Arc<Runtime>,
    caller: &Caller,
    call: ActivityCall,
    version: Option<Arc<ModuleVersion>>,
) -> Option<Result<Payload, Failure>> {
    let Some(version) = version else {
        let message = format!("No deployed module exports the activity '{}'.", call.name);
        return Some(Err(Failure::new("activity-not-found", message)));
    };
    let run = ActivityRun {
        idempotency_key: caller.identity.idempotency_key(call.task),
        instance_id: caller.identity.instance_id.to_string(),
        name: call.name,
        input: call.input,
        attempt: call.attempt,
        now_ms: runtime.clock.now_ms(),
    };
    let ended = loop {
        if runtime.is_closing() {
            return None;
        }
        match once(runtime, version.clone(), &run, call.timeout_ms).await? {
            Ok(ended) => break ended,
            Err(PlayError::NoRoom(_)) => {
                if !runtime.make_room().await {
                    return None;
                }
            }
            Err(PlayError::NotNow(reason)) => {
                tracing::warn!(instance = %run.instance_id, activity = %run.name, %reason, "trying again in a second");
                if !runtime.sleep_ms(RETRY_MS).await {
                    return None;
                }
            }
            Err(PlayError::Cut(reason)) => {
                break Err(Failure::new("cut", format!("activity '{}' was cut: {reason}", run.name)));
            }
            Err(error @ PlayError::Unavailable(_)) => break Err(Failure::new("unavailable", error.to_string())),
        }
    };
    let limit = runtime.config.limits.payload_bytes;
    Some(match ended {
        Ok(result) if result.len_bytes() > limit => {
            let found = result.len_bytes();
            let message = format!(
                "The result of activity '{}' has {found} bytes; the limit `payload_bytes` is {limit}.",
                run.name
            );
            Err(Failure::new("too-large", message))
        }
        ended => ended.map_err(|failure| failure.bounded(limit)),
    })
}

/// One run; `None` when the runtime closed and nothing is lost by giving it up.
async fn once(
    runtime: &Runtime,
    version: Arc<ModuleVersion>,
    run: &ActivityRun,
    timeout_ms: Option<u64>,
) -> Option<ActivityEnd> {
    let until_ms = timeout_ms.map(|timeout_ms| runtime.clock.now_ms().saturating_add(timeout_ms));
    let timed_out = async {
        match until_ms {
            Some(at_ms) => runtime.clock.sleep_until(at_ms).await,
            None => std::future::pending().await,
        }
    };
    let activities = &runtime.guests.activities;
    let is_pure = activities.is_pure(&version);
    // A mistake of the host's own must not end the flow, nor leave it waiting for ever.
    let running = AssertUnwindSafe(activities.run(version, run.clone())).catch_unwind();
    let ended = tokio::select! {
        ended = running => ended,
        () = timed_out => {
            let message = format!("Activity '{}' took longer than {} ms.", run.name, timeout_ms.unwrap_or_default());
            return Some(Ok(Err(Failure::new("timeout", message))));
        }
        () = runtime.closing.cancelled(), if is_pure => return None,
    };
    Some(ended.unwrap_or_else(|panic| Err(PlayError::NotNow(format!("the host panicked: {}", panic_text(&*panic))))))
}
