//! The modules of the in-memory store.

use super::Answer;
use crate::model::{ModuleVersion, VersionId};
use crate::rules;
use crate::write::{NewModule, Refused, Written};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Modules {
    last_id: i64,
    /// The newest version number that each module ever had.
    last_versions: BTreeMap<String, u32>,
    /// By module and number.
    versions: BTreeMap<(String, u32), ModuleVersion>,
    components: BTreeMap<String, Vec<u8>>,
}

impl Modules {
    pub(super) fn all(&self) -> Vec<ModuleVersion> {
        self.versions.values().cloned().collect()
    }

    pub(super) fn component(&self, digest: &str) -> Option<Vec<u8>> {
        self.components.get(digest).cloned()
    }

    pub(super) fn contains(&self, id: VersionId) -> bool {
        self.versions.values().any(|version| version.id == id)
    }

    pub(super) fn add(&mut self, new: &NewModule) -> Answer {
        rules::check_names(&self.active(), &new.module, rules::exports(&new.orchestrators, &new.activities))?;
        let known = self.of_module(&new.module).find(|version| version.digest == new.digest).map(|one| one.version);
        let (number, added) = match known {
            Some(number) => (number, false),
            None => (self.insert(new), true),
        };
        self.activate(&new.module, number);
        let version = self.versions[&(new.module.clone(), number)].clone();
        let versions = self.of_module(&new.module).cloned().collect();
        Ok(Written::ModuleAdded { version, added, versions })
    }

    fn active(&self) -> Vec<ModuleVersion> {
        self.versions.values().filter(|version| version.active).cloned().collect()
    }

    fn insert(&mut self, new: &NewModule) -> u32 {
        let last = self.last_versions.entry(new.module.clone()).or_default();
        *last += 1;
        self.last_id += 1;
        let version = rules::new_version(VersionId(self.last_id), *last, new);
        self.versions.insert((new.module.clone(), *last), version);
        self.components.entry(new.digest.clone()).or_insert_with(|| new.component.clone());
        *last
    }

    pub(super) fn activate_again(&mut self, id: VersionId) -> Answer {
        let found = self.versions.values().find(|version| version.id == id).cloned();
        let version = found.ok_or(Refused::UnknownVersion)?;
        self.check_free(&version)?;
        self.activate(&version.module, version.version);
        Ok(self.changed(&version.module))
    }

    /// Nobody else has the names of a version that is to become active.
    fn check_free(&self, version: &ModuleVersion) -> Result<(), Refused> {
        let functions = rules::exports(&version.orchestrators, &version.activities);
        rules::check_names(&self.active(), &version.module, functions)
    }

    pub(super) fn delete(&mut self, id: VersionId, pinned: u64) -> Answer {
        let found = self.versions.values().find(|version| version.id == id).cloned();
        let version = found.ok_or(Refused::UnknownVersion)?;
        if pinned > 0 {
            return Err(Refused::Pinned { instances: pinned });
        }
        let left = self.of_module(&version.module).filter(|other| other.id != id).max_by_key(|other| other.version);
        let next = left.filter(|_| version.active).cloned();
        if let Some(next) = &next {
            self.check_free(next)?;
        }
        self.versions.remove(&(version.module.clone(), version.version));
        if !self.versions.values().any(|other| other.digest == version.digest) {
            self.components.remove(&version.digest);
        }
        if let Some(next) = next {
            self.activate(&next.module, next.version);
        }
        Ok(self.changed(&version.module))
    }

    fn changed(&self, module: &str) -> Written {
        Written::ModuleChanged { versions: self.of_module(module).cloned().collect() }
    }

    fn of_module(&self, module: &str) -> impl Iterator<Item = &ModuleVersion> {
        self.versions.values().filter(move |version| version.module == module)
    }

    fn activate(&mut self, module: &str, number: u32) {
        for version in self.versions.values_mut().filter(|version| version.module == module) {
            version.active = version.version == number;
        }
    }
}
