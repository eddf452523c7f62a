//! What each language does with clock, chance and mistakes: the same module in all of them (`tests/guests`, `probe`).

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::program::dacapo;
use dacapo_tests::server::{async_module, probe};
use dacapo_tests::{Server, Way};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// What an instance says of a mistake: the orchestrator, words of its output, and words of the details, a stack say.
type Mistake = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Plays the mistakes, warm and replayed; each says what is wrong.
async fn mistakes_are_explained(server: &mut Server, mistakes: &[Mistake]) -> Result<()> {
    for way in ["warm", "replayed"] {
        if way == "replayed" {
            server.configure(|config| config.warm_memory_bytes = 0).await?;
        }
        for (orchestrator, output_words, details_words) in mistakes {
            let id = format!("{orchestrator}-{way}");
            server.start_instance(orchestrator, &id, Value::Null).await?;
            let end = server.ended(&id).await?;
            ensure!(end["runtimeStatus"] == "Failed", "{id}: {end}");
            let output = end["output"].as_str().context("text")?;
            for words in *output_words {
                ensure!(output.contains(words), "{id} should say {words:?}: {output}");
            }
            let details = details(server, &id).await?;
            for words in *details_words {
                ensure!(details.contains(words), "the details of {id} should say {words:?}: {details}");
            }
        }
    }
    Ok(())
}

/// The details of a failure, as the history shows them over HTTP.
async fn details(server: &Server, id: &str) -> Result<String> {
    let status: Value = server
        .get(server.api(&format!("/instances/{id}?showHistory=true&showHistoryOutput=true")))
        .await?
        .json()
        .await?;
    let events = status["historyEvents"].as_array().context("a history")?;
    Ok(events.last().context("an end")?["Details"].to_string())
}

/// Runs `Traces`, and plays its history twice in each of two processes: the calls of the host are the same, with all that
/// was asked and answered.
async fn host_calls_are_the_same_wherever_it_is_played(server: &Server, module: &Path, asked: &[&str]) -> Result<()> {
    server.start_instance("Traces", "traces", Value::Null).await?;
    let end = server.ended_in_time("traces").await?;
    ensure!(end["runtimeStatus"] == "Completed", "{end}");
    let (first, second) = (&end["output"]["first"], &end["output"]["second"]);
    ensure!(first["random"] != second["random"] && !first["random"].is_null(), "chance goes on: {end}");
    let clock = |values: &Value| values["clockMs"].as_u64().with_context(|| format!("a clock: {values}"));
    ensure!(clock(second)? >= clock(first)? + 1_000, "the clock is that of the turn: {end}");
    let folder = tempfile::tempdir()?;
    let history = folder.path().join("traces.json");
    let exported = server.get(server.url("/api/instances/traces/history")).await?;
    std::fs::write(&history, exported.error_for_status()?.bytes().await?)?;
    let trace = || -> Result<String> {
        let mut replay = Command::new(dacapo()?);
        replay.arg("replay").args([&history, &history]).arg("--trace").arg("--module").arg(module);
        let output = replay.output()?;
        let (out, trace) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(output.status.success(), "it replays: {out}\n{trace}");
        Ok(trace)
    };
    let (one, other) = (trace()?, trace()?);
    ensure!(one == other, "two processes differ:\n{one}\n---\n{other}");
    let lines: Vec<&str> = one.lines().collect();
    let (one, other) = lines.split_at(lines.len() / 2);
    ensure!(one == other, "two plays differ:\n{}\n---\n{}", one.join("\n"), other.join("\n"));
    for word in asked.iter().chain(&["call-activity", "start-timer", "task.outcome"]) {
        ensure!(one.iter().any(|line| line.contains(word)), "no call of {word}: {}", one.join("\n"));
    }
    Ok(())
}

/// `asked`: what of the host the language must have been seen to ask for time and chance.
async fn tried(language: &str, asked: &[&str], mistakes: &[Mistake]) -> Result<()> {
    let module = probe(language);
    let mut server = Server::start(Way::Warm).await?;
    server.deploy(&module).await?;
    host_calls_are_the_same_wherever_it_is_played(&server, &module, asked).await?;
    mistakes_are_explained(&mut server, mistakes).await?;
    // Nothing of it has done any harm.
    server.start_instance("Traces", "after", json!(null)).await?;
    let after = server.ended_in_time("after").await?;
    ensure!(after["runtimeStatus"] == "Completed", "it goes on: {after}");
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rust() -> Result<()> {
    const NO_SYSTEM: &str = "a module has no files and no sockets; in a flow, let an activity do it";
    let mistakes: &[Mistake] = &[
        ("Throws", &["panicked at probe/src/lib.rs", "no such order: 7"], &["probe::find"]),
        ("Sleeps", &["a guest cannot block", "`start-timer`"], &["clock_nanosleep"]),
        ("OpensFile", &["No such file or directory", NO_SYSTEM], &[]),
        ("OpensSocket", &["Permission denied", NO_SYSTEM], &[]),
        ("NotJson", &["the input of activity Echo cannot be written as JSON", "key must be a string"], &[]),
    ];
    tried("rust", &["wall-clock", "insecure-seed", "new-uuid"], mistakes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go() -> Result<()> {
    const TIME_STANDS_STILL: &str = "none of its goroutines can go on";
    let mistakes: &[Mistake] = &[
        ("Throws", &["no such order: 7"], &["main.find", "main.Throws", "main.go:"]),
        ("Sleeps", &[TIME_STANDS_STILL, "instead of time.Sleep", "use ctx.StartTimer(d).Await()"], &[]),
        ("Blocks", &[TIME_STANDS_STILL, "wait for tasks"], &[]),
        ("OpensFile", &["open /etc/hostname", "a module has no files and no sockets; in a flow, let an activity"], &[]),
        ("OpensSocket", &["dial tcp 127.0.0.1:1", "in a flow, let an activity do it"], &[]),
        ("NotJson", &["input.order.lines[1] of activity Echo is a chan int", "which JSON cannot express"], &[]),
    ];
    tried("go", &["wall-clock", "get-random-bytes", "new-uuid"], mistakes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c() -> Result<()> {
    let mistakes: &[Mistake] = &[
        ("Throws", &["no such order: 7"], &[r#"{"order":7}"#]),
        ("Aborts", &["the guest trapped", "it said: no such order: 7"], &["broken"]),
        ("FormatsAPrice", &["%6.2f is no conversion of dacapo_format", "write it with snprintf"], &["formats_a_price"]),
        ("Sleeps", &["a guest cannot block", "`start-timer`"], &["sleeps"]),
        ("OpensFile", &["No such file or directory (a module has no files", "let an activity do it"], &[]),
        ("NotJson", &["the input of activity 'Echo' is not JSON", "column 23; found"], &[]),
    ];
    tried("c", &["wall-clock", "get-random-bytes", "new-uuid"], mistakes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript() -> Result<()> {
    let mistakes: &[Mistake] = &[
        ("Throws", &["no such order: 7"], &["TypeError: no such order: 7", "at find", "at price", "probe.bundle.js:"]),
        (
            "Sleeps",
            &["Orchestrator Sleeps uses setTimeout", "use `yield context.df.createTimer(...)`"],
            &["probe.bundle.js:"],
        ),
        ("OpensFile", &["it yields a promise", "files and other modules cannot be opened here"], &["OpensFile"]),
        ("OpensSocket", &["uses fetch", "use `yield context.df.callHttp(...)`, or an activity"], &["probe.bundle.js:"]),
        ("NotJson", &["input of activity Echo", "input.order.lines[1] is a BigInt"], &["probe.bundle.js:"]),
    ];
    tried("js", &["current-time-ms", "new-uuid"], mistakes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_with_async_functions() -> Result<()> {
    let module = async_module();
    let mut server = Server::start(Way::Warm).await?;
    server.deploy(&module).await?;
    host_calls_are_the_same_wherever_it_is_played(&server, &module, &["current-time-ms", "new-uuid"]).await?;
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python() -> Result<()> {
    let mistakes: &[Mistake] = &[
        ("Throws", &["no such order: 7"], &["LookupError", "in find", "in throws", "probe.py"]),
        ("Sleeps", &["time.sleep at probe.py line", "context.create_timer(timedelta(...))"], &["in sleeps"]),
        ("OpensFile", &["open at probe.py line", "context.call_activity(...)"], &["in opens_file"]),
        ("OpensSocket", &["at probe.py line", "context.call_http(...)"], &["in opens_socket"]),
        ("NotJson", &["input.order.lines[1] of activity Echo is a Decimal", "str(value)"], &["in not_json"]),
    ];
    tried("python", &["wall-clock", "get-random-bytes", "new-uuid"], mistakes).await
}
