//! Two activities with an event between them.

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
        Ok(format!("[{a},{b}]"))
    }
}

raw::export!(TwoSteps);
