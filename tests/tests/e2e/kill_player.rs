//! An instance whose play ends the process, again and again: it is found out, and the others go on.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::api::Api;
use dacapo_tests::program::Program;
use dacapo_tests::server::{guest, has_ended};
use serde_json::{Value, json};
use std::path::Path;

/// Nothing here is cut before it is killed.
const ARGS: [&str; 2] = ["--turn-cpu-ms", "600000"];

/// Waits until an instance is being played: the loops never rest.
async fn until_one_is_played(data: &Path) -> Result<()> {
    let is_playing = || {
        let entries = std::fs::read(data.join("dacapo.playing")).unwrap_or_default();
        entries.as_chunks::<16>().0.iter().any(|entry| entry[12] == 1)
    };
    while !is_playing() {
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn status(api: &Api, id: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    loop {
        let status = api.status(id).await?.with_context(|| format!("'{id}' is gone"))?;
        if wanted(&status) {
            return Ok(status);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_ends_the_process_each_time_is_played_three_times() -> Result<()> {
    let data = tempfile::tempdir()?;
    let mut program = Program::serve(data.path(), &ARGS)?;
    let api = Api::of(&program.url);
    for module in ["conformance", "misbehaving"] {
        api.deploy(&guest(module)).await?;
    }
    api.start("Collect", "bystander", &json!(1)).await?;
    status(&api, "bystander", |status| status["runtimeStatus"] == "Running").await?;
    api.start("LoopForever", "looping", &Value::Null).await?;
    for _ in 0..3 {
        until_one_is_played(data.path()).await?;
        program.kill()?;
        program = Program::serve(data.path(), &ARGS)?;
    }
    let api = Api::of(&program.url);
    let stalled = status(&api, "looping", has_ended).await?;
    assert_eq!(stalled["runtimeStatus"], "Failed");
    let output = stalled["output"].as_str().context("text")?;
    assert!(
        output.contains("the server's process has ended 3 times in a row while this instance was played"),
        "{output}"
    );
    api.raise("bystander", "Item", &json!("here")).await?;
    let end = status(&api, "bystander", has_ended).await?;
    assert_eq!(end["output"], json!(["here"]));

    // After a stop in order it gets another chance.
    ensure!(program.stop()?.success(), "it stops");
    let program = Program::serve(data.path(), &ARGS)?;
    until_one_is_played(data.path()).await?;
    program.kill()
}
