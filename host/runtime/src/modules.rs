//! Deploying, activating and deleting versions of modules.
//!
//! Each of them is carried through once it has begun, whether or not whoever asked for it still waits; the catalog
//! follows in the order of commits.

use crate::committer::CommitError;
use crate::deploy_error::DeployError;
use crate::runtime::Runtime;
use crate::versions::named;
use dacapo_core::ids::{MAX_NAME_CHARS, fold_name, sha256_hex};
use dacapo_store::{FunctionKind, ModuleVersion, NewModule, Refused, StoreError, Write, Written};
use std::collections::HashMap;
use std::sync::Arc;

impl Runtime {
    /// Adds a version to a module and makes it the active one; `true` when it is new.
    pub(crate) async fn deploy(
        self: &Arc<Self>,
        module: &str,
        component: Vec<u8>,
    ) -> Result<(Arc<ModuleVersion>, bool), DeployError> {
        check_module_name(module)?;
        let (runtime, module) = (self.clone(), module.to_owned());
        self.carry_through(async move {
            let digest = sha256_hex(&component);
            let in_use = runtime.prepared.hold(&digest).await;
            let deployed = runtime.deploy_as(module, digest, component).await;
            in_use.end().await;
            deployed
        })
        .await
    }

    async fn deploy_as(
        self: &Arc<Self>,
        module: String,
        digest: String,
        component: Vec<u8>,
    ) -> Result<(Arc<ModuleVersion>, bool), DeployError> {
        let exports = self.guests.loader.prepare(&digest, &component).await?;
        check_exports(FunctionKind::Orchestrator, &exports.orchestrators)?;
        check_exports(FunctionKind::Activity, &exports.activities)?;
        let new = NewModule {
            module: module.clone(),
            digest,
            component,
            orchestrators: exports.orchestrators,
            activities: exports.activities,
            imports: exports.imports,
            created_at_ms: self.clock.now_ms(),
        };
        match self.change_module(module, Write::AddModule(new)).await.map_err(|error| match error {
            CommitError::Refused(Refused::NameTaken { kind, function, module }) => {
                DeployError::NameTaken { kind, function, module }
            }
            other => other.into(),
        })? {
            Written::ModuleAdded { version, added, .. } => Ok((Arc::new(version), added)),
            other => Err(DeployError::Store(Arc::new(StoreError::Corrupt(format!("unexpected answer: {other:?}"))))),
        }
    }

    /// Makes the version that `wanted` names the active one; without a name the newest before the active one.
    pub(crate) async fn activate(
        self: &Arc<Self>,
        module: &str,
        wanted: Option<&str>,
    ) -> Result<Arc<ModuleVersion>, DeployError> {
        let versions = self.catalog.of_module(module);
        let unknown =
            |version: &str| DeployError::UnknownVersion { module: module.to_owned(), version: version.into() };
        let found = match wanted {
            Some(wanted) => named(&versions, wanted).ok_or_else(|| unknown(wanted))?,
            None => {
                let active = versions.iter().find(|version| version.active).ok_or_else(|| unknown("(active)"))?;
                let before = versions.iter().rfind(|version| version.version < active.version);
                before.cloned().ok_or_else(|| DeployError::NothingBefore { module: module.to_owned() })?
            }
        };
        let committed = self.change_module(module.to_owned(), Write::Activate(found.id)).await;
        let written = committed.map_err(|error| match error {
            CommitError::Refused(Refused::UnknownVersion) => unknown(&found.version.to_string()),
            CommitError::Refused(Refused::NameTaken { kind, function, module }) => {
                DeployError::NameTaken { kind, function, module }
            }
            other => other.into(),
        })?;
        let active = match written {
            Written::ModuleChanged { versions } => versions.into_iter().find(|version| version.id == found.id),
            _ => None,
        };
        active.map(Arc::new).ok_or_else(|| unknown(&found.version.to_string()))
    }

    /// Deletes the version that `wanted` names.
    pub(crate) async fn delete_version(self: &Arc<Self>, module: &str, wanted: &str) -> Result<(), DeployError> {
        let unknown = || DeployError::UnknownVersion { module: module.to_owned(), version: wanted.to_owned() };
        let found = named(&self.catalog.of_module(module), wanted).ok_or_else(unknown)?;
        let (runtime, of) = (self.clone(), module.to_owned());
        let deleted = self.carry_through(async move {
            let in_use = runtime.prepared.hold(&found.digest).await;
            let deleted = runtime.change_module(of, Write::DeleteVersion(found.id)).await;
            in_use.end().await;
            deleted.map_err(|error| (error, found.version))
        });
        deleted.await.map(|_| ()).map_err(|(error, version)| match error {
            CommitError::Refused(Refused::UnknownVersion) => unknown(),
            CommitError::Refused(Refused::NameTaken { kind, function, module }) => {
                DeployError::NameTaken { kind, function, module }
            }
            CommitError::Refused(Refused::Pinned { instances }) => {
                DeployError::Pinned { module: module.to_owned(), version, instances }
            }
            other => other.into(),
        })
    }

    /// Commits a change of a module; the catalog follows before the next group of commits begins.
    async fn change_module(self: &Arc<Self>, module: String, write: Write) -> Result<Written, CommitError> {
        let runtime = self.clone();
        let follow = move |written: &Result<Written, CommitError>| {
            if let Ok(Written::ModuleAdded { versions, .. } | Written::ModuleChanged { versions }) = written {
                runtime.catalog.replace_module(&module, versions);
            }
        };
        self.committer.commit(write, follow).await
    }
}

fn check_module_name(name: &str) -> Result<(), DeployError> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || !name.chars().all(allowed) {
        return Err(DeployError::Name(name.chars().take(MAX_NAME_CHARS).collect()));
    }
    Ok(())
}

/// Functions of one kind that a module may export.
const MAX_EXPORTS: usize = 1_000;

fn check_exports(kind: FunctionKind, names: &[String]) -> Result<(), DeployError> {
    let mut seen = HashMap::new();
    if let Some(name) = names.get(MAX_EXPORTS) {
        let problem = format!("and {} others of its kind; {MAX_EXPORTS} are allowed", names.len() - 1);
        return Err(DeployError::Export { kind, name: name.chars().take(MAX_NAME_CHARS).collect(), problem });
    }
    for name in names {
        let refuse = |problem: String| Err(DeployError::Export { kind, name: name.clone(), problem });
        let chars = name.chars().count();
        if chars == 0 || chars > MAX_NAME_CHARS {
            return refuse(format!("with {chars} characters; a name has 1 to {MAX_NAME_CHARS}"));
        }
        if let Some(c) = name.chars().find(|c| matches!(c, '/' | '\\' | '#' | '?') || c.is_control()) {
            return refuse(format!("with the character {c:?}, which cannot stand in a URL path"));
        }
        if let Some(other) = seen.insert(fold_name(name), name) {
            return refuse(format!("and also '{other}': names compare ignoring case"));
        }
    }
    Ok(())
}
