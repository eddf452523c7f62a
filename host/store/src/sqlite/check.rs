//! Looks through a store that nobody serves, and says what is not as it must be. Writes nothing.

use super::connect::{self, FolderLock};
use super::damage::reading;
use super::fault::Fault;
use super::instances::{from_row, instance_columns};
use super::{FILE_NAME, identity, inbox, log, modules, schema, turns};
use crate::{Instance, Result, StoreError};
use dacapo_core::history::CorruptHistory;
use dacapo_core::{Event, StoredTurn};
use rusqlite::{Connection, Row};
use std::collections::BTreeSet;
use std::path::Path;

/// Findings that are kept; further ones are counted.
const KEPT: usize = 1_000;

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The id of the store; empty before the schema has one.
    pub store_id: String,
    /// The version of the schema. One that is older than what this program writes is not looked into: a start upgrades it.
    pub schema_version: u32,
    /// The version that this program writes.
    pub newest_version: u32,
    /// Instances looked at.
    pub instances: u64,
    /// Of those, how many have not ended.
    pub unfinished: u64,
    /// Records looked at.
    pub records: u64,
    /// Inbox entries looked at.
    pub entries: u64,
    /// Components looked at.
    pub components: u64,
    /// What is not as it must be; the first 1,000.
    pub findings: Vec<Finding>,
    /// How many findings there were in all.
    pub found: u64,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: "instance 'a' (key 7)", say.
    pub place: String,
    /// What.
    pub what: String,
}

impl Report {
    /// Whether everything is as it must be.
    pub fn is_sound(&self) -> bool {
        self.found == 0
    }

    fn add(&mut self, place: impl Into<String>, what: impl std::fmt::Display) {
        self.found += 1;
        if self.findings.len() < KEPT {
            self.findings.push(Finding { place: place.into(), what: what.to_string() });
        }
    }
}

/// Looks through the store in `folder`, which must not be in use.
///
/// Errors: `InUse`, `Suspect` (there is nothing to look through, or not ours), `NewerSchema`, `Engine`.
pub fn check(folder: &Path) -> Result<Report> {
    if !folder.join(FILE_NAME).is_file() {
        let found = format!("there is no {FILE_NAME} in it");
        return Err(StoreError::Suspect { folder: folder.display().to_string(), found });
    }
    let _lock = FolderLock::take(folder)?;
    identity::check_folder(folder)?;
    let path = folder.join(FILE_NAME);
    let mut report = Report { newest_version: schema::newest(), ..Report::default() };
    if let Err(error) = log::check(&path) {
        report.add("the log", error);
    }
    let doing = "looking through the store";
    let connection = connect::open_reader(&path).map_err(|fault| fault.while_doing(doing))?;
    identity::check_database(&connection, folder)?;
    report.schema_version = schema::version(&connection).map_err(|fault| fault.while_doing(doing))?;
    if report.schema_version > report.newest_version {
        let (found, supported) = (report.schema_version, report.newest_version);
        return Err(StoreError::NewerSchema { found, supported });
    }
    look_through(&connection, folder, &mut report).map_err(|fault| fault.while_doing(doing))?;
    Ok(report)
}

fn look_through(connection: &Connection, folder: &Path, report: &mut Report) -> Result<(), Fault> {
    pages(connection, report)?;
    if report.schema_version < report.newest_version {
        return Ok(());
    }
    report.store_id = identity::read(connection)?.0;
    if let Err(error) = identity::check_id(connection, folder) {
        report.add("the folder", error);
    }
    components(connection, report)?;
    instances(connection, report)?;
    strays(connection, report)
}

/// SQLite's own look at its pages, indexes and columns.
fn pages(connection: &Connection, report: &mut Report) -> Result<(), Fault> {
    let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            report.add("the database", said);
        }
    }
    Ok(())
}

/// A finding for what cannot be read; an error for an engine that does not answer.
fn found<T>(report: &mut Report, place: &str, read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(fault) => match fault.while_doing("reading") {
            error if error.is_lasting() => {
                report.add(place, error);
                Ok(None)
            }
            error => Err(error.into()),
        },
    }
}

fn components(connection: &Connection, report: &mut Report) -> Result<(), Fault> {
    let mut statement = connection.prepare("SELECT id, module, version, digest FROM versions ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let read = reading("versions", row, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?))
        });
        let Some((id, module, version, digest)) = found(report, "a module version", read)? else { continue };
        let place = format!("version {version} of the module '{module}' (key {id})");
        found(report, &place, modules::version(connection, id))?;
        report.components += 1;
        if let Some(None) = found(report, &place, modules::component(connection, &digest))? {
            report.add(place, format!("its component {digest} is missing"));
        }
    }
    Ok(())
}

fn instances(connection: &Connection, report: &mut Report) -> Result<(), Fault> {
    const SQL: &str = concat!("SELECT ", instance_columns!(), ", has_work FROM instances ORDER BY key");
    let mut statement = connection.prepare(SQL)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        report.instances += 1;
        let place = named(row);
        let Some(instance) = found(report, &place, from_row(row))? else { continue };
        let has_work = found(report, &place, reading("instances", row, |row| row.get::<_, bool>("has_work")))?;
        one(connection, &instance, &place, report)?;
        if has_work.is_some_and(|has_work| has_work != instance.has_work()) {
            report.add(&place, format!("its flag has_work is {}", !instance.has_work()));
        }
    }
    Ok(())
}

/// An instance by its key and what stands in the place of its id.
fn named(row: &Row<'_>) -> String {
    let id = row.get_ref(12).map(|id| id.as_bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned());
    let key = row.get::<_, i64>(0).unwrap_or_default();
    format!("instance '{}' (key {key})", id.unwrap_or_default().escape_debug())
}

fn one(connection: &Connection, instance: &Instance, place: &str, report: &mut Report) -> Result<(), Fault> {
    let Instance { key, generation, status, .. } = instance;
    let turns = found(report, place, turns::history(connection, *key, *generation, 0))?;
    if let Some(turns) = turns {
        report.records += turns.len() as u64;
        for what in wrong(&turns) {
            report.add(place, what);
        }
    }
    if let Some(entries) = found(report, place, inbox::entries(connection, *key))? {
        report.entries += entries.len() as u64;
    }
    let others = "SELECT count(*) FROM history WHERE instance = ?1 AND generation <> ?2";
    let others: u64 = connection.prepare_cached(others)?.query_row((key.0, *generation), |row| row.get(0))?;
    if others > 0 {
        report.add(place, format!("{others} records of other executions are there"));
    }
    if status.is_finished() {
        if instance.wake_at_ms.is_some() || instance.open_activities {
            report.add(place, format!("it is {status}, and has a timer or activities in flight"));
        }
        return Ok(());
    }
    report.unfinished += 1;
    if !modules::exists(connection, instance.version)? {
        report.add(place, format!("the version that it is pinned to (key {}) is missing", instance.version.0));
    }
    Ok(())
}

/// What of a history could not have been written: no guest is asked.
fn wrong(turns: &[StoredTurn]) -> Vec<CorruptHistory> {
    let mut wrong = Vec::new();
    let opening = turns.first().map(|turn| turn.record.events.as_slice());
    let has_opening =
        matches!(opening, Some([Event::ExecutionStarted { .. }, kept @ ..]) if kept.iter().all(Event::is_arrival));
    if !has_opening {
        wrong.push(CorruptHistory::NoOpening);
    }
    let mut commands: u64 = 0;
    for StoredTurn { seq, record } in turns {
        match record.clone().split(*seq) {
            Err(error) => wrong.push(error),
            Ok((arrivals, asked)) => {
                let unknown = arrivals.iter().filter_map(answered).find(|task| u64::from(*task) >= commands);
                if let Some(task) = unknown {
                    let reason = format!("an answer to task {task} arrived; there were {commands} tasks");
                    wrong.push(CorruptHistory::Impossible { seq: *seq, reason });
                }
                commands += asked.len() as u64;
            }
        }
    }
    wrong
}

/// The task that an arrival answers.
fn answered(event: &Event) -> Option<u32> {
    match event {
        Event::TaskCompleted { task, .. }
        | Event::TaskFailed { task, .. }
        | Event::TimerFired { task }
        | Event::ChildCompleted { task, .. }
        | Event::ChildFailed { task, .. }
        | Event::RetryScheduled { task, .. }
        | Event::PollScheduled { task, .. } => Some(task.0),
        _ => None,
    }
}

/// Rows that belong to nobody.
fn strays(connection: &Connection, report: &mut Report) -> Result<(), Fault> {
    for table in ["history", "inbox"] {
        let sql = format!(
            "SELECT DISTINCT instance FROM {table} WHERE instance NOT IN (SELECT key FROM instances) LIMIT 100"
        );
        let mut statement = connection.prepare(&sql)?;
        let keys = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<rusqlite::Result<BTreeSet<_>>>()?;
        for key in keys {
            report
                .add(format!("instance key {key}"), format!("there are rows of it in `{table}`, and no such instance"));
        }
    }
    Ok(())
}
