//! `dacapo rollback`: makes an older version of a module the active one again.

use super::Session;
use super::exit::{CliError, Exit};
use super::modules::Version;
use super::output;

/// Make an older version of a module the active one again: new starts, restarts and executions take it. Open instances
/// stay where they are.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The module.
    name: String,
    /// The version: its number, or the beginning of its digest. The newest before the active one when there is none.
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let query: Vec<_> = args.to.iter().map(|to| ("version", to.clone())).collect();
    let url = session.api.own_with(&["modules", &args.name, "activate"], &query);
    let missing = match &args.to {
        None => format!("there is no module '{}' on this server; `dacapo modules` shows those that are", args.name),
        Some(to) => format!("there is no version {to} of a module '{0}'; `dacapo modules {0}` shows them", args.name),
    };
    let reply = session.api.send(session.api.post(url, None)).await?.accepted(&missing)?;
    let version: Version = reply.parse()?;
    session.output.one(&reply.body, || output::table(Version::HEADER, vec![version.row()]))?;
    Ok(Exit::Done)
}
