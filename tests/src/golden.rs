//! A data folder as an earlier version left it, kept as SQL.
//!
//! The bytes of modules are left out: they are put back from the samples of today, on which what happened must replay.

use anyhow::{Context as _, Result};
use dacapo_core::ids::sha256_hex;
use dacapo_store::sqlite::FILE_NAME;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The modules whose instances are in a golden data folder, by name.
pub const MODULES: [&str; 7] = ["Approval", "Cities", "FailOnce", "Monitor", "Orders", "Tickets", "Workloads"];

/// The folder of golden data folders.
pub fn folders() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/folders")
}

/// The database in `folder` as SQL.
pub fn dump(folder: &Path) -> Result<String> {
    let connection = Connection::open(folder.join(FILE_NAME))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let mut sql = format!("PRAGMA user_version = {version};\n");
    let mut schema = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' ORDER BY rowid")?;
    for statement in schema.query_map([], |row| row.get::<_, String>(0))? {
        writeln!(sql, "{};", statement?)?;
    }
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")?;
    let tables = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let (counters, tables): (Vec<_>, Vec<_>) = tables.into_iter().partition(|table| table == "sqlite_sequence");
    for table in tables.iter().filter(|table| *table != "components") {
        rows(&connection, table, &mut sql)?;
    }
    // What counts the keys counts while rows are put back; in the end it is what it was.
    for table in counters {
        writeln!(sql, "DELETE FROM {table};")?;
        rows(&connection, &table, &mut sql)?;
    }
    let mut modules = connection.prepare("SELECT DISTINCT module, digest FROM versions ORDER BY module")?;
    for module in modules.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))? {
        let (module, digest) = module?;
        sql = sql.replace(&digest, &placeholder(&module));
    }
    Ok(sql)
}

fn placeholder(module: &str) -> String {
    format!("digest of {module}")
}

fn rows(connection: &Connection, table: &str, sql: &mut String) -> Result<()> {
    let mut rows = connection.prepare(&format!("SELECT * FROM {table}"))?;
    let columns = rows.column_count();
    for line in rows.query_map([], |row| values(row, columns))? {
        writeln!(sql, "INSERT INTO {table} VALUES ({});", line?)?;
    }
    Ok(())
}

fn values(row: &Row<'_>, columns: usize) -> rusqlite::Result<String> {
    let value = |at| {
        Ok(match row.get_ref(at)? {
            ValueRef::Null => "NULL".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(text) => quoted(text),
            ValueRef::Blob(bytes) => format!("CAST({} AS BLOB)", quoted(bytes)),
        })
    };
    Ok((0..columns).map(value).collect::<rusqlite::Result<Vec<_>>>()?.join(", "))
}

/// All that is kept is text.
fn quoted(text: &[u8]) -> String {
    format!("'{}'", String::from_utf8_lossy(text).replace('\'', "''"))
}

/// Makes the database of `sql` in `folder`, with these modules: their names, and what they are today.
pub fn restore(sql: &str, folder: &Path, modules: &[(&str, Vec<u8>)]) -> Result<()> {
    let mut sql = sql.to_owned();
    for (module, component) in modules {
        sql = sql.replace(&placeholder(module), &sha256_hex(component));
    }
    let connection = Connection::open(folder.join(FILE_NAME))?;
    connection.execute_batch(&format!("BEGIN; {sql} COMMIT;")).context("the golden SQL")?;
    for (_, component) in modules {
        let add = "INSERT INTO components VALUES (?1, ?2)";
        connection.execute(add, params![sha256_hex(component), component])?;
    }
    Ok(())
}
