//! How many unfinished instances are on each version. Counted once, when the store is opened, and kept up to date: who asks
//! for it often must not walk through all of them each time.
//!
//! Whatever changes the status or the version of an instance says so to [`PinChanges::moved`]. (A trigger would need
//! nobody's word, and makes SQLite keep a journal for every statement that it might follow.)

use super::fault::Fault;
use crate::model::VersionId;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All of them, once.
pub(super) const COUNT: &str =
    "SELECT version, count(*) FROM instances INDEXED BY instances_by_status WHERE status <= 3 GROUP BY version";

/// What is counted, by what is durable: the writer changes it, readers look at it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pins(Arc<Mutex<BTreeMap<VersionId, i64>>>);

/// What a transaction changes of it.
#[derive(Debug)]
pub(super) struct PinChanges {
    before: Pins,
    changes: BTreeMap<VersionId, i64>,
}

impl Pins {
    pub(super) fn count(connection: &Connection) -> Result<Self, Fault> {
        let mut statement = connection.prepare(COUNT)?;
        let found = statement.query_map([], |row| Ok((VersionId(row.get(0)?), row.get(1)?)))?;
        Ok(Self(Arc::new(Mutex::new(found.collect::<rusqlite::Result<_>>()?))))
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<VersionId, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a transaction that begins.
    pub(super) fn changes(&self) -> PinChanges {
        PinChanges { before: self.clone(), changes: BTreeMap::new() }
    }

    /// The transaction is durable.
    pub(super) fn settle(&self, PinChanges { changes, .. }: PinChanges) {
        let mut counts = self.counts();
        for (version, change) in changes {
            *counts.entry(version).or_default() += change;
        }
        counts.retain(|_, count| *count != 0);
    }

    /// Of each version that has any.
    pub(super) fn all(&self) -> Vec<(VersionId, u64)> {
        self.counts().iter().map(|(version, count)| (*version, count.unsigned_abs())).collect()
    }
}

impl PinChanges {
    /// An instance changes: the version that it was on as an unfinished one, and the one that it is on as such.
    pub(super) fn moved(&mut self, before: Option<VersionId>, after: Option<VersionId>) {
        if before == after {
            return;
        }
        for (version, change) in [(before, -1), (after, 1)] {
            if let Some(version) = version {
                *self.changes.entry(version).or_default() += change;
            }
        }
    }

    /// Of one version, with what the transaction has changed.
    pub(super) fn of(&self, version: VersionId) -> u64 {
        let count = |counts: &BTreeMap<VersionId, i64>| counts.get(&version).copied().unwrap_or(0);
        (count(&self.before.counts()) + count(&self.changes)).unsigned_abs()
    }
}
