//! A module as its author writes it, asked as the host asks. Natively there is no host: only what needs none is run.

use dacapo::__private::{ActivitiesGuest, OrchestratorsGuest};
use dacapo::prelude::*;

mod flows {
    use super::*;

    #[orchestrator]
    pub(crate) async fn hello_cities(ctx: Context) -> Result<Vec<String>> {
        Ok(vec![ctx.call_activity("SayHello", "Tokyo").await?])
    }
}

#[orchestrator(name = "Recommender")]
async fn city_recommender(_ctx: Context, taste: Option<u32>) -> std::result::Result<u32, std::fmt::Error> {
    taste.ok_or(std::fmt::Error)
}

#[activity]
fn say_hello(name: String) -> Result<String> {
    Ok(format!("Hello {name}!"))
}

#[activity]
fn parse_number(text: String) -> std::result::Result<i64, std::num::ParseIntError> {
    text.parse()
}

#[activity]
fn no_input() -> Result<u32> {
    Ok(42)
}

#[activity]
fn with_context(_ctx: ActivityContext) -> Result<()> {
    Ok(())
}

#[activity(name = "Both")]
fn with_context_and_input(_ctx: ActivityContext, (a, b): (u32, u32)) -> Result<u32> {
    a.checked_add(b).ok_or_else(|| Error::new("too-large", "The sum is too large.").with_details([a, b]))
}

dacapo::module! {
    orchestrators: [flows::hello_cities, city_recommender],
    activities: [say_hello, parse_number, no_input, with_context, with_context_and_input],
}

fn run(name: &str, input: &str) -> Result<String, (String, String)> {
    let outcome = <__DacapoModule as ActivitiesGuest>::run(name.to_owned(), input.to_owned());
    outcome.map_err(|failure| (failure.kind, failure.message))
}

#[test]
fn names_are_derived_or_given() {
    assert_eq!(<__DacapoModule as OrchestratorsGuest>::names(), ["HelloCities", "Recommender"]);
    let activities = ["SayHello", "ParseNumber", "NoInput", "WithContext", "Both"];
    assert_eq!(<__DacapoModule as ActivitiesGuest>::names(), activities);
}

#[test]
fn activities_run_whatever_their_arguments() {
    assert_eq!(run("SayHello", r#""Tokyo""#).as_deref(), Ok(r#""Hello Tokyo!""#));
    assert_eq!(run("sayhello", r#""Tokyo""#).as_deref(), Ok(r#""Hello Tokyo!""#), "names ignore case");
    assert_eq!(run("NoInput", "null").as_deref(), Ok("42"));
    assert_eq!(run("WithContext", "[]").as_deref(), Ok("null"));
    assert_eq!(run("Both", "[2,3]").as_deref(), Ok("5"));
}

#[test]
fn failures_say_what_is_wrong() {
    let (kind, message) = run("ParseNumber", r#""x""#).unwrap_err();
    assert_eq!((kind.as_str(), message.as_str()), ("error", "invalid digit found in string"));
    let (kind, message) = run("SayHello", "7").unwrap_err();
    assert_eq!(kind, "decode");
    assert!(
        message.starts_with("Unexpected value for the input of activity SayHello: invalid type: integer `7`"),
        "{message}"
    );
    assert_eq!(run("Both", "[4294967295,1]").unwrap_err().0, "too-large");
}

#[test]
fn an_unknown_name_is_answered_with_those_that_exist() {
    let failure = <__DacapoModule as OrchestratorsGuest>::run("GoodbyeCities".to_owned()).unwrap_err();
    assert_eq!(failure.kind, "not-found");
    assert_eq!(failure.message, "This module has no orchestrator GoodbyeCities; it has HelloCities, Recommender.");
}
