//! The one wasmtime configuration, and the ticker that bounds CPU.

use crate::WasmConfig;
use crate::guest::TABLE_ELEMENTS;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

/// Length of an epoch, in milliseconds: how finely CPU is counted.
pub const TICK_MS: u64 = 10;

/// The engine that plays guests.
pub fn build(config: &WasmConfig) -> wasmtime::Result<Engine> {
    let mut engine = base();
    engine.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    Engine::new(&engine)
}

/// An error of wasmtime among those of the other crates; the two kinds do not mix by themselves.
pub(crate) fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// An engine that only compiles: what it writes, the other one loads. It reserves no address space.
pub(crate) fn compile_only() -> wasmtime::Result<Engine> {
    Engine::new(&base())
}

/// Everything that shapes compiled code. Both engines share it; a difference would make artefacts unloadable.
fn base() -> Config {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    // Component-model async has no place in the contract, and its bookkeeping costs on every call.
    config.concurrency_support(false);
    // Proposals that no toolchain of ours needs; each is code that untrusted modules could reach.
    config.wasm_threads(false);
    config.wasm_shared_everything_threads(false);
    config.wasm_memory64(false);
    // What joins the inner components of an interpreter's module copies from one memory to another.
    config.wasm_multi_memory(true);
    config.wasm_gc(false);
    config.wasm_function_references(false);
    config.wasm_exceptions(false);
    config.wasm_stack_switching(false);
    // The same bits on every machine that replays a history.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config.epoch_interruption(true);
    // A trap's backtrace goes into the failure's details.
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(20));
    // With the whole 4 GiB that 32 bits can address reserved, compiled code needs no bounds checks.
    config.memory_reservation(4 << 30);
    config.memory_guard_size(32 << 20);
    // Guests park on these: 1 MiB of address space each, of which a few pages are touched. An interpreter needs several
    // frames for each call of its language.
    config.async_stack_size(1 << 20);
    config.max_wasm_stack(512 << 10);
    config
}

fn pool(config: &WasmConfig) -> PoolingAllocationConfig {
    let n = config.instances;
    // However few the guests: there is room for one of an interpreter.
    let (cores, memories, tables) = (200, 8, 40);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(n);
    // A component of a compiled language has about three core instances, an interpreter's many more.
    pool.total_core_instances(n.saturating_mul(8).max(cores));
    pool.max_core_instances_per_component(cores);
    pool.total_memories(n.saturating_mul(2).max(memories));
    pool.max_memories_per_component(memories);
    pool.total_tables(n.saturating_mul(4).max(tables));
    pool.max_tables_per_component(tables);
    pool.table_elements(TABLE_ELEMENTS);
    pool.total_stacks(n);
    pool.max_component_instance_size(8 << 20);
    pool.max_core_instance_size(1 << 20);
    pool.max_memory_size(config.memory_bytes(None).0);
    // A slot is reset by writing its few touched pages anew, where the kernel can tell which these are (Linux 6.7):
    // unmapping them costs an interrupt on every core, and the next guest a page fault for each. A third less CPU a start.
    pool.pagemap_scan(Enabled::Auto);
    pool.linear_memory_keep_resident(64 << 10);
    pool.table_keep_resident(16 << 10);
    pool.max_unused_warm_slots(64);
    pool
}

/// Advances the engine's epoch while a guest runs, and sleeps while none does.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    running: AtomicUsize,
    stopped: AtomicBool,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { running: AtomicUsize::new(0), stopped: AtomicBool::new(false) });
        let watched = shared.clone();
        let handle = thread::Builder::new().name("epoch".into()).spawn(move || {
            while !watched.stopped.load(Ordering::Acquire) {
                if watched.running.load(Ordering::Acquire) == 0 {
                    thread::park();
                } else {
                    thread::sleep(Duration::from_millis(TICK_MS));
                    engine.increment_epoch();
                }
            }
        })?;
        Ok(Self { shared, thread: handle.thread().clone() })
    }

    /// CPU is counted as long as the guard lives.
    pub(crate) fn running(&self) -> Running<'_> {
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Running(&self.shared)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// A guest runs.
pub(crate) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
