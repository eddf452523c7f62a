//! Which module version serves which function: the catalog in memory, and deployments.

use crate::committer::CommitError;
use crate::executor::InvalidModule;
use crate::upgrade::named;
use crate::{RETRY_MS, Runtime};
use dacapo_core::InstanceId;
use dacapo_core::ids::{MAX_NAME_CHARS, find_name, fold_name};
use dacapo_store::{FunctionKind, ModuleVersion, NewModule, Refused, StoreError, VersionId, Write, Written};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// Why a module was not deployed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The module's name is not one.
    #[error(
        "A module name has 1 to {MAX_NAME_CHARS} characters out of letters, digits, '.', '_' and '-'; found '{0}'."
    )]
    Name(String),
    /// Not a module of ours, or not usable.
    #[error(transparent)]
    Invalid(#[from] InvalidModule),
    /// Exports two functions that differ in case only, or a name that is not one.
    #[error("The module exports the {} '{name}' {problem}.", kind.as_str())]
    Export {
        /// What it is.
        kind: FunctionKind,
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Another module exports one of the functions that would become active.
    #[error("The {} '{function}' is already exported by module '{module}': deploy under that name, or delete that module.", kind.as_str())]
    NameTaken {
        /// What it is.
        kind: FunctionKind,
        /// Its name.
        function: String,
        /// Whose it is.
        module: String,
    },
    /// No such version.
    #[error("There is no version {version} of a module '{module}'.")]
    UnknownVersion {
        /// The module.
        module: String,
        /// The version, as it was named.
        version: String,
    },
    /// There is nothing to go back to.
    #[error("The module '{module}' has no version before the active one.")]
    NothingBefore {
        /// The module.
        module: String,
    },
    /// Unfinished instances are on the version.
    #[error(
        "Version {version} of '{module}' is held by {instances} unfinished instances: let them end, or terminate them."
    )]
    Pinned {
        /// The module.
        module: String,
        /// The version.
        version: u32,
        /// How many.
        instances: u64,
    },
    /// An instance could not be looked at.
    #[error("The instance '{id}' could not be checked: {reason}")]
    NotChecked {
        /// The instance.
        id: InstanceId,
        /// Why.
        reason: String,
    },
    /// The server is going down.
    #[error("The server is shutting down: try again when it is back.")]
    ShuttingDown,
    /// The store failed; nothing was done.
    #[error("The store cannot answer: {0}")]
    Store(Arc<StoreError>),
}

impl From<CommitError> for DeployError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            CommitError::Closed => Self::ShuttingDown,
            CommitError::Refused(refused) => {
                Self::Store(Arc::new(StoreError::Corrupt(format!("unexpected answer: {refused}"))))
            }
        }
    }
}

/// All module versions, and the active one for each function.
#[derive(Default)]
pub(crate) struct Catalog {
    content: RwLock<Content>,
}

#[derive(Default)]
struct Content {
    versions: BTreeMap<(String, u32), Arc<ModuleVersion>>,
    by_id: HashMap<VersionId, Arc<ModuleVersion>>,
    active: HashMap<(FunctionKind, String), Arc<ModuleVersion>>,
}

impl Catalog {
    /// Replaces everything by what the store holds now.
    pub(crate) fn load(&self, versions: Vec<ModuleVersion>) {
        let mut content = Content::default();
        for version in versions.into_iter().map(Arc::new) {
            content.versions.insert((version.module.clone(), version.version), version.clone());
            content.by_id.insert(version.id, version.clone());
            if version.active {
                let functions =
                    |kind, names: &[String]| names.iter().map(move |name| (kind, fold_name(name))).collect::<Vec<_>>();
                let mut exported = functions(FunctionKind::Orchestrator, &version.orchestrators);
                exported.extend(functions(FunctionKind::Activity, &version.activities));
                content.active.extend(exported.into_iter().map(|function| (function, version.clone())));
            }
        }
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = content;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Content> {
        // A writer replaces the whole content at once; a panic cannot leave half of it.
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn active(&self, kind: FunctionKind, name: &str) -> Option<Arc<ModuleVersion>> {
        self.read().active.get(&(kind, fold_name(name))).cloned()
    }

    /// The version that new instances of the orchestrator are pinned to.
    pub(crate) fn orchestrator(&self, name: &str) -> Option<Arc<ModuleVersion>> {
        self.active(FunctionKind::Orchestrator, name)
    }

    /// The version that runs what an instance calls that is pinned to `pinned`: its own module's, if that exports the
    /// function, so that a flow and what it was built with stay together; else the active one.
    pub(crate) fn called(&self, kind: FunctionKind, name: &str, pinned: VersionId) -> Option<Arc<ModuleVersion>> {
        let exports = |version: &Arc<ModuleVersion>| match kind {
            FunctionKind::Orchestrator => find_name(&version.orchestrators, name).is_some(),
            FunctionKind::Activity => find_name(&version.activities, name).is_some(),
        };
        self.version(pinned).filter(exports).or_else(|| self.active(kind, name))
    }

    /// The version with this key.
    pub(crate) fn version(&self, id: VersionId) -> Option<Arc<ModuleVersion>> {
        self.read().by_id.get(&id).cloned()
    }

    /// All orchestrators that can be started, by name.
    pub(crate) fn orchestrators(&self) -> Vec<String> {
        let content = self.read();
        let active = content.versions.values().filter(|version| version.active);
        let mut names: Vec<String> = active.flat_map(|version| version.orchestrators.iter().cloned()).collect();
        names.sort_unstable();
        names
    }

    /// All versions, by module and version.
    pub(crate) fn all(&self) -> Vec<Arc<ModuleVersion>> {
        self.read().versions.values().cloned().collect()
    }

    /// The versions of a module, by number.
    pub(crate) fn of_module(&self, module: &str) -> Vec<Arc<ModuleVersion>> {
        self.all().into_iter().filter(|version| version.module == module).collect()
    }

    /// The versions that export the orchestrator, those of the module that new instances take first.
    pub(crate) fn exporters(&self, name: &str) -> Vec<Arc<ModuleVersion>> {
        let active = self.orchestrator(name);
        let is_first = |version: &ModuleVersion| active.as_ref().is_some_and(|active| active.module == version.module);
        let all = self.all().into_iter();
        let mut exporters: Vec<_> = all.filter(|it| find_name(&it.orchestrators, name).is_some()).collect();
        exporters.sort_by_key(|version| !is_first(version));
        exporters
    }
}

impl Runtime {
    pub(crate) async fn deploy(
        &self,
        module: &str,
        component: Vec<u8>,
    ) -> Result<(Arc<ModuleVersion>, bool), DeployError> {
        check_module_name(module)?;
        let digest = dacapo_core::ids::sha256_hex(&component);
        // Deployments are rare: one at a time, so that the catalog is loaded in the order of commits, and nothing is
        // forgotten that another one has just prepared.
        let _one_at_a_time = self.deploying.lock().await;
        let deployed = self.deploy_as(module, digest.clone(), component).await;
        if deployed.is_err() {
            self.forget_unused(&digest).await;
        }
        deployed
    }

    async fn deploy_as(
        &self,
        module: &str,
        digest: String,
        component: Vec<u8>,
    ) -> Result<(Arc<ModuleVersion>, bool), DeployError> {
        let exports = self.guests.loader.prepare(&digest, &component).await?;
        check_exports(FunctionKind::Orchestrator, &exports.orchestrators)?;
        check_exports(FunctionKind::Activity, &exports.activities)?;
        let new = NewModule {
            module: module.to_owned(),
            digest,
            component,
            orchestrators: exports.orchestrators,
            activities: exports.activities,
            imports: exports.imports,
            created_at_ms: self.clock.now_ms(),
        };
        let written = self.committer.commit(Write::AddModule(new)).await.map_err(|error| match error {
            CommitError::Refused(Refused::NameTaken { kind, function, module }) => {
                DeployError::NameTaken { kind, function, module }
            }
            other => other.into(),
        })?;
        self.reload_catalog().await?;
        match written {
            Written::ModuleAdded { version, added } => Ok((Arc::new(version), added)),
            other => Err(DeployError::Store(Arc::new(StoreError::Corrupt(format!("unexpected answer: {other:?}"))))),
        }
    }

    /// Makes the version that `wanted` names the active one; without a name the newest before the active one.
    pub(crate) async fn activate(&self, module: &str, wanted: Option<&str>) -> Result<Arc<ModuleVersion>, DeployError> {
        let _one_at_a_time = self.deploying.lock().await;
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
        self.committer.commit(Write::Activate(found.id)).await.map_err(|error| match error {
            CommitError::Refused(Refused::UnknownVersion) => unknown(&found.version.to_string()),
            CommitError::Refused(Refused::NameTaken { kind, function, module }) => {
                DeployError::NameTaken { kind, function, module }
            }
            other => other.into(),
        })?;
        self.reload_catalog().await?;
        self.catalog.version(found.id).ok_or_else(|| unknown(&found.version.to_string()))
    }

    /// Deletes the version that `wanted` names.
    pub(crate) async fn delete_version(&self, module: &str, wanted: &str) -> Result<(), DeployError> {
        let unknown = || DeployError::UnknownVersion { module: module.to_owned(), version: wanted.to_owned() };
        let found = named(&self.catalog.of_module(module), wanted).ok_or_else(unknown)?;
        let version = found.version;
        let _one_at_a_time = self.deploying.lock().await;
        self.committer.commit(Write::DeleteVersion(found.id)).await.map_err(|error| match error {
            CommitError::Refused(Refused::UnknownVersion) => unknown(),
            CommitError::Refused(Refused::NameTaken { kind, function, module }) => {
                DeployError::NameTaken { kind, function, module }
            }
            CommitError::Refused(Refused::Pinned { instances }) => {
                DeployError::Pinned { module: module.to_owned(), version, instances }
            }
            other => other.into(),
        })?;
        self.reload_catalog().await?;
        self.forget_unused(&found.digest).await;
        Ok(())
    }

    /// After a commit: it has happened, so the catalog has to follow, however long that takes.
    async fn reload_catalog(&self) -> Result<(), DeployError> {
        loop {
            match self.read(|store| store.modules()).await {
                Ok(versions) => {
                    self.catalog.load(versions);
                    return Ok(());
                }
                Err(error) => tracing::error!(%error, "cannot read the modules; trying again in a second"),
            }
            if !self.sleep_ms(RETRY_MS).await {
                return Err(DeployError::ShuttingDown);
            }
        }
    }

    /// What was prepared for a component that no version has goes.
    pub(crate) async fn forget_unused(&self, digest: &str) {
        if self.catalog.all().iter().all(|version| version.digest != digest) {
            self.guests.loader.forget(digest).await;
        }
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
