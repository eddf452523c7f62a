//! Would open instances of a module go on with another build of it? Each is played on it, and nothing comes of that.

use crate::deploy_error::DeployError;
use crate::instance::load;
use crate::instance::trouble::Trouble;
use crate::runtime::Runtime;
use dacapo_core::ids::{find_name, sha256_hex};
use dacapo_core::{InstanceId, RuntimeStatus};
use dacapo_store::{ContinueAfter, InstanceFilter, ModuleVersion, VersionId};
use std::collections::HashSet;
use std::sync::Arc;

/// Instances a page: bounds one read.
const PAGE: usize = 1_000;
/// Diverging instances that are named at most.
const NAMED: usize = 100;

/// What a check has found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// SHA-256 of the build.
    pub digest: String,
    /// Open instances that were played.
    pub checked: usize,
    /// How many of them would not go on.
    pub diverging: usize,
    /// The first of those, each with the reason.
    pub named: Vec<(InstanceId, String)>,
}

impl Runtime {
    /// Plays the open instances of a module (at most `sample` of them) on `component`, which is not deployed.
    pub(crate) async fn check(
        self: &Arc<Self>,
        module: &str,
        component: Vec<u8>,
        sample: usize,
    ) -> Result<Checked, DeployError> {
        let digest = sha256_hex(&component);
        let in_use = self.prepared.hold(&digest).await;
        let checked = self.check_as(module, &digest, &component, sample).await;
        in_use.end().await;
        checked
    }

    async fn check_as(
        self: &Arc<Self>,
        module: &str,
        digest: &str,
        component: &[u8],
        sample: usize,
    ) -> Result<Checked, DeployError> {
        let exports = self.guests.loader.prepare(digest, component).await?;
        let build = exports.of_build(module, digest.to_owned(), component.len() as u64);
        let versions: HashSet<VersionId> = self.catalog.of_module(module).iter().map(|version| version.id).collect();
        let open = RuntimeStatus::ALL.into_iter().filter(|status| !status.is_finished());
        let filter = InstanceFilter { statuses: open.collect(), ..InstanceFilter::default() };
        let mut checked = Checked { digest: digest.to_owned(), ..Checked::default() };
        let mut after = ContinueAfter::ZERO;
        loop {
            let wanted = filter.clone();
            let page = self.read_published(move |store| store.list(&wanted, after, PAGE)).await;
            let page = page.map_err(|error| DeployError::Store(Arc::new(error)))?;
            for instance in page.instances.iter().filter(|instance| versions.contains(&instance.version)) {
                if checked.checked == sample {
                    return Ok(checked);
                }
                let reason = match find_name(&build.orchestrators, &instance.name) {
                    Some(_) => self.try_on(&instance.id, &build).await?,
                    None => Some(format!("the build does not export the orchestrator '{}'", instance.name)),
                };
                checked.checked += 1;
                if let Some(reason) = reason {
                    checked.diverging += 1;
                    if checked.named.len() < NAMED {
                        checked.named.push((instance.id.clone(), reason));
                    }
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(checked),
            }
        }
    }

    async fn try_on(self: &Arc<Self>, id: &InstanceId, build: &ModuleVersion) -> Result<Option<String>, DeployError> {
        loop {
            match load::try_on(self, id, build).await {
                Ok((_, reason)) => return Ok(reason),
                // It has ended meanwhile.
                Err(Trouble::Gone) => return Ok(None),
                Err(Trouble::NoRoom(_)) => {
                    if !self.make_room().await {
                        return Err(DeployError::ShuttingDown);
                    }
                }
                Err(trouble) => return Err(DeployError::NotChecked { id: id.clone(), reason: trouble.to_string() }),
            }
        }
    }
}
