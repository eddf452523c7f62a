//! The whole orchestration model, through a guest that is written with the SDK: retries, time-outs, children, events to
//! others, new executions, and what operators do to an instance.

use anyhow::{Context as _, Result};
use dacapo_tests::server::{expect, guest, refusal};
use dacapo_tests::{Server, every_way};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

async fn act(server: &Server, id: &str, act: &str) -> Result<()> {
    let answer = server.post(server.api(&format!("/instances/{id}/{act}"))).await?;
    expect(answer, StatusCode::ACCEPTED).await?;
    Ok(())
}

/// The kinds of the history's events, each with the function or event it names.
async fn history(server: &Server, id: &str) -> Result<Vec<String>> {
    let url = server.api(&format!("/instances/{id}?showHistory=true&showHistoryOutput=true"));
    let status: Value = server.get(url).await?.json().await?;
    let events = status["historyEvents"].as_array().context("a history")?;
    let named = |event: &Value| {
        let name =
            event["FunctionName"].as_str().or(event["Name"].as_str()).map_or(String::new(), |name| format!(" {name}"));
        format!("{}{name}", event["EventType"].as_str().unwrap_or_default())
    };
    Ok(events.iter().map(named).collect())
}

async fn waiting(server: &Server, id: &str) -> Result<()> {
    server.until_custom_status(id, json!("waiting")).await?;
    Ok(())
}

async fn suspended(server: &Server, id: &str) -> Result<Value> {
    server.until(id, |status| status["runtimeStatus"] == "Suspended").await
}

/// An instance of `Parent` has called its child: that exists, then.
async fn called(server: &Server, id: &str) -> Result<()> {
    server.until_custom_status(id, json!("calling")).await?;
    Ok(())
}

every_way! {
    async fn a_failed_attempt_is_followed_by_another_one_after_a_durable_timer(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Retries", "r", json!(3)).await?;
        server.until("r", |status| status["runtimeStatus"] == "Running").await?;
        server.interlude().await?;
        let end = server.ended_in_time("r").await?;
        assert_eq!((&end["runtimeStatus"], &end["output"]), (&json!("Completed"), &json!(3)));
        let expected = [
            "ExecutionStarted Retries",
            "TaskFailed Flaky",
            "TimerFired",
            "TaskFailed Flaky",
            "TimerFired",
            "TaskCompleted Flaky",
            "ExecutionCompleted",
        ];
        assert_eq!(history(server, "r").await?, expected);
    }

    async fn the_last_attempt_and_an_excluded_kind_are_final(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Retries", "many", json!(4)).await?;
        server.start_instance("Retries", "final", json!(0)).await?;
        let output = server.ended("final").await?["output"].take();
        assert_eq!(output, "Orchestrator function 'Retries' failed: Activity function 'Flaky' failed: never again");
        assert_eq!(history(server, "final").await?.len(), 3);
        server.interlude().await?;
        let output = server.ended_in_time("many").await?["output"].take();
        let message = "Activity function 'Flaky' failed: attempt 3 is too early";
        assert_eq!(output, format!("Orchestrator function 'Retries' failed: {message}"));
    }

    async fn an_activity_that_takes_too_long_fails_with_kind_timeout(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("TimesOut", "t", Value::Null).await?;
        server.until("t", |status| status["runtimeStatus"] == "Running").await?;
        let output = server.ended_in_time("t").await?["output"].take();
        let message = "Activity function 'Spin' failed: Activity 'Spin' took longer than 1000 ms.";
        assert_eq!(output, format!("Orchestrator function 'TimesOut' failed: {message}"));
    }

    async fn a_child_shows_its_parent_and_its_output_is_its_parents(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Parent", "p", json!({ "name": "wAiT", "id": "child" })).await?;
        called(server, "p").await?;
        waiting(server, "child").await?;
        server.interlude().await?;
        let child = server.status("child").await?;
        assert_eq!((&child["parentInstanceId"], &child["name"]), (&json!("p"), &json!("wAiT")));
        server.raise("child", "Go", json!([1])).await?;
        assert_eq!(server.ended("p").await?["output"], json!([1]));
        let expected =
            ["ExecutionStarted Parent", "SubOrchestrationInstanceCompleted wAiT", "ExecutionCompleted"];
        assert_eq!(history(server, "p").await?, expected);
    }

    async fn a_failure_far_below_shows_at_the_top_with_the_whole_chain(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Chain", "c", json!(2)).await?;
        let end = server.ended("c").await?;
        let below = "Orchestrator function 'Chain' failed: ";
        assert_eq!(end["output"], format!("{below}{below}{below}Activity function 'Boom' failed: the ground gave way"));
        let url = server.api("/instances/c?showHistory=true");
        let status: Value = server.get(url).await?.json().await?;
        let events = status["historyEvents"].as_array().context("a history")?;
        let details = &events.last().context("an end")?["Details"];
        assert_eq!(details["name"], "Chain");
        let root = &details["cause"]["details"]["cause"];
        assert_eq!((&root["kind"], &root["message"]), (&json!("boom"), &json!("the ground gave way")));
        assert_eq!(root["activity"], "Boom");
    }

    async fn what_cannot_be_started_fails_its_parent_and_nobody_else(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Parent", "nobody", json!({ "name": "Nobody" })).await?;
        let output = server.ended("nobody").await?["output"].to_string();
        assert!(output.contains("No deployed module exports the orchestrator 'Nobody'"), "{output}");
        server.start_instance("Wait", "taken", Value::Null).await?;
        waiting(server, "taken").await?;
        server.start_instance("Parent", "late", json!({ "name": "Wait", "id": "taken" })).await?;
        let output = server.ended("late").await?["output"].to_string();
        assert!(output.contains("An instance with the id 'taken' is Running"), "{output}");
        server.raise("taken", "Go", json!(1)).await?;
        assert_eq!(server.ended("taken").await?["output"], 1);
    }

    async fn a_child_that_failed_is_tried_again(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        let called = json!({ "name": "Chain", "input": 0, "attempts": 2 });
        server.start_instance("Parent", "p", called).await?;
        server.ended_in_time("p").await?;
        let expected = [
            "ExecutionStarted Parent",
            "SubOrchestrationInstanceFailed Chain",
            "TimerFired",
            "SubOrchestrationInstanceFailed Chain",
            "ExecutionCompleted",
        ];
        assert_eq!(history(server, "p").await?, expected);
    }

    async fn a_detached_child_outlives_its_parent(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Parent", "p", json!({ "name": "Wait", "id": "free", "detached": true })).await?;
        assert_eq!(server.ended("p").await?["output"], "free");
        waiting(server, "free").await?;
        server.interlude().await?;
        server.raise("free", "Go", json!(1)).await?;
        assert_eq!(server.ended("free").await?["output"], 1);
    }

    async fn children_fan_out_and_in(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Spread", "f", json!(50)).await?;
        server.interlude().await?;
        assert_eq!(server.ended("f").await?["output"], 2450);
        server.start_instance("Wide", "w", json!(10_000)).await?;
        server.interlude().await?;
        assert_eq!(server.ended("w").await?["output"], 10_000);
    }

    async fn an_orchestrator_tells_another_instance_once(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Wait", "w", Value::Null).await?;
        waiting(server, "w").await?;
        server.interlude().await?;
        server.start_instance("Tell", "t", json!("w")).await?;
        assert_eq!(server.ended("w").await?["output"], json!({ "from": "t" }));
        // Nobody there: no fault of the sender.
        server.start_instance("Tell", "u", json!("nobody")).await?;
        assert_eq!(server.ended("u").await?["runtimeStatus"], "Completed");
        assert_eq!(history(server, "t").await?, ["ExecutionStarted Tell", "EventSent gO", "ExecutionCompleted"]);
    }

    async fn a_new_execution_keeps_events_and_status_and_forgets_its_history(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Counter", "c", json!({ "left": 4, "sum": 0 })).await?;
        server.until_custom_status("c", json!("counting")).await?;
        for tick in [1, 20] {
            server.raise("c", "Tick", json!(tick)).await?;
        }
        server.interlude().await?;
        for tick in [300, 4_000] {
            server.raise("c", "Tick", json!(tick)).await?;
        }
        let end = server.ended("c").await?;
        assert_eq!((&end["output"], &end["customStatus"]), (&json!(4321), &json!("counting")));
        assert_eq!(history(server, "c").await?, ["ExecutionStarted Counter", "ExecutionCompleted"]);
    }

    async fn executions_that_wait_for_nothing_end_and_can_be_terminated(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Tight", "t", json!(200)).await?;
        assert_eq!(server.ended("t").await?["output"], "done");
        server.start_instance("Tight", "endless", json!(u32::MAX)).await?;
        server.interlude().await?;
        act(server, "endless", "terminate?reason=enough").await?;
        assert_eq!(server.ended("endless").await?["output"], "enough");
    }

    async fn a_suspended_instance_keeps_what_comes_and_goes_on_when_resumed(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Wait", "w", Value::Null).await?;
        waiting(server, "w").await?;
        act(server, "w", "suspend?reason=later").await?;
        suspended(server, "w").await?;
        server.interlude().await?;
        act(server, "w", "suspend").await?;
        server.raise("w", "Go", json!(5)).await?;
        let kept = suspended(server, "w").await?;
        assert_eq!(kept["customStatus"], "waiting");
        server.interlude().await?;
        act(server, "w", "resume?reason=now").await?;
        assert_eq!(server.ended("w").await?["output"], 5);
        let seen = history(server, "w").await?;
        let expected = [
            "ExecutionStarted Wait",
            "ExecutionSuspended",
            "ExecutionSuspended",
            "EventRaised Go",
            "ExecutionResumed",
            "ExecutionCompleted",
        ];
        assert_eq!(seen, expected);
        for act in ["suspend", "resume"] {
            refusal(server.post(server.api(&format!("/instances/w/{act}"))).await?, StatusCode::GONE).await?;
            refusal(server.post(server.api(&format!("/instances/x/{act}"))).await?, StatusCode::NOT_FOUND).await?;
        }
    }

    async fn a_rewound_instance_does_again_what_failed_and_nothing_else(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Three", "t", json!(60_000)).await?;
        let failed = server.ended("t").await?;
        assert_eq!(failed["output"], "Orchestrator function 'Three' failed: Activity function 'NotBefore' failed: it is too early");
        server.interlude().await?;
        server.advance(Duration::from_secs(61));
        act(server, "t", "rewind?reason=again").await?;
        let end = server.until("t", |status| status["runtimeStatus"] == "Completed").await?;
        assert_eq!(end["output"], json!(["first", "at last", "last"]));
        server.interlude().await?;
        let seen = history(server, "t").await?;
        let completed = |name: &str| seen.iter().filter(|event| *event == &format!("TaskCompleted {name}")).count();
        assert_eq!((completed("Echo"), completed("NotBefore")), (2, 1), "{seen:?}");
        assert!(seen.contains(&"ExecutionRewound".to_owned()) && !seen.contains(&"TaskFailed NotBefore".to_owned()));
        let refused = server.post(server.api("/instances/t/rewind")).await?;
        let message = refusal(refused, StatusCode::PRECONDITION_FAILED).await?;
        assert!(message.contains("only a failed one can be rewound"), "{message}");
        refusal(server.post(server.api("/instances/x/rewind")).await?, StatusCode::NOT_FOUND).await?;
    }

    async fn a_rewound_parent_rewinds_the_child_that_failed(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        let called = json!({ "name": "Three", "id": "child", "input": 60_000 });
        server.start_instance("Parent", "p", called).await?;
        assert_eq!(server.ended("p").await?["runtimeStatus"], "Failed");
        server.interlude().await?;
        server.advance(Duration::from_secs(61));
        act(server, "p", "rewind").await?;
        let end = server.until("p", |status| status["runtimeStatus"] == "Completed").await?;
        assert_eq!(end["output"], json!(["first", "at last", "last"]));
        assert!(history(server, "child").await?.contains(&"ExecutionRewound".to_owned()));
    }

    async fn a_restarted_instance_begins_anew_with_the_same_input(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        server.start_instance("Double", "d", json!(21)).await?;
        assert_eq!(server.ended("d").await?["output"], 42);
        server.interlude().await?;
        let answer = server.post(server.api("/instances/d/restart")).await?;
        let started = expect(answer, StatusCode::ACCEPTED).await?;
        let id = started["id"].as_str().context("an id")?.to_owned();
        assert_ne!(id, "d");
        assert_eq!(server.ended(&id).await?["output"], 42);
        let answer = server.post(server.api("/instances/d/restart?restartWithNewInstanceId=false")).await?;
        assert_eq!(expect(answer, StatusCode::ACCEPTED).await?["id"], "d");
        assert_eq!(server.ended("d").await?["output"], 42);
        server.start_instance("Wait", "w", Value::Null).await?;
        let again = server.post(server.api("/instances/w/restart?restartWithNewInstanceId=false")).await?;
        refusal(again, StatusCode::CONFLICT).await?;
        refusal(server.post(server.api("/instances/x/restart")).await?, StatusCode::NOT_FOUND).await?;
    }

    async fn a_termination_reaches_children_unless_it_should_not(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        for (parent, child, query, status) in
            [("p", "taken", "terminate?reason=all", "Terminated"), ("q", "left", "terminate?reason=one&recursive=false", "Running")]
        {
            server.start_instance("Parent", parent, json!({ "name": "Wait", "id": child })).await?;
            called(server, parent).await?;
            waiting(server, child).await?;
            server.interlude().await?;
            act(server, parent, query).await?;
            assert_eq!(server.ended(parent).await?["runtimeStatus"], "Terminated");
            if status == "Terminated" {
                assert_eq!(server.ended(child).await?["output"], "all");
            } else {
                server.raise(child, "Go", json!(1)).await?;
                assert_eq!(server.ended(child).await?["output"], 1);
            }
        }
    }

    async fn a_rewound_parent_hears_of_a_child_that_completed_while_it_had_failed(server: &mut Server) {
        server.deploy(&guest("flows")).await?;
        // It fails for the other child, and its own `Wait` completes when nobody listens any more.
        server.start_instance("Both", "b", json!(60_000)).await?;
        assert_eq!(server.ended("b").await?["runtimeStatus"], "Failed");
        server.raise("b-wait", "Go", json!("heard")).await?;
        server.ended("b-wait").await?;
        server.interlude().await?;
        server.advance(Duration::from_secs(61));
        act(server, "b", "rewind").await?;
        let end = server.until("b", |status| status["runtimeStatus"] == "Completed").await?;
        assert_eq!(end["output"], json!(["heard", ["first", "at last", "last"]]));
    }
}
