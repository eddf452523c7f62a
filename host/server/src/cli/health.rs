//! `dacapo health`: asks the server how it is.

use super::Session;
use super::api::Reply;
use super::exit::{CliError, Exit};
use super::output;
use super::text;
use reqwest::StatusCode;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Ask the server how it is. The exit code is 1 while not everything can be written.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, session: &Session) -> Result<Exit, CliError> {
    let reply = session.api.send(session.api.get(session.api.own(&["health"]))).await?;
    let (reply, exit) = match reply.status == StatusCode::SERVICE_UNAVAILABLE && is_health(&reply) {
        true => (reply, Exit::Error),
        false => (reply.accepted("this server does not tell its health: is it a Dacapo?")?, Exit::Done),
    };
    let facts: BTreeMap<String, Box<RawValue>> = reply.parse()?;
    session.output.one(&reply.body, || human(&facts))?;
    Ok(exit)
}

/// A server that is not well says how it is all the same; a proxy before it says something else.
fn is_health(reply: &Reply) -> bool {
    reply.parse::<BTreeMap<String, Box<RawValue>>>().is_ok_and(|facts| facts.contains_key("storage"))
}

fn human(facts: &BTreeMap<String, Box<RawValue>>) -> String {
    let value =
        |json: &RawValue| serde_json::from_str::<String>(json.get()).unwrap_or_else(|_| text::compact(json.get()));
    let pairs: Vec<(&str, String)> = facts.iter().map(|(name, fact)| (name.as_str(), value(fact))).collect();
    output::pairs(&pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_is_a_line() {
        let facts = serde_json::from_str(r#"{"store":"sqlite","warm":{ "instances":1 }}"#).expect("JSON");
        assert_eq!(human(&facts), "store  sqlite\nwarm   {\"instances\":1}");
    }
}
