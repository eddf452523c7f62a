//! Rows that cannot be read: which one it is, and what of it.

use super::fault::Fault;
use crate::StoreError;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Error, Row};

/// A value that is not what its column holds, in a row that is being read.
pub(super) fn bad(column: usize, reason: impl std::fmt::Display) -> Error {
    Error::FromSqlConversionFailure(column, Type::Null, reason.to_string().into())
}

/// Reads a row of `table`, whose key is its first column. What cannot be read is named.
pub(super) fn reading<T>(
    table: &'static str,
    row: &Row<'_>,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<T, Fault> {
    read(row).map_err(|error| {
        let (column, reason) = match &error {
            Error::FromSqlConversionFailure(column, _, reason) => (*column, reason.to_string()),
            Error::IntegralValueOutOfRange(column, value) => (*column, format!("it holds {value}")),
            Error::InvalidColumnType(column, _, found) => (*column, format!("it holds a value of type {found}")),
            Error::Utf8Error(column, reason) => (*column, reason.to_string()),
            _ => return error.into(),
        };
        let column = row.as_ref().column_name(column).unwrap_or("?").to_owned();
        Fault::Store(StoreError::BadRow { table, key: key(row), column, reason, rest: None })
    })
}

fn key(row: &Row<'_>) -> String {
    match row.get_ref(0) {
        Ok(ValueRef::Integer(key)) => key.to_string(),
        Ok(ValueRef::Text(key)) => String::from_utf8_lossy(key).escape_debug().collect(),
        _ => "?".to_owned(),
    }
}

/// `None` for a row that cannot be read, which is said in the log: it must not keep others from what they asked for.
pub(super) fn skip<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Store(error)) if error.is_lasting() => {
            tracing::error!(%error, "a row cannot be read and is left out");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}
