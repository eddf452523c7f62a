//! `dacapo purge`: deletes finished instances with their histories.

use super::Session;
use super::api::Reply;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::{Filter, instance_id};
use dacapo_core::InstanceId;
use reqwest::StatusCode;

/// Delete one instance, or all finished ones that were created since a time, with their histories.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id, required_unless_present = "created_from")]
    #[arg(conflicts_with_all = ["created_from", "created_to", "status"])]
    id: Option<InstanceId>,
    /// Delete it even when it has not finished.
    #[arg(long, conflicts_with_all = ["created_from", "created_to", "status"])]
    force: bool,
    #[command(flatten)]
    filter: Filter,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let reply = match &args.id {
        Some(id) => one(id, args.force, session).await?,
        None => many(&args.filter, session).await?,
    };
    let deleted = reply.parse::<serde_json::Value>()?["instancesDeleted"].as_u64().unwrap_or_default();
    session.output.one(&reply.body, || format!("deleted {deleted} instance{}", if deleted == 1 { "" } else { "s" }))?;
    Ok(Exit::Done)
}

async fn one(id: &InstanceId, force: bool, session: &Session) -> Result<Reply, CliError> {
    let query: &[(&str, String)] = if force { &[("force", "true".into())] } else { &[] };
    let url = session.api.durable(&["instances", id.as_str()], query);
    session.api.send(session.api.delete(url)).await?.accepted(&missing(id))
}

async fn many(filter: &Filter, session: &Session) -> Result<Reply, CliError> {
    let url = session.api.durable(&["instances"], &filter.query());
    let reply = session.api.send(session.api.delete(url)).await?;
    match reply.status {
        // The server calls it "not found" when nothing matched; for a clean-up that is as good as done.
        StatusCode::NOT_FOUND => Ok(Reply { body: r#"{"instancesDeleted":0}"#.into(), ..reply }),
        _ => reply.accepted(""),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser as _;

    fn is_valid(args: &[&str]) -> bool {
        Cli::try_parse_from([&["dacapo", "purge"], args].concat()).is_ok()
    }

    #[test]
    fn either_one_instance_or_a_filter_with_a_beginning() {
        assert!(is_valid(&["a"]));
        assert!(is_valid(&["a", "--force"]));
        assert!(is_valid(&["--created-from", "2026-01-31", "--status", "failed", "--status", "Completed"]));
        for wrong in [
            &[][..],
            &["--force"],
            &["--status", "Failed"],
            &["a", "--created-from", "2026-01-31"],
            &["--created-from", "2026-01-31", "--force"],
            &["--created-from", "2026-01-31", "--status", "Fialed"],
        ] {
            assert!(!is_valid(wrong), "{wrong:?}");
        }
    }
}
