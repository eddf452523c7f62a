//! The same name and parts as `two-steps`, with its commands in another order: an instance of one must not go on with the other.

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
        event("Next")?;
        let a = call("StepA", "null")?;
        let b = call("StepB", "null")?;
        Ok(format!("[{a},{b}]"))
    }
}

raw::export!(TwoSteps);
