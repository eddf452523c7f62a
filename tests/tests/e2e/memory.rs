//! Ten thousand instances that wait fit into the memory that warm instances may hold, and some more for the rest.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::api::Api;
use dacapo_tests::program::Program;
use dacapo_tests::server::sample;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

const INSTANCES: usize = 10_000;
const IN_FLIGHT: usize = 64;
const WARM_MIB: usize = 64;
/// The program itself, its caches, and guests under way.
const OTHER_MIB: usize = 150;

fn check_memory(program: &Program, when: &str) -> Result<()> {
    for line in ["VmRSS", "VmHWM"] {
        let found = program.memory_mib(line)?;
        println!("{when}: {line} {found} MiB");
        ensure!(found <= WARM_MIB + OTHER_MIB, "{when}, {line} is {found} MiB");
    }
    Ok(())
}

/// Waits until no instance has one of these statuses.
async fn until_none(api: &Api, statuses: &str) -> Result<()> {
    while !api.list(&format!("top=1&runtimeStatus={statuses}")).await?.is_empty() {}
    Ok(())
}

async fn for_each(call: impl AsyncFn(usize, String) -> Result<()>) -> Result<()> {
    let calls = stream::iter(0..INSTANCES).map(|n| call(n, format!("p{n}")));
    calls.buffer_unordered(IN_FLIGHT).try_collect().await
}

#[tokio::test]
async fn ten_thousand_parked_instances_keep_to_the_memory_they_are_given() -> Result<()> {
    let data = tempfile::tempdir()?;
    let program = Program::serve(data.path(), &["--warm-memory-mib", &WARM_MIB.to_string()])?;
    let api = Api::of(&program.url);
    api.deploy(&sample("Workloads")).await?;
    for_each(async |n, id| api.start("Park", &id, &json!(n)).await).await?;
    until_none(&api, "Pending").await?;
    check_memory(&program, "parked")?;
    for_each(async |n, id| api.raise(&id, "Go", &json!({ "n": n })).await).await?;
    until_none(&api, "Pending,Running").await?;
    check_memory(&program, "ended")?;
    for_each(async |n, id| {
        let status = api.status(&id).await?.with_context(|| format!("{id} is lost"))?;
        let found = (&status["runtimeStatus"], &status["output"], &status["customStatus"]);
        ensure!(found == (&json!("Completed"), &json!({ "n": n }), &json!("waiting")), "{status}");
        Ok(())
    })
    .await
}
