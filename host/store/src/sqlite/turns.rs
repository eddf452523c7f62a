//! Turns: the row of the instance moves on, and the history gets a record.

use super::connect;
use super::damage::{bad, reading};
use super::fault::{Fault, Halt, corrupt, known};
use super::instances::{LAST_UNFINISHED, integer, kept, pin, status_code};
use super::totals::Totals;
use super::{inbox, modules, outbox};
use crate::StoreError;
use crate::model::{Fence, InstanceKey, VersionId, has_work};
use crate::rules::{self, AfterTurn};
use crate::write::{NextExecution, Refused, TurnWrite, Written};
use dacapo_core::history::CorruptHistory;
use dacapo_core::{Payload, StoredTurn};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

/// What a turn has to know of the row that it changes.
struct Before {
    fence: Fence,
    status: i64,
    version: VersionId,
    inbox_next: u64,
    inbox_done: u64,
    inbox_bytes: u64,
    has_work: bool,
    wake_at_ms: Option<u64>,
}

impl Before {
    fn pin(&self) -> Option<VersionId> {
        (self.status <= LAST_UNFINISHED).then_some(self.version)
    }

    /// Forgets the entries of the inbox before `done`; how much those hold that are left.
    fn consume(&self, connection: &Connection, done: u64) -> Result<u64, Fault> {
        if done <= self.inbox_done {
            return Ok(self.inbox_bytes);
        }
        let left = match done < self.inbox_next {
            true => self.inbox_bytes.saturating_sub(inbox::bytes_before(connection, self.fence.key, done)?),
            false => 0,
        };
        inbox::consume(connection, self.fence.key, done)?;
        Ok(left)
    }
}

/// [`crate::Write::Turn`].
pub(super) fn commit(connection: &Connection, totals: &mut Totals, turn: &TurnWrite) -> Result<Written, Halt> {
    for version in rules::versions(turn) {
        if !modules::exists(connection, version)? {
            return Err(Refused::UnknownVersion.into());
        }
    }
    let Fence { key, generation, next_seq, .. } = turn.fence;
    let before = known(before(connection, key))?.ok_or(Refused::Fenced)?;
    rules::accepts(before.fence, before.status > LAST_UNFINISHED, before.inbox_done..=before.inbox_next, turn)?;
    rules::receivers_have_room(turn, |id| inbox::given(connection, id))?;
    let after = rules::after_turn(before.inbox_next, turn);
    let inbox_bytes = before.consume(connection, after.inbox_done)?;
    move_on(connection, &before, turn, (after, inbox_bytes))?;
    let version = turn.next.as_ref().map_or(before.version, |next| next.version);
    totals.pins.moved(before.pin(), pin(turn.status, version));
    match &turn.next {
        Some(next) => begin_anew(connection, key, generation + 1, next)?,
        None => append(connection, key, (generation, next_seq), &turn.record)?,
    }
    Ok(Written::Turned { sent: outbox::send(connection, totals, (key, generation), &turn.outbox)? })
}

/// [`crate::Write::Discard`].
pub(super) fn discard(connection: &Connection, fence: Fence, inbox_done: u64) -> Result<Written, Halt> {
    let before = before(connection, fence.key)?.ok_or(Refused::Fenced)?;
    let finished = before.status > LAST_UNFINISHED;
    rules::moves_on(before.fence, finished, before.inbox_done..=before.inbox_next, (fence, inbox_done))?;
    let left_bytes = before.consume(connection, inbox_done)?;
    connection
        .prepare_cached(
            "UPDATE instances SET inbox_done = ?2, inbox_bytes = ?3, \
                 has_work = (status = 0 OR next_seq <= 1 OR open_activities OR inbox_next > ?2) WHERE key = ?1",
        )?
        .execute(params![fence.key.0, integer(inbox_done), integer(left_bytes)])?;
    Ok(Written::Discarded)
}

/// The next execution takes the place of the one that ends.
fn begin_anew(connection: &Connection, key: InstanceKey, generation: u32, next: &NextExecution) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM history WHERE instance = ?1")?.execute([key.0])?;
    connection
        .prepare_cached(
            "UPDATE instances SET generation = ?2, next_seq = 1, version = ?3, has_work = 1 WHERE key = ?1",
        )?
        .execute(params![key.0, generation, next.version.0])?;
    append(connection, key, (generation, 0), &next.opening)
}

fn before(connection: &Connection, key: InstanceKey) -> Result<Option<Before>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT key, status, generation, epoch, next_seq, inbox_next, inbox_done, has_work, wake_at_ms, \
             inbox_bytes, version \
         FROM instances WHERE key = ?1",
    )?;
    let read = |row: &Row<'_>| {
        let (inbox_next, inbox_done): (u64, u64) = (row.get(5)?, row.get(6)?);
        if inbox_done > inbox_next {
            return Err(bad(6, format!("it counts {inbox_done} entries of {inbox_next}")));
        }
        Ok(Before {
            status: row.get(1)?,
            version: VersionId(row.get(10)?),
            fence: Fence { key, generation: row.get(2)?, epoch: row.get(3)?, next_seq: row.get(4)? },
            inbox_next,
            inbox_done,
            has_work: row.get(7)?,
            wake_at_ms: row.get(8)?,
            inbox_bytes: row.get(9)?,
        })
    };
    statement.query([key.0])?.next()?.map(|row| reading("instances", row, read)).transpose()
}

/// What every turn changes of the row, and `$more` columns.
macro_rules! update_instance {
    ($more:literal) => {
        concat!(
            "UPDATE instances SET next_seq = ?2, updated_at_ms = ?3, open_activities = ?4, inbox_done = ?5, output = ?6, \
                 custom_status = iif(?7, ?8, custom_status), inbox_bytes = ?9, untaken_events = ?10, untaken_bytes = ?11",
            $more,
            " WHERE key = ?1"
        )
    };
}

/// Most turns of a busy instance change nothing that an index holds. SQLite rewrites the entries of every column that
/// an UPDATE names, changed or not, so those turns name none of them.
fn move_on(
    connection: &Connection,
    before: &Before,
    turn: &TurnWrite,
    (after, inbox_bytes): (AfterTurn, u64),
) -> Result<(), Fault> {
    let next_seq = turn.fence.next_seq + 1;
    let waiting_events = before.inbox_next - after.inbox_done;
    let has_work = has_work(turn.status, next_seq, after.open_activities, waiting_events);
    let (status, wake_at_ms) = (status_code(turn.status), after.wake_at_ms.map(integer));
    let custom_status = rules::new_custom_status(turn);
    let (every, indexed): (&[&dyn ToSql], &[&dyn ToSql]) = (
        params![
            turn.fence.key.0,
            integer(next_seq),
            integer(rules::kept_ms(turn.at_ms)),
            after.open_activities,
            integer(after.inbox_done),
            turn.output.as_ref().map(kept),
            custom_status.is_some(),
            custom_status.flatten().map(kept),
            integer(inbox_bytes),
            integer(after.untaken.events),
            integer(after.untaken.bytes),
        ],
        params![status, has_work, wake_at_ms],
    );
    let before = (before.status, before.has_work, before.wake_at_ms.map(integer));
    if (status, has_work, wake_at_ms) == before {
        connection.prepare_cached(update_instance!(""))?.execute(every)?;
    } else {
        let sql = update_instance!(", status = ?12, has_work = ?13, wake_at_ms = ?14");
        connection.prepare_cached(sql)?.execute(&*[every, indexed].concat())?;
    }
    Ok(())
}

/// Adds a record to a history; `at` is its execution and its number.
pub(super) fn append(connection: &Connection, key: InstanceKey, at: (u32, u64), record: &[u8]) -> Result<(), Fault> {
    let mut statement =
        connection.prepare_cached("INSERT INTO history (instance, generation, seq, record) VALUES (?1, ?2, ?3, ?4)")?;
    statement.execute(params![key.0, at.0, integer(at.1), record])?;
    Ok(())
}

/// The records of one execution, from number `from_seq` on: all that there must be.
pub(super) fn history(
    connection: &Connection,
    key: InstanceKey,
    generation: u32,
    from_seq: u64,
) -> Result<Vec<StoredTurn>, Fault> {
    connect::at_one_moment(connection, |moment| records(moment, (key, generation), from_seq))
}

fn records(
    connection: &Connection,
    (key, generation): (InstanceKey, u32),
    from_seq: u64,
) -> Result<Vec<StoredTurn>, Fault> {
    let records = written(connection, key, generation)?;
    let mut statement = connection.prepare_cached(
        "SELECT seq, record FROM history WHERE instance = ?1 AND generation = ?2 AND seq >= ?3 ORDER BY seq",
    )?;
    let mut rows = statement.query(params![key.0, generation, integer(from_seq)])?;
    let (mut found, mut next) = (Vec::new(), from_seq);
    let damaged = |source| Fault::Store(StoreError::CorruptHistory { key: key.0, source });
    let missing = |seq| damaged(CorruptHistory::Missing { seq, records: records.unwrap_or(0) });
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        if seq != next {
            return Err(missing(next));
        }
        next += 1;
        let bytes = row.get_ref(1)?.as_blob().map_err(|error| corrupt("a record", error))?;
        found.push(rules::stored_turn(key, seq, bytes)?);
    }
    match records {
        Some(records) if next < records => Err(missing(next)),
        Some(records) if next > records && !found.is_empty() => {
            let reason = format!("there are {next} records where the instance's row counts {records}");
            Err(damaged(CorruptHistory::Impossible { seq: records, reason }))
        }
        _ => Ok(found),
    }
}

/// How many records the instance's row says that this execution has; `None` where it has no such row any more.
fn written(connection: &Connection, key: InstanceKey, generation: u32) -> Result<Option<u64>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT key, next_seq FROM instances WHERE key = ?1 AND generation = ?2")?;
    let mut rows = statement.query((key.0, generation))?;
    rows.next()?.map(|row| reading("instances", row, |row| row.get(1))).transpose()
}

/// The input of the current execution, from its opening record.
pub(super) fn input(connection: &Connection, key: InstanceKey) -> Result<Option<Payload>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT record FROM instances LEFT JOIN history \
             ON instance = key AND history.generation = instances.generation AND seq = 0 \
         WHERE key = ?1",
    )?;
    let opening: Option<Option<Vec<u8>>> = statement.query_row([key.0], |row| row.get(0)).optional()?;
    match opening {
        None => Ok(None),
        Some(Some(bytes)) => Ok(Some(rules::input_of(key, &bytes)?)),
        Some(None) => Err(corrupt("a history without an opening", format!("instance key {}", key.0))),
    }
}
