//! `dacapo:orchestration/context`: what an orchestrator asks its host.

use super::to_guest;
use crate::bindings::orchestrator::dacapo::orchestration::context::{Host, HostTask};
use crate::bindings::types::{ActivityOptions, ChildOptions, Failure, LogLevel, RetryPolicy};
use crate::guest::{Guest, Role};
use dacapo_core::orchestration::Stop;
use dacapo_core::{Orchestration, TaskId, retry as policy};
use std::sync::PoisonError;
use wasmtime::component::Resource;

/// The guest's handle on something in flight.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Task(TaskId);

/// Scratch space for `await-any`, so that a long list of tasks costs no allocation a call.
pub(crate) type Tasks = Vec<TaskId>;

impl Guest {
    /// Asks the orchestration; what stops the guest becomes a trap.
    fn ask<T>(&mut self, ask: impl FnOnce(&mut Orchestration) -> Result<T, Stop>) -> wasmtime::Result<T> {
        let Role::Orchestrator(orchestration) = &self.role else { return Err(not_here()) };
        let mut orchestration = orchestration.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&mut orchestration).map_err(|stop| wasmtime::Error::msg(stop.to_string()))
    }

    fn tell<T>(&mut self, ask: impl FnOnce(&mut Orchestration) -> T) -> wasmtime::Result<T> {
        self.ask(|orchestration| Ok(ask(orchestration)))
    }

    fn task(
        &mut self,
        ask: impl FnOnce(&mut Orchestration) -> Result<TaskId, Stop>,
    ) -> wasmtime::Result<Resource<Task>> {
        let task = self.ask(ask)?;
        Ok(self.table().push(Task(task))?)
    }
}

fn policy(orchestration: &mut Orchestration, policy: Option<RetryPolicy>) -> Result<Option<policy::RetryPolicy>, Stop> {
    let Some(policy) = policy else { return Ok(None) };
    let every = policy::RetryPolicy {
        max_delay_ms: policy.max_delay_ms,
        give_up_after_ms: policy.give_up_after_ms,
        unless_kinds: policy.unless_kinds,
        ..policy::RetryPolicy::every(policy.first_delay_ms, policy.max_attempts)
    };
    every.with_backoff(policy.backoff).map(Some).map_err(|fault| orchestration.broken(fault))
}

fn not_here() -> wasmtime::Error {
    wasmtime::Error::msg(
        "only an orchestrator can use `dacapo:orchestration/context`; an activity has `activity-context`",
    )
}

impl Host for Guest {
    fn get_input(&mut self) -> wasmtime::Result<String> {
        self.tell(|orchestration| orchestration.input().to_string())
    }

    fn call_activity(
        &mut self,
        name: String,
        input: String,
        options: Option<ActivityOptions>,
    ) -> wasmtime::Result<Resource<Task>> {
        let (retry, timeout_ms) = options.map_or((None, None), |options| (options.retry, options.timeout_ms));
        self.task(|orchestration| {
            let retry = policy(orchestration, retry)?;
            orchestration.call_activity(name, &input, dacapo_core::ActivityOptions { retry, timeout_ms })
        })
    }

    fn wait_for_event(&mut self, name: String) -> wasmtime::Result<Resource<Task>> {
        self.task(|orchestration| orchestration.wait_for_event(name))
    }

    fn start_timer(&mut self, delay_ms: u64) -> wasmtime::Result<Resource<Task>> {
        self.task(|orchestration| orchestration.start_timer(delay_ms))
    }

    fn call_orchestrator(
        &mut self,
        name: String,
        input: String,
        options: Option<ChildOptions>,
    ) -> wasmtime::Result<Resource<Task>> {
        let (instance_id, retry, detached) =
            options.map_or((None, None, false), |options| (options.instance_id, options.retry, options.detached));
        self.task(|orchestration| {
            let options = dacapo_core::ChildOptions { retry: policy(orchestration, retry)?, detached };
            orchestration.call_orchestrator(name, &input, instance_id.as_deref(), options)
        })
    }

    async fn await_any(&mut self, tasks: Vec<Resource<Task>>) -> wasmtime::Result<u32> {
        let mut ids = std::mem::take(&mut self.tasks);
        ids.clear();
        for task in &tasks {
            ids.push(self.table().get(task)?.0);
        }
        let position = loop {
            if let Some(position) = self.ask(|orchestration| orchestration.poll_any(&ids))? {
                break position;
            }
            self.gate.clone().park().await;
        };
        self.tasks = ids;
        Ok(u32::try_from(position)?)
    }

    async fn await_next(&mut self) -> wasmtime::Result<u32> {
        loop {
            if let Some(key) = self.ask(Orchestration::poll_next)? {
                return Ok(key);
            }
            self.gate.clone().park().await;
        }
    }

    fn set_custom_status(&mut self, value: String) -> wasmtime::Result<Result<(), Failure>> {
        self.ask(|orchestration| Ok(orchestration.set_custom_status(&value)?.map_err(to_guest)))
    }

    fn raise_event(&mut self, instance_id: String, name: String, data: String) -> wasmtime::Result<()> {
        self.ask(|orchestration| orchestration.raise_event(&instance_id, name, &data))
    }

    fn continue_as_new(&mut self, input: String, keep_events: bool) -> wasmtime::Result<()> {
        self.ask(|orchestration| orchestration.continue_as_new(&input, keep_events))
    }

    fn instance_id(&mut self) -> wasmtime::Result<String> {
        self.tell(|orchestration| orchestration.identity().instance_id.to_string())
    }

    fn current_time_ms(&mut self) -> wasmtime::Result<u64> {
        self.tell(|orchestration| orchestration.now_ms())
    }

    fn new_uuid(&mut self) -> wasmtime::Result<String> {
        self.tell(Orchestration::new_uuid)
    }

    fn is_replaying(&mut self) -> wasmtime::Result<bool> {
        self.tell(|orchestration| orchestration.is_replaying())
    }

    fn log(&mut self, level: LogLevel, message: String) -> wasmtime::Result<()> {
        self.last_words.hear(level, &message);
        let (replaying, instance) =
            self.tell(|orchestration| (orchestration.is_replaying(), orchestration.identity().instance_id.clone()))?;
        if !replaying {
            super::output::log(&self.gate, level, instance.as_str(), &message);
        }
        Ok(())
    }
}

impl HostTask for Guest {
    fn outcome(&mut self, task: Resource<Task>) -> wasmtime::Result<Result<String, Failure>> {
        let id = self.table().get(&task)?.0;
        let outcome = self.ask(|orchestration| orchestration.outcome(id))?;
        Ok(outcome.map(|payload| payload.to_string()).map_err(to_guest))
    }

    fn cancel(&mut self, task: Resource<Task>) -> wasmtime::Result<()> {
        let id = self.table().get(&task)?.0;
        self.ask(|orchestration| orchestration.cancel(id))
    }

    fn watch(&mut self, task: Resource<Task>, key: u32) -> wasmtime::Result<()> {
        let id = self.table().get(&task)?.0;
        self.ask(|orchestration| orchestration.watch(id, key))
    }

    fn drop(&mut self, task: Resource<Task>) -> wasmtime::Result<()> {
        // Never an event of the history: some engines drop late, some never.
        self.table().delete(task)?;
        Ok(())
    }
}
