//! Go and C: compilers at pinned versions, from Python's packages, and `dacapo build`.

use super::{is_current, module_name, newest, output};
use crate::cargo::target_dir;
use crate::clients;
use crate::process::{root, show};
use crate::tally::Tally;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, stdout};
use std::path::{Path, PathBuf};
use std::process::Command;

const LANGUAGES: [&str; 2] = ["go", "c"];

/// The samples, as their folders are named.
const SAMPLES: [&str; 3] = ["cities", "tickets", "status"];

/// The compilers are those of new projects.
pub(super) fn install() -> Result<()> {
    for language in LANGUAGES {
        let pinned = root().join("host/server/templates").join(language);
        let install = |dir: &Path| clients::venv(dir, "requirements.txt");
        clients::install_one(&pinned, &compiler(language)?, &["requirements.txt"], install)?;
    }
    // As it is called where it does not come from Python.
    let bin = compiler("c")?.join("bin");
    match std::os::unix::fs::symlink("python-zig", bin.join("zig")) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error).context("cannot name zig"),
        _ => Ok(()),
    }
}

pub(super) fn build() -> Result<()> {
    for language in LANGUAGES {
        let samples =
            SAMPLES.map(|name| ("samples", root().join("samples").join(language).join(name), module_name(name)));
        let probe = ("guests", root().join("tests/guests").join(language).join("probe"), "probe".to_owned());
        let sdk = newest(&root().join("guest-sdk").join(language))?;
        for (kind, folder, name) in samples.into_iter().chain([probe]) {
            let output = output(kind, language, &name)?;
            if is_current(&output, &[sdk, newest(&folder)?]) {
                continue;
            }
            let dacapo = target_dir()?.join("debug/dacapo");
            show(command(language, &dacapo)?.arg("build").current_dir(&folder))?;
            let built = folder.file_name().context("a project has a name")?;
            let built = folder.join("build").join(built).with_extension("wasm");
            fs::copy(&built, &output).with_context(|| format!("cannot copy {}", built.display()))?;
        }
    }
    Ok(())
}

pub(super) fn test(tally: &mut Tally) -> Result<bool> {
    let mut passed = true;
    let projects = |language: &str| {
        let samples = root().join("samples").join(language);
        SAMPLES.map(|name| samples.join(name))
    };
    for folder in [root().join("guest-sdk/go")].into_iter().chain(projects("go")) {
        let mut go = command("go", Path::new("go"))?;
        passed &= tally.run(go.args(["test", "-v", "./..."]).current_dir(folder), &mut stdout())?;
    }
    let sdk = root().join("guest-sdk/c");
    let own = [(sdk.join("tests"), vec!["sdk_test.c".to_owned()])];
    let samples = projects("c").into_iter().map(|folder| {
        let name = folder.file_name().unwrap_or_default().display().to_string();
        (folder, vec![format!("src/{name}.c"), format!("test/{name}_test.c")])
    });
    for (folder, sources) in own.into_iter().chain(samples) {
        let flags = fs::read_to_string(folder.join("compile_flags.txt"))?;
        let program = output("tests", "c", &folder.file_name().unwrap_or_default().display().to_string())?;
        let program = program.with_extension("");
        let mut zig = command("c", Path::new("zig"))?;
        zig.arg("cc").args(flags.lines()).args(sources).current_dir(folder);
        zig.args(["dacapo.c", "dacapo_format.c", "dacapo_json.c", "dacapo_testing.c"].map(|file| sdk.join(file)));
        show(zig.arg("-o").arg(&program))?;
        passed &= tally.run(&mut Command::new(program), &mut stdout())?;
    }
    Ok(passed)
}

/// Where the compiler of a language is installed.
fn compiler(language: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join("compilers").join(language))
}

/// A command that finds the compiler of a language.
fn command(language: &str, program: &Path) -> Result<Command> {
    let compilers = [compiler(language)?.join("bin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: OsString = std::env::join_paths(compilers.into_iter().chain(std::env::split_paths(&path)))?;
    let mut command = Command::new(program);
    // The toolchain that is pinned, and no other one that it would fetch.
    command.env("PATH", path).env("GOTOOLCHAIN", "local");
    Ok(command)
}
