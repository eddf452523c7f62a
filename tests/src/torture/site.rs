//! A data folder with the real program on it, which is started again whenever it ends, as an operator's supervisor would.

use super::control::Control;
use super::flows::{Flow, ORDER_STEPS};
use super::ledger::{Figures, Ledger};
use super::library::library;
use crate::api::Api;
use crate::program::Program;
use crate::server::{guest, sample};
use crate::service::{Received, Service, answer};
use anyhow::{Context as _, Result, bail, ensure};
use axum::response::Response;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// Modules that are deployed.
const SAMPLES: [&str; 8] = ["Approval", "Cities", "FailOnce", "Monitor", "Orders", "Status", "Tickets", "Workloads"];
/// How often a program may end before it listens, one time after the other.
const ATTEMPTS: usize = 40;
/// How long a supervisor waits before it starts a program again that could not start.
const PAUSE: Duration = Duration::from_millis(100);
/// How long something may take that must come.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How a site is set up.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Whether everything that is done to the files is written down.
    pub recorded: bool,
    /// Further arguments of `dacapo serve`.
    pub args: Vec<String>,
    /// Begins with a copy of this folder instead of an empty one.
    pub copy_of: Option<PathBuf>,
}

/// A data folder, what runs on it, and what is known of it.
pub struct Site {
    /// What the world knows.
    pub ledger: Arc<Ledger>,
    /// Steers the disk and the clock of the program.
    pub control: Control,
    /// The program's API, while it listens.
    api: watch::Receiver<Option<Api>>,
    publish: watch::Sender<Option<Api>>,
    running: Mutex<Option<Running>>,
    service: Service,
    args: Vec<String>,
    folder: TempDir,
    root: PathBuf,
    recording: Option<PathBuf>,
}

struct Running {
    pid: u32,
    /// How it has ended, once it has.
    end: watch::Receiver<Option<ExitStatus>>,
}

impl Running {
    fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }

    fn signal(&self, name: &str) -> Result<()> {
        // What has ended is nobody's any more: its number may be somebody else's by now.
        ensure!(!self.has_ended(), "it has ended");
        let pid = self.pid.to_string();
        ensure!(Command::new("kill").args([&format!("-{name}"), &pid]).status()?.success(), "kill -{name} {pid}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing stays behind; who has stopped it has nothing left to end.
        let _ = self.signal("KILL");
    }
}

impl Site {
    /// A new one; nothing runs yet. `ledger`: that of the site whose folder it goes on with.
    pub async fn new(setting: Setting, ledger: Option<Arc<Ledger>>) -> Result<Site> {
        let folder = tempfile::Builder::new().prefix("dacapo-torture-").tempdir()?;
        let base = folder.path().canonicalize()?;
        let root = base.join("root");
        std::fs::create_dir(&root)?;
        if let Some(from) = &setting.copy_of {
            copy_folder(from, &root)?;
        }
        let recording = setting.recorded.then(|| base.join("recording"));
        if let Some(recording) = &recording {
            std::fs::File::create(recording)?;
        }
        let ledger = ledger.unwrap_or_else(|| Arc::new(Ledger::new(recording.clone())));
        let control = Control::create(&base.join("control"), setting.recorded)?;
        let respond = respond(ledger.clone());
        let service = Service::start(move |call| std::future::ready(respond(&call))).await?;
        let config = base.join("dacapo.toml");
        std::fs::write(&config, config_text(&service))?;
        let args = [setting.args, vec!["--config".to_owned(), config.display().to_string()]].concat();
        let (publish, api) = watch::channel(None);
        let running = Mutex::new(None);
        Ok(Site { ledger, control, api, publish, running, service, args, folder, root, recording })
    }

    /// The folder whose files count: the data folder lies two levels below it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        data_below(&self.root)
    }

    /// What was written down.
    pub fn recording(&self) -> Result<Vec<u8>> {
        Ok(std::fs::read(self.recording.as_ref().context("nothing was recorded")?)?)
    }

    /// What the programs have logged.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts the program, again and again until it listens.
    pub async fn start(&self) -> Result<()> {
        for _ in 0..ATTEMPTS {
            if self.start_once().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("the program does not start any more: {:#}", self.start_once().await.err().context("it does now")?)
    }

    async fn start_once(&self) -> Result<()> {
        let (data, args, environment) = (self.data(), self.args.clone(), self.environment()?);
        let log = std::fs::File::options().create(true).append(true).open(self.log())?;
        let serve = move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            Program::serve_with(&data, &args, &environment, log.into())
        };
        let program = tokio::task::spawn_blocking(serve).await??;
        Figures::count(&self.ledger.figures.processes);
        let (pid, api) = (program.pid(), Api::of(&program.url));
        let (ended, end) = watch::channel(None);
        *self.lock() = Some(Running { pid, end });
        self.publish.send_replace(Some(api));
        let publish = self.publish.clone();
        tokio::task::spawn_blocking(move || {
            let status = program.wait();
            // Clients must not think that it is still there.
            publish.send_replace(None);
            ended.send_replace(status.ok());
        });
        Ok(())
    }

    fn environment(&self) -> Result<Vec<(&'static str, String)>> {
        let text = |path: &Path| path.display().to_string();
        let mut environment = vec![
            ("DACAPO_LOG", "warn".to_owned()),
            ("LD_PRELOAD", text(library()?)),
            ("DACAPO_TORTURE_ROOT", text(&self.root)),
            ("DACAPO_TORTURE_CONTROL", text(self.control.path())),
        ];
        environment.extend(self.recording.as_ref().map(|recording| ("DACAPO_TORTURE_LOG", text(recording))));
        Ok(environment)
    }

    /// Returns when the program has ended, and how it did.
    pub async fn ended(&self) -> Result<ExitStatus> {
        let mut end = self.lock().as_ref().context("nothing runs")?.end.clone();
        let status = end.wait_for(Option::is_some).await?;
        status.context("it has ended")
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.lock().as_ref().is_none_or(Running::has_ended)
    }

    /// Sends it a signal, such as `KILL`.
    pub fn signal(&self, name: &str) -> Result<()> {
        self.lock().as_ref().context("nothing runs")?.signal(name)
    }

    /// Ends it by a signal, if it has not ended yet; returns how, when it has.
    pub async fn stop(&self, signal: &str) -> Result<ExitStatus> {
        if !self.has_ended() {
            // It may end at this very moment.
            let _ = self.signal(signal);
        }
        tokio::time::timeout(PATIENCE, self.ended()).await.context("the program does not end")?
    }

    /// Its API, once it listens.
    pub async fn api(&self) -> Result<Api> {
        let mut api = self.api.clone();
        let found =
            tokio::time::timeout(PATIENCE, api.wait_for(Option::is_some)).await.context("nothing listens")??;
        found.clone().context("nothing listens")
    }

    /// Deploys everything that flows need.
    pub async fn deploy(&self) -> Result<()> {
        let api = self.api().await?;
        for name in SAMPLES {
            api.deploy(&sample(name)).await?;
        }
        api.deploy(&guest("flows")).await
    }

    /// What services were asked.
    pub fn calls(&self) -> Vec<Received> {
        self.service.received()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with the `calls` of a flow that has ended: each service was called as often as it needs, by different
/// keys.
pub fn wrong_calls(flow: &Flow, calls: &[Received]) -> Option<String> {
    let of_flow = |call: &&Received| order_of(call).as_deref() == Some(&flow.id);
    for (step, wanted) in flow.calls() {
        let keys: std::collections::BTreeSet<String> =
            calls.iter().filter(of_flow).filter(|call| call.path == format!("/{step}")).map(Received::key).collect();
        if keys.len() != wanted {
            return Some(format!("{}: {step} was called by {} keys, not {wanted}", flow.id, keys.len()));
        }
    }
    None
}

/// The data folder below a root. Its own folders are made by the program.
pub fn data_below(root: &Path) -> PathBuf {
    root.join("var/data")
}

/// The warehouse, the bank and the courier. Every seventh key fails the first time: by a status that is worth another
/// attempt.
fn respond(ledger: Arc<Ledger>) -> impl Fn(&Received) -> Response + Clone {
    move |call| {
        Figures::count(&ledger.figures.calls);
        // Who is called knows that the caller exists.
        if let Some(flow) = order_of(call).and_then(|order| ledger.find(&order)) {
            ledger.exists(flow);
        }
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        if call.path == "/ReserveStock" && body["out_of_stock"] == true {
            return answer(409, "never");
        }
        let flaky = call.key().bytes().map(u32::from).sum::<u32>() % 7 == 0;
        if flaky && call.earlier == 0 { answer(503, "busy") } else { answer(200, "\"done\"") }
    }
}

fn order_of(call: &Received) -> Option<String> {
    let body: Value = serde_json::from_str(&call.body).ok()?;
    body["order"].as_str().or(body.as_str()).map(str::to_owned)
}

fn config_text(service: &Service) -> String {
    let mut text = format!("[http]\nallow = [\"{}\"]\nnetworks = [\"127.0.0.0/8\"]\n", service.url(""));
    for step in ORDER_STEPS {
        text.push_str(&format!("[activities.{step}]\nurl = \"{}\"\n", service.url(&format!("/{step}"))));
    }
    text
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let there = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &there)?;
        } else {
            std::fs::copy(entry.path(), there)?;
        }
    }
    Ok(())
}
