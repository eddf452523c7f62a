//! From the functions of a module to the two interfaces that the host calls.

use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::activity::ActivityContext;
use crate::bindings::dacapo::orchestration::types::Failure;
use crate::context::Context;
use crate::decode::{Source, decode_input, encode};
use crate::error::{Error, Result};
use crate::executor;
use crate::flow::Flow;
use crate::panic_hook::{self, Role};

/// What the host gets: JSON, or why not.
pub type Outcome = Result<String, Failure>;

/// One orchestrator of a module; `#[orchestrator]` writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an orchestrator",
    note = "mark it with `#[orchestrator]`; activities belong into the other list"
)]
pub trait Orchestrator {
    /// The name that clients start it by.
    const NAME: &'static str;
    /// Plays it.
    fn run() -> Outcome;
}

/// One activity of a module; `#[activity]` writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an activity",
    note = "mark it with `#[activity]`; orchestrators belong into the other list"
)]
pub trait Activity {
    /// The name that orchestrators call it by.
    const NAME: &'static str;
    /// Runs it.
    fn run(input: &str) -> Outcome;
}

/// Plays an orchestrator that reads its input from the context, if at all.
pub fn play<F, Fut, T, E>(name: &'static str, orchestrator: F) -> Outcome
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
{
    panic_hook::install(Role::Orchestrator);
    let flow = Rc::new(Flow::new(name));
    let output = executor::run(&flow, orchestrator(Context::new(flow.clone())));
    finish(output, format_args!("the output of orchestrator {name}"))
}

/// Plays an orchestrator that takes its input as an argument.
pub fn play_with_input<I, F, Fut, T, E>(name: &'static str, orchestrator: F) -> Outcome
where
    I: DeserializeOwned,
    F: FnOnce(Context, I) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
{
    play(name, |ctx| async move {
        let input = ctx.input()?;
        orchestrator(ctx, input).await.map_err(Into::into)
    })
}

/// Runs an activity that takes no input.
pub fn act<F, T, E>(name: &'static str, activity: F) -> Outcome
where
    F: FnOnce(ActivityContext) -> Result<T, E>,
    T: Serialize,
    E: Into<Error>,
{
    panic_hook::install(Role::Activity);
    finish(activity(ActivityContext::new()), format_args!("the result of activity {name}"))
}

/// Runs an activity that takes an input.
pub fn act_with_input<I, F, T, E>(name: &'static str, input: &str, activity: F) -> Outcome
where
    I: DeserializeOwned,
    F: FnOnce(ActivityContext, I) -> Result<T, E>,
    T: Serialize,
    E: Into<Error>,
{
    act(name, |ctx| {
        let input = decode_input(input, &Source::ActivityInput(name.into()))?;
        activity(ctx, input).map_err(Into::into)
    })
}

fn finish<T: Serialize, E: Into<Error>>(output: Result<T, E>, what: std::fmt::Arguments<'_>) -> Outcome {
    output.map_err(Into::into).and_then(|output| encode(&output, what)).map_err(Error::into_failure)
}

/// The answer to a name that the module does not have.
pub fn not_found(what: &str, name: &str, existing: &[&str]) -> Outcome {
    let existing = if existing.is_empty() { "none at all".to_owned() } else { existing.join(", ") };
    Err(Error::new(Error::NOT_FOUND, format!("This module has no {what} {name}; it has {existing}.")).into_failure())
}

/// Whether two names are equal for the host, which ignores case; at compile time.
pub const fn has_twins(names: &[&str]) -> bool {
    let mut i = 0;
    while i < names.len() {
        let mut j = i + 1;
        while j < names.len() {
            if names[i].eq_ignore_ascii_case(names[j]) {
                return true;
            }
            j += 1;
        }
        i += 1;
    }
    false
}

/// Exports functions marked with [`#[orchestrator]`](macro@crate::orchestrator) and [`#[activity]`](macro@crate::activity).
///
/// Once in each module, at the root of its crate. Either list may be left out; paths such as `orders::fulfil` are fine.
/// "Expected type, found function" means that a function in a list has no attribute.
///
/// ```
/// use dacapo::prelude::*;
///
/// #[activity]
/// fn say_hello(name: String) -> Result<String> {
///     Ok(format!("Hello {name}!"))
/// }
///
/// dacapo::module! { activities: [say_hello] }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! module {
    (orchestrators: [$($orchestrator:path),* $(,)?] $(,)?) => {
        $crate::module! { orchestrators: [$($orchestrator),*], activities: [] }
    };
    (activities: [$($activity:path),* $(,)?] $(,)?) => {
        $crate::module! { orchestrators: [], activities: [$($activity),*] }
    };
    (orchestrators: [$($orchestrator:path),* $(,)?], activities: [$($activity:path),* $(,)?] $(,)?) => {
        #[doc(hidden)]
        struct __DacapoModule;

        impl __DacapoModule {
            const ORCHESTRATORS: &[&str] = &[$(<$orchestrator as $crate::__private::Orchestrator>::NAME),*];
            const ACTIVITIES: &[&str] = &[$(<$activity as $crate::__private::Activity>::NAME),*];
        }

        const _: () = assert!(!$crate::__private::has_twins(__DacapoModule::ORCHESTRATORS), "two orchestrators have the same name");
        const _: () = assert!(!$crate::__private::has_twins(__DacapoModule::ACTIVITIES), "two activities have the same name");

        impl $crate::__private::OrchestratorsGuest for __DacapoModule {
            fn names() -> ::std::vec::Vec<::std::string::String> {
                Self::ORCHESTRATORS.iter().map(::std::string::ToString::to_string).collect()
            }

            fn run(name: ::std::string::String) -> $crate::__private::Outcome {
                $(if name.eq_ignore_ascii_case(<$orchestrator as $crate::__private::Orchestrator>::NAME) {
                    return <$orchestrator as $crate::__private::Orchestrator>::run();
                })*
                $crate::__private::not_found("orchestrator", &name, Self::ORCHESTRATORS)
            }
        }

        impl $crate::__private::ActivitiesGuest for __DacapoModule {
            fn names() -> ::std::vec::Vec<::std::string::String> {
                Self::ACTIVITIES.iter().map(::std::string::ToString::to_string).collect()
            }

            #[allow(unused_variables)] // Where there are no activities.
            fn run(name: ::std::string::String, input: ::std::string::String) -> $crate::__private::Outcome {
                $(if name.eq_ignore_ascii_case(<$activity as $crate::__private::Activity>::NAME) {
                    return <$activity as $crate::__private::Activity>::run(&input);
                })*
                $crate::__private::not_found("activity", &name, Self::ACTIVITIES)
            }
        }

        // Natively the functions are there to be tested, and nothing is exported.
        #[cfg(target_family = "wasm")]
        $crate::bindings::export!(__DacapoModule with_types_in $crate::bindings);
    };
}
