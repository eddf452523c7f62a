//! `dacapo suspend`, `resume`, `rewind`, and with a reason of its own `terminate`: one act on one instance.

use super::Session;
use super::changes::missing;
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use dacapo_core::InstanceId;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// Why; kept in the history.
    #[arg(long)]
    reason: Option<String>,
}

/// What is done to an instance: the word in the address, and the one for what has been done.
#[derive(Clone, Copy)]
pub(super) struct Act(&'static str, &'static str);

pub(super) const SUSPEND: Act = Act("suspend", "suspended");
pub(super) const RESUME: Act = Act("resume", "resumed");
pub(super) const REWIND: Act = Act("rewind", "rewound");
pub(super) const TERMINATE: Act = Act("terminate", "terminated");

impl Act {
    pub(super) async fn run(self, args: Args, session: &Session) -> Result<Exit, CliError> {
        self.on(&args.id, args.reason, session).await
    }

    pub(super) async fn on(self, id: &InstanceId, reason: Option<String>, session: &Session) -> Result<Exit, CliError> {
        let Self(act, done) = self;
        let query: Vec<(&str, String)> = reason.map(|reason| ("reason", reason)).into_iter().collect();
        let url = session.api.durable(&["instances", id.as_str(), act], &query);
        session.api.send(session.api.post(url, None)).await?.accepted(&missing(id))?;
        let json = serde_json::json!({ "id": id, done: true }).to_string();
        session.output.one(&json, || format!("{done} {id}"))?;
        Ok(Exit::Done)
    }
}
