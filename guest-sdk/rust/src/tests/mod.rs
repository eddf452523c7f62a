//! Flows against a scripted host.

mod combined;
mod dropped;
mod single;

use serde_json::Value;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::export;

/// Plays a flow against the script that was set, as the exported function would.
fn play<F, Fut>(flow: F) -> Result<Value>
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<Value>>,
{
    let outcome = export::play("Flow", flow);
    outcome.map(|json| serde_json::from_str(&json).unwrap()).map_err(Error::from_failure)
}
