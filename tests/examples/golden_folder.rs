//! Leaves a data folder as the program of today does, with instances in all states, and writes it to
//! `tests/golden/folders`: `cargo run -p dacapo-tests --example golden_folder NAME`, after `cargo xtask samples`.

use anyhow::{Context as _, Result, ensure};
use dacapo_core::{Event, InstanceId, Orchestration, Payload};
use dacapo_store::sqlite::SqliteStore;
use dacapo_store::{Delivery, NewInstance, Store, Write};
use dacapo_tests::server::{expect, sample};
use dacapo_tests::{Server, Way, golden};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<()> {
    let name = std::env::args().nth(1).context("the name of the file to write, without its ending")?;
    let mut server = Server::start(Way::Warm).await?;
    for module in golden::MODULES {
        server.deploy(&sample(module)).await?;
    }
    play(&server).await?;
    server.stop().await;
    leave_unplayed(server.data())?;
    std::fs::create_dir_all(golden::folders())?;
    let file = golden::folders().join(format!("{name}.sql"));
    std::fs::write(&file, golden::dump(server.data())?)?;
    println!("wrote {}", file.display());
    Ok(())
}

async fn act(server: &Server, id: &str, act: &str) -> Result<()> {
    let answer = server.post(server.api(&format!("/instances/{id}/{act}"))).await?;
    expect(answer, StatusCode::ACCEPTED).await.map(drop)
}

/// Everything up to where it waits.
async fn play(server: &Server) -> Result<()> {
    let shown = |status: &Value| !status["customStatus"].is_null();
    server.start_instance("HelloCities", "cities-completed", Value::Null).await?;
    server.ended("cities-completed").await?;
    server.start_instance("CityRecommender", "cities-failed", json!(4)).await?;
    server.ended("cities-failed").await?;
    for id in ["cities-waiting", "cities-suspended", "cities-terminated", "cities-event"] {
        server.start_instance("CityRecommender", id, json!(2)).await?;
        server.until(id, shown).await?;
    }
    act(server, "cities-suspended", "suspend?reason=later").await?;
    server.until("cities-suspended", |status| status["runtimeStatus"] == "Suspended").await?;
    server.raise("cities-suspended", "UserChoice", json!("London")).await?;
    act(server, "cities-terminated", "terminate?reason=enough").await?;
    server.ended("cities-terminated").await?;
    for (id, user) in [("ticket-waiting", "ada"), ("ticket-late", "bob")] {
        server.start_instance("ReserveTicket", id, json!(user)).await?;
        server.until(id, shown).await?;
    }
    server.start_instance("FailOnce", "shop-closed", json!(1_000)).await?;
    server.ended("shop-closed").await?;
    let line = |sku: &str| json!({ "sku": sku, "quantity": 1 });
    let order = json!({ "order": "o-1", "lines": [line("pen"), line("flaky-ink")] });
    server.start_instance("OrderFulfilment", "order-retrying", order).await?;
    server.until("order-retrying", |status| status["customStatus"]["done"] == 1).await?;
    let request = json!({
        "request": "a day off", "approvers": ["ada", "bob"], "escalateTo": "eve", "escalateAfterMs": 3_600_000,
    });
    server.start_instance("Approval", "approval", request).await?;
    for id in ["approval", "approval-ada", "approval-bob"] {
        while server.get(server.api(&format!("/instances/{id}"))).await?.status() == StatusCode::NOT_FOUND {}
        server.until(id, shown).await?;
    }
    let watch = json!({ "job": "press", "intervalMs": 1_000 });
    server.start_instance("MonitorJob", "monitor", watch).await?;
    server.until("monitor", |status| status["customStatus"]["generation"] == 0).await?;
    server.advance(Duration::from_millis(1_000));
    server.until("monitor", |status| status["customStatus"]["generation"] == 1).await?;
    server.start_instance("FanOut", "fan-out", json!(5)).await?;
    server.ended("fan-out").await?;
    Ok(())
}

/// What was acknowledged and not played when the program ended.
fn leave_unplayed(data: &Path) -> Result<()> {
    let store = SqliteStore::open(data)?;
    let event = Event::EventRaised { name: "UserChoice".into(), data: Payload::parse("\"Seattle\"")?, by: None };
    let modules = store.modules()?;
    let cities = modules.iter().find(|version| version.module == "Cities").context("it was deployed")?;
    let batch = [
        Write::Deliver(Delivery {
            id: InstanceId::parse("cities-event")?,
            event,
            limit: 100,
            limit_untaken: 100,
            limit_bytes: 1 << 20,
        }),
        Write::Create(NewInstance {
            id: InstanceId::parse("cities-pending")?,
            name: "HelloCities".into(),
            version: cities.id,
            opening: Orchestration::opening("HelloCities", Payload::null(), 1_700_000_001_000),
            parent: None,
        }),
    ];
    ensure!(store.commit(&batch)?.iter().all(Result::is_ok), "both are taken");
    Ok(())
}
