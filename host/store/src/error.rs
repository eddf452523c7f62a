//! When a store cannot answer.

use dacapo_core::history::CorruptHistory;

/// The store itself failed. What that says of a batch: nothing of it has happened, but for [`StoreError::DiskFailed`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data folder.
    #[error("the data folder {folder} is in use by another dacapo process; stop that one, or name another folder")]
    InUse {
        /// The folder.
        folder: String,
    },
    /// Written by a newer Dacapo.
    #[error("the database has schema version {found}; this version of Dacapo reads up to {supported}: upgrade it")]
    NewerSchema {
        /// The version in the database.
        found: u32,
        /// The newest that is known.
        supported: u32,
    },
    /// A durability setting did not take effect.
    #[error(
        "SQLite answers {found:?} for `{setting}` where {wanted:?} was asked for; without it an acknowledged write could be lost"
    )]
    NotDurable {
        /// The pragma.
        setting: &'static str,
        /// What was asked for.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// The history cannot be read.
    #[error("instance key {key}: {source}")]
    CorruptHistory {
        /// The instance.
        key: i64,
        /// Why.
        source: CorruptHistory,
    },
    /// Something else that is kept cannot be read.
    #[error("the store holds something this version cannot read: {0}")]
    Corrupt(String),
    /// There is no room. Nothing of it has happened; it can be done once there is.
    #[error("the disk is full ({doing}: {source}); nothing of it has happened")]
    DiskFull {
        /// What was tried.
        doing: &'static str,
        /// The engine's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The disk failed under a write. Whether that has happened is known to nobody before the store was opened anew: what
    /// the disk has taken and what not cannot be told from here, and trying again could hide it for ever. Until then
    /// every write ends like this.
    #[error("the disk failed ({doing}: {source}); what was being written may have happened or not")]
    DiskFailed {
        /// What was tried.
        doing: &'static str,
        /// The engine's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine failed, or the disk under a read. Nothing of it has happened; trying again may help.
    #[error("{doing}: {source}")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// The engine's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether it would be the same if it was tried again: what is stored is at fault, not the storing.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::CorruptHistory { .. } | Self::Corrupt(_) | Self::NewerSchema { .. } => true,
            Self::InUse { .. }
            | Self::NotDurable { .. }
            | Self::DiskFull { .. }
            | Self::DiskFailed { .. }
            | Self::Engine { .. } => false,
        }
    }

    /// Whether what was written may have happened all the same. The store is of no use any more: the process ends.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::DiskFailed { .. })
    }
}
