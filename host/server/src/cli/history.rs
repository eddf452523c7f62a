//! `dacapo history`: shows what has happened to an instance.

use super::Session;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use super::output;
use super::text;
use anyhow::Context as _;
use dacapo_core::InstanceId;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

/// Show what has happened to an instance, in order.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// Write the whole history of the current execution to a file, for `dacapo replay`; - for standard output.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    history_events: Vec<Box<RawValue>>,
}

/// One event, as far as a table shows it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    event_type: String,
    timestamp: String,
    #[serde(default)]
    function_name: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    fire_at: Option<String>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    reason: Option<String>,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    if let Some(file) = &args.export {
        return export(&args.id, file, session).await;
    }
    let query = [("showHistory", "true".to_owned()), ("showHistoryOutput", "true".to_owned())];
    let url = session.api.durable(&["instances", args.id.as_str()], &query);
    let reply = session.api.send(session.api.get(url)).await?.accepted(&missing(&args.id))?;
    let events = reply.parse::<Reply>()?.history_events;
    let rows = events.iter().map(|event| serde_json::from_str::<Row>(event.get()).map(Row::cells));
    let rows = rows.collect::<Result<Vec<_>, _>>().map_err(|error| CliError::error(error.to_string()))?;
    session.output.many(&events, || output::table(&["TIME", "EVENT", "NAME", "WHAT"], rows))?;
    Ok(Exit::Done)
}

async fn export(id: &InstanceId, file: &Path, session: &Session) -> Result<Exit, CliError> {
    let url = session.api.own(&["instances", id.as_str(), "history"]);
    let reply = session.api.send(session.api.get(url)).await?.accepted(&missing(id))?;
    if file == Path::new("-") {
        output::print(&reply.body)?;
        return Ok(Exit::Done);
    }
    std::fs::write(file, &reply.body).with_context(|| file.display().to_string())?;
    let json = serde_json::json!({ "id": id, "exported": file }).to_string();
    session.output.one(&json, || format!("exported {id} to {}", file.display()))?;
    Ok(Exit::Done)
}

impl Row {
    fn cells(self) -> Vec<String> {
        let name = self.function_name.or(self.name).unwrap_or_default();
        let result = self.result.map(|result| text::compact(result.get()));
        let what = self.reason.or(result).or(self.fire_at).unwrap_or_default();
        vec![self.timestamp, self.event_type, name, what]
    }
}
