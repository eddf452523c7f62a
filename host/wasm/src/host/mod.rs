//! What guests import: translate, call, translate back.

pub(crate) mod activity;
pub(crate) mod context;
pub(crate) mod http;
pub(crate) mod output;
mod poll;
pub(crate) mod wasi;

use crate::bindings::{self, types};
use crate::guest::Guest;
use dacapo_core::{Failure, Payload};
use wasmtime::component::{HasSelf, Linker};

/// Everything that a module may import.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    http::add_to_linker(&mut linker)?;
    bindings::Orchestrator::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    bindings::activity::dacapo::orchestration::activity_context::add_to_linker::<_, HasSelf<_>>(
        &mut linker,
        |guest| guest,
    )?;
    Ok(linker)
}

impl types::Host for Guest {}

/// A failure of the core, for a guest.
pub(crate) fn to_guest(failure: Failure) -> types::Failure {
    let details = failure.details.map(|details| details.to_string());
    types::Failure { kind: failure.kind, message: failure.message, details }
}

/// A failure that a guest returned. Details that are not JSON are kept as a JSON string.
pub(crate) fn from_guest(failure: types::Failure) -> Failure {
    let details = failure.details.map(|text| Payload::parse(&text).unwrap_or_else(|_| Payload::string(&text)));
    Failure::detailed(failure.kind, failure.message, details)
}

/// A result that a guest returned; `what` names it in the failure it becomes when it is not JSON.
pub(crate) fn result_from_guest(what: &str, result: Result<String, types::Failure>) -> Result<Payload, Failure> {
    let text = result.map_err(from_guest)?;
    Payload::parse(&text).map_err(|error| Failure::new("not-json", format!("the {what} is {error}")))
}
