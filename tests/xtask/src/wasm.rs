//! Builds a workspace of wasm crates into components.

use crate::cargo::{self, metadata};
use crate::process::show;
use crate::tools;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

const TARGET: &str = "wasm32-wasip2";

/// A workspace of crates, each of which becomes one component.
pub(crate) struct Workspace {
    /// Its `Cargo.toml`.
    pub(crate) manifest: PathBuf,
    /// Where cargo builds.
    pub(crate) target_dir: PathBuf,
    /// Where the components go.
    pub(crate) out_dir: PathBuf,
    /// The name of a component (without `.wasm`) from the name of its crate.
    pub(crate) component_name: fn(&str) -> String,
}

/// A component that was built.
#[derive(Debug)]
pub(crate) struct Component {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its size.
    pub(crate) bytes: u64,
}

impl Workspace {
    /// Builds all components in release, and leaves nothing else in the folder for them.
    pub(crate) fn build(&self) -> Result<Vec<Component>> {
        if !self.manifest.is_file() {
            bail!("there is no {}", self.manifest.display());
        }
        tools::add_targets(&[TARGET])?;
        let crates = self.crates()?;
        let mut build = cargo::build(&["build", "--release", "--workspace", "--target", TARGET, "--manifest-path"]);
        show(build.arg(&self.manifest).env("CARGO_TARGET_DIR", &self.target_dir))?;
        clear(&self.out_dir)?;
        crates.iter().map(|(package, library)| self.collect(package, library)).collect()
    }

    /// Package and library of each crate that becomes a component.
    fn crates(&self) -> Result<Vec<(String, String)>> {
        let metadata = metadata(&self.manifest)?;
        let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
        let found = packages.iter().filter_map(|package| {
            let targets = package["targets"].as_array()?;
            let is_component = |target: &&serde_json::Value| {
                target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
            };
            let library = targets.iter().find(is_component)?;
            Some((package["name"].as_str()?.to_owned(), library["name"].as_str()?.to_owned()))
        });
        Ok(found.collect())
    }

    fn collect(&self, package: &str, library: &str) -> Result<Component> {
        let file = format!("{}.wasm", library.replace('-', "_"));
        let built = self.target_dir.join(TARGET).join("release").join(file);
        let path = self.out_dir.join(format!("{}.wasm", (self.component_name)(package)));
        let bytes = fs::copy(&built, &path).with_context(|| format!("cannot copy {}", built.display()))?;
        Ok(Component { path, bytes })
    }
}

fn clear(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Prints where the components are, and their sizes.
pub(crate) fn print(components: &[Component]) {
    let root = crate::process::root();
    for component in components {
        let path = component.path.strip_prefix(&root).unwrap_or(&component.path);
        println!("    {:>6.1} KiB  {}", component.bytes as f64 / 1024.0, path.display());
    }
}
