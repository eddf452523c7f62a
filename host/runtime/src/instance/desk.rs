//! What lies before an instance at work: results that no durable turn has taken, and the turns that are in flight.

use super::flight::Flight;
use super::held::Held;
use super::trouble::Trouble;
use crate::message::RunResult;
use crate::runtime::Runtime;
use dacapo_core::{Arrival, Event, Source};
use dacapo_store::InstanceKey;
use std::collections::VecDeque;
use std::sync::Arc;

/// Arrivals that one turn takes in at most. A record stays far below what a store can write in one piece.
const TURN_EVENTS: usize = 1_000;
/// Bytes of arrivals that one turn takes in at most; the first arrival is taken whatever its size.
const TURN_BYTES: usize = 8 << 20;

/// See the file. A result stays until a turn that has taken it is durable, or nothing ever will take it: a service is not
/// called again because the disk is full.
#[derive(Default)]
pub(crate) struct Desk {
    results: VecDeque<RunResult>,
    pub(crate) flight: Flight,
}

/// What one turn takes in.
pub(crate) struct Portion {
    pub(crate) arrivals: Vec<Arrival>,
    /// Results looked at.
    results: usize,
}

impl Desk {
    /// Whether nothing lies on it.
    pub(crate) fn is_clear(&self) -> bool {
        self.results.is_empty() && self.flight.is_empty()
    }

    /// A run has come to something. If the turn that asked for it never happened, neither has the run; whoever asks now
    /// asks anew.
    pub(crate) fn put(&mut self, result: RunResult) {
        if !result.fate.is_lost() {
            self.results.push_back(result);
        }
    }

    /// Waits until the first turn in flight is durable. May be dropped half way.
    pub(crate) async fn land_one(&mut self, runtime: &Arc<Runtime>) -> Result<(), Trouble> {
        self.flight.land_one(runtime).await.map_err(|(trouble, given_back)| {
            for result in given_back.into_iter().rev() {
                self.results.push_front(result);
            }
            self.results.retain(|result| !result.fate.is_lost());
            trouble
        })
    }

    /// Waits until all turns in flight are durable.
    pub(crate) async fn land(&mut self, runtime: &Arc<Runtime>) -> Result<(), Trouble> {
        while !self.flight.is_empty() {
            self.land_one(runtime).await?;
        }
        Ok(())
    }

    /// Nobody will ever take what lies here.
    pub(crate) fn clear(&mut self, runtime: &Runtime) {
        for result in self.results.drain(..) {
            runtime.calls.settle(&result.run);
        }
    }

    /// Results of another instance that has or had the id are of no use to this one.
    pub(crate) fn keep_only(&mut self, key: InstanceKey, runtime: &Runtime) {
        self.results.retain(|result| {
            let is_own = result.run.key == key;
            if !is_own {
                runtime.calls.settle(&result.run);
            }
            is_own
        });
    }

    /// What the next turn takes in; with `inbox_first` the inbox alone.
    pub(crate) fn portion(&self, held: &Held, inbox_first: bool) -> Portion {
        let mut portion = Portion { arrivals: Vec::new(), results: 0 };
        let mut bytes = 0;
        let mut has_room = |arrivals: usize, event: &Event| {
            bytes += event.size_bytes();
            arrivals == 0 || (arrivals < TURN_EVENTS && bytes <= TURN_BYTES)
        };
        for RunResult { run, event, .. } in self.results.iter().filter(|_| !inbox_first) {
            if !has_room(portion.arrivals.len(), event) {
                return portion;
            }
            let from = Source::Activity { run: run.number };
            portion.arrivals.push(Arrival { from, execution: Some(run.execution), event: event.clone() });
            portion.results += 1;
        }
        for entry in held.inbox.ready() {
            if !has_room(portion.arrivals.len(), &entry.event) {
                break;
            }
            portion.arrivals.push(entry.clone().into());
        }
        portion
    }

    /// Takes away the results that the portion holds.
    pub(crate) fn take(&mut self, results: usize) -> Vec<RunResult> {
        self.results.drain(..results).collect()
    }

    /// Whether anything is left for one more turn.
    pub(crate) fn has_more(&self, held: &Held) -> bool {
        !self.results.is_empty() || held.inbox.ready().next().is_some()
    }
}

impl Portion {
    /// How many results it holds: see [`Desk::take`].
    pub(crate) fn results(&self) -> usize {
        self.results
    }
}
