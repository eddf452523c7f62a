//! `dacapo start`: starts an instance.

use super::Session;
use super::changes::Changes;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use super::input;
use super::output;
use super::text;
use super::view::View;
use dacapo_core::InstanceId;
use serde::Deserialize;

/// Start an instance of an orchestrator.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The orchestrator, in any case.
    name: String,
    /// The instance's id; drawn by the server when there is none.
    #[arg(long, value_parser = instance_id)]
    id: Option<InstanceId>,
    /// The input: JSON, @FILE, or - for standard input; null when there is none.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    input: Option<String>,
    /// The version of its module: its number, or the beginning of its digest. The active one when there is none.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Wait for the end, and show it; the exit code says which it was.
    #[arg(long)]
    wait: bool,
}

/// What the server says of an instance that was started.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Started {
    id: String,
    status_query_get_uri: String,
}

impl Started {
    /// Prints `reply`, of which this is.
    pub(super) fn show(self, reply: &str, session: &Session) -> Result<Exit, CliError> {
        let show = || output::pairs(&[("id", self.id), ("status", self.status_query_get_uri)]);
        session.output.one(reply, show)?;
        Ok(Exit::Done)
    }
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let input = args.input.as_deref().map(|input| input::json("--input", input)).transpose()?;
    let mut path = vec!["orchestrators", args.name.as_str()];
    path.extend(args.id.as_ref().map(InstanceId::as_str));
    let query: Vec<_> = args.version.into_iter().map(|version| ("version", version)).collect();
    let request = session.api.post(session.api.durable(&path, &query), input);
    let reply = session.api.send(request).await?.accepted("this server starts nothing: is it a Dacapo?")?;
    let started: Started = reply.parse()?;
    if !args.wait {
        return started.show(&reply.body, session);
    }
    let id = InstanceId::parse(&started.id).map_err(|error| CliError::error(error.to_string()))?;
    eprintln!("started {}", text::one_line(id.as_str()));
    wait(&id, session).await
}

async fn wait(id: &InstanceId, session: &Session) -> Result<Exit, CliError> {
    let mut changes = Changes::latest(session, id);
    loop {
        let json = changes.next().await?;
        let view = View::parse(&json)?;
        if view.runtime_status.is_finished() {
            session.output.one(&json, || view.end_line())?;
            return Ok(view.exit());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        let cli = Cli::try_parse_from([&["dacapo", "start"], args].concat())?;
        let Command::Start(args) = cli.command else { panic!("is start") };
        Ok(args)
    }

    #[test]
    fn the_input_may_be_a_negative_number_or_standard_input() {
        for input in ["-1", "-", "{}"] {
            let args = parse(&["F", "--input", input, "--wait"]).expect("valid");
            assert_eq!((args.input.as_deref(), args.wait), (Some(input), true));
        }
    }

    #[test]
    fn an_id_that_the_server_would_refuse_is_wrong_use() {
        assert_eq!(parse(&["F", "--id", "order-7"]).expect("valid").id.expect("an id").as_str(), "order-7");
        assert!(parse(&["F", "--id", "a/b"]).is_err());
    }
}
