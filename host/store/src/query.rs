//! What can be asked of a store about many instances.

use crate::model::{Instance, InstanceKey};
use dacapo_core::RuntimeStatus;

/// Which instances to list. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Ids that begin with this text (case-sensitive).
    pub id_prefix: Option<String>,
    /// The orchestrator's name, ignoring case.
    pub name: Option<String>,
    /// Created at this time or later.
    pub created_from_ms: Option<u64>,
    /// Created at this time or earlier.
    pub created_to_ms: Option<u64>,
    /// One of these statuses; empty: any.
    pub statuses: Vec<RuntimeStatus>,
}

impl InstanceFilter {
    /// Whether `instance` is meant. This is the definition; a store's query must agree with it.
    pub fn matches(&self, instance: &Instance) -> bool {
        self.id_prefix.as_deref().is_none_or(|prefix| instance.id.as_str().starts_with(prefix))
            && self
                .name
                .as_deref()
                .is_none_or(|name| dacapo_core::ids::fold_name(name) == dacapo_core::ids::fold_name(&instance.name))
            && self.created_from_ms.is_none_or(|from| instance.created_at_ms >= from)
            && self.created_to_ms.is_none_or(|to| instance.created_at_ms <= to)
            && (self.statuses.is_empty() || self.statuses.contains(&instance.status))
    }
}

/// Where a listing goes on: after this key. (Keys ascend with creation.)
pub type ContinueAfter = InstanceKey;

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The instances, in the order of their creation.
    pub instances: Vec<Instance>,
    /// Where the next page begins; `None` when there is no further match. There need not be one where there is a next page.
    pub next: Option<ContinueAfter>,
}
