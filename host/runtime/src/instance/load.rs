//! Brings an instance into memory: fresh from its creation, or cold by replaying its history.

use super::held::Held;
use super::known::{Known, input_of};
use super::trouble::Trouble;
use crate::activities::dispatch;
use crate::executor::PlayError;
use crate::fate::Fate;
use crate::message::Created;
use crate::player::Player;
use crate::runtime::Runtime;
use dacapo_core::rewind::{Rewind, effective, rewind};
use dacapo_core::{By, Event, Inbox, InstanceId, RuntimeStatus, StoredTurn, TurnRecord};
use dacapo_store::{Fence, ModuleVersion, StoreError, Stored};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// An instance as far as it is known, before its guest is needed.
pub(crate) enum Loaded {
    /// Its guest is parked in memory.
    Warm(Box<Held>),
    /// It has to be played from its history.
    Cold(Box<Cold>),
}

/// See [`Loaded::Cold`].
pub(crate) struct Cold {
    known: Known,
    /// That it cannot be read does not keep the instance from being terminated.
    history: Result<Vec<StoredTurn>, StoreError>,
    inbox: Inbox,
    /// Held until it has been replayed.
    _permit: Option<OwnedSemaphorePermit>,
}

/// Reads an unfinished instance with its history and inbox.
pub(crate) async fn read(runtime: &Runtime, id: &InstanceId) -> Result<Loaded, Trouble> {
    read_if(runtime, id, |status| !status.is_finished()).await.map(|cold| Loaded::Cold(Box::new(cold)))
}

async fn read_if(runtime: &Runtime, id: &InstanceId, wanted: impl Fn(RuntimeStatus) -> bool) -> Result<Cold, Trouble> {
    // Closed never: the semaphore lives as long as the runtime.
    let permit = runtime.cold_loads.clone().acquire_owned().await.map_err(|_| Trouble::Closed)?;
    let of = id.clone();
    let found = runtime.read(move |store| store.load(&of)).await?;
    let found = found.filter(|found| wanted(found.instance.status)).ok_or(Trouble::Gone)?;
    let Stored { instance, mut history, inbox: entries } = found;
    let mut inbox = Inbox::new(instance.inbox_done);
    let missing = (instance.inbox_done..instance.inbox_next).zip(&entries).find(|(seq, entry)| *seq != entry.seq);
    if missing.is_some() || entries.len() as u64 != instance.inbox_next - instance.inbox_done {
        let (from, to) = (instance.inbox_done, instance.inbox_next);
        let found: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
        let what =
            format!("the inbox of '{id}' should hold the entries {from} to {to} (exclusive), and holds {found:?}");
        history = history.and(Err(StoreError::Corrupt(what)));
    }
    entries.into_iter().for_each(|entry| inbox.put(entry));
    let opening = history.as_ref().ok().and_then(|history| history.first());
    let input = opening.and_then(|opening| input_of(&opening.record));
    Ok(Cold { known: Known::of(instance, input), history, inbox, _permit: Some(permit) })
}

impl Loaded {
    /// Nothing to read: all there is of it was written a moment ago.
    pub(crate) fn created(created: &Created) -> Self {
        Self::opened(Known::created(created), created.new.opening.clone(), Inbox::default())
    }

    /// An execution of which nothing is there but its opening.
    pub(crate) fn opened(known: Known, opening: TurnRecord, inbox: Inbox) -> Self {
        let history = Ok(vec![StoredTurn { seq: 0, record: opening }]);
        Self::Cold(Box::new(Cold { known, history, inbox, _permit: None }))
    }

    pub(crate) fn known(&self) -> &Known {
        match self {
            Self::Warm(held) => &held.known,
            Self::Cold(cold) => &cold.known,
        }
    }

    pub(crate) fn inbox_mut(&mut self) -> &mut Inbox {
        match self {
            Self::Warm(held) => &mut held.inbox,
            Self::Cold(cold) => &mut cold.inbox,
        }
    }

    /// Whether the instance is to end, whatever else waits, or cannot be read: the reason, whether its children end too,
    /// and whose doing it is.
    pub(crate) fn termination(&mut self) -> Option<(String, bool, Option<By>)> {
        self.inbox_mut().known().find_map(|entry| match &entry.event {
            Event::ExecutionTerminated { reason, recursive, by } => Some((reason.clone(), *recursive, by.clone())),
            _ => None,
        })
    }

    /// With its guest parked where the history ends; of one that has failed and was reopened, where it is rewound to.
    /// Activities that were lost with a stopped server run again.
    pub(crate) async fn hold(self, runtime: &Arc<Runtime>) -> Result<(Box<Held>, Option<Rewind>), Trouble> {
        match self {
            Self::Warm(held) => Ok((held, None)),
            Self::Cold(cold) => {
                let version = cold.version(runtime)?;
                // Boxed, so that the task of a warm instance is small.
                let (held, rewind) = Box::pin(cold.replay(runtime, &version)).await?;
                let calls: Vec<_> = held.player.orchestration().open_activities().collect();
                let caller = held.caller();
                for call in calls {
                    let runner = caller.resolve(&runtime.guests, &runtime.catalog, &call);
                    dispatch(runtime, &caller, call, runner, Fate::default());
                }
                Ok((held, rewind))
            }
        }
    }
}

/// Plays what has happened to an instance on another version; nothing comes of it. What was looked at, and why it could
/// not go on there. One that has failed is played as far as it would be rewound.
pub(crate) async fn try_on(
    runtime: &Arc<Runtime>,
    id: &InstanceId,
    version: &ModuleVersion,
) -> Result<(Fence, Option<String>), Trouble> {
    let cold = read_if(runtime, id, RuntimeStatus::can_go_on).await?;
    let fence = cold.known.fence;
    match cold.replay(runtime, version).await {
        Ok(_) => Ok((fence, None)),
        Err(Trouble::Stalled(_, reason) | Trouble::Cut(_, reason)) => Ok((fence, Some(reason))),
        Err(trouble) => Err(trouble),
    }
}

impl Cold {
    fn version(&self, runtime: &Runtime) -> Result<Arc<ModuleVersion>, Trouble> {
        let id = self.known.version;
        let unknown = || PlayError::Unavailable(format!("its version (key {}) is not in the catalog", id.0));
        runtime.catalog.version(id).ok_or_else(|| (&self.known, unknown()).into())
    }

    async fn replay(
        self,
        runtime: &Arc<Runtime>,
        version: &ModuleVersion,
    ) -> Result<(Box<Held>, Option<Rewind>), Trouble> {
        let Cold { known, history, inbox, _permit } = self;
        let history = match history {
            Ok(history) => history,
            Err(error) if error.is_lasting() => return Err(Trouble::Stalled(Box::new(known), error.to_string())),
            Err(error) => return Err(error.into()),
        };
        let mut turns = effective(history);
        let has_failed =
            turns.last().is_some_and(|turn| matches!(turn.record.events.last(), Some(Event::ExecutionFailed { .. })));
        let rewind = has_failed.then(|| rewind(&turns));
        if let Some(rewind) = &rewind {
            turns.retain(|turn| turn.seq < rewind.from_turn);
        }
        let mut turns = turns.into_iter();
        let opening = turns.next().map_or(TurnRecord::new(0, Vec::new()), |turn| turn.record);
        let stopped = |known: &Known, stopped| Trouble::from((known, stopped));
        let (executor, limits) = (&*runtime.guests.orchestrators, runtime.config.limits.clone());
        let player = Player::open(executor, version, known.identity(), limits, opening).await;
        let mut player = player.map_err(|error| stopped(&known, error))?;
        for turn in turns {
            player.replay(turn).await.map_err(|error| stopped(&known, error))?;
        }
        Ok((Box::new(Held { known, inbox, player }), rewind))
    }
}
