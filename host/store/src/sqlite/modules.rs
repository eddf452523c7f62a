//! Modules: their versions and components.

use super::damage::{bad, reading, skip};
use super::fault::{Fault, Halt};
use super::instances::integer;
use super::pins::PinChanges;
use crate::StoreError;
use crate::model::{ModuleVersion, VersionId};
use crate::rules;
use crate::write::{NewModule, Refused, Written};
use dacapo_core::ids::sha256_hex;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};

macro_rules! select_versions {
    ($rest:literal) => {
        concat!(
            "SELECT id, module, version, active, digest, size_bytes, created_at_ms, orchestrators, activities, imports ",
            "FROM versions ",
            $rest
        )
    };
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ModuleVersion> {
    Ok(ModuleVersion {
        id: VersionId(row.get(0)?),
        module: row.get(1)?,
        version: row.get(2)?,
        active: row.get(3)?,
        digest: row.get(4)?,
        size_bytes: row.get(5)?,
        created_at_ms: row.get(6)?,
        orchestrators: names_at(row, 7)?,
        activities: names_at(row, 8)?,
        imports: names_at(row, 9)?,
    })
}

fn names_at(row: &Row<'_>, at: usize) -> rusqlite::Result<Vec<String>> {
    let text: String = row.get(at)?;
    serde_json::from_str(&text).map_err(|error| bad(at, error))
}

fn names(names: &[String]) -> String {
    serde_json::to_string(names).expect("a list of texts always serialises")
}

/// Versions that cannot be read are left out: what is pinned to one stands still, and its component can be deployed anew.
fn select(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<ModuleVersion>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let versions = statement.query_and_then(params, |row| skip(reading("versions", row, from_row)))?;
    versions.filter_map(Result::transpose).collect()
}

fn select_one(connection: &Connection, sql: &str, params: impl Params) -> Result<Option<ModuleVersion>, Fault> {
    Ok(select(connection, sql, params)?.into_iter().next())
}

/// All versions of all modules.
pub(super) fn all(connection: &Connection) -> Result<Vec<ModuleVersion>, Fault> {
    select(connection, select_versions!("ORDER BY module, version"), [])
}

/// The component with this digest.
pub(super) fn component(connection: &Connection, digest: &str) -> Result<Option<Vec<u8>>, Fault> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM components WHERE digest = ?1")?;
    let found: Option<Vec<u8>> = statement.query_row([digest], |row| row.get(0)).optional()?;
    if found.as_ref().is_some_and(|bytes| sha256_hex(bytes) != digest) {
        let reason = "the bytes are not those that were deployed; deploy the same component again".to_owned();
        let (table, key, column) = ("components", digest.to_owned(), "bytes".to_owned());
        return Err(StoreError::BadRow { table, key, column, reason, rest: None }.into());
    }
    Ok(found)
}

/// One version, or why it cannot be read.
pub(super) fn version(connection: &Connection, id: i64) -> Result<Option<ModuleVersion>, Fault> {
    let mut statement = connection.prepare_cached(select_versions!("WHERE id = ?1"))?;
    statement.query_and_then([id], |row| reading("versions", row, from_row))?.next().transpose()
}

/// Whether there is such a version.
pub(super) fn exists(connection: &Connection, id: VersionId) -> Result<bool, Fault> {
    Ok(connection.prepare_cached("SELECT 1 FROM versions WHERE id = ?1")?.exists([id.0])?)
}

fn of_module(connection: &Connection, module: &str) -> Result<Vec<ModuleVersion>, Fault> {
    select(connection, select_versions!("WHERE module = ?1 ORDER BY version"), [module])
}

fn active(connection: &Connection) -> Result<Vec<ModuleVersion>, Fault> {
    select(connection, select_versions!("WHERE active = 1 ORDER BY module, version"), [])
}

/// [`crate::Write::AddModule`].
pub(super) fn add(connection: &Connection, new: &NewModule) -> Result<Written, Halt> {
    rules::check_names(&active(connection)?, &new.module, rules::exports(&new.orchestrators, &new.activities))?;
    let same = select_versions!("WHERE module = ?1 AND digest = ?2");
    let known = select_one(connection, same, [&new.module, &new.digest])?;
    keep_component(connection, new)?;
    let added = known.is_none();
    let version = match known {
        Some(version) => version,
        None => insert(connection, new)?,
    };
    activate(connection, &version)?;
    let versions = of_module(connection, &version.module)?;
    Ok(Written::ModuleAdded { version: ModuleVersion { active: true, ..version }, added, versions })
}

fn insert(connection: &Connection, new: &NewModule) -> Result<ModuleVersion, Fault> {
    let mut next = connection.prepare_cached(
        "INSERT INTO modules (name, last_version) VALUES (?1, 1) \
         ON CONFLICT (name) DO UPDATE SET last_version = last_version + 1 RETURNING last_version",
    )?;
    let number = next.query_row([&new.module], |row| row.get(0))?;
    let version = rules::new_version(VersionId(0), number, new);
    let mut row = connection.prepare_cached(
        "INSERT INTO versions (module, version, active, digest, size_bytes, created_at_ms, orchestrators, activities, \
             imports) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let id = row.insert(params![
        version.module,
        version.version,
        version.digest,
        integer(version.size_bytes),
        integer(version.created_at_ms),
        names(&version.orchestrators),
        names(&version.activities),
        names(&version.imports),
    ])?;
    Ok(ModuleVersion { id: VersionId(id), ..version })
}

/// The digest is the content: what is there already is the same, unless it was damaged.
fn keep_component(connection: &Connection, new: &NewModule) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO components (digest, bytes) VALUES (?1, ?2) \
         ON CONFLICT DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes",
    )?;
    statement.execute(params![new.digest, new.component])?;
    Ok(())
}

fn activate(connection: &Connection, version: &ModuleVersion) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE versions SET active = (id = ?2) WHERE module = ?1")?
        .execute(params![version.module, version.id.0])?;
    Ok(())
}

/// [`crate::Write::Activate`].
pub(super) fn activate_again(connection: &Connection, id: VersionId) -> Result<Written, Halt> {
    let version = select_one(connection, select_versions!("WHERE id = ?1"), [id.0])?.ok_or(Refused::UnknownVersion)?;
    check_free(connection, &version)?;
    activate(connection, &version)?;
    Ok(Written::ModuleChanged { versions: of_module(connection, &version.module)? })
}

/// Nobody else has the names of a version that is to become active.
fn check_free(connection: &Connection, version: &ModuleVersion) -> Result<(), Halt> {
    let functions = rules::exports(&version.orchestrators, &version.activities);
    Ok(rules::check_names(&active(connection)?, &version.module, functions)?)
}

/// [`crate::Write::DeleteVersion`].
pub(super) fn delete(connection: &Connection, pins: &PinChanges, id: VersionId) -> Result<Written, Halt> {
    let version = select_one(connection, select_versions!("WHERE id = ?1"), [id.0])?.ok_or(Refused::UnknownVersion)?;
    let instances = pins.of(id);
    if instances > 0 {
        return Err(Refused::Pinned { instances }.into());
    }
    let left = select_versions!("WHERE module = ?1 AND id <> ?2 ORDER BY version DESC LIMIT 1");
    let next = select_one(connection, left, params![version.module, id.0])?.filter(|_| version.active);
    if let Some(next) = &next {
        check_free(connection, next)?;
    }
    connection.prepare_cached("DELETE FROM versions WHERE id = ?1")?.execute([id.0])?;
    let unused = "DELETE FROM components WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM versions WHERE digest = ?1)";
    connection.prepare_cached(unused)?.execute([&version.digest])?;
    if let Some(next) = next {
        activate(connection, &next)?;
    }
    Ok(Written::ModuleChanged { versions: of_module(connection, &version.module)? })
}
