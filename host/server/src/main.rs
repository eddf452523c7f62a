//! The binary `dacapo`: the server and its command line.

use std::process::ExitCode;

/// A sixth of a turn's time is spent on allocating with the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dacapo_server::cli::main()
}
