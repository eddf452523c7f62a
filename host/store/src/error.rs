//! When a store cannot answer.

use crate::model::Instance;
use dacapo_core::InboxEntry;
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
    /// The folder and what lies in it do not belong together, or are not what they were.
    #[error("the data folder {folder} is not served: {found}")]
    Suspect {
        /// The folder.
        folder: String,
        /// What was found, and what to do.
        found: String,
    },
    /// One row cannot be read. What it belongs to stands still; everything else goes on.
    #[error("table `{table}`, key {key}, column `{column}`: {reason}")]
    BadRow {
        /// Its table.
        table: &'static str,
        /// Its key there.
        key: String,
        /// What of it cannot be read.
        column: String,
        /// Why.
        reason: String,
        /// All of the instance but its custom status and output, where these are all that cannot be read.
        rest: Option<Box<Instance>>,
    },
    /// An inbox cannot be read from one of its entries on.
    #[error("instance key {key}: inbox entry {seq} {reason}")]
    BadInbox {
        /// The instance.
        key: i64,
        /// The first entry that cannot be read.
        seq: u64,
        /// Why.
        reason: String,
        /// The entries that can be read.
        rest: Vec<InboxEntry>,
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
            Self::CorruptHistory { .. }
            | Self::BadRow { .. }
            | Self::BadInbox { .. }
            | Self::Corrupt(_)
            | Self::Suspect { .. }
            | Self::NewerSchema { .. } => true,
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

    /// What could be read of an instance whose row could not be read whole: enough to end it.
    #[cfg(feature = "sqlite")]
    pub(crate) fn take_instance(&mut self) -> Option<Instance> {
        match self {
            Self::BadRow { rest, .. } => rest.take().map(|rest| *rest),
            _ => None,
        }
    }

    /// What could be read of an inbox that could not be read whole.
    #[cfg(feature = "sqlite")]
    pub(crate) fn take_entries(&mut self) -> Option<Vec<InboxEntry>> {
        match self {
            Self::BadInbox { rest, .. } => Some(std::mem::take(rest)),
            _ => None,
        }
    }
}
