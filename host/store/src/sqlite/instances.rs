//! The rows of instances: created, read, purged.

use super::created::CreationTimes;
use super::fault::{Fault, Halt, corrupt};
use super::{inbox, modules, outgoing, turns};
use crate::model::{Fence, Instance, InstanceKey, Parent, Stored, VersionId};
use crate::rules;
use crate::write::{NewInstance, Refused, Sent, Written};
use dacapo_core::{By, InstanceId, Payload, RuntimeStatus, TaskId};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

/// What [`from_row`] reads, in its order. A macro, so that statements are made of it when compiling.
macro_rules! instance_columns {
    () => {
        "key, status, version, generation, epoch, next_seq, inbox_next, inbox_done, open_activities, created_at_ms, \
         updated_at_ms, wake_at_ms, id, name, custom_status, output, parent, parent_generation, parent_task, \
         parent_waits, parent_id"
    };
}
pub(super) use instance_columns;

/// Statuses up to this code are unfinished. The statements that say `status <= 3` mean it.
pub(super) const LAST_UNFINISHED: i64 = 3;

/// A status as it is kept.
pub(super) fn status_code(status: RuntimeStatus) -> i64 {
    match status {
        RuntimeStatus::Pending => 0,
        RuntimeStatus::Running => 1,
        RuntimeStatus::Suspended => 2,
        RuntimeStatus::ContinuedAsNew => LAST_UNFINISHED,
        RuntimeStatus::Completed => 4,
        RuntimeStatus::Failed => 5,
        RuntimeStatus::Terminated => 6,
        RuntimeStatus::Canceled => 7,
    }
}

/// The status that is kept as `code`.
pub(super) fn status_of(code: i64) -> Result<RuntimeStatus, Fault> {
    let found = RuntimeStatus::ALL.into_iter().find(|status| status_code(*status) == code);
    found.ok_or_else(|| corrupt("the status of an instance", code))
}

/// A count or a time as a column keeps it. Times are cut before; no count gets there.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads [`instance_columns`].
pub(super) fn from_row(row: &Row<'_>) -> Result<Instance, Fault> {
    Ok(Instance {
        key: InstanceKey(row.get(0)?),
        status: status_of(row.get(1)?)?,
        version: VersionId(row.get(2)?),
        generation: row.get(3)?,
        epoch: row.get(4)?,
        next_seq: row.get(5)?,
        inbox_next: row.get(6)?,
        inbox_done: row.get(7)?,
        open_activities: row.get(8)?,
        created_at_ms: row.get(9)?,
        updated_at_ms: row.get(10)?,
        wake_at_ms: row.get(11)?,
        id: id_at(row, 12)?,
        name: row.get(13)?,
        custom_status: payload_at(row, 14)?,
        output: payload_at(row, 15)?,
        parent: parent_at(row, 16)?,
    })
}

/// The link to a parent, in the five columns from `at` on.
fn parent_at(row: &Row<'_>, at: usize) -> Result<Option<Parent>, Fault> {
    let Some(key) = row.get::<_, Option<i64>>(at)? else { return Ok(None) };
    Ok(Some(Parent {
        key: InstanceKey(key),
        generation: row.get(at + 1)?,
        task: TaskId(row.get(at + 2)?),
        waits: row.get(at + 3)?,
        id: id_at(row, at + 4)?,
    }))
}

/// An instance id in column `at`.
pub(super) fn id_at(row: &Row<'_>, at: usize) -> Result<InstanceId, Fault> {
    let text = row.get_ref(at)?.as_str().map_err(|error| corrupt("an instance id", error))?;
    InstanceId::parse(text).map_err(|error| corrupt("an instance id", error))
}

fn payload_at(row: &Row<'_>, at: usize) -> Result<Option<Payload>, Fault> {
    match row.get_ref(at)? {
        ValueRef::Null => Ok(None),
        value => {
            let text = value.as_str().map_err(|error| corrupt("a custom status or output", error))?;
            Payload::parse(text).map(Some).map_err(|error| corrupt("a custom status or output", error))
        }
    }
}

/// The instance that has this id now.
pub(super) fn by_id(connection: &Connection, id: &InstanceId) -> Result<Option<Instance>, Fault> {
    const SQL: &str = concat!("SELECT ", instance_columns!(), " FROM instances WHERE id = ?1");
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([id.as_str()])?;
    rows.next()?.map(from_row).transpose()
}

/// All that is kept of its present execution, as of one moment: a turn or a new execution cannot come between.
pub(super) fn load(connection: &Connection, id: &InstanceId) -> Result<Option<Stored>, Fault> {
    let moment = connection.unchecked_transaction()?;
    let Some(instance) = by_id(&moment, id)? else { return Ok(None) };
    let history = turns::history(&moment, instance.key, instance.generation, 0);
    let history = history.map_err(|fault| fault.while_doing("reading a history"));
    let inbox = inbox::entries(&moment, instance.key)?;
    moment.finish()?;
    Ok(Some(Stored { instance, history, inbox }))
}

/// What a write has to know of the instance that has an id.
pub(super) struct Holder {
    pub(super) key: InstanceKey,
    pub(super) status: RuntimeStatus,
    epoch: i64,
    pub(super) version: VersionId,
    pub(super) parent: Option<Parent>,
    name: String,
}

pub(super) fn holder(connection: &Connection, id: &InstanceId) -> Result<Option<Holder>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT key, status, epoch, version, parent, parent_generation, parent_task, parent_waits, parent_id, name \
         FROM instances WHERE id = ?1",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Holder {
        key: InstanceKey(row.get(0)?),
        status: status_of(row.get(1)?)?,
        epoch: row.get(2)?,
        version: VersionId(row.get(3)?),
        parent: parent_at(row, 4)?,
        name: row.get(9)?,
    }))
}

/// [`crate::Write::Reopen`].
pub(super) fn reopen(connection: &Connection, id: &InstanceId, reason: &str, by: &By) -> Result<Written, Halt> {
    let found = holder(connection, id)?.ok_or(Refused::UnknownInstance)?;
    if found.status != RuntimeStatus::Failed {
        return Err(Refused::NotFailed { status: found.status }.into());
    }
    if !modules::exists(connection, found.version)? {
        return Err(Refused::UnknownVersion.into());
    }
    match reopened(connection, found.key, reason, by)? {
        Sent::Delivered { key, entry, .. } => Ok(Written::Delivered { key, seq: entry.seq }),
        other => Err(corrupt("what a rewind has sent", format!("{other:?}")).into()),
    }
}

/// Lets a failed instance go on; the inbox entry that says so.
pub(super) fn reopened(connection: &Connection, key: InstanceKey, reason: &str, by: &By) -> Result<Sent, Fault> {
    connection
        .prepare_cached("UPDATE instances SET status = ?2, output = NULL, epoch = epoch + 1 WHERE key = ?1")?
        .execute(params![key.0, status_code(RuntimeStatus::Running)])?;
    let put = inbox::put(connection, key, None, &rules::rewound(reason, by))?;
    put.ok_or_else(|| corrupt("an instance that was reopened", key.0))
}

/// [`crate::Write::Repin`].
pub(super) fn repin(connection: &Connection, fence: Fence, version: VersionId) -> Result<Written, Halt> {
    if !modules::exists(connection, version)? {
        return Err(Refused::UnknownVersion.into());
    }
    const SQL: &str = concat!("SELECT ", instance_columns!(), " FROM instances WHERE key = ?1");
    let found = connection.prepare_cached(SQL)?.query_and_then([fence.key.0], from_row)?.next().transpose()?;
    let found = found.ok_or(Refused::Fenced)?;
    rules::can_repin(found.fence(), found.status, fence)?;
    connection
        .prepare_cached("UPDATE instances SET version = ?2, epoch = epoch + 1 WHERE key = ?1")?
        .execute(params![fence.key.0, version.0])?;
    Ok(Written::Repinned)
}

/// The status of the instance that has this id.
pub(super) fn status(connection: &Connection, id: &InstanceId) -> Result<Option<RuntimeStatus>, Fault> {
    Ok(holder(connection, id)?.map(|holder| holder.status))
}

/// [`crate::Write::Create`].
pub(super) fn create(connection: &Connection, times: &mut CreationTimes, new: &NewInstance) -> Result<Written, Halt> {
    let old = holder(connection, &new.id)?;
    if let Some(old) = old.as_ref().filter(|old| !old.status.is_finished()) {
        return Err(Refused::InstanceExists { status: old.status }.into());
    }
    if !modules::exists(connection, new.version)? {
        return Err(Refused::UnknownVersion.into());
    }
    let mut epoch = 0;
    if let Some(old) = old {
        remove(connection, old.key)?;
        epoch = old.epoch + 1;
    }
    let at_ms = integer(rules::kept_ms(new.opening.at_ms));
    times.add(at_ms);
    let key = insert(connection, new, epoch, at_ms)?;
    turns::append(connection, key, (0, 0), &new.opening.encode())?;
    Ok(Written::Created { key, epoch: epoch.unsigned_abs() })
}

fn insert(connection: &Connection, new: &NewInstance, epoch: i64, at_ms: i64) -> Result<InstanceKey, Fault> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO instances (status, version, generation, epoch, next_seq, inbox_next, inbox_done, open_activities, \
             has_work, created_at_ms, updated_at_ms, id, name, parent, parent_generation, parent_task, parent_waits, \
             parent_id) \
         VALUES (?1, ?2, 0, ?3, 1, 0, 0, 0, 1, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let parent = new.parent.as_ref();
    let key = statement.insert(params![
        status_code(RuntimeStatus::Pending),
        new.version.0,
        epoch,
        at_ms,
        new.id.as_str(),
        new.name,
        parent.map(|parent| parent.key.0),
        parent.map(|parent| parent.generation),
        parent.map(|parent| parent.task.0),
        parent.map(|parent| parent.waits),
        parent.map(|parent| parent.id.as_str()),
    ])?;
    Ok(InstanceKey(key))
}

/// [`crate::Write::Purge`].
pub(super) fn purge(
    connection: &Connection,
    id: &InstanceId,
    force: bool,
    only: Option<InstanceKey>,
) -> Result<Written, Halt> {
    let found = holder(connection, id)?.filter(|found| only.is_none_or(|only| found.key == only));
    let Holder { key, status, name, parent, .. } = found.ok_or(Refused::UnknownInstance)?;
    if !status.is_finished() && !force {
        return Err(Refused::Unfinished { status }.into());
    }
    remove(connection, key)?;
    let mut sent = Vec::new();
    if let Some(parent) = parent.filter(|parent| parent.waits && !status.is_finished()) {
        let event = rules::purged(&name, id, &parent);
        outgoing::answer(connection, (parent.key, parent.generation), &event, &mut sent)?;
    }
    Ok(Written::Purged { key, sent })
}

fn remove(connection: &Connection, key: InstanceKey) -> Result<(), Fault> {
    for sql in [
        "DELETE FROM history WHERE instance = ?1",
        "DELETE FROM inbox WHERE instance = ?1",
        "DELETE FROM instances WHERE key = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([key.0])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_code_names_one_status_and_says_whether_it_is_finished() {
        for status in RuntimeStatus::ALL {
            let code = status_code(status);
            assert_eq!(status_of(code).expect("known"), status);
            assert_eq!(status.is_finished(), code > LAST_UNFINISHED, "{status}");
        }
        assert!(status_of(8).is_err() && status_of(-1).is_err());
    }
}
