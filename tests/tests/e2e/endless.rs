//! A flow without an end costs no more after ten thousand executions than after a thousand.

use anyhow::{Result, ensure};
use dacapo_store::sqlite::FILE_NAME;
use dacapo_tests::api::Api;
use dacapo_tests::database::Database;
use dacapo_tests::program::Program;
use dacapo_tests::server::{has_ended, sample};
use serde_json::{Value, json};
use std::ops::ControlFlow;

const EARLY: u64 = 1_000;
const EXECUTIONS: u64 = 10_000;
/// What the caches may take in between, in MiB.
const GROWTH_MIB: usize = 24;
const DATABASE_BYTES: u64 = 4 << 20;

async fn until(api: &Api, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let mut found = None;
    api.watch("m", |status| {
        if wanted(&status) || has_ended(&status) {
            found = Some(status);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
    .await?;
    found.ok_or_else(|| anyhow::anyhow!("the watch ended too early"))
}

#[tokio::test]
async fn ten_thousand_executions_cost_no_more_than_a_thousand() -> Result<()> {
    for warm_mib in ["64", "0"] {
        let data = tempfile::tempdir()?;
        let program = Program::serve(data.path(), &["--warm-memory-mib", warm_mib])?;
        let api = Api::of(&program.url);
        api.deploy(&sample("Monitor")).await?;
        api.start("MonitorJob", "m", &json!({ "job": "tide", "intervalMs": 0, "until": EXECUTIONS })).await?;
        until(&api, |status| status["customStatus"]["generation"].as_u64() >= Some(EARLY)).await?;
        let early_mib = program.memory_mib("VmRSS")?;
        let end = until(&api, has_ended).await?;
        let late_mib = program.memory_mib("VmRSS")?;
        assert_eq!((&end["runtimeStatus"], &end["customStatus"]["generation"]), (&json!("Completed"), &json!(9_999)));
        println!("{early_mib} MiB after {EARLY}, {late_mib} MiB after {EXECUTIONS} executions");
        ensure!(late_mib <= early_mib + GROWTH_MIB, "memory grew from {early_mib} to {late_mib} MiB");
        ensure!(program.stop()?.success(), "it stops");
        let bytes = std::fs::metadata(data.path().join(FILE_NAME))?.len();
        ensure!(bytes <= DATABASE_BYTES, "the database has {bytes} bytes");
        assert!(Database::open(data.path())?.history("m")?.len() <= 4, "only the last execution is kept");
    }
    Ok(())
}
