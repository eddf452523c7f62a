//! Custom statuses: one to query, and one as large as you like.

use dacapo::prelude::*;

/// Publishes a status and waits; any client that knows the instance id can read it, during and after.
#[orchestrator]
async fn status_test(ctx: Context) -> Result<()> {
    ctx.set_custom_status(json!({ "nextActions": ["A", "B", "C"], "foo": 2 }))?;
    ctx.wait_for_event::<Value>("Done").await?;
    Ok(())
}

/// A status of so many letters. Past the server's limit the call fails, and says what the limit is.
#[orchestrator]
async fn big_status(ctx: Context, letters: usize) -> Result<()> {
    ctx.set_custom_status("x".repeat(letters))
}

dacapo::module! { orchestrators: [status_test, big_status] }
