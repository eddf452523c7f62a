//! One file on one machine: a store in SQLite.
//!
//! | file | holds |
//! |---|---|
//! | `connect` | the folder, its lock, the connections and their settings |
//! | `schema` | the tables and how they came to be |
//! | `identity`, `log` | what shows that folder, database and log are what they were |
//! | `check`, `backup` | looks through a store; copies one that is in use |
//! | `fault` | what can go wrong on the way |
//! | `damage` | rows that cannot be read |
//! | `writer` | one batch, one transaction |
//! | `instances`, `turns`, `inbox`, `modules` | what is written and read of each |
//! | `outgoing` | what a turn sends to other instances |
//! | `queries`, `created` | what is asked about many instances, and how a span of time is found |

mod backup;
mod check;
mod connect;
mod created;
mod damage;
mod fault;
mod identity;
mod inbox;
mod instances;
mod log;
mod modules;
mod outgoing;
mod queries;
mod schema;
mod turns;
mod writer;

use crate::model::{Instance, InstanceKey, ModuleVersion, Stored, VersionId};
use crate::query::{ContinueAfter, InstanceFilter, Page};
use crate::write::{Refused, Write, Written};
use crate::{Result, Store};
pub use backup::backup;
pub use check::{Finding, Report, check};
use connect::{FolderLock, Readers};
use dacapo_core::{InboxEntry, InstanceId, Payload, StoredTurn};
pub use identity::ID_FILE;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use writer::Writer;

/// The name of the database file in its folder.
pub const FILE_NAME: &str = "dacapo.db";

/// A store in one SQLite database.
///
/// The fields are dropped in this order: the last connection that closes moves the log into the database, and that has
/// to be the one that writes, while the lock is held.
#[derive(Debug)]
pub struct SqliteStore {
    readers: Readers,
    writer: Mutex<Writer>,
    _lock: FolderLock,
}

impl SqliteStore {
    /// Opens the store in `folder`, creating what is missing, for as long as the value lives.
    ///
    /// Errors: `InUse`, `Suspect`, `NewerSchema`, `NotDurable`, `Engine`.
    pub fn open(folder: &Path) -> Result<Self> {
        connect::create_folder(folder)?;
        let lock = FolderLock::take(folder)?;
        identity::check_folder(folder)?;
        let path = folder.join(FILE_NAME);
        log::check(&path)?;
        let mut connection = connect::open_writer(&path)?;
        schema::migrate(&mut connection)?;
        identity::check_id(&connection, folder)?;
        identity::announce(&connection, folder)?;
        let writer = Writer::new(connection).map_err(|fault| fault.while_doing("opening the database"))?;
        Ok(Self { readers: Readers::new(path), writer: Mutex::new(writer), _lock: lock })
    }
}

impl Store for SqliteStore {
    fn commit(&self, batch: &[Write]) -> Result<Vec<std::result::Result<Written, Refused>>> {
        // A panic within a commit has rolled it back; the connection is as good as before.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.commit(batch).map_err(|fault| fault.while_doing("committing a batch"))
    }

    fn instance(&self, id: &InstanceId) -> Result<Option<Instance>> {
        self.readers.read("reading an instance", |reader| instances::by_id(reader, id))
    }

    fn load(&self, id: &InstanceId) -> Result<Option<Stored>> {
        self.readers.read("loading an instance", |reader| instances::load(reader, id))
    }

    fn history(&self, key: InstanceKey, generation: u32, from_seq: u64) -> Result<Vec<StoredTurn>> {
        self.readers.read("reading a history", |reader| turns::history(reader, key, generation, from_seq))
    }

    fn inbox(&self, key: InstanceKey) -> Result<Vec<InboxEntry>> {
        self.readers.read("reading an inbox", |reader| inbox::entries(reader, key))
    }

    fn list(&self, filter: &InstanceFilter, after: ContinueAfter, limit: usize) -> Result<Page> {
        self.readers.read("listing instances", |reader| queries::list(reader, filter, after, limit))
    }

    fn input(&self, key: InstanceKey) -> Result<Option<Payload>> {
        self.readers.read("reading an input", |reader| turns::input(reader, key))
    }

    fn busy(&self, after: InstanceKey, limit: usize) -> Result<Vec<(InstanceKey, InstanceId)>> {
        self.readers.read("looking for work", |reader| queries::busy(reader, after, limit))
    }

    fn timers(&self, after: (u64, InstanceKey), limit: usize) -> Result<Vec<(u64, InstanceKey, InstanceId)>> {
        self.readers.read("looking for timers", |reader| queries::timers(reader, after, limit))
    }

    fn modules(&self) -> Result<Vec<ModuleVersion>> {
        self.readers.read("reading the modules", modules::all)
    }

    fn pins(&self) -> Result<Vec<(VersionId, u64)>> {
        self.readers.read("counting pinned instances", instances::pins)
    }

    fn component(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        self.readers.read("reading a component", |reader| modules::component(reader, digest))
    }

    fn describe(&self) -> (&'static str, String) {
        ("sqlite", format!("sqlite {}, wal, synchronous=full", rusqlite::version()))
    }
}
