//! Installs the published client libraries that the tests run against the server.

use crate::cargo::target_dir;
use crate::process::{capture, root};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Which files of a client say what to install.
const PYTHON: &[&str] = &["requirements.txt"];
const NODE: &[&str] = &["package.json", "package-lock.json"];

/// Installs each client that has its package files in `tests/clients`, unless that was done already.
pub(crate) fn install() -> Result<()> {
    let (wanted, installed) = (root().join("tests/clients"), target_dir()?.join("clients"));
    install_one(&wanted.join("python"), &installed.join("python"), PYTHON, python)?;
    install_one(&wanted.join("node"), &installed.join("node"), NODE, node)
}

pub(crate) fn install_one(from: &Path, to: &Path, files: &[&str], install: impl Fn(&Path) -> Result<()>) -> Result<()> {
    if !from.is_dir() {
        bail!("{} is missing: which clients are to be installed?", from.display());
    }
    let wanted = read_all(from, files)?;
    let stamp = to.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("cannot remove {}", to.display()))?;
    }
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for file in files {
        fs::copy(from.join(file), to.join(file))?;
    }
    install(to)?;
    // Written last: an installation that was cut short is done again.
    fs::write(stamp, wanted).context("cannot note what was installed")
}

fn read_all(dir: &Path, files: &[&str]) -> Result<String> {
    let read = |file: &&str| {
        let path = dir.join(file);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    files.iter().map(read).collect()
}

fn python(dir: &Path) -> Result<()> {
    venv(dir, "requirements.txt")
}

/// Makes `dir`, which holds the file `requirements`, a virtual environment with what that asks for.
pub(crate) fn venv(dir: &Path, requirements: &str) -> Result<()> {
    capture(Command::new("python3").args(["-m", "venv"]).arg(dir))?;
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    capture(pip.arg(dir.join(requirements)))?;
    Ok(())
}

/// Installs what the lockfile in `dir` says.
pub(crate) fn node(dir: &Path) -> Result<()> {
    capture(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(dir))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_calls(dir: &Path) -> Result<()> {
        let calls = dir.parent().expect("has a parent").join("calls");
        let before = fs::read_to_string(&calls).unwrap_or_default();
        Ok(fs::write(calls, before + "x")?)
    }

    #[test]
    fn installs_again_only_when_the_package_files_changed() {
        let dir = tempfile::tempdir().expect("a folder");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir(&from).expect("made");
        for (text, calls) in [("a==1", "x"), ("a==1", "x"), ("a==2", "xx")] {
            fs::write(from.join("requirements.txt"), text).expect("written");
            install_one(&from, &to, PYTHON, count_calls).expect("installs");
            assert_eq!(fs::read_to_string(dir.path().join("calls")).expect("called"), calls);
        }
    }

    #[test]
    fn a_failed_installation_is_tried_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir(&from).expect("made");
        fs::write(from.join("requirements.txt"), "a==1").expect("written");
        install_one(&from, &to, PYTHON, |_| anyhow::bail!("cut short")).expect_err("fails");
        install_one(&from, &to, PYTHON, count_calls).expect("installs");
        assert!(dir.path().join("calls").is_file());
    }
}
