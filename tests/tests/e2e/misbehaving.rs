//! Guests that do what they must not: each ends with a reason that says what it did, and nobody else notices.

use anyhow::Result;
use dacapo_server::config::ModuleSection;
use dacapo_tests::database::Database;
use dacapo_tests::server::guest;
use dacapo_tests::{Server, every_way};
use serde_json::{Value, json};

/// Has the misbehaving guest, and an instance of another module that waits meanwhile.
async fn set_up(server: &Server) -> Result<()> {
    server.deploy(&guest("conformance")).await?;
    server.deploy(&guest("misbehaving")).await?;
    server.start_instance("Collect", "bystander", json!(2)).await?;
    server.raise("bystander", "Item", json!("here")).await?;
    server.until_custom_status("bystander", json!(1)).await?;
    Ok(())
}

/// The server is well, and the instance that waited goes on.
async fn nobody_else_noticed(server: &Server) -> Result<()> {
    server.health().await?;
    assert_eq!(server.status("bystander").await?["runtimeStatus"], "Running");
    server.raise("bystander", "Item", json!("still here")).await?;
    assert_eq!(server.ended("bystander").await?["output"], json!(["here", "still here"]));
    server.start_instance("StatusEachStep", "after", json!(3)).await?;
    assert_eq!(server.ended("after").await?["output"], 3);
    Ok(())
}

/// Waits for the end of an instance of `orchestrator`, which must be a failure that says all of `words`.
async fn fails_with(server: &Server, orchestrator: &str, id: &str, words: &[&str]) -> Result<()> {
    let end = server.ended(id).await?;
    assert_eq!(end["runtimeStatus"], "Failed", "{end}");
    let output = end["output"].as_str().expect("text");
    assert!(output.starts_with(&format!("Orchestrator function '{orchestrator}' failed: ")), "{output}");
    for word in words {
        assert!(output.contains(word), "{orchestrator} should say {word:?}: {output}");
    }
    Ok(())
}

/// Breaks of the contract and of limits, each with what the failure must say.
const FAULTS: [(&str, &[&str]); 11] = [
    ("Trap", &["the guest trapped", "unreachable"]),
    ("Panic", &["the guest trapped", "it said", "boom: the flow gave up"]),
    ("NonJson", &["the output of the orchestrator is not JSON", "found \"not json\""]),
    ("AwaitTwice", &["task #0 was awaited again after its outcome had been taken"]),
    ("OutcomeEarly", &["the outcome of task #0 was asked for before await-any or await-next had returned it"]),
    ("AwaitNothing", &["await-any was called with an empty list"]),
    ("WatchNothing", &["await-next was called while no task is watched"]),
    ("WatchCancelled", &["task #0 was awaited after it had been cancelled"]),
    ("SleepInOrchestrator", &["a guest cannot block", "`start-timer`"]),
    ("ManyCommands", &["more than 20000 commands in one turn", "`commands_per_turn`"]),
    ("HugeActivityInput", &["the input of activity 'Noop' has 5242882 bytes", "`payload_bytes` is 1048576"]),
];

every_way! {
    async fn each_fault_ends_its_instance_with_a_reason_that_names_it(server: &mut Server) {
        set_up(server).await?;
        for (orchestrator, _) in FAULTS {
            server.start_instance(orchestrator, orchestrator, Value::Null).await?;
        }
        server.interlude().await?;
        for (orchestrator, words) in FAULTS {
            fails_with(server, orchestrator, orchestrator, words).await?;
        }
        nobody_else_noticed(server).await?;
        server.stop().await;
        let database = Database::open(server.data())?;
        for (orchestrator, _) in FAULTS {
            let events = database.events(orchestrator)?;
            assert!(events.last().is_some_and(|event| event["ExecutionFailed"].is_object()), "{events:?}");
            // What a turn had asked for before it broke off was never meant to stand alone.
            let asked_for = events.iter().filter(|event| event["TaskScheduled"].is_object()).count();
            assert_eq!(asked_for, usize::from(orchestrator == "AwaitTwice"), "{orchestrator}");
        }
    }

    async fn a_status_that_is_no_json_is_refused_and_the_guest_may_go_on(server: &mut Server) {
        set_up(server).await?;
        server.start_instance("NonJsonStatus", "n", Value::Null).await?;
        server.interlude().await?;
        let end = server.ended("n").await?;
        assert_eq!((&end["runtimeStatus"], &end["customStatus"]), (&json!("Completed"), &Value::Null));
        assert_eq!(end["output"]["kind"], "not-json");
        let message = end["output"]["message"].as_str().expect("text");
        assert!(message.starts_with("the custom status is not JSON") && message.contains("\"not json\""), "{message}");
        nobody_else_noticed(server).await?;
    }

    async fn an_endless_loop_is_cut_three_times_and_then_fails(server: &mut Server) {
        server.configure(|config| config.turn_cpu_ms = 100).await?;
        set_up(server).await?;
        server.start_instance("LoopForever", "loop", Value::Null).await?;
        server.interlude().await?;
        let words = ["the turn was cut 3 times", "more than 100 ms of CPU", "endless loop"];
        fails_with(server, "LoopForever", "loop", &words).await?;
        nobody_else_noticed(server).await?;
    }

    async fn a_guest_that_takes_all_memory_is_cut_three_times_and_then_fails(server: &mut Server) {
        set_up(server).await?;
        server.start_instance("AllocateForever", "hoard", Value::Null).await?;
        server.interlude().await?;
        let words = ["the turn was cut 3 times", "bytes of memory", "`instance_memory_bytes` is 67108864"];
        fails_with(server, "AllocateForever", "hoard", &words).await?;
        nobody_else_noticed(server).await?;
    }

    async fn a_module_can_be_allowed_more_memory_than_others(server: &mut Server) {
        let more = ModuleSection { memory_bytes: Some(96 << 20) };
        server.configure(|config| config.modules = [("misbehaving".to_owned(), more)].into()).await?;
        set_up(server).await?;
        server.start_instance("AllocateForever", "hoard", Value::Null).await?;
        server.interlude().await?;
        let words = ["the turn was cut 3 times", "bytes of memory", "`modules.misbehaving.memory_bytes` is 100663296"];
        fails_with(server, "AllocateForever", "hoard", &words).await?;
        nobody_else_noticed(server).await?;
    }

    async fn an_activity_that_misbehaves_fails_and_the_orchestrator_hears_why(server: &mut Server) {
        server.configure(|config| config.activity_cpu_ms = 100).await?;
        set_up(server).await?;
        let calls: [(&str, &[&str]); 3] = [
            ("BadActivity", &["the guest trapped", "unreachable"]),
            ("LoopActivity", &["activity 'LoopActivity' was cut", "more than 100 ms of CPU"]),
            ("NoSuchActivity", &["No deployed module exports the activity 'NoSuchActivity'"]),
        ];
        for (activity, _) in calls {
            server.start_instance("CallActivity", activity, json!({"name": activity, "input": null})).await?;
        }
        server.interlude().await?;
        for (activity, words) in calls {
            fails_with(server, "CallActivity", activity, words).await?;
        }
        nobody_else_noticed(server).await?;
    }

    async fn a_failure_reaches_the_orchestrator_as_the_activity_gave_it(server: &mut Server) {
        set_up(server).await?;
        let message = "no \"luck\" today: ✗";
        let call = json!({"name": "failactivity", "input": message});
        server.start_instance("CallActivity", "f", call).await?;
        server.interlude().await?;
        fails_with(server, "CallActivity", "f", &[message]).await?;
        nobody_else_noticed(server).await?;
        server.stop().await;
        let events = Database::open(server.data())?.events("f")?;
        let failure = json!({"kind": "app", "message": message, "details": {"asked": message}});
        // The first is what came from the activity, the second what the orchestrator made of it.
        let failed: Vec<_> = events.iter().filter_map(|event| event["TaskFailed"]["failure"].as_object()).collect();
        assert_eq!(failed, [failure.as_object().expect("an object")]);
        let ended = &events.last().expect("events")["ExecutionFailed"]["failure"];
        assert_eq!(ended["activity"], "failactivity", "passed on as it was, it names where it comes from");
        let mut ended = ended.clone();
        ended.as_object_mut().expect("an object").remove("activity");
        assert_eq!(ended, failure);
    }
}
