//! Flows for measuring: all overhead, no work.

use dacapo::prelude::*;

/// So many activities, one after the other.
#[orchestrator]
async fn steps(ctx: Context, count: u32) -> Result<u32> {
    for step in 0..count {
        ctx.call_activity::<u32>("Noop", step).await?;
    }
    Ok(count)
}

/// So many activities, all at once.
#[orchestrator]
async fn fan_out(ctx: Context, count: u32) -> Result<u32> {
    try_join_all((0..count).map(|step| ctx.call_activity::<u32>("Noop", step))).await?;
    Ok(count)
}

/// At rest until somebody raises `Go`, and returns its data.
#[orchestrator]
async fn park(ctx: Context) -> Result<Value> {
    ctx.set_custom_status("waiting")?;
    ctx.wait_for_event("Go").await
}

/// A single activity.
#[orchestrator]
async fn trivial(ctx: Context) -> Result<()> {
    ctx.call_activity("Noop", ()).await
}

/// Returns what it is given.
#[activity]
fn noop(x: Value) -> Result<Value> {
    Ok(x)
}

dacapo::module! {
    orchestrators: [steps, fan_out, park, trivial],
    activities: [noop],
}
