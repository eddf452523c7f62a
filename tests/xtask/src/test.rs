//! `cargo xtask test`: all set-up and all tests.

use crate::cargo::{build, cargo, target_dir};
use crate::process::{root, show};
use crate::step::step;
use crate::tally::Tally;
use crate::{clients, guests, languages, samples, tools};
use anyhow::{Result, bail};
use std::io::stdout;
use std::process::ExitCode;

/// Workspaces whose sources are checked for their format.
const WORKSPACES: [&str; 4] =
    ["Cargo.toml", "guest-sdk/rust/Cargo.toml", "samples/rust/Cargo.toml", "tests/guests/Cargo.toml"];

/// Workspaces that are built for the sandbox; the samples' lints cover the SDK that they use.
const GUESTS: [&str; 2] = ["samples/rust/Cargo.toml", "tests/guests/Cargo.toml"];
const WASM: &str = "wasm32-wasip2";

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
    step("rustfmt and clippy", || tools::add_components(&["rustfmt", "clippy"]))?;
    step("wasm targets", || tools::add_targets(&["wasm32-wasip2", "wasm32-unknown-unknown"]))?;
    step("tools", tools::check)?;
    step("format", format)?;
    step("clippy", || show(&mut build(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])))?;
    step("core on wasm32", || {
        show(&mut build(&["build", "--package", "dacapo-core", "--target", "wasm32-unknown-unknown"]))
    })?;
    step("samples", samples::build)?;
    step("guests", guests::build)?;
    step("clippy of what runs in the sandbox", clippy_guests)?;
    step("clients", clients::install)?;
    step("languages", languages::install)?;
    // The end-to-end tests run the binary; `cargo test` alone does not build it for them.
    step("host", host)?;
    step("samples in other languages", languages::build)
}

/// Builds the host's program.
pub(crate) fn host() -> Result<()> {
    show(&mut build(&["build", "--workspace", "--bins"]))
}

fn clippy_guests() -> Result<()> {
    for manifest in GUESTS {
        let mut clippy = build(&["clippy", "--workspace", "--release", "--target", WASM, "--manifest-path"]);
        let clippy = clippy.arg(root().join(manifest)).args(["--", "-D", "warnings"]);
        show(clippy.env("CARGO_TARGET_DIR", target_dir()?.join("guests")))?;
    }
    Ok(())
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
        let mut sdk = build(&["test", "--workspace", "--no-fail-fast", "--manifest-path"]);
        sdk.arg(root().join(SDK)).env("CARGO_TARGET_DIR", target_dir()?.join("sdk"));
        passed(tally.run(&mut sdk, &mut stdout())?)
    })?;
    step("tests of the SDKs in other languages", || languages::test(tally))?;
    step("tests", || passed(tally.run(&mut build(&["test", "--workspace", "--no-fail-fast"]), &mut stdout())?))
}

fn passed(success: bool) -> Result<()> {
    if !success {
        bail!("tests failed, or did not build: see above");
    }
    Ok(())
}
