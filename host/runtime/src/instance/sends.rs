//! What other instances, and itself, get with a turn.

use super::known::Known;
use crate::runtime::Runtime;
use dacapo_core::turn::{child_failure, child_outcome};
use dacapo_core::{By, ChildStart, Event, Orchestration, Outbound, TurnOutcome};
use dacapo_store::{Delivery, FunctionKind, NewInstance, OutboxEntry, Parent};

/// How many times the limit of its inbox an instance takes from other instances.
const INTERNAL_INBOX: u64 = 10;

/// Everything that `outcome` sends, in order.
pub(crate) fn outbox(runtime: &Runtime, known: &Known, outcome: &TurnOutcome) -> Vec<OutboxEntry> {
    let (by, limits) = (|| By::Instance(known.id.clone()), &runtime.config.limits);
    let sends = outcome.sends.iter().map(|send| match send {
        Outbound::Start(start) => child(runtime, known, start, outcome.record.at_ms),
        Outbound::Event { instance_id, name, data } => OutboxEntry::Event(Delivery {
            id: instance_id.clone(),
            event: Event::EventRaised { name: name.clone(), data: data.clone(), by: Some(by()) },
            // A client that finds it full is told to come again. A flow fails, and so has more room.
            limit: limits.inbox_events.saturating_mul(INTERNAL_INBOX),
            limit_untaken: limits.untaken_events,
            limit_bytes: limits.inbox_bytes,
        }),
    });
    let ends_children = outcome.ends_children.clone().map(|reason| OutboxEntry::EndChildren { reason, by: by() });
    sends.chain(ends_children).chain(end(runtime, known, outcome)).collect()
}

/// What its parent learns, if one waits and this is the end.
fn end(runtime: &Runtime, known: &Known, outcome: &TurnOutcome) -> Option<OutboxEntry> {
    let parent = known.parent.as_ref().filter(|parent| parent.waits)?;
    let task = parent.task;
    let event = match child_outcome(&known.name, &known.id, outcome)? {
        Ok(result) => Event::ChildCompleted { task, result },
        Err(failure) => Event::ChildFailed { task, failure: failure.bounded(runtime.config.limits.payload_bytes) },
    };
    Some(OutboxEntry::Ended { parent: parent.clone(), event })
}

fn child(runtime: &Runtime, known: &Known, start: &ChildStart, at_ms: u64) -> OutboxEntry {
    let called = runtime.catalog.called(FunctionKind::Orchestrator, &start.name, known.version);
    let Some(version) = called else {
        let message = format!("No deployed module exports the orchestrator '{}'.", start.name);
        let failure = child_failure("orchestrator-not-found", message, &start.name, &start.instance_id, None);
        return OutboxEntry::ToSelf(Event::ChildFailed { task: start.task, failure });
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
    OutboxEntry::Start { new, rewind }
}
