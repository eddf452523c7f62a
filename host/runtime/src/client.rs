//! The only door for HTTP and CLI: every request of the outside is one method here.

use crate::board::Watching;
use crate::check::Checked;
use crate::client_error::ClientError;
use crate::committer::CommitError;
use crate::deploy_error::DeployError;
use crate::export::HistoryFile;
use crate::instance::known::input_of;
use crate::router::Router;
use crate::runtime::Runtime;
use crate::storage::StorageHealth;
use crate::upgrade::choose;
use crate::view::InstanceView;
use dacapo_core::ids::MAX_NAME_CHARS;
use dacapo_core::{By, Event, InstanceId, Orchestration, Payload, RuntimeStatus, StoredTurn};
use dacapo_store::{
    ContinueAfter, Delivery, Instance, InstanceFilter, InstanceKey, ModuleVersion, NewInstance, Refused, StoreError,
    VersionId,
};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// A request to start an instance.
#[derive(Clone, Debug)]
pub struct Start {
    /// The orchestrator, in any case.
    pub name: String,
    /// The id; drawn (32 hex digits that sort by time) when absent.
    pub id: Option<InstanceId>,
    /// The input.
    pub input: Payload,
    /// The version of the module, by its number or the beginning of its digest; the active one when absent.
    pub version: Option<String>,
}

/// A custom status that was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The execution, from 0: see [`dacapo_core::Identity::generation`].
    pub execution: u32,
    /// The number of the turn in its execution.
    pub turn: u64,
    /// The time of the turn, in milliseconds since 1970.
    pub at_ms: u64,
    /// The status; `null` cleared the one before.
    pub custom_status: Payload,
}

/// A page of instances.
#[derive(Clone, Debug)]
pub struct InstancePage {
    /// In the order of their creation.
    pub instances: Vec<InstanceView>,
    /// Where the next page begins.
    pub next: Option<ContinueAfter>,
}

/// What [`Client::health`] tells.
#[derive(Clone, Debug)]
pub struct Health {
    /// The store's name.
    pub store: &'static str,
    /// What "durable" means in it.
    pub durability: String,
    /// Since the start, in milliseconds.
    pub uptime_ms: u64,
    /// Warm instances now.
    pub warm_instances: usize,
    /// What they hold, in bytes (an estimate).
    pub warm_bytes: usize,
    /// How writing goes.
    pub storage: StorageHealth,
}

/// A subscription to one instance's status; leaves no trace when dropped.
pub struct Subscription {
    runtime: Arc<Runtime>,
    id: InstanceId,
    watching: Option<Watching>,
}

impl Subscription {
    /// Waits for the next published view, in the order of commits; `None` means that the instance was purged.
    /// One that was published between subscribing and reading the present status comes too: compare `turn`.
    pub async fn changed(&mut self) -> Option<Arc<InstanceView>> {
        let watching = self.watching.as_mut()?;
        loop {
            match watching.recv().await {
                Ok(view) => return view,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(watching) = self.watching.take() {
            self.runtime.board.unsubscribe(&self.id, watching);
        }
    }
}

/// Asks and tells the runtime. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) router: Arc<Router>,
}

impl Client {
    /// Starts an instance; returns when that is durable.
    pub async fn start(&self, start: Start) -> Result<InstanceId, ClientError> {
        let runtime = &self.runtime;
        self.check_size("input", &start.input)?;
        let id = start.id.unwrap_or_else(new_instance_id);
        loop {
            let version = self.version_for(&start.name, start.version.as_deref())?;
            let opening = Orchestration::opening(&start.name, start.input.clone(), runtime.clock.now_ms());
            let new =
                NewInstance { id: id.clone(), name: start.name.clone(), version: version.id, opening, parent: None };
            match runtime.create(new).await {
                Ok(()) => return Ok(id),
                // Deleted between the look-up and the commit: by now the catalog says what there is.
                Err(CommitError::Refused(Refused::UnknownVersion)) => {}
                Err(CommitError::Refused(Refused::InstanceExists { status })) => {
                    return Err(ClientError::InstanceExists { id, status });
                }
                Err(other) => return Err(other.into()),
            }
        }
    }

    fn version_for(&self, name: &str, wanted: Option<&str>) -> Result<Arc<ModuleVersion>, ClientError> {
        let catalog = &self.runtime.catalog;
        let unknown = || ClientError::NoSuchOrchestrator { name: name.to_owned(), known: catalog.orchestrators() };
        let Some(wanted) = wanted else { return catalog.orchestrator(name).ok_or_else(unknown) };
        let exporters = catalog.exporters(name);
        if exporters.is_empty() {
            return Err(unknown());
        }
        choose(&exporters, wanted, name)
    }

    /// The present status.
    pub async fn status(&self, id: &InstanceId) -> Result<Option<Arc<InstanceView>>, ClientError> {
        if let Some(view) = self.runtime.board.recent(id) {
            return Ok(Some(view));
        }
        let wanted = id.clone();
        let found = self.runtime.read_published(move |store| {
            let Some(instance) = store.instance(&wanted)? else { return Ok(None) };
            let input = store.input(instance.key)?;
            Ok(Some(InstanceView::of(instance, input)))
        });
        Ok(found.await?.map(|view| Arc::new(self.runtime.board.as_it_is(view))))
    }

    /// The last changes of status and custom status, oldest first, as far as they are in memory: they are lost with a
    /// restart, and of instances that nothing has happened to for long.
    pub fn recent_changes(&self, id: &InstanceId) -> Vec<Arc<InstanceView>> {
        self.runtime.board.changes(id)
    }

    /// Every status of `id` that is published from now on. Subscribe first, then read [`Client::status`].
    pub fn subscribe(&self, id: &InstanceId) -> Subscription {
        let watching = Some(self.runtime.board.subscribe(id));
        Subscription { runtime: self.runtime.clone(), id: id.clone(), watching }
    }

    /// Raises an event; returns when it is durable.
    pub async fn raise_event(&self, id: &InstanceId, name: &str, data: Payload) -> Result<(), ClientError> {
        let chars = name.chars().count();
        if chars == 0 || chars > MAX_NAME_CHARS {
            return Err(ClientError::Name { what: "event", found: chars });
        }
        self.check_size("event", &data)?;
        self.deliver(id, Event::EventRaised { name: name.to_owned(), data, by: BY }, 0).await
    }

    /// Terminates an instance, with `recursive` its unfinished children too; returns when that is durable. `reason`
    /// becomes its output.
    pub async fn terminate(&self, id: &InstanceId, reason: String, recursive: bool) -> Result<(), ClientError> {
        self.deliver(id, Event::ExecutionTerminated { reason, recursive, by: BY }, RESERVED_ENTRIES).await
    }

    /// Lets an instance stand still: what arrives for it is kept. Of no effect on one that does already.
    pub async fn suspend(&self, id: &InstanceId, reason: String) -> Result<(), ClientError> {
        self.deliver(id, Event::ExecutionSuspended { reason, by: BY }, RESERVED_ENTRIES).await
    }

    /// Lets a suspended instance go on. Of no effect on one that does already.
    pub async fn resume(&self, id: &InstanceId, reason: String) -> Result<(), ClientError> {
        self.deliver(id, Event::ExecutionResumed { reason, by: BY }, RESERVED_ENTRIES).await
    }

    /// Lets a failed instance go on from where it failed; returns when that is durable. What failed runs again, what
    /// succeeded is kept: see [`dacapo_core::rewind`].
    pub async fn rewind(&self, id: &InstanceId, reason: String) -> Result<(), ClientError> {
        self.runtime.reopen(id.clone(), reason, By::Client).await.map_err(|error| match error {
            CommitError::Refused(Refused::UnknownInstance) => ClientError::UnknownInstance(id.clone()),
            CommitError::Refused(Refused::NotFailed { status }) => ClientError::NotFailed { id: id.clone(), status },
            CommitError::Refused(Refused::UnknownVersion) => ClientError::VersionGone(id.clone()),
            other => other.into(),
        })
    }

    /// Starts an instance anew with the name and input of this one; its id, the same one if `same_id`.
    pub async fn restart(&self, id: &InstanceId, same_id: bool) -> Result<InstanceId, ClientError> {
        let found = self.status(id).await?.ok_or_else(|| ClientError::UnknownInstance(id.clone()))?;
        let Some(input) = found.input.clone() else {
            // With another input it would be another instance: nothing is started.
            return Err(StoreError::Corrupt(format!("the input of '{id}' cannot be read")).into());
        };
        self.start(Start { name: found.name.clone(), id: same_id.then(|| id.clone()), input, version: None }).await
    }

    /// The status, and the history of the current execution, with what a rewind has taken back left out, both as of one
    /// moment; `None` for an unknown id.
    pub async fn history(&self, id: &InstanceId) -> Result<Option<(InstanceView, Vec<StoredTurn>)>, ClientError> {
        let Some((instance, turns)) = self.recorded(id).await? else { return Ok(None) };
        let input = turns.first().and_then(|opening| input_of(&opening.record));
        let view = self.runtime.board.as_it_is(InstanceView::of(instance, input));
        Ok(Some((view, dacapo_core::rewind::effective(turns))))
    }

    /// The history of the current execution, whole, as a file that can be played without the server; `None` for an
    /// unknown id.
    pub async fn export(&self, id: &InstanceId) -> Result<Option<HistoryFile>, ClientError> {
        let Some((instance, turns)) = self.recorded(id).await? else { return Ok(None) };
        let version = self.runtime.catalog.version(instance.version);
        let file = HistoryFile::of(&instance, version.as_deref(), &turns);
        file.map(Some).map_err(|error| StoreError::Corrupt(error.to_string()).into())
    }

    /// The custom statuses that the current execution has published, each with the time of its turn, oldest first: the
    /// last `limit` of them. Those of earlier executions went with them when the instance continued as new; the first here is
    /// what the execution before it has left. `None` for an unknown id.
    pub async fn timeline(&self, id: &InstanceId, limit: usize) -> Result<Option<Vec<Published>>, ClientError> {
        let Some((instance, turns)) = self.recorded(id).await? else { return Ok(None) };
        let execution = instance.generation;
        let published = turns.into_iter().filter_map(|StoredTurn { seq, record }| {
            Some(Published { execution, turn: seq, at_ms: record.at_ms, custom_status: record.custom_status? })
        });
        let mut published: Vec<Published> = published.collect();
        published.drain(..published.len().saturating_sub(limit));
        Ok(Some(published))
    }

    async fn recorded(&self, id: &InstanceId) -> Result<Option<(Instance, Vec<StoredTurn>)>, ClientError> {
        let wanted = id.clone();
        let found = self.runtime.read_published(move |store| {
            let Some(found) = store.load(&wanted)? else { return Ok(None) };
            Ok(Some((found.instance, found.history?)))
        });
        Ok(found.await?)
    }

    /// Instances in the order of their creation.
    pub async fn list(
        &self,
        filter: InstanceFilter,
        after: ContinueAfter,
        limit: usize,
        with_input: bool,
    ) -> Result<InstancePage, ClientError> {
        let page = self.runtime.read_published(move |store| {
            let page = store.list(&filter, after, limit)?;
            let view = |instance: dacapo_store::Instance| {
                let input = if with_input { store.input(instance.key) } else { Ok(None) };
                // That one input cannot be read is no fault of the others.
                let input = input.or_else(|error| if error.is_lasting() { Ok(None) } else { Err(error) })?;
                Ok(InstanceView::of(instance, input))
            };
            let instances = page.instances.into_iter().map(view).collect::<Result<_, StoreError>>()?;
            Ok(InstancePage { instances, next: page.next })
        });
        let mut page = page.await?;
        page.instances = page.instances.into_iter().map(|view| self.runtime.board.as_it_is(view)).collect();
        Ok(page)
    }

    /// Deletes an instance and its history.
    pub async fn purge(&self, id: &InstanceId, force: bool) -> Result<(), ClientError> {
        self.purge_only(id, force, None).await
    }

    async fn purge_only(&self, id: &InstanceId, force: bool, only: Option<InstanceKey>) -> Result<(), ClientError> {
        self.runtime.purge(id.clone(), force, only).await.map_err(|error| match error {
            CommitError::Refused(Refused::UnknownInstance) => ClientError::UnknownInstance(id.clone()),
            CommitError::Refused(Refused::Unfinished { status }) => ClientError::Unfinished { id: id.clone(), status },
            other => other.into(),
        })
    }

    /// Deletes the finished ones among the instances that `filter` means; how many there were.
    pub async fn purge_many(&self, mut filter: InstanceFilter) -> Result<u64, ClientError> {
        let finished = RuntimeStatus::ALL.into_iter().filter(|status| status.is_finished());
        filter.statuses = match filter.statuses.is_empty() {
            true => finished.collect(),
            false => finished.filter(|status| filter.statuses.contains(status)).collect(),
        };
        let (mut deleted, mut after) = (0, ContinueAfter::ZERO);
        if filter.statuses.is_empty() {
            return Ok(deleted);
        }
        loop {
            let page = self.list(filter.clone(), after, 500, false).await?;
            let purges = page.instances.iter().map(|view| self.purge_only(&view.id, false, Some(view.key)));
            for purged in futures::future::join_all(purges).await {
                match purged {
                    Ok(()) => deleted += 1,
                    // Started anew, or purged by somebody else, since it was listed.
                    Err(ClientError::Unfinished { .. } | ClientError::UnknownInstance(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(deleted),
            }
        }
    }

    /// Adds a version to a module and makes it the active one; `true` when it is new.
    pub async fn deploy(&self, module: &str, component: Vec<u8>) -> Result<(Arc<ModuleVersion>, bool), DeployError> {
        self.runtime.deploy(module, component).await
    }

    /// Plays the open instances of a module, at most `sample` of them, on a build that is not deployed, and says which of
    /// them would not go on with it. Nothing comes of it.
    pub async fn check(&self, module: &str, component: Vec<u8>, sample: usize) -> Result<Checked, DeployError> {
        self.runtime.check(module, component, sample).await
    }

    /// All module versions, by module and version.
    pub fn modules(&self) -> Vec<Arc<ModuleVersion>> {
        self.runtime.catalog.all()
    }

    /// How many unfinished instances are pinned to each version.
    pub async fn pins(&self) -> Result<HashMap<VersionId, u64>, ClientError> {
        Ok(self.runtime.read(|store| store.pins()).await?.into_iter().collect())
    }

    /// Makes a version of a module the active one again: new starts, restarts and executions take it. `version`: its
    /// number or the beginning of its digest; the newest before the active one when absent.
    pub async fn activate(&self, module: &str, version: Option<&str>) -> Result<Arc<ModuleVersion>, DeployError> {
        self.runtime.activate(module, version).await
    }

    /// Moves an instance to another version of its module, if what has happened to it replays there; a failed one, if
    /// what a rewind keeps does. `version`: its number or the beginning of its digest.
    pub async fn upgrade(&self, id: &InstanceId, version: &str) -> Result<Arc<ModuleVersion>, ClientError> {
        self.runtime.upgrade(id, version).await
    }

    /// Deletes one version of a module that no unfinished instance is pinned to.
    pub async fn delete_version(&self, module: &str, version: &str) -> Result<(), DeployError> {
        self.runtime.delete_version(module, version).await
    }

    /// How the server is.
    pub fn health(&self) -> Health {
        let (store, durability) = self.runtime.store.describe();
        let (warm_instances, warm_bytes) = self.router.warm();
        let uptime_ms = self.runtime.clock.now_ms().saturating_sub(self.runtime.started_at_ms);
        let storage = self.runtime.storage.health(self.runtime.store.condition());
        Health { store, durability, uptime_ms, warm_instances, warm_bytes, storage }
    }

    /// `reserved`: how much further than others it may fill the inbox.
    async fn deliver(&self, id: &InstanceId, event: Event, reserved: u64) -> Result<(), ClientError> {
        let limits = &self.runtime.config.limits;
        let limit = limits.inbox_events.saturating_add(reserved);
        let (limit_untaken, limit_bytes) = match reserved {
            0 => (limits.untaken_events, limits.inbox_bytes),
            _ => (u64::MAX, u64::MAX),
        };
        let delivery = Delivery { id: id.clone(), event, limit, limit_untaken, limit_bytes };
        self.runtime.deliver(delivery).await.map_err(|error| match error {
            CommitError::Refused(Refused::UnknownInstance) => ClientError::UnknownInstance(id.clone()),
            CommitError::Refused(Refused::Finished { status }) => ClientError::Finished { id: id.clone(), status },
            CommitError::Refused(Refused::InboxFull { setting, limit }) => {
                ClientError::InboxFull { id: id.clone(), setting, limit }
            }
            other => other.into(),
        })
    }

    fn check_size(&self, what: &'static str, payload: &Payload) -> Result<(), ClientError> {
        let (found, limit) = (payload.len_bytes(), self.runtime.config.limits.payload_bytes);
        if found > limit {
            return Err(ClientError::TooLarge { what, found, setting: "payload_bytes", limit });
        }
        Ok(())
    }
}

/// Whose doing it is what comes through this door.
const BY: Option<By> = Some(By::Client);

/// Inbox entries that are kept for terminations: they must not be refused because an instance is flooded with events.
const RESERVED_ENTRIES: u64 = 16;

fn new_instance_id() -> InstanceId {
    let id = uuid::Uuid::now_v7().simple().to_string();
    InstanceId::parse(&id).expect("hex digits are a valid id")
}
