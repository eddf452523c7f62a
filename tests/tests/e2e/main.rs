//! The end-to-end tests: one program, so that it is linked once, and a long test leaves no core idle.

mod acts;
mod architecture;
mod cli;
mod clients;
mod context;
mod deploy;
mod endless;
mod golden;
mod golden_folder;
mod kill;
mod kill_model;
mod kill_orders;
mod kill_player;
mod languages;
mod memory;
mod misbehaving;
mod model;
mod outgoing;
mod probes;
mod projects;
mod reads;
mod replay;
mod samples;
#[cfg(target_os = "linux")]
mod torture;
mod versions;
