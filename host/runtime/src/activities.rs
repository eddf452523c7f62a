//! Runs the activities that turns asked for, each run at most once at a time.

use crate::caller::{Caller, Run, Runner};
use crate::executor::{ActivityRun, PlayError, Reporter, RunEnd};
use crate::fate::Fate;
use crate::message::{Message, RunResult};
use crate::runtime::{RETRY_MS, Runtime, panic_text};
use crate::view::ActivityProgress;
use dacapo_core::{ActivityCall, Event, Failure, Payload};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// Begins the run that `call` asks for, unless it is under way; which one it is, where it was not. `fate` is that of the
/// turn that asked for it.
pub(crate) fn dispatch(
    runtime: &Arc<Runtime>,
    caller: &Caller,
    call: ActivityCall,
    runner: Option<Runner>,
    fate: Fate,
) -> Option<Run> {
    let run = caller.run(&call);
    if !runtime.calls.begin(run) {
        return None;
    }
    let (started, caller) = (runtime.clone(), caller.clone());
    runtime.spawn(async move {
        let Some(_place) = started.calls.place(runner.as_ref()).await else { return };
        let ended = whatever_happens(&started, &caller, &call, runner).await;
        let id = &caller.identity.instance_id;
        started.board.end_progress(id, caller.key, run.task);
        let Some(event) = ended else { return };
        started.slots.post(id, Message::Result(RunResult { run, event, fate }));
    });
    Some(run)
}

/// As [`to_its_result`]. A mistake of the host's own must not leave the flow waiting for ever.
async fn whatever_happens(
    runtime: &Arc<Runtime>,
    caller: &Caller,
    call: &ActivityCall,
    runner: Option<Runner>,
) -> Option<Event> {
    loop {
        let running = to_its_result(runtime, caller, call.clone(), runner.clone());
        let panic = match AssertUnwindSafe(running).catch_unwind().await {
            Ok(ended) => return ended,
            Err(panic) => panic,
        };
        let (instance, reason) = (&caller.identity.instance_id, panic_text(&*panic));
        tracing::error!(%instance, activity = %call.name, %reason, "the host panicked; trying again in a second");
        if !runtime.rest_ms(RETRY_MS).await {
            return None;
        }
    }
}

/// Runs an activity to its end, and says what arrives of it; `None` when the runtime closes before: it runs again after
/// the next start.
async fn to_its_result(
    runtime: &Arc<Runtime>,
    caller: &Caller,
    call: ActivityCall,
    runner: Option<Runner>,
) -> Option<Event> {
    let task = call.task;
    let failed = |failure| Event::TaskFailed { task, failure };
    let Some(runner) = runner else {
        let message = format!("No deployed module exports the activity '{}'.", call.name);
        return Some(failed(Failure::new("activity-not-found", message)));
    };
    let run = ActivityRun {
        idempotency_key: caller.identity.idempotency_key(task),
        instance_id: caller.identity.instance_id.to_string(),
        reporter: reporter(runtime, caller, &call),
        name: call.name,
        input: call.input,
        attempt: call.attempt,
        now_ms: runtime.clock.now_ms(),
    };
    let ended = to_its_end(runtime, &runner, &run, call.timeout_ms).await?;
    let (limit, depth) = (runtime.config.limits.payload_bytes, runtime.config.limits.payload_depth);
    let ended = match ended {
        RunEnd::Done(Ok(result)) => RunEnd::Done(for_every_reader(&run.name, result, depth)),
        other => other,
    };
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

/// The result, unless some readers fail on it or read it differently.
fn for_every_reader(activity: &str, result: Payload, depth: usize) -> Result<Payload, Failure> {
    match result.check(depth) {
        Ok(()) => Ok(result),
        Err(error) => Err(Failure::new("not-json", format!("The result of activity '{activity}' is {error}."))),
    }
}

/// What a run reports is shown as long as it runs.
fn reporter(runtime: &Arc<Runtime>, caller: &Caller, call: &ActivityCall) -> Reporter {
    let (runtime, id, key) = (Arc::downgrade(runtime), caller.identity.instance_id.clone(), caller.key);
    let (task, name, attempt) = (call.task, call.name.clone(), call.attempt);
    Reporter::to(move |text| {
        let Some(runtime) = runtime.upgrade() else { return Ok(()) };
        let limits = &runtime.config.limits;
        let progress =
            Payload::admit(text, limits.payload_depth).map_err(|error| format!("the progress is {error}"))?;
        limits.check_custom_status(&progress)?;
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
                if !runtime.rest_ms(RETRY_MS).await {
                    return None;
                }
            }
            Err(PlayError::Cut(reason)) => {
                return failed(Failure::CUT, format!("activity '{}' was cut: {reason}", run.name));
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
    let timed_out = async {
        match timeout_ms {
            Some(timeout_ms) => runtime.clock.rest_ms(timeout_ms).await,
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
    let is_pure = runner.is_pure(&runtime.guests);
    tokio::select! {
        biased;
        ended = running => Some(ended),
        () = timed_out => {
            let message = format!("Activity '{}' took longer than {} ms.", run.name, timeout_ms.unwrap_or_default());
            Some(Ok(RunEnd::Done(Err(Failure::new("timeout", message)))))
        }
        () = runtime.closing.cancelled(), if is_pure => None,
    }
}
