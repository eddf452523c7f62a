//! Turns that were handed to the committer and are not durable yet.
//!
//! An instance need not stand still for the disk: its next turn may build on one that is still being written, as long as
//! nothing of either is seen outside before it is durable. What readers see is published by the committer, in order.
//! An activity that can have an effect waits for the turn that asked for it; a pure one does not: if that turn never
//! becomes durable, its run is as if it had not been. What a turn has taken of results goes with it: if the turn is lost,
//! they are not.

use super::trouble::Trouble;
use crate::activities::dispatch;
use crate::caller::{Caller, Run, Runner};
use crate::committer::Pending;
use crate::fate::Fate;
use crate::message::RunResult;
use crate::runtime::Runtime;
use dacapo_core::ActivityCall;
use std::collections::VecDeque;
use std::sync::Arc;

struct FlyingTurn {
    pending: Pending,
    caller: Caller,
    /// To be run once it is durable.
    effects: Vec<(ActivityCall, Option<Runner>)>,
    /// Running already.
    started: Vec<Run>,
    fate: Fate,
    /// What it has taken of results, of use or not.
    taken: Vec<RunResult>,
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

    /// Whether the next turn has to wait for the first of them: `most` may be in flight, and one at least.
    pub(crate) fn is_full(&self, most: usize) -> bool {
        self.turns.len() >= most.max(1)
    }

    /// Takes in a turn, and starts those of its activities that are pure.
    pub(crate) fn take_off(
        &mut self,
        runtime: &Arc<Runtime>,
        caller: Caller,
        (pending, taken): (Pending, Vec<RunResult>),
        calls: Vec<ActivityCall>,
    ) {
        let fate = Fate::default();
        let resolve = |call| {
            let runner = caller.resolve(&runtime.guests, &runtime.catalog, &call);
            (call, runner)
        };
        let is_pure = |runner: &Runner| runner.is_pure(&runtime.guests);
        let calls = calls.into_iter().map(resolve);
        let (pure, effects): (Vec<_>, Vec<_>) = calls.partition(|(_, runner)| runner.as_ref().is_some_and(is_pure));
        let start = |(call, runner)| dispatch(runtime, &caller, call, runner, fate.clone());
        let started = pure.into_iter().filter_map(start).collect();
        self.turns.push_back(FlyingTurn { pending, caller, effects, started, fate, taken });
    }

    /// Waits until the first turn is durable. May be dropped half way. If it is not to be, none of them is: what they had
    /// taken of results is given back.
    pub(crate) async fn land_one(&mut self, runtime: &Arc<Runtime>) -> Result<(), (Trouble, Vec<RunResult>)> {
        let Some(first) = self.turns.front_mut() else { return Ok(()) };
        if let Err(error) = first.pending.answer().await {
            return Err((error.into(), self.abandon(runtime)));
        }
        if let Some(landed) = self.turns.pop_front() {
            landed.taken.iter().for_each(|result| runtime.calls.settle(&result.run));
            for (call, runner) in landed.effects {
                dispatch(runtime, &landed.caller, call, runner, Fate::default());
            }
        }
        Ok(())
    }

    /// The first one was not committed, so the store refuses all that build on it: none of them has happened.
    fn abandon(&mut self, runtime: &Runtime) -> Vec<RunResult> {
        let mut taken = Vec::new();
        for turn in self.turns.drain(..) {
            turn.fate.lose();
            turn.started.iter().for_each(|run| runtime.calls.settle(run));
            taken.extend(turn.taken);
        }
        // A run that one of them had asked for never was.
        taken.retain(|result| !result.fate.is_lost());
        taken
    }
}
