//! Guests that do what a test wants, without wasm.

use crate::flows::{self, Playing};
use crate::world::{id, json};
use dacapo_core::{ActivityOptions, Failure, Orchestration, TaskId};
use dacapo_runtime::executor::{
    ActivityEnd, ActivityExecutor, ActivityRun, Exports, GuestEnd, InvalidModule, ModuleLoader, OrchestratorExecutor,
    Play, PlayError, SharedOrchestration,
};
use dacapo_store::{ModuleVersion, Result};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// `Flow` calls activity `Echo` with its input, publishes the result, waits for event `Go`, returns its data.
/// `Nap` waits for as many milliseconds as its input says, and returns it.
pub(crate) struct NativeGuests {
    /// Turns that are cut before one is let through.
    pub(crate) cuts: Counter,
    /// Turns and runs that panic before one is let through.
    pub(crate) panics: Counter,
    /// Guests that panic when they come to rest, before one does not.
    pub(crate) size_panics: Counter,
    /// Turns that cannot be played on before one is let through.
    pub(crate) unplayable: Counter,
    /// Plays and runs that find something out of order before one is let through.
    pub(crate) not_now: Counter,
    /// Runs that find no room before one is let through.
    pub(crate) no_room: Counter,
    /// Runs whose result is not for every reader before one is.
    pub(crate) odd: Counter,
    /// Whether activities count as pure.
    pub(crate) pure: AtomicBool,
    /// Runs of activities.
    pub(crate) runs: AtomicUsize,
    /// Turns of instance `a` pass it.
    pub(crate) turns: Gate,
    /// Runs of activities pass it.
    pub(crate) activities: Gate,
}

/// Counts down.
#[derive(Default)]
pub(crate) struct Counter(AtomicU32);

impl Counter {
    pub(crate) fn set(&self, times: u32) {
        self.0.store(times, Ordering::SeqCst);
    }

    fn takes_one(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// Open until it is closed; then it lets as many through as it is told.
pub(crate) struct Gate {
    permits: Semaphore,
    came: AtomicUsize,
}

const OPEN: usize = 1 << 20;

impl Gate {
    fn open() -> Self {
        Self { permits: Semaphore::new(OPEN), came: AtomicUsize::new(0) }
    }

    pub(crate) fn close(&self) {
        self.permits.forget_permits(usize::MAX >> 4);
        self.came.store(0, Ordering::SeqCst);
    }

    pub(crate) fn reopen(&self) {
        self.permits.add_permits(OPEN);
    }

    pub(crate) fn let_through(&self, how_many: usize) {
        self.permits.add_permits(how_many);
    }

    /// How many have come to it since it was closed.
    pub(crate) fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    async fn pass(&self) {
        self.came.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.expect("never closed for good").forget();
    }
}

impl NativeGuests {
    pub(crate) fn new() -> Self {
        Self {
            cuts: Counter::default(),
            unplayable: Counter::default(),
            panics: Counter::default(),
            size_panics: Counter::default(),
            not_now: Counter::default(),
            no_room: Counter::default(),
            odd: Counter::default(),
            pure: AtomicBool::new(false),
            runs: AtomicUsize::new(0),
            turns: Gate::open(),
            activities: Gate::open(),
        }
    }
}

struct NativePlay {
    playing: Option<Playing>,
    guests: Arc<NativeGuests>,
    orchestration: SharedOrchestration,
    task: Option<(TaskId, bool)>,
}

impl NativePlay {
    fn step(&mut self) -> GuestEnd {
        let mut host = self.orchestration.lock().expect("no panic");
        let host: &mut Orchestration = &mut host;
        if let Some(playing) = &mut self.playing {
            return playing.run(host);
        }
        let naps = host.name() == "nap";
        loop {
            let Some((task, is_last)) = self.task else {
                let input = host.input().to_string();
                let first = match naps {
                    true => host.start_timer(input.parse().expect("milliseconds")),
                    false => host.call_activity("Echo".into(), &input, ActivityOptions::default()),
                };
                self.task = Some((first.expect("allowed"), naps));
                continue;
            };
            if host.poll_any(&[task]).expect("allowed").is_none() {
                return GuestEnd::Parked;
            }
            let outcome = host.outcome(task).expect("done");
            if is_last {
                return GuestEnd::Returned(outcome);
            }
            let echo = match outcome {
                Ok(echo) => echo,
                Err(failure) => return GuestEnd::Returned(Err(failure)),
            };
            host.set_custom_status(echo.as_str()).expect("allowed").expect("small");
            self.task = Some((host.wait_for_event("Go".into()).expect("allowed"), true));
        }
    }
}

impl Play for NativePlay {
    fn run_turn(&mut self) -> BoxFuture<'_, Result<GuestEnd, PlayError>> {
        Box::pin(async {
            let is_a = self.orchestration.lock().expect("no panic").identity().instance_id == id("a");
            if is_a {
                self.guests.turns.pass().await;
            }
            assert!(!self.guests.panics.takes_one(), "a turn panics, by the test");
            if self.guests.cuts.takes_one() {
                return Err(PlayError::Cut("by the test".into()));
            }
            if self.guests.unplayable.takes_one() {
                return Err(PlayError::Unavailable("by the test".into()));
            }
            Ok(self.step())
        })
    }

    fn memory_bytes(&self) -> usize {
        assert!(!self.guests.size_panics.takes_one(), "a guest at rest panics, by the test");
        1_000
    }
}

pub(crate) struct Native(pub(crate) Arc<NativeGuests>);

impl OrchestratorExecutor for Native {
    fn begin<'a>(
        &'a self,
        _version: &'a ModuleVersion,
        orchestration: SharedOrchestration,
    ) -> BoxFuture<'a, Result<Box<dyn Play>, PlayError>> {
        let name = orchestration.lock().expect("no panic").name().to_lowercase();
        let playing = flows::named(&name).map(Playing::new);
        let play = NativePlay { playing, guests: self.0.clone(), orchestration, task: None };
        Box::pin(async move {
            if self.0.not_now.takes_one() {
                return Err(PlayError::NotNow("by the test".into()));
            }
            Ok(Box::new(play) as Box<dyn Play>)
        })
    }
}

impl ActivityExecutor for Native {
    fn is_pure(&self, _version: &ModuleVersion) -> bool {
        self.0.pure.load(Ordering::SeqCst)
    }

    fn run(&self, _version: Arc<ModuleVersion>, run: ActivityRun) -> BoxFuture<'_, ActivityEnd> {
        self.0.runs.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.0.activities.pass().await;
            assert!(!self.0.panics.takes_one(), "a run panics, by the test");
            if self.0.not_now.takes_one() {
                return Err(PlayError::NotNow("by the test".into()));
            }
            if self.0.no_room.takes_one() {
                return Err(PlayError::NoRoom("by the test".into()));
            }
            if self.0.odd.takes_one() {
                return Ok(Ok(json("[1e400]")));
            }
            if run.name == "Flaky" && run.attempt < 3 {
                return Ok(Err(Failure::new("app", "not yet")));
            }
            Ok(Ok(run.input))
        })
    }
}

impl ModuleLoader for Native {
    fn prepare<'a>(&'a self, _: &'a str, _: &'a [u8]) -> BoxFuture<'a, Result<Exports, InvalidModule>> {
        let orchestrators =
            ["Flow", "Nap", "Leaver", "Renewer", "Stubborn", "Impatient", "Teller"].map(str::to_owned).into();
        let activities = vec!["Echo".into(), "Flaky".into()];
        let exports = Exports { orchestrators, activities, imports: vec![] };
        Box::pin(async move { Ok(exports) })
    }

    fn forget<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}
