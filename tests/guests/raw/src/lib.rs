//! The bindings, and the few lines that every test guest needs.

/// What `wit-bindgen` makes of the contract.
#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "module",
        pub_export_macro: true,
        runtime_path: "::raw::wit_bindgen::rt",
    });
}

extern crate self as raw;

pub use bindings::dacapo::orchestration::context;
pub use bindings::dacapo::orchestration::types::Failure;
pub use bindings::exports::dacapo::orchestration::{activities, orchestrators};
pub use wit_bindgen;

use context::Task;

/// JSON, or why not.
pub type Outcome = Result<String, Failure>;

/// The names, as the contract wants them.
pub fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A failure without details.
pub fn fail(kind: &str, message: impl Into<String>) -> Outcome {
    Err(Failure { kind: kind.to_owned(), message: message.into(), details: None })
}

/// The answer to a name that the guest does not have.
pub fn unknown(name: &str) -> Outcome {
    fail("not-found", format!("this guest has no {name}"))
}

/// Waits for one task.
pub fn wait(task: &Task) -> Outcome {
    context::await_any(&[task]);
    task.outcome()
}

/// Waits for an activity that is called without options.
pub fn call(name: &str, input: &str) -> Outcome {
    wait(&context::call_activity(name, input, None))
}

/// Waits for an event.
pub fn event(name: &str) -> Outcome {
    wait(&context::wait_for_event(name))
}

/// The input as a number; `default` where there is none.
pub fn input_number(default: u64) -> Result<u64, Failure> {
    let input = context::get_input();
    let parsed = serde_json::from_str::<Option<u64>>(&input);
    let bad = |error| Failure { kind: "bad-input".to_owned(), message: format!("{error}: {input}"), details: None };
    Ok(parsed.map_err(bad)?.unwrap_or(default))
}

/// Exports a type that implements both interfaces.
#[macro_export]
macro_rules! export {
    ($guest:ident) => {
        $crate::bindings::export!($guest with_types_in $crate::bindings);
    };
}
