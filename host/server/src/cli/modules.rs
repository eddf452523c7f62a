//! `dacapo modules`: what is deployed, and its end.

use super::Session;
use super::api;
use super::exit::{CliError, Exit};
use super::output;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::value::RawValue;

/// How much of a digest is shown, in hex digits.
const SHORT_DIGEST: usize = 12;

/// Show what is deployed; `modules delete` deletes a version.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Show all versions of this module.
    name: Option<String>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Delete a version that no unfinished instance is on.
    Delete {
        /// The module.
        name: String,
        /// The version's number.
        version: u32,
    },
}

/// One version of a module, as the server tells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Version {
    pub(super) name: String,
    pub(super) version: u32,
    digest: String,
    #[serde(default)]
    orchestrators: Vec<String>,
    #[serde(default)]
    activities: Vec<String>,
    #[serde(default)]
    active: Option<bool>,
    /// Unfinished instances that are on it.
    #[serde(default)]
    instances: Option<u64>,
}

#[derive(Deserialize)]
struct Module {
    versions: Vec<Box<RawValue>>,
}

impl Version {
    /// The header of a table of versions.
    pub(crate) const HEADER: &[&str] = &["MODULE", "VERSION", "DIGEST", "INSTANCES", "ORCHESTRATORS", "ACTIVITIES"];

    /// Reads a version.
    pub(crate) fn parse(json: &RawValue) -> Result<Self, CliError> {
        api::parse(json.get())
    }

    /// Its row in a table.
    pub(crate) fn row(&self) -> Vec<String> {
        let version = match self.active {
            Some(false) => format!("{} (replaced)", self.version),
            Some(true) | None => self.version.to_string(),
        };
        let digest = self.digest.chars().take(SHORT_DIGEST).collect();
        let instances = self.instances.map(|instances| instances.to_string()).unwrap_or_default();
        vec![self.name.clone(), version, digest, instances, self.orchestrators.join(", "), self.activities.join(", ")]
    }
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    match (args.action, args.name) {
        (Some(Action::Delete { name, version }), _) => delete(&name, version, session).await,
        (None, Some(name)) => {
            let url = session.api.own(&["modules", &name]);
            let reply = session.api.send(session.api.get(url)).await?.accepted(&missing(&name))?;
            show(&reply.parse::<Module>()?.versions, session)
        }
        (None, None) => {
            let url = session.api.own(&["modules"]);
            let reply = session.api.send(session.api.get(url)).await?;
            show(&reply.accepted("this server has no modules: is it a Dacapo?")?.parse::<Vec<_>>()?, session)
        }
    }
}

async fn delete(name: &str, version: u32, session: &Session) -> Result<Exit, CliError> {
    let url = session.api.own(&["modules", name, "versions", &version.to_string()]);
    let missing =
        format!("there is no version {version} of a module '{name}'; `dacapo modules NAME` shows a module's versions");
    session.api.send(session.api.delete(url)).await?.accepted(&missing)?;
    let json = serde_json::json!({ "name": name, "version": version, "deleted": true }).to_string();
    session.output.one(&json, || format!("deleted version {version} of '{name}'"))?;
    Ok(Exit::Done)
}

fn show(versions: &[Box<RawValue>], session: &Session) -> Result<Exit, CliError> {
    let rows = versions.iter().map(|json| Ok(Version::parse(json)?.row())).collect::<Result<_, CliError>>()?;
    session.output.many(versions, || output::table(Version::HEADER, rows))?;
    Ok(Exit::Done)
}

fn missing(name: &str) -> String {
    format!("there is no module '{name}' on this server; `dacapo modules` shows those that are")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn parse(args: &[&str]) -> Args {
        let cli = Cli::try_parse_from([&["dacapo", "modules"], args].concat()).expect("valid");
        let Command::Modules(args) = cli.command else { panic!("is modules") };
        args
    }

    #[test]
    fn shows_all_or_one_or_deletes() {
        assert!(parse(&[]).name.is_none() && parse(&[]).action.is_none());
        assert_eq!(parse(&["Cities"]).name.as_deref(), Some("Cities"));
        let Some(Action::Delete { name, version }) = parse(&["delete", "Cities", "2"]).action else {
            panic!("deletes")
        };
        assert_eq!((name.as_str(), version), ("Cities", 2));
    }

    #[test]
    fn a_row_names_what_the_module_exports() {
        let json = r#"{"name":"M","version":2,"digest":"0123456789abcdef","orchestrators":["A","B"],"activities":[],
            "imports":[],"active":false,"instances":3}"#;
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        let row = Version::parse(raw).expect("a version").row();
        assert_eq!(row, ["M", "2 (replaced)", "0123456789ab", "3", "A, B", ""]);
    }
}
