//! An instance's status, and every newer one.

use super::Api;
use dacapo_core::InstanceId;
use dacapo_runtime::client::Subscription;
use dacapo_runtime::{ClientError, InstanceView};
use std::sync::Arc;

/// Follows the status of one instance. It never goes back, whatever order statuses are published and read in.
pub(super) struct Changes {
    subscription: Subscription,
    latest: Arc<InstanceView>,
}

impl Changes {
    /// From the present status on; `None` where there is no such instance.
    pub(super) async fn from_now(api: &Api, id: &InstanceId) -> Result<Option<Self>, ClientError> {
        let subscription = api.client.subscribe(id);
        let present = api.client.status(id).await?;
        Ok(present.map(|latest| Self { subscription, latest }))
    }

    /// The newest status seen so far.
    pub(super) fn latest(&self) -> &Arc<InstanceView> {
        &self.latest
    }

    /// Waits for a newer one; `false` once the instance was purged. Loses nothing when it is dropped half way.
    pub(super) async fn next(&mut self) -> bool {
        while let Some(view) = self.subscription.changed().await {
            if position(&view) > position(&self.latest) {
                self.latest = view;
                return true;
            }
        }
        false
    }
}

/// Grows with every turn of an instance, and from one user of an id to the next.
fn position(view: &InstanceView) -> (i64, u32, u64, bool) {
    (view.key.0, view.generation, view.turn, view.stalled)
}
