//! Inboxes: what was delivered and is not yet part of a turn.

use super::connect;
use super::damage::{reading, skip};
use super::fault::{Fault, Halt};
use super::instances::{self, integer};
use crate::model::InstanceKey;
use crate::rules::Given;
use crate::write::{Delivery, Refused, Sent, Written};
use crate::{StoreError, rules};
use dacapo_core::seal::{seal, unseal};
use dacapo_core::{Event, InboxEntry, InstanceId, Untaken};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

/// The encoding that is written. Older ones stay readable: entries may wait for a long time.
///
/// * 1: a JSON text
/// * 2: the same, sealed
const ENCODING_VERSION: u32 = 2;
/// The first encoding that has a seal.
const SEALED: u32 = 2;

#[derive(Serialize)]
struct Encode<'a> {
    v: u32,
    event: &'a Event,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

#[derive(Deserialize)]
struct Decode {
    v: u32,
    event: Event,
}

fn encode(event: &Event) -> Vec<u8> {
    let entry = Encode { v: ENCODING_VERSION, event };
    seal(serde_json::to_vec(&entry).expect("events are plain data and always serialise"))
}

/// The event, or what is wrong with the entry.
fn decode(bytes: &[u8]) -> Result<Event, String> {
    let kept = unseal(bytes).map_err(|broken| format!("is damaged: {broken}"))?;
    let newer = |found| Err(format!("has encoding {found}; upgrade Dacapo"));
    match serde_json::from_slice::<Decode>(kept.text) {
        Ok(Decode { v: found, .. }) if found > ENCODING_VERSION => newer(found),
        Ok(Decode { v, .. }) if kept.is_sealed != (v >= SEALED) => Err("is damaged: its seal is gone".to_owned()),
        Ok(Decode { event, .. }) => Ok(event),
        Err(error) => match serde_json::from_slice::<VersionOnly>(kept.text) {
            Ok(VersionOnly { v: found }) if found > ENCODING_VERSION => newer(found),
            _ => Err(format!("cannot be read: {error}")),
        },
    }
}

/// [`crate::Write::Deliver`].
pub(super) fn deliver(connection: &Connection, delivery: &Delivery) -> Result<Written, Halt> {
    let mut statement = connection.prepare_cached(
        "UPDATE instances SET inbox_next = inbox_next + 1, inbox_bytes = inbox_bytes + ?3, has_work = 1 \
         WHERE id = ?1 AND status BETWEEN 0 AND 3 AND inbox_next - inbox_done BETWEEN 0 AND ?2 - 1 \
             AND inbox_next - inbox_done + untaken_events < ?5 \
             AND (inbox_bytes + untaken_bytes + ?3 <= ?4 OR inbox_next - inbox_done + untaken_events = 0) \
             AND min(generation, epoch, next_seq, inbox_done, created_at_ms, updated_at_ms) >= 0 \
             AND min(inbox_bytes, untaken_events, untaken_bytes) >= 0 \
         RETURNING key, inbox_next - 1",
    )?;
    let bytes = delivery.event.size_bytes() as u64;
    let taken = params![
        delivery.id.as_str(),
        integer(delivery.limit),
        integer(bytes),
        integer(delivery.limit_bytes),
        integer(delivery.limit_untaken)
    ];
    let taken: Option<(i64, i64)> = statement.query_row(taken, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((key, seq)) = taken else { return Err(why_not(connection, delivery)?.into()) };
    insert(connection, (key, seq), None, &delivery.event)?;
    Ok(Written::Delivered { key: InstanceKey(key), seq: seq.unsigned_abs() })
}

fn insert(connection: &Connection, (key, seq): (i64, i64), execution: Option<u32>, event: &Event) -> Result<(), Fault> {
    let mut statement = connection
        .prepare_cached("INSERT INTO inbox (instance, seq, execution, bytes, event) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    statement.execute(params![key, seq, execution, integer(event.size_bytes() as u64), encode(event)])?;
    Ok(())
}

/// Puts an event into the inbox of an instance, if it takes it: see [`crate::rules::takes`].
pub(super) fn put(
    connection: &Connection,
    key: InstanceKey,
    execution: Option<u32>,
    event: &Event,
) -> Result<Option<Sent>, Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE instances SET inbox_next = inbox_next + 1, inbox_bytes = inbox_bytes + ?3, has_work = 1 \
         WHERE key = ?1 AND status <= 3 AND (?2 IS NULL OR generation = ?2) RETURNING key, id, inbox_next - 1",
    )?;
    let mut rows = statement.query(params![key.0, execution, integer(event.size_bytes() as u64)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let seq: i64 = row.get(2)?;
    // Whoever has no id that can be read is not woken; the event waits for whatever becomes of it.
    let id = skip(reading("instances", row, |row| instances::id_at(row, 1)))?;
    drop(rows);
    insert(connection, (key.0, seq), execution, event)?;
    let entry = InboxEntry { seq: seq.unsigned_abs(), execution, event: event.clone() };
    Ok(id.map(|id| Sent::Delivered { id, key, entry }))
}

fn why_not(connection: &Connection, delivery: &Delivery) -> Result<Refused, Fault> {
    let found = match instances::by_id(connection, &delivery.id) {
        Ok(None) => return Ok(Refused::UnknownInstance),
        Ok(Some(found)) => found,
        Err(Fault::Store(error)) if error.is_lasting() => return Ok(Refused::Unreadable { what: error.to_string() }),
        Err(fault) => return Err(fault),
    };
    if found.status.is_finished() {
        return Ok(Refused::Finished { status: found.status });
    }
    let unreadable = || Refused::Unreadable { what: format!("instance key {}: what its row counts", found.key.0) };
    let Some(events) = found.inbox_next.checked_sub(found.inbox_done) else { return Ok(unreadable()) };
    let waiting = Untaken { events, bytes: found.inbox_bytes };
    Ok(rules::is_full(delivery, waiting, found.untaken).unwrap_or_else(unreadable))
}

/// What an unfinished instance has been given and not taken. Whose row cannot be read takes nothing: nobody has the id.
pub(super) fn given(connection: &Connection, id: &InstanceId) -> Result<Option<Given>, Halt> {
    let mut statement = connection.prepare_cached(
        "SELECT key, inbox_next, inbox_done, inbox_bytes, untaken_events, untaken_bytes \
         FROM instances WHERE id = ?1 AND status BETWEEN 0 AND 3",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let read = |row: &Row<'_>| {
        Ok(Given {
            key: InstanceKey(row.get(0)?),
            inbox_next: row.get(1)?,
            inbox_done: row.get(2)?,
            inbox_bytes: row.get(3)?,
            untaken: Untaken { events: row.get(4)?, bytes: row.get(5)? },
        })
    };
    Ok(skip(reading("instances", row, read))?)
}

/// Forgets the entries before `done`.
pub(super) fn consume(connection: &Connection, key: InstanceKey, done: u64) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached("DELETE FROM inbox WHERE instance = ?1 AND seq < ?2")?;
    statement.execute(params![key.0, integer(done)])?;
    Ok(())
}

/// How much the entries before `done` hold.
pub(super) fn bytes_before(connection: &Connection, key: InstanceKey, done: u64) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM inbox WHERE instance = ?1 AND seq < ?2")?;
    let mut rows = statement.query(params![key.0, integer(done)])?;
    let mut bytes: u64 = 0;
    while let Some(row) = rows.next()? {
        // What it counts is to bound the inbox: that it cannot be read is no reason not to forget the entry.
        bytes = bytes.saturating_add(row.get(0).unwrap_or(0));
    }
    Ok(bytes)
}

/// What waits, in order: all that must be there by what the instance's row says.
pub(super) fn entries(connection: &Connection, key: InstanceKey) -> Result<Vec<InboxEntry>, Fault> {
    connect::at_one_moment(connection, |moment| waiting_entries(moment, key))
}

fn waiting_entries(connection: &Connection, key: InstanceKey) -> Result<Vec<InboxEntry>, Fault> {
    let (mut next, end) = waiting(connection, key)?.unwrap_or_default();
    let mut statement =
        connection.prepare_cached("SELECT seq, execution, event FROM inbox WHERE instance = ?1 ORDER BY seq")?;
    let mut rows = statement.query([key.0])?;
    let (mut entries, mut bad) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let (seq, execution) = (row.get(0)?, row.get(1)?);
        if seq != next {
            bad = bad.or_else(|| Some((next, "is missing".to_owned())));
        }
        next = seq + 1;
        match row.get_ref(2)?.as_blob().map_err(|error| format!("cannot be read: {error}")).and_then(decode) {
            Ok(event) => entries.push(InboxEntry { seq, execution, event }),
            Err(reason) => bad = bad.or(Some((seq, reason))),
        }
    }
    if next != end {
        bad = bad.or_else(|| Some((next.min(end), format!("is missing: the instance's row counts {end}"))));
    }
    match bad {
        None => Ok(entries),
        Some((seq, reason)) => Err(StoreError::BadInbox { key: key.0, seq, reason, rest: entries }.into()),
    }
}

/// The number of the first entry that waits, and that of the next one to come.
fn waiting(connection: &Connection, key: InstanceKey) -> Result<Option<(u64, u64)>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT key, inbox_done, inbox_next FROM instances WHERE key = ?1")?;
    let mut rows = statement.query([key.0])?;
    rows.next()?.map(|row| reading("instances", row, |row| Ok((row.get(1)?, row.get(2)?)))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dacapo_core::{By, Payload};

    #[test]
    fn an_entry_survives_its_encoding() {
        let data = Payload::parse(r#"{"a" : [1, 2.50, null]}"#).expect("json");
        let event = Event::EventRaised { name: "Ünï".to_owned(), data, by: Some(By::Client) };
        assert_eq!(decode(&encode(&event)).expect("decodes"), event);
    }

    #[test]
    fn an_entry_of_the_first_release_is_read() {
        let bytes = br#"{"v":1,"event":{"EventRaised":{"name":"Approved","data":{"by": "Ann"}}}}"#;
        let data = Payload::parse(r#"{"by": "Ann"}"#).expect("json");
        assert_eq!(decode(bytes).expect("decodes"), Event::EventRaised { name: "Approved".to_owned(), data, by: None });
    }

    #[test]
    fn every_flipped_bit_of_an_entry_is_seen() {
        let bytes = encode(&Event::EventRaised { name: "E".to_owned(), data: Payload::null(), by: None });
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
        assert!(decode(&bytes[..bytes.len() - 9]).is_err(), "a seal that is not there is missed");
    }

    #[test]
    fn an_entry_of_a_newer_release_is_refused_by_its_version() {
        let error = decode(br#"{"v":3,"event":{"Other":{}}}"#).expect_err("newer");
        assert!(error.contains("encoding 3"), "{error}");
        assert!(decode(b"[]").is_err());
    }
}
