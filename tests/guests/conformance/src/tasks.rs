//! Tasks: several at once, cancelled ones, one after the other.

use raw::context::{Task, await_any, call_activity, set_custom_status, start_timer, wait_for_event};
use raw::{Outcome, call, input_number};
use serde_json::json;

/// A timer of an hour that is cancelled at once: the instance ends after an activity.
pub(crate) fn cancel_timer() -> Outcome {
    let timer = start_timer(3_600_000);
    timer.cancel();
    call("Echo", "\"cancelled\"")
}

/// Five activities (0 to 4), a timer of input milliseconds (5; 10 ms without input) and the event `Go` (6):
/// their indexes in the order they were done in.
pub(crate) fn parallel_mixed() -> Outcome {
    let delay_ms = input_number(10)?;
    let mut tasks: Vec<(usize, Task)> =
        (0..5).map(|index| (index, call_activity("Echo", &index.to_string(), None))).collect();
    tasks.push((5, start_timer(delay_ms)));
    tasks.push((6, wait_for_event("Go")));

    let mut order = vec![];
    while !tasks.is_empty() {
        let handles: Vec<&Task> = tasks.iter().map(|(_, task)| task).collect();
        let position = await_any(&handles) as usize;
        let (index, task) = tasks.remove(position);
        task.outcome()?;
        order.push(index);
    }
    Ok(json!(order).to_string())
}

/// Input n: n activities, one after the other, with a status after each.
pub(crate) fn status_each_step() -> Outcome {
    let total = input_number(3)?;
    for done in 1..=total {
        call("Echo", &done.to_string())?;
        set_custom_status(&format!(r#"{{"done":{done},"total":{total}}}"#))?;
    }
    Ok(total.to_string())
}
