//! The runtime status of an instance.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an instance stands, by the names of the HTTP contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuntimeStatus {
    /// Created; its first turn has not been committed.
    Pending,
    /// Its first turn has been committed.
    Running,
    /// Held by an operator: events are kept, nothing runs.
    Suspended,
    /// Between two executions.
    ContinuedAsNew,
    /// Returned a result.
    Completed,
    /// Ended with a failure.
    Failed,
    /// Ended by an operator.
    Terminated,
    /// Ended by its parent.
    Canceled,
}

impl RuntimeStatus {
    /// All of them.
    pub const ALL: [RuntimeStatus; 8] = [
        RuntimeStatus::Pending,
        RuntimeStatus::Running,
        RuntimeStatus::Suspended,
        RuntimeStatus::ContinuedAsNew,
        RuntimeStatus::Completed,
        RuntimeStatus::Failed,
        RuntimeStatus::Terminated,
        RuntimeStatus::Canceled,
    ];

    /// Whether the instance has ended: nothing will ever run again under this execution.
    pub fn is_finished(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Terminated | Self::Canceled => true,
            Self::Pending | Self::Running | Self::Suspended | Self::ContinuedAsNew => false,
        }
    }

    /// Whether it may ever run again: it has not ended, or has failed and may be rewound.
    pub fn can_go_on(self) -> bool {
        !self.is_finished() || self == Self::Failed
    }

    /// The name in the HTTP contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Suspended => "Suspended",
            Self::ContinuedAsNew => "ContinuedAsNew",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Terminated => "Terminated",
            Self::Canceled => "Canceled",
        }
    }

    /// The status with this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for RuntimeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
