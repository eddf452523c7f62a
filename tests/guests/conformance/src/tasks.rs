//! Tasks: several at once, cancelled ones, one after the other.

use raw::context::{Task, await_any, await_next, call_activity, set_custom_status, start_timer, wait_for_event};
use raw::{Failure, Outcome, call, input_number};
use serde_json::json;

/// A timer of an hour that is cancelled at once: the instance ends after an activity.
pub(crate) fn cancel_timer() -> Outcome {
    let timer = start_timer(3_600_000);
    timer.cancel();
    call("Echo", "\"cancelled\"")
}

/// Five activities (0 to 4), a timer of input milliseconds (5; 10 ms without input) and the event `Go` (6).
fn mixed() -> Result<Vec<Task>, Failure> {
    let delay_ms = input_number(10)?;
    let mut tasks: Vec<Task> = (0..5).map(|index| call_activity("Echo", &index.to_string(), None)).collect();
    tasks.push(start_timer(delay_ms));
    tasks.push(wait_for_event("Go"));
    Ok(tasks)
}

/// The indexes of [`mixed`] tasks in the order they were done in.
pub(crate) fn parallel_mixed() -> Outcome {
    let mut tasks: Vec<(usize, Task)> = mixed()?.into_iter().enumerate().collect();
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

/// The same, with each task watched once. A cancelled one and one whose outcome was taken are not waited for.
pub(crate) fn parallel_watched() -> Outcome {
    let cancelled = start_timer(0);
    cancelled.watch(70);
    cancelled.cancel();
    let taken = call_activity("Echo", "\"first\"", None);
    taken.watch(80);
    await_any(&[&taken]);
    taken.outcome()?;

    let tasks = mixed()?;
    for (key, task) in (10..).zip(&tasks) {
        task.watch(0);
        task.watch(key);
    }
    let mut order = vec![];
    for _ in &tasks {
        let index = await_next() - 10;
        tasks[index as usize].outcome()?;
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
