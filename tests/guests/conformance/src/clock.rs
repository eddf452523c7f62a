//! Time, ids and randomness: by the contract and by WASI.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use raw::{Outcome, call, context, event};
use serde_json::{Value, json};

/// All of them before an activity and again after it.
pub(crate) fn clock() -> Outcome {
    let before = readings();
    call("Echo", "null")?;
    let after = readings();
    Ok(json!({ "instanceId": context::instance_id(), "before": before, "after": after }).to_string())
}

/// All of them before the event `Go` and again after it.
pub(crate) fn clock_at_event() -> Outcome {
    let before = readings();
    event("Go")?;
    Ok(json!({ "before": before, "after": readings() }).to_string())
}

fn readings() -> Value {
    let wasi = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    json!({
        "nowMs": context::current_time_ms(),
        "wasiNowMs": u64::try_from(wasi).unwrap_or(u64::MAX),
        "uuids": [context::new_uuid(), context::new_uuid()],
        // As text: JSON numbers hold 53 bits in most places.
        "random": RandomState::new().build_hasher().finish().to_string(),
    })
}
