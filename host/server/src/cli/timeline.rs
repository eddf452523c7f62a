//! `dacapo timeline`: shows the custom statuses that an instance has published.

use super::Session;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use super::output;
use super::text;
use dacapo_core::InstanceId;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Show the custom statuses that an instance has published, each with its time: those of its current execution, and first
/// what the one before it has left. Continue-as-new forgets the others with the history.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// The last so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    top: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    execution: u32,
    turn: u64,
    timestamp: String,
    custom_status: Box<RawValue>,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let query = [("top", args.top.to_string())];
    let url = session.api.own_with(&["instances", args.id.as_str(), "timeline"], &query);
    let reply = session.api.send(session.api.get(url)).await?.accepted(&missing(&args.id))?;
    let entries: Vec<Box<RawValue>> = reply.parse()?;
    let rows = entries.iter().map(|entry| serde_json::from_str::<Row>(entry.get()).map(Row::cells));
    let rows = rows.collect::<Result<Vec<_>, _>>().map_err(|error| CliError::error(error.to_string()))?;
    session.output.many(&entries, || output::table(&["TIME", "EXECUTION", "TURN", "CUSTOM STATUS"], rows))?;
    Ok(Exit::Done)
}

impl Row {
    fn cells(self) -> Vec<String> {
        vec![self.timestamp, self.execution.to_string(), self.turn.to_string(), text::compact(self.custom_status.get())]
    }
}
