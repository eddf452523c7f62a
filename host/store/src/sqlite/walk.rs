//! How far one question may walk: what is asked for by name, or by a prefix that many ids have, is found by looking at one
//! instance after the other. A page ends after so many, found or not, and the next one goes on there.

use super::fault::Fault;
use crate::model::InstanceKey;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Instances that one page looks at, of each status that is asked for: some milliseconds.
pub(super) const LOOKS: u32 = 10_000;

pub(super) const NTH: &str =
    "SELECT key FROM instances NOT INDEXED WHERE key > ?1 AND key <= ?2 ORDER BY key LIMIT 1 OFFSET ?3";
pub(super) const NTH_OF_STATUS: &str = "SELECT key FROM instances INDEXED BY instances_by_status \
     WHERE status = ?4 AND key > ?1 AND key <= ?2 ORDER BY key LIMIT 1 OFFSET ?3";

/// Where a page ends that begins after the first of these keys and goes to the second at most; `None`: it gets there.
/// `statuses`: the codes of those that are walked; none: all instances are.
pub(super) fn end(
    connection: &Connection,
    (after, last): (InstanceKey, InstanceKey),
    statuses: &[i64],
) -> Result<Option<InstanceKey>, Fault> {
    let skipped = LOOKS - 1;
    if statuses.is_empty() {
        let mut nth = connection.prepare_cached(NTH)?;
        return key(nth.query_row(params![after.0, last.0, skipped], |row| row.get(0)));
    }
    let mut nearest: Option<InstanceKey> = None;
    let mut nth = connection.prepare_cached(NTH_OF_STATUS)?;
    for status in statuses {
        let found = key(nth.query_row(params![after.0, last.0, skipped, status], |row| row.get(0)))?;
        nearest = nearest.into_iter().chain(found).min();
    }
    Ok(nearest)
}

fn key(found: rusqlite::Result<i64>) -> Result<Option<InstanceKey>, Fault> {
    Ok(found.optional()?.map(InstanceKey))
}
