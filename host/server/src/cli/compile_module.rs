//! `dacapo compile-module`: compiles one component in a process of its own. The server calls it; people need not.

use super::exit::{CliError, Exit};

/// Reads a component from standard input and writes what was compiled to standard output.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args) -> Result<Exit, CliError> {
    dacapo_wasm::compile::child_main()?;
    Ok(Exit::Done)
}
