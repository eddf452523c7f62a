//! `dacapo upgrade`: moves an open instance to another version of its module.

use super::Session;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use super::modules::Version;
use dacapo_core::InstanceId;

/// Move an open instance to another version of its module, if what has happened to it replays there. A failed one can be
/// rewound there.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// The version: its number, or the beginning of its digest.
    #[arg(long, value_name = "VERSION")]
    to: String,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let url = session.api.own_with(&["instances", args.id.as_str(), "upgrade"], &[("to", args.to)]);
    let reply = session.api.send(session.api.post(url, None)).await?.accepted(&missing(&args.id))?;
    let Version { name, version, .. } = reply.parse()?;
    session.output.one(&reply.body, || format!("{} is on version {version} of '{name}'", args.id))?;
    Ok(Exit::Done)
}
