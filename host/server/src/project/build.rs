//! From a project to a component: the steps, by the tools of its language, which are installed for the project alone.

use super::{Language, Project, template};
use anyhow::{Context as _, bail};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the component of a project; where it is. `say` hears of each step before it is taken.
pub(crate) fn build(project: &Project, say: fn(&Step)) -> anyhow::Result<PathBuf> {
    let output = project.output();
    std::fs::create_dir_all(project.folder.join("build"))?;
    match project.language {
        Language::Rust => rust(project, say)?,
        Language::Js | Language::Ts => javascript(project, say)?,
        Language::Python => python(project, say)?,
    }
    if !output.exists() {
        bail!("the build ended well, but {} is not there", output.display());
    }
    Ok(output)
}

/// A program that is run in the project's folder.
pub(crate) struct Step {
    program: PathBuf,
    args: Vec<String>,
    /// What installs the program.
    install: &'static str,
}

impl Step {
    fn new(program: impl Into<PathBuf>, args: &[&str], install: &'static str) -> Self {
        Self { program: program.into(), args: args.iter().map(|arg| (*arg).to_owned()).collect(), install }
    }

    fn command(&self, project: &Project) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&project.folder);
        command
    }

    /// What its failing to start means.
    fn missing(&self, error: std::io::Error) -> anyhow::Error {
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                anyhow::anyhow!("{} is missing; this installs it: {}", self.program.display(), self.install)
            }
            _ => anyhow::Error::new(error).context(self.to_string()),
        }
    }

    fn run(&self, project: &Project, say: fn(&Step)) -> anyhow::Result<()> {
        say(self);
        // Standard output is for what the build comes to.
        let status = self.command(project).stdout(std::io::stderr()).status().map_err(|error| self.missing(error))?;
        if !status.success() {
            bail!("`{self}` failed ({status})");
        }
        Ok(())
    }

    fn output(&self, project: &Project) -> anyhow::Result<String> {
        let output = self.command(project).output().map_err(|error| self.missing(error))?;
        if !output.status.success() {
            bail!("`{self}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        String::from_utf8(output.stdout).with_context(|| self.to_string())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program.display(), self.args.join(" "))
    }
}

const RUST: &str = "rustup (https://rustup.rs)";
const WASM_TARGET: &str = "wasm32-wasip2";

fn rust(project: &Project, say: fn(&Step)) -> anyhow::Result<()> {
    let libraries = Step::new("rustc", &["--print", "target-libdir", "--target", WASM_TARGET], RUST);
    if !Path::new(libraries.output(project)?.trim()).exists() {
        bail!("Rust cannot build for {WASM_TARGET} yet; this installs what it needs: rustup target add {WASM_TARGET}");
    }
    Step::new("cargo", &["build", "--release", "--target", WASM_TARGET], RUST).run(project, say)?;
    let metadata = Step::new("cargo", &["metadata", "--no-deps", "--format-version", "1"], RUST).output(project)?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).context("cargo metadata")?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
    let file = format!("{}.wasm", project.name.replace('-', "_"));
    let built = Path::new(target).join(WASM_TARGET).join("release").join(file);
    std::fs::copy(&built, project.output())
        .with_context(|| format!("{}: is crate-type = [\"cdylib\"] in Cargo.toml?", built.display()))?;
    Ok(())
}

/// Where a build finds the contract that this program serves.
const CONTRACT: &str = "build/wit";

fn contract(project: &Project) -> anyhow::Result<()> {
    template::write_contract(&project.folder.join(CONTRACT))
}

const NODE: &str = "your system's package manager, such as apt-get install nodejs npm (Node.js 20 or newer)";

fn javascript(project: &Project, say: fn(&Step)) -> anyhow::Result<()> {
    // npm writes this file last.
    if is_older(&project.folder.join("node_modules/.package-lock.json"), &project.folder.join("package-lock.json")) {
        Step::new("npm", &["ci", "--no-audit", "--no-fund"], NODE).run(project, say)?;
    }
    contract(project)?;
    Step::new("npm", &["run", "--silent", "build", "--", "--wit", CONTRACT], NODE).run(project, say)
}

const PYTHON: &str =
    "your system's package manager, such as apt-get install python3 python3-venv (Python 3.11 or newer)";

fn python(project: &Project, say: fn(&Step)) -> anyhow::Result<()> {
    let (venv, wanted) = (project.folder.join(".venv"), project.folder.join("requirements.txt"));
    let (python, installed) = (venv.join("bin/python"), venv.join("installed.txt"));
    if is_older(&installed, &wanted) {
        Step::new("python3", &["-m", "venv", ".venv"], PYTHON).run(project, say)?;
        let quiet =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", "requirements.txt"];
        Step::new(&python, &quiet, PYTHON).run(project, say)?;
        // Written last: an installation that was cut short is done again.
        std::fs::copy(&wanted, &installed).context("cannot note what was installed")?;
    }
    contract(project)?;
    let output = format!("build/{}.wasm", project.name);
    let build = ["-m", "dacapo", "build", "app", "-o", &output, "--wit", CONTRACT];
    Step::new(&python, &build, PYTHON).run(project, say)
}

/// Whether what was made of `wanted` is missing, or was made before it changed.
fn is_older(made: &Path, wanted: &Path) -> bool {
    let time = |file: &Path| file.metadata().and_then(|it| it.modified()).ok();
    match (time(made), time(wanted)) {
        (Some(made), Some(wanted)) => made < wanted,
        (made, _) => made.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_what_installs_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let project = Project { folder: folder.path().to_owned(), language: Language::Js, name: "x".into() };
        let step = Step::new("no-such-program", &["build"], "apt-get install it");
        let error = step.run(&project, |_| {}).expect_err("missing").to_string();
        assert_eq!(error, "no-such-program is missing; this installs it: apt-get install it");
        let error = Step::new("false", &[], "").run(&project, |_| {}).expect_err("fails").to_string();
        assert!(error.contains("`false ` failed"), "{error}");
    }
}
