//! As `two-steps`, with one more step at the end: an instance that waits for the event can go on with it.

#[path = "../../two-steps/src/activities.rs"]
mod activities;

use raw::{Outcome, call, event, owned, unknown};

struct TwoSteps;

impl raw::orchestrators::Guest for TwoSteps {
    fn names() -> Vec<String> {
        owned(&["TwoSteps"])
    }

    fn run(name: String) -> Outcome {
        if name != "TwoSteps" {
            return unknown(&name);
        }
        let a = call("StepA", "null")?;
        event("Next")?;
        let b = call("StepB", "null")?;
        let c = call("StepB", "null")?;
        Ok(format!("[{a},{b},{c}]"))
    }
}

raw::export!(TwoSteps);
