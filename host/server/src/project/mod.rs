//! The source of a module: which language it is in, how it begins, and how it becomes a component.
//!
//! | module | holds |
//! |---|---|
//! | `template` | what a new project begins with, and the SDKs it needs, all of it within this program |
//! | `build` | the steps from a project to a component, by the tools of its language |
//! | `encode` | a component of what a compiler makes that knows only core modules |
//! | `component` | is a file a module, and what does it export |

pub(crate) mod build;
pub(crate) mod component;
mod encode;
pub(crate) mod template;

use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};

/// A language that modules can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    Js,
    /// TypeScript.
    Ts,
    /// Python.
    Python,
    /// Go.
    Go,
    /// C.
    C,
}

impl Language {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [Self::Rust, Self::Js, Self::Ts, Self::Python, Self::Go, Self::C];

    /// As it stands on the command line and in the templates.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Ts => "ts",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
        }
    }
}

/// A project on disk.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) language: Language,
    /// Its own name, and the module's.
    pub(crate) name: String,
}

impl Project {
    /// The project in `folder`. The error says what was looked for.
    pub(crate) fn find(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
        let has = |file: &str| folder.join(file).exists();
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).with_context(|| file.to_owned());
        let (language, name) = if has("Cargo.toml") {
            (Language::Rust, toml_name(&read("Cargo.toml")?, "package").context("Cargo.toml")?)
        } else if has("package.json") {
            let package: serde_json::Value = serde_json::from_str(&read("package.json")?).context("package.json")?;
            let name = package["name"].as_str().context("package.json has no name")?.to_owned();
            (if has("tsconfig.json") { Language::Ts } else { Language::Js }, name)
        } else if has("pyproject.toml") {
            (Language::Python, toml_name(&read("pyproject.toml")?, "project").context("pyproject.toml")?)
        } else if has("go.mod") {
            (Language::Go, go_name(&read("go.mod")?).context("go.mod names no module")?)
        } else if has(build::C_FLAGS) {
            // Nothing in a project of C says its name.
            let name = folder.file_name().with_context(|| format!("{} has no name", folder.display()))?;
            (Language::C, name.to_string_lossy().into_owned())
        } else {
            bail!(
                "{} holds no project: there is no Cargo.toml, package.json, pyproject.toml, go.mod or {}; \
                 `dacapo new NAME` makes one",
                folder.display(),
                build::C_FLAGS
            );
        };
        Ok(Self { folder, language, name })
    }

    /// Where the component goes.
    pub(crate) fn output(&self) -> PathBuf {
        self.folder.join("build").join(format!("{}.wasm", self.name))
    }
}

/// The last part of a module's path.
fn go_name(text: &str) -> Option<String> {
    let path = text.lines().find_map(|line| line.strip_prefix("module "))?.split("//").next()?.trim();
    let path = path.trim_matches('"');
    path.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn toml_name(text: &str, table: &str) -> anyhow::Result<String> {
    let document: toml::Table = toml::from_str(text)?;
    let name = document.get(table).and_then(|table| table.get("name")).and_then(|name| name.as_str());
    Ok(name.with_context(|| format!("there is no name in [{table}]"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_known_by_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).expect("written");
        let found = || Project::find(folder.path()).map(|project| (project.language, project.name));
        assert!(found().expect_err("empty").to_string().contains("dacapo new"));
        write("compile_flags.txt", "-Wall");
        assert_eq!(
            found().expect("found"),
            (Language::C, folder.path().file_name().expect("one").display().to_string())
        );
        write("go.mod", "go 1.25\n");
        assert!(format!("{:#}", found().expect_err("nameless")).contains("go.mod names no module"));
        write("go.mod", "// ours\nmodule example.com/flows/gopher // the path\n\ngo 1.25\n");
        assert_eq!(found().expect("found"), (Language::Go, "gopher".to_owned()));
        write("pyproject.toml", "[project]\nname = \"snake\"");
        assert_eq!(found().expect("found"), (Language::Python, "snake".to_owned()));
        write("package.json", r#"{"name": "script"}"#);
        assert_eq!(found().expect("found"), (Language::Js, "script".to_owned()));
        write("tsconfig.json", "{}");
        assert_eq!(found().expect("found"), (Language::Ts, "script".to_owned()));
        write("Cargo.toml", "[package]\nname = \"crab\"");
        assert_eq!(found().expect("found"), (Language::Rust, "crab".to_owned()));
        write("Cargo.toml", "[workspace]");
        assert!(format!("{:#}", found().expect_err("nameless")).contains("Cargo.toml: there is no name in [package]"));
    }
}
