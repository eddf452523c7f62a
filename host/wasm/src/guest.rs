//! The data of one store: who plays, within which limits.

use crate::Host;
use crate::engine::TICK_MS;
use crate::host::context::Tasks;
use crate::host::http::Door;
use crate::host::output::{LastWords, Output};
use crate::host::wasi;
use dacapo_core::Failure;
use dacapo_runtime::executor::{ActivityRun, PlayError, SharedOrchestration};
use dacapo_store::ModuleVersion;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Store, Trap, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// Elements of one table; the pool has room for as many.
pub(crate) const TABLE_ELEMENTS: usize = 60_000;
/// Handles a guest may hold at once: a task for each command of a long history that it never drops.
const MAX_HANDLES: usize = 100_000;
/// Bytes that one host call may carry. Above the limits on payloads, whose errors say more.
const HOSTCALL_BYTES: usize = 16 << 20;

/// Log lines of one turn.
const LINES_PER_TURN: u32 = 200;
/// Ticks that one stretch between two looks counts for at most.
const MOST_TICKS_AT_ONCE: u64 = 5;

/// What the guest is here for: decides what its imports answer.
pub(crate) enum Role {
    /// It plays an orchestrator.
    Orchestrator(SharedOrchestration),
    /// It runs an activity.
    Activity(ActivityRun),
    /// It is asked what it exports, and gets nothing else.
    Probe,
}

/// Shared between a guest's store and whoever drives it.
pub(crate) struct Gate {
    /// The guest waits for tasks, and none of them is done.
    pub(crate) parked: AtomicBool,
    ticks: AtomicU64,
    max_ticks: u64,
    /// When the guest was last seen running: a host call that takes long counts for what it took.
    seen: Mutex<Instant>,
    /// Log lines that this turn may still write, and the one that says that there were more.
    lines: AtomicU32,
    /// Linear memory and tables, in bytes.
    memory_bytes: AtomicUsize,
    /// The time that the guest sees, in milliseconds since 1970.
    pub(crate) now_ms: AtomicU64,
    cut: Mutex<Option<String>>,
}

impl Gate {
    pub(crate) fn new(cpu_ms: u64) -> Arc<Self> {
        Arc::new(Self {
            parked: AtomicBool::new(false),
            ticks: AtomicU64::new(0),
            // One more than asked: the first tick may come right after the start.
            max_ticks: cpu_ms.div_ceil(TICK_MS) + 1,
            seen: Mutex::new(Instant::now()),
            lines: AtomicU32::new(LINES_PER_TURN),
            memory_bytes: AtomicUsize::new(0),
            now_ms: AtomicU64::new(0),
            cut: Mutex::new(None),
        })
    }

    /// A turn or a run begins at `now_ms`.
    pub(crate) fn begin(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
        self.ticks.store(0, Ordering::Relaxed);
        self.lines.store(LINES_PER_TURN, Ordering::Relaxed);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.parked.store(false, Ordering::Relaxed);
    }

    /// Takes one line of what a turn may log: how many are left before it, or `None` when there is nothing to write.
    pub(crate) fn may_log(&self) -> Option<u32> {
        let left = self.lines.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok()?;
        Some(left - 1)
    }

    /// Linear memory and tables of the guest, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// Comes to rest until the next turn: the driver sees the flag, and polls again only when there is something new.
    pub(crate) async fn park(self: Arc<Self>) {
        self.parked.store(true, Ordering::Relaxed);
        std::future::poll_fn(|_| match self.parked.load(Ordering::Relaxed) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }

    /// It has stood still until now, and waited for something outside.
    pub(crate) fn has_waited(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn tick(&self) -> UpdateDeadline {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let took_ms = u64::try_from(seen.elapsed().as_millis()).unwrap_or(u64::MAX);
        *seen = Instant::now();
        // Capped: on a busy machine the guest may have stood still for most of it.
        let ticks = (took_ms / TICK_MS).clamp(1, MOST_TICKS_AT_ONCE);
        if self.ticks.fetch_add(ticks, Ordering::Relaxed) < self.max_ticks {
            return UpdateDeadline::Yield(1);
        }
        let limit_ms = (self.max_ticks - 1) * TICK_MS;
        self.cut(format!("more than {limit_ms} ms of CPU without waiting (an endless loop?)"));
        UpdateDeadline::Interrupt
    }

    fn cut(&self, reason: String) {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// Why the guest was cut by a limit of the machine, if it was.
    pub(crate) fn reason(&self) -> Option<String> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The data of one store.
pub(crate) struct Guest {
    pub(crate) role: Role,
    pub(crate) gate: Arc<Gate>,
    pub(crate) tasks: Tasks,
    pub(crate) last_words: Arc<LastWords>,
    table: ResourceTable,
    wasi: WasiCtx,
    door: Door,
    limits: Limits,
}

struct Limits {
    gate: Arc<Gate>,
    max_memory_bytes: usize,
    /// The setting that says so.
    setting: String,
}

impl Guest {
    /// A store for one guest of this host; `None`: of no module yet.
    pub(crate) fn store(host: &Host, role: Role, gate: Arc<Gate>, version: Option<&ModuleVersion>) -> Store<Guest> {
        let outgoing = match role {
            Role::Activity(_) => version.and_then(|version| host.outgoing(version)),
            Role::Orchestrator(_) | Role::Probe => None,
        };
        let (max_memory_bytes, setting) = host.config.memory_bytes(version.map(|version| version.module.as_str()));
        let last_words = Arc::new(LastWords::default());
        let name = role.describe();
        let output = Output::new(name.clone(), last_words.clone(), gate.clone());
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let limits = Limits { gate: gate.clone(), max_memory_bytes, setting };
        let wasi = wasi::context(role.seed(), gate.clone(), output);
        let door = Door::new(&role, name, outgoing);
        let guest = Guest { role, gate: gate.clone(), tasks: Tasks::default(), last_words, table, wasi, door, limits };
        let mut store = Store::new(host.registry.engine(), guest);
        store.limiter(|guest| &mut guest.limits);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| Ok(gate.tick()));
        store
    }

    /// The handles of the guest.
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// What it can do with `wasi:http`, and its handles.
    pub(crate) fn door(&mut self) -> (&mut Door, &mut ResourceTable) {
        (&mut self.door, &mut self.table)
    }

    /// What an error of a call into the guest means.
    pub(crate) fn judge(gate: &Gate, last_words: &LastWords, error: &wasmtime::Error) -> Result<Failure, PlayError> {
        if let Some(reason) = gate.reason() {
            return Err(PlayError::Cut(reason));
        }
        if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
            return Err(PlayError::NoRoom(error.root_cause().to_string()));
        }
        let cause = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        let message = match last_words.take() {
            Some(words) => format!("the guest trapped: {cause}; it said: {words}"),
            None => format!("the guest trapped: {cause}"),
        };
        let backtrace = error.downcast_ref::<wasmtime::WasmBacktrace>().map(|trace| format!("{trace}"));
        let details = backtrace.map(|text| dacapo_core::Payload::string(&text));
        Ok(Failure::detailed("trap", message, details))
    }
}

impl Role {
    /// The instance that it is there for.
    fn describe(&self) -> String {
        match self {
            Role::Orchestrator(orchestration) => {
                let orchestration = orchestration.lock().unwrap_or_else(PoisonError::into_inner);
                orchestration.identity().instance_id.to_string()
            }
            Role::Activity(run) => run.instance_id.clone(),
            Role::Probe => "(probe)".into(),
        }
    }

    /// Everything random in the guest grows from this.
    fn seed(&self) -> [u8; 32] {
        match self {
            Role::Orchestrator(orchestration) => {
                orchestration.lock().unwrap_or_else(PoisonError::into_inner).identity().random_seed()
            }
            Role::Activity(run) => dacapo_core::ids::seed_of(&run.idempotency_key),
            Role::Probe => [0; 32],
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.gate.memory_bytes() + desired.saturating_sub(current);
        if total > self.max_memory_bytes {
            let reason = format!(
                "{total} bytes of memory were asked for; the limit `{}` is {}",
                self.setting, self.max_memory_bytes
            );
            self.gate.cut(reason.clone());
            // Not `Ok(false)`: a guest that is told so usually aborts with a message that hides the limit.
            return Err(wasmtime::Error::msg(reason));
        }
        self.gate.memory_bytes.store(total, Ordering::Relaxed);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = desired.saturating_sub(current) * size_of::<usize>();
        self.gate.memory_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(desired <= TABLE_ELEMENTS)
    }
}
