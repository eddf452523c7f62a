//! Damage in a data folder is seen, named, and stays with what it belongs to.

use dacapo_core::history::CorruptHistory;
use dacapo_core::{By, InstanceId, RuntimeStatus};
use dacapo_store::conformance::Fixture;
use dacapo_store::conformance::fixture::{id, json, new_instance, purge, raised, turn};
use dacapo_store::sqlite::{self, FILE_NAME, ID_FILE, SqliteStore};
use dacapo_store::{Instance, InstanceFilter, InstanceKey, Refused, Store, StoreError, Write, Written};
use rusqlite::Connection;
use std::path::Path;
use std::rc::Rc;
use tempfile::TempDir;

/// A store with the instances "a", "b" and "c": each with two turns, a custom status, a timer, and two events.
fn with_three() -> (Fixture, Rc<TempDir>) {
    let folder = Rc::new(tempfile::tempdir().expect("a folder"));
    let kept = Rc::clone(&folder);
    let fixture = Fixture::durable(move || SqliteStore::open(kept.path()).expect("opens"));
    for name in ["a", "b", "c"] {
        fixture.create(name);
        fixture.play(name, |turn| turn.custom_status = Some(json("{\"step\" : 1}")));
        fixture.play(name, |turn| turn.wake_at_ms = Some(5_000));
        for event in ["E", "F"] {
            fixture.raise(name, event).expect("is delivered");
        }
    }
    (fixture, folder)
}

/// A connection beside the store's own.
fn beside(folder: &Path) -> Connection {
    Connection::open(folder.join(FILE_NAME)).expect("opens")
}

fn change(folder: &Path, sql: &str) {
    assert!(beside(folder).execute(sql, []).expect("is SQL") > 0, "{sql}");
}

/// The ids on all pages of two.
fn listed(store: &dyn Store, filter: &InstanceFilter) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), InstanceKey::ZERO);
    loop {
        let page = store.list(filter, after, 2).expect("lists");
        found.extend(page.instances.into_iter().map(|one| one.id.to_string()));
        match page.next {
            Some(next) => after = next,
            None => return found,
        }
    }
}

/// After "b" was damaged: the others are found everywhere; "b" is an error that lasts and names these words, and is
/// purged by force alone.
fn stays_with_b(sql: &str, words: &[&str]) {
    let (fixture, folder) = with_three();
    change(folder.path(), sql);
    let store = fixture.store();
    let error = store.instance(&id("b")).expect_err("damaged");
    assert!(error.is_lasting() && words.iter().all(|word| error.to_string().contains(word)), "{sql}: {error}");
    assert_eq!(listed(store, &InstanceFilter::default()), ["a", "c"], "{sql}");
    let running = InstanceFilter { statuses: vec![RuntimeStatus::Running], ..InstanceFilter::default() };
    assert_eq!(listed(store, &running), ["a", "c"], "{sql}");
    let prefix = |prefix: &str| InstanceFilter { id_prefix: Some(prefix.to_owned()), ..InstanceFilter::default() };
    assert_eq!(listed(store, &prefix("b")), [""; 0], "{sql}");
    assert!(!is_sound(&folder), "{sql}");
    assert!(matches!(fixture.write(purge("b", false)), Err(Refused::Unreadable { .. } | Refused::Unfinished { .. })));
    fixture.done(purge("b", true));
    assert_eq!(fixture.store().instance(&id("b")).expect("reads"), None);
    assert!(is_sound(&folder), "{sql}");
}

/// What `check` says of a copy of the folder.
fn is_sound(folder: &TempDir) -> bool {
    let copy = copied(folder.path());
    let report = sqlite::check(copy.path()).expect("can be looked through");
    assert_eq!(report.found as usize, report.findings.len());
    report.is_sound()
}

fn copied(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal"), ID_FILE.to_owned()] {
        if folder.join(&name).exists() {
            std::fs::copy(folder.join(&name), copy.path().join(&name)).expect("copies");
        }
    }
    copy
}

#[test]
fn a_bad_row_stays_with_its_instance() {
    for (column, value) in [
        ("status", "99"),
        ("status", "-1"),
        ("epoch", "-7"),
        ("generation", "-1"),
        ("next_seq", "-2"),
        ("inbox_done", "-1"),
        ("inbox_done", "99"),
        ("custom_status", "'{\"step\" : 2}' || char(10) || '00000000'"),
        ("custom_status", "'no json'"),
        ("output", "'7' || char(10) || 'ffffffff'"),
    ] {
        let sql = format!("UPDATE instances SET {column} = {value} WHERE id = 'b'");
        stays_with_b(&sql, &["table `instances`", "key 2", &format!("column `{column}`")]);
    }
}

/// What can be read of it is enough to end it.
#[test]
fn an_instance_is_loaded_without_a_custom_status_that_cannot_be_read() {
    let (fixture, folder) = with_three();
    let before = fixture.get("b");
    change(folder.path(), "UPDATE instances SET custom_status = 'no json' WHERE id = 'b'");
    let loaded = fixture.store().load(&id("b")).expect("reads").expect("is there");
    assert_eq!(loaded.instance, Instance { custom_status: None, ..before });
    assert_eq!(loaded.inbox.len(), 2);
    assert!(loaded.history.expect_err("says why").to_string().contains("custom_status"));
    change(folder.path(), "UPDATE instances SET epoch = -1 WHERE id = 'b'");
    assert!(fixture.store().load(&id("b")).expect_err("nothing can be done").to_string().contains("epoch"));
}

#[test]
fn an_id_that_is_none_stops_nobody_else() {
    let (fixture, folder) = with_three();
    change(folder.path(), "UPDATE instances SET id = 'b' || char(7) WHERE id = 'b'");
    let store = fixture.store();
    let ids = |found: Vec<InstanceId>| found.iter().map(InstanceId::to_string).collect::<Vec<_>>();
    let busy = |limit| ids(store.busy(InstanceKey::ZERO, limit).expect("reads").into_iter().map(|one| one.1).collect());
    assert_eq!((busy(9), busy(2)), (vec!["a".to_owned(), "c".to_owned()], vec!["a".to_owned(), "c".to_owned()]));
    let timers =
        |limit| ids(store.timers((0, InstanceKey::ZERO), limit).expect("reads").into_iter().map(|one| one.2).collect());
    assert_eq!((timers(9), timers(2)), (vec!["a".to_owned(), "c".to_owned()], vec!["a".to_owned(), "c".to_owned()]));
    assert_eq!(listed(store, &InstanceFilter::default()), ["a", "c"]);
    let only = Write::Purge { id: InstanceId::as_stored("b\u{7}"), force: true, only: None };
    fixture.done(only);
    assert!(is_sound(&folder));
}

#[test]
fn writes_for_a_bad_row_are_refused_and_the_batch_goes_on() {
    // Which of the six writes cannot be judged without what cannot be read; the second is for somebody else.
    for (column, value, unreadable) in [("epoch", -1, &[0, 3, 4][..]), ("status", 99, &[0, 2, 4, 5])] {
        let (fixture, folder) = with_three();
        let b = fixture.get("b");
        change(folder.path(), &format!("UPDATE instances SET {column} = {value} WHERE id = 'b'"));
        let before = fixture.waiting(b.key);
        let batch = [
            Write::Deliver(raised("b", "G")),
            Write::Deliver(raised("a", "G")),
            Write::Create(new_instance("b", fixture.some_version())),
            Write::Turn(turn(&b)),
            Write::Repin { fence: b.fence(), version: fixture.some_version() },
            Write::Reopen { id: id("b"), reason: String::new(), by: By::Client },
        ];
        let answers = fixture.store().commit(&batch).expect("commits");
        for (at, answer) in answers.iter().enumerate() {
            match answer {
                Ok(Written::Delivered { .. }) => assert_eq!(at, 1),
                Err(Refused::Unreadable { what }) => {
                    assert!(unreadable.contains(&at) && what.contains(column), "{at}: {what}");
                }
                other => assert!(other.is_err() && at != 1 && !unreadable.contains(&at), "{at}: {other:?}"),
            }
        }
        assert_eq!(fixture.waiting(b.key), before);
    }
}

#[test]
fn a_history_that_is_not_whole_is_an_error() {
    for (sql, seq) in [
        ("DELETE FROM history WHERE instance = 2 AND seq = 2", 2),
        ("DELETE FROM history WHERE instance = 2 AND seq = 1", 1),
        ("DELETE FROM history WHERE instance = 2", 0),
    ] {
        let (fixture, folder) = with_three();
        change(folder.path(), sql);
        let error = fixture.store().history(InstanceKey(2), 0, 0).expect_err("not whole");
        let missing = |error: &StoreError| matches!(error, StoreError::CorruptHistory { key: 2, source: CorruptHistory::Missing { seq: s, records: 3 } } if *s == seq);
        assert!(missing(&error), "{error}");
        assert_eq!(fixture.history(InstanceKey(1)).len(), 3);
        assert!(!is_sound(&folder));
    }
    let (fixture, folder) = with_three();
    change(folder.path(), "UPDATE instances SET next_seq = 2 WHERE key = 2");
    let error = fixture.store().history(InstanceKey(2), 0, 0).expect_err("more than there must be").to_string();
    assert!(error.contains("counts 2"), "{error}");
}

#[test]
fn a_record_that_was_changed_is_an_error() {
    let (fixture, folder) = with_three();
    change(
        folder.path(),
        "UPDATE history SET record = CAST(replace(CAST(record AS TEXT), '1001', '1009') AS BLOB) WHERE instance = 2 AND seq = 1",
    );
    let error = fixture.store().history(InstanceKey(2), 0, 0).expect_err("changed");
    assert!(error.is_lasting() && error.to_string().contains("record 1 is damaged"), "{error}");
}

#[test]
fn an_inbox_that_is_not_whole_says_what_of_it_can_be_read() {
    for (sql, words) in [
        ("DELETE FROM inbox WHERE instance = 2 AND seq = 0", "entry 0 is missing"),
        ("DELETE FROM inbox WHERE instance = 2 AND seq = 1", "entry 1 is missing"),
        ("UPDATE inbox SET event = x'00' WHERE instance = 2 AND seq = 0", "entry 0 cannot be read"),
        (
            "UPDATE inbox SET event = CAST(replace(CAST(event AS TEXT), '2', '3') AS BLOB) WHERE instance = 2 AND seq = 0",
            "entry 0 is damaged",
        ),
    ] {
        let (fixture, folder) = with_three();
        change(folder.path(), sql);
        let error = fixture.store().inbox(InstanceKey(2)).expect_err("not whole");
        assert!(error.is_lasting() && error.to_string().contains(words), "{error}");
        let loaded = fixture.store().load(&id("b")).expect("reads").expect("is there");
        assert_eq!(
            (loaded.inbox.len(), loaded.history.map_err(|error| error.to_string())),
            (1, Err(error.to_string()))
        );
        assert_eq!(fixture.waiting(InstanceKey(1)).len(), 2);
        assert!(!is_sound(&folder));
    }
}

#[test]
fn a_bad_module_is_left_out_and_can_be_deployed_anew() {
    let (fixture, folder) = with_three();
    let version = fixture.version("other");
    change(folder.path(), "UPDATE versions SET imports = 'no json' WHERE module = 'other'");
    let names: Vec<_> = fixture.store().modules().expect("reads").into_iter().map(|one| one.module).collect();
    assert_eq!(names, ["some"]);
    assert!(!is_sound(&folder));
    assert_ne!(fixture.version("other"), version);
    assert_eq!(fixture.store().modules().expect("reads").len(), 2);
}

#[test]
fn a_component_is_held_against_its_digest() {
    let (fixture, folder) = with_three();
    let digest = fixture.store().modules().expect("reads")[0].digest.clone();
    change(folder.path(), "UPDATE components SET bytes = x'00'");
    let error = fixture.store().component(&digest).expect_err("other bytes");
    assert!(error.is_lasting() && error.to_string().contains(&digest), "{error}");
    assert!(!is_sound(&folder));
    fixture.version("some");
    assert!(fixture.store().component(&digest).expect("reads").is_some(), "a deployment mends it");
    assert!(is_sound(&folder));
}

/// Opens the folder in vain; what it says.
fn refused(folder: &Path) -> String {
    match SqliteStore::open(folder) {
        Ok(_) => panic!("it opens"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_folder_that_lost_its_database_is_not_served() {
    let (fixture, folder) = with_three();
    drop(fixture);
    let file = folder.path().join(FILE_NAME);
    for (bytes, said) in [(0, "has 0 bytes"), (1, "has 1 bytes")] {
        std::fs::write(&file, vec![b'x'; bytes]).expect("writes");
        let error = refused(folder.path());
        assert!(error.contains(said) && error.contains("dacapo.id") && error.contains("backup"), "{error}");
    }
    std::fs::remove_file(&file).expect("removes");
    assert!(refused(folder.path()).contains("is missing"));
    assert!(!file.exists(), "nothing was made in its place");
    std::fs::remove_file(folder.path().join(ID_FILE)).expect("removes");
    std::fs::create_dir(folder.path().join("compiled")).expect("creates");
    assert!(refused(folder.path()).contains("compiled"), "a folder of the first releases");
    std::fs::remove_dir(folder.path().join("compiled")).expect("removes");
    // A start that was broken off before there was anything leaves the lock.
    SqliteStore::open(folder.path()).expect("a new store");
}

#[test]
fn database_and_folder_must_belong_together() {
    let (fixture, folder) = with_three();
    drop(fixture);
    let id_file = folder.path().join(ID_FILE);
    let own = std::fs::read_to_string(&id_file).expect("is there");
    std::fs::write(&id_file, "0123456789abcdef0123456789abcdef\n").expect("writes");
    let error = refused(folder.path());
    assert!(error.contains(own.trim()) && error.contains("different stores"), "{error}");
    std::fs::remove_file(&id_file).expect("removes");
    let error = refused(folder.path());
    assert!(error.contains(own.trim()) && error.contains(ID_FILE), "{error}");
    std::fs::write(&id_file, own).expect("writes");
    SqliteStore::open(folder.path()).expect("opens");
}

/// A crash after the database has its id and before, or while, the folder gets it.
#[test]
fn a_start_that_was_broken_off_goes_on() {
    let (fixture, folder) = with_three();
    drop(fixture);
    let id_file = folder.path().join(ID_FILE);
    let own = std::fs::read_to_string(&id_file).expect("is there");
    for left in ["", &own[..5], "\0\0\0"] {
        change(folder.path(), "UPDATE store SET is_announced = 0");
        std::fs::remove_file(&id_file).expect("removes");
        std::fs::write(id_file.with_extension("id-new"), left).expect("writes");
        SqliteStore::open(folder.path()).expect("opens");
        assert_eq!(std::fs::read_to_string(&id_file).expect("is there"), own);
    }
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    for sql in [
        "CREATE TABLE t (x); PRAGMA application_id = 7;",
        "CREATE TABLE t (x); PRAGMA user_version = 2;",
        "CREATE TABLE t (x)",
        "CREATE TABLE instances (x); CREATE TABLE history (x); CREATE TABLE inbox (x); PRAGMA user_version = 9;",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        beside(folder.path()).execute_batch(sql).expect("creates");
        let before = std::fs::read(folder.path().join(FILE_NAME)).expect("reads");
        assert!(refused(folder.path()).contains("another program"), "{sql}");
        assert_eq!(std::fs::read(folder.path().join(FILE_NAME)).expect("reads"), before);
    }
}

/// Where the pages of the log begin, by its header.
fn frame_bytes(log: &[u8]) -> usize {
    24 + u32::from_be_bytes(log[8..12].try_into().expect("four bytes")) as usize
}

#[test]
fn damage_in_the_log_is_not_taken_for_its_end() {
    let (fixture, folder) = with_three();
    let whole = fixture.observe();
    let name = format!("{FILE_NAME}-wal");
    let log = std::fs::read(folder.path().join(&name)).expect("reads");
    let frames = (log.len() - 32) / frame_bytes(&log);
    let with = |log: &[u8]| {
        let copy = copied(folder.path());
        std::fs::write(copy.path().join(&name), log).expect("writes");
        copy
    };
    for frame in [0, frames / 2] {
        for within in [40, 9, 17] {
            let mut flipped = log.clone();
            flipped[32 + frame * frame_bytes(&log) + within] ^= 1;
            let copy = with(&flipped);
            let error = refused(copy.path());
            assert!(error.contains(&format!("frame {} of the log", frame + 1)), "{error}");
            assert_eq!(std::fs::read(copy.path().join(&name)).expect("reads"), flipped, "it is left as it was");
        }
    }
    // What a power loss tears was not acknowledged: the end of the last transaction.
    for torn in [log.len() - 1, log.len() - frame_bytes(&log) + 40] {
        let mut flipped = log.clone();
        flipped[torn] ^= 1;
        SqliteStore::open(with(&flipped).path()).expect("opens");
        SqliteStore::open(with(&log[..torn]).path()).expect("opens");
    }
    let copy = with(&log);
    let store = SqliteStore::open(copy.path()).expect("opens");
    assert_eq!(dacapo_store::conformance::Observed::of(&store), whole);
}

#[test]
fn a_sound_store_is_looked_through_and_left_as_it_was() {
    let (fixture, folder) = with_three();
    let error = sqlite::check(folder.path()).expect_err("in use");
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    fixture.finish("c", RuntimeStatus::Completed);
    drop(fixture);
    let before = std::fs::read(folder.path().join(FILE_NAME)).expect("reads");
    let report = sqlite::check(folder.path()).expect("can be looked through");
    assert_eq!(report.findings, []);
    assert_eq!((report.instances, report.unfinished, report.records, report.entries), (3, 2, 10, 4));
    assert_eq!((report.components, report.schema_version), (1, report.newest_version));
    assert_eq!(std::fs::read(folder.path().join(FILE_NAME)).expect("reads"), before);
    let error = sqlite::check(tempfile::tempdir().expect("a folder").path()).expect_err("empty");
    assert!(matches!(error, StoreError::Suspect { .. }), "{error}");
}

#[test]
fn rows_of_nobody_and_flags_that_lie_are_found() {
    for sql in [
        "UPDATE instances SET has_work = 0 WHERE id = 'b'",
        "UPDATE instances SET version = 77 WHERE id = 'b'",
        "INSERT INTO history VALUES (99, 0, 0, x'00')",
        "INSERT INTO inbox (instance, seq, event) VALUES (99, 0, x'00')",
        "INSERT INTO history VALUES (2, 1, 0, x'00')",
        "UPDATE history SET record = (SELECT record FROM history WHERE seq = 1) WHERE instance = 2 AND seq = 0",
        "UPDATE store SET id = 'other'",
    ] {
        let (_fixture, folder) = with_three();
        change(folder.path(), sql);
        assert!(!is_sound(&folder), "{sql}");
    }
}

#[test]
fn a_backup_made_under_load_is_a_store_of_one_moment() {
    let (fixture, folder) = with_three();
    let target = tempfile::tempdir().expect("a folder");
    let store = fixture.store();
    let version = fixture.some_version();
    let acknowledged = store.list(&InstanceFilter::default(), InstanceKey::ZERO, 9).expect("lists").instances;
    std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            let mut n = 0;
            while !matches!(stopped.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)) {
                let name = format!("load-{n}");
                store.commit(&[Write::Create(new_instance(&name, version))]).expect("commits");
                let one = store.instance(&id(&name)).expect("reads").expect("is there");
                store.commit(&[Write::Turn(turn(&one)), Write::Deliver(raised(&name, "E"))]).expect("commits");
                n += 1;
            }
        });
        for n in 0..5 {
            let to = target.path().join(n.to_string());
            sqlite::backup(folder.path(), &to).expect("copies");
            let report = sqlite::check(&to).expect("can be looked through");
            assert_eq!(report.findings, []);
            let copy = SqliteStore::open(&to).expect("opens");
            for one in &acknowledged {
                assert_eq!(copy.instance(&one.id).expect("reads").as_ref(), Some(one));
                let history = copy.history(one.key, 0, 0).expect("reads");
                assert_eq!(history, store.history(one.key, 0, 0).expect("reads"));
            }
        }
        drop(stop);
    });
    let error = sqlite::backup(folder.path(), &target.path().join("0")).expect_err("there is something");
    assert!(error.to_string().contains("not empty"), "{error}");
}
