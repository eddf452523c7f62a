//! `kill -9` in the middle of orders whose steps are calls of a service outside: each order ends complete or compensated,
//! never both, and each thing that was to happen has happened once, by the idempotency keys that the service has seen.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::api::Api;
use dacapo_tests::program::Program;
use dacapo_tests::server::{has_ended, sample};
use dacapo_tests::service::{Received, Service, answer};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const LINES: usize = 50;
const KILLS: usize = 3;

/// Each step of an order, as a service.
const STEPS: [&str; 6] =
    ["ReserveStock", "ReleaseStock", "ChargeCustomer", "RefundCustomer", "ShipOrder", "RecallShipment"];

/// How an order has to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    /// This line is out of stock.
    OutOfStock(usize),
    NoCourier,
}

fn orders() -> Vec<(String, End)> {
    let end = |n| match n % 3 {
        0 => End::Complete,
        1 => End::OutOfStock(LINES / 2),
        _ => End::NoCourier,
    };
    (0..6).map(|n| (format!("order-{n}"), end(n))).collect()
}

/// The warehouse, the bank and the courier. Every seventh key fails the first two times it comes: by a status that is
/// worth another attempt. What is refused is refused for good.
async fn respond(call: Received) -> axum::response::Response {
    let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
    let step = call.path.trim_start_matches('/').to_owned();
    let out_of_stock = step == "ReserveStock" && body["out_of_stock"] == true;
    let no_courier = step == "ShipOrder" && body.as_str().is_some_and(|order| ends(order) == Some(End::NoCourier));
    if out_of_stock || no_courier {
        return answer(409, "never");
    }
    let flaky = call.key().bytes().map(u32::from).sum::<u32>() % 7 == 0;
    if flaky && call.earlier < 2 {
        return answer(503, "busy");
    }
    answer(200, "\"done\"")
}

fn ends(order: &str) -> Option<End> {
    orders().into_iter().find(|(id, _)| id == order).map(|(_, end)| end)
}

fn write_config(folder: &Path, service: &Service) -> Result<String> {
    let mut text = format!("[http]\nallow = [\"{}\"]\nnetworks = [\"127.0.0.0/8\"]\n", service.url(""));
    for step in STEPS {
        text.push_str(&format!("[activities.{step}]\nurl = \"{}\"\n", service.url(&format!("/{step}"))));
    }
    let file = folder.join("dacapo.toml");
    std::fs::write(&file, text)?;
    Ok(file.display().to_string())
}

/// What has been done for one order, by step: how many different things.
type Done = BTreeMap<String, usize>;

/// A key is a call of one instance, and that is one order.
fn done(service: &Service, order: &str) -> Done {
    let mut keys = BTreeMap::<String, BTreeSet<String>>::new();
    for call in service.received() {
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let of = body["order"].as_str().or(body.as_str()).unwrap_or_default().to_owned();
        let refused = call.path == "/ReserveStock" && body["out_of_stock"] == true;
        if of == order && !refused {
            keys.entry(call.path.trim_start_matches('/').to_owned()).or_default().insert(call.key());
        }
    }
    keys.into_iter().map(|(step, keys)| (step, keys.len())).collect()
}

fn expected(end: End) -> Done {
    let steps: &[(&str, usize)] = match end {
        End::Complete => &[("ReserveStock", LINES), ("ChargeCustomer", 1), ("ShipOrder", 1)],
        End::OutOfStock(_) => &[("ReserveStock", LINES - 1), ("ReleaseStock", LINES - 1)],
        End::NoCourier => &[
            ("ReserveStock", LINES),
            ("ChargeCustomer", 1),
            ("ShipOrder", 1),
            ("RefundCustomer", 1),
            ("ReleaseStock", LINES),
        ],
    };
    steps.iter().map(|(step, count)| ((*step).to_owned(), *count)).collect()
}

async fn orders_survive(args: &[&str]) -> Result<()> {
    let service = Service::start(respond).await?;
    let data = tempfile::tempdir()?;
    let config = write_config(data.path(), &service)?;
    let args = [args, &["--config", &config]].concat();
    let mut program = Program::serve(data.path(), &args)?;
    let mut api = Api::of(&program.url);
    api.deploy(&sample("Orders")).await?;
    for (order, end) in orders() {
        let lines: Vec<Value> = (0..LINES).map(|n| json!({ "sku": format!("sku-{n}"), "quantity": 1 })).collect();
        let fail_at = match end {
            End::OutOfStock(line) => json!(format!("sku-{line}")),
            _ => Value::Null,
        };
        api.start("OrderFulfilment", &order, &json!({ "order": order, "lines": lines, "failAt": fail_at })).await?;
    }
    // What the service will have been asked for in all, at least.
    let total: usize = orders().iter().flat_map(|(_, end)| expected(*end).into_values()).sum();
    for kill in 0..KILLS {
        // Somewhere on the way, and each time further on.
        let so_many = (kill + 1) * total / (KILLS + 1);
        while service.effects().values().sum::<usize>() < so_many {
            tokio::task::yield_now().await;
        }
        program.kill()?;
        program = Program::serve(data.path(), &args)?;
        api = Api::of(&program.url);
    }
    for (order, end) in orders() {
        let status = loop {
            let status = api.status(&order).await?.with_context(|| format!("{order} is lost"))?;
            if has_ended(&status) {
                break status;
            }
        };
        let outcome = if end == End::Complete { "complete" } else { "compensated" };
        ensure!(status["runtimeStatus"] == "Completed" && status["output"]["outcome"] == outcome, "{order}: {status}");
        assert_eq!(done(&service, &order), expected(end), "{order}");
    }
    ensure!(program.stop()?.success(), "it stops");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_survive_kills_and_nothing_happens_twice() -> Result<()> {
    orders_survive(&[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_survive_kills_where_every_turn_replays() -> Result<()> {
    orders_survive(&["--warm-memory-mib", "0"]).await
}
