//! Brings an instance into memory: fresh from its creation, or cold by replaying its history.

use super::{Created, Fate, Held, Known, Trouble};
use crate::Runtime;
use crate::activities::Activities;
use crate::player::Player;
use dacapo_core::rewind::{Rewind, effective, rewind};
use dacapo_core::{Event, InstanceId, Payload, RuntimeStatus, StoredTurn, TurnRecord};
use dacapo_store::{Fence, InboxEntry, Instance, ModuleVersion, StoreError};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// An instance as far as it is known, before its guest is needed.
pub(super) enum Loaded {
    /// Its guest is parked in memory.
    Warm(Box<Held>),
    /// It has to be played from its history.
    Cold(Box<Cold>),
}

pub(super) struct Cold {
    known: Known,
    /// That it cannot be read does not keep the instance from being terminated.
    history: Result<Vec<StoredTurn>, StoreError>,
    inbox: Vec<InboxEntry>,
    /// Held until it has been replayed.
    _permit: Option<OwnedSemaphorePermit>,
}

/// The input that an opening record holds.
pub(super) fn input_of(opening: &TurnRecord) -> Option<Payload> {
    match opening.events.first() {
        Some(Event::ExecutionStarted { input, .. }) => Some(input.clone()),
        _ => None,
    }
}

/// Reads an unfinished instance with its history and inbox.
pub(super) async fn read(runtime: &Runtime, id: &InstanceId) -> Result<Loaded, Trouble> {
    read_if(runtime, id, |status| !status.is_finished()).await.map(|cold| Loaded::Cold(Box::new(cold)))
}

async fn read_if(
    runtime: &Runtime,
    id: &InstanceId,
    wanted_status: impl Fn(RuntimeStatus) -> bool + std::marker::Send + 'static,
) -> Result<Cold, Trouble> {
    // Closed never: the semaphore lives as long as the runtime.
    let permit = runtime.router.cold_loads.clone().acquire_owned().await.map_err(|_| Trouble::Closed)?;
    let wanted = id.clone();
    let found = runtime.read(move |store| {
        let Some(instance) = store.instance(&wanted)?.filter(|instance| wanted_status(instance.status)) else {
            return Ok(None);
        };
        // Three reads, not one: its own turns cannot come between, since it plays none now. A purge can, and then finds
        // an empty history. What is delivered later comes as a message, and its number tells that it is new.
        let history = store.history(instance.key, instance.generation, 0);
        let inbox = store.inbox(instance.key)?;
        let is_empty = matches!(&history, Ok(turns) if turns.is_empty());
        if is_empty && store.instance(&wanted)?.is_none_or(|now| now.key != instance.key) {
            return Ok(None);
        }
        Ok(Some((instance, history, inbox)))
    });
    let (instance, history, inbox) = found.await?.ok_or(Trouble::Gone)?;
    let opening = history.as_ref().ok().and_then(|history| history.first());
    let known = Known::of(instance, opening.and_then(|opening| input_of(&opening.record)));
    Ok(Cold { known, history, inbox, _permit: Some(permit) })
}

impl Known {
    fn of(instance: Instance, input: Option<Payload>) -> Self {
        Self {
            fence: instance.fence(),
            id: instance.id,
            name: instance.name,
            version: instance.version,
            inbox_next: instance.inbox_done,
            created_at_ms: instance.created_at_ms,
            updated_at_ms: instance.updated_at_ms,
            input,
            custom_status: instance.custom_status,
            parent: instance.parent,
        }
    }
}

impl Loaded {
    /// Nothing to read: all there is of it was written a moment ago.
    pub(super) fn created(created: &Created) -> Self {
        Self::opened(created.known(), created.new.opening.clone())
    }

    /// An execution of which nothing is there but its opening.
    pub(super) fn opened(known: Known, opening: TurnRecord) -> Self {
        let history = Ok(vec![StoredTurn { seq: 0, record: opening }]);
        Self::Cold(Box::new(Cold { known, history, inbox: Vec::new(), _permit: None }))
    }

    pub(super) fn known(&self) -> &Known {
        match self {
            Self::Warm(held) => &held.known,
            Self::Cold(cold) => &cold.known,
        }
    }

    /// The inbox as it was read.
    pub(super) fn take_inbox(&mut self) -> Vec<InboxEntry> {
        match self {
            Self::Warm(_) => Vec::new(),
            Self::Cold(cold) => std::mem::take(&mut cold.inbox),
        }
    }

    /// With its guest parked where the history ends; of one that has failed and was reopened, where it is rewound to.
    /// Activities that were lost with a stopped server run again.
    pub(super) async fn hold(self, runtime: &Arc<Runtime>) -> Result<(Box<Held>, Option<Rewind>), Trouble> {
        match self {
            Self::Warm(held) => Ok((held, None)),
            Self::Cold(cold) => {
                let version = cold.known.version(runtime)?;
                let (held, rewind) = cold.replay(runtime, &version).await?;
                let calls: Vec<_> = held.player.orchestration().open_activities().collect();
                let caller = held.known.caller();
                for call in calls {
                    let runner = caller.resolve(runtime, &call);
                    Activities::dispatch(runtime, &caller, call, runner, Fate::default());
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
    async fn replay(
        self,
        runtime: &Arc<Runtime>,
        version: &ModuleVersion,
    ) -> Result<(Box<Held>, Option<Rewind>), Trouble> {
        let Cold { known, history, inbox: _, _permit } = self;
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
        Ok((Box::new(Held { known, player }), rewind))
    }
}
