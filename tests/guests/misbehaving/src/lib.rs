//! Orchestrators and activities that do what they must not: the host has to end each of them with a clear reason.

mod contract;
mod greedy;

use raw::{Failure, Outcome, fail, owned, unknown};
use serde_json::json;

struct Misbehaving;

impl raw::orchestrators::Guest for Misbehaving {
    fn names() -> Vec<String> {
        owned(&[
            "LoopForever",
            "AllocateForever",
            "Trap",
            "Panic",
            "NonJson",
            "NonJsonStatus",
            "AwaitTwice",
            "OutcomeEarly",
            "AwaitNothing",
            "WatchNothing",
            "WatchCancelled",
            "SleepInOrchestrator",
            "ManyCommands",
            "HugeActivityInput",
            "CallActivity",
        ])
    }

    fn run(name: String) -> Outcome {
        match name.as_str() {
            "LoopForever" => greedy::loop_forever(),
            "AllocateForever" => greedy::allocate_forever(),
            "SleepInOrchestrator" => greedy::sleep(),
            "ManyCommands" => greedy::many_commands(),
            "HugeActivityInput" => greedy::huge_activity_input(),
            "Trap" => core::arch::wasm32::unreachable(),
            "Panic" => panic!("boom: the flow gave up"),
            "NonJson" => Ok("not json".to_owned()),
            "NonJsonStatus" => contract::non_json_status(),
            "AwaitTwice" => contract::await_twice(),
            "OutcomeEarly" => contract::outcome_early(),
            "AwaitNothing" => contract::await_nothing(),
            "WatchNothing" => contract::watch_nothing(),
            "WatchCancelled" => contract::watch_cancelled(),
            "CallActivity" => contract::call_activity(),
            _ => unknown(&name),
        }
    }
}

impl raw::activities::Guest for Misbehaving {
    fn names() -> Vec<String> {
        owned(&["BadActivity", "LoopActivity", "FailActivity", "Noop"])
    }

    fn run(name: String, input: String) -> Outcome {
        match name.as_str() {
            "BadActivity" => core::arch::wasm32::unreachable(),
            "LoopActivity" => greedy::loop_forever(),
            "FailActivity" => fail_with(&input),
            "Noop" => Ok(input),
            _ => unknown(&name),
        }
    }
}

/// The input as the message, and again among the details.
fn fail_with(input: &str) -> Outcome {
    let Ok(message) = serde_json::from_str::<String>(input) else {
        return fail("bad-input", format!("a message is needed, and not {input}"));
    };
    let details = json!({ "asked": &message }).to_string();
    Err(Failure { kind: "app".to_owned(), message, details: Some(details) })
}

raw::export!(Misbehaving);
