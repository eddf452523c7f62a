//! Checkpoints: what was committed to the log is moved to its place in the database, so that the log begins anew.
//!
//! SQLite would do that itself after a commit, and would tell nobody when it fails: a later one that succeeds then resets
//! a log of which the disk has lost a part. So we do it, where the answer is seen.

use super::fault::Fault;
use crate::Maintained;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, Row};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// When the log is dealt with, by the pages in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// From here on it is worth moving them: a page that changed a thousand times is then written once.
    pub(super) due: u32,
    /// How much more it has to grow until it is tried again, where a reader or the disk stood in the way.
    pub(super) again: u32,
    /// A log of so many is in somebody's way: readers are waited for, so that it can be cut.
    pub(super) held: u32,
}

/// 64 MiB, 8 MiB and 256 MiB.
const BOUNDS: Bounds = Bounds { due: 16_000, again: 2_000, held: 64_000 };
/// How long, each time. Commits wait meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// When the next one is due.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// Pages in the log after the last commit.
    log_pages: Arc<AtomicU32>,
    /// The same, when it was last tried.
    tried_at: u32,
    pub(super) due_at: u32,
    pub(super) bounds: Bounds,
}

impl Checkpoints {
    /// Takes over from SQLite.
    pub(super) fn own(connection: &mut Connection) -> Result<Self, Fault> {
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        let log_pages = Arc::new(AtomicU32::new(0));
        let seen = log_pages.clone();
        // In this order: the setting and the hook are one and the same to SQLite.
        connection.wal_hook(Some(move |_: &mut Wal, pages: c_int| {
            seen.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { log_pages, tried_at: 0, due_at: BOUNDS.due, bounds: BOUNDS })
    }

    /// Pages in the log after the last commit.
    #[cfg(test)]
    pub(super) fn log_pages(&self) -> u32 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Makes one if it is due.
    pub(super) fn maintain(&mut self, connection: &Connection) -> Result<Maintained, Fault> {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.tried_at {
            // The log has begun anew.
            (self.tried_at, self.due_at) = (0, self.bounds.due);
        }
        if pages < self.due_at {
            return Ok(Maintained::Nothing);
        }
        (self.tried_at, self.due_at) = (pages, pages + self.bounds.again);
        let is_to_be_cut = pages >= self.bounds.held;
        let done = match is_to_be_cut {
            true => truncate(connection, PATIENCE)?,
            false => passive(connection)?,
        };
        Ok(done.reported(is_to_be_cut))
    }

    /// Makes one now, since room is needed, and lets the next commit begin at the start of the log. The file keeps its
    /// size: that room is ours.
    pub(super) fn restart(&mut self, connection: &Connection) -> Result<Done, Fault> {
        run(connection, "PRAGMA wal_checkpoint(RESTART)", PATIENCE)
    }
}

/// What SQLite answers: whether somebody stood in the way, the pages in the log, and those of them in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Done {
    is_busy: bool,
    log_pages: i64,
    moved_pages: i64,
}

impl Done {
    fn reported(self, was_to_be_cut: bool) -> Maintained {
        Maintained::Checkpointed {
            log_pages: self.log_pages.unsigned_abs(),
            moved_pages: self.moved_pages.unsigned_abs(),
            is_held: was_to_be_cut && self.is_busy,
        }
    }
}

/// Moves what no reader needs where it is; waits for nobody.
fn passive(connection: &Connection) -> Result<Done, Fault> {
    run(connection, "PRAGMA wal_checkpoint(PASSIVE)", Duration::ZERO)
}

/// Moves everything and cuts the log; waits so long for readers.
pub(super) fn truncate(connection: &Connection, patience: Duration) -> Result<Done, Fault> {
    run(connection, "PRAGMA wal_checkpoint(TRUNCATE)", patience)
}

fn run(connection: &Connection, sql: &str, patience: Duration) -> Result<Done, Fault> {
    let answer = |row: &Row<'_>| {
        Ok(Done { is_busy: row.get::<_, i64>(0)? != 0, log_pages: row.get(1)?, moved_pages: row.get(2)? })
    };
    let usual = super::connect::BUSY_TIMEOUT;
    connection.busy_timeout(patience)?;
    let done = connection.query_row(sql, [], answer);
    connection.busy_timeout(usual)?;
    Ok(done?)
}
