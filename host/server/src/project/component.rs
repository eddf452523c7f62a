//! Is a file a module, and what does it export? Asked without a server.

use anyhow::Context as _;
use dacapo_core::ids::sha256_hex;
use dacapo_runtime::Guests;
use dacapo_store::ModuleVersion;
use dacapo_wasm::WasmConfig;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Guests in memory: one that plays, and a few to ask it what it exports.
const GUESTS: u32 = 8;

/// A component that was compiled and asked what it exports.
pub(crate) struct Prepared {
    /// What plays it.
    pub(crate) guests: Guests,
    /// It, as a version of a module named after the file.
    pub(crate) version: ModuleVersion,
    /// What was compiled; of no use later, since the build is about to be changed.
    _folder: TempDir,
}

/// Compiles a component and asks it what it exports.
pub(crate) async fn prepare(file: &Path) -> anyhow::Result<Prepared> {
    let named = || file.display().to_string();
    let component = std::fs::read(file).with_context(named)?;
    let folder = tempfile::tempdir().context("cannot make a folder for the compiled module")?;
    let mut config = WasmConfig::new(folder.path().to_owned());
    config.instances = GUESTS;
    config.compiler = std::env::current_exe().ok();
    let guests = dacapo_wasm::guests(config, Arc::new(|_: &str| Ok(None)))?;
    let digest = sha256_hex(&component);
    let exports = guests.loader.prepare(&digest, &component).await.with_context(named)?;
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let version = exports.of_build(&name, digest, component.len() as u64);
    Ok(Prepared { guests, version, _folder: folder })
}
