//! `dacapo restart`: starts an instance anew.

use super::Session;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use super::start::Started;
use dacapo_core::InstanceId;

/// Start an instance anew, with the same orchestrator and input, on the active version.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// Under the same id, which must have ended; without it, a new id is drawn.
    #[arg(long)]
    same_id: bool,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let query = [("restartWithNewInstanceId", (!args.same_id).to_string())];
    let url = session.api.durable(&["instances", args.id.as_str(), "restart"], &query);
    let reply = session.api.send(session.api.post(url, None)).await?.accepted(&missing(&args.id))?;
    reply.parse::<Started>()?.show(&reply.body, session)
}
