//! SDKs and samples in languages other than Rust: set up, built, and their own tests run.
//!
//! | module | holds |
//! |---|---|
//! | `scripted` | JavaScript, TypeScript, Python: an interpreter goes into each module |
//! | `compiled` | Go and C, by `dacapo build` |

mod compiled;
mod scripted;

use crate::cargo::target_dir;
use crate::tally::Tally;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tools write among the sources.
const NOT_SOURCE: [&str; 5] = ["node_modules", "build", "__pycache__", "wit", ".venv"];

/// Installs what the SDKs and samples need.
pub(crate) fn install() -> Result<()> {
    scripted::install()?;
    compiled::install()
}

/// Builds the samples that are older than their sources into `target/samples/<language>`, and the guests of the tests into
/// `target/guests/<language>`. Needs the host's program.
pub(crate) fn build() -> Result<()> {
    scripted::build()?;
    compiled::build()
}

/// Runs the tests that the SDKs and samples have in their own languages.
pub(crate) fn test(tally: &mut Tally) -> Result<()> {
    let passed = [scripted::test(tally)?, compiled::test(tally)?];
    if passed.contains(&false) {
        bail!("tests failed: see above");
    }
    Ok(())
}

/// Where the module `name` of `kind` (`samples` or `guests`) goes.
fn output(kind: &str, language: &str, name: &str) -> Result<PathBuf> {
    let folder = target_dir()?.join(kind).join(language);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.join(format!("{name}.wasm")))
}

/// The name of the module whose sources are called `file`.
fn module_name(file: &str) -> String {
    let (first, rest) = file.split_at(1);
    first.to_uppercase() + rest
}

fn changed(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// Whether what was made of `wanted` is missing, or was made before it changed.
fn is_older(made: &Path, wanted: &Path) -> bool {
    changed(made).is_none_or(|made| changed(wanted).is_some_and(|wanted| made < wanted))
}

fn is_current(output: &Path, sources: &[SystemTime]) -> bool {
    changed(output).is_some_and(|output| sources.iter().all(|source| *source < output))
}

/// When a source below `folder` last changed.
fn newest(folder: &Path) -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let is_source = !NOT_SOURCE.iter().any(|name| entry.file_name() == *name) || path.ends_with("src/build");
        if path.is_dir() && is_source {
            newest = newest.max(self::newest(&path)?);
        } else if path.is_file() {
            newest = newest.max(changed(&path).unwrap_or(newest));
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_after_their_files() {
        assert_eq!(module_name("cities"), "Cities");
    }

    #[test]
    fn what_is_older_than_a_source_is_built_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, seconds| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            let file = fs::File::create(&path).expect("written");
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).expect("set");
            path
        };
        file("src/a.js", 10);
        file("node_modules/b.js", 99);
        let output = file("build/out.wasm", 20);
        let sources = [newest(folder.path()).expect("reads")];
        assert!(is_current(&output, &sources));
        assert!(!is_current(&folder.path().join("build/none.wasm"), &sources));
        file("src/build/c.js", 30);
        assert!(!is_current(&output, &[newest(folder.path()).expect("reads")]));
    }
}
