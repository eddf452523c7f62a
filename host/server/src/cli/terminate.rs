//! `dacapo terminate`: ends an instance.

use super::Session;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use dacapo_core::InstanceId;

/// End an instance that has not finished.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// Why; becomes the instance's output.
    #[arg(long)]
    reason: Option<String>,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let id = args.id.as_str();
    let query: Vec<(&str, String)> = args.reason.map(|reason| ("reason", reason)).into_iter().collect();
    let url = session.api.durable(&["instances", id, "terminate"], &query);
    session.api.send(session.api.post(url, None)).await?.accepted(&missing(&args.id))?;
    let json = serde_json::json!({ "id": id, "terminated": true }).to_string();
    session.output.one(&json, || format!("terminated {id}"))?;
    Ok(Exit::Done)
}
