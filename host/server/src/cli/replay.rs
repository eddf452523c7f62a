//! `dacapo replay`: plays exported histories on a build, without a server.

use super::exit::{CliError, Exit};
use super::output::{self, Format};
use super::text;
use crate::moment::Moment;
use crate::project::component::{self, Prepared};
use crate::text_file::unmarked;
use anyhow::Context as _;
use dacapo_core::replay::Mismatch;
use dacapo_core::{Event, Limits};
use dacapo_runtime::export::{HistoryFile, Played, Replay, ReplayError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Play exported histories on a build, without a server. Shows each event and command, and stops where the build does
/// something else than a history says.
///
/// Exit code 0: it does all of it again. 6: it does not.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files that `dacapo history ID --export FILE` wrote.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The build to play it on.
    #[arg(long, value_name = "WASM")]
    module: PathBuf,
    /// Stop after this command, and show what is in flight then.
    #[arg(long, value_name = "N")]
    break_at: Option<u32>,
    /// Write each call that the build makes of its host to standard error: the function, what it was given, what it got.
    #[arg(long)]
    trace: bool,
}

pub(crate) async fn run(args: Args, format: Format) -> Result<Exit, CliError> {
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        HistoryFile::parse(unmarked(&text)).map_err(|error| error_of(file, error))
    };
    let histories = args.files.iter().map(read).collect::<Result<Vec<_>, CliError>>()?;
    let prepared = component::prepare(&args.module).await?;
    if args.trace {
        trace_host_calls()?;
    }
    let mut shown = Shown { format, items: Vec::new() };
    let mut end = Exit::Done;
    for (file, history) in args.files.iter().zip(histories) {
        if args.files.len() > 1 {
            shown.file(file)?;
        }
        if replay(&prepared, file, history, args.break_at, &mut shown).await? != Exit::Done {
            end = Exit::Conflict;
        }
    }
    shown.end(end)
}

/// Plays one history. Not [`Exit::Done`]: the build does something else.
async fn replay(
    prepared: &Prepared,
    file: &Path,
    history: HistoryFile,
    break_at: Option<u32>,
    shown: &mut Shown,
) -> Result<Exit, CliError> {
    let (guests, build) = (&prepared.guests, &prepared.version);
    if dacapo_core::ids::find_name(&build.orchestrators, &history.name).is_none() {
        let there = build.orchestrators.join(", ");
        let message = format!("the build does not export the orchestrator '{}'; it exports: {there}", history.name);
        return Err(CliError::new(Exit::Conflict, message).of(&file.display().to_string()));
    }
    let replay = history.replay(&*guests.orchestrators, build, Limits::default()).await;
    let mut replay = replay.map_err(|error| error_of(file, error))?;
    while let Some(turn) = replay.next().await {
        match turn {
            Ok(played) => {
                let stop = break_at.filter(|at| *at < replay.commands());
                shown.turn(&played, stop.map(|at| at + 1))?;
                if stop.is_some() {
                    shown.in_flight(&replay)?;
                    return Ok(Exit::Done);
                }
            }
            Err(ReplayError::Diverged { turn, first_command, mismatch }) => {
                let played = Played { turn: *turn, first_command, by_the_host: false };
                shown.turn(&played, Some(mismatch.index))?;
                shown.divergence(&mismatch)?;
                return Ok(Exit::Conflict);
            }
            Err(error) => return Err(error_of(file, error)),
        }
    }
    let commands = replay.commands();
    if let Some(at) = break_at {
        let message = format!("there is no command {at}: the history has {commands} commands");
        return Err(CliError::new(Exit::NotFound, message));
    }
    shown.agreement(commands)?;
    Ok(Exit::Done)
}

/// Nothing that differs from one play to the next is written: what is traced can be compared.
fn trace_host_calls() -> Result<(), CliError> {
    let calls = Targets::new().with_target("dacapo_wasm", Level::TRACE).with_target("wasmtime_wasi", Level::TRACE);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let lines = lines.without_time().with_level(false).with_target(false);
    let traced = tracing_subscriber::registry().with(lines.with_filter(calls)).try_init();
    traced.map_err(|error| CliError::error(error.to_string()))
}

fn error_of(file: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::error(error.to_string()).of(&file.display().to_string())
}

/// What has been shown so far.
struct Shown {
    format: Format,
    /// Of [`Format::Json`], which is one document.
    items: Vec<Value>,
}

impl Shown {
    fn show(&mut self, lines: impl FnOnce() -> String, value: impl FnOnce() -> Value) -> Result<(), CliError> {
        match self.format {
            Format::Table => output::print(&lines()),
            Format::Jsonl => output::print(&value().to_string()),
            Format::Json => {
                self.items.push(value());
                Ok(())
            }
        }
    }

    /// What follows is of this file.
    fn file(&mut self, file: &Path) -> Result<(), CliError> {
        self.show(|| text::one_line(&file.display().to_string()), || json!({ "file": file }))
    }

    /// A turn; with `before`, only commands before that one.
    fn turn(&mut self, played: &Played, before: Option<u32>) -> Result<(), CliError> {
        let Played { turn, first_command, by_the_host } = played;
        let mut number = *first_command;
        let mut events = Vec::new();
        for event in &turn.record.events {
            if event.is_arrival() {
                events.push((None, event));
            } else {
                if before.is_none_or(|before| number < before) {
                    events.push((Some(number), event));
                }
                number += 1;
            }
        }
        let status = turn.record.custom_status.as_ref().map(|status| text::compact(status.as_str()));
        let lines = || {
            let host = if *by_the_host { "  (by the host: the build is not asked)" } else { "" };
            let mut lines = vec![format!("turn {}  {}{host}", turn.seq, Moment(turn.record.at_ms))];
            lines.extend(events.iter().map(|(number, event)| match number {
                None => format!("     < {}", described(event)),
                Some(number) => format!("{number:>4} > {}", described(event)),
            }));
            lines.extend(status.as_ref().map(|status| format!("     = custom status {status}")));
            lines.join("\n")
        };
        self.show(lines, || {
            let events: Vec<Value> =
                events.iter().map(|(number, event)| json!({ "command": number, "event": event })).collect();
            json!({
                "turn": turn.seq, "atMs": turn.record.at_ms, "byTheHost": by_the_host, "events": events,
                "customStatus": turn.record.custom_status,
            })
        })
    }

    fn divergence(&mut self, mismatch: &Mismatch) -> Result<(), CliError> {
        let side = |event: &Option<Event>, none: &str| event.as_ref().map_or_else(|| none.to_owned(), described);
        let lines = || {
            format!(
                "it diverges at command {} (turn {})\n  the history has  {}\n  the build wants  {}\n  likely cause: {}",
                mismatch.index,
                mismatch.turn,
                side(&mismatch.expected, "no further command in this turn"),
                side(&mismatch.found, "no further command: it waits"),
                mismatch.likely_cause(),
            )
        };
        self.show(lines, || {
            json!({ "diverges": {
                "command": mismatch.index, "turn": mismatch.turn, "expected": mismatch.expected,
                "found": mismatch.found, "likelyCause": mismatch.likely_cause(),
            } })
        })
    }

    fn in_flight(&mut self, replay: &Replay) -> Result<(), CliError> {
        let (activities, children, next_timer) = replay.in_flight();
        let lines = || {
            let mut lines = vec!["in flight at the end of this turn".to_owned()];
            lines.extend(activities.iter().map(|call| format!("  activity {} as task {}", call.name, call.task)));
            lines.extend(
                children
                    .iter()
                    .map(|child| format!("  child {} '{}' as task {}", child.name, child.instance_id, child.task)),
            );
            lines.extend(next_timer.map(|at_ms| format!("  next timer {}", Moment(at_ms))));
            lines.join("\n")
        };
        self.show(lines, || {
            let activities: Vec<Value> =
                activities.iter().map(|call| json!({ "name": call.name, "task": call.task })).collect();
            let children: Vec<Value> = children
                .iter()
                .map(|child| json!({ "name": child.name, "instanceId": child.instance_id, "task": child.task }))
                .collect();
            json!({ "inFlight": { "activities": activities, "children": children, "nextTimerMs": next_timer } })
        })
    }

    fn agreement(&mut self, commands: u32) -> Result<(), CliError> {
        self.show(
            || format!("it replays: {commands} commands are the same"),
            || json!({ "replays": true, "commands": commands }),
        )
    }

    fn end(self, exit: Exit) -> Result<Exit, CliError> {
        if self.format == Format::Json {
            output::print(&text::pretty(&Value::Array(self.items).to_string()))?;
        }
        Ok(exit)
    }
}

/// The kind of an event, and what it says.
fn described(event: &Event) -> String {
    let Ok(Value::Object(tagged)) = serde_json::to_value(event) else { return format!("{event:?}") };
    let mut words = Vec::new();
    for (kind, fields) in tagged {
        words.push(kind);
        if let Value::Object(fields) = fields {
            words.extend(fields.into_iter().map(|(name, value)| format!("{name}={value}")));
        }
    }
    text::one_line(&words.join(" "))
}
