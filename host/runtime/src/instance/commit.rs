//! Hands what an instance has come to to the committer. Only once it is durable is it shown, and others are told.

use super::desk::Desk;
use super::held::Held;
use super::known::{Known, input_of};
use super::sends::outbox;
use super::trouble::Trouble;
use crate::caller::Caller;
use crate::committer::{CommitError, Pending};
use crate::message::RunResult;
use crate::runtime::Runtime;
use crate::view::InstanceView;
use dacapo_core::{TurnOutcome, TurnRecord};
use dacapo_store::{Fence, NextExecution, TurnWrite, Write, Written};
use std::sync::Arc;

/// Commits a turn that the guest of `held` has played; `taken`: results that are part of it.
pub(crate) fn turn<'a>(
    runtime: &'a Arc<Runtime>,
    held: &mut Held,
    outcome: TurnOutcome,
    taken: Vec<RunResult>,
    desk: &'a mut Desk,
) -> impl Future<Output = Result<(), Trouble>> + Send + use<'a> {
    if let Some(done) = outcome.inbox_done {
        held.inbox.take(0..done);
    }
    let (caller, inbox_done) = (held.caller(), held.inbox.done());
    take_off(runtime, &mut held.known, (caller, inbox_done), (outcome, taken), desk)
}

/// Commits a turn that ends the instance without its guest.
pub(crate) fn end<'a>(
    runtime: &'a Arc<Runtime>,
    mut known: Known,
    inbox_done: u64,
    outcome: TurnOutcome,
    desk: &'a mut Desk,
) -> impl Future<Output = Result<(), Trouble>> + Send + use<'a> {
    let caller = Caller { key: known.fence.key, identity: known.identity(), version: known.version };
    take_off(runtime, &mut known, (caller, inbox_done), (outcome, Vec::new()), desk)
}

/// What is held of an instance while a task waits is kept small: all that can be done before is done before.
fn take_off<'a>(
    runtime: &'a Arc<Runtime>,
    known: &mut Known,
    (caller, inbox_done): (Caller, u64),
    (mut outcome, taken): (TurnOutcome, Vec<RunResult>),
    desk: &'a mut Desk,
) -> impl Future<Output = Result<(), Trouble>> + Send + use<'a> {
    let calls = std::mem::take(&mut outcome.activities);
    let submitted = submit(runtime, known, inbox_done, outcome);
    async move {
        let pending = submitted.await?;
        desk.flight.take_off(runtime, caller, (pending, taken), calls);
        Ok(())
    }
}

fn submit<'a>(
    runtime: &'a Arc<Runtime>,
    known: &mut Known,
    inbox_done: u64,
    outcome: TurnOutcome,
) -> impl Future<Output = Result<Pending, CommitError>> + Send + use<'a> {
    let mut write = TurnWrite::of(known.fence, inbox_done, &outcome);
    write.outbox = outbox(runtime, known, &outcome);
    known.fence.next_seq += 1;
    if let Some(value) = &outcome.record.custom_status {
        known.custom_status = Some(value.clone()).filter(|value| !value.is_null());
    }
    if let Some(opening) = &outcome.next_execution {
        write.next = Some(next_execution(runtime, known, opening));
    }
    known.updated_at_ms = outcome.record.at_ms;
    let view = InstanceView { status: outcome.status, output: outcome.output, ..known.view() };
    let (shown, wake_at_ms) = (runtime.clone(), outcome.wake_at_ms);
    runtime.committer.submit(Write::Turn(write), move |written| {
        if let Ok(Written::Turned { sent }) = written {
            shown.timers.set(view.key, &view.id, wake_at_ms);
            shown.board.publish(view);
            sent.iter().cloned().for_each(|sent| shown.wake(sent));
        }
    })
}

fn next_execution(runtime: &Runtime, known: &mut Known, opening: &TurnRecord) -> NextExecution {
    // The newest version, as for a new start. One that exports it no more leaves the instance where it is.
    known.version = runtime.catalog.orchestrator(&known.name).map_or(known.version, |version| version.id);
    // What was recorded of this execution goes with it, but not the custom status.
    let opening = TurnRecord { custom_status: known.custom_status.clone(), ..opening.clone() };
    known.fence = Fence { generation: known.fence.generation + 1, next_seq: 1, ..known.fence };
    known.input = input_of(&opening);
    NextExecution { opening: opening.encode(), version: known.version }
}

/// Nothing is to be played; what was looked at of the inbox is of no use to anybody and goes.
pub(crate) async fn discard(
    runtime: &Arc<Runtime>,
    held: &mut Held,
    inbox_done: u64,
    desk: &mut Desk,
) -> Result<(), Trouble> {
    held.inbox.take(0..inbox_done);
    let write = Write::Discard { fence: held.known.fence, inbox_done: held.inbox.done() };
    let pending = runtime.committer.submit(write, |_| ()).await?;
    desk.flight.take_off(runtime, held.caller(), (pending, Vec::new()), Vec::new());
    Ok(())
}
