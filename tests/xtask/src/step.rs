//! Steps that say their name and how long they took.

use anyhow::{Context, Result};
use std::time::Instant;

/// Does `work` under a headline.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let begun = Instant::now();
    let done = work().with_context(|| format!("step '{name}' failed"))?;
    println!("    {name}: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(done)
}
