//! What a new project begins with, and the SDKs it needs: all of it is within this program, so that neither a network nor
//! a checkout is needed, and a project's SDK fits the server that made it.

use super::Language;
use anyhow::{Context as _, bail};
use rust_embed::{Embed, EmbeddedFile};
use std::path::Path;

/// Project names: they become crates, packages and modules alike.
const MAX_NAME_CHARS: usize = 64;

/// The beginnings of projects, by language.
#[derive(Embed)]
#[folder = "templates"]
struct Templates;

/// The SDKs, by language.
#[derive(Embed)]
#[folder = "../../guest-sdk"]
#[exclude = "rust/target/*"]
#[exclude = "js/node_modules/*"]
#[exclude = "js/build/*"]
#[exclude = "python/build/*"]
#[exclude = "python/.venv/*"]
#[exclude = "*/__pycache__/*"]
#[exclude = "*.egg-info/*"]
struct Sdks;

/// The guest contract.
#[derive(Embed)]
#[folder = "../../wit"]
struct Wit;

/// A file whose name ends so has placeholders, and loses that ending.
const FILLED: &str = ".in";

/// Writes a new project `name` into `folder`, which must not hold anything yet.
pub(crate) fn write(folder: &Path, name: &str, language: Language) -> anyhow::Result<()> {
    check_name(name)?;
    if folder.exists() && folder.read_dir().with_context(|| folder.display().to_string())?.next().is_some() {
        bail!("{} is not empty: a new project needs a folder of its own", folder.display());
    }
    let prefix = format!("{}/", language.as_str());
    for path in Templates::iter().filter(|path| path.starts_with(&prefix)) {
        let file = Templates::get(&path).context("it was listed")?;
        let relative = path[prefix.len()..].replace("__name__", &snake(name));
        match relative.strip_suffix(FILLED) {
            Some(relative) => {
                let text = String::from_utf8(file.data.into_owned()).with_context(|| path.to_string())?;
                put(&folder.join(relative), fill(&text, name).as_bytes())?;
            }
            None => put(&folder.join(relative), &file.data)?,
        }
    }
    let (vendor, sdk) = match language {
        Language::Rust => ("vendor", "rust/"),
        Language::Js | Language::Ts => ("vendor", "js/"),
        Language::Python => ("vendor", "python/"),
        // To Go, `vendor` is a folder of its own making.
        Language::Go => ("sdk", "go/"),
        Language::C => ("vendor", "c/"),
    };
    // Side by side as they lie in their repository: Rust's finds the contract by a relative path.
    let vendor = folder.join(vendor);
    copy(Sdks::iter().filter(|path| path.starts_with(sdk)), Sdks::get, &vendor.join("guest-sdk"))?;
    write_contract(&vendor.join("wit"))
}

/// Writes the guest contract that this program serves.
pub(super) fn write_contract(folder: &Path) -> anyhow::Result<()> {
    copy(Wit::iter(), Wit::get, folder)
}

/// The text of the guest contract that this program serves.
pub(super) fn contract() -> anyhow::Result<String> {
    let file = Wit::get("dacapo.wit").context("the contract is not embedded")?;
    Ok(String::from_utf8(file.data.into_owned())?)
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.ends_with('-');
    if !well_formed || name.len() > MAX_NAME_CHARS {
        bail!(
            "'{name}' cannot be a project's name in every language: it begins with a lower-case letter, goes on with those, \
             digits and hyphens, and has {MAX_NAME_CHARS} characters at most; 'order-flows', say"
        );
    }
    Ok(())
}

fn copy(
    paths: impl Iterator<Item = impl AsRef<str>>,
    get: impl Fn(&str) -> Option<EmbeddedFile>,
    to: &Path,
) -> anyhow::Result<()> {
    for path in paths {
        let file = get(path.as_ref()).context("it was listed")?;
        put(&to.join(path.as_ref()), &file.data)?;
    }
    Ok(())
}

fn put(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let named = || file.display().to_string();
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(named)?;
    }
    std::fs::write(file, bytes).with_context(named)
}

/// `{{name}}` is the name, `{{snake}}` the same as an identifier.
fn fill(text: &str, name: &str) -> String {
    text.replace("{{name}}", name).replace("{{snake}}", &snake(name))
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_template_with_a_readme_and_its_sdk() {
        for language in Language::ALL {
            let folder = tempfile::tempdir().expect("a folder");
            write(folder.path(), "order-flows", language).expect("writes");
            let readme = std::fs::read_to_string(folder.path().join("README.md")).expect("a readme");
            assert!(readme.contains("order-flows") && readme.contains("dacapo build"), "{language:?}: {readme}");
            assert_eq!(super::super::Project::find(folder.path()).expect("a project").language, language);
            let vendor = folder.path().join(if language == Language::Go { "sdk" } else { "vendor" });
            assert!(vendor.join("wit/dacapo.wit").exists());
            assert!(vendor.join("guest-sdk").read_dir().expect("SDKs").next().is_some());
            assert!(folder.path().join(".gitignore").exists(), "{language:?}");
            write(folder.path(), "again", language).expect_err("it is not empty");
        }
    }

    #[test]
    fn a_name_must_do_in_every_language() {
        for wrong in ["", "Orders", "1st", "a b", "a_b", "a-", "-a", "../x", &"a".repeat(65)] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
        for right in ["a", "order-flows", "x2"] {
            check_name(right).expect(right);
        }
    }
}
