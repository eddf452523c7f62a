//! Drives the guest of an orchestrator until it parks.

use crate::bindings::types;
use crate::engine::Running;
use crate::guest::{Gate, Guest, Role};
use crate::host::output::LastWords;
use crate::host::result_from_guest;
use crate::{Host, Wasm};
use dacapo_core::ids::find_name;
use dacapo_runtime::executor::{GuestEnd, OrchestratorExecutor, Play, PlayError, SharedOrchestration};
use dacapo_store::ModuleVersion;
use futures::future::BoxFuture;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

/// What a parked guest costs beside its touched memory, in bytes: store, fiber stack, tables.
const PARKED_BYTES: usize = 40 << 10;
/// Of a linear memory that was not grown, one byte in so many is taken to be touched; the rest stays a shared image.
/// (A Rust guest starts with 1.1 MiB and touches some 10 KiB of it, an interpreter with 10 MiB touches about 1.)
const TOUCHED_SHARE: usize = 16;

type Call = Pin<Box<dyn Future<Output = Result<Result<String, types::Failure>, wasmtime::Error>> + Send>>;

/// A guest with its call, parked or running.
struct WasmPlay {
    host: Arc<Host>,
    call: Call,
    orchestration: SharedOrchestration,
    gate: Arc<Gate>,
    last_words: Arc<LastWords>,
    /// Memory right after the start: most of it is the module's own image.
    initial_bytes: Arc<AtomicUsize>,
}

impl OrchestratorExecutor for Wasm {
    fn begin<'a>(
        &'a self,
        version: &'a ModuleVersion,
        orchestration: SharedOrchestration,
    ) -> BoxFuture<'a, Result<Box<dyn Play>, PlayError>> {
        Box::pin(async move {
            let host = self.0.clone();
            let module = host.registry.get(&version.digest).await?;
            let unusable = |reason| PlayError::Unavailable(format!("module '{}': {reason}", version.module));
            let pre = module.orchestrator.clone().map_err(unusable)?;
            let name = {
                let orchestration = orchestration.lock().unwrap_or_else(PoisonError::into_inner);
                find_name(&version.orchestrators, orchestration.name()).unwrap_or(orchestration.name()).to_owned()
            };
            let gate = Gate::new(host.config.turn_cpu_ms);
            let mut store = Guest::store(&host, Role::Orchestrator(orchestration.clone()), gate.clone(), Some(version));
            let last_words = store.data().last_words.clone();
            let initial_bytes = Arc::new(AtomicUsize::new(0));
            let (initial, started) = (initial_bytes.clone(), gate.clone());
            let call: Call = Box::pin(async move {
                let guest = pre.instantiate_async(&mut store).await?;
                initial.store(started.memory_bytes(), Ordering::Relaxed);
                guest.dacapo_orchestration_orchestrators().call_run(&mut store, &name).await
            });
            Ok(Box::new(WasmPlay { host, call, orchestration, gate, last_words, initial_bytes }) as Box<dyn Play>)
        })
    }
}

impl Play for WasmPlay {
    fn run_turn(&mut self) -> BoxFuture<'_, Result<GuestEnd, PlayError>> {
        Box::pin(async move {
            let now_ms = self.orchestration.lock().unwrap_or_else(PoisonError::into_inner).now_ms();
            self.gate.begin(now_ms);
            let host = self.host.clone();
            let ended = drive(self.call.as_mut(), &self.gate, host.ticker.running()).await;
            match ended {
                None => Ok(GuestEnd::Parked),
                Some(Ok(result)) => Ok(GuestEnd::Returned(result_from_guest("output of the orchestrator", result))),
                Some(Err(error)) => Guest::judge(&self.gate, &self.last_words, &error).map(GuestEnd::Trapped),
            }
        })
    }

    fn memory_bytes(&self) -> usize {
        let initial = self.initial_bytes.load(Ordering::Relaxed);
        PARKED_BYTES + initial / TOUCHED_SHARE + self.gate.memory_bytes().saturating_sub(initial)
    }
}

fn poll_once<F: Future + Unpin>(call: &mut F) -> Poll<F::Output> {
    Pin::new(call).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls the call until it ends, or parks (`None`). Between two ticks of CPU other tasks get their turn.
async fn drive<F: Future + Unpin>(mut call: F, gate: &Gate, _running: Running<'_>) -> Option<F::Output> {
    loop {
        match poll_once(&mut call) {
            Poll::Ready(ended) => return Some(ended),
            Poll::Pending if gate.parked.load(Ordering::Relaxed) => return None,
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
}
