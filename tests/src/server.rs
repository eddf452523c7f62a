//! A Dacapo served in this process, on a data folder of its own and a clock that the test moves.

use anyhow::{Context as _, Result, bail, ensure};
use dacapo_core::Limits;
use dacapo_runtime::{Clock, Guests, ManualClock};
use dacapo_server::app::{self, App, Parts};
use dacapo_server::config::ServeConfig;
use dacapo_store::Store;
use dacapo_store::sqlite::SqliteStore;
use futures::StreamExt as _;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// How a test is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Guests stay parked between their turns.
    Warm,
    /// None does: every turn replays.
    Replayed,
    /// The server restarts at each interlude.
    Restarted,
}

/// The time at which every test begins, in milliseconds since 1970.
pub const START_MS: u64 = 1_700_000_000_000;

/// How long a test waits for something that must come. Only reached when it does not.
const PATIENCE: Duration = Duration::from_secs(60);

/// A served Dacapo.
pub struct Server {
    way: Way,
    data: TempDir,
    clock: Arc<ManualClock>,
    config: ServeConfig,
    http: reqwest::Client,
    app: Option<App>,
}

impl Server {
    /// Plays `test` against a new server, and stops that.
    pub async fn play(way: Way, test: impl AsyncFnOnce(&mut Server) -> Result<()>) -> Result<()> {
        let mut server = Server::start(way).await?;
        let result = test(&mut server).await;
        server.stop().await;
        result
    }

    /// A new server, on an empty folder.
    pub async fn start(way: Way) -> Result<Server> {
        Self::start_with(way, Limits::default()).await
    }

    /// As [`Server::start`], with other limits.
    pub async fn start_with(way: Way, limits: Limits) -> Result<Server> {
        let data = tempfile::tempdir()?;
        let config = ServeConfig {
            data: data.path().to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            warm_memory_bytes: if way == Way::Replayed { 0 } else { 64 << 20 },
            limits,
            ..ServeConfig::default()
        };
        let clock = Arc::new(ManualClock::new(START_MS));
        let mut server = Server { way, data, clock, config, http: reqwest::Client::new(), app: None };
        server.open().await?;
        Ok(server)
    }

    async fn open(&mut self) -> Result<()> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(self.data.path())?);
        let guests: Guests = app::guests(&self.config, store.clone())?;
        let clock: Arc<dyn Clock> = self.clock.clone();
        self.app = Some(App::start(self.config.clone(), Parts { store, clock, guests }).await?);
        Ok(())
    }

    /// Stops the server; the data stay.
    pub async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.shutdown().await;
        }
    }

    /// Stops and starts on the same data.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await;
        self.open().await
    }

    /// Restarts with other settings.
    pub async fn configure(&mut self, change: impl FnOnce(&mut ServeConfig)) -> Result<()> {
        change(&mut self.config);
        self.restart().await
    }

    /// A place in a test where a restart must make no difference.
    pub async fn interlude(&mut self) -> Result<()> {
        if self.way == Way::Restarted { self.restart().await } else { Ok(()) }
    }

    /// How this test is played.
    pub fn way(&self) -> Way {
        self.way
    }

    /// The folder with the data.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        let addr = self.app.as_ref().expect("the server runs").addr();
        format!("http://{addr}{path}")
    }

    /// The URL of a path below the base path of the contract.
    pub fn api(&self, path: &str) -> String {
        self.url(&format!("/runtime/webhooks/durabletask{path}"))
    }

    /// A request.
    pub fn request(&self, method: Method, url: String) -> reqwest::RequestBuilder {
        self.http.request(method, url)
    }

    /// Deploys a module under its file's name.
    pub async fn deploy(&self, file: &Path) -> Result<Value> {
        let bytes = std::fs::read(file).with_context(|| {
            format!("{} is missing: run `cargo xtask samples` and `cargo xtask guests`", file.display())
        })?;
        let name = file.file_stem().and_then(|stem| stem.to_str()).context("a file name")?;
        let answer = self.put_module(name, bytes).await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status.is_success(), "deploying {name}: {status} {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Uploads `bytes` as module `name`, whatever they are.
    pub async fn put_module(&self, name: &str, bytes: Vec<u8>) -> Result<Response> {
        Ok(self.request(Method::PUT, self.url(&format!("/api/modules/{name}"))).body(bytes).send().await?)
    }

    /// Starts an instance; `202` or an error with what came instead.
    pub async fn start_instance(&self, name: &str, id: &str, input: Value) -> Result<Value> {
        let url = self.api(&format!("/orchestrators/{name}/{id}"));
        let answer = self.request(Method::POST, url).json(&input).send().await?;
        expect(answer, StatusCode::ACCEPTED).await
    }

    /// The present status.
    pub async fn status(&self, id: &str) -> Result<Value> {
        let answer = self.request(Method::GET, self.api(&format!("/instances/{id}"))).send().await?;
        ensure!(answer.status().is_success(), "status of {id}: {}", answer.status());
        Ok(answer.json().await?)
    }

    /// Raises an event.
    pub async fn raise(&self, id: &str, event: &str, data: Value) -> Result<()> {
        let url = self.api(&format!("/instances/{id}/raiseEvent/{event}"));
        let answer = self.request(Method::POST, url).json(&data).send().await?;
        expect(answer, StatusCode::ACCEPTED).await.map(|_| ())
    }

    /// Every status from now on until one is `wanted`, which is the last.
    pub async fn watch(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let watching = async {
            let answer = self.request(Method::GET, self.api(&format!("/instances/{id}/watch"))).send().await?;
            ensure!(answer.status().is_success(), "watching {id}: {}", answer.status());
            let (mut stream, mut text, mut seen) = (answer.bytes_stream(), String::new(), Vec::new());
            while let Some(chunk) = stream.next().await {
                text.push_str(std::str::from_utf8(&chunk?)?);
                while let Some((event, rest)) = text.split_once("\n\n") {
                    if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data:")) {
                        seen.push(serde_json::from_str(data.trim())?);
                    }
                    text = rest.to_owned();
                    if seen.last().is_some_and(&wanted) {
                        return Ok(seen);
                    }
                }
            }
            bail!("the stream of {id} ended before what was waited for came: {seen:?}")
        };
        tokio::time::timeout(PATIENCE, watching).await.with_context(|| format!("waited in vain for {id}"))?
    }

    /// The status once it is `wanted`.
    pub async fn until(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        Ok(self.watch(id, wanted).await?.pop().expect("ends with the one that is wanted"))
    }

    /// The status once the instance has ended.
    pub async fn ended(&self, id: &str) -> Result<Value> {
        self.until(id, has_ended).await
    }

    /// The status once the custom status is `value`.
    pub async fn until_custom_status(&self, id: &str, value: Value) -> Result<Value> {
        self.until(id, |status| status["customStatus"] == value).await
    }
}

/// Whether a status is a final one.
pub fn has_ended(status: &Value) -> bool {
    matches!(status["runtimeStatus"].as_str(), Some("Completed" | "Failed" | "Terminated" | "Canceled"))
}

/// The JSON body of an answer that must have this code.
pub async fn expect(answer: Response, code: StatusCode) -> Result<Value> {
    let (found, url) = (answer.status(), answer.url().clone());
    let body = answer.text().await?;
    ensure!(found == code, "{url} answered {found} where {code} was expected: {body}");
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&body)?) }
}

/// The folder with everything that `cargo xtask` builds and installs.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").join("target")
}

/// A sample module, as `cargo xtask samples` leaves it.
pub fn sample(name: &str) -> PathBuf {
    target().join(format!("samples/rust/{name}.wasm"))
}

/// A guest of the tests, as `cargo xtask guests` leaves it.
pub fn guest(name: &str) -> PathBuf {
    target().join(format!("guests/wasm/{name}.wasm"))
}
