//! SDKs and samples in languages other than Rust: set up, built, and their own tests run.

use crate::cargo::target_dir;
use crate::clients;
use crate::process::{root, show};
use crate::tally::Tally;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The sample modules that every language has, as their files are named, and as modules.
const SAMPLES: [(&str, &str); 5] = [
    ("cities", "Cities"),
    ("tickets", "Tickets"),
    ("status", "Status"),
    ("orders", "Orders"),
    ("approval", "Approval"),
];

/// What builds modules of Python.
const REQUIREMENTS: &str = "requirements-build.txt";

/// What tools write among the sources.
const NOT_SOURCE: [&str; 4] = ["node_modules", "build", "__pycache__", "wit"];

/// Installs what the SDKs and samples in JavaScript, TypeScript and Python need.
pub(crate) fn install() -> Result<()> {
    // In this order: the samples use the SDK where it lies, with what is installed there.
    for folder in ["guest-sdk/js", "samples/js", "samples/ts"] {
        let folder = root().join(folder);
        if is_older(&folder.join("node_modules/.package-lock.json"), &folder.join("package-lock.json")) {
            clients::node(&folder)?;
        }
    }
    let install = |dir: &Path| clients::venv(dir, REQUIREMENTS);
    clients::install_one(&root().join("guest-sdk/python"), &venv()?, &[REQUIREMENTS], install)
}

/// Builds the samples that are older than their sources into `target/samples/<language>`.
pub(crate) fn build() -> Result<()> {
    let sdk_js = newest(&root().join("guest-sdk/js"))?;
    for (language, sources, extension) in [("js", "", "js"), ("ts", "src", "ts")] {
        let folder = root().join("samples").join(language);
        for (file, module) in SAMPLES {
            let output = output(language, module)?;
            if is_current(&output, &[sdk_js, newest(&folder)?]) {
                continue;
            }
            let entry = Path::new(sources).join(format!("{file}.{extension}"));
            let mut tool = Command::new("node");
            tool.arg(root().join("guest-sdk/js/bin/dacapo-js.mjs")).arg("build").arg(entry).arg("-o").arg(&output);
            show(tool.arg("--wit").arg(root().join("wit")).current_dir(&folder))?;
        }
    }
    let folder = root().join("samples/python");
    let sources = [newest(&root().join("guest-sdk/python"))?, newest(&folder)?];
    for (file, module) in SAMPLES {
        let output = output("python", module)?;
        if is_current(&output, &sources) {
            continue;
        }
        let mut tool = python()?;
        tool.args(["-m", "dacapo", "build"]).arg(format!("{file}.py")).arg("-o").arg(&output);
        show(tool.arg("--wit").arg(root().join("wit")).current_dir(&folder))?;
    }
    Ok(())
}

/// Runs the tests that the SDKs and samples have in their own languages.
pub(crate) fn test(tally: &mut Tally) -> Result<()> {
    let mut passed = true;
    for folder in ["guest-sdk/js", "samples/js"] {
        let mut node = Command::new("node");
        passed &=
            tally.run(node.args(["--test", "--test-reporter=tap"]).current_dir(root().join(folder)), &mut stdout())?;
    }
    let tsc = root().join("samples/ts/node_modules/typescript/bin/tsc");
    show(Command::new("node").arg(tsc).current_dir(root().join("samples/ts")))?;
    let mut unittest = python()?;
    // What it says stands on standard error, and the sum is taken from standard output.
    unittest.args(["-c", UNITTEST]).current_dir(root().join("guest-sdk/python"));
    passed &= tally.run(&mut unittest, &mut stdout())?;
    if !passed {
        bail!("tests failed: see above");
    }
    Ok(())
}

const UNITTEST: &str = "import sys, unittest; \
    runner = unittest.TextTestRunner(stream=sys.stdout); \
    result = runner.run(unittest.defaultTestLoader.discover('tests', top_level_dir='.')); \
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses); \
    print(f'test result: {result.testsRun - failed - len(result.skipped)} passed; {failed} failed; {len(result.skipped)} ignored'); \
    sys.exit(not result.wasSuccessful())";

fn venv() -> Result<PathBuf> {
    Ok(target_dir()?.join("python"))
}

/// Python with the SDK, as it lies in the repository, and what builds modules.
fn python() -> Result<Command> {
    let mut python = Command::new(venv()?.join("bin/python"));
    python.env("PYTHONPATH", root().join("guest-sdk/python/src")).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(python)
}

fn output(language: &str, module: &str) -> Result<PathBuf> {
    let folder = target_dir()?.join("samples").join(language);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.join(format!("{module}.wasm")))
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
