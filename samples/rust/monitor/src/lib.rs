//! A flow without an end: it looks at something, waits, and begins anew, so that its history never grows.

use std::time::Duration;

use dacapo::prelude::*;
use serde::{Deserialize, Serialize};

/// What one execution hands to the next.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Watch {
    job: String,
    interval_ms: u64,
    /// Executions after which it ends by itself; without it, only the event `Stop` ends it.
    until: Option<u64>,
    /// What the execution before this one read; `null` at first.
    reading: Option<u64>,
    #[serde(default)]
    generation: u64,
}

/// Shows the last reading of a job, until somebody raises `Stop`; returns that reading.
#[orchestrator]
async fn monitor_job(ctx: Context, watch: Watch) -> Result<u64> {
    let reading: u64 = ctx.call_activity("ReadSensor", (&watch.job, watch.generation)).await?;
    ctx.set_custom_status(json!({ "job": watch.job, "generation": watch.generation, "reading": reading }))?;

    let generation = watch.generation + 1;
    if watch.until.is_some_and(|until| generation >= until) {
        return Ok(reading);
    }
    let stop = ctx.wait_for_event::<Value>("Stop");
    if ctx.with_timeout(Duration::from_millis(watch.interval_ms), stop).await?.is_none() {
        // A `Stop` that comes between two executions is kept for the next one.
        ctx.continue_as_new(Watch { reading: Some(reading), generation, ..watch }, BufferedEvents::Keep)?;
    }
    Ok(reading)
}

/// A sensor to play with: its readings go up and down.
#[activity]
fn read_sensor((job, generation): (String, u64)) -> Result<u64> {
    Ok((generation * 7 + job.len() as u64) % 100)
}

dacapo::module! {
    orchestrators: [monitor_job],
    activities: [read_sensor],
}
