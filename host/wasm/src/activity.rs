//! Runs one activity of a module to its end.

use crate::guest::{Gate, Guest, Role};
use crate::host::result_from_guest;
use crate::{Host, Wasm};
use dacapo_core::ids::find_name;
use dacapo_runtime::executor::{ActivityEnd, ActivityExecutor, ActivityRun, PlayError};
use dacapo_store::ModuleVersion;
use futures::future::BoxFuture;
use std::sync::Arc;

impl ActivityExecutor for Wasm {
    fn is_pure(&self, version: &ModuleVersion) -> bool {
        // No module is granted anything else: no files, no sockets; what it logs and reports is for people.
        self.0.outgoing(version).is_none()
    }

    fn run(&self, version: Arc<ModuleVersion>, run: ActivityRun) -> BoxFuture<'_, ActivityEnd> {
        Box::pin(async move { once(&self.0, &version, run).await })
    }
}

async fn once(host: &Host, version: &ModuleVersion, run: ActivityRun) -> ActivityEnd {
    let module = host.registry.get(&version.digest).await?;
    let unusable = |reason: &String| PlayError::Unavailable(format!("module '{}': {reason}", version.module));
    let pre = module.activity.as_ref().map_err(unusable)?;
    let gate = Gate::new(host.config.activity_cpu_ms);
    gate.begin(run.now_ms);
    let name = find_name(&version.activities, &run.name).unwrap_or(&run.name).to_owned();
    let input = run.input.to_string();
    let mut store = Guest::store(host, Role::Activity(run), gate.clone(), Some(version));
    let last_words = store.data().last_words.clone();
    let _running = host.ticker.running();
    let called = async {
        let guest = pre.instantiate_async(&mut store).await?;
        guest.dacapo_orchestration_activities().call_run(&mut store, &name, &input).await
    };
    match called.await {
        Ok(result) => Ok(result_from_guest(&format!("result of activity '{name}'"), result)),
        Err(error) => Guest::judge(&gate, &last_words, &error).map(Err),
    }
}
