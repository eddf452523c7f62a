//! `dacapo serve`: runs a server until it is told to stop.

use super::exit::{CliError, Exit};
use super::output;
use crate::app::App;
use crate::config::ServeConfig;
use crate::text_file::unmarked;
use anyhow::Context as _;
use clap::ValueEnum;
use dacapo_core::Limits;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Run a server. Prints `listening on http://ADDR` when it is ready; logs go to standard error.
///
/// Ends on SIGTERM or Ctrl-C, once requests and turns under way are done; a second one ends it at once.
/// The environment variable DACAPO_LOG chooses what is logged, such as `debug` or `warn,dacapo_runtime=trace`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder that holds everything that must survive; made when it is not there.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = super::DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// A TOML file with the sections [limits], [modules], [http], [secrets] and [activities]: bounds on instances, of all
    /// and of single modules, and where activities may send requests. What is said here on the command line counts more.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Memory that instances may hold between their turns, in MiB; 0: none, every turn replays its history.
    #[arg(long, value_name = "N")]
    warm_memory_mib: Option<u32>,
    /// CPU that one turn of an orchestrator may use, in milliseconds.
    #[arg(long, value_name = "N")]
    turn_cpu_ms: Option<u64>,
    /// CPU that one run of an activity may use, in milliseconds.
    #[arg(long, value_name = "N")]
    activity_cpu_ms: Option<u64>,
    /// The largest custom status, in whole KiB of UTF-16.
    #[arg(long, value_name = "N")]
    custom_status_kib: Option<usize>,
    /// The largest module that can be deployed, in MiB; 64 at most.
    #[arg(long, value_name = "N")]
    component_mib: Option<u32>,
    /// Believe `Forwarded` and `X-Forwarded-*`; only right behind a proxy that sets them.
    #[arg(long)]
    trust_proxy: bool,
    /// How log lines look.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What URLs in replies begin with, when clients reach this server by another address.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Listen on an address that others can reach, although nothing keeps them out.
    #[arg(long)]
    insecure: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

pub(crate) async fn run(args: Args) -> Result<Exit, CliError> {
    log_to_stderr(args.log_format)?;
    // Before the line is printed: who reads it may stop the server at once.
    let mut stop = StopSignals::new().context("cannot listen for signals")?;
    let app = App::serve(args.config()?).await?;
    output::print(&format!("listening on http://{}", app.addr()))?;
    tokio::select! {
        () = stop.next() => {}
        failure = app.failed() => end_the_process(app, &failure).await,
    }
    tracing::info!("stopping");
    tokio::select! {
        () = app.shutdown() => {}
        () = stop.next() => tracing::warn!("told to stop twice: leaving work under way to the next start"),
    }
    Ok(Exit::Done)
}

/// Ends the process, since the disk has failed. Not by returning: that would wait for reads, and one that hangs on the
/// disk could keep us for ever.
pub(super) async fn end_the_process(app: App, failure: &str) -> ! {
    app.abandon().await;
    CliError::new(
        Exit::DiskFailed,
        format!("the server has stopped, because {failure}; start it again once the disk is well"),
    )
    .print();
    std::process::exit(Exit::DiskFailed as i32)
}

impl Args {
    fn config(self) -> anyhow::Result<ServeConfig> {
        let mut default = ServeConfig::default();
        if let Some(file) = &self.config {
            let at = || format!("the configuration file {}", file.display());
            let text = std::fs::read_to_string(file).with_context(at)?;
            default = default.with_file(unmarked(&text), |name| std::env::var(name).ok()).with_context(at)?;
        }
        Ok(ServeConfig {
            data: self.data,
            listen: self.listen,
            warm_memory_bytes: self.warm_memory_mib.map_or(default.warm_memory_bytes, bytes),
            turn_cpu_ms: self.turn_cpu_ms.unwrap_or(default.turn_cpu_ms),
            activity_cpu_ms: self.activity_cpu_ms.unwrap_or(default.activity_cpu_ms),
            component_bytes: self.component_mib.map_or(default.component_bytes, bytes),
            limits: Limits {
                custom_status_kib: self.custom_status_kib.unwrap_or(default.limits.custom_status_kib),
                ..default.limits
            },
            trust_proxy: self.trust_proxy,
            public_url: self.public_url,
            // Ourselves, as `dacapo compile-module`. Unknown only where the file system hides it from us.
            compiler: std::env::current_exe().ok(),
            insecure: self.insecure,
            ..default
        })
    }
}

/// More than the machine can address is as much as it can.
fn bytes(mib: u32) -> usize {
    usize::try_from(u64::from(mib) << 20).unwrap_or(usize::MAX)
}

pub(super) fn log_to_stderr(format: LogFormat) -> Result<(), CliError> {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).with_env_var("DACAPO_LOG");
    let filter =
        filter.from_env().context("DACAPO_LOG is not a filter such as `debug` or `warn,dacapo_runtime=trace`")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| CliError::error(format!("cannot start logging: {error}")))
}

/// SIGTERM and SIGINT.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn config(args: &[&str]) -> ServeConfig {
        let cli = Cli::try_parse_from([&["dacapo", "serve", "--data", "d"], args].concat()).expect("valid");
        let Command::Serve(args) = cli.command else { panic!("is serve") };
        args.config().expect("no file is read")
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let (found, default) = (config(&[]), ServeConfig::default());
        assert_eq!((found.data, found.listen.to_string()), (PathBuf::from("d"), "127.0.0.1:7071".to_owned()));
        assert_eq!((found.warm_memory_bytes, found.insecure), (default.warm_memory_bytes, false));
    }

    #[test]
    fn every_option_arrives() {
        let args = ["--listen", "[::]:0", "--warm-memory-mib", "0", "--public-url", "https://x", "--insecure"];
        let found = config(&args);
        assert_eq!((found.listen.to_string(), found.warm_memory_bytes), ("[::]:0".to_owned(), 0));
        assert_eq!((found.public_url.as_deref(), found.insecure), (Some("https://x"), true));
        let limits =
            ["--turn-cpu-ms", "5", "--activity-cpu-ms", "6", "--custom-status-kib", "7", "--component-mib", "8"];
        let found = config(&[&limits[..], &["--trust-proxy"]].concat());
        assert_eq!((found.turn_cpu_ms, found.activity_cpu_ms, found.limits.custom_status_kib), (5, 6, 7));
        assert_eq!((found.component_bytes, found.trust_proxy), (8 << 20, true));
        assert_eq!(config(&["--warm-memory-mib", "3"]).warm_memory_bytes, 3 << 20);
    }
}
