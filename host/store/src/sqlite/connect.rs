//! The data folder, its lock, and the connections with their settings.

use super::fault::Fault;
use super::identity;
use crate::{Result, StoreError};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// More readers than cores only compete for them.
const MAX_READERS: usize = 4;
/// Enough for every statement there is, so that none is parsed twice.
const CACHED_STATEMENTS: usize = 64;
/// Only a checkpoint or a recovery ever holds a lock against us: the folder is ours.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings of the write connection that the meaning of "durable" rests on, each with the answer that is expected.
const DURABILITY: [(&str, &str, &str); 2] = [("journal_mode", "WAL", "wal"), ("synchronous", "FULL", "2")];

/// The log is cut back to its limit after a long read that held it. Foreign keys are kept by the writer's own checks. An
/// fsync of macOS leaves what it has synced in the disk's own memory, unless it is told not to.
const WRITER_SETTINGS: &str = "PRAGMA journal_size_limit = 268435456; PRAGMA fullfsync = ON; \
     PRAGMA checkpoint_fullfsync = ON; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF;";
const READER_SETTINGS: &str = "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;";
/// A file that is mapped turns an IO error into a signal that ends the process.
const COMMON_SETTINGS: &str = "PRAGMA mmap_size = 0;";

/// The right to use a folder; nobody else has it while this lives.
#[derive(Debug)]
pub(super) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// The file stays behind: deleting it would let two processes lock two files of the same name.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let doing = "locking the data folder";
        let file = File::options().create(true).truncate(false).write(true).open(folder.join("dacapo.lock"));
        let file = file.map_err(|source| StoreError::Engine { doing, source: source.into() })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { folder: folder.display().to_string() }),
            Err(TryLockError::Error(source)) => Err(StoreError::Engine { doing, source: source.into() }),
        }
    }
}

impl Drop for FolderLock {
    /// Closing the file is not enough: a child process that is just being made has it open too, until it runs its program.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the data folder stays locked until this process ends");
        }
    }
}

/// Creates the folder if it is missing, durably: SQLite looks after its files, but not after the folders' own entries.
/// One that is there may have been made a moment before a crash.
pub(super) fn create_folder(folder: &Path) -> Result<()> {
    let create = || -> std::io::Result<()> {
        let missing = folder.ancestors().take_while(|one| !one.as_os_str().is_empty() && !one.is_dir()).count();
        std::fs::create_dir_all(folder)?;
        for made in folder.canonicalize()?.ancestors().skip(1).take(missing.max(1)) {
            sync(made)?;
        }
        Ok(())
    };
    create().map_err(|source| StoreError::Engine { doing: "creating the data folder", source: source.into() })
}

/// Makes the entries of the folder that holds `path` durable.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    path.canonicalize()?.parent().map_or(Ok(()), sync)
}

fn sync(folder: &Path) -> std::io::Result<()> {
    match File::open(folder) {
        // A folder that we may not read is none that we have made.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        opened => opened?.sync_all(),
    }
}

/// The log of a database.
pub(super) fn log_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// The connection that writes.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    let doing = "opening the database";
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let writer = open(path, flags, WRITER_SETTINGS).map_err(|fault| fault.while_opening(doing))?;
    identity::check_database(&writer, path.parent().unwrap_or(path))?;
    make_durable(&writer)?;
    Ok(writer)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Fault> {
    let reader = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX, READER_SETTINGS)?;
    // SQLite's own lower() knows ASCII only; names are compared as the core compares them.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    reader.create_scalar_function("fold_name", 1, flags, |call| {
        let name = call.get_raw(0).as_str().map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        Ok(dacapo_core::ids::fold_name(name))
    })?;
    Ok(reader)
}

/// Reads as of one moment: within the transaction that is open, or in one of its own.
pub(super) fn at_one_moment<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let _moment = connection.is_autocommit().then(|| connection.unchecked_transaction()).transpose()?;
    read(connection)
}

fn open(path: &Path, flags: OpenFlags, settings: &str) -> Result<Connection, Fault> {
    #[cfg_attr(not(test), expect(unused_mut, reason = "only tests watch what it runs"))]
    let mut connection = Connection::open_with_flags(path, flags)?;
    #[cfg(test)]
    super::plans::watch(&mut connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.execute_batch(COMMON_SETTINGS)?;
    connection.execute_batch(settings)?;
    Ok(connection)
}

/// SQLite ignores a setting that it cannot fulfil, so each is read back.
fn make_durable(connection: &Connection) -> Result<()> {
    for (setting, value, wanted) in DURABILITY {
        let set = || -> rusqlite::Result<String> {
            connection.pragma_update_and_check(None, setting, value, |_| Ok(())).or_else(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(()),
                other => Err(other),
            })?;
            connection.query_row(&format!("PRAGMA {setting}"), [], |row| {
                row.get::<_, rusqlite::types::Value>(0).map(|value| match value {
                    rusqlite::types::Value::Text(text) => text,
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    other => format!("{other:?}"),
                })
            })
        };
        let found = set().map_err(|source| Fault::from(source).while_opening("setting up the database"))?;
        if found != wanted {
            return Err(StoreError::NotDurable { setting, wanted, found });
        }
    }
    Ok(())
}

/// The connections that read, each used by one thread at a time.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    /// Idle ones and those in use.
    open: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs `read` on a connection of its own; waits for one while all are in use.
    pub(super) fn read<T>(&self, doing: &'static str, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T> {
        let lease = self.lease().map_err(|fault| fault.while_doing(doing))?;
        read(lease.connection()).map_err(|fault| fault.while_doing(doing))
    }

    fn lease(&self) -> Result<Lease<'_>, Fault> {
        let mut pool = self.pool();
        while pool.idle.is_empty() && pool.open >= MAX_READERS {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        let mut lease = Lease { readers: self, connection: pool.idle.pop() };
        if lease.connection.is_none() {
            pool.open += 1;
            drop(pool);
            lease.connection = Some(open_reader(&self.path)?);
        }
        Ok(lease)
    }

    /// All the connections there can be.
    #[cfg(test)]
    pub(super) fn take_all(&self) -> Vec<Lease<'_>> {
        (0..MAX_READERS).map(|_| self.lease().expect("opens")).collect()
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan. It goes back when this is dropped, by a panic too.
pub(super) struct Lease<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Lease<'_> {
    pub(super) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a lease that was handed out has its connection until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        match self.connection.take() {
            Some(connection) => pool.idle.push(connection),
            None => pool.open -= 1,
        }
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_cannot_be_durable_is_refused() {
        // A database in memory has no log, and says so only when asked.
        let connection = Connection::open_in_memory().expect("opens");
        let error = make_durable(&connection).expect_err("not durable");
        assert!(
            matches!(error, StoreError::NotDurable { setting: "journal_mode", wanted: "wal", ref found } if found == "memory"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_is_free_at_once_although_a_child_process_still_has_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = FolderLock::take(folder.path()).expect("free");
        let child_has = lock.file.try_clone().expect("the same open file");
        assert!(matches!(FolderLock::take(folder.path()), Err(StoreError::InUse { .. })));
        drop(lock);
        FolderLock::take(folder.path()).expect("free again");
        drop(child_has);
    }

    #[test]
    fn the_write_connection_is_set_up_as_meant() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = open_writer(&folder.path().join("test.db")).expect("opens");
        let text = writer.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
        assert_eq!(text, Ok("wal".to_owned()));
        let expected = [
            ("synchronous", 2),
            ("fullfsync", 1),
            ("checkpoint_fullfsync", 1),
            ("mmap_size", 0),
            ("foreign_keys", 0),
            ("busy_timeout", 5_000),
        ];
        for (setting, value) in expected {
            let found = writer.query_row(&format!("PRAGMA {setting}"), [], |row| row.get::<_, i64>(0));
            assert_eq!(found, Ok(value), "{setting}");
        }
    }
}
