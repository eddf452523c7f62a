//! The binary `dacapo`: the server and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    dacapo_server::cli::main()
}
