//! The HTTP API over real sockets, with native guests, a store in memory, and time that the tests move.

mod acts;
mod fake;
mod harness;
mod list;
mod modules;
mod purge;
mod routes;
mod server;
mod start;
mod status;
mod waiting;
mod watch;
