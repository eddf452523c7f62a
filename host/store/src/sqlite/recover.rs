//! From a folder as a crash has left it to a database of which all that can be read is on the disk.
//!
//! SQLite recovers what the log holds in the system's memory. After a kill, or an fsync that failed, that is more than the
//! disk holds: shown to anybody, or built upon, it could be gone after the next power failure. But each transaction was
//! synced before the next one began, so only the last one can be missing on the disk: it is written out again, and what
//! stands behind it, of one that came to no end, is cut off, before anybody reads. The log stays, to be moved into the
//! database when it is long, as ever.

use super::log::Last;
use super::{connect, schema};
use crate::{Result, StoreError};
use rusqlite::Connection;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Opens the database for writing; `last`: what [`super::log::check`] has found. Nobody has read in it before this returns;
/// the folder's lock is ours.
pub(super) fn open(path: &Path, last: Option<Last>) -> Result<Connection> {
    if let Some(last) = last {
        write_again(&connect::log_of(path), last).map_err(failed("writing out the end of the log that was found"))?;
    }
    let mut connection = connect::open_writer(path)?;
    schema::check(&connection)?;
    schema::migrate(&mut connection)?;
    connect::sync_folder(path).map_err(failed("syncing the data folder"))?;
    Ok(connection)
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |error| match error.kind() {
        io::ErrorKind::StorageFull => StoreError::DiskFull { doing, source: error.into() },
        _ => StoreError::Engine { doing, source: error.into() },
    }
}

/// Writes the last transaction over itself, and cuts the log behind it. After an fsync that failed the system holds for
/// clean what the disk never got; another fsync would succeed and change nothing.
fn write_again(log: &Path, last: Last) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(log)?;
    let mut bytes = vec![0; usize::try_from(last.ends - last.begins).map_err(io::Error::other)?];
    file.seek(SeekFrom::Start(last.begins))?;
    file.read_exact(&mut bytes)?;
    file.seek(SeekFrom::Start(last.begins))?;
    file.write_all(&bytes)?;
    file.set_len(last.ends)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::log;
    use super::*;

    /// A log of some transactions, as a kill leaves it, and how long it was after each.
    fn killed(folder: &Path) -> (std::path::PathBuf, Vec<u64>) {
        let live = folder.join("live.db");
        let connection = open(&live, None).expect("opens");
        connection.pragma_update(None, "wal_autocheckpoint", 0).expect("sets");
        let length = || connect::log_of(&live).metadata().expect("is there").len();
        let mut lengths = vec![length()];
        for times in [1, 40, 3] {
            let many = format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {times}) ");
            connection
                .execute_batch(&format!(
                    "{many} INSERT INTO components SELECT hex(randomblob(8)), zeroblob(5000) FROM n"
                ))
                .expect("writes");
            lengths.push(length());
        }
        let path = folder.join("killed.db");
        std::fs::copy(&live, &path).expect("copies");
        std::fs::copy(connect::log_of(&live), connect::log_of(&path)).expect("copies");
        (path, lengths)
    }

    fn components(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM components", [], |row| row.get(0)).expect("reads")
    }

    #[test]
    fn the_last_transaction_is_known_and_stays_what_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, lengths) = killed(folder.path());
        let last = log::check(&path).expect("whole");
        assert_eq!(last, Some(Last { begins: lengths[2], ends: lengths[3] }));
        let before = std::fs::read(connect::log_of(&path)).expect("reads");
        let connection = open(&path, last).expect("opens");
        assert!(std::fs::read(connect::log_of(&path)).expect("reads") == before);
        assert_eq!(components(&connection), 44);
    }

    #[test]
    fn what_came_to_no_end_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, lengths) = killed(folder.path());
        let log = connect::log_of(&path);
        let whole = std::fs::read(&log).expect("reads");
        // Within the long one: in the middle of a frame, without its last one, and with a flipped bit in its first.
        let mut flipped = whole[..usize::try_from(lengths[2]).expect("short")].to_vec();
        flipped[usize::try_from(lengths[1]).expect("short") + 100] ^= 1;
        for torn in [whole[..lengths[2] as usize - 1].to_vec(), whole[..lengths[2] as usize - 4_120].to_vec(), flipped]
        {
            std::fs::write(&log, torn).expect("writes");
            let last = log::check(&path).expect("torn at its end");
            assert_eq!(last, Some(Last { begins: lengths[0], ends: lengths[1] }));
            let connection = open(&path, last).expect("opens");
            assert_eq!(log.metadata().expect("is there").len(), lengths[1]);
            assert_eq!(components(&connection), 1);
            std::mem::forget(connection);
        }
    }
}
