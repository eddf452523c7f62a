//! What is special about a store that is a file: its lock, its version, its log, its failures.

use dacapo_core::RuntimeStatus;
use dacapo_store::conformance::fixture::{id, json, new_instance, new_module, raised, turn};
use dacapo_store::conformance::{Fixture, Observed};
use dacapo_store::sqlite::{FILE_NAME, ID_FILE, SqliteStore};
use dacapo_store::{InstanceFilter, InstanceKey, NewInstance, Store, StoreError, Write, Written};
use rusqlite::Connection;
use std::path::Path;
use std::rc::Rc;
use tempfile::TempDir;

/// A store with the instances "a" and "b", and its folder.
fn with_two_instances() -> (Fixture, Rc<TempDir>) {
    let folder = Rc::new(tempfile::tempdir().expect("a folder"));
    let kept = Rc::clone(&folder);
    let fixture = Fixture::durable(move || SqliteStore::open(kept.path()).expect("opens"));
    fixture.create("a");
    fixture.create("b");
    (fixture, folder)
}

/// A connection beside the store's own.
fn beside(folder: &Path) -> Connection {
    Connection::open(folder.join(FILE_NAME)).expect("opens")
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

#[test]
fn a_missing_folder_is_created() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("some/where");
    let store = SqliteStore::open(&path).expect("opens");
    assert_eq!(Observed::of(&store).instances, []);
    assert!(path.join(FILE_NAME).is_file());
    assert_eq!(store.describe().0, "sqlite");
}

#[test]
fn a_folder_has_one_store_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("opens");
    let error = SqliteStore::open(folder.path()).expect_err("in use");
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    drop(store);
    SqliteStore::open(folder.path()).expect("opens again");
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let (fixture, folder) = with_two_instances();
    drop(fixture);
    beside(folder.path()).pragma_update(None, "user_version", 99).expect("updates");
    let before = std::fs::read(folder.path().join(FILE_NAME)).expect("reads");
    let error = SqliteStore::open(folder.path()).expect_err("too new");
    assert!(matches!(error, StoreError::NewerSchema { found: 99, supported: 4 }), "{error}");
    assert_eq!(std::fs::read(folder.path().join(FILE_NAME)).expect("reads"), before);
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(FILE_NAME), "not a database, but long enough to look at".repeat(50))
        .expect("writes");
    let error = SqliteStore::open(folder.path()).expect_err("no database");
    assert!(matches!(error, StoreError::Engine { .. }), "{error}");
}

#[test]
fn the_log_is_ahead_of_the_database_and_goes_into_it_at_the_end() {
    let (fixture, folder) = with_two_instances();
    assert_eq!(beside(folder.path()).query_row("PRAGMA journal_mode", [], |row| row.get(0)), Ok("wal".to_owned()));
    let log = folder.path().join(format!("{FILE_NAME}-wal"));
    assert!(log.metadata().expect("is there").len() > 0);
    fixture.find("a");
    drop(fixture);
    assert!(!log.exists(), "the last connection to close is the one that may write");
}

#[test]
fn a_long_read_does_not_hold_up_commits() {
    let (fixture, folder) = with_two_instances();
    let reader = beside(folder.path());
    reader.execute_batch("BEGIN").expect("begins");
    assert_eq!(number(&reader, "SELECT count(*) FROM instances"), 2);
    fixture.create("c");
    fixture.play("a", |_| ());
    assert_eq!(number(&reader, "SELECT count(*) FROM instances"), 2, "it sees what it saw");
    assert!(fixture.find("c").is_some(), "others see the commit");
    reader.execute_batch("COMMIT").expect("ends");
    assert_eq!(number(&reader, "SELECT count(*) FROM instances"), 3);
}

#[test]
fn reading_writes_nothing() {
    let (fixture, folder) = with_two_instances();
    let other = beside(folder.path());
    let state = || {
        let log = folder.path().join(format!("{FILE_NAME}-wal"));
        (number(&other, "PRAGMA data_version"), std::fs::read(log).expect("reads"))
    };
    let before = state();
    fixture.observe();
    let filter = InstanceFilter {
        id_prefix: Some("a".to_owned()),
        statuses: vec![RuntimeStatus::Pending],
        ..Default::default()
    };
    fixture.store().list(&filter, InstanceKey::ZERO, 10).expect("lists");
    assert_eq!(state(), before);
    fixture.play("a", |_| ());
    let after = state();
    assert!(after.0 != before.0 && after.1 != before.1, "a commit would be noticed");
}

#[test]
fn more_readers_than_connections_wait_for_each_other() {
    let (fixture, _folder) = with_two_instances();
    let store = fixture.store();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(move || {
                for _ in 0..50 {
                    assert!(store.instance(&id("a")).expect("reads").is_some());
                }
            });
        }
    });
}

/// A batch of which the second write fails in the engine, not by a refusal.
fn a_failing_batch_leaves_no_trace(failure: &str) {
    let (fixture, folder) = with_two_instances();
    let before = fixture.observe();
    let trap = format!(
        "CREATE TRIGGER trap BEFORE INSERT ON history WHEN NEW.seq = 1 BEGIN SELECT RAISE({failure}, 'the disk is on fire'); END"
    );
    beside(folder.path()).execute_batch(&trap).expect("creates");
    let batch = [
        Write::Deliver(raised("a", "E")),
        Write::Turn(turn(&fixture.get("b"))),
        Write::Create(new_instance("c", fixture.some_version())),
        Write::AddModule(new_module("new", "d9", &[])),
    ];
    for _ in 0..2 {
        let error = fixture.store().commit(&batch).expect_err("fails");
        assert!(matches!(error, StoreError::Engine { doing: "committing a batch", .. }), "{error}");
        assert!(error.to_string().contains("the disk is on fire"), "{error}");
        assert_eq!(fixture.observe(), before);
    }
    beside(folder.path()).execute_batch("DROP TRIGGER trap").expect("drops");
    let answers = fixture.store().commit(&batch).expect("commits");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(answers[0], Ok(Written::Delivered { key: fixture.get("a").key, seq: 0 }));
}

#[test]
fn a_statement_that_fails_undoes_the_batch() {
    a_failing_batch_leaves_no_trace("ABORT");
}

#[test]
fn a_transaction_that_the_engine_ended_is_no_hindrance() {
    a_failing_batch_leaves_no_trace("ROLLBACK");
}

#[test]
fn what_was_committed_before_a_kill_is_there() {
    let (fixture, folder) = with_two_instances();
    fixture.play("a", |turn| turn.custom_status = Some(json("1")));
    // The files as a kill would leave them: a log that nobody has moved into the database.
    let copy = tempfile::tempdir().expect("a folder");
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal"), ID_FILE.to_owned()] {
        std::fs::copy(folder.path().join(&name), copy.path().join(&name)).expect("copies");
    }
    let store = SqliteStore::open(copy.path()).expect("opens");
    assert_eq!(Observed::of(&store), fixture.observe());
    // A log that is long is moved when it is due, and not while somebody waits for the start.
    let log = |folder: &Path| std::fs::read(folder.join(format!("{FILE_NAME}-wal"))).expect("reads");
    assert!(log(copy.path()).starts_with(&log(folder.path())));
}

#[test]
fn a_log_that_somebody_else_reads_in_keeps_no_store_from_being_opened() {
    let (fixture, folder) = with_two_instances();
    let seen = fixture.observe();
    let reader = beside(folder.path());
    reader.execute_batch("BEGIN; SELECT count(*) FROM instances").expect("reads");
    drop(fixture);
    let store = SqliteStore::open(folder.path()).expect("opens");
    assert_eq!(Observed::of(&store), seen);
    reader.execute_batch("COMMIT").expect("ends");
}

#[test]
fn a_store_says_how_much_waits_in_its_log_and_what_the_disk_has_left() {
    let (fixture, _folder) = with_two_instances();
    let condition = fixture.store().condition();
    assert!(condition.has_room && condition.log_bytes > 0, "{condition:?}");
    assert!(condition.free_disk_bytes.is_some_and(|free| free > 0), "{condition:?}");
}

#[test]
fn a_parked_instance_costs_less_than_500_bytes() {
    const INSTANCES: usize = 4_000;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let mut fixture = Fixture::durable(move || SqliteStore::open(&path).expect("opens"));
    let version = fixture.some_version();
    // As they come from many clients: the ids in no order, starts and first turns in groups.
    let ids: Vec<String> = (0..INSTANCES as u64)
        .map(|n| format!("{:016x}-0000-4000-{n:013x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    for ids in ids.chunks(100) {
        let batch: Vec<Write> = ids.iter().map(|text| Write::Create(new_instance(text, version))).collect();
        fixture.store().commit(&batch).expect("commits");
        let batch: Vec<Write> = ids.iter().map(|text| Write::Turn(turn(&fixture.get(text)))).collect();
        fixture.store().commit(&batch).expect("commits");
    }
    fixture.reopen();
    let pages =
        number(&beside(folder.path()), "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    let each = pages / INSTANCES as i64;
    assert!(each <= 500, "{each} bytes");
}

#[test]
fn a_page_looks_at_so_many_instances_and_the_next_one_goes_on() {
    let (fixture, _folder) = with_two_instances();
    let version = fixture.some_version();
    let names = |n: u32| if n % 7_000 == 6_999 { "Rare" } else { "Flow" };
    let writes: Vec<Write> = (0..21_000)
        .map(|n| Write::Create(NewInstance { name: names(n).to_owned(), ..new_instance(&format!("i{n}"), version) }))
        .collect();
    for batch in writes.chunks(1_000) {
        fixture.store().commit(batch).expect("commits");
    }
    for statuses in [vec![], vec![RuntimeStatus::Pending, RuntimeStatus::Failed]] {
        let filter = InstanceFilter { name: Some("rare".to_owned()), statuses, ..Default::default() };
        let (mut pages, mut after) = (Vec::new(), InstanceKey::ZERO);
        loop {
            let page = fixture.store().list(&filter, after, 2).expect("lists");
            pages.push(page.instances.into_iter().map(|one| one.id.to_string()).collect::<Vec<_>>());
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(pages, [vec!["i6999"], vec!["i13999"], vec!["i20999"]], "{filter:?}");
    }
}

#[test]
fn a_prefix_that_many_share_finds_what_one_that_few_share_does() {
    let (fixture, _folder) = with_two_instances();
    let version = fixture.some_version();
    let ids: Vec<String> =
        (0..21_000).map(|n| if n % 3_000 == 7 { format!("y{n}") } else { format!("x%{n}") }).collect();
    for ids in ids.chunks(1_000) {
        let batch: Vec<Write> = ids.iter().map(|text| Write::Create(new_instance(text, version))).collect();
        fixture.store().commit(&batch).expect("commits");
    }
    for (prefix, statuses) in
        [("x%", vec![]), ("x%", vec![RuntimeStatus::Pending]), ("x", vec![]), ("y", vec![]), ("x%2", vec![])]
    {
        let filter = InstanceFilter { id_prefix: Some(prefix.to_owned()), statuses, ..Default::default() };
        let (mut found, mut after) = (Vec::new(), InstanceKey::ZERO);
        loop {
            let page = fixture.store().list(&filter, after, 6_000).expect("lists");
            found.extend(page.instances.into_iter().map(|one| one.id.to_string()));
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        let expected: Vec<&String> = ids.iter().filter(|text| text.starts_with(prefix)).collect();
        assert!(found.iter().eq(expected), "{filter:?}: {}", found.len());
    }
}
