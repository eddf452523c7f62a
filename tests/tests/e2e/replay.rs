//! An orchestrator that does something else than its history says: it fails visibly, and nothing is written.

use anyhow::Result;
use dacapo_tests::database::Database;
use dacapo_tests::server::{expect, guest, read, refusal};
use dacapo_tests::{Server, every_way};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// What the mismatch must say: where, what was recorded, what was played, and why that may be.
const MISMATCH: [&str; 5] = [
    "Orchestrator function 'TwoSteps' failed: non-deterministic replay",
    "at command 0 (turn 1)",
    "the history has a call of activity 'StepA' with input null",
    "the orchestrator asked for a wait for event 'Next'",
    "Likely cause: the orchestrator's code was changed or reordered",
];

/// Has an instance `t` that waits for `Next` after its first step, pinned to version 1 of `flow`; in version 2 the two
/// are swapped.
async fn set_up(server: &mut Server) -> Result<()> {
    server.deploy_as("flow", &guest("two-steps")).await?;
    server.start_instance("TwoSteps", "t", Value::Null).await?;
    settle(server).await?;
    assert_eq!(server.deploy_as("flow", &guest("two-steps-swapped")).await?["version"], 2);
    Ok(())
}

/// Returns once `t` waits for `Next`: its first step is in the history, and it has nothing left to do.
async fn settle(server: &mut Server) -> Result<()> {
    loop {
        server.stop().await;
        let events = Database::open(server.data())?.events("t")?;
        server.restart().await?;
        if events.iter().any(|event| event["EventAwaited"]["name"] == "Next") {
            return Ok(());
        }
    }
}

/// Pins `t` to another version while the server is down.
async fn pin(server: &mut Server, version: u32) -> Result<()> {
    server.stop().await;
    Database::open(server.data())?.pin("t", version)?;
    server.restart().await
}

async fn shows_the_mismatch(server: &Server) -> Result<()> {
    let status = server.ended("t").await?;
    assert_eq!(status["runtimeStatus"], "Failed");
    let output = status["output"].as_str().expect("text");
    for words in MISMATCH {
        assert!(output.contains(words), "{words:?} is missing: {output}");
    }
    Ok(())
}

every_way! {
    async fn a_mismatch_is_shown_and_not_written_and_the_right_code_goes_on(server: &mut Server) {
        set_up(server).await?;
        server.stop().await;
        let database = Database::open(server.data())?;
        let before = (database.instance("t")?, database.history("t")?);
        drop(database);
        server.restart().await?;
        pin(server, 2).await?;
        server.raise("t", "Next", json!(1)).await?;
        shows_the_mismatch(server).await?;
        server.interlude().await?;
        // Nothing is stored of it: after a start it is tried again, with the same end.
        shows_the_mismatch(server).await?;
        server.health().await?;

        server.stop().await;
        let database = Database::open(server.data())?;
        assert_eq!((database.instance("t")?, database.history("t")?), before);
        assert_eq!(database.inbox("t")?, 1, "the event waits");
        drop(database);

        pin(server, 1).await?;
        let end = server.ended("t").await?;
        assert_eq!((&end["runtimeStatus"], &end["output"]), (&json!("Completed"), &json!(["a", "b"])));
    }

    async fn what_is_stalled_takes_events_and_keeps_its_id(server: &mut Server) {
        set_up(server).await?;
        pin(server, 2).await?;
        server.raise("t", "Next", json!(1)).await?;
        shows_the_mismatch(server).await?;
        server.raise("t", "Other", json!(2)).await?;
        let again = server.post(server.api("/orchestrators/TwoSteps/t")).await?;
        assert!(refusal(again, StatusCode::CONFLICT).await?.contains("'t'"));
        server.interlude().await?;
        server.start_instance("TwoSteps", "other", Value::Null).await?;
        server.raise("other", "Next", Value::Null).await?;
        assert_eq!(server.ended("other").await?["output"], json!(["a", "b"]));
        shows_the_mismatch(server).await?;
    }

    async fn what_is_stalled_can_be_terminated_and_then_purged(server: &mut Server) {
        set_up(server).await?;
        pin(server, 2).await?;
        server.raise("t", "Next", json!(1)).await?;
        shows_the_mismatch(server).await?;
        server.interlude().await?;
        let answer = server.post(server.api("/instances/t/terminate?reason=wrong+code")).await?;
        expect(answer, StatusCode::ACCEPTED).await?;
        let end = server.poll_until("t", |status| status["runtimeStatus"] == "Terminated").await?;
        assert_eq!(end["output"], "wrong code");
        server.interlude().await?;
        assert_eq!(server.status("t").await?["runtimeStatus"], "Terminated");
        let purged = server.delete(server.api("/instances/t")).await?;
        assert_eq!(expect(purged, StatusCode::OK).await?, json!({"instancesDeleted": 1}));
    }

    async fn what_is_stalled_is_purged_by_force_only(server: &mut Server) {
        set_up(server).await?;
        pin(server, 2).await?;
        server.raise("t", "Next", json!(1)).await?;
        shows_the_mismatch(server).await?;
        server.interlude().await?;
        let refused = server.delete(server.api("/instances/t")).await?;
        assert!(refusal(refused, StatusCode::CONFLICT).await?.contains("terminate it first"));
        expect(server.delete(server.api("/instances/t?force=true")).await?, StatusCode::OK).await?;
        assert_eq!(server.get(server.api("/instances/t")).await?.status(), StatusCode::NOT_FOUND);
        server.start_instance("TwoSteps", "t", Value::Null).await?;
        server.raise("t", "Next", Value::Null).await?;
        assert_eq!(server.ended("t").await?["output"], json!(["a", "b"]));
    }

    async fn a_build_is_checked_against_open_instances_before_it_is_deployed(server: &mut Server) {
        server.deploy_as("flow", &guest("two-steps")).await?;
        for id in ["t", "u"] {
            server.start_instance("TwoSteps", id, Value::Null).await?;
        }
        settle(server).await?;
        server.raise("u", "Next", Value::Null).await?;
        server.ended("u").await?;
        let check = async |build: &str, query: &str| -> Result<Value> {
            let url = server.url(&format!("/api/modules/flow/check{query}"));
            let answer = server.request(Method::POST, url).body(read(&guest(build))?).send().await?;
            expect(answer, StatusCode::OK).await
        };
        let swapped = check("two-steps-swapped", "").await?;
        assert_eq!((&swapped["checked"], &swapped["diverging"]), (&json!(1), &json!(1)), "{swapped}");
        assert_eq!(swapped["instances"][0]["instanceId"], "t");
        let reason = swapped["instances"][0]["reason"].as_str().expect("text");
        for words in &MISMATCH[1..] {
            assert!(reason.contains(words), "{words:?} is missing: {reason}");
        }
        let longer = check("two-steps-longer", "?sample=10").await?;
        assert_eq!((&longer["checked"], &longer["diverging"]), (&json!(1), &json!(0)), "{longer}");
        let other = check("flows", "").await?;
        assert!(other["instances"][0]["reason"].as_str().is_some_and(|why| why.contains("does not export")), "{other}");
        assert_eq!(check("flows", "?sample=0").await?["checked"], 0);
        // Nothing came of it.
        let modules = expect(server.get(server.url("/api/modules/flow")).await?, StatusCode::OK).await?;
        assert_eq!(modules["versions"].as_array().map(Vec::len), Some(1));
        server.raise("t", "Next", Value::Null).await?;
        assert_eq!(server.ended("t").await?["output"], json!(["a", "b"]));
    }
}
