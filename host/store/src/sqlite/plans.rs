//! Every statement finds what it needs by an index: shown by SQLite's own plans of all that a life of a store runs.

use crate::conformance::Fixture;
use crate::conformance::fixture::{id, new_instance, new_module, purge, raised, record, turn};
use crate::model::{InstanceKey, Parent};
use crate::query::InstanceFilter;
use crate::sqlite::SqliteStore;
use crate::write::{NewInstance, NextExecution, OutboxEntry, TurnWrite, Write, Written};
use dacapo_core::{By, Event, RuntimeStatus, TaskId};
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// All that connections of this process have run.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Writes down what a connection runs from now on.
pub(super) fn watch(connection: &mut Connection) -> rusqlite::Result<()> {
    let note = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(statement.sql().into_owned());
        }
    };
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note))
}

/// The newest instance, and no more; and what is counted once, when the store is opened.
const ALLOWED: [&str; 2] = ["SELECT created_at_ms FROM instances ORDER BY key DESC LIMIT 1", super::pins::COUNT];

#[test]
fn no_statement_walks_through_what_may_be_many() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let fixture = Fixture::durable(move || SqliteStore::open(&path).expect("opens"));
    let seen_by_others = SEEN.lock().unwrap_or_else(PoisonError::into_inner).len();
    write_everything(&fixture);
    read_everything(&fixture);
    drop(fixture);

    let store = SqliteStore::open(folder.path()).expect("opens");
    let lease = store.engine.take_all().pop().expect("a connection");
    let statements = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ours = |sql: &&String| {
        ["SELECT ", "UPDATE ", "INSERT ", "DELETE "].iter().any(|verb| sql.starts_with(verb))
            && ["instances", "history", "inbox", "versions"].iter().any(|table| sql.contains(table))
            && !ALLOWED.contains(&sql.as_str())
            // What a test asks of a store in its own words.
            && !sql.contains("sum(") && !sql.contains("sqlite_schema")
    };
    let mut looked_at = 0;
    for sql in statements.iter().filter(ours) {
        looked_at += 1;
        for step in plan(lease.connection(), sql) {
            let walks = ["SCAN instances", "SCAN history", "SCAN inbox"].iter().any(|walk| step.starts_with(walk));
            let sorts = step.starts_with("USE TEMP B-TREE") && !sql.contains("versions");
            assert!(!walks && !sorts, "{step}: {sql}");
        }
    }
    assert!(looked_at >= 40, "{looked_at} statements (and {seen_by_others} before)");
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|error| panic!("{error}: {sql}"));
    for index in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(index, 1).expect("binds");
    }
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().expect("explains") {
        steps.push(row.get(3).expect("text"));
    }
    steps
}

fn write_everything(fixture: &Fixture) {
    let version = fixture.some_version();
    let other = fixture.version("other");
    fixture.done(Write::Activate(other));
    for text in ["a", "b", "c", "d"] {
        fixture.create(text);
    }
    fixture.finish("d", RuntimeStatus::Failed);
    fixture.done(Write::Reopen { id: id("d"), reason: "again".to_owned(), by: By::Client });
    fixture.finish("d", RuntimeStatus::Completed);
    fixture.create("d");
    fixture.done(Write::Repin { fence: fixture.get("c").fence(), version: other });
    let _ = fixture.raise("nobody", "E");
    fixture.raise("a", "E").expect("delivered");
    send_everything(fixture);
    let next = NextExecution { opening: new_instance("a", version).opening.encode(), version };
    fixture.done(Write::Turn(TurnWrite { next: Some(next), inbox_done: 1, ..fixture.next_turn("a") }));
    fixture.done(purge("b", true));
    let added = fixture.done(Write::AddModule(new_module("short-lived", "d7", &["Short"])));
    let Written::ModuleAdded { version, .. } = added else { panic!("{added:?}") };
    fixture.done(Write::DeleteVersion(version.id));
}

fn send_everything(fixture: &Fixture) {
    let a = fixture.get("a");
    let parent = Parent { key: a.key, id: a.id.clone(), generation: 0, task: TaskId(0), waits: true };
    let child = |text: &str| NewInstance { parent: Some(parent.clone()), ..new_instance(text, a.version) };
    let outbox = vec![
        OutboxEntry::Start { new: child("child"), rewind: None },
        OutboxEntry::Start { new: child("child"), rewind: Some("again".to_owned()) },
        OutboxEntry::Start { new: child("c"), rewind: None },
        OutboxEntry::Event(raised("c", "F")),
        OutboxEntry::Ended { parent: parent.clone(), event: record(1).events.remove(0) },
        OutboxEntry::ToSelf(Event::ExecutionTerminated { reason: String::new(), recursive: false, by: None }),
        OutboxEntry::EndChildren { reason: "enough".to_owned(), by: By::Client },
    ];
    let moved = TurnWrite { wake_at_ms: Some(5), open_activities: true, outbox, ..turn(&a) };
    fixture.done(Write::Turn(moved));
}

fn read_everything(fixture: &Fixture) {
    fixture.observe();
    let all = InstanceFilter::default();
    let filters = [
        InstanceFilter { name: Some("flow".to_owned()), ..all.clone() },
        InstanceFilter { id_prefix: Some("a".to_owned()), ..all.clone() },
        InstanceFilter { statuses: vec![RuntimeStatus::Running, RuntimeStatus::Failed], ..all.clone() },
        InstanceFilter { name: Some("f".to_owned()), statuses: vec![RuntimeStatus::Running], ..all.clone() },
        InstanceFilter { created_from_ms: Some(1), created_to_ms: Some(2_000), ..all.clone() },
        all,
    ];
    for filter in filters {
        fixture.store().list(&filter, InstanceKey::ZERO, 10).expect("lists");
    }
}
