//! A Dacapo served in this process, on a data folder of its own and a clock that the test moves.

use crate::watch::Watch;
use anyhow::{Context as _, Result, bail, ensure};
use dacapo_core::Limits;
use dacapo_runtime::{Clock, Guests, ManualClock};
use dacapo_server::app::{self, App, Parts};
use dacapo_server::config::ServeConfig;
use dacapo_store::Store;
use dacapo_store::sqlite::SqliteStore;
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
        Self::of(way, limits, tempfile::tempdir()?).await
    }

    /// A new server, on what lies in a folder.
    pub async fn on(way: Way, data: TempDir) -> Result<Server> {
        Self::of(way, Limits::default(), data).await
    }

    async fn of(way: Way, limits: Limits, data: TempDir) -> Result<Server> {
        let config = ServeConfig {
            data: data.path().to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            warm_memory_bytes: if way == Way::Replayed { 0 } else { 64 << 20 },
            limits,
            // Many servers share the address space of one test process.
            guests_in_memory: 300,
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
        let name = file.file_stem().and_then(|stem| stem.to_str()).context("a file name")?;
        self.deploy_as(name, file).await
    }

    /// Deploys a module under this name.
    pub async fn deploy_as(&self, name: &str, file: &Path) -> Result<Value> {
        let answer = self.put_module(name, read(file)?).await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status.is_success(), "deploying {name}: {status} {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// The answer to a `GET`.
    pub async fn get(&self, url: String) -> Result<Response> {
        Ok(self.request(Method::GET, url).send().await?)
    }

    /// The answer to a `POST` without a body.
    pub async fn post(&self, url: String) -> Result<Response> {
        Ok(self.request(Method::POST, url).send().await?)
    }

    /// The answer to a `DELETE`.
    pub async fn delete(&self, url: String) -> Result<Response> {
        Ok(self.request(Method::DELETE, url).send().await?)
    }

    /// What the health route says; an error unless the server is well.
    pub async fn health(&self) -> Result<Value> {
        expect(self.get(self.url("/api/health")).await?, StatusCode::OK).await
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

    /// The statuses of an instance, from the present one on.
    pub async fn open_watch(&self, id: &str) -> Result<Watch> {
        let answer = self.get(self.api(&format!("/instances/{id}/watch"))).await?;
        ensure!(answer.status().is_success(), "watching {id}: {}", answer.status());
        Ok(Watch::of(answer))
    }

    /// Every change that the server still knows, and those to come, until one is `wanted`, which is the last.
    pub async fn watch(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let watching = async {
            let request = self.request(Method::GET, self.api(&format!("/instances/{id}/watch")));
            let answer = request.header("Last-Event-ID", "0").send().await?;
            ensure!(answer.status().is_success(), "watching {id}: {}", answer.status());
            let (mut watch, mut seen) = (Watch::of(answer), Vec::new());
            while let Some(status) = watch.next().await? {
                let is_last = wanted(&status);
                seen.push(status);
                if is_last {
                    return Ok(seen);
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

    /// As [`Server::until`], by long poll: also where a final status is shown that is none.
    pub async fn poll_until(&self, id: &str, mut wanted: impl FnMut(&Value) -> bool) -> Result<Value> {
        let polling = async {
            let mut request = self.request(Method::GET, self.api(&format!("/instances/{id}")));
            loop {
                let answer = request.send().await?;
                ensure!(answer.status().is_success(), "status of {id}: {}", answer.status());
                let tag = answer.headers().get("etag").cloned().context("a status has a tag")?;
                let status = answer.json().await?;
                if wanted(&status) {
                    return Ok(status);
                }
                request = self.request(Method::GET, self.api(&format!("/instances/{id}")));
                request = request.header("prefer", "wait=60").header("if-none-match", tag);
            }
        };
        tokio::time::timeout(PATIENCE, polling).await.with_context(|| format!("waited in vain for {id}"))?
    }

    /// The status once the instance has ended.
    pub async fn ended(&self, id: &str) -> Result<Value> {
        self.until(id, has_ended).await
    }

    /// The status once the instance has ended, while the clock goes on by half a second after each look.
    pub async fn ended_in_time(&self, id: &str) -> Result<Value> {
        loop {
            let status = self.status(id).await?;
            if has_ended(&status) {
                return Ok(status);
            }
            self.advance(Duration::from_millis(500));
        }
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

/// The message of an error, which must have this code and the form that errors have.
pub async fn refusal(answer: Response, code: StatusCode) -> Result<String> {
    let is_json = answer.headers().get("content-type").is_some_and(|it| it == "application/json; charset=utf-8");
    let body = expect(answer, code).await?;
    ensure!(is_json, "an error must be JSON, and say so: {body}");
    for field in ["Message", "ExceptionMessage", "ExceptionType"] {
        ensure!(body[field].as_str().is_some_and(|text| !text.is_empty()), "an error must have a {field}: {body}");
    }
    Ok(body["ExceptionMessage"].as_str().unwrap_or_default().to_owned())
}

/// The bytes of a module.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file)
        .with_context(|| format!("{} is missing: run `cargo xtask samples` and `cargo xtask guests`", file.display()))
}

/// The folder with everything that `cargo xtask` builds and installs.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").join("target")
}

/// The folder of golden histories.
pub fn golden_histories() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/histories")
}

/// A sample module, as `cargo xtask samples` leaves it.
pub fn sample(name: &str) -> PathBuf {
    sample_in("rust", name)
}

/// A sample module in one of the languages, as `cargo xtask samples` leaves it.
pub fn sample_in(language: &str, name: &str) -> PathBuf {
    target().join(format!("samples/{language}/{name}.wasm"))
}

/// A guest of the tests, as `cargo xtask guests` leaves it.
pub fn guest(name: &str) -> PathBuf {
    target().join(format!("guests/wasm/{name}.wasm"))
}

/// The guest that shows what a language does with clock, randomness and mistakes, as `cargo xtask languages` leaves it.
pub fn probe(language: &str) -> PathBuf {
    match language {
        "rust" => guest("probe"),
        other => target().join(format!("guests/{other}/probe.wasm")),
    }
}

/// Flows of JavaScript that are async functions, as `cargo xtask languages` leaves them.
pub fn async_module() -> PathBuf {
    target().join("guests/starling/module.wasm")
}
