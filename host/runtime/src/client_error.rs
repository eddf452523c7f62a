//! Why a request of the outside was not done.

use crate::committer::CommitError;
use dacapo_core::ids::MAX_NAME_CHARS;
use dacapo_core::{InstanceId, RuntimeStatus};
use dacapo_store::{Refused, StoreError};
use std::sync::Arc;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No module exports the orchestrator.
    #[error("The function '{name}' doesn't exist, is disabled, or is not an orchestrator function. {}", exist(.known))]
    NoSuchOrchestrator {
        /// What was asked for.
        name: String,
        /// The orchestrators that do exist.
        known: Vec<String>,
    },
    /// No version that could be meant has this name.
    #[error("There is no version '{version}' of what '{name}' runs on. {}", versions(.known))]
    NoSuchVersion {
        /// The orchestrator, or the module.
        name: String,
        /// The version, as it was named.
        version: String,
        /// The numbers of those that there are.
        known: Vec<u32>,
    },
    /// The instance would not go on with the version.
    #[error("The instance '{id}' stays where it is; it would not go on with version {version}: {reason}")]
    Diverges {
        /// The instance.
        id: InstanceId,
        /// The version.
        version: u32,
        /// Why.
        reason: String,
    },
    /// The instance does not stand still for long enough.
    #[error("The instance '{0}' moves on faster than it can be looked at: suspend it first.")]
    MovesOn(InstanceId),
    /// The instance cannot be looked at at the moment.
    #[error("The instance '{id}' cannot be looked at at the moment: {reason}")]
    NotNow {
        /// The instance.
        id: InstanceId,
        /// Why.
        reason: String,
    },
    /// An unfinished instance has the id.
    #[error("An instance with the id '{id}' is {status}; an id can be used again once its instance has ended.")]
    InstanceExists {
        /// The id.
        id: InstanceId,
        /// Where the other one stands.
        status: RuntimeStatus,
    },
    /// No instance has the id.
    #[error("There is no instance with the id '{0}'.")]
    UnknownInstance(InstanceId),
    /// The instance has ended.
    #[error("The instance '{id}' is {status}.")]
    Finished {
        /// The id.
        id: InstanceId,
        /// How it ended.
        status: RuntimeStatus,
    },
    /// The version that the instance was on was deleted.
    #[error("The module version that '{0}' ran on was deleted: it cannot go on. Restart it on the newest one.")]
    VersionGone(InstanceId),
    /// The instance has not failed.
    #[error("The instance '{id}' is {status}: only a failed one can be rewound.")]
    NotFailed {
        /// The id.
        id: InstanceId,
        /// Where it stands.
        status: RuntimeStatus,
    },
    /// The instance has not ended.
    #[error("The instance '{id}' is {status}: terminate it first, or purge it with force=true.")]
    Unfinished {
        /// The id.
        id: InstanceId,
        /// Where it stands.
        status: RuntimeStatus,
    },
    /// It has been given as much as it may have and not take.
    #[error(
        "The instance '{id}' has not taken the events that it was given; the limit `{setting}` is {limit}: try again later."
    )]
    InboxFull {
        /// The id.
        id: InstanceId,
        /// `inbox_events`, `inbox_bytes`, or `untaken_events`.
        setting: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A value is too large.
    #[error("The {what} has {found} bytes; the limit `{setting}` is {limit}.")]
    TooLarge {
        /// Which value.
        what: &'static str,
        /// Its size in bytes.
        found: usize,
        /// The setting.
        setting: &'static str,
        /// Its value.
        limit: usize,
    },
    /// A name is empty or too long.
    #[error("The {what} name must have 1 to {MAX_NAME_CHARS} characters; this one has {found}.")]
    Name {
        /// "event", say.
        what: &'static str,
        /// Characters found.
        found: usize,
    },
    /// The server is going down.
    #[error("The server is shutting down: try again when it is back.")]
    ShuttingDown,
    /// There is no room on the disk; nothing was done.
    #[error("The disk is full, and nothing of this has happened: try again when there is room. {0}")]
    DiskFull(Arc<StoreError>),
    /// The disk failed while this was written. Whether it has happened is known after the next start. A start that names
    /// its id is safe to repeat; so are a termination, a purge and a deployment. An event may come twice.
    #[error(
        "The disk failed while this was being written, and the server stops: it may have happened or not. When the server \
         is back, look, or repeat it: a start with an id of its own, a termination and a purge are safe to repeat; an event \
         could arrive twice. {0}"
    )]
    Unknown(Arc<StoreError>),
    /// The store failed; nothing was done.
    #[error("The store cannot answer, and nothing of this has happened: {0}")]
    Store(Arc<StoreError>),
}

fn exist(known: &[String]) -> String {
    if known.is_empty() {
        return "No module that exports an orchestrator is deployed.".into();
    }
    format!("Orchestrators that exist: {}.", known.join(", "))
}

fn versions(known: &[u32]) -> String {
    let numbers: Vec<String> = known.iter().map(u32::to_string).collect();
    format!("Versions that exist: {}; a version can also be named by its digest.", numbers.join(", "))
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<CommitError> for ClientError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) if matches!(*error, StoreError::DiskFull { .. }) => Self::DiskFull(error),
            CommitError::Store(error) => Self::Store(error),
            CommitError::Unknown(error) => Self::Unknown(error),
            CommitError::Closed => Self::ShuttingDown,
            CommitError::Refused(Refused::Unreadable { what }) => Self::Store(Arc::new(StoreError::Corrupt(what))),
            // Each method names the refusals that its write can meet; any other is the store's mistake.
            CommitError::Refused(refused) => {
                Self::Store(Arc::new(StoreError::Corrupt(format!("unexpected answer: {refused}"))))
            }
        }
    }
}
