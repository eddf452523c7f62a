//! The activities of both modules.

use raw::{Outcome, owned, unknown};

impl raw::activities::Guest for crate::TwoSteps {
    fn names() -> Vec<String> {
        owned(&["StepA", "StepB"])
    }

    fn run(name: String, _input: String) -> Outcome {
        match name.as_str() {
            "StepA" => Ok("\"a\"".to_owned()),
            "StepB" => Ok("\"b\"".to_owned()),
            _ => unknown(&name),
        }
    }
}
