//! Orchestrators that use each function of the contract, and return what the host answered.

mod clock;
mod events;
mod tasks;

use raw::{Outcome, context, owned, unknown};

struct Conformance;

impl raw::orchestrators::Guest for Conformance {
    fn names() -> Vec<String> {
        owned(&[
            "Clock",
            "ClockAtEvent",
            "CancelTimer",
            "EventOrder",
            "RaceTimer",
            "EchoInput",
            "Buffered",
            "Collect",
            "CollectLate",
            "ParallelMixed",
            "ParallelWatched",
            "StatusEachStep",
        ])
    }

    fn run(name: String) -> Outcome {
        match name.as_str() {
            "Clock" => clock::clock(),
            "ClockAtEvent" => clock::clock_at_event(),
            "CancelTimer" => tasks::cancel_timer(),
            "EventOrder" => events::event_order(),
            "RaceTimer" => events::race_timer(),
            "EchoInput" => Ok(context::get_input()),
            "Buffered" => events::buffered(),
            "Collect" => events::collect(),
            "CollectLate" => events::collect_late(),
            "ParallelMixed" => tasks::parallel_mixed(),
            "ParallelWatched" => tasks::parallel_watched(),
            "StatusEachStep" => tasks::status_each_step(),
            _ => unknown(&name),
        }
    }
}

impl raw::activities::Guest for Conformance {
    fn names() -> Vec<String> {
        owned(&["Echo"])
    }

    fn run(name: String, input: String) -> Outcome {
        match name.as_str() {
            "Echo" => Ok(input),
            _ => unknown(&name),
        }
    }
}

raw::export!(Conformance);
