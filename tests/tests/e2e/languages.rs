//! The samples in every language: through HTTP each shows the same custom statuses, outputs and events as Rust's, warm and
//! where every turn replays.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::server::{async_module, expect, sample_in};
use dacapo_tests::{Server, Way};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// What somebody does while a flow waits.
enum Act {
    /// Once its custom status is this, raises an event to an instance.
    Raise(Value, String, &'static str, Value),
    /// Once its custom status is this, lets so many milliseconds pass.
    Wait(Value, u64),
}

/// The sample modules, and their orchestrators that scenarios start.
const MODULES: [(&str, &[&str]); 5] = [
    ("Cities", &["HelloCities", "CityRecommender"]),
    ("Tickets", &["ReserveTicket"]),
    ("Status", &["StatusTest", "BigStatus"]),
    ("Orders", &["OrderFulfilment"]),
    ("Approval", &["Approval"]),
];
/// Every language has so many of them; scripted ones have all.
const COMMON: usize = 3;

struct Scenario {
    orchestrator: &'static str,
    input: Value,
    acts: Vec<Act>,
    /// Whether the order of its events depends on what runs side by side.
    parallel: bool,
}

const OFFER: &str = r#"{"discount":5,"discountTimeout":60,"bookingUrl":"https://www.myawesomebookingweb.com"}"#;

/// Every sample, each with what happens to its instance `id`.
fn scenarios(id: &str) -> Vec<Scenario> {
    let alone = |orchestrator, input, acts| Scenario { orchestrator, input, acts, parallel: false };
    let raise = |shown: Value, event, data| Act::Raise(shown, id.to_owned(), event, data);
    let offer: Value = serde_json::from_str(OFFER).expect("JSON");
    let recommended = json!({ "recommendedCities": ["Tokyo", "Seattle"], "recommendedSeasons": ["Spring", "Summer"] });
    let next = json!({ "nextActions": ["A", "B", "C"], "foo": 2 });
    let line = |sku: &str| json!({ "sku": sku, "quantity": 1 });
    let order = |order: &str, fail_at: Value| {
        json!({
            "order": order, "lines": [line("pen"), line("flaky-ink"), line("paper")], "failAt": fail_at,
        })
    };
    let asked = json!({ "waitingFor": ["ada", "bob"], "escalated": false });
    let escalated = json!({ "waitingFor": ["ada", "bob", "eve"], "escalated": true });
    let request = json!({
        "request": "a day off", "approvers": ["bob", "ada", "ada"], "escalateTo": "eve", "escalateAfterMs": 60_000,
    });
    let to =
        |who: &str, shown: &Value, yes: bool| Act::Raise(shown.clone(), format!("{id}-{who}"), "Decision", json!(yes));
    vec![
        alone("HelloCities", Value::Null, vec![]),
        alone("CityRecommender", json!(1), vec![raise(recommended.clone(), "UserChoice", json!("Tokyo"))]),
        alone("CityRecommender", json!(1), vec![raise(recommended, "choice", json!({ "b": 1, "a": "ü" }))]),
        alone("CityRecommender", json!(4), vec![]),
        alone("ReserveTicket", json!("ada"), vec![raise(offer.clone(), "BookingConfirmed", json!(true))]),
        alone("ReserveTicket", json!("ada"), vec![raise(offer.clone(), "BookingConfirmed", json!(false))]),
        alone("ReserveTicket", json!("ada"), vec![Act::Wait(offer, 60_000)]),
        alone("StatusTest", Value::Null, vec![raise(next, "Done", Value::Null)]),
        alone("BigStatus", json!(8_701), vec![]),
        alone("BigStatus", json!(8_702), vec![]),
        Scenario { parallel: true, ..alone("OrderFulfilment", order("o-1", Value::Null), vec![]) },
        Scenario { parallel: true, ..alone("OrderFulfilment", order("o-2", json!("paper")), vec![]) },
        Scenario { parallel: true, ..alone("OrderFulfilment", order("unshippable-3", Value::Null), vec![]) },
        alone("Approval", request.clone(), vec![to("ada", &asked, true)]),
        alone("Approval", request, vec![Act::Wait(asked, 60_000), to("eve", &escalated, false)]),
    ]
}

/// What can be seen of an instance from outside.
async fn trace(server: &Server, id: &str, parallel: bool) -> Result<Value> {
    let url = server.api(&format!("/instances/{id}?showHistory=true&showHistoryOutput=true"));
    let status: Value = server.get(url).await?.json().await?;
    let timeline = server.get(server.url(&format!("/api/instances/{id}/timeline"))).await?;
    let timeline = expect(timeline, StatusCode::OK).await?;
    let events = status["historyEvents"].as_array().context("a history")?;
    let seen = |event: &Value| {
        let named = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let result = match &event["Result"] {
            Value::Null => named("Reason"),
            // It grows from the time of creation.
            key if parallel && event["FunctionName"] == "ReserveStock" => {
                format!("{} characters", key.to_string().len())
            }
            result => result.to_string(),
        };
        format!("{} {}{} {result}", named("EventType"), named("FunctionName"), named("Name"))
    };
    let mut events: Vec<String> = events.iter().map(seen).collect();
    if parallel {
        events.sort();
    }
    let mut statuses: Vec<String> =
        timeline.as_array().context("a timeline")?.iter().map(|entry| entry["customStatus"].to_string()).collect();
    if parallel {
        // What ends in one turn shows one status.
        statuses.drain(..statuses.len().saturating_sub(1));
    }
    Ok(json!({
        "status": status["runtimeStatus"], "output": status["output"].to_string(), "statuses": statuses, "events": events,
    }))
}

async fn raise(server: &Server, id: &str, event: &str, data: Value) -> Result<()> {
    // A child may not be there yet: its parent starts it with its own turn.
    while server.get(server.api(&format!("/instances/{id}"))).await?.status() == StatusCode::NOT_FOUND {}
    server.raise(id, event, data).await
}

async fn play(server: &Server, id: &str, scenario: Scenario) -> Result<Value> {
    server.start_instance(scenario.orchestrator, id, scenario.input).await?;
    for act in scenario.acts {
        match act {
            Act::Raise(shown, to, event, data) => {
                server.until_custom_status(id, shown).await?;
                raise(server, &to, event, data).await?;
            }
            Act::Wait(shown, ms) => {
                server.until_custom_status(id, shown).await?;
                server.advance(Duration::from_millis(ms));
            }
        }
    }
    if scenario.parallel {
        server.ended_in_time(id).await?
    } else {
        server.ended(id).await?
    };
    trace(server, id, scenario.parallel).await
}

/// Traces of all scenarios of the orchestrators that are deployed with `files`, warm and replayed, with the names that tell
/// which is which.
async fn traces(files: &[PathBuf], orchestrators: &[&str]) -> Result<Vec<(String, Value)>> {
    let mut server = Server::start(Way::Warm).await?;
    for file in files {
        server.deploy(file).await?;
    }
    let mut traces = Vec::new();
    for way in ["warm", "replayed"] {
        if way == "replayed" {
            // The same modules: they need not be compiled again.
            server.configure(|config| config.warm_memory_bytes = 0).await?;
        }
        for (n, _) in
            scenarios("").iter().enumerate().filter(|(_, scenario)| orchestrators.contains(&scenario.orchestrator))
        {
            let id = format!("{n}");
            let scenario = scenarios(&id).swap_remove(n);
            let name = format!("{way} {n}: {}({})", scenario.orchestrator, scenario.input);
            let played = play(&server, &id, scenario).await.with_context(|| name.clone())?;
            traces.push((name, played));
        }
    }
    server.stop().await;
    Ok(traces)
}

/// Compares the scenarios of these orchestrators, from `modules` of Rust and from `files` of another language.
async fn is_as_in_rust(modules: &[&str], files: &[PathBuf], orchestrators: &[&str]) -> Result<()> {
    let rust: Vec<PathBuf> = modules.iter().map(|module| sample_in("rust", module)).collect();
    let (expected, found) = (traces(&rust, orchestrators).await?, traces(files, orchestrators).await?);
    ensure!(expected.len() == found.len() && !found.is_empty(), "the same scenarios");
    let mut differences = Vec::new();
    for ((name, expected), (_, found)) in expected.iter().zip(&found) {
        if expected != found {
            differences.push(format!("{name}\n  in Rust: {expected}\n  here:    {found}"));
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// The first so many of the sample modules, in one language.
async fn samples_are_as_in_rust(language: &str, count: usize) -> Result<()> {
    let modules = &MODULES[..count];
    let files: Vec<PathBuf> = modules.iter().map(|(module, _)| sample_in(language, module)).collect();
    let orchestrators: Vec<&str> = modules.iter().flat_map(|(_, orchestrators)| *orchestrators).copied().collect();
    is_as_in_rust(&modules.iter().map(|(module, _)| *module).collect::<Vec<_>>(), &files, &orchestrators).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_does_what_rust_does() -> Result<()> {
    samples_are_as_in_rust("js", MODULES.len()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typescript_does_what_rust_does() -> Result<()> {
    samples_are_as_in_rust("ts", MODULES.len()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn async_functions_do_what_rust_does() -> Result<()> {
    is_as_in_rust(&["Cities", "Tickets"], &[async_module()], &["HelloCities", "ReserveTicket"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_does_what_rust_does() -> Result<()> {
    samples_are_as_in_rust("python", MODULES.len()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_does_what_rust_does() -> Result<()> {
    samples_are_as_in_rust("go", COMMON).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_does_what_rust_does() -> Result<()> {
    samples_are_as_in_rust("c", COMMON).await
}
