//! Versions of a module: which one runs what, who holds which, and how an instance gets to another one.

use anyhow::{Context as _, Result};
use dacapo_tests::server::{expect, guest, read, refusal, sample};
use dacapo_tests::{Server, every_way};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

/// Two builds of a flow as versions 1 and 2 of `flow`.
async fn two_versions(server: &mut Server) -> Result<()> {
    server.deploy_as("flow", &guest("two-steps")).await?;
    assert_eq!(server.deploy_as("flow", &guest("two-steps-longer")).await?["version"], 2);
    Ok(())
}

async fn start_on(server: &Server, id: &str, version: &str) -> Result<reqwest::Response> {
    server.post(server.api(&format!("/orchestrators/TwoSteps/{id}?version={version}"))).await
}

async fn upgrade(server: &Server, id: &str, to: &str) -> Result<reqwest::Response> {
    server.post(server.url(&format!("/api/instances/{id}/upgrade?to={to}"))).await
}

/// The versions of `flow`: number, whether it is active, and how many instances hold it.
async fn versions(server: &Server) -> Result<Vec<(u64, bool, u64)>> {
    let module = expect(server.get(server.url("/api/modules/flow")).await?, StatusCode::OK).await?;
    let versions = module["versions"].as_array().context("versions")?;
    let version = |one: &Value| Some((one["version"].as_u64()?, one["active"].as_bool()?, one["instances"].as_u64()?));
    versions.iter().map(|one| version(one).context("a version")).collect()
}

/// The output once `Next` was raised.
async fn finish(server: &Server, id: &str) -> Result<Value> {
    server.raise(id, "Next", Value::Null).await?;
    Ok(server.ended(id).await?["output"].take())
}

const SHORT: [&str; 2] = ["a", "b"];
const LONG: [&str; 3] = ["a", "b", "b"];

every_way! {
    async fn a_start_names_its_version_and_versions_count_who_holds_them(server: &mut Server) {
        two_versions(server).await?;
        let module = expect(server.get(server.url("/api/modules/flow")).await?, StatusCode::OK).await?;
        let digest = module["versions"][0]["digest"].as_str().context("a digest")?[..12].to_owned();
        for (id, version) in [("one", "1"), ("parts", "1.0"), ("digest", digest.as_str()), ("two", "2"), ("none", "")] {
            expect(start_on(server, id, version).await?, StatusCode::ACCEPTED).await?;
        }
        server.interlude().await?;
        assert_eq!(versions(server).await?, [(1, false, 3), (2, true, 2)]);
        let unknown = refusal(start_on(server, "x", "7").await?, StatusCode::BAD_REQUEST).await?;
        assert!(unknown.contains("no version '7'") && unknown.contains("Versions that exist: 1, 2;"), "{unknown}");
        let pinned = server.delete(server.url("/api/modules/flow/versions/1")).await?;
        assert!(refusal(pinned, StatusCode::CONFLICT).await?.contains("held by 3 unfinished instances"));
        for id in ["one", "parts", "digest"] {
            assert_eq!(finish(server, id).await?, json!(SHORT), "{id}");
        }
        for id in ["two", "none"] {
            assert_eq!(finish(server, id).await?, json!(LONG), "{id}");
        }
        assert_eq!(versions(server).await?, [(1, false, 0), (2, true, 0)]);
        let deleted = server.delete(server.url("/api/modules/flow/versions/1")).await?;
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    }

    async fn an_open_instance_moves_to_a_version_on_which_it_replays(server: &mut Server) {
        server.deploy_as("flow", &guest("two-steps")).await?;
        server.start_instance("TwoSteps", "t", Value::Null).await?;
        server.start_instance("TwoSteps", "stays", Value::Null).await?;
        // Its first step is in the history, so that there is something to replay.
        server.until("t", |status| status["runtimeStatus"] == "Running").await?;
        server.deploy_as("flow", &guest("two-steps-longer")).await?;
        server.deploy_as("flow", &guest("two-steps-swapped")).await?;
        let unknown = refusal(upgrade(server, "t", "9").await?, StatusCode::BAD_REQUEST).await?;
        assert!(unknown.contains("1, 2, 3"), "{unknown}");
        let swapped = refusal(upgrade(server, "t", "3").await?, StatusCode::CONFLICT).await?;
        assert!(swapped.contains("'t'") && swapped.contains("at command 0 (turn 1)"), "{swapped}");
        assert_eq!(refusal(upgrade(server, "nobody", "2").await?, StatusCode::NOT_FOUND).await?, "There is no instance with the id 'nobody'.");
        let moved = expect(upgrade(server, "t", "2").await?, StatusCode::OK).await?;
        assert_eq!((&moved["name"], &moved["version"]), (&json!("flow"), &json!(2)));
        server.interlude().await?;
        assert_eq!(versions(server).await?, [(1, false, 1), (2, false, 1), (3, true, 0)]);
        assert_eq!(finish(server, "t").await?, json!(LONG));
        assert_eq!(finish(server, "stays").await?, json!(SHORT));
        let ended = refusal(upgrade(server, "t", "1").await?, StatusCode::GONE).await?;
        assert!(ended.contains("Completed"), "{ended}");
        let nowhere = server.post(server.url("/api/instances/t/upgrade")).await?;
        assert!(refusal(nowhere, StatusCode::BAD_REQUEST).await?.contains("'to'"));
    }

    async fn a_stalled_instance_goes_on_once_it_is_moved(server: &mut Server) {
        server.deploy_as("flow", &guest("two-steps-swapped")).await?;
        server.start_instance("TwoSteps", "t", Value::Null).await?;
        server.until("t", |status| status["runtimeStatus"] == "Running").await?;
        server.deploy_as("flow", &guest("two-steps")).await?;
        server.stop().await;
        dacapo_tests::database::Database::open(server.data())?.pin("t", 2)?;
        server.restart().await?;
        server.raise("t", "Next", Value::Null).await?;
        let stalled = server.ended("t").await?;
        assert!(stalled["output"].as_str().is_some_and(|why| why.contains("non-deterministic replay")), "{stalled}");
        server.interlude().await?;
        expect(upgrade(server, "t", "1").await?, StatusCode::OK).await?;
        let end = server.poll_until("t", |status| status["runtimeStatus"] == "Completed").await?;
        assert_eq!(end["output"], json!(SHORT));
    }

    async fn a_failed_instance_is_rewound_on_a_better_version(server: &mut Server) {
        server.deploy_as("flow", &guest("flows")).await?;
        server.start_instance("Three", "t", json!(1_000)).await?;
        assert_eq!(server.ended("t").await?["runtimeStatus"], "Failed");
        // The same code as another build.
        let mut build = read(&guest("flows"))?;
        build.extend([0, 2, 1, b'x']);
        expect(server.put_module("flow", build).await?, StatusCode::CREATED).await?;
        expect(upgrade(server, "t", "2").await?, StatusCode::OK).await?;
        assert_eq!(server.status("t").await?["runtimeStatus"], "Failed", "it waits for its rewind");
        let deleted = server.delete(server.url("/api/modules/flow/versions/1")).await?;
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
        server.interlude().await?;
        server.advance(Duration::from_secs(2));
        expect(server.post(server.api("/instances/t/rewind")).await?, StatusCode::ACCEPTED).await?;
        let end = server.poll_until("t", |status| status["runtimeStatus"] == "Completed").await?;
        assert_eq!(end["output"], json!(["first", "at last", "last"]));
    }

    async fn a_rollback_makes_an_older_version_active(server: &mut Server) {
        two_versions(server).await?;
        server.start_instance("TwoSteps", "open", Value::Null).await?;
        let back = server.post(server.url("/api/modules/flow/activate")).await?;
        assert_eq!(expect(back, StatusCode::OK).await?["version"], 1);
        server.interlude().await?;
        server.start_instance("TwoSteps", "new", Value::Null).await?;
        assert_eq!(versions(server).await?, [(1, true, 1), (2, false, 1)]);
        assert_eq!(finish(server, "new").await?, json!(SHORT));
        assert_eq!(finish(server, "open").await?, json!(LONG));
        let further = server.post(server.url("/api/modules/flow/activate")).await?;
        assert!(refusal(further, StatusCode::CONFLICT).await?.contains("no version before the active one"));
        let named = server.post(server.url("/api/modules/flow/activate?version=2")).await?;
        assert_eq!(expect(named, StatusCode::OK).await?["active"], true);
        let unknown = server.post(server.url("/api/modules/flow/activate?version=3")).await?;
        assert!(refusal(unknown, StatusCode::NOT_FOUND).await?.contains("no version 3 of a module 'flow'"));
    }

    async fn the_timeline_shows_what_was_published_and_when(server: &mut Server) {
        server.deploy(&sample("Cities")).await?;
        server.start_instance("HelloCities", "h", Value::Null).await?;
        server.ended("h").await?;
        server.interlude().await?;
        let timeline = async |id: &str, query: &str| -> Result<Vec<Value>> {
            let answer = server.get(server.url(&format!("/api/instances/{id}/timeline{query}"))).await?;
            Ok(serde_json::from_value(expect(answer, StatusCode::OK).await?)?)
        };
        let all = timeline("h", "").await?;
        let shown: Vec<&Value> = all.iter().map(|entry| &entry["customStatus"]).collect();
        assert_eq!(shown, ["Tokyo", "Seattle", "London"]);
        assert!(all.windows(2).all(|two| two[0]["turn"].as_u64() < two[1]["turn"].as_u64()), "{all:?}");
        assert_eq!((&all[0]["timestamp"], &all[0]["execution"]), (&json!("2023-11-14T22:13:20.000Z"), &json!(0)));
        assert_eq!(timeline("h", "?top=1").await?, all[2..]);
        let wrong = server.get(server.url("/api/instances/h/timeline?top=0")).await?;
        assert!(refusal(wrong, StatusCode::BAD_REQUEST).await?.contains("'top'"));
        assert_eq!(server.get(server.url("/api/instances/nobody/timeline")).await?.status(), StatusCode::NOT_FOUND);
    }

    async fn the_timeline_of_a_new_execution_begins_with_what_the_old_one_left(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Counter", "c", json!({ "left": 2, "sum": 0 })).await?;
        server.until_custom_status("c", json!("counting")).await?;
        server.raise("c", "Tick", json!(5)).await?;
        server.raise("c", "Tick", json!(6)).await?;
        server.ended("c").await?;
        server.interlude().await?;
        let answer = server.get(server.url("/api/instances/c/timeline")).await?;
        let timeline = expect(answer, StatusCode::OK).await?;
        assert_eq!(timeline.as_array().map(Vec::len), Some(1), "{timeline}");
        assert_eq!((&timeline[0]["turn"], &timeline[0]["customStatus"]), (&json!(0), &json!("counting")));
        assert_eq!(timeline[0]["execution"], 2);
    }
}
