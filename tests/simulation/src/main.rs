//! The real core and runtime, with nothing simulated but the store's faults, the clock and what activities do.
//!
//! | module | holds |
//! |---|---|
//! | `chance` | what is drawn, from a seed |
//! | `clock` | time, moved by hand |
//! | `executor` | one thread that runs what is ready in an order that grows from the seed |
//! | `script`, `flow` | flows as data, and who plays them |
//! | `guests` | what the runtime takes for guests: they run when the harness lets them |
//! | `ledger` | what a history must be, whoever wrote it |
//! | `seeds` | which cases are played |
//! | `faults` | crashes, errors, delays, jumps, evictions, hang-ups: nothing acknowledged is lost, and all ends |
//! | `paths` | warm, cold, restarted, on every store: the same |

mod chance;
mod clock;
mod executor;
mod faults;
mod flow;
mod guests;
mod ledger;
mod paths;
mod script;
mod seeds;
