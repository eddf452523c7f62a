//! What can go wrong on the way, before it is known what was being done; and what each error of SQLite means.
//!
//! | SQLite says, under a commit or a checkpoint | what it knows | what we do |
//! |---|---|---|
//! | `IOERR` and its kinds: a write, an fsync, a truncation, a lock | nothing: the log may hold the batch or half of it | [`StoreError::DiskFailed`]: the process ends |
//! | `CORRUPT` (a read that met EIO is this, too), `NOTADB` | what is there is not what was written | the same |
//! | `FULL` | nothing has happened: the frame that commits is the last one to be written | the reserve is given back ([`super::room`]), what frees room is tried again, the rest is [`StoreError::DiskFull`] |
//! | anything else: `CONSTRAINT`, `BUSY`, `NOMEM`, `CANTOPEN`, `READONLY`, ... | nothing has happened | [`StoreError::Engine`] |
//!
//! *A full disk under an fsync* is `IOERR_FSYNC`, since the system may have dropped what it could not write: the process
//! ends. So is one that keeps the index of the log (`-shm`) from growing, `IOERR_SHMSIZE`: the batch is in the log by
//! then. And so is a quota, `IOERR_WRITE`: SQLite calls only ENOSPC a full disk. A start that finds no room gives the
//! reserve back and opens all the same.
//!
//! Under a read, every error is [`StoreError::Engine`]: nothing was to happen, and another read may get through.

use crate::StoreError;
use crate::write::Refused;
use rusqlite::ErrorCode;

/// The store failed.
#[derive(Debug)]
pub(super) enum Fault {
    Engine(rusqlite::Error),
    Store(StoreError),
}

/// An error of the engine with its extended code, which says more than its text.
#[derive(Debug, thiserror::Error)]
#[error("{source} (SQLite code {code})")]
struct Coded {
    code: i32,
    source: rusqlite::Error,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

fn coded(source: rusqlite::Error) -> Source {
    match source.sqlite_error().map(|error| error.extended_code) {
        Some(code) => Coded { code, source }.into(),
        None => source.into(),
    }
}

impl Fault {
    /// It was a read.
    pub(super) fn while_doing(self, doing: &'static str) -> StoreError {
        match self {
            // It would be the same the next time.
            Fault::Engine(source) if source.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                StoreError::Corrupt(format!("{doing}: {source}; `dacapo check-store` says where"))
            }
            Fault::Engine(source) => StoreError::Engine { doing, source: coded(source) },
            Fault::Store(error) => error,
        }
    }

    /// It was a commit or a checkpoint.
    pub(super) fn while_writing(self, doing: &'static str) -> StoreError {
        let Fault::Engine(source) = self else { return self.while_doing(doing) };
        match source.sqlite_error_code() {
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::DiskFailed { doing, source: coded(source) }
            }
            Some(ErrorCode::DiskFull) => StoreError::DiskFull { doing, source: coded(source) },
            _ => StoreError::Engine { doing, source: coded(source) },
        }
    }

    /// It was a write before which nothing was acknowledged: the process ends anyway if it cannot be done.
    pub(super) fn while_opening(self, doing: &'static str) -> StoreError {
        let Fault::Engine(source) = self else { return self.while_doing(doing) };
        let lacks_room = source.sqlite_error().is_some_and(|error| {
            error.code == ErrorCode::DiskFull || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
        });
        match lacks_room {
            true => StoreError::DiskFull { doing, source: coded(source) },
            false => StoreError::Engine { doing, source: coded(source) },
        }
    }
}

/// A text that should have been ours is not.
pub(super) fn corrupt(what: &str, reason: impl std::fmt::Display) -> Fault {
    Fault::Store(StoreError::Corrupt(format!("{what}: {reason}")))
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Engine(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}

/// Why one write stops: it is refused and the batch goes on, or the store failed and the batch is undone.
#[derive(Debug)]
pub(super) enum Halt {
    Refused(Refused),
    Failed(Fault),
}

/// What was to be known of one instance, before anything of the write is done: it alone is refused where that cannot be
/// read.
pub(super) fn known<T>(found: Result<T, Fault>) -> Result<T, Halt> {
    found.map_err(|fault| match fault {
        Fault::Store(error) if error.is_lasting() => Refused::Unreadable { what: error.to_string() }.into(),
        fault => fault.into(),
    })
}

impl From<Refused> for Halt {
    fn from(refused: Refused) -> Self {
        Halt::Refused(refused)
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Halt::Failed(fault)
    }
}

impl From<rusqlite::Error> for Halt {
    fn from(error: rusqlite::Error) -> Self {
        Halt::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn engine(code: i32) -> Fault {
        Fault::Engine(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn what_a_failed_write_means_is_as_the_table_says() {
        let unknown = [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_IOERR_SHMSIZE,
            ffi::SQLITE_IOERR_NOMEM,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_INDEX,
            ffi::SQLITE_NOTADB,
        ];
        for code in unknown {
            let error = engine(code).while_writing("testing");
            assert!(error.is_unknown() && error.to_string().contains(&code.to_string()), "{code}: {error}");
            assert!(!engine(code).while_doing("reading").is_unknown(), "{code}");
        }
        assert!(matches!(engine(ffi::SQLITE_FULL).while_writing("testing"), StoreError::DiskFull { .. }));
        for code in [ffi::SQLITE_CONSTRAINT, ffi::SQLITE_BUSY, ffi::SQLITE_NOMEM, ffi::SQLITE_READONLY_DBMOVED] {
            assert!(matches!(engine(code).while_writing("testing"), StoreError::Engine { .. }), "{code}");
        }
    }

    #[test]
    fn room_helps_an_opening_of_which_the_log_cannot_be_indexed() {
        let codes = [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_BUSY];
        let found = codes.map(|code| matches!(engine(code).while_opening("opening"), StoreError::DiskFull { .. }));
        assert_eq!(found, [true, true, false, false]);
    }
}
