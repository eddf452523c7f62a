//! The project's own commands: `cargo xtask samples | languages | guests | clients | demo | torture | test`.

mod cargo;
mod clients;
mod demo;
mod guests;
mod languages;
mod process;
mod samples;
mod server;
mod step;
mod tally;
mod test;
mod tools;
mod torture;
mod wasm;
mod watch;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  samples        build samples/rust into target/samples/rust/<Name>.wasm
  languages      build the samples in other languages into target/samples/<language>/<Name>.wasm
  guests         build tests/guests into target/guests/wasm/<name>.wasm
  clients        install the published clients of tests/clients into target/clients
  demo [--keep]  serve, deploy and run the samples; --keep leaves the server running
  torture [--minutes N] [--rounds N] [--seed N] [--flows N] [--kinds KIND,...]
                 kill, break and fill what a server stands on, under load, for ten minutes if nothing else is said;
                 kinds: kill, io, full, stop, terminate, clock, power
  test           set up everything that the tests need, and run all of them
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["samples"] => samples::run()?,
        ["languages"] => {
            step::step("languages", languages::install)?;
            step::step("host", test::host)?;
            step::step("samples in other languages", languages::build)?;
        }
        ["guests"] => guests::run()?,
        ["clients"] => step::step("clients", clients::install)?,
        ["demo"] => demo::run(demo::After::Stop)?,
        ["demo", "--keep"] => demo::run(demo::After::Keep)?,
        ["torture", options @ ..] => torture::run(options)?,
        ["test"] => return test::run(),
        ["help" | "--help" | "-h"] => print!("{USAGE}"),
        _ => bail!("unknown command `{}`\n{USAGE}", args.join(" ")),
    }
    Ok(ExitCode::SUCCESS)
}
