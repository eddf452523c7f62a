//! The library that stands between a program and its disk, built by the machine's own C compiler.

use crate::server::target;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The shared library, built once in a process.
///
/// Errors: there is no C compiler (which is said with what installs it), or the source does not compile.
pub fn library() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}"))) {
        Ok(path) => Ok(path),
        Err(error) => anyhow::bail!("{error}"),
    }
}

fn build() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("torture/interpose.c");
    let folder = target().join("torture");
    std::fs::create_dir_all(&folder)?;
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    // Several tests may build it at once: each its own, the last one stays.
    let mine = folder.join(format!("interpose-{}.so", std::process::id()));
    let output = Command::new(&compiler)
        .args(["-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o"])
        .args([&mine, &source])
        .args(["-ldl", "-lpthread"])
        .output()
        .with_context(|| {
            format!(
                "there is no C compiler `{}`; on Debian this installs it: apt-get install -y gcc libc6-dev",
                compiler.display()
            )
        })?;
    ensure!(output.status.success(), "interpose.c: {}", String::from_utf8_lossy(&output.stderr));
    let built = folder.join("interpose.so");
    std::fs::rename(&mine, &built)?;
    Ok(built)
}
