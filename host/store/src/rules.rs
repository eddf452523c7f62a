//! Rules that do not depend on how a store keeps things.

use crate::model::{FunctionKind, InstanceKey, ModuleVersion, Parent, VersionId};
use crate::write::{Delivery, NewInstance, NewModule, OutboxEntry, Refused, TurnWrite};
use crate::{Fence, Instance, Result, StoreError, StoredTurn};
use dacapo_core::history::CorruptHistory;
use dacapo_core::ids::fold_name;
use dacapo_core::turn::child_failure;
use dacapo_core::{By, Event, InstanceId, Payload, RuntimeStatus, TurnRecord, Untaken};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The latest time that is kept: what fits into a signed 64-bit column.
const LATEST_MS: u64 = i64::MAX as u64;

/// A time as it is kept.
pub(crate) fn kept_ms(at_ms: u64) -> u64 {
    at_ms.min(LATEST_MS)
}

/// A new instance as it stands before its first turn.
pub(crate) fn new_instance(key: InstanceKey, epoch: u64, new: &NewInstance) -> Instance {
    let at_ms = kept_ms(new.opening.at_ms);
    Instance {
        key,
        id: new.id.clone(),
        name: new.name.clone(),
        version: new.version,
        status: RuntimeStatus::Pending,
        generation: 0,
        epoch,
        next_seq: 1,
        created_at_ms: at_ms,
        updated_at_ms: at_ms,
        custom_status: None,
        output: None,
        wake_at_ms: None,
        open_activities: false,
        inbox_next: 0,
        inbox_done: 0,
        inbox_bytes: 0,
        untaken: Untaken::default(),
        parent: new.parent.clone(),
    }
}

/// The versions that a turn names; all of them must be there.
pub(crate) fn versions(turn: &TurnWrite) -> impl Iterator<Item = VersionId> + '_ {
    let children = turn.outbox.iter().filter_map(|entry| match entry {
        OutboxEntry::Start { new, .. } => Some(new.version),
        _ => None,
    });
    turn.next.iter().map(|next| next.version).chain(children)
}

/// What is to be done about a child whose id is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It makes way.
    Replace,
    /// It goes on by itself, or has what is wanted already.
    LeaveAlone,
    /// It is reopened.
    Reopen,
    /// The child cannot be started.
    Refuse,
}

/// See [`OutboxEntry::Start`]. `same_call`: whoever has the id was started by the same call.
pub(crate) fn taken(same_call: bool, rewind: bool, status: RuntimeStatus) -> Taken {
    match status {
        RuntimeStatus::Failed if same_call && rewind => Taken::Reopen,
        RuntimeStatus::Completed if same_call && rewind => Taken::LeaveAlone,
        status if status.is_finished() => Taken::Replace,
        // The same call again: a rewind has taken back the turn that made it.
        _ if same_call => Taken::LeaveAlone,
        _ => Taken::Refuse,
    }
}

/// Whether two links are of the same call.
pub(crate) fn same_call(one: Option<&Parent>, other: Option<&Parent>) -> bool {
    let call = |parent: &Parent| (parent.key, parent.generation, parent.task);
    one.is_some() && one.map(call) == other.map(call)
}

/// What the sender learns of a child that could not be started.
pub(crate) fn not_started(new: &NewInstance, parent: &Parent, status: RuntimeStatus) -> Event {
    let message =
        format!("An instance with the id '{}' is {status}: orchestrator '{}' was not started.", new.id, new.name);
    let failure = child_failure("instance-exists", message, &new.name, &new.id, None);
    Event::ChildFailed { task: parent.task, failure }
}

/// What a sender that does not wait learns of a child that is there.
pub(crate) fn detached(new: &NewInstance, parent: &Parent) -> Option<Event> {
    let result = Payload::string(new.id.as_str());
    (!parent.waits).then_some(Event::ChildCompleted { task: parent.task, result })
}

/// What a sender learns again of a child that is there already: it may have been lost with the sender's own end.
pub(crate) fn told_again(
    new: &NewInstance,
    parent: &Parent,
    status: RuntimeStatus,
    output: Option<Payload>,
) -> Option<Event> {
    let completed = || Event::ChildCompleted { task: parent.task, result: output.unwrap_or_else(Payload::null) };
    detached(new, parent).or_else(|| (status == RuntimeStatus::Completed).then(completed))
}

/// What reopens a failed instance.
pub(crate) fn rewound(reason: &str, by: &By) -> Event {
    Event::ExecutionRewound { reason: reason.to_owned(), from_turn: None, by: Some(by.clone()) }
}

/// What ends a child with its parent.
pub(crate) fn ended_with_parent(reason: &str, by: &By) -> Event {
    Event::ExecutionTerminated { reason: reason.to_owned(), recursive: true, by: Some(by.clone()) }
}

/// What a parent that waits learns of a child that was purged before its end.
pub(crate) fn purged(orchestrator: &str, id: &InstanceId, parent: &Parent) -> Event {
    let message = format!("The instance '{id}' of orchestrator '{orchestrator}' was purged before it had ended.");
    Event::ChildFailed { task: parent.task, failure: child_failure("child-purged", message, orchestrator, id, None) }
}

/// What keeps an instance from being given one more event. `waiting`: entries in its inbox, and their bytes.
pub(crate) fn is_full(delivery: &Delivery, waiting: Untaken, untaken: Untaken) -> Option<Refused> {
    let events = waiting.events + untaken.events;
    let bytes = waiting.bytes + untaken.bytes;
    if waiting.events >= delivery.limit {
        return Some(Refused::InboxFull { setting: "inbox_events", limit: delivery.limit });
    }
    if events >= delivery.limit_untaken {
        return Some(Refused::InboxFull { setting: "untaken_events", limit: delivery.limit_untaken });
    }
    let is_too_much = events > 0 && bytes.saturating_add(delivery.event.size_bytes() as u64) > delivery.limit_bytes;
    is_too_much.then_some(Refused::InboxFull { setting: "inbox_bytes", limit: delivery.limit_bytes })
}

/// What an unfinished instance has been given and not taken, before a turn.
pub(crate) struct Given {
    pub(crate) key: InstanceKey,
    pub(crate) inbox_next: u64,
    pub(crate) inbox_done: u64,
    pub(crate) inbox_bytes: u64,
    pub(crate) untaken: Untaken,
}

/// Refuses a turn that raises more events than a receiver takes: it would lose them. `find`: the unfinished instance that
/// has an id. That nobody has it is no fault.
pub(crate) fn receivers_have_room<E: From<Refused>>(
    turn: &TurnWrite,
    find: impl Fn(&InstanceId) -> std::result::Result<Option<Given>, E>,
) -> std::result::Result<(), E> {
    let mut given = BTreeMap::new();
    for entry in &turn.outbox {
        let OutboxEntry::Event(delivery) = entry else { continue };
        let before = match given.entry(&delivery.id) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => place.insert(before_turn(turn, find(&delivery.id)?)),
        };
        let Some((waiting, untaken)) = before else { continue };
        if let Some(Refused::InboxFull { setting, limit }) = is_full(delivery, *waiting, *untaken) {
            let event = match &delivery.event {
                Event::EventRaised { name, .. } => name.clone(),
                other => format!("{other:?}"),
            };
            let (sender, receiver) = (turn.fence.key, delivery.id.clone());
            return Err(Refused::ReceiverFull { sender, receiver, event, setting, limit }.into());
        }
        waiting.events += 1;
        waiting.bytes += delivery.event.size_bytes() as u64;
    }
    Ok(())
}

/// What waits for a receiver when the first event of a turn reaches it, and what it has not taken of what it took in.
/// `None`: it does not take any. Whoever is not there may be started by the turn itself.
fn before_turn(turn: &TurnWrite, found: Option<Given>) -> Option<(Untaken, Untaken)> {
    let Some(given) = found else { return Some(Default::default()) };
    if given.key != turn.fence.key {
        let events = given.inbox_next.saturating_sub(given.inbox_done);
        return Some((Untaken { events, bytes: given.inbox_bytes }, given.untaken));
    }
    // Itself: the turn consumes first. How many bytes go with that is not looked up for it.
    let events = given.inbox_next.saturating_sub(turn.inbox_done.max(given.inbox_done));
    (!turn.status.is_finished()).then_some((Untaken { events, bytes: 0 }, turn.untaken))
}

/// Whether an instance takes an event for `execution` (`None`: for whichever is current) into its inbox.
pub(crate) fn takes(status: RuntimeStatus, generation: u32, execution: Option<u32>) -> bool {
    !status.is_finished() && execution.is_none_or(|execution| execution == generation)
}

/// Whether a turn may be committed on top of this. Nothing is committed on top of the end.
pub(crate) fn accepts(
    current: Fence,
    finished: bool,
    inbox: std::ops::RangeInclusive<u64>,
    turn: &TurnWrite,
) -> std::result::Result<(), Refused> {
    let has_one_end = turn.next.is_none() || !turn.status.is_finished();
    if !has_one_end {
        return Err(Refused::Fenced);
    }
    moves_on(current, finished, inbox, (turn.fence, turn.inbox_done))
}

/// Whether an instance may move on to `wanted`: a fence, and how many entries of the inbox are consumed then.
pub(crate) fn moves_on(
    current: Fence,
    finished: bool,
    inbox: std::ops::RangeInclusive<u64>,
    wanted: (Fence, u64),
) -> std::result::Result<(), Refused> {
    let fits = !finished && wanted.0 == current && inbox.contains(&wanted.1);
    if fits { Ok(()) } else { Err(Refused::Fenced) }
}

/// Whether an instance may be pinned to another version: one that has failed may be rewound there.
pub(crate) fn can_repin(current: Fence, status: RuntimeStatus, wanted: Fence) -> std::result::Result<(), Refused> {
    if !status.can_go_on() {
        return Err(Refused::Finished { status });
    }
    if current == wanted { Ok(()) } else { Err(Refused::Fenced) }
}

/// What a turn leaves of the things that put an instance on a work list. A finished instance is on none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AfterTurn {
    pub(crate) inbox_done: u64,
    pub(crate) wake_at_ms: Option<u64>,
    pub(crate) open_activities: bool,
    pub(crate) untaken: Untaken,
}

/// See [`AfterTurn`].
pub(crate) fn after_turn(inbox_next: u64, turn: &TurnWrite) -> AfterTurn {
    if turn.status.is_finished() {
        AfterTurn { inbox_done: inbox_next, wake_at_ms: None, open_activities: false, untaken: Untaken::default() }
    } else {
        AfterTurn {
            inbox_done: turn.inbox_done,
            wake_at_ms: turn.wake_at_ms.map(kept_ms),
            open_activities: turn.open_activities,
            untaken: turn.untaken,
        }
    }
}

/// What a turn leaves as the custom status: `None` where it does not touch it.
pub(crate) fn new_custom_status(turn: &TurnWrite) -> Option<Option<&Payload>> {
    turn.custom_status.as_ref().map(|value| Some(value).filter(|value| !value.is_null()))
}

/// Whether another module's active version exports one of the functions of what is to become active in `module`.
pub(crate) fn check_names<'a>(
    active: &[ModuleVersion],
    module: &str,
    wanted: impl Iterator<Item = (FunctionKind, &'a str)>,
) -> std::result::Result<(), Refused> {
    for (kind, function) in wanted {
        let taken = |version: &&ModuleVersion| {
            version.module != module
                && exports(&version.orchestrators, &version.activities)
                    .any(|(other_kind, other)| other_kind == kind && fold_name(other) == fold_name(function))
        };
        if let Some(version) = active.iter().find(taken) {
            let (function, module) = (function.to_owned(), version.module.clone());
            return Err(Refused::NameTaken { kind, function, module });
        }
    }
    Ok(())
}

/// The functions of a module, by kind.
pub(crate) fn exports<'a>(
    orchestrators: &'a [String],
    activities: &'a [String],
) -> impl Iterator<Item = (FunctionKind, &'a str)> {
    let orchestrators = orchestrators.iter().map(|name| (FunctionKind::Orchestrator, name.as_str()));
    orchestrators.chain(activities.iter().map(|name| (FunctionKind::Activity, name.as_str())))
}

/// The version that a new module becomes.
pub(crate) fn new_version(id: VersionId, version: u32, new: &NewModule) -> ModuleVersion {
    ModuleVersion {
        id,
        module: new.module.clone(),
        version,
        digest: new.digest.clone(),
        size_bytes: new.component.len() as u64,
        orchestrators: new.orchestrators.clone(),
        activities: new.activities.clone(),
        imports: new.imports.clone(),
        created_at_ms: kept_ms(new.created_at_ms),
        active: true,
    }
}

/// A record as it was kept.
pub(crate) fn stored_turn(key: InstanceKey, seq: u64, bytes: &[u8]) -> Result<StoredTurn> {
    let decoded = TurnRecord::decode(seq, bytes);
    let record = decoded.map_err(|source| StoreError::CorruptHistory { key: key.0, source })?;
    Ok(StoredTurn { seq, record })
}

/// The input that an execution's opening record holds.
pub(crate) fn input_of(key: InstanceKey, opening: &[u8]) -> Result<Payload> {
    match stored_turn(key, 0, opening)?.record.events.into_iter().next() {
        Some(Event::ExecutionStarted { input, .. }) => Ok(input),
        _ => Err(StoreError::CorruptHistory { key: key.0, source: CorruptHistory::NoOpening }),
    }
}
