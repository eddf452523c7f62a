//! From a folder as a crash has left it to a database of which all that can be read is on the disk.
//!
//! SQLite recovers what the log holds in the system's memory. After a kill, or an fsync that failed, that is more than the
//! disk holds: shown to anybody, or built upon, it could be gone after the next power failure. So the log is written out
//! again, moved into the database, and cut, before anybody reads.

use super::{checkpoint, connect, schema};
use crate::{Result, StoreError};
use rusqlite::Connection;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Opens the database for writing. Nobody has read in it before this returns; the folder's lock is ours.
pub(super) fn open(path: &Path) -> Result<Connection> {
    rewrite(&connect::log_of(path)).map_err(failed("writing out the log that was found"))?;
    let mut connection = connect::open_writer(path)?;
    schema::check(&connection)?;
    settle(&connection)?;
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

/// Writes a file over itself. After an fsync that failed the system holds for clean what the disk never got; another
/// fsync would succeed and change nothing.
fn rewrite(path: &Path) -> io::Result<()> {
    let mut file = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut block = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return file.sync_all();
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&block[..read])?;
        at += read as u64;
    }
}

/// Moves what was recovered into the database, durably.
fn settle(connection: &Connection) -> Result<()> {
    let done = checkpoint::truncate(connection, checkpoint::PATIENCE)
        .map_err(|fault| fault.while_opening("moving the log that was found into the database"))?;
    if done.is_busy {
        // What can be read is on the disk all the same: in the log.
        tracing::warn!("another program reads the database: the log that was found stays until it lets go");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_over_itself_is_what_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        rewrite(&path).expect("nothing to do");
        assert!(!path.exists());
        for bytes in [0, 1, 1 << 20, (3 << 20) + 17] {
            let content: Vec<u8> = (0..bytes).map(|n: usize| (n * 31 / 7) as u8).collect();
            std::fs::write(&path, &content).expect("writes");
            rewrite(&path).expect("writes");
            assert!(std::fs::read(&path).expect("reads") == content, "{bytes}");
        }
    }
}
