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
        Ok((store.data_mut().subscribe(nanoseconds)?,))
    })?;
    clock.func_wrap("subscribe-instant", |mut store, (when,): (u64,)| {
        let guest = store.data_mut();
        let nanoseconds = when.saturating_sub(TurnClock(guest.gate.clone()).now());
        Ok((guest.subscribe(nanoseconds)?,))
    })?;
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
    fn subscribe(&mut self, nanoseconds: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let deadline = match self.door().0.is_open() {
            _ if nanoseconds == 0 => Deadline::Past,
            true => Instant::now().checked_add(Duration::from_nanos(nanoseconds)).map_or(Deadline::Never, Deadline::At),
            false => Deadline::Never,
        };
        let deadline = self.table().push(deadline)?;
        subscribe(self.table(), deadline)
    }
}

enum Deadline {
    Past,
    /// By the machine's clock: its guest was let out, and may wait.
    At(Instant),
    /// The clock of a turn does not get there.
    Never,
}

#[async_trait]
impl Pollable for Deadline {
    async fn ready(&mut self) {
        match self {
            Self::Past => {}
            Self::At(at) => tokio::time::sleep_until(*at).await,
            Self::Never => std::future::pending().await,
        }
    }
}
