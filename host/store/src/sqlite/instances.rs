//! The rows of instances: created, read, purged.

use super::connect;
use super::damage::{bad, reading, skip};
use super::fault::{Fault, Halt, corrupt, known};
use super::totals::Totals;
use super::{inbox, modules, outbox, turns};
use crate::StoreError;
use crate::model::{Fence, Instance, InstanceKey, Parent, Stored, VersionId};
use crate::rules;
use crate::write::{NewInstance, Refused, Sent, Written};
use dacapo_core::seal::{seal, unseal};
use dacapo_core::{By, InstanceId, Payload, RuntimeStatus, TaskId, Untaken};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// What [`from_row`] reads, in its order. A macro, so that statements are made of it when compiling.
macro_rules! instance_columns {
    () => {
        "key, status, version, generation, epoch, next_seq, inbox_next, inbox_done, open_activities, created_at_ms, \
         updated_at_ms, wake_at_ms, id, name, custom_status, output, parent, parent_generation, parent_task, \
         parent_waits, parent_id, inbox_bytes, untaken_events, untaken_bytes"
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
fn status_of(code: i64) -> Option<RuntimeStatus> {
    RuntimeStatus::ALL.into_iter().find(|status| status_code(*status) == code)
}

fn status_at(row: &Row<'_>, at: usize) -> rusqlite::Result<RuntimeStatus> {
    let code = row.get(at)?;
    status_of(code).ok_or_else(|| bad(at, format!("no status is kept as {code}")))
}

/// A count or a time as a column keeps it. Times are cut before; no count gets there.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads [`instance_columns`].
pub(super) fn from_row(row: &Row<'_>) -> Result<Instance, Fault> {
    let instance = reading("instances", row, without_payloads)?;
    match reading("instances", row, |row| Ok((payload_at(row, 14)?, payload_at(row, 15)?))) {
        Ok((custom_status, output)) => Ok(Instance { custom_status, output, ..instance }),
        Err(Fault::Store(StoreError::BadRow { table, key, column, reason, .. })) => {
            let rest = Some(Box::new(instance));
            Err(Fault::Store(StoreError::BadRow { table, key, column, reason, rest }))
        }
        Err(fault) => Err(fault),
    }
}

fn without_payloads(row: &Row<'_>) -> rusqlite::Result<Instance> {
    let (inbox_next, inbox_done): (u64, u64) = (row.get(6)?, row.get(7)?);
    if inbox_done > inbox_next {
        return Err(bad(7, format!("it counts {inbox_done} entries of {inbox_next}")));
    }
    Ok(Instance {
        key: InstanceKey(row.get(0)?),
        status: status_at(row, 1)?,
        version: VersionId(row.get(2)?),
        generation: row.get(3)?,
        epoch: row.get(4)?,
        next_seq: row.get(5)?,
        inbox_next,
        inbox_done,
        open_activities: row.get(8)?,
        created_at_ms: row.get(9)?,
        updated_at_ms: row.get(10)?,
        wake_at_ms: row.get(11)?,
        id: id_at(row, 12)?,
        name: row.get(13)?,
        custom_status: None,
        output: None,
        parent: parent_at(row, 16)?,
        inbox_bytes: row.get(21)?,
        untaken: Untaken { events: row.get(22)?, bytes: row.get(23)? },
    })
}

/// The link to a parent, in the five columns from `at` on.
fn parent_at(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Parent>> {
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
pub(super) fn id_at(row: &Row<'_>, at: usize) -> rusqlite::Result<InstanceId> {
    let text = row.get_ref(at)?.as_str().map_err(|error| bad(at, error))?;
    InstanceId::parse(text).map_err(|error| bad(at, error))
}

/// A custom status or output as a column keeps it: sealed.
pub(super) fn kept(payload: &Payload) -> String {
    let sealed = seal(payload.as_str().as_bytes().to_vec());
    String::from_utf8(sealed).expect("a text, and a seal of hex digits")
}

/// A custom status or output in column `at`. The first releases kept them without a seal.
fn payload_at(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Payload>> {
    let kept = match row.get_ref(at)? {
        ValueRef::Null => return Ok(None),
        value => value.as_bytes().map_err(|error| bad(at, error))?,
    };
    let text = unseal(kept).map_err(|broken| bad(at, broken))?.text;
    let text = std::str::from_utf8(text).map_err(|error| bad(at, error))?;
    Payload::parse(text).map(Some).map_err(|error| bad(at, error))
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
    connect::at_one_moment(connection, |moment| {
        let (found, bad_row) = rest_of(by_id(moment, id), |error| error.take_instance().map(Some))?;
        let Some(instance) = found else { return Ok(None) };
        let history = turns::history(moment, instance.key, instance.generation, 0);
        let history = history.map_err(|fault| fault.while_doing("reading a history"));
        let (inbox, bad_inbox) = rest_of(inbox::entries(moment, instance.key), StoreError::take_entries)?;
        let history = bad_row.or(bad_inbox).map_or(history, Err);
        Ok(Some(Stored { instance, history, inbox }))
    })
}

/// What was read, or, where not all of it can be read, what can: with the reason.
fn rest_of<T>(
    read: Result<T, Fault>,
    rest: impl FnOnce(&mut StoreError) -> Option<T>,
) -> Result<(T, Option<StoreError>), Fault> {
    match read {
        Ok(value) => Ok((value, None)),
        Err(Fault::Store(mut error)) => match rest(&mut error) {
            Some(value) => Ok((value, Some(error))),
            None => Err(error.into()),
        },
        Err(fault) => Err(fault),
    }
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

impl Holder {
    fn pin(&self) -> Option<VersionId> {
        pin(self.status, self.version)
    }
}

/// The version that an unfinished instance is on.
pub(super) fn pin(status: RuntimeStatus, version: VersionId) -> Option<VersionId> {
    (!status.is_finished()).then_some(version)
}

pub(super) fn holder(connection: &Connection, id: &InstanceId) -> Result<Option<Holder>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT key, status, epoch, version, parent, parent_generation, parent_task, parent_waits, parent_id, name \
         FROM instances WHERE id = ?1",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let read = |row: &Row<'_>| {
        Ok(Holder {
            key: InstanceKey(row.get(0)?),
            status: status_at(row, 1)?,
            epoch: row.get(2)?,
            version: VersionId(row.get(3)?),
            parent: parent_at(row, 4)?,
            name: row.get(9)?,
        })
    };
    reading("instances", row, read).map(Some)
}

/// [`crate::Write::Reopen`].
pub(super) fn reopen(
    connection: &Connection,
    totals: &mut Totals,
    (id, reason, by): (&InstanceId, &str, &By),
) -> Result<Written, Halt> {
    let found = known(holder(connection, id))?.ok_or(Refused::UnknownInstance)?;
    if found.status != RuntimeStatus::Failed {
        return Err(Refused::NotFailed { status: found.status }.into());
    }
    if !modules::exists(connection, found.version)? {
        return Err(Refused::UnknownVersion.into());
    }
    match reopened(connection, totals, &found, reason, by)? {
        Sent::Delivered { key, entry, .. } => Ok(Written::Delivered { key, seq: entry.seq }),
        other => Err(corrupt("what a rewind has sent", format!("{other:?}")).into()),
    }
}

/// Lets a failed instance go on; the inbox entry that says so.
pub(super) fn reopened(
    connection: &Connection,
    totals: &mut Totals,
    failed: &Holder,
    reason: &str,
    by: &By,
) -> Result<Sent, Fault> {
    let key = failed.key;
    totals.pins.moved(failed.pin(), Some(failed.version));
    connection
        .prepare_cached("UPDATE instances SET status = ?2, output = NULL, epoch = epoch + 1 WHERE key = ?1")?
        .execute(params![key.0, status_code(RuntimeStatus::Running)])?;
    let put = inbox::put(connection, key, None, &rules::rewound(reason, by))?;
    put.ok_or_else(|| corrupt("an instance that was reopened", key.0))
}

/// [`crate::Write::Repin`].
pub(super) fn repin(
    connection: &Connection,
    totals: &mut Totals,
    (fence, version): (Fence, VersionId),
) -> Result<Written, Halt> {
    if !modules::exists(connection, version)? {
        return Err(Refused::UnknownVersion.into());
    }
    const SQL: &str = concat!("SELECT ", instance_columns!(), " FROM instances WHERE key = ?1");
    let found = known(connection.prepare_cached(SQL)?.query_and_then([fence.key.0], from_row)?.next().transpose())?;
    let found = found.ok_or(Refused::Fenced)?;
    rules::can_repin(found.fence(), found.status, fence)?;
    totals.pins.moved(pin(found.status, found.version), pin(found.status, version));
    connection
        .prepare_cached("UPDATE instances SET version = ?2, epoch = epoch + 1 WHERE key = ?1")?
        .execute(params![fence.key.0, version.0])?;
    Ok(Written::Repinned)
}

/// [`crate::Write::Create`].
pub(super) fn create(connection: &Connection, totals: &mut Totals, new: &NewInstance) -> Result<Written, Halt> {
    let old = known(holder(connection, &new.id))?;
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
    totals.times.add(at_ms);
    totals.pins.moved(None, Some(new.version));
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
    totals: &mut Totals,
    (id, force, only): (&InstanceId, bool, Option<InstanceKey>),
) -> Result<Written, Halt> {
    // No more of it is read than must be: by force, whatever has the id goes.
    let sql = "SELECT key, status, iif(status <= 3, version, NULL) FROM instances WHERE id = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, status_at(row, 1), row.get::<_, Option<i64>>(2)?.map(VersionId)));
    let found = connection.prepare_cached(sql)?.query_row([id.as_str()], read);
    let found = found.optional()?.filter(|(key, ..)| only.is_none_or(|only| *key == only.0));
    let (key, status, pin) = found.ok_or(Refused::UnknownInstance)?;
    match status {
        _ if force => {}
        Ok(status) if status.is_finished() => {}
        Ok(status) => return Err(Refused::Unfinished { status }.into()),
        Err(error) => {
            let what = format!("table `instances`, key {key}, column `status`: {error}");
            return Err(Refused::Unreadable { what }.into());
        }
    }
    let key = InstanceKey(key);
    // Whose child it was is not told where it cannot be read.
    let holder = skip(holder(connection, id))?.flatten().filter(|found| !found.status.is_finished());
    remove(connection, key)?;
    totals.pins.moved(pin, None);
    let mut sent = Vec::new();
    if let Some(Holder { name, parent: Some(parent), .. }) = holder
        && parent.waits
    {
        let event = rules::purged(&name, id, &parent);
        outbox::answer(connection, (parent.key, parent.generation), &event, &mut sent)?;
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
            assert_eq!(status_of(code), Some(status));
            assert_eq!(status.is_finished(), code > LAST_UNFINISHED, "{status}");
        }
        assert!(status_of(8).is_none() && status_of(-1).is_none());
    }
}
