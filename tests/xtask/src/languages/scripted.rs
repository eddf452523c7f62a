//! JavaScript, TypeScript and Python: an interpreter goes into each module.

use super::{is_current, is_older, module_name, newest, output};
use crate::cargo::target_dir;
use crate::clients;
use crate::process::{root, show};
use crate::tally::Tally;
use anyhow::Result;
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The samples, as their files are named.
const SAMPLES: [&str; 5] = ["cities", "tickets", "status", "orders", "approval"];

/// Folders that npm installs into. In this order: the others use the SDK where it lies, with what is installed there.
const NODE: [&str; 5] = ["guest-sdk/js", "samples/js", "samples/ts", "tests/guests/js", "tests/guests/starling"];

/// What builds modules of Python.
const REQUIREMENTS: &str = "requirements-build.txt";

pub(super) fn install() -> Result<()> {
    for folder in NODE {
        let folder = root().join(folder);
        if is_older(&folder.join("node_modules/.package-lock.json"), &folder.join("package-lock.json")) {
            clients::node(&folder)?;
        }
    }
    let install = |dir: &Path| clients::venv(dir, REQUIREMENTS);
    clients::install_one(&root().join("guest-sdk/python"), &venv()?, &[REQUIREMENTS], install)
}

pub(super) fn build() -> Result<()> {
    let mut scripts = vec![
        ("guests", "js", "tests/guests/js".into(), "probe.js".into(), "probe".into()),
        ("guests", "starling", "tests/guests/starling".into(), "module.js".into(), "module".into()),
    ];
    for (language, sources, extension) in [("js", "", "js"), ("ts", "src", "ts")] {
        for file in SAMPLES {
            let entry = Path::new(sources).join(format!("{file}.{extension}"));
            scripts.push(("samples", language, format!("samples/{language}"), entry, module_name(file)));
        }
    }
    // The two guests share a file.
    let sdk = newest(&root().join("guest-sdk/js"))?.max(newest(&root().join("tests/guests/js"))?);
    for (kind, language, folder, entry, name) in scripts {
        let (folder, output) = (root().join(folder), output(kind, language, &name)?);
        if is_current(&output, &[sdk, newest(&folder)?]) {
            continue;
        }
        let mut tool = Command::new("node");
        tool.arg(root().join("guest-sdk/js/bin/dacapo-js.mjs")).arg("build").arg(entry).arg("-o").arg(&output);
        show(tool.arg("--wit").arg(root().join("wit")).current_dir(&folder))?;
    }
    let sdk = newest(&root().join("guest-sdk/python"))?;
    let samples = SAMPLES.map(|file| ("samples", "samples/python", file, module_name(file)));
    for (kind, folder, file, name) in
        samples.into_iter().chain([("guests", "tests/guests/python", "probe", "probe".into())])
    {
        let (folder, output) = (root().join(folder), output(kind, "python", &name)?);
        if is_current(&output, &[sdk, newest(&folder)?]) {
            continue;
        }
        let mut tool = python()?;
        tool.args(["-m", "dacapo", "build"]).arg(format!("{file}.py")).arg("-o").arg(&output);
        show(tool.arg("--wit").arg(root().join("wit")).current_dir(&folder))?;
    }
    Ok(())
}

pub(super) fn test(tally: &mut Tally) -> Result<bool> {
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
    Ok(passed)
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
