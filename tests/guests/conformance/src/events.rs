//! Events: their order, their names' case, arriving early, arriving late.

use raw::context::{self, await_any, set_custom_status, start_timer, wait_for_event};
use raw::{Outcome, call, event, input_number, wait};
use serde_json::{Value, json};

/// Three waits for one name, written differently; the data in the order of the waits.
pub(crate) fn event_order() -> Outcome {
    let waits = ["Ping", "PING", "ping"].map(wait_for_event);
    let data = waits.iter().map(wait).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("[{}]", data.join(",")))
}

/// Input n: waits for the event `Item` n times, and returns the data in that order. The status is how many there were.
pub(crate) fn collect() -> Outcome {
    let mut items = vec![];
    for count in 1..=input_number(3)? {
        items.push(event("Item")?);
        set_custom_status(&count.to_string())?;
    }
    Ok(format!("[{}]", items.join(",")))
}

/// As `collect`, but only after the event `Go`: what comes before that has to be kept.
pub(crate) fn collect_late() -> Outcome {
    event("Go")?;
    collect()
}

/// `Go`, or a timer of input milliseconds (a second without input): which one was first, and the event's data.
pub(crate) fn race_timer() -> Outcome {
    let delay_ms = input_number(1_000)?;
    let (go, timer) = (wait_for_event("Go"), start_timer(delay_ms));
    if await_any(&[&go, &timer]) == 0 {
        timer.cancel();
        let data: Value = serde_json::from_str(&go.outcome()?).unwrap_or_default();
        Ok(json!({ "winner": "event", "data": data }).to_string())
    } else {
        go.cancel();
        timer.outcome()?;
        Ok(json!({ "winner": "timer" }).to_string())
    }
}

/// Waits for `Go` only after an activity, so that it may have been there before.
pub(crate) fn buffered() -> Outcome {
    call("Echo", &context::get_input())?;
    event("Go")
}
