//! Room on a full disk: a file that holds some, given back when there is none left, so that instances can be ended and
//! purged and the log be emptied. While it is away, nothing is taken that would only use that room up.

use super::fault::Fault;
use crate::write::{OutboxEntry, Write};
use crate::{Result, StoreError};
use dacapo_core::Event;
use rusqlite::Connection;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the file in the data folder.
pub(super) const RESERVE: &str = "dacapo.reserve";
/// What it holds. Enough for a log that is begun anew again and again, and for what a checkpoint adds to the database.
const RESERVE_BYTES: u64 = 16 << 20;
/// It is made where at least so much is free: whoever is short of room shall not lose it to us.
const FREE_BYTES: u64 = 2 * RESERVE_BYTES;
/// Pages (16 MiB) that purges have freed within the database: as good as a reserve.
const FREE_PAGES: u64 = RESERVE_BYTES / 4096;

/// The reserve, and whether it had to be given back.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    /// For those who ask how the store is.
    has_room: Arc<AtomicBool>,
    /// There was none, and the reserve is not back yet.
    is_short: bool,
}

impl Room {
    /// Makes the reserve, where there is room for it.
    pub(super) fn keep(folder: &Path) -> Self {
        let room = Self { folder: folder.to_owned(), has_room: Arc::new(AtomicBool::new(true)), is_short: false };
        if !room.is_reserved() && !room.reserve() {
            tracing::warn!(
                bytes = RESERVE_BYTES,
                "no room for a reserve: a full disk will keep purges from making room"
            );
        }
        room
    }

    pub(super) fn watch(&self) -> Arc<AtomicBool> {
        self.has_room.clone()
    }

    fn is_reserved(&self) -> bool {
        std::fs::metadata(self.folder.join(RESERVE)).is_ok_and(|found| found.len() == RESERVE_BYTES)
    }

    /// Whether it is there now.
    fn reserve(&self) -> bool {
        if free_bytes(&self.folder).is_some_and(|free| free < FREE_BYTES) {
            return false;
        }
        let path = self.folder.join(RESERVE);
        match allocate(&path) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "cannot reserve room");
                let _ = std::fs::remove_file(&path);
                false
            }
        }
    }

    /// There is no room: gives the reserve back.
    pub(super) fn give_back(&mut self) {
        self.is_short = true;
        match std::fs::remove_file(self.folder.join(RESERVE)) {
            Ok(()) => tracing::error!(
                bytes = RESERVE_BYTES,
                "the disk is full: the reserve is given back, and only what frees room or ends instances is taken"
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(%error, "the disk is full, and the reserve cannot be given back"),
        }
    }

    /// Makes the reserve again once there is room.
    pub(super) fn recover(&mut self, connection: &Connection) {
        if !self.is_short {
            return;
        }
        if self.reserve() {
            self.is_short = false;
            tracing::info!("there is room on the disk again");
        }
        self.has_room.store(self.takes_all(connection).unwrap_or(false), Ordering::Relaxed);
    }

    /// Whether a batch may be written: all of it, or what little there is is kept for others.
    pub(super) fn admits(&self, connection: &Connection, batch: &[Write]) -> Result<()> {
        let doing = "committing a batch";
        let admitted = self.takes_all(connection).map_err(|fault| fault.while_doing(doing))?;
        self.has_room.store(admitted, Ordering::Relaxed);
        if admitted || batch.iter().all(eases) {
            return Ok(());
        }
        Err(StoreError::DiskFull { doing, source: "what is left is kept for what frees room or ends instances".into() })
    }

    fn takes_all(&self, connection: &Connection) -> Result<bool, Fault> {
        if !self.is_short {
            return Ok(true);
        }
        let free: u64 = connection.prepare_cached("PRAGMA freelist_count")?.query_row([], |row| row.get(0))?;
        Ok(free >= FREE_PAGES)
    }
}

/// Whether a write frees room, ends something, or takes next to none.
fn eases(write: &Write) -> bool {
    match write {
        Write::Purge { .. }
        | Write::Discard { .. }
        | Write::DeleteVersion(_)
        | Write::Activate(_)
        | Write::Repin { .. } => true,
        Write::Deliver(delivery) => {
            matches!(delivery.event, Event::ExecutionTerminated { .. } | Event::ExecutionSuspended { .. })
        }
        Write::Turn(turn) => {
            turn.status.is_finished() && !turn.outbox.iter().any(|sent| matches!(sent, OutboxEntry::Start { .. }))
        }
        Write::Create(_) | Write::Reopen { .. } | Write::AddModule(_) => false,
    }
}

/// Bytes that the disk of a folder has left for us.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Makes a file that really has its room on the disk, durably.
fn allocate(path: &Path) -> io::Result<()> {
    let file = File::options().create(true).truncate(true).write(true).open(path)?;
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE_BYTES) {
        Ok(()) => {}
        // Not every file system can. What is written is not all zeros: some keep no room for those.
        Err(rustix::io::Errno::OPNOTSUPP) => fill(&file)?,
        Err(error) => return Err(error.into()),
    }
    file.sync_all()
}

fn fill(mut file: &File) -> io::Result<()> {
    let mut state = 1_u64;
    let mut block = vec![0; 1 << 16];
    for _ in 0..RESERVE_BYTES / block.len() as u64 {
        for word in block.chunks_exact_mut(8) {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            word.copy_from_slice(&state.to_le_bytes());
        }
        io::Write::write_all(&mut file, &block)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_as_large_as_it_says_however_it_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let room = Room::keep(folder.path());
        assert!(room.is_reserved());
        std::fs::remove_file(folder.path().join(RESERVE)).expect("removes");
        fill(&File::create(folder.path().join(RESERVE)).expect("creates")).expect("fills");
        assert!(room.is_reserved());
    }

    #[test]
    fn half_a_reserve_is_made_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(RESERVE), "x").expect("writes");
        assert!(Room::keep(folder.path()).is_reserved());
    }
}
