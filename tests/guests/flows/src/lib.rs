//! Flows that use the whole orchestration model: retries, time-outs, children, events to others, new executions.

use dacapo::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

// ---- activities ------------------------------------------------------------------------------------------------------

#[activity]
fn echo(value: Value) -> Result<Value> {
    Ok(value)
}

/// Passes on attempt `passes_on`; 0 fails with a kind that policies exclude.
#[activity]
fn flaky(ctx: ActivityContext, passes_on: u32) -> Result<u32> {
    match (passes_on, ctx.attempt()) {
        (0, _) => Err(Error::new("final", "never again")),
        (passes_on, attempt) if attempt < passes_on => {
            Err(Error::new("busy", format!("attempt {attempt} is too early")))
        }
        (_, attempt) => Ok(attempt),
    }
}

/// Never ends by itself.
#[activity]
fn spin(start: u64) -> Result<u64> {
    let mut n = start;
    while n != u64::MAX {
        n = std::hint::black_box(n / 2);
    }
    Ok(n)
}

#[activity]
fn boom(message: String) -> Result<()> {
    Err(Error::new("boom", message))
}

/// Fails until that time.
#[activity]
fn not_before(at_ms: u128) -> Result<String> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    if now_ms < at_ms { Err(Error::new("early", "it is too early")) } else { Ok("at last".into()) }
}

// ---- retries and time-outs -------------------------------------------------------------------------------------------

#[orchestrator]
async fn retries(ctx: Context, passes_on: u32) -> Result<u32> {
    let patient = Retry::attempts(3).first_delay(Duration::from_secs(1)).backoff(2.0).unless("final");
    ctx.call_activity_with("Flaky", passes_on, ActivityOptions::new().retry(patient)).await
}

#[orchestrator]
async fn times_out(ctx: Context) -> Result<u64> {
    ctx.call_activity_with("Spin", 1, ActivityOptions::new().timeout(Duration::from_secs(1))).await
}

// ---- children --------------------------------------------------------------------------------------------------------

/// A failing activity, so many children down.
#[orchestrator]
async fn chain(ctx: Context, depth: u32) -> Result<()> {
    match depth {
        0 => ctx.call_activity("Boom", "the ground gave way").await,
        depth => ctx.call_orchestrator("Chain", depth - 1).await,
    }
}

#[orchestrator]
async fn double(ctx: Context, n: u64) -> Result<u64> {
    Ok(2 * ctx.call_activity::<u64>("Echo", n).await?)
}

#[orchestrator]
async fn spread(ctx: Context, n: u64) -> Result<u64> {
    let children = (0..n).map(|n| ctx.call_orchestrator::<u64>("Double", n));
    Ok(try_join_all(children).await?.into_iter().sum())
}

/// The same, of activities.
#[orchestrator]
async fn wide(ctx: Context, n: u64) -> Result<usize> {
    Ok(try_join_all((0..n).map(|n| ctx.call_activity::<u64>("Echo", n))).await?.len())
}

#[derive(Deserialize)]
struct Called {
    name: String,
    id: Option<String>,
    #[serde(default)]
    detached: bool,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    attempts: u32,
}

/// Starts whatever it is told to.
#[orchestrator]
async fn parent(ctx: Context, called: Called) -> Result<Value> {
    let mut options = ChildOptions::new();
    if let Some(id) = called.id {
        options = options.instance_id(id);
    }
    if called.detached {
        options = options.detached();
    }
    if called.attempts > 0 {
        options = options.retry(Retry::attempts(called.attempts).first_delay(Duration::from_secs(1)));
    }
    ctx.set_custom_status("calling")?;
    ctx.call_orchestrator_with(&called.name, called.input, options).await
}

#[orchestrator]
async fn wait(ctx: Context) -> Result<Value> {
    ctx.set_custom_status("waiting")?;
    ctx.wait_for_event("Go").await
}

#[orchestrator]
async fn tell(ctx: Context, whom: String) -> Result<()> {
    ctx.raise_event(&whom, "gO", json!({ "from": ctx.instance_id() }))
}

// ---- new executions --------------------------------------------------------------------------------------------------

#[derive(Serialize, Deserialize)]
struct Count {
    left: u32,
    sum: u64,
}

/// Adds up so many events `Tick`, each in an execution of its own.
#[orchestrator]
async fn counter(ctx: Context, count: Count) -> Result<u64> {
    if count.sum == 0 {
        ctx.set_custom_status("counting")?;
    }
    if count.left == 0 {
        return Ok(count.sum);
    }
    let tick: u64 = ctx.wait_for_event("Tick").await?;
    ctx.continue_as_new(Count { left: count.left - 1, sum: count.sum + tick }, BufferedEvents::Keep)?;
    Ok(0)
}

/// So many executions that wait for nothing.
#[orchestrator]
async fn tight(ctx: Context, left: u32) -> Result<String> {
    if left > 0 {
        ctx.continue_as_new(left - 1, BufferedEvents::Drop)?;
    }
    Ok("done".into())
}

// ---- rewinding -------------------------------------------------------------------------------------------------------

/// Three activities at once, the middle one of which fails for the first `early_ms` milliseconds.
#[orchestrator]
async fn three(ctx: Context, early_ms: u64) -> Result<Vec<Value>> {
    let first = ctx.call_activity::<Value>("Echo", "first");
    let middle = ctx.call_activity::<Value>("NotBefore", ctx.now_ms() + early_ms);
    let last = ctx.call_activity::<Value>("Echo", "last");
    let (first, middle, last) = join((first, middle, last)).await;
    ctx.set_custom_status("joined")?;
    [first, middle, last].into_iter().collect()
}

/// A child that waits and one that fails at first; it fails with the second.
#[orchestrator]
async fn both(ctx: Context, early_ms: u64) -> Result<(Value, Value)> {
    let id = ChildOptions::new().instance_id(format!("{}-wait", ctx.instance_id()));
    let mut waits = ctx.call_orchestrator_with::<Value>("Wait", (), id);
    let three = ctx.call_orchestrator::<Value>("Three", early_ms).await?;
    Ok(((&mut waits).await?, three))
}

dacapo::module! {
    orchestrators: [retries, times_out, chain, double, spread, wide, parent, wait, tell, counter, tight, three, both],
    activities: [echo, flaky, spin, boom, not_before],
}
