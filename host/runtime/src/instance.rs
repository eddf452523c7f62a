//! Plays the turns of one instance, one at a time: load or continue, feed, let the guest run, commit, follow up.

mod arrivals;
mod flight;
mod load;

use crate::activities::Caller;
use crate::committer::CommitError;
use crate::executor::PlayError;
use crate::player::{Player, Stopped};
use crate::router::{Message, Router};
use crate::watch::{InstanceView, Progress};
use crate::{RETRY_MS, Runtime, panic_text};
use arrivals::Arrivals;
use dacapo_core::turn::{child_failure, child_outcome, failed_output};
use dacapo_core::{
    ChildStart, Event, Failure, InstanceId, Orchestration, Payload, RuntimeStatus, Send, TurnOutcome, TurnRecord,
};
use dacapo_store::{
    Delivery, Fence, FunctionKind, Instance, InstanceKey, ModuleVersion, NewInstance, NextExecution, Outgoing, Parent,
    Refused, StoreError, TurnWrite, VersionId, Write, Written,
};
pub(crate) use flight::{Fate, Flight};
use futures::FutureExt;
pub(crate) use load::try_on;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

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
            parent: self.new.parent.clone(),
        }
    }
}

/// The kind of failure of an instance whose turns were cut too often.
pub(crate) const CUT: &str = "cut";

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
    parent: Option<Parent>,
}

/// An instance in memory, with its guest parked.
pub(crate) struct Held {
    known: Known,
    player: Player,
}

impl Held {
    /// What it costs to keep it, in bytes. An estimate.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + 1_024 + self.player.memory_bytes()
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

impl From<(&Known, Stopped)> for Trouble {
    fn from((known, stopped): (&Known, Stopped)) -> Self {
        match stopped {
            Stopped::Play(error) => (known, error).into(),
            Stopped::Corrupt(_) | Stopped::Mismatch(_) => {
                Trouble::Stalled(Box::new(known.clone()), stopped.to_string())
            }
        }
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
    let held = held.filter(|held| !arrivals.has_let_go(held.known.fence.key));
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
        let panicked = |panic: Box<dyn Any + std::marker::Send>| {
            Err(Trouble::NotNow(format!("the host panicked: {}", panic_text(&*panic))))
        };
        match attempted.unwrap_or_else(panicked) {
            Ok(Some(held)) if arrivals.has_more(&held.known) => start = Some(load::Loaded::Warm(held)),
            Err(Trouble::Cut(key, reason)) => {
                cuts = if cut == Some(key) { cuts + 1 } else { 1 };
                cut = Some(key);
                tracing::warn!(instance = %id, cuts, %reason, "a turn was cut; it has not happened");
                if cuts >= runtime.config.cuts_before_failure {
                    let failure = Failure::new(CUT, format!("the turn was cut {cuts} times: {reason}"));
                    break fail(runtime, id, key, failure, flight).await;
                }
            }
            Err(Trouble::NoRoom(_)) if !runtime.is_closing() => {
                runtime.make_room().await;
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
            // Had it been purged or moved to another version meanwhile, nobody would take that away again.
            loop {
                let (since, wanted) = (runtime.board.moment(id), id.clone());
                let found = runtime.read(move |store| store.instance(&wanted)).await;
                let is_other = |now: Instance| (now.key, now.epoch) != (known.fence.key, known.fence.epoch);
                let has_gone = found.is_ok_and(|now| now.is_none_or(is_other));
                if has_gone || runtime.board.stall(since, known.view(), output.clone()) {
                    break;
                }
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
    if let Some((reason, recursive, inbox_next)) = arrivals.termination(known) {
        let outcome = Orchestration::terminate(runtime.clock.now_ms().max(known.updated_at_ms), reason, recursive);
        commit(runtime, known.clone(), inbox_next, outcome, flight).await?;
        return Ok(None);
    }
    let (mut held, rewind) = loaded.hold(runtime).await?;
    let mut portion = arrivals.portion(&held.known, rewind.is_some());
    if let Some(rewind) = rewind
        && !portion.rewind(rewind)
    {
        let reason = "the history ends with a failure, and nothing in the inbox says that it was rewound".to_owned();
        return Err(Trouble::Stalled(Box::new(held.known), reason));
    }
    let begun = held.player.orchestration().begin_turn(runtime.clock.now_ms(), std::mem::take(&mut portion.events));
    let mut finished = false;
    let mut next_execution = None;
    if begun {
        let outcome = held.player.turn().await.map_err(|stopped| Trouble::from((&held.known, stopped)))?;
        finished = outcome.status.is_finished();
        next_execution = outcome.next_execution.clone();
        let is_first_turn = held.known.fence.next_seq == 1;
        held.known = commit(runtime, held.known, portion.inbox_next, outcome, flight).await?;
        if is_first_turn && next_execution.is_some() {
            // It waits for nothing: then it waits for the disk, or it would spin.
            flight.land(runtime).await?;
        }
    } else {
        // The clock may have been set back since its timer rang.
        let next_timer = held.player.orchestration().next_timer();
        runtime.timers.set(held.known.fence.key, id, next_timer);
    }
    for call in arrivals.consumed(held.known.fence.key, &portion) {
        runtime.activities.settled(&call);
    }
    if let Some(opening) = next_execution {
        // What came meanwhile, a termination perhaps, is looked at before its first turn.
        Router::post(runtime, id, Message::Wake);
        return Ok(Some(load::Loaded::opened(held.known, opening).hold(runtime).await?.0));
    }
    Ok(Some(held).filter(|_| !finished))
}

/// Hands the turn to the committer. Only once it is durable is it shown and its timer armed.
async fn commit(
    runtime: &Arc<Runtime>,
    mut known: Known,
    inbox_next: u64,
    outcome: TurnOutcome,
    flight: &mut Flight,
) -> Result<Known, Trouble> {
    let mut write = TurnWrite::of(known.fence, inbox_next, &outcome);
    write.outgoing = outgoing(runtime, &known, &outcome);
    known.fence.next_seq += 1;
    if let Some(value) = &outcome.record.custom_status {
        known.custom_status = Some(value.clone()).filter(|value| !value.is_null());
    }
    if let Some(opening) = &outcome.next_execution {
        // The newest version, as for a new start. One that exports it no more leaves the instance where it is.
        known.version = runtime.catalog.orchestrator(&known.name).map_or(known.version, |version| version.id);
        // What was recorded of this execution goes with it, but not the custom status.
        let opening = TurnRecord { custom_status: known.custom_status.clone(), ..opening.clone() };
        write.next = Some(NextExecution { opening: opening.encode(), version: known.version });
        known.fence = Fence { generation: known.fence.generation + 1, next_seq: 1, ..known.fence };
        known.input = load::input_of(&opening);
    }
    known.inbox_next = inbox_next;
    known.updated_at_ms = outcome.record.at_ms;
    let view = InstanceView { status: outcome.status, output: outcome.output, ..known.view() };
    let (shown, wake_at_ms) = (runtime.clone(), outcome.wake_at_ms);
    let pending = runtime
        .committer
        .submit(Write::Turn(write), move |written| {
            if let Ok(Written::Turned { sent }) = written {
                shown.timers.set(view.key, &view.id, wake_at_ms);
                shown.board.publish(view);
                sent.iter().cloned().for_each(|sent| shown.wake(sent));
            }
        })
        .await?;
    flight.take_off(runtime, known.caller(), pending, outcome.activities);
    Ok(known)
}

/// What other instances get with the turn.
fn outgoing(runtime: &Runtime, known: &Known, outcome: &TurnOutcome) -> Vec<Outgoing> {
    let sends = outcome.sends.iter().map(|send| match send {
        Send::Start(start) => child(runtime, known, start, outcome.record.at_ms),
        Send::Event { instance_id, name, data } => Outgoing::Event(Delivery {
            id: instance_id.clone(),
            event: Event::EventRaised { name: name.clone(), data: data.clone() },
            // Nobody is there to be told that it is full.
            limit: runtime.config.limits.inbox_events.saturating_mul(INTERNAL_INBOX),
        }),
    });
    let ends_children = outcome.ends_children.clone().map(|reason| Outgoing::EndChildren { reason });
    let told = known.parent.as_ref().filter(|parent| parent.waits).and_then(|parent| {
        let task = parent.task;
        let event = match child_outcome(&known.name, &known.id, outcome)? {
            Ok(result) => Event::ChildCompleted { task, result },
            Err(failure) => Event::ChildFailed { task, failure: failure.bounded(runtime.config.limits.payload_bytes) },
        };
        Some(Outgoing::Ended { parent: parent.clone(), event })
    });
    sends.chain(ends_children).chain(told).collect()
}

fn child(runtime: &Runtime, known: &Known, start: &ChildStart, at_ms: u64) -> Outgoing {
    let called = runtime.catalog.called(FunctionKind::Orchestrator, &start.name, known.version);
    let Some(version) = called else {
        let message = format!("No deployed module exports the orchestrator '{}'.", start.name);
        let failure = child_failure("orchestrator-not-found", message, &start.name, &start.instance_id, None);
        return Outgoing::ToSelf(Event::ChildFailed { task: start.task, failure });
    };
    let parent = Parent {
        key: known.fence.key,
        id: known.id.clone(),
        generation: known.fence.generation,
        task: start.task,
        waits: !start.detached,
    };
    let new = NewInstance {
        id: start.instance_id.clone(),
        name: start.name.clone(),
        version: version.id,
        opening: Orchestration::opening(&start.name, start.input.clone(), at_ms),
        parent: Some(parent),
    };
    let rewind = start.rewind.then(|| format!("'{}' was rewound", known.id));
    Outgoing::Start { new, rewind }
}

/// How many times the limit of its inbox an instance takes from other instances.
const INTERNAL_INBOX: u64 = 10;

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
            parent_id: self.parent.as_ref().map(|parent| parent.id.clone()),
            stalled: false,
            progress: Progress::default(),
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
