//! Why a module was not deployed, checked or deleted.

use crate::committer::CommitError;
use crate::executor::InvalidModule;
use dacapo_core::InstanceId;
use dacapo_core::ids::MAX_NAME_CHARS;
use dacapo_store::{FunctionKind, StoreError};
use std::sync::Arc;

/// Why a module was not deployed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The module's name is not one.
    #[error(
        "A module name has 1 to {MAX_NAME_CHARS} characters out of letters, digits, '.', '_' and '-'; found '{0}'."
    )]
    Name(String),
    /// Not a module of ours, or not usable.
    #[error(transparent)]
    Invalid(#[from] InvalidModule),
    /// Exports two functions that differ in case only, or a name that is not one.
    #[error("The module exports the {} '{name}' {problem}.", kind.as_str())]
    Export {
        /// What it is.
        kind: FunctionKind,
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Another module exports one of the functions that would become active.
    #[error("The {} '{function}' is already exported by module '{module}': deploy under that name, or delete that module.", kind.as_str())]
    NameTaken {
        /// What it is.
        kind: FunctionKind,
        /// Its name.
        function: String,
        /// Whose it is.
        module: String,
    },
    /// No such version.
    #[error("There is no version {version} of a module '{module}'.")]
    UnknownVersion {
        /// The module.
        module: String,
        /// The version, as it was named.
        version: String,
    },
    /// There is nothing to go back to.
    #[error("The module '{module}' has no version before the active one.")]
    NothingBefore {
        /// The module.
        module: String,
    },
    /// Unfinished instances are on the version.
    #[error(
        "Version {version} of '{module}' is held by {instances} unfinished instances: let them end, or terminate them."
    )]
    Pinned {
        /// The module.
        module: String,
        /// The version.
        version: u32,
        /// How many.
        instances: u64,
    },
    /// An instance could not be looked at.
    #[error("The instance '{id}' could not be checked: {reason}")]
    NotChecked {
        /// The instance.
        id: InstanceId,
        /// Why.
        reason: String,
    },
    /// The server is going down.
    #[error("The server is shutting down: try again when it is back.")]
    ShuttingDown,
    /// The store failed; what that leaves of it, the error says.
    #[error("The store cannot answer: {0}")]
    Store(Arc<StoreError>),
}

impl From<CommitError> for DeployError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) | CommitError::Unknown(error) => Self::Store(error),
            CommitError::Closed => Self::ShuttingDown,
            CommitError::Refused(refused) => {
                Self::Store(Arc::new(StoreError::Corrupt(format!("unexpected answer: {refused}"))))
            }
        }
    }
}
