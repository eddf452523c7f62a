//! The command line: each subcommand in a file named after it (those that only name an act in `act`); what they share in
//! the others.
//!
//! | module | holds |
//! |---|---|
//! | `api` | calls of a server, and what its answers mean |
//! | `changes` | the statuses of one instance as they change: by event stream, or by long poll |
//! | `events` | the format of event streams |
//! | `exit` | exit codes, and errors that say what to do |
//! | `filter` | which instances are meant |
//! | `input` | JSON given as an argument, a file or standard input |
//! | `output` | tables, JSON and JSON lines on standard output |
//! | `progress` | the bar for statuses that say how far they are |
//! | `text` | JSON laid out, and hostile text made harmless |
//! | `view` | the status of an instance as the server tells it |

mod act;
mod api;
mod backup;
mod build;
mod changes;
mod check_store;
mod compile_module;
mod deploy;
mod dev;
mod events;
mod exit;
mod filter;
mod health;
mod history;
mod input;
mod list;
mod modules;
mod new;
mod output;
mod progress;
mod purge;
mod raise;
mod replay;
mod restart;
mod rollback;
mod serve;
mod start;
mod status;
mod terminate;
mod text;
mod timeline;
mod upgrade;
mod view;

use api::Api;
use clap::{Parser, Subcommand};
use exit::{CliError, Exit};
use output::{Format, Output};
use reqwest::Url;
use std::future::Future;
use std::process::ExitCode;
use tokio::runtime::Builder;

/// The address of `serve`, and (with `http://`) where the other commands look for a server.
const DEFAULT_LISTEN: &str = "127.0.0.1:7071";

/// The heading in `--help` of options that every command has.
const EVERYWHERE: &str = "Options of every command";

/// Durable orchestrations, written as WebAssembly components.
#[derive(Parser)]
#[command(name = "dacapo", version, after_help = exit::HELP)]
struct Cli {
    /// The server to talk to.
    #[arg(long, global = true, env = "DACAPO_SERVER", value_name = "URL", value_parser = api::server_url)]
    #[arg(default_value = "http://127.0.0.1:7071", help_heading = EVERYWHERE)]
    server: Url,
    /// How results are printed: for people, as one JSON document, or as one JSON document per line.
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    #[arg(help_heading = EVERYWHERE)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    New(new::Args),
    Build(build::Args),
    Dev(dev::Args),
    Deploy(deploy::Args),
    Modules(modules::Args),
    Rollback(rollback::Args),
    Start(start::Args),
    Status(status::Args),
    Raise(raise::Args),
    List(list::Args),
    Terminate(terminate::Args),
    /// Let an instance stand still; what arrives for it is kept.
    Suspend(act::Args),
    /// Let a suspended instance go on.
    Resume(act::Args),
    /// Let a failed instance go on from where it failed: what failed runs again, what succeeded is kept.
    Rewind(act::Args),
    Restart(restart::Args),
    History(history::Args),
    Timeline(timeline::Args),
    Replay(replay::Args),
    Upgrade(upgrade::Args),
    Purge(purge::Args),
    Health(health::Args),
    Backup(backup::Args),
    CheckStore(check_store::Args),
    #[command(hide = true)]
    CompileModule(compile_module::Args),
}

/// What every command that talks to a server gets.
struct Session {
    api: Api,
    output: Output,
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let exit = run(Cli::parse()).unwrap_or_else(|error| {
        error.print();
        error.exit()
    });
    exit.into()
}

fn run(cli: Cli) -> Result<Exit, CliError> {
    match cli.command {
        Command::Serve(args) => block_on(Builder::new_multi_thread(), serve::run(args)),
        Command::CompileModule(args) => compile_module::run(args),
        Command::New(args) => new::run(args),
        Command::Backup(args) => backup::run(args, cli.output),
        Command::CheckStore(args) => check_store::run(args, cli.output),
        Command::Build(args) => {
            block_on(Builder::new_multi_thread(), async { build::run(args, &Output::new(cli.output)).await })
        }
        Command::Dev(args) => block_on(Builder::new_multi_thread(), dev::run(args)),
        Command::Replay(args) => block_on(Builder::new_multi_thread(), replay::run(args, cli.output)),
        command => {
            let session = Session { api: Api::new(cli.server)?, output: Output::new(cli.output) };
            block_on(Builder::new_current_thread(), call(command, &session))
        }
    }
}

fn block_on<T>(mut builder: Builder, work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    builder.enable_all().build()?.block_on(work)
}

async fn call(command: Command, session: &Session) -> Result<Exit, CliError> {
    match command {
        Command::Deploy(args) => deploy::run(args, session).await,
        Command::Modules(args) => modules::run(args, session).await,
        Command::Rollback(args) => rollback::run(args, session).await,
        Command::Start(args) => start::run(args, session).await,
        Command::Status(args) => status::run(args, session).await,
        Command::Raise(args) => raise::run(args, session).await,
        Command::List(args) => list::run(args, session).await,
        Command::Terminate(args) => terminate::run(args, session).await,
        Command::Suspend(args) => act::SUSPEND.run(args, session).await,
        Command::Resume(args) => act::RESUME.run(args, session).await,
        Command::Rewind(args) => act::REWIND.run(args, session).await,
        Command::Restart(args) => restart::run(args, session).await,
        Command::History(args) => history::run(args, session).await,
        Command::Timeline(args) => timeline::run(args, session).await,
        Command::Upgrade(args) => upgrade::run(args, session).await,
        Command::Purge(args) => purge::run(args, session).await,
        Command::Health(args) => health::run(args, session).await,
        Command::Serve(_)
        | Command::New(_)
        | Command::Build(_)
        | Command::Dev(_)
        | Command::CompileModule(_)
        | Command::Backup(_)
        | Command::CheckStore(_)
        | Command::Replay(_) => Err(CliError::error("this command talks to no server")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn both_defaults_name_one_address() {
        let cli = Cli::try_parse_from(["dacapo", "list"]).expect("valid");
        assert_eq!(cli.server.as_str(), format!("http://{DEFAULT_LISTEN}/"));
        assert_eq!(cli.output, Format::Table);
    }

    #[test]
    fn global_options_may_come_last() {
        let cli = Cli::try_parse_from(["dacapo", "list", "--server", "localhost:80", "-o", "jsonl"]).expect("valid");
        assert_eq!(cli.server.as_str(), "http://localhost/");
        assert_eq!(cli.output, Format::Jsonl);
    }

    #[test]
    fn a_wrong_use_has_its_own_exit_code() {
        for args in [vec!["dacapo"], vec!["dacapo", "frobnicate"], vec!["dacapo", "status"]] {
            let Err(error) = Cli::try_parse_from(args) else { panic!("is wrong") };
            assert_eq!(error.exit_code(), 2);
        }
    }
}
