//! When a store cannot answer.

use dacapo_core::history::CorruptHistory;

/// The store itself failed; nothing of the batch has happened.
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
    /// The disk, the file or the engine failed. Trying again may help.
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
            Self::InUse { .. } | Self::NotDurable { .. } | Self::Engine { .. } => false,
        }
    }
}
