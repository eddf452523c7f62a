//! Nested calls of cargo.

use crate::process::{capture, root};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cargo that runs this program, at the root of the repository.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root()).args(args);
    command
}

/// A cargo that builds: with the versions in the lockfile, or not at all.
pub(crate) fn build(args: &[&str]) -> Command {
    let (subcommand, rest) = args.split_first().expect("a subcommand");
    cargo(&[&[subcommand, "--locked"], rest].concat())
}

/// What cargo tells about the workspace of `manifest`, without dependencies.
pub(crate) fn metadata(manifest: &Path) -> Result<Value> {
    let mut command = cargo(&["metadata", "--format-version=1", "--no-deps", "--manifest-path"]);
    let text = capture(command.arg(manifest))?;
    serde_json::from_str(&text).context("cargo metadata printed no JSON")
}

/// Where cargo puts what it builds of the host.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = metadata(&root().join("Cargo.toml"))?;
    let dir = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
    Ok(PathBuf::from(dir))
}
