//! Which module version serves which function, in memory.

use dacapo_core::ids::{find_name, fold_name};
use dacapo_store::{FunctionKind, ModuleVersion, VersionId};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

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
    /// Takes in what the store holds at the start.
    pub(crate) fn load(&self, versions: Vec<ModuleVersion>) {
        self.replace(versions.into_iter().map(Arc::new));
    }

    /// The versions of a module are these now. Called in the order of commits.
    pub(crate) fn replace_module(&self, module: &str, versions: &[ModuleVersion]) {
        let others = self.all().into_iter().filter(|version| version.module != module);
        self.replace(others.chain(versions.iter().cloned().map(Arc::new)));
    }

    fn replace(&self, versions: impl Iterator<Item = Arc<ModuleVersion>>) {
        let mut content = Content::default();
        for version in versions {
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
