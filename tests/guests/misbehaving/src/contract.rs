//! Breaks the rules of the contract.

use raw::{Failure, Outcome, call, context, wait};
use serde_json::{Value, json};

/// Publishes something that is not JSON, and returns what the host says to it.
pub(crate) fn non_json_status() -> Outcome {
    let said = match context::set_custom_status("not json") {
        Ok(()) => json!("accepted"),
        Err(Failure { kind, message, .. }) => json!({ "kind": kind, "message": message }),
    };
    Ok(said.to_string())
}

/// Awaits a task whose outcome it has taken already.
pub(crate) fn await_twice() -> Outcome {
    let task = context::call_activity("Noop", "1", None);
    wait(&task)?;
    wait(&task)
}

/// Takes an outcome that `await-any` has not announced.
pub(crate) fn outcome_early() -> Outcome {
    context::call_activity("Noop", "1", None).outcome()
}

/// Would wait for ever.
pub(crate) fn await_nothing() -> Outcome {
    Ok(context::await_any(&[]).to_string())
}

/// The same, when what was watched is cancelled.
pub(crate) fn watch_nothing() -> Outcome {
    let timer = context::start_timer(1);
    timer.watch(1);
    timer.cancel();
    Ok(context::await_next().to_string())
}

/// Watches a task that it has cancelled.
pub(crate) fn watch_cancelled() -> Outcome {
    let timer = context::start_timer(1);
    timer.cancel();
    timer.watch(1);
    Ok(context::await_next().to_string())
}

/// Not wrong in itself: calls the activity that the input names, `{"name": ..., "input": ...}`, and ends as it does.
pub(crate) fn call_activity() -> Outcome {
    let input: Value = serde_json::from_str(&context::get_input()).unwrap_or_default();
    call(input["name"].as_str().unwrap_or_default(), &input["input"].to_string())
}
