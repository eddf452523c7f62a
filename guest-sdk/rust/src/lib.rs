//! Write durable orchestrators and activities for Dacapo, in plain `async` Rust.
//!
//! ```no_run
//! use dacapo::prelude::*;
//!
//! #[orchestrator]
//! async fn hello_cities(ctx: Context) -> Result<Vec<String>> {
//!     let mut greetings = vec![];
//!     for city in ["Tokyo", "Seattle", "London"] {
//!         greetings.push(ctx.call_activity("SayHello", city).await?);
//!         ctx.set_custom_status(city)?;
//!     }
//!     Ok(greetings)
//! }
//!
//! #[activity]
//! fn say_hello(name: String) -> Result<String> {
//!     Ok(format!("Hello {name}!"))
//! }
//!
//! dacapo::module! { orchestrators: [hello_cities], activities: [say_hello] }
//! # fn main() {}
//! ```
//!
//! Build it as a `cdylib` with `cargo build --release --target wasm32-wasip2`; the `.wasm` file is the module to deploy.
//!
//! # Map
//! | to | see |
//! |---|---|
//! | mark and export functions | [`#[orchestrator]`](macro@orchestrator), [`#[activity]`](macro@activity), [`module!`] |
//! | call activities, wait for events and timers, publish a status | [`Context`] |
//! | wait for several things | [`join`](fn@join), [`join_all`], [`try_join_all`], [`race`](fn@race), [`Context::with_timeout`] |
//! | stop waiting | [`Task::cancel`], or drop the [`Task`] |
//! | take back what was done before a step failed | [`Saga`] |
//! | retry and limit time | [`ActivityOptions`], [`ChildOptions`], [`Retry`] |
//! | know about the call inside an activity | [`ActivityContext`] |
//! | fail | [`Error`], [`Result`] |
//! | test a flow without a server | [`testing`] |
//!
//! # What an orchestrator may do
//! Its code is played again from the beginning whenever the server has to, with the recorded outcomes, so it must ask for the
//! same things in the same order each time. Take time and ids from the [`Context`], leave side effects to activities, and
//! await nothing but what the context returns and combinations of that.
//!
//! # Values
//! Everything is typed by serde and travels as JSON. Where a value is a JSON string and the type asked for is not, what is
//! inside the quotes is read: some clients encode twice.

// The attributes and the bindings name this crate from the outside; this lets them do so from the inside too.
extern crate self as dacapo;

#[doc(hidden)]
pub mod bindings;

mod activity;
mod children;
mod context;
mod decode;
mod error;
mod executor;
mod export;
mod finite;
mod flow;
mod join;
mod join_all;
mod options;
mod panic_hook;
mod race;
mod saga;
mod task;

#[cfg(not(target_family = "wasm"))]
#[cfg_attr(test, allow(dead_code, reason = "the SDK's own tests play against `fake_host`"))]
pub mod testing;

// The seam to the host. Natively there is none, but the one of `testing`; tests of the SDK itself put their own in its place.
#[cfg(target_family = "wasm")]
use bindings::dacapo::orchestration::{activity_context as activity_host, context as host};
#[cfg(test)]
mod fake_host;
#[cfg(test)]
use fake_host as host;
#[cfg(all(not(target_family = "wasm"), not(test)))]
use testing::host;
#[cfg(not(target_family = "wasm"))]
use testing::host::activity as activity_host;
#[cfg(test)]
mod tests;

pub use activity::ActivityContext;
pub use context::Context;
pub use dacapo_macros::{activity, orchestrator};
pub use error::{Error, Result};
pub use join::{Join, join};
pub use join_all::{join_all, try_join_all};
pub use options::{ActivityOptions, BufferedEvents, ChildOptions, Retry};
pub use race::{Either, race, race_all};
pub use saga::Saga;
pub use serde_json;
pub use task::Task;

/// All that a module usually needs: `use dacapo::prelude::*;`.
pub mod prelude {
    pub use crate::{
        ActivityContext, ActivityOptions, BufferedEvents, ChildOptions, Context, Either, Error, Result, Retry, Saga,
        Task, activity, join, join_all, orchestrator, race, race_all, try_join_all,
    };
    pub use serde_json::{Value, json};
}

/// What the macros expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::exports::dacapo::orchestration::activities::Guest as ActivitiesGuest;
    pub use crate::bindings::exports::dacapo::orchestration::orchestrators::Guest as OrchestratorsGuest;
    pub use crate::export::{
        Activity, Orchestrator, Outcome, act, act_with_input, has_twins, not_found, play, play_with_input,
    };
    pub use wit_bindgen;
}
