//! Inboxes: what was delivered and is not yet part of a turn.

use super::fault::{Fault, Halt, corrupt};
use super::instances::{self, integer};
use crate::model::InstanceKey;
use crate::write::{Delivery, Refused, Sent, Written};
use crate::{StoreError, rules};
use dacapo_core::{Event, InboxEntry, InstanceId, Untaken};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

/// The encoding that is written. Older ones stay readable: entries may wait for a long time.
const ENCODING_VERSION: u32 = 1;

#[derive(Serialize)]
struct EncodeV1<'a> {
    v: u32,
    event: &'a Event,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

#[derive(Deserialize)]
struct DecodeV1 {
    v: u32,
    event: Event,
}

fn encode(event: &Event) -> Vec<u8> {
    let entry = EncodeV1 { v: ENCODING_VERSION, event };
    serde_json::to_vec(&entry).expect("events are plain data and always serialise")
}

fn decode(bytes: &[u8]) -> Result<Event, StoreError> {
    let newer = |found| StoreError::Corrupt(format!("an inbox entry with encoding {found}; upgrade Dacapo"));
    match serde_json::from_slice::<DecodeV1>(bytes) {
        Ok(DecodeV1 { v: ENCODING_VERSION, event }) => Ok(event),
        Ok(DecodeV1 { v: found, .. }) => Err(newer(found)),
        Err(error) => match serde_json::from_slice::<VersionOnly>(bytes) {
            Ok(VersionOnly { v: found }) if found > ENCODING_VERSION => Err(newer(found)),
            _ => Err(StoreError::Corrupt(format!("an inbox entry: {error}"))),
        },
    }
}

/// [`crate::Write::Deliver`].
pub(super) fn deliver(connection: &Connection, delivery: &Delivery) -> Result<Written, Halt> {
    let mut statement = connection.prepare_cached(
        "UPDATE instances SET inbox_next = inbox_next + 1, inbox_bytes = inbox_bytes + ?3, has_work = 1 \
         WHERE id = ?1 AND status <= 3 AND inbox_next - inbox_done < ?2 AND inbox_next - inbox_done + untaken_events < ?5 \
             AND (inbox_bytes + untaken_bytes + ?3 <= ?4 OR inbox_next - inbox_done + untaken_events = 0) \
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
         WHERE key = ?1 AND status <= 3 AND (?2 IS NULL OR generation = ?2) RETURNING id, inbox_next - 1",
    )?;
    let mut rows = statement.query(params![key.0, execution, integer(event.size_bytes() as u64)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (id, seq): (InstanceId, i64) = (instances::id_at(row, 0)?, row.get(1)?);
    drop(rows);
    insert(connection, (key.0, seq), execution, event)?;
    let entry = InboxEntry { seq: seq.unsigned_abs(), execution, event: event.clone() };
    Ok(Some(Sent::Delivered { id, key, entry }))
}

fn why_not(connection: &Connection, delivery: &Delivery) -> Result<Refused, Fault> {
    let Some(found) = instances::by_id(connection, &delivery.id)? else { return Ok(Refused::UnknownInstance) };
    if found.status.is_finished() {
        return Ok(Refused::Finished { status: found.status });
    }
    let waiting = Untaken { events: found.inbox_next - found.inbox_done, bytes: found.inbox_bytes };
    let full = rules::is_full(delivery, waiting, found.untaken);
    full.ok_or_else(|| corrupt("an inbox that took nothing", delivery.id.as_str()))
}

/// Forgets the entries before `done`; how much they held.
pub(super) fn consume(connection: &Connection, key: InstanceKey, done: u64) -> Result<u64, Fault> {
    let mut statement =
        connection.prepare_cached("DELETE FROM inbox WHERE instance = ?1 AND seq < ?2 RETURNING bytes")?;
    let bytes = statement.query_map(params![key.0, integer(done)], |row| row.get::<_, u64>(0))?;
    Ok(bytes.sum::<rusqlite::Result<u64>>()?)
}

/// What waits, in order.
pub(super) fn entries(connection: &Connection, key: InstanceKey) -> Result<Vec<InboxEntry>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT seq, execution, event FROM inbox WHERE instance = ?1 ORDER BY seq")?;
    let mut rows = statement.query([key.0])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(2)?.as_blob().map_err(|error| corrupt("an inbox entry", error))?;
        entries.push(InboxEntry { seq: row.get(0)?, execution: row.get(1)?, event: decode(bytes)? });
    }
    Ok(entries)
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
    fn an_entry_of_a_newer_release_is_refused_by_its_version() {
        let error = decode(br#"{"v":2,"event":{"Other":{}}}"#).expect_err("newer").to_string();
        assert!(error.contains("encoding 2"), "{error}");
        assert!(decode(b"[]").is_err());
    }
}
