//! `cargo xtask samples`: the sample modules in Rust.

use crate::cargo::target_dir;
use crate::process::root;
use crate::step::step;
use crate::wasm::{Component, Workspace, print};
use anyhow::Result;

/// Builds the samples and lists them.
pub(crate) fn run() -> Result<()> {
    step("samples", build).map(|_| ())
}

/// Builds the samples into `target/samples/rust`.
pub(crate) fn build() -> Result<Vec<Component>> {
    let target = target_dir()?;
    let workspace = Workspace {
        manifest: root().join("samples/rust/Cargo.toml"),
        target_dir: target.join("guests"),
        out_dir: target.join("samples/rust"),
        component_name: upper_camel,
    };
    let samples = workspace.build()?;
    print(&samples);
    Ok(samples)
}

/// `fail-once` becomes `FailOnce`.
fn upper_camel(name: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split(['-', '_']).map(capitalised).collect()
}

#[cfg(test)]
mod tests {
    use super::upper_camel;

    #[test]
    fn modules_are_named_in_upper_camel_case() {
        assert_eq!(upper_camel("cities"), "Cities");
        assert_eq!(upper_camel("fail-once"), "FailOnce");
        assert_eq!(upper_camel("a_b--c"), "ABC");
        assert_eq!(upper_camel(""), "");
    }
}
