//! Why a turn was not committed. Nothing of it has happened.

use super::known::Known;
use crate::committer::CommitError;
use crate::executor::PlayError;
use crate::player::Stopped;
use dacapo_store::{InstanceKey, Refused, StoreError};

/// See the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is no unfinished instance with this id: forget what is held.
    #[error("the instance is gone")]
    Gone,
    /// What is held is not what is stored: forget it, and look again. A new instance may have the id by now.
    #[error("the instance has moved on")]
    Fenced,
    /// The store, or something else that the host needs, does not answer; the work is still there.
    #[error("{0}")]
    NotNow(String),
    /// The committer has stopped.
    #[error("the committer has stopped")]
    Closed,
    /// The guest was cut by a limit of the machine.
    #[error("the turn was cut: {1}")]
    Cut(InstanceKey, String),
    /// It sends to somebody who has no room: it fails.
    #[error("{1}")]
    Unsent(InstanceKey, String),
    /// No room for another guest.
    #[error("no room for another guest: {0}")]
    NoRoom(String),
    /// What is stored of it cannot be read, not even what it takes to end it.
    #[error("{0}")]
    Unreadable(String),
    /// It cannot be played on: the replay does not match, the history is not one, or the module cannot be had.
    #[error("{1}")]
    Stalled(Box<Known>, String),
}

impl From<CommitError> for Trouble {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(Refused::Fenced) => Trouble::Fenced,
            CommitError::Refused(full @ Refused::ReceiverFull { sender, .. }) => {
                Trouble::Unsent(sender, full.to_string())
            }
            CommitError::Refused(refused) => Trouble::NotNow(format!("a turn was refused: {refused}")),
            CommitError::Store(error) => Trouble::NotNow(format!("the store failed: {error}")),
            CommitError::Unknown(_) | CommitError::Closed => Trouble::Closed,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        if error.is_lasting() {
            return Trouble::Unreadable(error.to_string());
        }
        Trouble::NotNow(format!("the store failed: {error}"))
    }
}

impl From<(&Known, PlayError)> for Trouble {
    fn from((known, error): (&Known, PlayError)) -> Self {
        match error {
            PlayError::Cut(reason) => Trouble::Cut(known.fence.key, reason),
            PlayError::NoRoom(reason) => Trouble::NoRoom(reason),
            PlayError::NotNow(_) => Trouble::NotNow(error.to_string()),
            PlayError::Unavailable(_) => Trouble::Stalled(Box::new(known.clone()), error.to_string()),
        }
    }
}

impl From<(&Known, Stopped)> for Trouble {
    fn from((known, stopped): (&Known, Stopped)) -> Self {
        match stopped {
            Stopped::Play(error) => (known, error).into(),
            Stopped::Corrupt(_) | Stopped::Mismatch(_) => {
                Trouble::Stalled(Box::new(known.clone()), stopped.to_string())
            }
        }
    }
}
