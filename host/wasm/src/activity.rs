//! Runs one activity of a module to its end.

use crate::guest::{Gate, Guest, Role};
use crate::host::result_from_guest;
use crate::{Host, Wasm};
use dacapo_core::ids::find_name;
use dacapo_core::{Failure, Payload};
use dacapo_runtime::executor::{ActivityExecutor, ActivityRun, PlayError};
use dacapo_store::ModuleVersion;
use futures::future::BoxFuture;
use std::sync::Arc;

impl ActivityExecutor for Wasm {
    fn is_pure(&self, _version: &ModuleVersion) -> bool {
        // No module is granted anything: no network, no files; what it logs is for people.
        true
    }

    fn run(&self, version: Arc<ModuleVersion>, run: ActivityRun) -> BoxFuture<'_, Result<Payload, Failure>> {
        Box::pin(async move {
            loop {
                match once(&self.0, &version, run.clone()).await {
                    Ok(result) => return result,
                    // It waits for room. Nothing is evicted for it: where all guests rest and wait for activities, that is for ever.
                    Err(PlayError::NoRoom(_)) => tokio::task::yield_now().await,
                    Err(PlayError::Cut(reason)) => {
                        return Err(Failure::new("cut", format!("activity '{}' was cut: {reason}", run.name)));
                    }
                    Err(PlayError::Unavailable(reason)) => return Err(Failure::new("unavailable", reason)),
                }
            }
        })
    }
}

async fn once(host: &Host, version: &ModuleVersion, run: ActivityRun) -> Result<Result<Payload, Failure>, PlayError> {
    let module = host.registry.get(&version.digest).await.map_err(PlayError::Unavailable)?;
    let Some(pre) = &module.activity else {
        return Err(PlayError::Unavailable(format!("module '{}' exports no activities", version.module)));
    };
    let gate = Gate::new(host.config.activity_cpu_ms);
    gate.begin(run.now_ms);
    let name = find_name(&version.activities, &run.name).unwrap_or(&run.name).to_owned();
    let input = run.input.to_string();
    let mut store = Guest::store(host, Role::Activity(run), gate.clone());
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
