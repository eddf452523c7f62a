//! A copy of a store, also of one that a server has open.

use super::connect::{self, FolderLock};
use super::fault::Fault;
use super::{FILE_NAME, identity, schema};
use crate::{Result, StoreError};
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;

/// The copy's name until it is whole.
const PARTIAL: &str = "dacapo.db.partial";

/// Copies the store in `from` into the folder `to`, which must be empty or not there. A server may go on with it: the copy
/// is what the store held at one moment, and everything that was acknowledged before it. The log of a store that is in use
/// grows while the copy is made.
///
/// Errors: `Suspect` (not a store of ours, or the folder is not empty), `Engine`.
pub fn backup(from: &Path, to: &Path) -> Result<()> {
    let suspect = |folder: &Path, found: String| StoreError::Suspect { folder: folder.display().to_string(), found };
    if !from.join(FILE_NAME).is_file() {
        return Err(suspect(from, format!("there is no {FILE_NAME} in it")));
    }
    let doing = "making a backup";
    let failed = |source: std::io::Error| StoreError::Engine { doing, source: source.into() };
    connect::create_folder(to)?;
    if std::fs::read_dir(to).map_err(failed)?.next().is_some() {
        return Err(suspect(to, "it is not empty: a backup is made into a folder of its own".to_owned()));
    }
    let _lock = FolderLock::take(to)?;
    let source = connect::open_reader(&from.join(FILE_NAME)).map_err(|fault| fault.while_doing(doing))?;
    identity::check_database(&source, from)?;
    let id = copy(&source, &to.join(PARTIAL)).map_err(|fault| fault.while_doing(doing))?;
    settle(to, id.as_deref()).map_err(failed)
}

/// The id of the store, if it has one.
fn copy(source: &Connection, target: &Path) -> Result<Option<String>, Fault> {
    // One statement, so one moment of the source.
    source.execute("VACUUM INTO ?1", [target.to_string_lossy()])?;
    if schema::version(source)? < identity::IDENTIFIED {
        return Ok(None);
    }
    Ok(Some(identity::read(source)?.0))
}

/// SQLite does not sync the copy.
fn settle(to: &Path, id: Option<&str>) -> std::io::Result<()> {
    let partial = to.join(PARTIAL);
    File::open(&partial)?.sync_all()?;
    std::fs::rename(&partial, to.join(FILE_NAME))?;
    match id {
        Some(id) => identity::write_file(to, id),
        None => File::open(to)?.sync_all(),
    }
}
