//! What a stopped server has written, read and changed behind its back.

use anyhow::{Context as _, Result};
use dacapo_core::seal::unseal;
use dacapo_store::sqlite::FILE_NAME;
use rusqlite::{Connection, params};
use serde_json::Value;
use std::path::Path;

fn unsealed(mut kept: String) -> String {
    let text = unseal(kept.as_bytes()).map_or(kept.len(), |kept| kept.text.len());
    kept.truncate(text);
    kept
}

/// The database of a server that is stopped.
pub struct Database(Connection);

/// What a row of an instance says of its progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The runtime status, by the store's own number.
    pub status: i64,
    /// The number of the next turn.
    pub next_seq: i64,
    /// The custom status.
    pub custom_status: Option<String>,
    /// The output.
    pub output: Option<String>,
}

impl Database {
    /// Opens the one in `folder`.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self(Connection::open(folder.join(FILE_NAME))?))
    }

    /// The progress of an instance.
    pub fn instance(&self, id: &str) -> Result<Row> {
        let sql = "SELECT status, next_seq, custom_status, output FROM instances WHERE id = ?1";
        let row = self.0.query_row(sql, [id], |row| {
            let payload = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(at)?.map(unsealed));
            Ok(Row { status: row.get(0)?, next_seq: row.get(1)?, custom_status: payload(2)?, output: payload(3)? })
        });
        row.with_context(|| format!("there is no instance '{id}'"))
    }

    /// The turns of an instance, as they are stored.
    pub fn history(&self, id: &str) -> Result<Vec<Vec<u8>>> {
        let sql = "SELECT record FROM history JOIN instances ON instance = key WHERE id = ?1 ORDER BY seq";
        let mut statement = self.0.prepare(sql)?;
        let records = statement.query_map([id], |row| row.get(0))?;
        Ok(records.collect::<Result<_, _>>()?)
    }

    /// The events of an instance, in order.
    pub fn events(&self, id: &str) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        for record in self.history(id)? {
            let mut record: Value = serde_json::from_slice(unseal(&record)?.text)?;
            events.append(record["events"].as_array_mut().context("a record has events")?);
        }
        Ok(events)
    }

    /// How many events wait in the inbox of an instance.
    pub fn inbox(&self, id: &str) -> Result<u64> {
        let sql = "SELECT count(*) FROM inbox JOIN instances ON instance = key WHERE id = ?1";
        Ok(self.0.query_row(sql, [id], |row| row.get(0))?)
    }

    /// Pins an instance to another version of its module.
    pub fn pin(&self, id: &str, version: u32) -> Result<()> {
        let sql = "UPDATE instances SET version = (SELECT other.id FROM versions AS pinned JOIN versions AS other \
                   USING (module) WHERE pinned.id = instances.version AND other.version = ?2) WHERE id = ?1";
        let changed = self.0.execute(sql, params![id, version])?;
        anyhow::ensure!(changed == 1, "there is no instance '{id}' to pin");
        Ok(())
    }
}
