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
const PURE: [&str; 6] = ["crc32fast", "serde", "serde_json", "sha2", "hex", "thiserror"];

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

/// The floors of the runtime, from the ground up: a file uses what stands below it, and nothing beside it or above.
const FLOORS: [&[&str]; 12] = [
    &["catalog", "clock", "config", "executor", "fate", "scheduler", "throttle", "versions", "view", "wheel"],
    &["storage"],
    &["board", "caller", "committer", "ground", "player", "prepared"],
    &["calls", "client_error", "deploy_error", "export", "message"],
    &["instance/known", "slots"],
    &["instance/held", "instance/trouble", "runtime"],
    &["activities", "instance/sends", "instance/stall", "recovery", "timers", "writes"],
    &["instance/at_work", "instance/flight", "instance/load"],
    &["check", "instance/desk", "modules", "upgrade"],
    &["instance/commit"],
    &["instance/play"],
    &["router"],
];

/// Above all floors: the door, and what sets everything up.
const ROOF: [&str; 4] = ["client", "instance", "lib", "start"];

/// The files of a crate that a file names, each as its path from `src` without the ending.
fn uses(file: &str, source: &str, files: &BTreeSet<String>) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut used = BTreeSet::new();
    for (root, at) in [("crate::", ""), ("super::", folder)] {
        for (start, _) in code.match_indices(root) {
            let rest = &code[start + root.len()..];
            let path: &str = rest.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next().unwrap_or("");
            let group = rest[path.len()..].strip_prefix('{').and_then(|group| group.split('}').next());
            let names = group.map_or(vec![""], |group| group.split(',').map(str::trim).collect());
            for name in names {
                let full = format!("{at}/{}/{name}", path.trim_end_matches(':')).replace("::", "/");
                let parts: Vec<&str> = full.split('/').filter(|part| !part.is_empty()).collect();
                let known = (1..=parts.len()).rev().map(|n| parts[..n].join("/")).find(|path| files.contains(path));
                used.extend(known.filter(|known| known != file));
            }
        }
    }
    used
}

/// All files of a crate, each as its path from `src` without the ending, with what it uses.
fn files_of(package: &str) -> Result<Vec<(String, BTreeSet<String>)>> {
    let src =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("a workspace")?.join("host").join(package).join("src");
    let (mut sources, mut folders) = (Vec::new(), vec![src.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(&src)?.with_extension("").to_string_lossy().replace('\\', "/");
                sources.push((name, std::fs::read_to_string(&path)?));
            }
        }
    }
    let names: BTreeSet<String> = sources.iter().map(|(name, _)| name.clone()).collect();
    Ok(sources.into_iter().map(|(name, source)| (name.clone(), uses(&name, &source, &names))).collect())
}

#[test]
fn the_files_of_the_runtime_stand_on_floors() -> Result<()> {
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let files = files_of("runtime")?;
    assert!(files.iter().any(|(name, used)| name == "router" && used.contains("instance/play")), "nothing is seen");
    for (name, used) in files {
        if ROOF.contains(&name.as_str()) {
            continue;
        }
        let own = floor(&name).with_context(|| format!("{name} stands on no floor of this test"))?;
        for other in used {
            let below = floor(&other).is_some_and(|other| other < own);
            assert!(below, "{name} uses {other}, which does not stand below it");
        }
    }
    Ok(())
}

#[test]
fn no_files_of_core_or_of_the_store_stand_in_a_circle() -> Result<()> {
    for package in ["core", "store"] {
        let mut left: Vec<_> = files_of(package)?;
        // A file beside a folder of its name, and what is in the folder, are one.
        let one = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
        left.retain(|(name, _)| name != "lib");
        while !left.is_empty() {
            let names: BTreeSet<String> = left.iter().map(|(name, _)| one(name)).collect();
            let uses_left = |(name, used): &(String, BTreeSet<String>)| {
                used.iter().any(|other| one(other) != one(name) && names.contains(&one(other)))
            };
            let stuck: BTreeSet<String> =
                left.iter().filter(|file| uses_left(file)).map(|(name, _)| one(name)).collect();
            assert!(stuck.len() < names.len(), "{package}: a circle among {stuck:?}");
            left.retain(|(name, _)| stuck.contains(&one(name)));
        }
    }
    Ok(())
}
