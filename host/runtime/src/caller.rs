//! Who calls an activity, which run of which call it is, and who runs it.

use crate::catalog::Catalog;
use crate::executor::{Guests, Offer};
use dacapo_core::{ActivityCall, Identity, TaskId};
use dacapo_store::{FunctionKind, InstanceKey, ModuleVersion, VersionId};
use std::sync::Arc;

/// One run of an activity call, by the execution that has asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    pub(crate) key: InstanceKey,
    pub(crate) execution: u32,
    pub(crate) task: TaskId,
    /// See [`ActivityCall::run`].
    pub(crate) number: u32,
}

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) key: InstanceKey,
    pub(crate) identity: Identity,
    pub(crate) version: VersionId,
}

impl Caller {
    /// The run that `call` asks for.
    pub(crate) fn run(&self, call: &ActivityCall) -> Run {
        Run { key: self.key, execution: self.identity.generation, task: call.task, number: call.run }
    }

    /// Who runs the activity; `None` where nobody does.
    pub(crate) fn resolve(&self, guests: &Guests, catalog: &Catalog, call: &ActivityCall) -> Option<Runner> {
        let offer = guests.host.offers(&call.name);
        if offer == Some(Offer::Configured) {
            return Some(Runner::Host);
        }
        let module = catalog.called(FunctionKind::Activity, &call.name, self.version);
        module.map(Runner::Module).or(offer.map(|_| Runner::Host))
    }
}

/// Who runs an activity.
#[derive(Clone)]
pub(crate) enum Runner {
    /// A version of a module.
    Module(Arc<ModuleVersion>),
    /// The host itself.
    Host,
}

impl Runner {
    /// Whether a run can have no effect outside, so that one in vain changes nothing.
    pub(crate) fn is_pure(&self, guests: &Guests) -> bool {
        matches!(self, Self::Module(version) if guests.activities.is_pure(version))
    }
}
