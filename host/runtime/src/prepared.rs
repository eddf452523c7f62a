//! What was prepared of components, and who still needs it: it is forgotten when nobody does.

use crate::catalog::Catalog;
use crate::executor::ModuleLoader;
use crate::scheduler::Scheduler;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Components at which somebody is at work, by digest.
#[derive(Clone)]
pub(crate) struct Prepared(Arc<Inner>);

struct Inner {
    in_use: Mutex<HashMap<String, Use>>,
    forgotten: Notify,
    loader: Arc<dyn ModuleLoader>,
    catalog: Arc<Catalog>,
    scheduler: Arc<dyn Scheduler>,
}

enum Use {
    /// So many are at work with it.
    By(usize),
    /// It is being forgotten: whoever comes now waits, and prepares it anew.
    Forgotten,
}

impl Prepared {
    pub(crate) fn new(loader: Arc<dyn ModuleLoader>, catalog: Arc<Catalog>, scheduler: Arc<dyn Scheduler>) -> Self {
        Self(Arc::new(Inner { in_use: Mutex::default(), forgotten: Notify::new(), loader, catalog, scheduler }))
    }

    fn in_use(&self) -> MutexGuard<'_, HashMap<String, Use>> {
        // Counts are valid whatever happened while they were locked.
        self.0.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody is at work with the component for as long as the answer lives. After that, what was prepared of it goes,
    /// unless a version has it or somebody else is at work with it.
    pub(crate) async fn hold(&self, digest: &str) -> InUse {
        loop {
            let forgotten = self.0.forgotten.notified();
            tokio::pin!(forgotten);
            // From here on nothing that is notified is missed.
            forgotten.as_mut().enable();
            match self.in_use().entry(digest.to_owned()).or_insert(Use::By(0)) {
                Use::By(count) => {
                    *count += 1;
                    return InUse { prepared: self.clone(), digest: digest.to_owned() };
                }
                Use::Forgotten => {}
            }
            forgotten.await;
        }
    }
}

/// See [`Prepared::hold`].
pub(crate) struct InUse {
    prepared: Prepared,
    digest: String,
}

impl InUse {
    /// Ends the use, and waits until what nobody needs any more is gone. Being dropped ends it too, for who cannot wait.
    pub(crate) async fn end(self) {
        let (prepared, digest) = (self.prepared.clone(), self.digest.clone());
        let gone = prepared.0.forgotten.notified();
        tokio::pin!(gone);
        gone.as_mut().enable();
        drop(self);
        while matches!(prepared.in_use().get(&digest), Some(Use::Forgotten)) {
            gone.as_mut().await;
            gone.set(prepared.0.forgotten.notified());
            gone.as_mut().enable();
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut in_use = self.prepared.in_use();
        if let Some(Use::By(count)) = in_use.get_mut(&self.digest)
            && *count > 1
        {
            *count -= 1;
            return;
        }
        if self.prepared.0.catalog.all().iter().any(|version| version.digest == self.digest) {
            in_use.remove(&self.digest);
            return;
        }
        in_use.insert(self.digest.clone(), Use::Forgotten);
        let (prepared, digest) = (self.prepared.clone(), std::mem::take(&mut self.digest));
        self.prepared.0.scheduler.spawn(Box::pin(async move {
            prepared.0.loader.forget(&digest).await;
            prepared.in_use().remove(&digest);
            prepared.0.forgotten.notify_waiters();
        }));
    }
}
