//! One file on one machine: a store in SQLite.
//!
//! | file | holds |
//! |---|---|
//! | `connect` | the folder, its lock, the connections and their settings |
//! | `recover` | what a crash has left is on the disk before anybody reads it |
//! | `schema` | the tables and how they came to be |
//! | `identity`, `log` | what shows that folder, database and log are what they were |
//! | `check`, `backup` | looks through a store; copies one that is in use |
//! | `fault` | what can go wrong on the way, and what each error of SQLite means |
//! | `damage` | rows that cannot be read |
//! | `writer` | one batch, one transaction |
//! | `checkpoint` | what was committed is moved to its place |
//! | `room` | the reserve for a full disk |
//! | `instances`, `turns`, `inbox`, `modules` | what is written and read of each |
//! | `outbox` | what a turn sends to other instances |
//! | `queries`, `created` | what is asked about many instances, and how a span of time is found |
//! | `walk`, `totals`, `pins` | bounds of what one question costs |
//! | `playing` | who was being played when a process ended |

mod backup;
mod check;
mod checkpoint;
mod connect;
mod created;
mod damage;
mod fault;
mod identity;
mod inbox;
mod instances;
mod log;
mod modules;
mod outbox;
mod pins;
#[cfg(test)]
mod plans;
mod playing;
mod queries;
mod recover;
mod room;
mod schema;
mod totals;
mod turns;
mod walk;
mod writer;

use crate::model::{Instance, InstanceKey, ModuleVersion, Stored, VersionId};
use crate::query::{ContinueAfter, InstanceFilter, Page};
use crate::write::{Refused, Write, Written};
use crate::{Condition, Maintained, Result, Store, StoreError, asker};
pub use backup::backup;
pub use check::{Finding, Report, check};
use connect::{FolderLock, Readers};
use dacapo_core::{InboxEntry, InstanceId, Payload, StoredTurn};
pub use identity::ID_FILE;
use pins::Pins;
use playing::Playing;
use room::Room;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use writer::Writer;

/// The name of the database file in its folder.
pub const FILE_NAME: &str = "dacapo.db";

/// A store in one SQLite database.
///
/// The fields are dropped in this order: the last connection that closes moves the log into the database, and that has
/// to be the one that writes, while the lock is held.
#[derive(Debug)]
pub struct SqliteStore {
    /// For those outside; see [`crate::asker`].
    outside: Readers,
    engine: Readers,
    pins: Pins,
    writer: Mutex<Writer>,
    playing: Playing,
    path: PathBuf,
    has_room: Arc<AtomicBool>,
    _lock: FolderLock,
}

impl SqliteStore {
    /// Opens the store in `folder`, creating what is missing, for as long as the value lives.
    ///
    /// All that can be read when this returns is on the disk, also what a crash has left half written.
    ///
    /// Errors: `InUse`, `Suspect`, `NewerSchema`, `NotDurable`, `DiskFull`, `Engine`.
    pub fn open(folder: &Path) -> Result<Self> {
        connect::create_folder(folder)?;
        let lock = FolderLock::take(folder)?;
        identity::check_folder(folder)?;
        let path = folder.join(FILE_NAME);
        let last = log::check(&path)?;
        let mut room = Room::keep(folder);
        let connection = match recover::open(&path, last) {
            Err(StoreError::DiskFull { .. }) => {
                room.give_back();
                recover::open(&path, last)?
            }
            opened => opened?,
        };
        identity::check_id(&connection, folder)?;
        identity::announce(&connection, folder)?;
        let has_room = room.watch();
        let writer = Writer::new(connection, room).map_err(|fault| fault.while_doing("opening the database"))?;
        let [outside, engine] = [(); 2].map(|()| Readers::new(path.clone()));
        let (pins, playing) = (writer.pins(), Playing::open(folder));
        Ok(Self { outside, engine, pins, writer: Mutex::new(writer), playing, path, has_room, _lock: lock })
    }

    fn readers(&self) -> &Readers {
        if asker::is_outside() { &self.outside } else { &self.engine }
    }

    /// A panic within a commit has rolled it back; the connection is as good as before.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a failure of the disk the process ends, through no fault of those that are being played.
    fn told<T>(&self, done: Result<T>) -> Result<T> {
        done.inspect_err(|error| {
            if error.is_unknown() {
                self.playing.close();
            }
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.playing.close();
    }
}

impl Store for SqliteStore {
    fn commit(&self, batch: &[Write]) -> Result<Vec<std::result::Result<Written, Refused>>> {
        self.told(self.writer().commit(batch))
    }

    fn maintain(&self) -> Result<Maintained> {
        self.told(self.writer().maintain())
    }

    fn has_room(&self) -> bool {
        self.has_room.load(Ordering::Relaxed)
    }

    fn condition(&self) -> Condition {
        let log = std::fs::metadata(connect::log_of(&self.path));
        Condition {
            has_room: self.has_room(),
            log_bytes: log.map_or(0, |log| log.len()),
            free_disk_bytes: self.path.parent().and_then(room::free_bytes),
        }
    }

    fn plays(&self, key: InstanceKey) {
        self.playing.begin(key);
    }

    fn rests(&self, key: InstanceKey) {
        self.playing.end(key);
    }

    fn deaths(&self, key: InstanceKey) -> u32 {
        self.playing.deaths(key)
    }

    fn instance(&self, id: &InstanceId) -> Result<Option<Instance>> {
        self.readers().read("reading an instance", |reader| instances::by_id(reader, id))
    }

    fn load(&self, id: &InstanceId) -> Result<Option<Stored>> {
        self.readers().read("loading an instance", |reader| instances::load(reader, id))
    }

    fn history(&self, key: InstanceKey, generation: u32, from_seq: u64) -> Result<Vec<StoredTurn>> {
        self.readers().read("reading a history", |reader| turns::history(reader, key, generation, from_seq))
    }

    fn inbox(&self, key: InstanceKey) -> Result<Vec<InboxEntry>> {
        self.readers().read("reading an inbox", |reader| inbox::entries(reader, key))
    }

    fn list(&self, filter: &InstanceFilter, after: ContinueAfter, limit: usize) -> Result<Page> {
        self.readers().read("listing instances", |reader| queries::list(reader, filter, after, limit))
    }

    fn input(&self, key: InstanceKey) -> Result<Option<Payload>> {
        self.readers().read("reading an input", |reader| turns::input(reader, key))
    }

    fn busy(&self, after: InstanceKey, limit: usize) -> Result<Vec<(InstanceKey, InstanceId)>> {
        self.readers().read("looking for work", |reader| queries::busy(reader, after, limit))
    }

    fn timers(&self, after: (u64, InstanceKey), limit: usize) -> Result<Vec<(u64, InstanceKey, InstanceId)>> {
        self.readers().read("looking for timers", |reader| queries::timers(reader, after, limit))
    }

    fn modules(&self) -> Result<Vec<ModuleVersion>> {
        self.readers().read("reading the modules", modules::all)
    }

    fn pins(&self) -> Result<Vec<(VersionId, u64)>> {
        Ok(self.pins.all())
    }

    fn component(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        self.readers().read("reading a component", |reader| modules::component(reader, digest))
    }

    fn describe(&self) -> (&'static str, String) {
        ("sqlite", format!("sqlite {}, wal, synchronous=full", rusqlite::version()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_reads_while_those_outside_wait_for_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path()).expect("opens");
        let taken = store.outside.take_all();
        let list = || store.list(&InstanceFilter::default(), InstanceKey::ZERO, 10).expect("lists");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| asker::for_outside(list));
            // Would wait for ever, were it not for its own.
            assert_eq!(store.busy(InstanceKey::ZERO, 10).expect("reads"), []);
            assert_eq!(list(), Page::default());
            assert!(!waiting.is_finished());
            drop(taken);
            assert_eq!(waiting.join().expect("joins"), Page::default());
        });
    }
}
