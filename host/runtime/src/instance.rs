//! Plays the turns of one instance, one at a time: load or continue, feed, let the guest run, commit, follow up.

mod arrivals;
mod flight;
mod load;

use crate::activities::Caller;
use crate::committer::CommitError;
use crate::executor::{GuestEnd, Play, PlayError, SharedOrchestration};
use crate::router::{Message, Router};
use crate::watch::InstanceView;
use crate::{RETRY_MS, ROOM_RETRY_MS, Runtime, panic_text};
use arrivals::Arrivals;
use dacapo_core::history::CorruptHistory;
use dacapo_core::orchestration::Stop;
use dacapo_core::replay::Mismatch;
use dacapo_core::turn::failed_output;
use dacapo_core::{Failure, InstanceId, Orchestration, Payload, RuntimeStatus, TurnEnd, TurnOutcome};
use dacapo_store::{Fence, InstanceKey, ModuleVersion, NewInstance, Refused, StoreError, TurnWrite, VersionId, Write};
pub(crate) use flight::{Fate, Flight};
use futures::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, MutexGuard, PoisonError};

/// An instance that was created a moment ago; its opening is durable.
pub(crate) struct Created {
    pub(crate) key: InstanceKey,
    pub(crate) epoch: u64,
    pub(crate) new: NewInstance,
}

impl Created {
    /// How readers see it before its first turn.
    pub(crate) fn view(&self) -> InstanceView {
        InstanceView { status: RuntimeStatus::Pending, ..self.known().view() }
    }

    fn known(&self) -> Known {
        let opening = &self.new.opening;
        Known {
            id: self.new.id.clone(),
            name: self.new.name.clone(),
            version: self.new.version,
            fence: Fence { key: self.key, epoch: self.epoch, generation: 0, next_seq: 1 },
            inbox_next: 0,
            created_at_ms: opening.at_ms,
            updated_at_ms: opening.at_ms,
            input: load::input_of(opening),
            custom_status: None,
        }
    }
}

/// What is known of an instance without its guest: enough to commit a turn and to show it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    id: InstanceId,
    name: String,
    version: VersionId,
    fence: Fence,
    /// The number of the next inbox entry that no turn has consumed.
    inbox_next: u64,
    created_at_ms: u64,
    updated_at_ms: u64,
    input: Option<Payload>,
    custom_status: Option<Payload>,
}

/// An instance in memory, with its guest parked.
pub(crate) struct Held {
    known: Known,
    orchestration: SharedOrchestration,
    play: Box<dyn Play>,
}

impl Held {
    /// What it costs to keep it, in bytes. An estimate.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + 1_024 + self.play.memory_bytes()
    }

    fn orchestration(&self) -> MutexGuard<'_, Orchestration> {
        // Poisoned by a panic in the middle of a turn; the task that played it has ended with it.
        self.orchestration.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a turn was not committed. Nothing of it has happened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is no unfinished instance with this id: forget what is held.
    #[error("the instance is gone")]
    Gone,
    /// What is held is not what is stored: forget it, and look again. A new instance may have the id by now.
    #[error("the instance has moved on")]
    Fenced,
    /// The store, or something else that the host needs, does not answer; the work is still there.
    #[error("{0}")]
    NotNow(String),
    /// The committer has stopped.
    #[error("the committer has stopped")]
    Closed,
    /// The guest was cut by a limit of the machine.
    #[error("the turn was cut: {1}")]
    Cut(InstanceKey, String),
    /// No room for another guest.
    #[error("no room for another guest: {0}")]
    NoRoom(String),
    /// It cannot be played on: the replay does not match, the history is not one, or the module cannot be had.
    #[error("{1}")]
    Stalled(Box<Known>, String),
}

impl From<CommitError> for Trouble {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(Refused::Fenced) => Trouble::Fenced,
            CommitError::Refused(refused) => Trouble::NotNow(format!("a turn was refused: {refused}")),
            CommitError::Store(error) => Trouble::NotNow(format!("the store failed: {error}")),
            CommitError::Closed => Trouble::Closed,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Trouble::NotNow(format!("the store failed: {error}"))
    }
}

impl From<(&Known, PlayError)> for Trouble {
    fn from((known, error): (&Known, PlayError)) -> Self {
        match error {
            PlayError::Cut(reason) => Trouble::Cut(known.fence.key, reason),
            PlayError::NoRoom(reason) => Trouble::NoRoom(reason),
            PlayError::NotNow(_) => Trouble::NotNow(error.to_string()),
            PlayError::Unavailable(_) => Trouble::Stalled(Box::new(known.clone()), error.to_string()),
        }
    }
}

impl From<(&Known, CorruptHistory)> for Trouble {
    fn from((known, error): (&Known, CorruptHistory)) -> Self {
        Trouble::Stalled(Box::new(known.clone()), error.to_string())
    }
}

impl From<(&Known, Box<Mismatch>)> for Trouble {
    fn from((known, mismatch): (&Known, Box<Mismatch>)) -> Self {
        Trouble::Stalled(Box::new(known.clone()), mismatch.to_string())
    }
}

/// Plays what `messages` ask for. Returns the instance if it may stay warm.
pub(crate) async fn play(
    runtime: &Arc<Runtime>,
    id: &InstanceId,
    held: Option<Box<Held>>,
    messages: Vec<Message>,
    flight: &mut Flight,
) -> Option<Box<Held>> {
    let mut arrivals = Arrivals::of(messages);
    let held = held.filter(|held| !arrivals.is_purged(held.known.fence.key));
    let mut start = match (arrivals.created.take(), held) {
        // A new instance took the id: whatever was held belongs to an older one, and so does what is in flight.
        (Some(created), held) if held.as_ref().is_none_or(|held| held.known.fence.key != created.key) => {
            // What became of those turns is of no matter. If they were the new one's (somebody has looked into the
            // store before this message came), the fence tells.
            let _ = flight.land(runtime).await;
            Some(load::Loaded::created(&created))
        }
        (_, held) => held.map(load::Loaded::Warm),
    };
    let (mut cut, mut cuts) = (None, 0);
    let result = loop {
        let attempted =
            AssertUnwindSafe(attempt(runtime, id, start.take(), &mut arrivals, flight)).catch_unwind().await;
        let panicked =
            |panic: Box<dyn Any + Send>| Err(Trouble::NotNow(format!("the host panicked: {}", panic_text(&*panic))));
        match attempted.unwrap_or_else(panicked) {
            Ok(Some(held)) if arrivals.has_more(&held.known) => start = Some(load::Loaded::Warm(held)),
            Err(Trouble::Cut(key, reason)) => {
                cuts = if cut == Some(key) { cuts + 1 } else { 1 };
                cut = Some(key);
                tracing::warn!(instance = %id, cuts, %reason, "a turn was cut; it has not happened");
                if cuts >= runtime.config.cuts_before_failure {
                    let failure = Failure::new("cut", format!("the turn was cut {cuts} times: {reason}"));
                    break fail(runtime, id, key, failure, flight).await;
                }
            }
            // Somebody else's guest makes room; if all are at work, they will soon rest.
            Err(Trouble::NoRoom(_)) if !runtime.is_closing() => {
                if !runtime.router.evict_one() {
                    runtime.sleep_ms(ROOM_RETRY_MS).await;
                }
            }
            other => break other,
        }
    };
    for key in arrivals.activity_keys() {
        runtime.activities.settled(&key);
    }
    match result {
        Ok(held) => held,
        Err(trouble) => {
            follow_up(runtime, id, trouble).await;
            None
        }
    }
}

/// What to do after a turn that did not happen, and with it what was held in memory.
pub(crate) async fn follow_up(runtime: &Arc<Runtime>, id: &InstanceId, trouble: Trouble) {
    match trouble {
        Trouble::Gone | Trouble::Closed => {}
        Trouble::Fenced => Router::post(runtime, id, Message::Wake),
        Trouble::Stalled(known, reason) => {
            tracing::error!(instance = %id, %reason, "the instance cannot be played on; nothing was written");
            let output = failed_output(&known.name, &Failure::new("stalled", reason));
            runtime.board.stall(known.view(), output);
            // Had it been purged meanwhile, nobody would take that away again.
            let (wanted, key) = (id.clone(), known.fence.key);
            let found = runtime.read(move |store| store.instance(&wanted)).await;
            if let Ok(now) = found
                && now.is_none_or(|now| now.key != key)
            {
                runtime.board.remove(id, key);
            }
        }
        trouble @ (Trouble::NotNow(_) | Trouble::Cut(..) | Trouble::NoRoom(_)) => {
            if runtime.router.begin_retry(id) {
                tracing::error!(instance = %id, %trouble, "a turn could not be committed; trying again in a second");
                let (runtime, id) = (runtime.clone(), id.clone());
                runtime.clone().spawn(async move {
                    if runtime.sleep_ms(RETRY_MS).await {
                        runtime.router.end_retry(&id);
                        Router::post(&runtime, &id, Message::Wake);
                    }
                });
            }
        }
    }
}

async fn attempt(
    runtime: &Arc<Runtime>,
    id: &InstanceId,
    start: Option<load::Loaded>,
    arrivals: &mut Arrivals,
    flight: &mut Flight,
) -> Result<Option<Box<Held>>, Trouble> {
    let mut loaded = match start {
        Some(loaded) => loaded,
        None => {
            // What is in flight is not in the store yet.
            flight.land(runtime).await?;
            load::read(runtime, id).await?
        }
    };
    arrivals.take_in(loaded.known().fence.key, loaded.take_inbox());
    let known = loaded.known();
    if let Some((reason, inbox_next)) = arrivals.termination(known) {
        let outcome = Orchestration::terminate(runtime.clock.now_ms().max(known.updated_at_ms), reason);
        commit(runtime, known.clone(), inbox_next, outcome, flight).await?;
        return Ok(None);
    }
    let mut held = loaded.hold(runtime).await?;
    let mut portion = arrivals.portion(&held.known);
    let begun = held.orchestration().begin_turn(runtime.clock.now_ms(), std::mem::take(&mut portion.events));
    let finished = if begun {
        let outcome = guest_turn(&mut held).await?;
        let finished = outcome.status.is_finished();
        held.known = commit(runtime, held.known, portion.inbox_next, outcome, flight).await?;
        finished
    } else {
        // The clock may have been set back since its timer rang.
        let next_timer = held.orchestration().next_timer();
        runtime.timers.set(held.known.fence.key, id, next_timer);
        false
    };
    for call in arrivals.consumed(held.known.fence.key, &portion) {
        runtime.activities.settled(&call);
    }
    Ok(Some(held).filter(|_| !finished))
}

/// Lets the guest run and closes the turn, live or replayed.
async fn guest_turn(held: &mut Held) -> Result<TurnOutcome, Trouble> {
    let ended = held.play.run_turn().await;
    let mut orchestration = held.orchestration.lock().unwrap_or_else(PoisonError::into_inner);
    let end = match (ended, orchestration.stop()) {
        (_, Some(Stop::Fault(fault))) => TurnEnd::Faulted(fault.clone().into_failure()),
        // `finish_turn` reports it, whatever the guest did after it.
        (_, Some(Stop::Mismatch(_))) | (Ok(GuestEnd::Parked), None) => TurnEnd::Parked,
        (Ok(GuestEnd::Returned(result)), None) => TurnEnd::Returned(result),
        (Ok(GuestEnd::Trapped(failure)), None) => TurnEnd::Faulted(failure),
        (Err(error), None) => return Err((&held.known, error).into()),
    };
    orchestration.finish_turn(end).map_err(|mismatch| (&held.known, mismatch).into())
}

/// Hands the turn to the committer. Only once it is durable is it shown and its timer armed.
async fn commit(
    runtime: &Arc<Runtime>,
    mut known: Known,
    inbox_next: u64,
    outcome: TurnOutcome,
    flight: &mut Flight,
) -> Result<Known, Trouble> {
    let write = TurnWrite::of(known.fence, inbox_next, &outcome);
    known.fence.next_seq += 1;
    known.inbox_next = inbox_next;
    known.updated_at_ms = outcome.record.at_ms;
    if let Some(value) = outcome.custom_status {
        known.custom_status = Some(value).filter(|value| !value.is_null());
    }
    let view = InstanceView { status: outcome.status, output: outcome.output, ..known.view() };
    let (shown, wake_at_ms) = (runtime.clone(), outcome.wake_at_ms);
    let pending = runtime
        .committer
        .submit(Write::Turn(write), move |written| {
            if written.is_ok() {
                shown.timers.set(view.key, &view.id, wake_at_ms);
                shown.board.publish(view);
            }
        })
        .await?;
    flight.take_off(runtime, known.caller(), pending, outcome.activities);
    Ok(known)
}

/// Ends the instance as Failed without its guest.
async fn fail(
    runtime: &Arc<Runtime>,
    id: &InstanceId,
    key: InstanceKey,
    failure: Failure,
    flight: &mut Flight,
) -> Result<Option<Box<Held>>, Trouble> {
    flight.land(runtime).await?;
    let loaded = load::read(runtime, id).await?;
    let known = loaded.known().clone();
    if known.fence.key != key {
        return Err(Trouble::Fenced);
    }
    let at_ms = runtime.clock.now_ms().max(known.updated_at_ms);
    let outcome = Orchestration::fail(at_ms, &known.name, failure);
    let inbox_next = known.inbox_next;
    commit(runtime, known, inbox_next, outcome, flight).await?;
    Ok(None)
}

impl Known {
    fn view(&self) -> InstanceView {
        InstanceView {
            key: self.fence.key,
            id: self.id.clone(),
            name: self.name.clone(),
            status: RuntimeStatus::Running,
            generation: self.fence.generation,
            turn: self.fence.next_seq,
            created_at_ms: self.created_at_ms,
            updated_at_ms: self.updated_at_ms,
            input: self.input.clone(),
            custom_status: self.custom_status.clone(),
            output: None,
            stalled: false,
        }
    }

    fn caller(&self) -> Caller {
        Caller { key: self.fence.key, identity: self.identity(), version: self.version }
    }

    fn identity(&self) -> dacapo_core::Identity {
        dacapo_core::Identity {
            instance_id: self.id.clone(),
            created_at_ms: self.created_at_ms,
            generation: self.fence.generation,
        }
    }

    fn version(&self, runtime: &Runtime) -> Result<Arc<ModuleVersion>, Trouble> {
        let unknown = || PlayError::Unavailable(format!("its version (key {}) is not in the catalog", self.version.0));
        runtime.catalog.version(self.version).ok_or_else(|| (self, unknown()).into())
    }
}
