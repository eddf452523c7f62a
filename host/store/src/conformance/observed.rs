//! Everything that can be read of a store, as one value.

use crate::{InboxEntry, Instance, InstanceFilter, InstanceKey, ModuleVersion, Store, StoredTurn, VersionId};
use dacapo_core::{InstanceId, Payload};

/// Everything that can be read of a store. Two stores that were written the same are equal in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Observed {
    /// The instances, each with what belongs to it.
    pub instances: Vec<ObservedInstance>,
    /// What has work.
    pub busy: Vec<(InstanceKey, InstanceId)>,
    /// What has a timer.
    pub timers: Vec<(u64, InstanceKey, InstanceId)>,
    /// How many instances each version holds.
    pub pins: Vec<(VersionId, u64)>,
    /// The versions, each with its component.
    pub modules: Vec<(ModuleVersion, Option<Vec<u8>>)>,
}

/// One instance, with what belongs to it.
#[derive(Debug, PartialEq, Eq)]
pub struct ObservedInstance {
    /// Its row.
    pub instance: Instance,
    /// Its input.
    pub input: Option<Payload>,
    /// The history of its current execution.
    pub history: Vec<StoredTurn>,
    /// Its inbox.
    pub inbox: Vec<InboxEntry>,
}

impl Observed {
    /// Reads everything.
    pub fn of(store: &dyn Store) -> Self {
        let all = InstanceFilter::default();
        let page = store.list(&all, InstanceKey::ZERO, usize::MAX).expect("lists");
        assert_eq!(page.next, None, "all of them fit on one page");
        let modules = store.modules().expect("reads").into_iter();
        Self {
            instances: page.instances.into_iter().map(|instance| ObservedInstance::of(store, instance)).collect(),
            busy: store.busy(InstanceKey::ZERO, usize::MAX).expect("reads"),
            timers: store.timers((0, InstanceKey::ZERO), usize::MAX).expect("reads"),
            pins: store.pins().expect("reads"),
            modules: modules.map(|version| with_component(store, version)).collect(),
        }
    }
}

impl ObservedInstance {
    fn of(store: &dyn Store, instance: Instance) -> Self {
        let found = store.instance(&instance.id).expect("reads");
        assert_eq!(found.as_ref(), Some(&instance), "the listing and the id lead to the same");
        Self {
            input: store.input(instance.key).expect("reads"),
            history: store.history(instance.key, instance.generation, 0).expect("reads"),
            inbox: store.inbox(instance.key).expect("reads"),
            instance,
        }
    }
}

fn with_component(store: &dyn Store, version: ModuleVersion) -> (ModuleVersion, Option<Vec<u8>>) {
    let component = store.component(&version.digest).expect("reads");
    (version, component)
}
