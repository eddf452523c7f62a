//! A flow that fails at first and passes after a rewind: the world it depends on is not ready yet.

use std::time::{SystemTime, UNIX_EPOCH};

use dacapo::prelude::*;

/// How long the shop stays closed when the input does not say.
const CLOSED_MS: u64 = 1_000;

/// Buys at a shop that opens so many milliseconds after the start. It fails, since it asks at once; rewound later, it runs the
/// failed step again, with the same input, and ends well.
#[orchestrator]
async fn fail_once(ctx: Context, closed_ms: Option<u64>) -> Result<String> {
    // The time of the turn, so the same on replay: the activity that runs again is asked for the same thing.
    let opens_at_ms = ctx.now_ms() + closed_ms.unwrap_or(CLOSED_MS);
    ctx.call_activity("BuyAtShop", opens_at_ms).await
}

/// Fails until the shop is open. An activity remembers nothing between two runs, and sees no difference between the first and
/// the one after a rewind; what has changed is the world outside. Here that is the clock, which only activities can read.
#[activity]
fn buy_at_shop(opens_at_ms: u128) -> Result<String> {
    let closed_for_ms = opens_at_ms.saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis());
    match closed_for_ms {
        0 => Ok("bought".to_owned()),
        ms => Err(Error::new("shop-closed", format!("The shop opens in {ms} ms. Rewind the instance then."))),
    }
}

dacapo::module! {
    orchestrators: [fail_once],
    activities: [buy_at_shop],
}
