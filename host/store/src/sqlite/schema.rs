//! The tables, and the steps by which a database of any earlier version becomes one of this.

use super::fault::Fault;
use crate::{Result, StoreError};
use rusqlite::{Connection, TransactionBehavior};

/// Step n makes version n + 1 of version n. A step that was released is never changed.
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3, VERSION_4];

/// * Histories lie in the order of arrival, not by instance: a group of turns then fills few pages instead of touching
///   one page each. The index brings an instance's records together again.
/// * In `instances` the small columns that a turn changes come first, so that they lie on the row's first page however
///   large its output is. `has_work` is what `Instance::has_work` says; each index with a WHERE holds live rows only.
/// * `creation` has one row, see `created.rs`.
/// * AUTOINCREMENT: a key is never used twice, even after the newest row was deleted.
const VERSION_1: &str = "
CREATE TABLE instances (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    status INTEGER NOT NULL,
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    inbox_next INTEGER NOT NULL,
    inbox_done INTEGER NOT NULL,
    open_activities INTEGER NOT NULL,
    has_work INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    wake_at_ms INTEGER,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    custom_status TEXT,
    output TEXT
) STRICT;
CREATE UNIQUE INDEX instances_by_id ON instances (id);
CREATE INDEX instances_by_status ON instances (status, key, version);
CREATE INDEX instances_with_work ON instances (key) WHERE has_work = 1;
CREATE INDEX instances_by_timer ON instances (wake_at_ms) WHERE wake_at_ms IS NOT NULL;

CREATE TABLE creation (lag_ms INTEGER NOT NULL) STRICT;
INSERT INTO creation VALUES (0);

CREATE TABLE history (
    instance INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX history_by_instance ON history (instance, generation, seq);

CREATE TABLE inbox (
    instance INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    event BLOB NOT NULL,
    PRIMARY KEY (instance, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE modules (
    name TEXT PRIMARY KEY NOT NULL,
    last_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    module TEXT NOT NULL,
    version INTEGER NOT NULL,
    active INTEGER NOT NULL,
    digest TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    orchestrators TEXT NOT NULL,
    activities TEXT NOT NULL,
    imports TEXT NOT NULL,
    UNIQUE (module, version)
) STRICT;
CREATE INDEX versions_by_digest ON versions (digest);

CREATE TABLE components (
    digest TEXT PRIMARY KEY NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
";

/// Who started an instance. The index holds those that end with their parent.
const VERSION_2: &str = "
ALTER TABLE instances ADD COLUMN parent INTEGER;
ALTER TABLE instances ADD COLUMN parent_generation INTEGER;
ALTER TABLE instances ADD COLUMN parent_task INTEGER;
ALTER TABLE instances ADD COLUMN parent_waits INTEGER;
ALTER TABLE instances ADD COLUMN parent_id TEXT;
CREATE INDEX instances_by_parent ON instances (parent) WHERE parent IS NOT NULL AND parent_waits = 1 AND status <= 3;
";

/// For which execution an entry is (NULL, as in everything that was delivered before: for whichever is current), and how
/// much it holds; how much an instance has been given and not taken.
const VERSION_3: &str = "
ALTER TABLE inbox ADD COLUMN execution INTEGER;
ALTER TABLE inbox ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN inbox_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN untaken_events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN untaken_bytes INTEGER NOT NULL DEFAULT 0;
";

/// What store this is, see `identity.rs`: "Daca" in the header, and an id in a table of one row.
const VERSION_4: &str = "
PRAGMA application_id = 0x44616361;
CREATE TABLE store (id TEXT NOT NULL, is_announced INTEGER NOT NULL) STRICT;
INSERT INTO store VALUES (lower(hex(randomblob(16))), 0);
";

/// The newest version.
pub(super) fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are few migrations")
}

/// Whether a database is of a version that we know, and which.
pub(super) fn check(connection: &Connection) -> Result<u32> {
    let supported = newest();
    let found = version(connection).map_err(|fault| fault.while_doing("reading the schema version"))?;
    if found > supported {
        return Err(StoreError::NewerSchema { found, supported });
    }
    Ok(found)
}

/// Brings the database to the newest version, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let found = check(connection)?;
    for (next, step) in (1..).zip(MIGRATIONS).skip(found as usize) {
        tracing::info!(version = next, "upgrading the database");
        run(connection, next, step).map_err(|fault| fault.while_opening("upgrading the schema"))?;
    }
    Ok(())
}

/// The version of a database; 0: it has no tables yet.
pub(super) fn version(connection: &Connection) -> Result<u32, Fault> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn run(connection: &mut Connection, next: u32, step: &str) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", next)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Fixture;
    use crate::conformance::fixture::{json, new_instance, raised, record};
    use crate::sqlite::{FILE_NAME, SqliteStore};
    use crate::write::{NewInstance, OutboxEntry, TurnWrite};
    use crate::{InstanceKey, Parent, VersionId, Write};
    use dacapo_core::{By, RuntimeStatus, TaskId};
    use rusqlite::params;

    /// "a" runs, with an event in its inbox and a timer; "b" has completed.
    const INSTANCES: &str = r#"
        INSERT INTO modules VALUES ('m', 1);
        INSERT INTO versions VALUES (1, 'm', 1, 1, '18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4', 1, 500, '["Flow"]', '[]', '[]');
        INSERT INTO components VALUES ('18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4', x'64');
        INSERT INTO instances (key, status, version, generation, epoch, next_seq, inbox_next, inbox_done,
            open_activities, has_work, created_at_ms, updated_at_ms, wake_at_ms, id, name, custom_status, output)
        VALUES (3, 1, 1, 0, 2, 2, 1, 0, 0, 1, 1000, 1001, 7000, 'a', 'Flow', '{"p": 1}', NULL),
               (4, 4, 1, 0, 0, 2, 0, 0, 0, 0, 1000, 1001, NULL, 'b', 'Flow', NULL, '"done"');
        INSERT INTO inbox VALUES
            (3, 0, CAST('{"v":1,"event":{"EventRaised":{"name":"E","data":[1,  2]}}}' AS BLOB));
    "#;

    fn write_version_1(connection: &mut Connection) {
        run(connection, 1, VERSION_1).expect("creates");
        connection.execute_batch(INSTANCES).expect("inserts");
        for (key, text) in [(3, "a"), (4, "b")] {
            for (seq, record) in (0..).zip([new_instance(text, VersionId(1)).opening, record(1_001)]) {
                let sql = "INSERT INTO history VALUES (?1, 0, ?2, ?3)";
                connection.execute(sql, params![key, seq, record.encode()]).expect("inserts");
            }
        }
    }

    #[test]
    fn a_database_of_version_1_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        write_version_1(&mut Connection::open(folder.path().join(FILE_NAME)).expect("opens"));
        let mut fixture = Fixture::durable(move || SqliteStore::open(folder.path()).expect("opens"));
        let (a, b) = (fixture.get("a"), fixture.get("b"));
        assert_eq!((a.key, a.status, a.epoch, a.next_seq), (InstanceKey(3), RuntimeStatus::Running, 2, 2));
        assert_eq!((a.custom_status.clone(), a.wake_at_ms), (Some(json("{\"p\": 1}")), Some(7_000)));
        assert_eq!((b.status, b.output), (RuntimeStatus::Completed, Some(json("\"done\""))));
        assert_eq!((a.parent.clone(), b.parent), (None, None));
        assert_eq!(fixture.waiting(a.key), [(0, "E".to_owned())]);
        let all = fixture.observe();
        assert_eq!(all.instances.iter().map(|one| one.history.len()).collect::<Vec<_>>(), [2, 2]);
        assert_eq!((all.busy.len(), all.timers.len(), all.modules.len()), (1, 1, 1));
        fixture.reopen();
        assert_eq!(fixture.observe(), all);

        // What the new columns are for works with what was there before.
        let parent = Parent { key: a.key, id: a.id.clone(), generation: 0, task: TaskId(0), waits: true };
        let new = NewInstance { parent: Some(parent), ..new_instance("b", VersionId(1)) };
        let outbox = vec![
            OutboxEntry::Start { new: new.clone(), rewind: None },
            OutboxEntry::Event(raised("a", "F")),
            OutboxEntry::EndChildren { reason: "enough".to_owned(), by: By::Client },
        ];
        fixture.done(Write::Turn(TurnWrite { outbox, ..fixture.next_turn("a") }));
        let b = fixture.get("b");
        assert_eq!((b.key, b.epoch, b.inbox_next), (InstanceKey(5), 1, 1));
        assert_eq!(b.parent, new.parent);
        assert_eq!(fixture.waiting(a.key).len(), 2);
    }
}
