//! One batch, one transaction.

use super::created::CreationTimes;
use super::fault::{Fault, Halt};
use super::{inbox, instances, modules, turns};
use crate::write::{Refused, Write, Written};
use rusqlite::{Connection, TransactionBehavior};

type Answer = std::result::Result<Written, Refused>;

/// The connection that writes, and what it remembers.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    times: CreationTimes,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Result<Self, Fault> {
        Ok(Self { times: CreationTimes::read(&connection)?, connection })
    }

    /// Commits what is not refused. A refusal is decided before anything of its write is done, so it has nothing to
    /// undo; a fault undoes the batch.
    pub(super) fn commit(&mut self, batch: &[Write]) -> Result<Vec<Answer>, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut times = self.times;
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch {
            answers.push(match apply(&transaction, &mut times, write) {
                Ok(written) => Ok(written),
                Err(Halt::Refused(refused)) => Err(refused),
                Err(Halt::Failed(fault)) => return Err(fault),
            });
        }
        times.save(&transaction, &self.times)?;
        transaction.commit()?;
        self.times = times;
        Ok(answers)
    }
}

fn apply(connection: &Connection, times: &mut CreationTimes, write: &Write) -> Result<Written, Halt> {
    match write {
        Write::Create(new) => instances::create(connection, times, new),
        Write::Turn(turn) => turns::commit(connection, times, turn),
        Write::Reopen { id, reason, by } => instances::reopen(connection, id, reason, by),
        Write::Discard { fence, inbox_done } => turns::discard(connection, *fence, *inbox_done),
        Write::Repin { fence, version } => instances::repin(connection, *fence, *version),
        Write::Deliver(delivery) => inbox::deliver(connection, delivery),
        Write::Purge { id, force, only } => instances::purge(connection, id, *force, *only),
        Write::AddModule(new) => modules::add(connection, new),
        Write::Activate(id) => modules::activate_again(connection, *id),
        Write::DeleteVersion(id) => modules::delete(connection, *id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::fixture::{new_instance, new_module, raised};
    use crate::model::VersionId;
    use crate::sqlite::{connect, schema};
    use crate::write::Delivery;

    fn with_an_instance(folder: &tempfile::TempDir) -> Writer {
        let mut connection = connect::open_writer(&folder.path().join("test.db")).expect("opens");
        schema::migrate(&mut connection).expect("migrates");
        let mut writer = Writer::new(connection).expect("reads");
        let batch = [Write::AddModule(new_module("m", "d", &[])), Write::Create(new_instance("a", VersionId(1)))];
        assert!(writer.commit(&batch).expect("commits").iter().all(Result::is_ok));
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

    #[test]
    fn a_full_disk_undoes_the_batch_and_room_lets_it_go_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = with_an_instance(&folder);
        let pages: u32 = writer.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("reads");
        let limit = |connection: &Connection, pages: u32| {
            connection
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, u32>(0))
                .expect("sets");
        };
        limit(&writer.connection, pages);
        let many: Vec<Write> =
            (0..500).map(|_| Write::Deliver(Delivery { limit: 9_999, ..raised("a", "E") })).collect();
        let error = writer.commit(&many).expect_err("full").while_doing("testing").to_string();
        assert!(error.contains("full"), "{error}");
        assert_eq!(delivered(&writer.connection), (0, 0));
        limit(&writer.connection, 1_000_000);
        assert!(writer.commit(&many).expect("commits").iter().all(Result::is_ok));
        assert_eq!(delivered(&writer.connection), (500, 500));
    }
}
