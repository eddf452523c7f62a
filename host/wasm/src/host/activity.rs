//! `dacapo:orchestration/activity-context`: what an activity asks its host.

use crate::bindings::activity::dacapo::orchestration::activity_context::Host;
use crate::bindings::types::LogLevel;
use crate::guest::{Guest, Role};
use dacapo_runtime::executor::ActivityRun;

impl Guest {
    fn run(&self) -> wasmtime::Result<&ActivityRun> {
        match &self.role {
            Role::Activity(run) => Ok(run),
            Role::Orchestrator(_) | Role::Probe => {
                Err(wasmtime::Error::msg("only an activity can use `dacapo:orchestration/activity-context`"))
            }
        }
    }
}

impl Host for Guest {
    fn instance_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.run()?.instance_id.clone())
    }

    fn idempotency_key(&mut self) -> wasmtime::Result<String> {
        Ok(self.run()?.idempotency_key.clone())
    }

    fn attempt(&mut self) -> wasmtime::Result<u32> {
        Ok(self.run()?.attempt)
    }

    fn report_progress(&mut self, value: String) -> wasmtime::Result<()> {
        self.run()?.reporter.report(&value).map_err(wasmtime::Error::msg)
    }

    fn log(&mut self, level: LogLevel, message: String) -> wasmtime::Result<()> {
        self.last_words.hear(level, &message);
        super::output::log(&self.gate, level, &self.run()?.instance_id, &message);
        Ok(())
    }
}
