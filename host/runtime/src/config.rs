//! Settings of the runtime, each with its default.

use dacapo_core::Limits;

/// Settings of the runtime.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// Bounds on each instance.
    pub limits: Limits,
    /// Memory that warm instances may hold in all, in bytes. 0: none stays warm, every turn replays.
    pub warm_budget_bytes: usize,
    /// Warm instances in all, whatever they hold.
    pub warm_instances: usize,
    /// Activities that run at the same time.
    pub activity_concurrency: usize,
    /// Host activities that run at the same time; a slow service must not hold modules up.
    pub host_activity_concurrency: usize,
    /// Turns of one instance that may wait for the disk at once; the next one waits for the first of them. 1: no turn
    /// builds on one that is not durable.
    pub turns_ahead: usize,
    /// How often a turn is tried cold after a cut by a limit of the machine, before the instance fails.
    pub cuts_before_failure: u32,
    /// Memory for statuses of recent instances, in bytes.
    pub status_cache_bytes: usize,
    /// Timers held in memory; later ones are fetched from the store when their time comes near.
    pub timers_in_memory: usize,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            warm_budget_bytes: 256 << 20,
            warm_instances: 4_000,
            activity_concurrency: 64,
            host_activity_concurrency: 256,
            turns_ahead: 128,
            cuts_before_failure: 3,
            status_cache_bytes: 64 << 20,
            timers_in_memory: 100_000,
        }
    }
}
