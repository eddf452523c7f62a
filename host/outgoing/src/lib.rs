//! HTTP that leaves the host: only where the operator lets it go, and never further than it was checked.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | what the operator writes: where requests may go, secrets, activities |
//! | [`rules`] | may a URL be called, may an address be connected to |
//! | [`client`] | the one client: checked addresses, no redirects, no proxies, bounded sizes and times |
//! | [`activities`] | activities that are one HTTP call, and the built-in `Http` |

pub mod activities;
pub mod client;
pub mod config;
pub mod rules;

pub use activities::HttpActivities;
pub use client::{Outgoing, Reply, Request, SendError};
pub use config::{InvalidOutgoing, OutgoingConfig};
