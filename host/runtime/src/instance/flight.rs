//! Turns that were handed to the committer and are not durable yet.
//!
//! An instance need not stand still for the disk: its next turn may build on one that is still being written, as long as
//! nothing of either is seen outside before it is durable. What readers see is published by the committer, in order.
//! An activity that can have an effect waits for the turn that asked for it; a pure one does not: if that turn never
//! becomes durable, its run is as if it had not been.

use super::Trouble;
use crate::Runtime;
use crate::activities::{Activities, CallKey, Caller, Runner};
use crate::committer::Pending;
use dacapo_core::ActivityCall;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Turns of one instance that may be in flight; the next one waits for the first of them.
const MOST: usize = 128;

/// What became of a turn that something was started for before it was durable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate(Arc<AtomicBool>);

impl Fate {
    /// Whether the turn is known never to have happened.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

struct FlyingTurn {
    pending: Pending,
    caller: Caller,
    /// To be run once it is durable.
    effects: Vec<(ActivityCall, Option<Runner>)>,
    /// Running already.
    started: Vec<CallKey>,
    fate: Fate,
}

/// The turns of one instance that are in flight, in order.
#[derive(Default)]
pub(crate) struct Flight {
    turns: VecDeque<FlyingTurn>,
}

impl Flight {
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.turns.len() >= MOST
    }

    /// Takes in a turn, and starts those of its activities that are pure.
    pub(super) fn take_off(
        &mut self,
        runtime: &Arc<Runtime>,
        caller: Caller,
        pending: Pending,
        calls: Vec<ActivityCall>,
    ) {
        let fate = Fate::default();
        let resolve = |call| {
            let runner = caller.resolve(runtime, &call);
            (call, runner)
        };
        let is_pure = |runner: &Runner| runner.is_pure(runtime);
        let calls = calls.into_iter().map(resolve);
        let (pure, effects): (Vec<_>, Vec<_>) = calls.partition(|(_, runner)| runner.as_ref().is_some_and(is_pure));
        let dispatch = |(call, runner)| Activities::dispatch(runtime, &caller, call, runner, fate.clone());
        let started = pure.into_iter().filter_map(dispatch).collect();
        self.turns.push_back(FlyingTurn { pending, caller, effects, started, fate });
    }

    /// Waits until the first turn is durable. May be dropped half way.
    pub(crate) async fn land_one(&mut self, runtime: &Arc<Runtime>) -> Result<(), Trouble> {
        let Some(first) = self.turns.front_mut() else { return Ok(()) };
        let answer = first.pending.answer().await;
        if let Err(error) = answer {
            self.abandon(runtime);
            return Err(error.into());
        }
        if let Some(landed) = self.turns.pop_front() {
            for (call, runner) in landed.effects {
                Activities::dispatch(runtime, &landed.caller, call, runner, Fate::default());
            }
        }
        Ok(())
    }

    /// Waits until all of them are durable.
    pub(super) async fn land(&mut self, runtime: &Arc<Runtime>) -> Result<(), Trouble> {
        while !self.is_empty() {
            self.land_one(runtime).await?;
        }
        Ok(())
    }

    /// The first one was not committed, so the store refuses all that build on it: none of them has happened.
    fn abandon(&mut self, runtime: &Runtime) {
        for turn in self.turns.drain(..) {
            turn.fate.0.store(true, Ordering::Release);
            turn.started.iter().for_each(|key| runtime.activities.settled(key));
        }
    }
}
