//! How many unfinished instances are on each version. Counted once, when the store is opened, and kept up to date: who asks
//! for it often must not walk through all of them each time.
//!
//! Triggers of the writing connection alone tell what changes, whichever statement it was: they stand in no file.

use super::fault::Fault;
use crate::model::VersionId;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const TRIGGERS: &str = "
CREATE TEMP TRIGGER pins_created AFTER INSERT ON main.instances WHEN NEW.status <= 3
BEGIN SELECT pin(NEW.version, 1); END;
CREATE TEMP TRIGGER pins_purged AFTER DELETE ON main.instances WHEN OLD.status <= 3
BEGIN SELECT pin(OLD.version, -1); END;
CREATE TEMP TRIGGER pins_moved AFTER UPDATE OF status, version ON main.instances
WHEN OLD.version <> NEW.version OR (OLD.status <= 3) <> (NEW.status <= 3)
BEGIN SELECT pin(OLD.version, -(OLD.status <= 3)), pin(NEW.version, NEW.status <= 3); END;
";

/// All of them, once.
pub(super) const COUNT: &str =
    "SELECT version, count(*) FROM instances INDEXED BY instances_by_status WHERE status <= 3 GROUP BY version";

type Counts = Arc<Mutex<BTreeMap<i64, i64>>>;

/// What is counted: the writer changes it, readers look at it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pins {
    durable: Counts,
    /// What the transaction under way changes.
    pending: Counts,
}

fn lock(counts: &Counts) -> MutexGuard<'_, BTreeMap<i64, i64>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pins {
    /// Counts, and is told of every change that `writer` makes from now on.
    pub(super) fn count(writer: &Connection) -> Result<Self, Fault> {
        let pins = Self::default();
        let mut statement = writer.prepare(COUNT)?;
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        *lock(&pins.durable) = found.collect::<rusqlite::Result<_>>()?;
        let pending = pins.pending.clone();
        let pin = move |call: &mut Context<'_>| {
            let (version, change): (i64, i64) = (call.get(0)?, call.get(1)?);
            *lock(&pending).entry(version).or_default() += change;
            Ok(0)
        };
        writer.create_scalar_function("pin", 2, FunctionFlags::SQLITE_UTF8, pin)?;
        writer.execute_batch(TRIGGERS)?;
        Ok(pins)
    }

    /// A transaction begins; what one before it has told and not done is forgotten.
    pub(super) fn begin(&self) {
        lock(&self.pending).clear();
    }

    /// The transaction is durable.
    pub(super) fn settle(&self) {
        let mut durable = lock(&self.durable);
        for (version, change) in std::mem::take(&mut *lock(&self.pending)) {
            *durable.entry(version).or_default() += change;
        }
        durable.retain(|_, count| *count != 0);
    }

    /// Of one version, as the transaction under way sees it.
    pub(super) fn of(&self, version: VersionId) -> u64 {
        let count = |counts: &Counts| lock(counts).get(&version.0).copied().unwrap_or(0);
        (count(&self.durable) + count(&self.pending)).unsigned_abs()
    }

    /// Of each version that has any.
    pub(super) fn all(&self) -> Vec<(VersionId, u64)> {
        lock(&self.durable).iter().map(|(version, count)| (VersionId(*version), count.unsigned_abs())).collect()
    }
}
