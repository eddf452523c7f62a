//! One batch, one transaction; and the log that the transactions grow.

use super::checkpoint::{self, Checkpoints};
use super::created::CreationTimes;
use super::fault::{Fault, Halt};
use super::pins::Pins;
use super::room::Room;
use super::totals::Totals;
use super::{inbox, instances, modules, turns};
use crate::write::{Refused, Write, Written};
use crate::{Maintained, Result, StoreError};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

type Answer = std::result::Result<Written, Refused>;

/// The connection that writes, and what it remembers.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    times: CreationTimes,
    pins: Pins,
    checkpoints: Checkpoints,
    room: Room,
    /// What the disk did; nothing is written after it.
    failure: Option<String>,
}

impl Writer {
    pub(super) fn new(mut connection: Connection, room: Room) -> Result<Self, Fault> {
        let checkpoints = Checkpoints::own(&mut connection)?;
        let (times, pins) = (CreationTimes::read(&connection)?, Pins::count(&connection)?);
        Ok(Self { times, pins, checkpoints, room, failure: None, connection })
    }

    /// How many unfinished instances are on each version, for readers.
    pub(super) fn pins(&self) -> Pins {
        self.pins.clone()
    }

    /// Commits what is not refused. A refusal is decided before anything of its write is done, so it has nothing to
    /// undo; a fault undoes the batch, unless nobody knows.
    pub(super) fn commit(&mut self, batch: &[Write]) -> Result<Vec<Answer>> {
        const DOING: &str = "committing a batch";
        self.check_disk(DOING)?;
        self.room.admits(&self.connection, batch)?;
        let error = match self.transact(batch) {
            Ok(answers) => return Ok(answers),
            Err(fault) => self.seen(fault.while_writing(DOING)),
        };
        if !matches!(error, StoreError::DiskFull { .. }) {
            return Err(error);
        }
        self.make_room()?;
        if self.room.admits(&self.connection, batch).is_err() {
            return Err(error);
        }
        self.transact(batch).map_err(|fault| self.seen(fault.while_writing(DOING)))
    }

    fn transact(&mut self, batch: &[Write]) -> Result<Vec<Answer>, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut totals = Totals { times: self.times, pins: self.pins.changes() };
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch {
            answers.push(match apply(&transaction, &mut totals, write) {
                Ok(written) => Ok(written),
                Err(Halt::Refused(refused)) => Err(refused),
                Err(Halt::Failed(fault)) => return Err(fault),
            });
        }
        totals.times.save(&transaction, &self.times)?;
        transaction.commit()?;
        self.times = totals.times;
        self.pins.settle(totals.pins);
        Ok(answers)
    }

    /// See [`crate::Store::maintain`].
    pub(super) fn maintain(&mut self) -> Result<Maintained> {
        const DOING: &str = "moving the log into the database";
        self.check_disk(DOING)?;
        self.room.recover(&self.connection);
        let done = self.checkpoints.maintain(&self.connection);
        done.map_err(|fault| {
            let error = self.seen(fault.while_writing(DOING));
            if matches!(error, StoreError::DiskFull { .. }) {
                self.room.give_back();
            }
            error
        })
    }

    /// Gives the reserve back and begins the log anew, as far as that can be done.
    fn make_room(&mut self) -> Result<()> {
        self.room.give_back();
        let done = self.checkpoints.restart(&self.connection);
        let failed = done.err().map(|fault| self.seen(fault.while_writing("emptying the log for room")));
        failed.filter(StoreError::is_unknown).map_or(Ok(()), Err)
    }

    /// Nothing is written after the disk has failed: what it did not take could be taken for written.
    fn check_disk(&self, doing: &'static str) -> Result<()> {
        let Some(failure) = &self.failure else { return Ok(()) };
        Err(StoreError::DiskFailed { doing, source: format!("an earlier write has failed: {failure}").into() })
    }

    fn seen(&mut self, error: StoreError) -> StoreError {
        if error.is_unknown() {
            self.failure = Some(error.to_string());
            self.keep_the_log();
        }
        error
    }

    /// The next start needs it; SQLite would empty it when the connection is closed.
    fn keep_the_log(&self) {
        if let Err(error) = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
            tracing::error!(%error, "cannot tell SQLite to keep the log");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.failure.is_some() {
            return;
        }
        if let Err(fault) = checkpoint::truncate(&self.connection, checkpoint::PATIENCE) {
            let error = self.seen(fault.while_writing("moving the log into the database at the end"));
            tracing::error!(%error, "the log stays; the next start looks into it");
            self.keep_the_log();
        }
    }
}

fn apply(connection: &Connection, totals: &mut Totals, write: &Write) -> Result<Written, Halt> {
    match write {
        Write::Create(new) => instances::create(connection, totals, new),
        Write::Turn(turn) => turns::commit(connection, totals, turn),
        Write::Reopen { id, reason, by } => instances::reopen(connection, totals, (id, reason, by)),
        Write::Discard { fence, inbox_done } => turns::discard(connection, *fence, *inbox_done),
        Write::Repin { fence, version } => instances::repin(connection, totals, (*fence, *version)),
        Write::Deliver(delivery) => inbox::deliver(connection, delivery),
        Write::Purge { id, force, only } => instances::purge(connection, totals, (id, *force, *only)),
        Write::AddModule(new) => modules::add(connection, new),
        Write::Activate(id) => modules::activate_again(connection, *id),
        Write::DeleteVersion(id) => modules::delete(connection, &totals.pins, *id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store as _;
    use crate::conformance::fixture::{id, new_instance, new_module, raised};
    use crate::model::{InstanceKey, VersionId};
    use crate::sqlite::checkpoint::Bounds;
    use crate::sqlite::{FILE_NAME, SqliteStore, connect, playing, recover, room};
    use crate::write::{Delivery, NewModule};
    use dacapo_core::Event;
    use std::sync::atomic::Ordering;

    fn with_an_instance(folder: &tempfile::TempDir) -> Writer {
        let connection = recover::open(&folder.path().join(FILE_NAME), None).expect("opens");
        let mut writer = Writer::new(connection, Room::keep(folder.path())).expect("reads");
        let batch = [Write::AddModule(new_module("m", "d", &[])), Write::Create(new_instance("a", VersionId(1)))];
        assert!(writer.commit(&batch).expect("commits").iter().all(std::result::Result::is_ok));
        writer
    }

    fn delivered(connection: &Connection) -> (i64, i64) {
        let sql = "SELECT (SELECT sum(inbox_next) FROM instances), (SELECT count(*) FROM inbox)";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("reads")
    }

    #[test]
    fn a_commit_that_fails_undoes_the_batch() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = with_an_instance(&folder);
        // A foreign key that is checked only when the transaction ends.
        let late = "PRAGMA foreign_keys = ON; CREATE TABLE parent (id INTEGER PRIMARY KEY);
            CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
            CREATE TRIGGER late AFTER INSERT ON inbox BEGIN INSERT INTO child VALUES (1); END;";
        writer.connection.execute_batch(late).expect("creates");
        let batch = [Write::Deliver(raised("a", "E"))];
        assert!(writer.commit(&batch).is_err());
        assert!(writer.connection.is_autocommit());
        assert_eq!(delivered(&writer.connection), (0, 0));
        writer.connection.execute_batch("DROP TRIGGER late").expect("drops");
        assert_eq!(writer.commit(&batch).expect("commits").len(), 1);
        assert_eq!(delivered(&writer.connection), (1, 1));
    }

    /// As if the disk had this many more pages for the database.
    fn leave_pages(writer: &Writer, more: u32) {
        let pages: u32 = writer.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("reads");
        let limit = format!("PRAGMA max_page_count = {}", pages + more);
        writer.connection.query_row(&limit, [], |_| Ok(())).expect("sets");
    }

    fn many() -> Vec<Write> {
        (0..500).map(|_| Write::Deliver(Delivery { limit: 9_999, ..raised("a", "E") })).collect()
    }

    #[test]
    fn a_full_disk_undoes_the_batch_and_room_lets_it_go_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = with_an_instance(&folder);
        leave_pages(&writer, 0);
        let error = writer.commit(&many()).expect_err("full");
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
        assert_eq!(delivered(&writer.connection), (0, 0));
        leave_pages(&writer, 100_000);
        writer.maintain().expect("makes the reserve again");
        assert!(writer.commit(&many()).expect("commits").iter().all(std::result::Result::is_ok));
        assert_eq!(delivered(&writer.connection), (500, 500));
    }

    #[test]
    fn a_full_disk_takes_what_makes_room_and_nothing_else_until_there_is_some() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = with_an_instance(&folder);
        let (has_room, reserve) = (writer.room.watch(), folder.path().join(room::RESERVE));
        assert!(reserve.exists() && has_room.load(Ordering::Relaxed));
        leave_pages(&writer, 0);
        writer.commit(&many()).expect_err("full");
        assert!(!reserve.exists() && !has_room.load(Ordering::Relaxed), "it is given back");
        // One that the database would have room for: what there is is kept.
        leave_pages(&writer, 100_000);
        let small = [Write::Deliver(raised("a", "E"))];
        assert!(matches!(writer.commit(&small), Err(StoreError::DiskFull { .. })));
        let end = Event::ExecutionTerminated { reason: String::new(), recursive: false, by: None };
        let end = Write::Deliver(Delivery { event: end, ..raised("a", "E") });
        let purge = Write::Purge { id: id("a"), force: true, only: None };
        for write in [end, purge] {
            assert_eq!(writer.commit(&[write]).expect("commits").len(), 1);
        }
        writer.maintain().expect("makes the reserve again");
        assert!(reserve.exists() && has_room.load(Ordering::Relaxed));
        assert!(writer.commit(&small).is_ok());
    }

    /// In which a log is long much sooner.
    fn with_a_short_log(folder: &tempfile::TempDir) -> Writer {
        let mut writer = with_an_instance(folder);
        writer.checkpoints.bounds = Bounds { due: 160, again: 40, held: 640 };
        writer.checkpoints.due_at = 160;
        writer
    }

    /// Makes the log so much longer.
    fn fill_the_log(writer: &mut Writer, pages: u32) {
        let before = writer.checkpoints.log_pages();
        let large = NewModule { component: vec![7; 100_000], ..new_module("large", "d2", &[]) };
        while writer.checkpoints.log_pages() < before + pages {
            let answers = writer.commit(&[Write::AddModule(large.clone())]).expect("commits");
            let Ok(Written::ModuleAdded { version, .. }) = &answers[0] else { panic!("{answers:?}") };
            writer.commit(&[Write::DeleteVersion(version.id)]).expect("commits");
        }
    }

    #[test]
    fn the_log_is_moved_when_it_is_long_and_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = with_a_short_log(&folder);
        assert_eq!(writer.maintain().expect("nothing"), Maintained::Nothing);
        fill_the_log(&mut writer, 160);
        let done = writer.maintain().expect("moves");
        assert!(
            matches!(done, Maintained::Checkpointed { log_pages, moved_pages, is_held: false } if log_pages == moved_pages),
            "{done:?}"
        );
        assert_eq!(writer.maintain().expect("nothing"), Maintained::Nothing);
        writer.commit(&[Write::Deliver(raised("a", "E"))]).expect("commits");
        assert!(writer.checkpoints.log_pages() < 40, "{}", writer.checkpoints.log_pages());
        fill_the_log(&mut writer, 160);
        assert_ne!(writer.maintain().expect("moves"), Maintained::Nothing);
    }

    #[test]
    fn a_log_that_is_read_in_is_no_error_and_is_tried_again_when_it_has_grown() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = with_a_short_log(&folder);
        let reader = Connection::open(folder.path().join(FILE_NAME)).expect("opens");
        reader.execute_batch("BEGIN; SELECT count(*) FROM instances").expect("reads");
        fill_the_log(&mut writer, 160);
        let held = |done: &Maintained| matches!(done, Maintained::Checkpointed { log_pages, moved_pages, .. } if moved_pages < log_pages);
        let done = writer.maintain().expect("is no error");
        assert!(held(&done), "{done:?}");
        assert_eq!(writer.maintain().expect("nothing"), Maintained::Nothing);
        fill_the_log(&mut writer, 40);
        assert!(held(&writer.maintain().expect("is no error")));
        fill_the_log(&mut writer, 480);
        let done = writer.maintain().expect("is no error");
        assert!(matches!(done, Maintained::Checkpointed { is_held: true, .. }), "{done:?}");
        reader.execute_batch("COMMIT").expect("ends");
        fill_the_log(&mut writer, 40);
        let done = writer.maintain().expect("cuts");
        assert_eq!(done, Maintained::Checkpointed { log_pages: 0, moved_pages: 0, is_held: false });
    }

    /// What SQLite says where the disk lost a page: the root of the inbox is not one.
    fn damage(folder: &tempfile::TempDir) {
        let writer = with_an_instance(folder);
        checkpoint::truncate(&writer.connection, checkpoint::PATIENCE).expect("moves");
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'inbox'";
        let root: u64 = writer.connection.query_row(root, [], |row| row.get(0)).expect("reads");
        drop(writer);
        let path = folder.path().join(FILE_NAME);
        let file = std::fs::File::options().write(true).open(&path).expect("opens");
        std::os::unix::fs::FileExt::write_all_at(&file, &[0xEE; 4096], (root - 1) * 4096).expect("writes");
    }

    #[test]
    fn a_disk_that_fails_makes_nobody_suspect() {
        let folder = tempfile::tempdir().expect("a folder");
        damage(&folder);
        let (store, list) = (SqliteStore::open(folder.path()).expect("opens"), folder.path().join(playing::FILE_NAME));
        store.plays(InstanceKey(1));
        assert!(list.exists());
        let error = store.commit(&[Write::Deliver(raised("a", "E"))]).expect_err("damaged");
        assert!(error.is_unknown(), "{error}");
        assert!(!list.exists(), "the process ends, and nobody who is played has ended it");
    }

    #[test]
    fn after_the_disk_has_failed_nothing_is_written_and_the_log_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        damage(&folder);
        let connection = recover::open(&folder.path().join(FILE_NAME), None).expect("opens");
        let mut writer = Writer::new(connection, Room::keep(folder.path())).expect("reads");
        let create = [Write::Create(new_instance("b", VersionId(1)))];
        writer.commit(&create).expect("commits");
        let error = writer.commit(&[Write::Deliver(raised("a", "E"))]).expect_err("damaged");
        assert!(error.is_unknown(), "{error}");
        for error in [
            writer.commit(&[Write::Create(new_instance("c", VersionId(1)))]).expect_err("has failed"),
            writer.maintain().expect_err("has failed"),
        ] {
            assert!(error.is_unknown() && error.to_string().contains("an earlier write has failed"), "{error}");
        }
        drop(writer);
        let log = connect::log_of(&folder.path().join(FILE_NAME));
        assert!(log.metadata().expect("is there").len() > 0, "the next start has it");
    }
}
