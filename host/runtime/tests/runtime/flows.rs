//! Flows of the tests, besides `Flow` and `Nap`: each is played step by step, a step a wait.

use dacapo_core::{ActivityOptions, ChildOptions, Orchestration, Payload, RetryPolicy, TaskId};
use dacapo_runtime::executor::GuestEnd;

/// What a step has come to.
pub(crate) enum Step {
    /// It waits for one of these; the next step begins with the one that is done.
    Wait(Vec<TaskId>),
    /// The flow has returned this.
    Return(Payload),
}

/// A flow of these, at its n-th step; `done`: the outcome of what the step before waited for.
type Steps = fn(&mut Orchestration, usize, Option<Payload>, &mut Vec<TaskId>) -> Step;

/// The flow that has this name, in lower case.
pub(crate) fn named(name: &str) -> Option<Steps> {
    match name {
        "leaver" => Some(leaver),
        "renewer" => Some(renewer),
        "stubborn" => Some(stubborn),
        "impatient" => Some(impatient),
        "teller" => Some(teller),
        _ => None,
    }
}

fn event(host: &mut Orchestration, name: &str) -> TaskId {
    host.wait_for_event(name.into()).expect("allowed")
}

fn child(host: &mut Orchestration, id: &str, detached: bool) -> TaskId {
    let options = ChildOptions { retry: None, detached };
    host.call_orchestrator("Flow".into(), "7", Some(id), options).expect("allowed")
}

/// Calls the child `c`, lets go of it on `Leave`, and returns what `End` brings.
fn leaver(host: &mut Orchestration, step: usize, done: Option<Payload>, kept: &mut Vec<TaskId>) -> Step {
    match step {
        0 => {
            kept.push(child(host, "c", false));
            Step::Wait(vec![event(host, "Leave")])
        }
        1 => {
            host.cancel(kept[0]).expect("allowed");
            host.set_custom_status("\"left\"").expect("allowed").expect("small");
            Step::Wait(vec![event(host, "End")])
        }
        _ => Step::Return(done.expect("an event")),
    }
}

/// On `Go` starts a detached child and begins anew; the second execution returns what its own child, `second`, does.
fn renewer(host: &mut Orchestration, step: usize, done: Option<Payload>, _: &mut Vec<TaskId>) -> Step {
    match (host.identity().generation, step) {
        (0, 0) => Step::Wait(vec![event(host, "Go")]),
        (0, _) => {
            child(host, "first", true);
            host.continue_as_new("0", true).expect("allowed");
            Step::Return(Payload::null())
        }
        (_, 0) => {
            let second = child(host, "second", false);
            Step::Wait(vec![second])
        }
        _ => Step::Return(done.expect("the child completes")),
    }
}

/// Calls an activity that fails twice, and is tried again at once.
fn stubborn(host: &mut Orchestration, step: usize, done: Option<Payload>, _: &mut Vec<TaskId>) -> Step {
    if step == 0 {
        let options = ActivityOptions { retry: Some(RetryPolicy::every(0, 3)), timeout_ms: None };
        return Step::Wait(vec![host.call_activity("Flaky".into(), "1", options).expect("allowed")]);
    }
    Step::Return(done.expect("the third attempt succeeds"))
}

/// Calls an activity that may take a second.
fn impatient(host: &mut Orchestration, step: usize, done: Option<Payload>, _: &mut Vec<TaskId>) -> Step {
    if step == 0 {
        let options = ActivityOptions { retry: None, timeout_ms: Some(1_000) };
        return Step::Wait(vec![host.call_activity("Echo".into(), "1", options).expect("allowed")]);
    }
    Step::Return(done.unwrap_or_else(|| Payload::string("too late")))
}

/// Passes each `Tell` on to `b`.
fn teller(host: &mut Orchestration, _: usize, done: Option<Payload>, _: &mut Vec<TaskId>) -> Step {
    if let Some(data) = done {
        host.raise_event("b", "News".into(), data.as_str()).expect("allowed");
    }
    Step::Wait(vec![event(host, "Tell")])
}

/// A flow under way.
pub(crate) struct Playing {
    steps: Steps,
    at: usize,
    waits: Vec<TaskId>,
    kept: Vec<TaskId>,
}

impl Playing {
    pub(crate) fn new(steps: Steps) -> Self {
        Self { steps, at: 0, waits: Vec::new(), kept: Vec::new() }
    }

    /// Runs until it waits or ends.
    pub(crate) fn run(&mut self, host: &mut Orchestration) -> GuestEnd {
        let mut done = None;
        loop {
            if !self.waits.is_empty() {
                let Some(position) = host.poll_any(&self.waits).expect("allowed") else { return GuestEnd::Parked };
                done = host.outcome(self.waits.remove(position)).expect("done").ok();
            }
            match (self.steps)(host, self.at, done.take(), &mut self.kept) {
                Step::Wait(waits) => self.waits = waits,
                Step::Return(output) => return GuestEnd::Returned(Ok(output)),
            }
            self.at += 1;
        }
    }
}
