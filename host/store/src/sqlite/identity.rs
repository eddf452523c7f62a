//! What shows that a database is ours, and that it belongs to the folder it lies in.
//!
//! A store has an id, drawn when its tables are made. It stands in the database and, in [`ID_FILE`], beside it: a database
//! that went missing, or that another one was put in the place of, is noticed before anything is served. The file is
//! written after the id is durable, and the database then says that it was (`is_announced`): a crash in between leaves
//! nothing that could be taken for a loss.

use super::FILE_NAME;
use super::fault::Fault;
use crate::{Result, StoreError};
use rusqlite::Connection;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// The file with the id of the store.
pub const ID_FILE: &str = "dacapo.id";
/// The folder of compiled modules: it is made once a store is there.
const COMPILED: &str = "compiled";
/// "Daca", in the header of the database. The first releases did not set it.
pub(super) const APPLICATION_ID: i64 = 0x4461_6361;
/// The first schema version with an application id and a store id.
pub(super) const IDENTIFIED: u32 = 4;
/// A database of SQLite begins with a header of this size.
const HEADER_BYTES: u64 = 100;

/// A folder in which there was a store must have its database.
pub(super) fn check_folder(folder: &Path) -> Result<()> {
    let size_bytes = |name: &str| std::fs::metadata(folder.join(name)).map(|file| file.len()).ok();
    let found = match size_bytes(FILE_NAME) {
        Some(bytes) if bytes >= HEADER_BYTES => return Ok(()),
        Some(bytes) => format!("{FILE_NAME} has {bytes} bytes"),
        None => format!("{FILE_NAME} is missing"),
    };
    let log = format!("{FILE_NAME}-wal");
    let traces = [
        (ID_FILE, folder.join(ID_FILE).exists()),
        (COMPILED, folder.join(COMPILED).is_dir()),
        (&*log, size_bytes(&log).is_some_and(|bytes| bytes > 0)),
    ];
    let traces: Vec<&str> = traces.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect();
    if traces.is_empty() {
        return Ok(());
    }
    let traces = traces.join(", ");
    Err(suspect(
        folder,
        format!(
            "{found}, although there was a store here (found: {traces}). Put the database back, from a backup if need be; \
             to begin anew with nothing, name another folder"
        ),
    ))
}

fn suspect(folder: &Path, found: String) -> StoreError {
    StoreError::Suspect { folder: folder.display().to_string(), found }
}

/// A database that holds anything must be ours. Nothing has been written to it so far.
pub(super) fn check_database(connection: &Connection, folder: &Path) -> Result<()> {
    let doing = "looking at the database";
    let marks = marks(connection).map_err(|fault| fault.while_doing(doing))?;
    match marks {
        Marks { tables: 0, application: 0, version: 0, .. } => Ok(()),
        Marks { application: APPLICATION_ID, .. } => Ok(()),
        Marks { application: 0, version: 1..IDENTIFIED, has_ours: true, .. } => Ok(()),
        Marks { application, version, .. } => Err(suspect(
            folder,
            format!(
                "{FILE_NAME} is the database of another program (application id {application:#010x}, version {version}); \
                 name another folder"
            ),
        )),
    }
}

struct Marks {
    application: i64,
    version: u32,
    tables: u64,
    has_ours: bool,
}

fn marks(connection: &Connection) -> Result<Marks, Fault> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let ours = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('instances', 'history', 'inbox')";
    Ok(Marks {
        application: number("PRAGMA application_id")?,
        version: connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        tables: number("SELECT count(*) FROM sqlite_schema")?.unsigned_abs(),
        has_ours: number(ours)? == 3,
    })
}

/// Compares the ids in the database and in the folder.
pub(super) fn check_id(connection: &Connection, folder: &Path) -> Result<()> {
    let (id, is_announced) = read(connection).map_err(|fault| fault.while_doing("reading the store's id"))?;
    let file = folder.join(ID_FILE);
    let found = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_announced => return Ok(()),
        Err(error) => {
            let say = "if that is the database which belongs here, write the id into the file";
            return Err(suspect(
                folder,
                format!("{ID_FILE} cannot be read ({error}); {FILE_NAME} has the id {id}: {say}"),
            ));
        }
    };
    if found.trim() == id {
        return Ok(());
    }
    let say = "they are of different stores: put the one that belongs here back";
    Err(suspect(folder, format!("{FILE_NAME} has the id {id}, {ID_FILE} says {:?}; {say}", found.trim())))
}

/// Writes the id beside the database, where that has not been done.
pub(super) fn announce(connection: &Connection, folder: &Path) -> Result<()> {
    let doing = "writing the store's id";
    let (id, is_announced) = read(connection).map_err(|fault| fault.while_doing(doing))?;
    if is_announced {
        return Ok(());
    }
    write_file(folder, &id).map_err(|source| StoreError::Engine { doing, source: source.into() })?;
    let announced = connection.execute("UPDATE store SET is_announced = 1", []);
    announced.map(drop).map_err(|error| Fault::from(error).while_doing(doing))
}

/// Writes [`ID_FILE`], durably.
pub(super) fn write_file(folder: &Path, id: &str) -> std::io::Result<()> {
    // Under another name first: what is half written when the power goes is not taken for an id.
    let new = folder.join(ID_FILE).with_extension("id-new");
    let mut file = File::create(&new)?;
    file.write_all(format!("{id}\n").as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, folder.join(ID_FILE))?;
    File::open(folder)?.sync_all()
}

/// The id, and whether the folder has it.
pub(super) fn read(connection: &Connection) -> Result<(String, bool), Fault> {
    Ok(connection.query_row("SELECT id, is_announced FROM store", [], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
