//! `/instances`: reading, listing, purging and acting on instances.

pub(super) mod acts;
pub(super) mod debug;
pub(super) mod list;
pub(super) mod purge;
pub(super) mod status;

use super::error::ApiError;
use dacapo_core::InstanceId;

/// The instance a path names. What cannot be an id names no instance.
fn target(id: &str) -> Result<InstanceId, ApiError> {
    InstanceId::parse(id).map_err(|error| ApiError::missing("UnknownInstance", error.to_string()))
}
