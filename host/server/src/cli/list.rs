//! `dacapo list`: shows many instances.

use super::Session;
use super::exit::{CliError, Exit};
use super::filter::Filter;
use super::output::{self, Format};
use super::text;
use super::view::View;
use reqwest::header::HeaderValue;
use serde_json::value::RawValue;

/// The most that the server puts on one page.
const PAGE: usize = 1_000;

/// Where the next page begins.
const CONTINUATION: &str = "x-ms-continuation-token";

/// How much of a custom status a table shows, in characters.
const STATUS_CHARS: usize = 60;

/// Show instances in the order of their creation.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// With ids that begin so.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Of this orchestrator.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// All of them.
    #[arg(long, conflicts_with = "top")]
    all: bool,
}

impl Args {
    fn wanted(&self) -> usize {
        if self.all { usize::MAX } else { usize::try_from(self.top).unwrap_or(usize::MAX) }
    }

    /// The query for a page of at most `top`.
    fn query(&self, top: usize, show_input: bool) -> Vec<(&'static str, String)> {
        let mut query = vec![("top", top.to_string()), ("showInput", show_input.to_string())];
        query.extend(self.prefix.clone().map(|prefix| ("instanceIdPrefix", prefix)));
        query.extend(self.name.clone().map(|name| ("name", name)));
        query.extend(self.filter.query());
        query
    }
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    let (mut found, mut rest, mut next) = (vec![], args.wanted(), None);
    loop {
        let mut page = page(&args, rest.min(PAGE), next.take(), session).await?;
        rest = rest.saturating_sub(page.instances.len());
        next = page.next;
        match session.output.format() {
            // A line needs no other line: nothing has to be kept.
            Format::Jsonl => session.output.many(&page.instances, String::new)?,
            Format::Table | Format::Json => found.append(&mut page.instances),
        }
        if next.is_none() || rest == 0 {
            break;
        }
    }
    if session.output.format() != Format::Jsonl {
        let rows = found.iter().map(|json| row(json)).collect::<Result<_, _>>()?;
        session.output.many(&found, || output::table(&HEADER, rows))?;
    }
    if next.is_some() {
        eprintln!("there are more: --all shows all of them, --top N more of them");
    }
    Ok(Exit::Done)
}

struct Page {
    instances: Vec<Box<RawValue>>,
    next: Option<HeaderValue>,
}

async fn page(args: &Args, top: usize, from: Option<HeaderValue>, session: &Session) -> Result<Page, CliError> {
    let show_input = session.output.format() != Format::Table;
    let mut request = session.api.get(session.api.durable(&["instances"], &args.query(top, show_input)));
    if let Some(from) = from {
        request = request.header(CONTINUATION, from);
    }
    let reply = session.api.send(request).await?.accepted("this server lists no instances: is it a Dacapo?")?;
    let next = reply.headers.get(CONTINUATION).filter(|token| !token.is_empty()).cloned();
    Ok(Page { instances: reply.parse()?, next })
}

const HEADER: [&str; 6] = ["ID", "ORCHESTRATOR", "STATE", "CUSTOM STATUS", "CREATED", "UPDATED"];

fn row(json: &RawValue) -> Result<Vec<String>, CliError> {
    let view = View::parse(json.get())?;
    let custom_status = text::shortened(&view.custom_status(), STATUS_CHARS);
    let state = view.runtime_status.to_string();
    Ok(vec![view.instance_id, view.name, state, custom_status, view.created_time, view.last_updated_time])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        let cli = Cli::try_parse_from([&["dacapo", "list"], args].concat())?;
        let Command::List(args) = cli.command else { panic!("is list") };
        Ok(args)
    }

    #[test]
    fn every_filter_becomes_a_part_of_the_query() {
        let args = [
            "--prefix",
            "o-",
            "--name",
            "F",
            "--status",
            "running",
            "--status",
            "Failed",
            "--created-to",
            "2026-01-31",
        ];
        let query = parse(&args).expect("valid").query(7, true);
        let wanted = [
            ("top", "7"),
            ("showInput", "true"),
            ("instanceIdPrefix", "o-"),
            ("name", "F"),
            ("createdTimeTo", "2026-01-31T00:00:00Z"),
            ("runtimeStatus", "Running,Failed"),
        ];
        assert_eq!(query, wanted.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn all_or_a_number_of_them() {
        assert_eq!(parse(&[]).expect("valid").wanted(), 100);
        assert_eq!(parse(&["--top", "5000"]).expect("valid").wanted(), 5_000);
        assert_eq!(parse(&["--all"]).expect("valid").wanted(), usize::MAX);
        assert!(parse(&["--all", "--top", "1"]).is_err());
        assert!(parse(&["--top", "0"]).is_err());
    }

    #[test]
    fn a_row_shows_the_beginning_of_a_long_status() {
        let json = format!(
            r#"{{"name":"F","instanceId":"a","runtimeStatus":"Running","customStatus":"{}"}}"#,
            "x".repeat(500)
        );
        let raw: &RawValue = serde_json::from_str(&json).expect("JSON");
        assert_eq!(row(raw).expect("a row")[3].chars().count(), STATUS_CHARS);
    }
}
