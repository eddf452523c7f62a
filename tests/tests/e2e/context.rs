//! The contract's functions, through a guest that uses each of them and returns what the host answered.

use anyhow::{Context as _, Result};
use dacapo_core::{Identity, InstanceId};
use dacapo_tests::server::{START_MS, expect, guest, has_ended, refusal};
use dacapo_tests::{Server, Way, every_way};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// Everything that looks drawn comes from this.
fn identity(id: &str) -> Result<Identity> {
    Ok(Identity { instance_id: InstanceId::parse(id)?, created_at_ms: START_MS, generation: 0, key: Some(1) })
}

/// Starts an instance of `EchoInput` with a body that is sent as it is.
async fn echo(server: &Server, id: &str, body: &str) -> Result<Response> {
    let url = server.api(&format!("/orchestrators/EchoInput/{id}"));
    Ok(server.request(Method::POST, url).body(body.to_owned()).send().await?)
}

/// The status as it is sent, byte for byte.
async fn status_text(server: &Server, id: &str) -> Result<String> {
    Ok(server.get(server.api(&format!("/instances/{id}"))).await?.text().await?)
}

/// An instance that waits: its first turn is over.
async fn running(server: &Server, id: &str) -> Result<()> {
    server.until(id, |status| status["runtimeStatus"] == "Running").await?;
    Ok(())
}

every_way! {
    async fn what_looks_drawn_is_derived_and_the_time_is_that_of_the_turn(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("Clock", "c", Value::Null).await?;
        server.interlude().await?;
        let output = server.ended("c").await?["output"].take();
        assert_eq!(output["instanceId"], "c");
        let identity = identity("c")?;
        for (part, first) in [("before", 0), ("after", 2)] {
            let part = &output[part];
            assert_eq!((&part["nowMs"], &part["wasiNowMs"]), (&json!(START_MS), &json!(START_MS)));
            assert_eq!(part["uuids"], json!([identity.uuid(first), identity.uuid(first + 1)]));
        }
        assert_ne!(output["before"]["random"], output["after"]["random"]);
        // Another server, another process life, the same instance: the same everything.
        let mut other = Server::start(Way::Warm).await?;
        other.deploy(&guest("conformance")).await?;
        for id in ["c", "d"] {
            other.start_instance("Clock", id, Value::Null).await?;
        }
        assert_eq!(other.ended("c").await?["output"], output);
        let different = &other.ended("d").await?["output"];
        assert_ne!(different["before"]["random"], output["before"]["random"]);
        assert_ne!(different["before"]["uuids"], output["before"]["uuids"]);
        other.stop().await;
    }

    async fn a_turn_that_is_played_again_sees_the_time_it_had(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("ClockAtEvent", "c", Value::Null).await?;
        running(server, "c").await?;
        server.advance(Duration::from_secs(3_600));
        server.interlude().await?;
        server.raise("c", "Go", Value::Null).await?;
        let output = server.ended("c").await?["output"].take();
        for (part, now_ms) in [("before", START_MS), ("after", START_MS + 3_600_000)] {
            assert_eq!((&output[part]["nowMs"], &output[part]["wasiNowMs"]), (&json!(now_ms), &json!(now_ms)));
        }
        let identity = identity("c")?;
        assert_eq!(output["after"]["uuids"], json!([identity.uuid(2), identity.uuid(3)]));
    }

    async fn events_of_one_name_come_in_their_order_whatever_their_case(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("EventOrder", "e", Value::Null).await?;
        server.raise("e", "pInG", json!(1)).await?;
        server.interlude().await?;
        server.raise("e", "PONG", json!("not asked for")).await?;
        server.raise("e", "PING", json!({"n": 2})).await?;
        server.raise("e", "ping", json!(3)).await?;
        assert_eq!(server.ended("e").await?["output"], json!([1, {"n": 2}, 3]));
    }

    async fn an_event_may_come_before_it_is_waited_for(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("Buffered", "b", json!("echoed")).await?;
        server.raise("b", "Other", json!("not asked for")).await?;
        server.raise("b", "Go", json!("early")).await?;
        server.interlude().await?;
        assert_eq!(server.ended("b").await?["output"], "early");
    }

    async fn a_timer_that_was_cancelled_holds_nothing_up(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("CancelTimer", "c", Value::Null).await?;
        server.interlude().await?;
        assert_eq!(server.ended("c").await?["output"], "cancelled");
        server.advance(Duration::from_secs(7_200));
        server.interlude().await?;
        assert_eq!(server.status("c").await?["lastUpdatedTime"], "2023-11-14T22:13:20Z");
    }

    async fn an_event_wins_against_a_timer_up_to_its_last_millisecond(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("RaceTimer", "r", json!(60_000)).await?;
        running(server, "r").await?;
        server.advance(Duration::from_millis(59_999));
        server.interlude().await?;
        server.raise("r", "Go", json!({"in": "time"})).await?;
        server.ended("r").await?;
        let end = server.status("r").await?;
        assert_eq!(end["output"], json!({"winner": "event", "data": {"in": "time"}}));
        server.advance(Duration::from_secs(3_600));
        server.interlude().await?;
        assert_eq!(server.status("r").await?, end);
    }

    async fn a_timer_wins_when_its_time_comes(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("RaceTimer", "r", json!(60_000)).await?;
        running(server, "r").await?;
        server.interlude().await?;
        server.advance(Duration::from_millis(60_000));
        let end = server.ended("r").await?;
        assert_eq!(end["output"], json!({"winner": "timer"}));
        assert_eq!(end["lastUpdatedTime"], "2023-11-14T22:14:20Z");
        let late = server.request(Method::POST, server.api("/instances/r/raiseEvent/Go")).json(&1).send().await?;
        assert_eq!(late.status(), StatusCode::GONE);
    }

    async fn a_timer_of_no_time_is_over_at_once(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("RaceTimer", "r", json!(0)).await?;
        server.interlude().await?;
        assert_eq!(server.ended("r").await?["output"], json!({"winner": "timer"}));
    }

    async fn tasks_of_all_kinds_are_done_in_the_order_of_their_ends(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        for (orchestrator, id) in [("ParallelMixed", "m"), ("ParallelWatched", "w")] {
            server.start_instance(orchestrator, id, json!(5_000)).await?;
            running(server, id).await?;
            server.raise(id, "Go", Value::Null).await?;
        }
        server.interlude().await?;
        server.advance(Duration::from_millis(5_000));
        for id in ["m", "w"] {
            let output = server.ended(id).await?["output"].take();
            let order: Vec<u64> = serde_json::from_value(output)?;
            let place = |task: u64| order.iter().position(|other| *other == task);
            assert!(place(6) < place(5), "the event came before the timer: {order:?}");
            let mut all = order.clone();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
        }
    }

    async fn json_comes_back_as_it_was_written(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        let texts = [
            "null", "true", "1.0e2", "-0.0", "1E+200", "123456789012345678901234567890", "0.10000000000000000001",
            r#""""#, r#""ü 東京 👩‍🚀 \u00fc \ud83d\ude80 \"\\\/\n""#, r#"{"b" : 1, "a":[ ],"c":  2}"#, "[[[[[[[[]]]]]]]]",
        ];
        for (n, text) in texts.iter().enumerate() {
            expect(echo(server, &format!("e{n}"), &format!(" {text}\n")).await?, StatusCode::ACCEPTED).await?;
        }
        server.interlude().await?;
        for (n, text) in texts.iter().enumerate() {
            let id = format!("e{n}");
            server.until(&id, has_ended).await?;
            let status = status_text(server, &id).await?;
            assert!(status.contains(&format!(r#""input":{text},"#)), "{text}: {status}");
            assert!(status.contains(&format!(r#""output":{text},"#)), "{text}: {status}");
        }
    }

    async fn an_input_may_be_large_up_to_its_limit(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        let text = |bytes: usize| format!("\"{}\"", "ü".repeat(bytes / 2 - 1));
        let largest = text(1 << 20);
        assert_eq!(largest.len(), 1 << 20);
        expect(echo(server, "fits", &largest).await?, StatusCode::ACCEPTED).await?;
        server.interlude().await?;
        server.until("fits", has_ended).await?;
        let status = status_text(server, "fits").await?;
        assert!(status.contains(&format!(r#""output":{largest},"#)), "{} bytes", status.len());
        let large = echo(server, "large", &text((1 << 20) + 2)).await?;
        let message = refusal(large, StatusCode::PAYLOAD_TOO_LARGE).await?;
        assert!(message.contains("1048578 bytes") && message.contains("`payload_bytes` is 1048576"), "{message}");
        assert_eq!(server.get(server.api("/instances/large")).await?.status(), StatusCode::NOT_FOUND);
    }

    async fn every_step_shows_its_status(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("StatusEachStep", "s", json!(20)).await?;
        server.interlude().await?;
        let seen = server.watch("s", has_ended).await?;
        let mut done: Vec<_> = seen.iter().filter_map(|status| status["customStatus"]["done"].as_u64()).collect();
        // The last status stays for the end, which is another event.
        done.dedup();
        let first = *done.first().context("a status was seen")?;
        // It may be under way when the watch begins: what is seen is the end of the sequence, without a gap.
        assert_eq!(done, (first..=20).collect::<Vec<_>>());
        let end = seen.last().context("an end")?;
        assert_eq!((&end["output"], &end["customStatus"]), (&json!(20), &json!({"done": 20, "total": 20})));
    }
}
