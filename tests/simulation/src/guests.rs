//! What the runtime takes for guests. Turns wait at a gate and activities in a list, until the harness lets them go on.

use crate::chance::Chance;
use crate::flow::Flow;
use crate::script::Flows;
use dacapo_core::{Failure, Payload};
use dacapo_runtime::executor::{
    ActivityEnd, ActivityExecutor, ActivityRun, Exports, GuestEnd, InvalidModule, ModuleLoader, NoHostActivities,
    OrchestratorExecutor, Play, PlayError, SharedOrchestration,
};
use dacapo_store::ModuleVersion;
use futures::future::BoxFuture;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use tokio::sync::oneshot;

/// One attempt of one call: its instance, its idempotency key, its number.
pub(crate) type Run = (String, String, u32);

/// What an activity comes to.
pub(crate) type Result = std::result::Result<Payload, Failure>;

/// How guests behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// Live turns wait at the gate.
    Gated,
    /// Nothing waits, and nothing goes wrong.
    Open,
    /// They take their time, and so many things in a thousand go wrong.
    Erratic { seed: u64, rate: usize },
}

/// What goes wrong with a guest, by no doing of its own.
enum Mishap {
    Cut,
    NotNow,
    NoRoom,
    Panic,
}

impl Mishap {
    fn happens(self) -> PlayError {
        let by = "by the simulation".to_owned();
        match self {
            Self::Cut => PlayError::Cut(by),
            Self::NotNow => PlayError::NotNow(by),
            Self::NoRoom => PlayError::NoRoom(by),
            // Without the hook: it is no news.
            Self::Panic => std::panic::resume_unwind(Box::new(by)),
        }
    }
}

/// Lets others go first.
async fn yield_now() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The guests of one process.
pub(crate) struct ScriptGuests {
    flows: Flows,
    manner: Manner,
    /// Whether activities count as pure.
    pure: bool,
    state: Mutex<State>,
}

struct State {
    /// Of erratic ones.
    chance: Chance,
    rate: usize,
    /// Live turns that wait to be let through, by instance.
    gate: BTreeMap<String, oneshot::Sender<()>>,
    runs: BTreeMap<Run, oneshot::Sender<Result>>,
    /// What must not be.
    wrong: Option<String>,
}

/// What a run that succeeds comes to: it says which call it was.
pub(crate) fn result_of(run: &Run) -> Result {
    Ok(Payload::of(&json!({ "key": run.1, "attempt": run.2 })).expect("JSON"))
}

/// As [`result_of`], of one that fails.
pub(crate) fn failure_of(run: &Run) -> Result {
    Err(Failure::new("app", format!("attempt {} of {}", run.2, run.1)))
}

impl ScriptGuests {
    pub(crate) fn new(flows: Flows, manner: Manner, pure: bool) -> Arc<Self> {
        let (seed, rate) = match manner {
            Manner::Erratic { seed, rate } => (seed, rate),
            Manner::Gated | Manner::Open => (0, 0),
        };
        let (gate, runs) = (BTreeMap::new(), BTreeMap::new());
        let state = Mutex::new(State { chance: Chance::new(seed), rate, gate, runs, wrong: None });
        Arc::new(Self { flows, manner, pure, state })
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn behave(&self) {
        self.state().rate = 0;
    }

    /// Takes its time, if it is of that kind, and says what goes wrong.
    async fn mishap(&self) -> Option<Mishap> {
        if !matches!(self.manner, Manner::Erratic { .. }) {
            return None;
        }
        let (yields, mishap) = {
            let mut state = self.state();
            let (yields, drawn, which) = (state.chance.below(3), state.chance.below(1_000), state.chance.below(4));
            let mishap = [Mishap::Cut, Mishap::NotNow, Mishap::NoRoom, Mishap::Panic].into_iter().nth(which);
            (yields, mishap.filter(|_| drawn < state.rate))
        };
        for _ in 0..yields {
            yield_now().await;
        }
        mishap
    }

    /// As the runtime wants them.
    pub(crate) fn all(self: &Arc<Self>) -> dacapo_runtime::Guests {
        let native = Arc::new(Native(self.clone()));
        dacapo_runtime::Guests {
            orchestrators: native.clone(),
            activities: native.clone(),
            host: Arc::new(NoHostActivities),
            loader: native,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }

    /// Lets the turn of the first instance at the gate through; `false` where there is none.
    pub(crate) fn let_one_through(&self) -> bool {
        let first = self.state().gate.pop_first();
        first.is_some_and(|(_, turn)| turn.send(()).is_ok())
    }

    /// Runs that have not ended.
    pub(crate) fn runs(&self) -> Vec<Run> {
        self.state().runs.keys().cloned().collect()
    }

    /// Ends a run; `false` where there is none.
    pub(crate) fn end(&self, run: &Run, result: Result) -> bool {
        let running = self.state().runs.remove(run);
        running.is_some_and(|running| running.send(result).is_ok())
    }

    fn begin_run(&self, run: Run) -> oneshot::Receiver<Result> {
        let (end, ended) = oneshot::channel();
        let mut state = self.state();
        let before = state.runs.insert(run.clone(), end);
        // A pure one may have been begun by a turn that was lost, and begun again.
        if before.is_some_and(|before| !before.is_closed()) && !self.pure {
            state.wrong = Some(format!("{run:?} runs twice at once"));
        }
        ended
    }

    /// What must not be, and was.
    pub(crate) fn wrong(&self) -> Option<String> {
        self.state().wrong.clone()
    }
}

struct Native(Arc<ScriptGuests>);

struct ScriptPlay {
    guests: Arc<ScriptGuests>,
    orchestration: SharedOrchestration,
    flow: Flow,
}

impl OrchestratorExecutor for Native {
    fn begin<'a>(
        &'a self,
        _version: &'a ModuleVersion,
        orchestration: SharedOrchestration,
    ) -> BoxFuture<'a, std::result::Result<Box<dyn Play>, PlayError>> {
        let name = orchestration.lock().expect("no panic").name().to_owned();
        let number = name[1..].parse().expect("flows are called O0, O1, ...");
        let flow = Flow::new(number, &self.0.flows);
        let play = ScriptPlay { guests: self.0.clone(), orchestration, flow };
        Box::pin(async {
            match self.0.mishap().await {
                // A guest that does not run yet is not cut.
                Some(mishap) if !matches!(mishap, Mishap::Cut) => Err(mishap.happens()),
                _ => Ok(Box::new(play) as Box<dyn Play>),
            }
        })
    }
}

impl Play for ScriptPlay {
    fn run_turn(&mut self) -> BoxFuture<'_, std::result::Result<GuestEnd, PlayError>> {
        let (is_live, id) = {
            let host = self.orchestration.lock().expect("no panic");
            (!host.is_replaying(), host.identity().instance_id.to_string())
        };
        Box::pin(async move {
            if is_live && self.guests.manner == Manner::Gated {
                let (pass, passed) = oneshot::channel();
                let before = self.guests.state().gate.insert(id.clone(), pass);
                assert!(before.is_none_or(|before| before.is_closed()), "two turns of '{id}' at once");
                let _ = passed.await;
            }
            if let Some(mishap) = self.guests.mishap().await {
                return Err(mishap.happens());
            }
            let end = {
                let mut host = self.orchestration.lock().expect("no panic");
                // Why a guest was stopped is known to its host.
                self.flow.play(&mut host).unwrap_or(GuestEnd::Parked)
            };
            // Also when it has done its part: nothing of it may be kept.
            match self.guests.mishap().await {
                Some(mishap) => Err(mishap.happens()),
                None => Ok(end),
            }
        })
    }

    fn memory_bytes(&self) -> usize {
        1_000
    }
}

impl ActivityExecutor for Native {
    fn is_pure(&self, _version: &ModuleVersion) -> bool {
        self.0.pure
    }

    fn run(&self, _version: Arc<ModuleVersion>, run: ActivityRun) -> BoxFuture<'_, ActivityEnd> {
        let key = (run.instance_id, run.idempotency_key, run.attempt);
        Box::pin(async move {
            if let Some(mishap) = self.0.mishap().await {
                return Err(mishap.happens());
            }
            let ended = self.0.begin_run(key);
            match ended.await {
                Ok(result) => Ok(result),
                // Another run has taken its place: see `wrong`.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

impl ModuleLoader for Native {
    fn prepare<'a>(&'a self, _: &'a str, _: &'a [u8]) -> BoxFuture<'a, std::result::Result<Exports, InvalidModule>> {
        let orchestrators = (0..self.0.flows.len()).map(|number| format!("O{number}")).collect();
        let activities = (0..3).map(|number| format!("A{number}")).collect();
        Box::pin(async { Ok(Exports { orchestrators, activities, imports: Vec::new() }) })
    }

    fn forget<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}
