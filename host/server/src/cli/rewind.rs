//! `dacapo rewind`: lets a failed instance go on.

use super::Session;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use dacapo_core::InstanceId;

/// Let a failed instance go on from where it failed: what failed runs again, what succeeded is kept.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// Why; kept in the history.
    #[arg(long)]
    reason: Option<String>,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let id = args.id.as_str();
    let query: Vec<(&str, String)> = args.reason.map(|reason| ("reason", reason)).into_iter().collect();
    let url = session.api.durable(&["instances", id, "rewind"], &query);
    session.api.send(session.api.post(url, None)).await?.accepted(&missing(&args.id))?;
    let json = serde_json::json!({ "id": id, "rewound": true }).to_string();
    session.output.one(&json, || format!("rewound {id}"))?;
    Ok(Exit::Done)
}
