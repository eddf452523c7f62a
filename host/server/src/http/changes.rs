//! An instance's status, and every newer one.

use super::Api;
use dacapo_core::InstanceId;
use dacapo_runtime::client::Subscription;
use dacapo_runtime::{ClientError, InstanceView};
use std::collections::VecDeque;
use std::sync::Arc;

/// Follows the status of one instance. It never goes back, whatever order statuses are published and read in.
pub(super) struct Changes {
    subscription: Subscription,
    latest: Arc<InstanceView>,
    /// Newer ones than `latest` that were published before this began.
    backlog: VecDeque<Arc<InstanceView>>,
}

impl Changes {
    /// From the present status on; `None` where there is no such instance.
    pub(super) async fn from_now(api: &Api, id: &InstanceId) -> Result<Option<Self>, ClientError> {
        let subscription = api.client.subscribe(id);
        let present = api.client.status(id).await?;
        Ok(present.map(|latest| Self { subscription, latest, backlog: VecDeque::new() }))
    }

    /// From the earliest change that is still known on.
    pub(super) async fn from_the_first(api: &Api, id: &InstanceId) -> Result<Option<Self>, ClientError> {
        Ok(Self::from_now(api, id).await?.map(|now| now.back_to(api.client.recent_changes(id))))
    }

    /// From the change with this revision on, if that is still known; else from the present status on.
    pub(super) async fn from(api: &Api, id: &InstanceId, revision: &str) -> Result<Option<Self>, ClientError> {
        let Some(now) = Self::from_now(api, id).await? else { return Ok(None) };
        let mut known = api.client.recent_changes(id);
        let place = known.iter().position(|view| view.durable_revision() == revision);
        Ok(Some(match place {
            Some(place) => now.back_to(known.split_off(place)),
            None => now,
        }))
    }

    fn back_to(self, changes: Vec<Arc<InstanceView>>) -> Self {
        let mut backlog = VecDeque::from(changes);
        let latest = backlog.pop_front().unwrap_or(self.latest);
        Self { latest, backlog, ..self }
    }

    /// The newest status seen so far.
    pub(super) fn latest(&self) -> &Arc<InstanceView> {
        &self.latest
    }

    /// Waits for a newer one; `false` once the instance was purged. Loses nothing when it is dropped half way.
    pub(super) async fn next(&mut self) -> bool {
        if let Some(view) = self.backlog.pop_front() {
            self.latest = view;
            return true;
        }
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
fn position(view: &InstanceView) -> (i64, u32, u64, bool, u64) {
    (view.key.0, view.generation, view.turn, view.stalled, view.progress.number)
}
