//! What must be on the machine: wasm targets, a C compiler, Python, Node.js.

use crate::process::{capture, show, succeeds};
use anyhow::{Context, Result, bail};
use std::process::{Command, Stdio};

/// A program that the tests need.
struct Tool {
    name: &'static str,
    /// Succeeds where the tool is there and complete.
    probe: &'static [&'static str],
    /// Debian's packages with it.
    packages: &'static [&'static str],
}

const TOOLS: [Tool; 4] = [
    // SQLite is built with it, and what stands between the program and its disk in the torture.
    Tool { name: "cc", probe: &["cc", "--version"], packages: &["gcc", "libc6-dev"] },
    Tool {
        name: "python3 with venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
        packages: &["python3", "python3-venv"],
    },
    Tool { name: "node", probe: &["node", "--version"], packages: &["nodejs"] },
    Tool { name: "npm", probe: &["npm", "--version"], packages: &["npm"] },
];

/// Adds the parts of the toolchain that are not installed yet.
pub(crate) fn add_components(wanted: &[&str]) -> Result<()> {
    let has = |component: &str| match component {
        "rustfmt" => succeeds(Command::new("cargo").args(["fmt", "--version"])),
        other => succeeds(Command::new("cargo").args([other, "--version"])),
    };
    for component in wanted.iter().filter(|component| !has(component)) {
        show(Command::new("rustup").args(["component", "add", component]))
            .with_context(|| format!("{component} is missing; this installs it: rustup component add {component}"))?;
    }
    Ok(())
}

/// Adds the wasm targets that are not installed yet.
pub(crate) fn add_targets(wanted: &[&str]) -> Result<()> {
    for target in wanted {
        if !has_target(target)? {
            println!("    adding the target {target}");
            show(Command::new("rustup").args(["target", "add", target]))?;
        }
    }
    Ok(())
}

fn has_target(target: &str) -> Result<bool> {
    let rustup = capture(Command::new("rustup").args(["target", "list", "--installed"]));
    if let Ok(installed) = rustup {
        return Ok(installed.lines().any(|line| line.trim() == target));
    }
    let sysroot = capture(Command::new("rustc").args(["--print", "sysroot"])).context("there is no Rust toolchain")?;
    let standard_library = std::path::Path::new(sysroot.trim()).join("lib/rustlib").join(target);
    if !standard_library.is_dir() {
        bail!(
            "this Rust toolchain has no standard library for {target}, and there is no rustup to add it: \
             install rustup, or the package of your distribution that holds the target"
        );
    }
    Ok(true)
}

/// Checks that every tool is there. On a CI machine (`CI=true`) missing ones are installed.
pub(crate) fn check() -> Result<()> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !is_there(tool)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages).copied().collect();
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        let apt = |args: &[&str]| {
            // It must not wait for an answer that nobody is there to give.
            let mut apt = Command::new("apt-get");
            apt.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
            apt
        };
        show(&mut apt(&["update"]))?;
        show(apt(&["install", "-y", "--no-install-recommends"]).args(&packages))?;
    }
    let names: Vec<&str> = missing.iter().filter(|tool| !is_there(tool)).map(|tool| tool.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    bail!("missing: {}. On Debian this installs it: apt-get install -y {}", names.join(", "), packages.join(" "))
}

fn is_there(tool: &Tool) -> bool {
    let Some((program, args)) = tool.probe.split_first() else { return true };
    succeeds(Command::new(program).args(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_there_when_its_probe_succeeds() {
        assert!(is_there(&Tool { name: "true", probe: &["true"], packages: &[] }));
        assert!(!is_there(&Tool { name: "false", probe: &["false"], packages: &[] }));
        assert!(!is_there(&Tool { name: "none", probe: &["no-such-program"], packages: &[] }));
    }
}
