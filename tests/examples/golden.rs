//! Plays every sample orchestrator and writes its history to `tests/golden/histories`:
//! `cargo run -p dacapo-tests --example golden`, after `cargo xtask samples`. What is there already is kept.

use anyhow::{Context as _, Result};
use dacapo_tests::server::{expect, golden_histories, sample};
use dacapo_tests::{Server, Way};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

/// What somebody does while a flow waits.
enum Act {
    /// Once its custom status is there.
    Shown,
    /// Raises an event to this instance, or a child of it.
    Raise(&'static str, &'static str, Value),
    /// Lets the time of its next timer come.
    Advance(u64),
    /// Lets a failed one go on.
    Rewind,
    /// Waits for the end.
    End,
}

type Play = (&'static str, &'static str, &'static str, Value, Vec<Act>);

/// Module, orchestrator, id (and file), input, and what happens.
fn plays() -> Vec<Play> {
    use Act::{Advance, End, Raise, Rewind, Shown};
    let line = |sku: &str| json!({ "sku": sku, "quantity": 1 });
    let order = |order: &str, more: Value| {
        let mut input = json!({ "order": order, "lines": [line("pen"), line("flaky-ink"), line("paper")] });
        if let (Some(input), Some(more)) = (input.as_object_mut(), more.as_object()) {
            input.extend(more.clone());
        }
        input
    };
    let later = || (0..12).map(|_| Advance(1_000)).chain([End]).collect::<Vec<_>>();
    let mut plays = vec![
        ("Cities", "HelloCities", "hello-cities", Value::Null, vec![End]),
        (
            "Cities",
            "CityRecommender",
            "city-recommender",
            json!(1),
            vec![Shown, Raise("city-recommender", "UserChoice", json!("Tokyo")), End],
        ),
        ("Cities", "CityRecommender", "city-recommender-refuses", json!(4), vec![End]),
        (
            "Tickets",
            "ReserveTicket",
            "reserve-ticket",
            json!("ada"),
            vec![Shown, Raise("reserve-ticket", "BookingConfirmed", json!(true)), End],
        ),
        ("Tickets", "ReserveTicket", "reserve-ticket-late", json!("bob"), vec![Shown, Advance(60_000), End]),
        (
            "Status",
            "StatusTest",
            "status-test",
            Value::Null,
            vec![Shown, Raise("status-test", "Done", Value::Null), End],
        ),
        ("Status", "BigStatus", "big-status", json!(9_000), vec![End]),
        ("FailOnce", "FailOnce", "fail-once", json!(1_000), vec![End, Advance(2_000), Rewind, End]),
        (
            "Monitor",
            "MonitorJob",
            "monitor-job",
            json!({ "job": "press", "intervalMs": 1_000 }),
            vec![Shown, Raise("monitor-job", "Stop", Value::Null), End],
        ),
        ("Orders", "OrderFulfilment", "order", order("o-1", json!({})), later()),
        ("Orders", "OrderFulfilment", "order-compensated", order("o-2", json!({ "failAt": "paper" })), later()),
        ("Orders", "OrderFulfilment", "order-unshippable", order("unshippable-3", json!({})), later()),
        ("Workloads", "Steps", "steps", json!(3), vec![End]),
        ("Workloads", "FanOut", "fan-out", json!(5), vec![End]),
        ("Workloads", "Park", "park", Value::Null, vec![Shown, Raise("park", "Go", json!({ "ok": true })), End]),
        ("Workloads", "Trivial", "trivial", Value::Null, vec![End]),
    ];
    plays.extend(approvals());
    plays
}

fn approvals() -> Vec<Play> {
    use Act::{Advance, End, Raise, Shown};
    let request = json!({
        "request": "a day off", "approvers": ["ada", "bob"], "escalateTo": "eve", "escalateAfterMs": 60_000,
    });
    vec![
        (
            "Approval",
            "Approval",
            "approval",
            request.clone(),
            vec![Shown, Raise("approval-ada", "Decision", json!(true)), End],
        ),
        (
            "Approval",
            "Approval",
            "approval-escalated",
            request,
            vec![Shown, Advance(60_000), Raise("approval-escalated-eve", "Decision", json!(false)), End],
        ),
        (
            "Approval",
            "AskApprover",
            "ask-approver",
            json!({ "request": "a day off", "approver": "ada" }),
            vec![Shown, Raise("ask-approver", "Decision", json!(true)), End],
        ),
    ]
}

async fn raise(server: &Server, id: &str, event: &str, data: Value) -> Result<()> {
    // A child may not be there yet: its parent starts it with its own turn.
    while server.get(server.api(&format!("/instances/{id}"))).await?.status() == StatusCode::NOT_FOUND {}
    server.raise(id, event, data).await
}

async fn play(server: &Server, (_, name, id, input, acts): Play) -> Result<Value> {
    server.start_instance(name, id, input).await?;
    for act in acts {
        match act {
            Act::Shown => drop(server.until(id, |status| !status["customStatus"].is_null()).await?),
            Act::Raise(id, event, data) => raise(server, id, event, data).await?,
            Act::Advance(ms) => server.advance(Duration::from_millis(ms)),
            Act::Rewind => {
                let answer = server.post(server.api(&format!("/instances/{id}/rewind"))).await?;
                expect(answer, StatusCode::ACCEPTED).await?;
                server.poll_until(id, |status| status["runtimeStatus"] != "Failed").await?;
            }
            Act::End => drop(server.ended_in_time(id).await?),
        }
    }
    expect(server.get(server.url(&format!("/api/instances/{id}/history"))).await?, StatusCode::OK).await
}

#[tokio::main]
async fn main() -> Result<()> {
    std::fs::create_dir_all(golden_histories())?;
    for one in plays() {
        let (module, id) = (one.0, one.2);
        let file = golden_histories().join(format!("{id}.json"));
        if file.exists() {
            continue;
        }
        Server::play(Way::Warm, async |server| {
            server.deploy(&sample(module)).await?;
            let history = play(server, one).await.with_context(|| id.to_owned())?;
            std::fs::write(&file, format!("{}\n", serde_json::to_string(&history)?))?;
            println!("wrote {}", file.display());
            Ok(())
        })
        .await?;
    }
    Ok(())
}
