//! The arrows of ARCHITECTURE.md, checked against what cargo says.

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What each crate of the host may use of the others.
const ARROWS: [(&str, &[&str]); 6] = [
    ("dacapo-core", &[]),
    ("dacapo-store", &["dacapo-core"]),
    ("dacapo-runtime", &["dacapo-core", "dacapo-store"]),
    ("dacapo-outgoing", &["dacapo-core", "dacapo-runtime"]),
    ("dacapo-wasm", &["dacapo-core", "dacapo-store", "dacapo-runtime", "dacapo-outgoing"]),
    ("dacapo-server", &["dacapo-core", "dacapo-store", "dacapo-runtime", "dacapo-outgoing", "dacapo-wasm"]),
];

/// What only one crate may name.
const OWNERS: [(&str, &str); 7] = [
    ("wasmtime", "dacapo-wasm"),
    ("wasmtime-wasi", "dacapo-wasm"),
    ("wasmtime-wasi-http", "dacapo-wasm"),
    ("rusqlite", "dacapo-store"),
    ("axum", "dacapo-server"),
    ("clap", "dacapo-server"),
    ("hyper", "dacapo-server"),
];

/// All that the pure crate may use.
const PURE: [&str; 5] = ["serde", "serde_json", "sha2", "hex", "thiserror"];

fn metadata() -> Result<Vec<Value>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("a workspace")?.join("Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    Ok(metadata["packages"].as_array().context("packages")?.clone())
}

/// The names of a package's dependencies, without those of its tests.
fn dependencies(package: &Value) -> BTreeSet<&str> {
    let all = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter()
        .filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .collect()
}

#[test]
fn no_crate_uses_what_it_may_not() -> Result<()> {
    let packages = metadata()?;
    for (name, allowed) in ARROWS {
        let package = packages.iter().find(|package| package["name"] == name).with_context(|| format!("no {name}"))?;
        let used = dependencies(package);
        let ours = used.iter().filter(|used| used.starts_with("dacapo"));
        let forbidden: Vec<_> = ours.filter(|used| !allowed.contains(*used)).collect();
        assert!(forbidden.is_empty(), "{name} uses {forbidden:?}; it may use {allowed:?}");
        for (dependency, owner) in OWNERS {
            assert!(
                name == owner || !used.contains(dependency),
                "{name} uses {dependency}, which is for {owner} alone"
            );
        }
    }
    Ok(())
}

#[test]
fn the_pure_crate_uses_pure_helpers_only() -> Result<()> {
    let packages = metadata()?;
    let core = packages.iter().find(|package| package["name"] == "dacapo-core").context("core")?;
    let impure: Vec<_> = dependencies(core).into_iter().filter(|used| !PURE.contains(used)).collect();
    assert!(impure.is_empty(), "dacapo-core uses {impure:?}");
    Ok(())
}

#[test]
fn every_crate_of_the_host_is_known_here() -> Result<()> {
    for package in metadata()? {
        let (name, manifest) = (package["name"].as_str().unwrap_or_default(), package["manifest_path"].as_str());
        let is_host = manifest.is_some_and(|path| path.contains("/host/"));
        assert!(!is_host || ARROWS.iter().any(|(known, _)| *known == name), "{name} has no arrows in this test");
    }
    Ok(())
}
