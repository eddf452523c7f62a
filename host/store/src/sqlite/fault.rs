//! What can go wrong on the way, before it is known what was being done.

use crate::StoreError;
use crate::write::Refused;
use rusqlite::ErrorCode;

/// The store failed.
#[derive(Debug)]
pub(super) enum Fault {
    Engine(rusqlite::Error),
    Store(StoreError),
}

impl Fault {
    pub(super) fn while_doing(self, doing: &'static str) -> StoreError {
        match self {
            // It would be the same the next time.
            Fault::Engine(source) if source.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                StoreError::Corrupt(format!("{doing}: {source}; `dacapo check-store` says where"))
            }
            Fault::Engine(source) => StoreError::Engine { doing, source: source.into() },
            Fault::Store(error) => error,
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
