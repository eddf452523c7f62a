//! `cargo xtask guests`: the guests of the tests, most of which misbehave.

use crate::cargo::target_dir;
use crate::process::root;
use crate::step::step;
use crate::wasm::{Component, Workspace, print};
use anyhow::Result;

/// Builds the guests and lists them.
pub(crate) fn run() -> Result<()> {
    step("guests", build).map(|_| ())
}

/// Builds the guests into `target/guests/wasm`.
pub(crate) fn build() -> Result<Vec<Component>> {
    let target = target_dir()?.join("guests");
    let workspace = Workspace {
        manifest: root().join("tests/guests/Cargo.toml"),
        out_dir: target.join("wasm"),
        target_dir: target,
        component_name: str::to_owned,
    };
    let guests = workspace.build()?;
    print(&guests);
    Ok(guests)
}
