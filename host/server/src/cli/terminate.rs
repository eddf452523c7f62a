//! `dacapo terminate`: ends an instance.

use super::Session;
use super::act::TERMINATE;
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
    TERMINATE.on(&args.id, args.reason, session).await
}
