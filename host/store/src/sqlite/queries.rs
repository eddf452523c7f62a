//! What is asked about many instances.

use super::created;
use super::damage::{reading, skip};
use super::fault::Fault;
use super::instances::{from_row, id_at, instance_columns, integer, status_code};
use super::walk;
use crate::model::{Instance, InstanceKey};
use crate::query::{InstanceFilter, Page};
use dacapo_core::ids::fold_name;
use dacapo_core::{InstanceId, RuntimeStatus};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, named_params, params};

/// While no more ids than this have the wanted prefix, they are found by the index of ids and sorted for each page;
/// above, the instances are walked in order: every so many of them matches.
const FEW_IDS: usize = 20_000;

/// A filter in the terms of the columns.
pub(super) struct Wanted {
    statuses: Vec<RuntimeStatus>,
    name: Option<String>,
    pub(super) created_from: i64,
    pub(super) created_to: i64,
    id_from: String,
    /// The first text after all those with the prefix. A blob where there is none: SQLite sorts those after every text.
    id_before: Value,
}

impl Wanted {
    /// `None` where nothing can match.
    pub(super) fn of(filter: &InstanceFilter) -> Option<Self> {
        let prefix = filter.id_prefix.clone().unwrap_or_default();
        let mut statuses = filter.statuses.clone();
        statuses.sort_by_key(|status| status_code(*status));
        statuses.dedup();
        Some(Self {
            statuses,
            name: filter.name.as_deref().map(fold_name),
            created_from: i64::try_from(filter.created_from_ms.unwrap_or(0)).ok()?,
            created_to: integer(filter.created_to_ms.unwrap_or(u64::MAX)),
            id_before: text_after(&prefix).map_or(Value::Blob(Vec::new()), Value::Text),
            id_from: prefix,
        })
    }

    /// Whether a walk could pass many that are not meant. (Times of creation are found without one.)
    fn is_rare(&self) -> bool {
        self.name.is_some() || !self.id_from.is_empty()
    }

    fn status_codes(&self) -> Vec<i64> {
        self.statuses.iter().map(|status| status_code(*status)).collect()
    }

    /// Bit n for the status with code n.
    fn status_bits(&self) -> i64 {
        let all: &[RuntimeStatus] = if self.statuses.is_empty() { &RuntimeStatus::ALL } else { &self.statuses };
        all.iter().fold(0, |bits, status| bits | 1 << status_code(*status))
    }
}

/// The least text that is greater than every text that begins with `prefix`.
fn text_after(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // The code points that are no characters lie in one gap.
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// Which keys to look at, and how many instances to find at most.
#[derive(Clone, Copy)]
struct Span {
    bounds: (InstanceKey, InstanceKey),
    limit: usize,
}

/// An instance by its key; `None` where it cannot be read: it has its place on a page, and is not shown.
type Listed = (InstanceKey, Option<Instance>);

fn listed(row: &Row<'_>) -> Result<Listed, Fault> {
    Ok((InstanceKey(row.get(0)?), skip(from_row(row))?))
}

/// One page of the instances that match.
pub(super) fn list(
    connection: &Connection,
    filter: &InstanceFilter,
    after: InstanceKey,
    limit: usize,
) -> Result<Page, Fault> {
    let Some(wanted) = Wanted::of(filter) else { return Ok(Page::default()) };
    // One transaction, so that all statements see the same batches.
    let snapshot = connection.unchecked_transaction()?;
    let mut span = Span { bounds: created::bounds(&snapshot, &wanted, after)?, limit: limit.saturating_add(1) };
    let few = few_with_prefix(&snapshot, &wanted)?;
    let looked_to = match wanted.is_rare() && few.is_none() {
        true => walk::end(&snapshot, span.bounds, &wanted.status_codes())?,
        false => None,
    };
    span.bounds.1 = looked_to.unwrap_or(span.bounds.1);
    let mut found = if let Some(keys) = few {
        by_keys(&snapshot, keys, filter, span)?
    } else if wanted.statuses.is_empty() {
        select(&snapshot, BY_KEY, &wanted, wanted.status_bits(), span)?
    } else {
        by_status(&snapshot, &wanted, span)?
    };
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let last = found.last().map_or(after, |(key, _)| *key);
    let instances = found.into_iter().filter_map(|(_, instance)| instance).collect();
    Ok(Page { instances, next: if is_last { looked_to } else { Some(last) } })
}

macro_rules! list_sql {
    ($index:literal, $status:literal) => {
        concat!(
            "SELECT ",
            instance_columns!(),
            " FROM instances ",
            $index,
            " WHERE ",
            $status,
            " AND key > :after AND key <= :last AND created_at_ms BETWEEN :created_from AND :created_to",
            " AND id >= :id_from AND id < :id_before AND (:name IS NULL OR fold_name(name) = :name)",
            " ORDER BY key LIMIT :limit"
        )
    };
}

const BY_KEY: &str = list_sql!("NOT INDEXED", "(:status >> status) & 1");
const BY_STATUS: &str = list_sql!("INDEXED BY instances_by_status", "status = :status");

fn select(connection: &Connection, sql: &str, wanted: &Wanted, status: i64, span: Span) -> Result<Vec<Listed>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let params = named_params! {
        ":status": status,
        ":after": span.bounds.0.0,
        ":last": span.bounds.1.0,
        ":created_from": wanted.created_from,
        ":created_to": wanted.created_to,
        ":id_from": wanted.id_from,
        ":id_before": wanted.id_before,
        ":name": wanted.name,
        ":limit": integer(span.limit as u64),
    };
    let found = statement.query_and_then(params, listed)?;
    found.collect()
}

/// The index has the instances of one status in the order of their keys: read a page of each status, merge them.
fn by_status(connection: &Connection, wanted: &Wanted, span: Span) -> Result<Vec<Listed>, Fault> {
    let mut merged = Vec::new();
    for status in &wanted.statuses {
        merged.extend(select(connection, BY_STATUS, wanted, status_code(*status), span)?);
    }
    merged.sort_by_key(|(key, _): &Listed| *key);
    merged.truncate(span.limit);
    Ok(merged)
}

/// The keys of the instances whose ids have the prefix, in order; `None` where they are many.
fn few_with_prefix(connection: &Connection, wanted: &Wanted) -> Result<Option<Vec<i64>>, Fault> {
    if wanted.id_from.is_empty() {
        return Ok(None);
    }
    let mut statement = connection
        .prepare_cached("SELECT key FROM instances INDEXED BY instances_by_id WHERE id >= ?1 AND id < ?2 LIMIT ?3")?;
    let found = statement.query_map(params![wanted.id_from, wanted.id_before, FEW_IDS + 1], |row| row.get(0))?;
    let mut keys = found.collect::<rusqlite::Result<Vec<i64>>>()?;
    keys.sort_unstable();
    Ok(Some(keys).filter(|keys| keys.len() <= FEW_IDS))
}

fn by_keys(connection: &Connection, keys: Vec<i64>, filter: &InstanceFilter, span: Span) -> Result<Vec<Listed>, Fault> {
    const SQL: &str = concat!("SELECT ", instance_columns!(), " FROM instances WHERE key = ?1");
    let mut statement = connection.prepare_cached(SQL)?;
    let mut found = Vec::new();
    let (after, last) = span.bounds;
    for key in keys.into_iter().filter(|key| *key > after.0 && *key <= last.0) {
        if found.len() >= span.limit {
            break;
        }
        let one = statement.query_and_then([key], listed)?.next().transpose()?;
        found.extend(one.filter(|(_, instance)| instance.as_ref().is_none_or(|instance| filter.matches(instance))));
    }
    Ok(found)
}

/// Rows by rows until `limit` of them could be read, so that a page that is not full is the last one.
fn readable<T, P: Copy>(
    (mut after, limit): (P, usize),
    mut page: impl FnMut(P, usize) -> Result<Vec<(P, Option<T>)>, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut found = Vec::new();
    loop {
        let asked = limit - found.len();
        let rows = page(after, asked)?;
        let is_last = rows.len() < asked;
        after = rows.last().map_or(after, |(place, _)| *place);
        found.extend(rows.into_iter().filter_map(|(_, row)| row));
        if is_last || found.len() >= limit {
            return Ok(found);
        }
    }
}

/// Unfinished instances that have work, by key.
pub(super) fn busy(
    connection: &Connection,
    after: InstanceKey,
    limit: usize,
) -> Result<Vec<(InstanceKey, InstanceId)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT key, id FROM instances INDEXED BY instances_with_work WHERE has_work = 1 AND key > ?1 \
         ORDER BY key LIMIT ?2",
    )?;
    readable((after, limit), |after, limit| {
        let found = statement.query_and_then([after.0, integer(limit as u64)], |row| {
            let key = InstanceKey(row.get(0)?);
            Ok::<_, Fault>((key, skip(reading("instances", row, |row| Ok((key, id_at(row, 1)?))))?))
        })?;
        found.collect()
    })
}

/// Unfinished instances that have a timer, by time and key.
pub(super) fn timers(
    connection: &Connection,
    (after_ms, after_key): (u64, InstanceKey),
    limit: usize,
) -> Result<Vec<(u64, InstanceKey, InstanceId)>, Fault> {
    let Ok(after_ms) = i64::try_from(after_ms) else { return Ok(Vec::new()) };
    // In two parts, so that both begin at their place in the index: many timers may fire at the same time.
    let mut statement = connection.prepare_cached(
        "SELECT key, wake_at_ms, id FROM instances INDEXED BY instances_by_timer WHERE wake_at_ms = ?1 AND key > ?2 \
         UNION ALL \
         SELECT key, wake_at_ms, id FROM instances INDEXED BY instances_by_timer \
             WHERE wake_at_ms > ?1 AND wake_at_ms <= 9223372036854775807 \
         ORDER BY 2, 1 LIMIT ?3",
    )?;
    readable(((after_ms, after_key), limit), |(after_ms, after_key), limit| {
        let found = statement.query_and_then([after_ms, after_key.0, integer(limit as u64)], |row| {
            let key = InstanceKey(row.get(0)?);
            let read = skip(reading("instances", row, |row| Ok((row.get(1)?, key, id_at(row, 2)?))))?;
            Ok::<_, Fault>(((row.get(1)?, key), read))
        })?;
        found.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_after_a_prefix_bounds_all_that_begin_with_it() {
        assert_eq!(text_after("a%").as_deref(), Some("a&"));
        assert_eq!(text_after("x\u{D7FF}").as_deref(), Some("x\u{E000}"));
        assert_eq!(text_after("x\u{10FFFF}").as_deref(), Some("y"));
        assert_eq!(text_after("\u{10FFFF}"), None);
        assert_eq!(text_after(""), None);
    }
}
