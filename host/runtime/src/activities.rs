//! Runs the activities that turns asked for: at most so many at a time, each at most once at a time.

use crate::executor::{ActivityRun, Offer, PlayError, Progress, RunEnd};
use crate::instance::Fate;
use crate::router::{Message, Router};
use crate::watch::ActivityProgress;
use crate::{RETRY_MS, Runtime, RuntimeConfig, panic_text};
use dacapo_core::{ActivityCall, Event, Failure, Identity, Payload, TaskId};
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

    /// Who runs the activity; `None` where nobody does.
    pub(crate) fn resolve(&self, runtime: &Runtime, call: &ActivityCall) -> Option<Runner> {
        let offer = runtime.guests.host.offers(&call.name);
        if offer == Some(Offer::Configured) {
            return Some(Runner::Host);
        }
        let module = runtime.catalog.called(FunctionKind::Activity, &call.name, self.version);
        module.map(Runner::Module).or(offer.map(|_| Runner::Host))
    }
}

/// Who runs an activity.
#[derive(Clone)]
pub(crate) enum Runner {
    /// A version of a module.
    Module(Arc<ModuleVersion>),
    /// The host itself.
    Host,
}

impl Runner {
    /// Whether a run can have no effect outside, so that one in vain changes nothing.
    pub(crate) fn is_pure(&self, runtime: &Runtime) -> bool {
        matches!(self, Self::Module(version) if runtime.guests.activities.is_pure(version))
    }
}

/// Admission is a queue in memory: no write, no poll.
pub(crate) struct Activities {
    /// Calls that were handed over and whose results no turn has consumed yet.
    in_flight: Mutex<HashSet<CallKey>>,
    of_modules: Semaphore,
    of_the_host: Semaphore,
}

impl Activities {
    pub(crate) fn new(config: &RuntimeConfig) -> Self {
        let slots = |concurrency: usize| Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Self {
            in_flight: Mutex::default(),
            of_modules: slots(config.activity_concurrency),
            of_the_host: slots(config.host_activity_concurrency),
        }
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
        runner: Option<Runner>,
        fate: Fate,
    ) -> Option<CallKey> {
        let call_key = caller.call_key(call.task);
        if !runtime.activities.in_flight().insert(call_key) {
            return None;
        }
        let (started, caller) = (runtime.clone(), caller.clone());
        runtime.spawn(async move {
            let slots = match &runner {
                Some(Runner::Host) => &started.activities.of_the_host,
                Some(Runner::Module(_)) | None => &started.activities.of_modules,
            };
            // Never closed: the semaphore lives as long as the runtime.
            let Ok(_slot) = slots.acquire().await else { return };
            let task = call.task;
            let ended = run(&started, &caller, call, runner).await;
            started.board.end_progress(&caller.identity.instance_id, caller.key, task);
            let Some(event) = ended else { return };
            let (key, generation) = (caller.key, caller.identity.generation);
            let message = Message::Activity { key, generation, task, event, fate };
            Router::post(&started, &caller.identity.instance_id, message);
        });
        Some(call_key)
    }

    /// A turn has consumed the result of the call, or nothing ever will.
    pub(crate) fn settled(&self, key: &CallKey) {
        self.in_flight().remove(key);
    }
}

/// Runs an activity to its end, and says what arrives of it; `None` when the runtime closes before: it runs again after
/// the next start.
async fn run(runtime: &Arc<Runtime>, caller: &Caller, call: ActivityCall, runner: Option<Runner>) -> Option<Event> {
    let task = call.task;
    let failed = |failure| Event::TaskFailed { task, failure };
    let Some(runner) = runner else {
        let message = format!("No deployed module exports the activity '{}'.", call.name);
        return Some(failed(Failure::new("activity-not-found", message)));
    };
    let run = ActivityRun {
        idempotency_key: caller.identity.idempotency_key(task),
        instance_id: caller.identity.instance_id.to_string(),
        progress: progress(runtime, caller, &call),
        name: call.name,
        input: call.input,
        attempt: call.attempt,
        now_ms: runtime.clock.now_ms(),
    };
    let ended = to_its_end(runtime, &runner, &run, call.timeout_ms).await?;
    let limit = runtime.config.limits.payload_bytes;
    Some(match ended {
        RunEnd::Done(Ok(payload)) | RunEnd::Later { input: payload, .. } if payload.len_bytes() > limit => {
            let found = payload.len_bytes();
            let message = format!(
                "The result of activity '{}' has {found} bytes; the limit `payload_bytes` is {limit}.",
                run.name
            );
            failed(Failure::new("too-large", message))
        }
        RunEnd::Done(Ok(result)) => Event::TaskCompleted { task, result },
        RunEnd::Done(Err(failure)) => failed(failure.bounded(limit)),
        RunEnd::Later { input, after_ms } => {
            let fire_at_ms = runtime.clock.now_ms().saturating_add(after_ms);
            Event::PollScheduled { task, input, fire_at_ms }
        }
    })
}

/// What a run reports is shown as long as it runs.
fn progress(runtime: &Arc<Runtime>, caller: &Caller, call: &ActivityCall) -> Progress {
    let (runtime, id, key) = (Arc::downgrade(runtime), caller.identity.instance_id.clone(), caller.key);
    let (task, name, attempt) = (call.task, call.name.clone(), call.attempt);
    Progress::to(move |text| {
        let Some(runtime) = runtime.upgrade() else { return Ok(()) };
        let progress = Payload::parse(text).map_err(|error| format!("the progress is {error}"))?;
        runtime.config.limits.check_custom_status(progress.len_utf16())?;
        runtime.board.report_progress(&id, key, task, ActivityProgress { name: name.clone(), attempt, progress });
        Ok(())
    })
}

/// Runs an activity as often as it takes; `None` when the runtime closes before.
async fn to_its_end(
    runtime: &Arc<Runtime>,
    runner: &Runner,
    run: &ActivityRun,
    timeout_ms: Option<u64>,
) -> Option<RunEnd> {
    let failed = |kind, message| Some(RunEnd::Done(Err(Failure::new(kind, message))));
    loop {
        if runtime.is_closing() {
            return None;
        }
        match once(runtime, runner, run, timeout_ms).await? {
            Ok(ended) => return Some(ended),
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
                return failed("cut", format!("activity '{}' was cut: {reason}", run.name));
            }
            Err(error @ PlayError::Unavailable(_)) => return failed("unavailable", error.to_string()),
        }
    }
}

/// One run; `None` when the runtime closed and nothing is lost by giving it up.
async fn once(
    runtime: &Runtime,
    runner: &Runner,
    run: &ActivityRun,
    timeout_ms: Option<u64>,
) -> Option<Result<RunEnd, PlayError>> {
    let until_ms = timeout_ms.map(|timeout_ms| runtime.clock.now_ms().saturating_add(timeout_ms));
    let timed_out = async {
        match until_ms {
            Some(at_ms) => runtime.clock.sleep_until(at_ms).await,
            None => std::future::pending().await,
        }
    };
    let running = async {
        match runner {
            Runner::Module(version) => {
                runtime.guests.activities.run(version.clone(), run.clone()).await.map(RunEnd::Done)
            }
            Runner::Host => Ok(runtime.guests.host.run(run.clone()).await),
        }
    };
    let is_pure = runner.is_pure(runtime);
    // A mistake of the host's own must not end the flow, nor leave it waiting for ever.
    let running = AssertUnwindSafe(running).catch_unwind();
    let ended = tokio::select! {
        ended = running => ended,
        () = timed_out => {
            let message = format!("Activity '{}' took longer than {} ms.", run.name, timeout_ms.unwrap_or_default());
            return Some(Ok(RunEnd::Done(Err(Failure::new("timeout", message)))));
        }
        () = runtime.closing.cancelled(), if is_pure => return None,
    };
    Some(ended.unwrap_or_else(|panic| Err(PlayError::NotNow(format!("the host panicked: {}", panic_text(&*panic))))))
}
