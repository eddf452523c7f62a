//! What the language itself offers for time and chance, and the mistakes that it lets one make: each language has this
//! module.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use dacapo::prelude::*;

/// Values of the clock and of chance; the same whenever this is played.
fn drawn() -> Value {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().expect("it is later than 1970");
    json!({
        "clockMs": since_1970.as_millis() as u64,
        // The standard library has no generator; its hash maps are seeded by the system's.
        "random": RandomState::new().hash_one(0).to_string(),
    })
}

#[orchestrator]
async fn traces(ctx: Context) -> Result<Value> {
    let mut first = drawn();
    first["uuid"] = json!(ctx.new_uuid());
    first["now"] = json!(ctx.now_ms());
    let first: Value = ctx.call_activity("Echo", first).await?;
    ctx.start_timer(Duration::from_secs(1)).await?;
    Ok(json!({ "first": first, "second": drawn() }))
}

/// A mistake deep in a flow.
#[orchestrator]
async fn throws(_ctx: Context) -> Result<()> {
    find(7)
}

// A function of its own in the stack, too.
#[inline(never)]
fn find(order: u32) -> Result<()> {
    panic!("no such order: {order}")
}

#[orchestrator]
async fn sleeps(_ctx: Context) -> Result<()> {
    std::thread::sleep(Duration::from_millis(10));
    Ok(())
}

#[orchestrator]
async fn opens_file(_ctx: Context) -> Result<()> {
    std::fs::read_to_string("/etc/hostname")?;
    Ok(())
}

#[orchestrator]
async fn opens_socket(_ctx: Context) -> Result<()> {
    std::net::TcpStream::connect("127.0.0.1:1")?;
    Ok(())
}

/// JSON has no keys but strings.
#[derive(serde::Serialize)]
struct Order {
    lines: Vec<BTreeMap<(u8, u8), u8>>,
}

#[orchestrator]
async fn not_json(ctx: Context) -> Result<Value> {
    ctx.call_activity("Echo", Order { lines: vec![BTreeMap::from([((1, 2), 3)])] }).await
}

#[activity]
fn echo(value: Value) -> Result<Value> {
    Ok(value)
}

dacapo::module! {
    orchestrators: [traces, throws, sleeps, opens_file, opens_socket, not_json],
    activities: [echo],
}
