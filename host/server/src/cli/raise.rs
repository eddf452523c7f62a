//! `dacapo raise`: raises an event to an instance.

use super::Session;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use super::input;
use dacapo_core::InstanceId;

/// Raise an event to an instance; done once the event is durable.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// The event's name, in any case.
    event: String,
    /// What it carries: JSON, @FILE, or - for standard input; null when there is nothing.
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    data: Option<String>,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let data = args.data.as_deref().map(|data| input::json("the event's data", data)).transpose()?;
    let id = args.id.as_str();
    let url = session.api.durable(&["instances", id, "raiseEvent", &args.event], &[]);
    session.api.send(session.api.post(url, data)).await?.accepted(&missing(&args.id))?;
    let json = serde_json::json!({ "id": id, "event": args.event, "raised": true }).to_string();
    session.output.one(&json, || format!("raised {} to {id}", args.event))?;
    Ok(Exit::Done)
}
