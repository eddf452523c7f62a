//! `kill -9` in the middle of flows that use the whole model: children, retries, compensation, events to others, new
//! executions. Everything that was started ends as it would have without it.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::api::Api;
use dacapo_tests::program::Program;
use dacapo_tests::server::{guest, has_ended, sample};
use serde_json::{Value, json};

const KILLS: usize = 3;
/// Of each kind.
const INSTANCES: usize = 12;

/// The flows of one number, with how each has to end.
fn flows(n: usize) -> Vec<(&'static str, String, Value, Value)> {
    let lines: Vec<Value> = (0..50)
        .map(|line| json!({ "sku": if line % 9 == 0 { format!("flaky-{line}") } else { format!("sku-{line}") }, "quantity": 1 }))
        .collect();
    let order = format!("order-{n}");
    let complete = json!({ "order": order, "outcome": "complete", "reserved": 50 });
    let compensated = json!({ "order": order, "outcome": "compensated", "reason": "sku-20 is out of stock" });
    let below = "Orchestrator function 'Chain' failed: ";
    let boom = "Activity function 'Boom' failed: the ground gave way";
    vec![
        ("Spread", format!("fan-{n}"), json!(20), json!(380)),
        ("Chain", format!("chain-{n}"), json!(3), json!(format!("{}{boom}", below.repeat(4)))),
        ("Tight", format!("tight-{n}"), json!(40), json!("done")),
        (
            "Parent",
            format!("parent-{n}"),
            json!({ "name": "Wait", "id": format!("wait-{n}") }),
            json!({ "from": format!("tell-{n}") }),
        ),
        ("OrderFulfilment", format!("good-{n}"), json!({ "order": order, "lines": lines.clone() }), complete),
        (
            "OrderFulfilment",
            format!("bad-{n}"),
            json!({ "order": order, "lines": lines, "failAt": "sku-20" }),
            compensated,
        ),
    ]
}

async fn ended(api: &Api) -> Result<usize> {
    Ok(api.list("top=1000&runtimeStatus=Completed,Failed&showInput=false").await?.len())
}

async fn a_killed_server_plays_on(args: &[&str]) -> Result<()> {
    let data = tempfile::tempdir()?;
    let mut program = Program::serve(data.path(), args)?;
    let mut api = Api::of(&program.url);
    api.deploy(&guest("flows")).await?;
    api.deploy(&sample("Orders")).await?;
    let all: Vec<_> = (0..INSTANCES).flat_map(flows).collect();
    for (name, id, input, _) in &all {
        api.start(name, id, input).await?;
    }
    for n in 0..INSTANCES {
        // The child may not be there yet: its parent starts it with its own first turn.
        while api.status(&format!("wait-{n}")).await?.is_none() {}
        api.start("Tell", &format!("tell-{n}"), &json!(format!("wait-{n}"))).await?;
    }
    for kill in 0..KILLS {
        // Somewhere on the way, and each time further on.
        let so_many = (kill + 1) * all.len() / (KILLS + 1);
        while ended(&api).await? < so_many {}
        program.kill()?;
        program = Program::serve(data.path(), args)?;
        api = Api::of(&program.url);
    }
    for (name, id, _, output) in &all {
        loop {
            let status = api.status(id).await?.with_context(|| format!("{id} is lost"))?;
            if has_ended(&status) {
                ensure!(status["output"] == *output, "{name} {id}: {status}");
                break;
            }
        }
    }
    ensure!(program.stop()?.success(), "it stops");
    Ok(())
}

#[tokio::test]
async fn a_killed_server_plays_the_whole_model_on() -> Result<()> {
    a_killed_server_plays_on(&[]).await
}

#[tokio::test]
async fn a_killed_server_that_replays_every_turn_plays_the_whole_model_on() -> Result<()> {
    a_killed_server_plays_on(&["--warm-memory-mib", "0"]).await
}
