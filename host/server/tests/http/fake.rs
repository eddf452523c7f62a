//! Guests without wasm: a few orchestrators written against the state machine itself.

use dacapo_core::orchestration::Stop;
use dacapo_core::{Failure, Orchestration, Payload, TaskId};
use dacapo_runtime::executor::{
    ActivityEnd, ActivityExecutor, ActivityRun, Exports, GuestEnd, Guests, InvalidModule, ModuleLoader,
    NoHostActivities, OrchestratorExecutor, Play, PlayError, SharedOrchestration,
};
use dacapo_store::ModuleVersion;
use futures::future::{BoxFuture, ready};
use std::sync::Arc;

/// A component that exports all orchestrators there are here.
pub(crate) const COMPONENT: &str = "fake: Echo, Fails, Gate, Steps, Late";

/// Runs them.
pub(crate) fn guests() -> Guests {
    let fake = Arc::new(Fake);
    Guests { orchestrators: fake.clone(), activities: fake.clone(), host: Arc::new(NoHostActivities), loader: fake }
}

struct Fake;

impl OrchestratorExecutor for Fake {
    fn begin<'a>(
        &'a self,
        _version: &'a ModuleVersion,
        orchestration: SharedOrchestration,
    ) -> BoxFuture<'a, Result<Box<dyn Play>, PlayError>> {
        let play: Box<dyn Play> = Box::new(Native { orchestration, waits: None, steps: 0 });
        Box::pin(ready(Ok(play)))
    }
}

impl ActivityExecutor for Fake {
    fn is_pure(&self, _version: &ModuleVersion) -> bool {
        false
    }

    fn run(&self, _version: Arc<ModuleVersion>, run: ActivityRun) -> BoxFuture<'_, ActivityEnd> {
        Box::pin(ready(Ok(Ok(run.input))))
    }
}

impl ModuleLoader for Fake {
    fn prepare<'a>(&'a self, _digest: &'a str, component: &'a [u8]) -> BoxFuture<'a, Result<Exports, InvalidModule>> {
        Box::pin(ready(exports(component)))
    }

    fn forget<'a>(&'a self, _digest: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(ready(()))
    }
}

/// `fake: Name, Name, ...` is a component of ours; a lower-case name is an activity.
fn exports(component: &[u8]) -> Result<Exports, InvalidModule> {
    let text = String::from_utf8_lossy(component);
    if text == "broken" {
        return Err(InvalidModule::NotUsable("it does not compile".into()));
    }
    let Some(names) = text.strip_prefix("fake:") else {
        return Err(InvalidModule::NotAModule("it is not a component".into()));
    };
    let names = names.split([',', '\n']).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let (activities, orchestrators) = names.partition(|name| name.starts_with(char::is_lowercase));
    Ok(Exports { orchestrators, activities, imports: vec!["dacapo:guest/context".into()] })
}

struct Native {
    orchestration: SharedOrchestration,
    waits: Option<TaskId>,
    steps: u64,
}

impl Play for Native {
    fn run_turn(&mut self) -> BoxFuture<'_, Result<GuestEnd, PlayError>> {
        let shared = self.orchestration.clone();
        let mut orchestration = shared.lock().expect("no panic");
        let end = match orchestration.name().to_lowercase().as_str() {
            "echo" => Ok(GuestEnd::Returned(Ok(orchestration.input().clone()))),
            "fails" => Ok(GuestEnd::Returned(Err(Failure::new("broken", "it broke")))),
            "gate" => self.gate(&mut orchestration),
            "steps" => self.steps(&mut orchestration),
            "late" => self.late(&mut orchestration),
            other => panic!("no fake orchestrator '{other}'"),
        };
        Box::pin(ready(Ok(end.expect("the fakes keep the contract"))))
    }

    fn memory_bytes(&self) -> usize {
        1_000
    }
}

impl Native {
    /// Waits for "open" and returns its data.
    fn gate(&mut self, orchestration: &mut Orchestration) -> Result<GuestEnd, Stop> {
        if self.waits.is_none() {
            orchestration.set_custom_status(r#"{"at": "gate"}"#).expect("allowed").expect("small");
        }
        match self.event(orchestration, "open")? {
            Some(data) => Ok(GuestEnd::Returned(Ok(data))),
            None => Ok(GuestEnd::Parked),
        }
    }

    /// Counts "step" events in the custom status, but for quiet ones; returns the count at "stop".
    fn steps(&mut self, orchestration: &mut Orchestration) -> Result<GuestEnd, Stop> {
        while let Some(data) = self.event(orchestration, "step")? {
            match data.as_str() {
                "\"stop\"" => return Ok(GuestEnd::Returned(Ok(Payload::of(&self.steps).expect("a number")))),
                "\"quiet\"" => {}
                _ => {
                    self.steps += 1;
                    orchestration.set_custom_status(&self.steps.to_string()).expect("allowed").expect("small");
                }
            }
        }
        Ok(GuestEnd::Parked)
    }

    /// Returns after a minute.
    fn late(&mut self, orchestration: &mut Orchestration) -> Result<GuestEnd, Stop> {
        let timer = match self.waits {
            Some(timer) => timer,
            None => *self.waits.insert(orchestration.start_timer(60_000)?),
        };
        match orchestration.poll_any(&[timer])? {
            Some(_) => Ok(GuestEnd::Returned(Ok(Payload::string("late")))),
            None => Ok(GuestEnd::Parked),
        }
    }

    fn event(&mut self, orchestration: &mut Orchestration, name: &str) -> Result<Option<Payload>, Stop> {
        let task = match self.waits {
            Some(task) => task,
            None => *self.waits.insert(orchestration.wait_for_event(name.to_owned())?),
        };
        if orchestration.poll_any(&[task])?.is_none() {
            return Ok(None);
        }
        self.waits = None;
        Ok(Some(orchestration.outcome(task)?.expect("events do not fail")))
    }
}
