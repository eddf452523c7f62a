//! How a version of a module is named: by its number, or by its digest or the beginning of it.

use dacapo_store::ModuleVersion;
use std::sync::Arc;

/// Digits of a digest that name a version at least.
const SHORTEST_DIGEST: usize = 8;

/// Of these versions, the one that `wanted` names.
pub(crate) fn named(versions: &[Arc<ModuleVersion>], wanted: &str) -> Option<Arc<ModuleVersion>> {
    versions.iter().find(|version| answers_to(version, wanted)).cloned()
}

/// Whether a version is called so. Clients that count in two parts say `2.0` for 2.
fn answers_to(version: &ModuleVersion, name: &str) -> bool {
    let by_digest = name.len() >= SHORTEST_DIGEST && version.digest.starts_with(&name.to_ascii_lowercase());
    by_digest || name.trim_end_matches(".0").parse() == Ok(version.version)
}
