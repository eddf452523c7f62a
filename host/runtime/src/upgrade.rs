//! Moves an open instance to another version of its module, if what has happened to it replays there.

use crate::client_error::ClientError;
use crate::committer::CommitError;
use crate::instance::load;
use crate::instance::trouble::Trouble;
use crate::message::Message;
use crate::runtime::Runtime;
use crate::versions::named;
use dacapo_core::InstanceId;
use dacapo_core::ids::find_name;
use dacapo_store::{Instance, ModuleVersion, Refused, VersionId, Write};
use std::sync::Arc;

/// How often an instance that moves on meanwhile is looked at again.
const ATTEMPTS: usize = 10;

impl Runtime {
    /// Pins `id` to the version of its module that `wanted` names. Whatever holds it on the old one lets go.
    pub(crate) async fn upgrade(
        self: &Arc<Self>,
        id: &InstanceId,
        wanted: &str,
    ) -> Result<Arc<ModuleVersion>, ClientError> {
        for _ in 0..ATTEMPTS {
            let looked_for = id.clone();
            let found = self.read_published(move |store| store.instance(&looked_for)).await?;
            let found = found.ok_or_else(|| ClientError::UnknownInstance(id.clone()))?;
            if !found.status.can_go_on() {
                return Err(ClientError::Finished { id: id.clone(), status: found.status });
            }
            let version = self.version_for(&found, wanted)?;
            if version.id == found.version {
                return Ok(version);
            }
            if find_name(&version.orchestrators, &found.name).is_none() {
                let reason = format!("that version does not export the orchestrator '{}'", found.name);
                return Err(ClientError::Diverges { id: id.clone(), version: version.version, reason });
            }
            if self.moves(id, &version).await? {
                return Ok(version);
            }
        }
        Err(ClientError::MovesOn(id.clone()))
    }

    fn version_for(&self, found: &Instance, wanted: &str) -> Result<Arc<ModuleVersion>, ClientError> {
        let of = |id: VersionId| self.catalog.version(id).map(|version| version.module.clone());
        // The version that a failed instance was on may have been deleted.
        let module = of(found.version).or_else(|| self.catalog.orchestrator(&found.name).map(|it| it.module.clone()));
        let known = module.as_deref().map(|module| self.catalog.of_module(module)).unwrap_or_default();
        choose(&known, wanted, module.as_deref().unwrap_or(&found.name))
    }

    /// `false`: it has moved on meanwhile.
    async fn moves(self: &Arc<Self>, id: &InstanceId, version: &ModuleVersion) -> Result<bool, ClientError> {
        let fence = match load::try_on(self, id, version).await {
            Ok((fence, None)) => fence,
            Ok((_, Some(reason))) => {
                return Err(ClientError::Diverges { id: id.clone(), version: version.version, reason });
            }
            Err(Trouble::Gone | Trouble::Fenced) => return Ok(false),
            Err(Trouble::NoRoom(_)) if self.make_room().await => return Ok(false),
            Err(Trouble::Closed | Trouble::NoRoom(_)) => return Err(ClientError::ShuttingDown),
            Err(trouble) => return Err(ClientError::NotNow { id: id.clone(), reason: trouble.to_string() }),
        };
        let (runtime, moved) = (self.clone(), id.clone());
        let committed = self.committer.commit(Write::Repin { fence, version: version.id }, move |written| {
            if written.is_ok() {
                runtime.board.revive(&moved, fence.key);
                runtime.slots.post(&moved, Message::Moved(fence.key));
            }
        });
        match committed.await {
            Ok(_) => Ok(true),
            Err(CommitError::Refused(Refused::Fenced | Refused::UnknownVersion | Refused::Finished { .. })) => {
                Ok(false)
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// As [`named`], or which ones `name` has.
pub(crate) fn choose(
    versions: &[Arc<ModuleVersion>],
    wanted: &str,
    name: &str,
) -> Result<Arc<ModuleVersion>, ClientError> {
    named(versions, wanted).ok_or_else(|| ClientError::NoSuchVersion {
        name: name.to_owned(),
        version: wanted.to_owned(),
        known: versions.iter().map(|version| version.version).collect(),
    })
}
