//! Plays the turns of one instance, one at a time: load or continue, feed, let the guest run, commit.

use super::at_work::AtWork;
use super::commit;
use super::desk::Desk;
use super::held::Held;
use super::load::{self, Loaded};
use super::trouble::Trouble;
use crate::message::{Created, Message};
use crate::runtime::{Runtime, panic_text};
use dacapo_core::orchestration::MOST_AHEAD_MS;
use dacapo_core::{Dropped, Failure, InboxEntry, InstanceId, Orchestration};
use dacapo_store::InstanceKey;
use futures::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// How far it came.
pub(crate) enum Played {
    /// All turns that there were to play are played. The instance, if it may stay warm.
    Done(Option<Box<Held>>),
    /// Something came in its way, and with it what was held in memory has gone.
    Stopped(Trouble),
}

/// What a batch of messages brings, apart from results.
#[derive(Default)]
struct Brought {
    created: Option<Box<Created>>,
    /// Instances that were purged, or moved to another version: what is held of them is of no use any more.
    let_go: Vec<InstanceKey>,
    entries: Vec<(InstanceKey, InboxEntry)>,
}

impl Brought {
    fn of(messages: Vec<Message>, desk: &mut Desk) -> Self {
        let mut brought = Self::default();
        for message in messages {
            match message {
                Message::Created(created) => brought.created = Some(created),
                Message::Purged(key) | Message::Moved(key) => brought.let_go.push(key),
                Message::Inbox { key, entry } => brought.entries.push((key, entry)),
                Message::Result(result) => desk.put(result),
                Message::Wake => {}
            }
        }
        brought
    }
}

/// Plays what `messages` ask for.
pub(crate) async fn play(
    runtime: &Arc<Runtime>,
    id: &InstanceId,
    held: Option<Box<Held>>,
    messages: Vec<Message>,
    desk: &mut Desk,
) -> Played {
    let mut brought = Brought::of(messages, desk);
    let held = held.filter(|held| !brought.let_go.contains(&held.known.fence.key));
    let mut start = match (brought.created.take(), held) {
        // A new instance took the id: whatever was held belongs to an older one, and so does what is in flight.
        (Some(created), held) if held.as_ref().is_none_or(|held| held.known.fence.key != created.key) => {
            // What became of those turns is of no matter. If they were the new one's (somebody has looked into the
            // store before this message came), the fence tells.
            let _ = desk.land(runtime).await;
            Some(Loaded::created(&created))
        }
        (_, held) => held.map(Loaded::Warm),
    };
    let (mut cut, mut cuts) = (None, 0);
    loop {
        let attempt = attempt(runtime, id, start.take(), &brought.entries, desk);
        let panicked =
            |panic: Box<dyn Any + Send>| Err(Trouble::NotNow(format!("the host panicked: {}", panic_text(&*panic))));
        match AssertUnwindSafe(attempt).catch_unwind().await.unwrap_or_else(panicked) {
            Ok(Some(held)) if desk.has_more(&held) => start = Some(Loaded::Warm(held)),
            Ok(held) => return Played::Done(held),
            Err(Trouble::Cut(key, reason)) => {
                cuts = if cut == Some(key) { cuts + 1 } else { 1 };
                cut = Some(key);
                tracing::warn!(instance = %id, cuts, %reason, "a turn was cut; it has not happened");
                if cuts >= runtime.config.cuts_before_failure {
                    let failure = Failure::new(Failure::CUT, format!("the turn was cut {cuts} times: {reason}"));
                    return match fail(runtime, id, key, failure, desk).await {
                        Ok(()) => Played::Done(None),
                        Err(trouble) => Played::Stopped(trouble),
                    };
                }
            }
            Err(Trouble::NoRoom(_)) if !runtime.is_closing() => {
                runtime.make_room().await;
            }
            Err(trouble) => return Played::Stopped(trouble),
        }
    }
}

/// One turn, if there is one to play. The instance, if it has not ended.
async fn attempt(
    runtime: &Arc<Runtime>,
    id: &InstanceId,
    start: Option<Loaded>,
    entries: &[(InstanceKey, InboxEntry)],
    desk: &mut Desk,
) -> Result<Option<Box<Held>>, Trouble> {
    let mut loaded = match start {
        Some(loaded) => loaded,
        None => {
            // What is in flight is not in the store yet.
            desk.land(runtime).await?;
            load::read(runtime, id).await?
        }
    };
    let key = loaded.known().fence.key;
    desk.keep_only(key, runtime);
    put_in(&mut loaded, entries)?;
    if let Some((reason, recursive, by)) = loaded.termination() {
        let known = loaded.known().clone();
        let at_ms = runtime.clock.now_ms().max(known.updated_at_ms);
        let outcome = Orchestration::terminate(at_ms, reason, recursive, by);
        commit::end(runtime, known, loaded.inbox_mut().done(), outcome, desk).await?;
        desk.clear(runtime);
        return Ok(None);
    }
    let at_work = match &loaded {
        // It has been played without harm since the process began.
        Loaded::Warm(_) => None,
        Loaded::Cold(_) => Some(AtWork::begin(runtime, loaded.known()).await?),
    };
    let (mut held, rewind) = loaded.hold(runtime).await?;
    let mut portion = desk.portion(&held, rewind.is_some());
    if let Some(rewind) = rewind
        && !rewind.join(&mut portion.arrivals)
    {
        let reason = "the history ends with a failure, and nothing in the inbox says that it was rewound".to_owned();
        return Err(Trouble::Stalled(Box::new(held.known), reason));
    }
    let results = portion.results();
    let now_ms = runtime.clock.now_ms();
    // A rewind takes turns back, and not the time at which they were.
    let now_ms = now_ms.max(held.known.updated_at_ms.min(now_ms.saturating_add(MOST_AHEAD_MS)));
    let begun = held.player.orchestration().begin_turn(now_ms, portion.arrivals);
    begun.dropped.iter().for_each(|dropped| log_dropped(id, dropped));
    if begun.plays {
        return turn(runtime, at_work, held, results, desk).await;
    }
    for result in desk.take(results) {
        runtime.calls.settle(&result.run);
    }
    if let Some(inbox_done) = begun.inbox_done {
        commit::discard(runtime, &mut held, inbox_done, desk).await?;
    }
    // The clock may have been set back since its timer rang.
    let next_timer = held.player.orchestration().next_timer();
    runtime.timers.set(key, id, next_timer);
    Ok(Some(held))
}

/// Puts what was delivered to it into its inbox.
fn put_in(loaded: &mut Loaded, entries: &[(InstanceKey, InboxEntry)]) -> Result<(), Trouble> {
    let key = loaded.known().fence.key;
    let own = entries.iter().filter(|(of, _)| *of == key);
    own.for_each(|(_, entry)| loaded.inbox_mut().put(entry.clone()));
    if loaded.inbox_mut().has_gap() && matches!(loaded, Loaded::Warm(_)) {
        // An entry was lost on the way here; the store has it.
        tracing::warn!(instance = %loaded.known().id, "an inbox entry was not told of: looking again");
        return Err(Trouble::Fenced);
    }
    Ok(())
}

/// The turn that was begun; it takes in so many results.
async fn turn(
    runtime: &Arc<Runtime>,
    at_work: Option<AtWork<'_>>,
    mut held: Box<Held>,
    results: usize,
    desk: &mut Desk,
) -> Result<Option<Box<Held>>, Trouble> {
    warn_of_a_wrong_clock(runtime, &held);
    let outcome = held.player.turn().await.map_err(|stopped| Trouble::from((&held.known, stopped)))?;
    drop(at_work);
    let finished = outcome.status.is_finished();
    let next_execution = outcome.next_execution.clone();
    let is_first_turn = held.known.fence.next_seq == 1;
    let taken = desk.take(results);
    commit::turn(runtime, &mut held, outcome, taken, desk).await?;
    let Some(opening) = next_execution else {
        if finished {
            desk.clear(runtime);
        }
        return Ok(Some(held).filter(|_| !finished));
    };
    if is_first_turn {
        // It waits for nothing: then it waits for the disk, or it would spin.
        desk.land(runtime).await?;
    }
    // What came meanwhile, a termination perhaps, is looked at before its first turn.
    runtime.slots.post(&held.known.id, Message::Wake);
    let Held { known, inbox, .. } = *held;
    Ok(Some(Loaded::opened(known, opening, inbox).hold(runtime).await?.0))
}

fn log_dropped(id: &InstanceId, Dropped { arrival, why }: &Dropped) {
    tracing::debug!(instance = %id, ?arrival, why, "an arrival is of no use to anybody and was dropped");
}

/// Time does not run backwards within an instance, so that its timers wait for a clock that was ahead once.
fn warn_of_a_wrong_clock(runtime: &Runtime, held: &Held) {
    let ahead_ms = held.player.orchestration().now_ms().saturating_sub(runtime.clock.now_ms());
    if ahead_ms > WARN_AHEAD_MS {
        tracing::warn!(
            instance = %held.known.id, ahead_ms,
            "the machine's clock was set back: this instance's time is ahead of it, and what it set timers for comes later"
        );
    }
}

/// An instance that is so far ahead of the machine's clock is worth a line, in milliseconds.
const WARN_AHEAD_MS: u64 = 5_000;

/// Ends the instance as Failed without its guest.
pub(crate) async fn fail(
    runtime: &Arc<Runtime>,
    id: &InstanceId,
    key: InstanceKey,
    failure: Failure,
    desk: &mut Desk,
) -> Result<(), Trouble> {
    desk.land(runtime).await?;
    let mut loaded = load::read(runtime, id).await?;
    let known = loaded.known().clone();
    if known.fence.key != key {
        return Err(Trouble::Fenced);
    }
    let at_ms = runtime.clock.now_ms().max(known.updated_at_ms);
    let outcome = Orchestration::fail(at_ms, &known.name, failure);
    commit::end(runtime, known, loaded.inbox_mut().done(), outcome, desk).await?;
    desk.clear(runtime);
    Ok(())
}
