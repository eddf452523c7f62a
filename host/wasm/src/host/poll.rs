//! `wasi:io/poll` and what is polled of `wasi:clocks`: time stands still within a turn, so that waiting for it would not end.

use super::wasi::TurnClock;
use crate::guest::Guest;
use futures::FutureExt as _;
use std::time::Duration;
use tokio::time::Instant;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, HostPollable as _};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock as _, async_trait};

const CANNOT_WAIT: &str = "a guest cannot block (sleep, read a socket, poll): \
    an orchestrator waits with `start-timer` and `wait-for-event`, an activity returns and is called again \
    (one whose module may send requests can wait for their replies)";

/// Takes the place of what wasmtime serves: a sleep in a guest would really sleep.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut poll = linker.instance("wasi:io/poll@0.2.12")?;
    poll.func_wrap_async("[method]pollable.block", |mut store, (pollable,): (Resource<DynPollable>,)| {
        Box::new(async move { wait(&mut store, |table| table.block(pollable)).await })
    })?;
    poll.func_wrap_async("poll", |mut store, (pollables,): (Vec<Resource<DynPollable>>,)| {
        Box::new(async move { Ok((wait(&mut store, |table| table.poll(pollables)).await?,)) })
    })?;
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    clock.func_wrap("subscribe-duration", |mut store, (nanoseconds,): (u64,)| {
        let guest = store.data_mut();
        let when = guest.clock().now().saturating_add(nanoseconds);
        Ok((guest.subscribe(when)?,))
    })?;
    clock.func_wrap("subscribe-instant", |mut store, (when,): (u64,)| Ok((store.data_mut().subscribe(when)?,)))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Waits, where the guest may. Where not, it has what is ready now: runtimes that switch between tasks of their own, such
/// as Go's, ask so without meaning to wait.
async fn wait<'a, T, F>(
    store: &'a mut StoreContextMut<'_, Guest>,
    on: impl FnOnce(&'a mut ResourceTable) -> F,
) -> wasmtime::Result<T>
where
    F: Future<Output = wasmtime::Result<T>>,
{
    let guest = store.data_mut();
    let (may_wait, gate) = (guest.door().0.is_open(), guest.gate.clone());
    let waiting = on(guest.table());
    if !may_wait {
        return waiting.now_or_never().unwrap_or_else(|| Err(wasmtime::Error::msg(CANNOT_WAIT)));
    }
    let ready = waiting.await;
    gate.has_waited();
    ready
}

impl Guest {
    fn clock(&self) -> TurnClock {
        TurnClock(self.gate.clone())
    }

    /// What is ready once the monotonic clock shows `when`, in nanoseconds.
    fn subscribe(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let clock = self.clock();
        let deadline = match self.door().0.is_open() {
            true => Deadline::Machine(Instant::now() + Duration::from_nanos(when.saturating_sub(clock.now()))),
            false => Deadline::Turn(clock, when),
        };
        let deadline = self.table().push(deadline)?;
        subscribe(self.table(), deadline)
    }
}

enum Deadline {
    /// Its guest was let out, and may wait.
    Machine(Instant),
    /// The clock moves from turn to turn: there is nothing to wait for within one.
    Turn(TurnClock, u64),
}

#[async_trait]
impl Pollable for Deadline {
    async fn ready(&mut self) {
        match self {
            Self::Machine(at) => tokio::time::sleep_until(*at).await,
            Self::Turn(clock, when) if clock.now() >= *when => {}
            Self::Turn(..) => std::future::pending().await,
        }
    }
}
