//! A deterministic WASI: time from the turn, randomness from the instance, no files, no sockets, no waiting.

use super::output::Output;
use super::poll;
use crate::guest::{Gate, Guest};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wasmtime::component::Linker;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

/// Random bytes of one call.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// The WASI interfaces, with those that block taken out.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    poll::add_to_linker(linker)
}

/// The WASI state of one guest.
pub(crate) fn context(seed: [u8; 32], gate: Arc<Gate>, output: Output) -> WasiCtx {
    let (mut half, mut whole) = ([0; 16], seed);
    half.copy_from_slice(&seed[..16]);
    whole.reverse();
    WasiCtx::builder()
        .secure_random(ChaCha20Rng::from_seed(seed))
        .insecure_random(ChaCha20Rng::from_seed(whole))
        .insecure_random_seed(u128::from_le_bytes(half))
        // One call cannot be interrupted: this much takes far less than a tick.
        .max_random_size(MAX_RANDOM_BYTES)
        .wall_clock(TurnClock(gate.clone()))
        .monotonic_clock(TurnClock(gate))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .stdout(output.clone())
        .stderr(output)
        .build()
}

/// Stands still within a turn.
pub(super) struct TurnClock(pub(super) Arc<Gate>);

impl HostWallClock for TurnClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now_ms.load(Ordering::Relaxed))
    }
}

impl HostMonotonicClock for TurnClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        // Never zero, as for who is asked what it exports: Go takes that for a broken clock.
        self.0.now_ms.load(Ordering::Relaxed).saturating_mul(1_000_000).max(1)
    }
}
