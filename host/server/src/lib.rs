//! The Dacapo server: everything below it wired together, with an HTTP API in front and a command line around.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | the settings of a server, each with its default, and what makes them invalid |
//! | [`app`] | the composition root: store, guests, runtime and HTTP as one running thing |
//! | [`http`] | the HTTP API; the only user of axum |
//! | `moment` | a time, as it is read, and shown with its fraction of a second |
//! | `text_file` | text that people and their tools have written |
//! | `project` | sources of modules: new ones, and how they become components |
//! | [`cli`] | the command line; the only user of clap |

pub mod app;
pub mod cli;
pub mod config;
pub mod http;
mod moment;
mod project;
mod text_file;

pub use app::{App, Parts};
pub use config::ServeConfig;
