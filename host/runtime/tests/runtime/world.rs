//! A runtime with its guests, store and clock, and what tests ask of it.

use crate::native::{Native, NativeGuests};
use crate::unruly_store::UnrulyStore;
use dacapo_core::{InstanceId, Payload, RuntimeStatus};
use dacapo_runtime::client::Subscription;
use dacapo_runtime::executor::{Guests, NoHostActivities};
use dacapo_runtime::{Client, InstanceView, ManualClock, Runtime, RuntimeConfig, Start};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// A runtime with module `m` deployed.
pub(crate) struct World {
    pub(crate) store: Arc<UnrulyStore>,
    pub(crate) guests: Arc<NativeGuests>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
}

impl World {
    pub(crate) async fn new(config: RuntimeConfig) -> World {
        let guests = Arc::new(NativeGuests::new());
        let native = Arc::new(Native(guests.clone()));
        let host = Arc::new(NoHostActivities);
        let all = Guests { orchestrators: native.clone(), activities: native.clone(), host, loader: native };
        let (store, clock) = (Arc::new(UnrulyStore::new()), Arc::new(ManualClock::new(1_000)));
        let client = Runtime::start(store.clone(), all, clock.clone(), config).await.expect("starts");
        client.deploy("m", b"native".to_vec()).await.expect("deploys");
        World { store, guests, clock, client }
    }

    /// One in which `Flow` waits for its event as instance `a`, and a subscription to that.
    pub(crate) async fn with_a_waiting(config: RuntimeConfig) -> (World, Subscription) {
        let world = World::new(config).await;
        let mut watching = world.client.subscribe(&id("a"));
        world.client.start(flow("a")).await.expect("starts");
        until(&mut watching, waits).await;
        (world, watching)
    }
}

pub(crate) fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).expect("valid")
}

pub(crate) fn json(text: &str) -> Payload {
    Payload::parse(text).expect("json")
}

/// Starts `Flow` as an instance with this id.
pub(crate) fn flow(text: &str) -> Start {
    Start { name: "flow".into(), id: Some(id(text)), input: json("7"), version: None }
}

/// Starts this orchestrator as an instance with this id.
pub(crate) fn start(name: &str, text: &str) -> Start {
    Start { name: name.into(), id: Some(id(text)), input: json("0"), version: None }
}

/// Starts `Nap` as an instance with this id.
pub(crate) fn nap(text: &str, ms: u64) -> Start {
    Start { name: "nap".into(), id: Some(id(text)), input: json(&ms.to_string()), version: None }
}

/// Waits for a view that is wanted, of whichever instance has the id.
pub(crate) async fn until(watching: &mut Subscription, wanted: impl Fn(&InstanceView) -> bool) -> Arc<InstanceView> {
    loop {
        if let Some(view) = watching.changed().await
            && wanted(&view)
        {
            return view;
        }
    }
}

/// As [`until`], while the clock goes on: what is tried again after a while is tried.
pub(crate) async fn until_in_time(
    world: &World,
    watching: &mut Subscription,
    wanted: impl Fn(&InstanceView) -> bool,
) -> Arc<InstanceView> {
    let mut seen = pin!(until(watching, wanted));
    loop {
        tokio::select! {
            biased;
            view = &mut seen => return view,
            () = tokio::task::yield_now() => world.clock.advance(Duration::from_millis(100)),
        }
    }
}

/// Waits for what another thread is about to do.
pub(crate) async fn becomes(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

/// `Flow` waits for its event.
pub(crate) fn waits(view: &InstanceView) -> bool {
    view.custom_status == Some(json("7")) && view.status == RuntimeStatus::Running
}

/// It has ended for good.
pub(crate) fn ended(view: &InstanceView) -> bool {
    view.status.is_finished() && !view.stalled
}
