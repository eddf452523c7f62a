//! What a turn sends: children started, events delivered, ends reported, in the transaction of the turn.

use super::damage::skip;
use super::fault::{Fault, Halt, corrupt};
use super::totals::Totals;
use super::{inbox, instances, modules};
use crate::model::InstanceKey;
use crate::rules::{self, Taken};
use crate::write::{NewInstance, OutboxEntry, Sent, Written};
use dacapo_core::{By, Event, InboxEntry, RuntimeStatus};
use rusqlite::Connection;

/// An execution of an instance.
pub(super) type Execution = (InstanceKey, u32);

/// Sends all of it, in order.
pub(super) fn send(
    connection: &Connection,
    totals: &mut Totals,
    sender: Execution,
    outbox: &[OutboxEntry],
) -> Result<Vec<Sent>, Fault> {
    let mut sent = Vec::new();
    for entry in outbox {
        match entry {
            OutboxEntry::Start { new, rewind } => {
                start(connection, totals, (sender, new), rewind.as_deref(), &mut sent)?;
            }
            OutboxEntry::Event(delivery) => match inbox::deliver(connection, delivery) {
                Ok(Written::Delivered { key, seq }) => {
                    let entry = InboxEntry { seq, execution: None, event: delivery.event.clone() };
                    sent.push(Sent::Delivered { id: delivery.id.clone(), key, entry });
                }
                Ok(_) => {}
                // Nobody is there, or what is there cannot be read: that there is room was looked at before.
                Err(Halt::Refused(_)) => {}
                Err(Halt::Failed(fault)) => return Err(fault),
            },
            OutboxEntry::Ended { parent, event } => {
                answer(connection, (parent.key, parent.generation), event, &mut sent)?;
            }
            OutboxEntry::ToSelf(event) => answer(connection, sender, event, &mut sent)?,
            OutboxEntry::EndChildren { reason, by } => {
                let event = rules::ended_with_parent(reason, by);
                for child in children(connection, sender.0)? {
                    sent.extend(inbox::put(connection, child, None, &event)?);
                }
            }
        }
    }
    Ok(sent)
}

/// Puts an event into the inbox of the execution that has asked for it, unless that has ended.
pub(super) fn answer(
    connection: &Connection,
    (key, execution): Execution,
    event: &Event,
    sent: &mut Vec<Sent>,
) -> Result<(), Fault> {
    sent.extend(inbox::put(connection, key, Some(execution), event)?);
    Ok(())
}

fn tell(
    connection: &Connection,
    execution: Execution,
    event: Option<Event>,
    sent: &mut Vec<Sent>,
) -> Result<(), Fault> {
    event.map_or(Ok(()), |event| answer(connection, execution, &event, sent))
}

fn children(connection: &Connection, parent: InstanceKey) -> Result<Vec<InstanceKey>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM instances INDEXED BY instances_by_parent \
         WHERE parent = ?1 AND parent_waits = 1 AND status <= 3 ORDER BY key",
    )?;
    let keys = statement.query_map([parent.0], |row| Ok(InstanceKey(row.get(0)?)))?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

fn start(
    connection: &Connection,
    totals: &mut Totals,
    (sender, new): (Execution, &NewInstance),
    rewind: Option<&str>,
    sent: &mut Vec<Sent>,
) -> Result<(), Fault> {
    let Some(parent) = &new.parent else { return Ok(()) };
    let Some(found) = skip(instances::holder(connection, &new.id))? else {
        // Somebody has the id, and nobody can tell who.
        return answer(connection, sender, &rules::not_started(new, parent, RuntimeStatus::Running), sent);
    };
    let taken = match &found {
        None => None,
        Some(old) => {
            let same_call = rules::same_call(old.parent.as_ref(), Some(parent));
            // One whose version is gone cannot go on.
            let rewind = rewind.is_some() && modules::exists(connection, old.version)?;
            Some((rules::taken(same_call, rewind, old.status), old))
        }
    };
    match taken {
        Some((Taken::LeaveAlone, old)) => {
            let output = skip(instances::by_id(connection, &new.id))?.flatten().and_then(|found| found.output);
            tell(connection, sender, rules::told_again(new, parent, old.status, output), sent)?;
        }
        Some((Taken::Reopen, old)) => {
            let reason = rewind.unwrap_or_default();
            let by = By::Instance(parent.id.clone());
            sent.push(instances::reopened(connection, totals, old, reason, &by)?);
            tell(connection, sender, rules::detached(new, parent), sent)?;
        }
        Some((Taken::Refuse, old)) => answer(connection, sender, &rules::not_started(new, parent, old.status), sent)?,
        Some((Taken::Replace, _)) | None => match instances::create(connection, totals, new) {
            Ok(Written::Created { key, epoch }) => {
                sent.push(Sent::Created { key, epoch, new: new.clone() });
                tell(connection, sender, rules::detached(new, parent), sent)?;
            }
            Ok(other) => return Err(corrupt("the answer to a creation", format!("{other:?}"))),
            // Both were checked before anything was done.
            Err(Halt::Refused(refused)) => return Err(corrupt("a child", refused)),
            Err(Halt::Failed(fault)) => return Err(fault),
        },
    }
    Ok(())
}
