//! `cargo xtask test`: all set-up and all tests.

use crate::cargo::{cargo, target_dir};
use crate::process::{root, show};
use crate::step::step;
use crate::tally::Tally;
use crate::{clients, guests, samples, tools};
use anyhow::{Result, bail};
use std::io::stdout;
use std::process::ExitCode;

/// Workspaces whose sources are checked for their format.
const WORKSPACES: [&str; 4] =
    ["Cargo.toml", "guest-sdk/rust/Cargo.toml", "samples/rust/Cargo.toml", "tests/guests/Cargo.toml"];

const SDK: &str = "guest-sdk/rust/Cargo.toml";

/// Everything, one after the other; stops at the first step that fails. The very last line sums up the tests.
pub(crate) fn run() -> Result<ExitCode> {
    set_up()?;
    let mut tally = Tally::default();
    let tested = tests(&mut tally);
    if let Err(error) = &tested {
        eprintln!("error: {error:#}");
    }
    println!("{tally}");
    Ok(if tested.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn set_up() -> Result<()> {
    step("wasm targets", || tools::add_targets(&["wasm32-wasip2", "wasm32-unknown-unknown"]))?;
    step("tools", tools::check)?;
    step("format", format)?;
    step("clippy", || show(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])))?;
    step("core on wasm32", || {
        show(&mut cargo(&["build", "--package", "dacapo-core", "--target", "wasm32-unknown-unknown"]))
    })?;
    step("samples", samples::build)?;
    step("guests", guests::build)?;
    step("clients", clients::install)?;
    // The end-to-end tests run the binary; `cargo test` alone does not build it for them.
    step("host", || show(&mut cargo(&["build", "--workspace", "--bins"])))
}

fn format() -> Result<()> {
    for manifest in WORKSPACES {
        let mut check = cargo(&["fmt", "--all", "--check", "--manifest-path"]);
        show(check.arg(root().join(manifest)))?;
    }
    Ok(())
}

fn tests(tally: &mut Tally) -> Result<()> {
    step("tests of the SDK", || {
        let mut sdk = cargo(&["test", "--workspace", "--no-fail-fast", "--manifest-path"]);
        sdk.arg(root().join(SDK)).env("CARGO_TARGET_DIR", target_dir()?.join("sdk"));
        passed(tally.run(&mut sdk, &mut stdout())?)
    })?;
    step("tests", || passed(tally.run(&mut cargo(&["test", "--workspace", "--no-fail-fast"]), &mut stdout())?))
}

fn passed(success: bool) -> Result<()> {
    if !success {
        bail!("tests failed, or did not build: see above");
    }
    Ok(())
}
