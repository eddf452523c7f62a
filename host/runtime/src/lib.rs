//! Turns, routing, group commit, timers, activities and recovery: what makes stored instances run.
//!
//! The files stand on floors: one may use what stands below it, and nothing beside or above; the architecture test knows
//! the floors. What has to go up (a message for an instance) goes by `slots`.
//!
//! | floor | modules |
//! |---|---|
//! | doors | [`client`]: the only one for HTTP and CLI; `start` sets it up, `stop` takes it down |
//! | on demand | `modules`, [`check`], `upgrade`: deployments, and what becomes of open instances |
//! | instances | `router` (slots, eviction), `recovery`, `timers`: who is looked at next |
//! | one instance | `instance`: load, play, commit |
//! | tasks | `activities`: runs of activities; `writes`: what else is written, and who is told |
//! | ground | `runtime`: what all of these stand on |
//! | parts | `committer` (group commit), [`storage`] (how writing goes, and that the disk has failed), `board` (statuses for readers), `catalog`, `prepared`, `wheel`, `calls`, `player` |
//! | leaves | [`config`], [`clock`], [`scheduler`], [`executor`], [`view`], `message`, `caller`, `fate`, `ground`, `slots`, `throttle`, [`export`], errors |

mod activities;
mod board;
mod caller;
mod calls;
mod catalog;
pub mod check;
pub mod client;
mod client_error;
pub mod clock;
mod committer;
pub mod config;
mod deploy_error;
pub mod executor;
pub mod export;
mod fate;
mod ground;
mod instance;
mod message;
mod modules;
mod player;
mod prepared;
mod recovery;
mod router;
mod runtime;
pub mod scheduler;
mod slots;
mod start;
pub mod storage;
mod throttle;
mod timers;
mod upgrade;
mod versions;
pub mod view;
mod wheel;
mod writes;

pub use check::Checked;
pub use client::{Client, Start};
pub use client_error::ClientError;
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::RuntimeConfig;
pub use deploy_error::DeployError;
pub use executor::{Exports, Guests, InvalidModule};
pub use ground::Ground;
pub use runtime::Runtime;
pub use start::StartError;
pub use view::{ActivityProgress, InstanceView};
