//! Who raised an event, or acted on an instance.

use crate::ids::InstanceId;
use serde::{Deserialize, Serialize};

/// Whose doing an arrival was. Recorded with it; no replay looks at it. Absent in what was written before it was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A client's.
    Client,
    /// That of the instance with this id: it sent the event, or what was done to it was done to its children too.
    Instance(InstanceId),
}
