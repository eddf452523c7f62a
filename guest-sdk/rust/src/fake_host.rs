//! A host that follows a script: which task is done when, and with what. It writes down all that it is asked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::bindings::dacapo::orchestration::types::{ActivityOptions, ChildOptions, Failure, LogLevel};

#[derive(Default)]
struct Script {
    input: String,
    issued: usize,
    /// Tasks by number, in the order they are done in.
    completions: Vec<(usize, Result<String, Failure>)>,
    /// Keys of the tasks that are waited for.
    watched: BTreeMap<usize, u32>,
    /// Those that await-next returned.
    announced: BTreeSet<usize>,
    asked: Vec<String>,
}

thread_local! {
    static SCRIPT: RefCell<Script> = RefCell::default();
}

fn script<T>(use_it: impl FnOnce(&mut Script) -> T) -> T {
    SCRIPT.with_borrow_mut(use_it)
}

/// Begins a new script: the input, and tasks by number (from 0, as they are issued) with their results.
pub(crate) fn play<const N: usize>(input: Value, completions: [(usize, Value); N]) {
    let completions = completions.into_iter().map(|(task, result)| (task, Ok(result.to_string()))).collect();
    script(|script| *script = Script { input: input.to_string(), completions, ..Script::default() });
}

/// After those of the script so far, this task fails.
pub(crate) fn then_fail(task: usize, kind: &str) {
    let failure = Failure { kind: kind.into(), message: format!("task {task} failed"), details: None };
    script(|script| script.completions.push((task, Err(failure))));
}

/// All that was asked for since [`play`].
pub(crate) fn asked() -> Vec<String> {
    script(|script| std::mem::take(&mut script.asked))
}

fn ask(what: String) {
    script(|script| script.asked.push(what));
}

fn issue(what: String) -> Task {
    script(|script| {
        let number = script.issued;
        script.issued += 1;
        script.asked.push(format!("{number}: {what}"));
        Task { number }
    })
}

pub(crate) struct Task {
    number: usize,
}

impl Task {
    pub(crate) fn outcome(&self) -> Result<String, Failure> {
        script(|script| {
            assert!(script.announced.remove(&self.number), "only a task that await-next returned has an outcome");
            let position = script.completions.iter().position(|(task, _)| *task == self.number).unwrap();
            script.completions.remove(position).1
        })
    }

    pub(crate) fn cancel(&self) {
        ask(format!("cancel {}", self.number));
        script(|script| script.watched.remove(&self.number));
    }

    pub(crate) fn watch(&self, key: u32) {
        script(|script| script.watched.insert(self.number, key));
    }
}

pub(crate) fn await_next() -> u32 {
    script(|script| {
        script.asked.push(format!("await {:?}", script.watched.keys().collect::<Vec<_>>()));
        let done = script.completions.iter().find(|(task, _)| script.watched.contains_key(task)).map(|(task, _)| *task);
        let done = done.expect("the script has an outcome for one of the awaited tasks");
        script.announced.insert(done);
        script.watched.remove(&done).expect("it was found there")
    })
}

pub(crate) fn call_activity(name: &str, input: &str, _: Option<&ActivityOptions>) -> Task {
    issue(format!("{name}({input})"))
}

pub(crate) fn wait_for_event(name: &str) -> Task {
    issue(format!("event {name}"))
}

pub(crate) fn start_timer(delay_ms: u64) -> Task {
    issue(format!("timer {delay_ms}"))
}

pub(crate) fn call_orchestrator(name: &str, input: &str, _: Option<&ChildOptions>) -> Task {
    issue(format!("child {name}({input})"))
}

pub(crate) fn raise_event(instance_id: &str, name: &str, data: &str) {
    ask(format!("raise {name}({data}) at {instance_id}"));
}

pub(crate) fn continue_as_new(input: &str, keep_events: bool) {
    ask(format!("continue with {input}, keep events: {keep_events}"));
}

pub(crate) fn set_custom_status(value: &str) -> Result<(), Failure> {
    ask(format!("status {value}"));
    Ok(())
}

pub(crate) fn get_input() -> String {
    script(|script| script.input.clone())
}

pub(crate) fn instance_id() -> String {
    "the-instance".into()
}

pub(crate) fn current_time_ms() -> u64 {
    1_700_000_000_000
}

pub(crate) fn new_uuid() -> String {
    "00000000-0000-5000-8000-000000000000".into()
}

pub(crate) fn is_replaying() -> bool {
    false
}

pub(crate) fn log(level: LogLevel, message: &str) {
    ask(format!("{level:?} {message}"));
}
