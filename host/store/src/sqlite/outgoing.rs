//! What a turn sends: children started, events delivered, ends reported, in the transaction of the turn.

use super::created::CreationTimes;
use super::fault::{Fault, Halt, corrupt};
use super::{inbox, instances, modules};
use crate::model::InstanceKey;
use crate::rules::{self, Taken};
use crate::write::{NewInstance, Outgoing, Sent, Written};
use dacapo_core::Event;
use rusqlite::Connection;

/// Sends all of it, in order.
pub(super) fn send(
    connection: &Connection,
    times: &mut CreationTimes,
    sender: InstanceKey,
    outgoing: &[Outgoing],
) -> Result<Vec<Sent>, Fault> {
    let mut sent = Vec::new();
    for outgoing in outgoing {
        match outgoing {
            Outgoing::Start { new, rewind } => {
                start(connection, times, (sender, new), rewind.as_deref(), &mut sent)?;
            }
            Outgoing::Event(delivery) => match inbox::deliver(connection, delivery) {
                Ok(Written::Delivered { key, seq }) => {
                    let (id, event) = (delivery.id.clone(), delivery.event.clone());
                    sent.push(Sent::Delivered { id, key, seq, event });
                }
                Ok(_) | Err(Halt::Refused(_)) => {}
                Err(Halt::Failed(fault)) => return Err(fault),
            },
            Outgoing::Ended { parent, event } => {
                let sql = "SELECT 1 FROM instances WHERE key = ?1 AND generation = ?2";
                let found = connection.prepare_cached(sql)?.exists((parent.key.0, parent.generation))?;
                if found {
                    put(connection, parent.key, event, &mut sent)?;
                }
            }
            Outgoing::ToSelf(event) => put(connection, sender, event, &mut sent)?,
            Outgoing::EndChildren { reason } => {
                let event = Event::ExecutionTerminated { reason: reason.clone(), recursive: true };
                for child in children(connection, sender)? {
                    put(connection, child, &event, &mut sent)?;
                }
            }
        }
    }
    Ok(sent)
}

fn put(connection: &Connection, key: InstanceKey, event: &Event, sent: &mut Vec<Sent>) -> Result<(), Fault> {
    if let Some((id, seq)) = inbox::put(connection, key, event)? {
        sent.push(Sent::Delivered { id, key, seq, event: event.clone() });
    }
    Ok(())
}

fn tell(connection: &Connection, key: InstanceKey, event: Option<Event>, sent: &mut Vec<Sent>) -> Result<(), Fault> {
    event.map_or(Ok(()), |event| put(connection, key, &event, sent))
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
    times: &mut CreationTimes,
    (sender, new): (InstanceKey, &NewInstance),
    rewind: Option<&str>,
    sent: &mut Vec<Sent>,
) -> Result<(), Fault> {
    let Some(parent) = &new.parent else { return Ok(()) };
    let found = instances::holder(connection, &new.id)?;
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
            let output = instances::by_id(connection, &new.id)?.and_then(|found| found.output);
            tell(connection, sender, rules::told_again(new, parent, old.status, output), sent)?;
        }
        Some((Taken::Reopen, old)) => {
            let reason = rewind.unwrap_or_default();
            let seq = instances::reopened(connection, old.key, reason)?;
            sent.push(Sent::Delivered { id: new.id.clone(), key: old.key, seq, event: rules::rewound(reason) });
            tell(connection, sender, rules::detached(new, parent), sent)?;
        }
        Some((Taken::Refuse, old)) => put(connection, sender, &rules::not_started(new, parent, old.status), sent)?,
        Some((Taken::Replace, _)) | None => match instances::create(connection, times, new) {
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
