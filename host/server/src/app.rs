//! The composition root: store, guests, runtime and HTTP as one running thing.

use crate::config::ServeConfig;
use crate::http::{self, Api, Settings, server};
use anyhow::Context as _;
use dacapo_outgoing::{HttpActivities, Outgoing};
use dacapo_runtime::{Client, Clock, Guests, Runtime, SystemClock};
use dacapo_store::sqlite::SqliteStore;
use dacapo_store::{Store, StoreError};
use dacapo_wasm::WasmConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long requests, and then turns and activities, may take to finish when the server stops.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server whose disk has failed answers those who have asked already.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a server is built on; tests bring their own.
#[derive(Clone)]
pub struct Parts {
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
    /// What runs guests.
    pub guests: Guests,
}

/// A running server. Dropping it stops accepting requests; [`App::shutdown`] stops it well.
pub struct App {
    addr: SocketAddr,
    client: Client,
    stop: http::Stop,
    serving: JoinHandle<bool>,
}

impl App {
    /// Serves what `config.data` holds, with wasm guests and the machine's clock.
    pub async fn serve(config: ServeConfig) -> anyhow::Result<App> {
        config.check()?;
        let folder = config.data.clone();
        let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&folder)).await?;
        let store: Arc<dyn Store> =
            Arc::new(opened.with_context(|| format!("cannot open the data folder {}", config.data.display()))?);
        let guests = guests(&config, store.clone())?;
        App::start(config, Parts { store, clock: Arc::new(SystemClock), guests }).await
    }

    /// Serves on the given parts. The address is taken before any work of the store goes on.
    pub async fn start(config: ServeConfig, parts: Parts) -> anyhow::Result<App> {
        config.check()?;
        let listener =
            TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
        let addr = listener.local_addr()?;
        let client = Runtime::start(parts.store, parts.guests, parts.clock.clone(), config.runtime()).await?;
        let (stop, stopping) = http::stop();
        let api = Api::new(client.clone(), parts.clock, Settings::of(&config, addr), stopping.clone());
        let bounds = server::Bounds { connections: config.connections, patience: PATIENCE };
        let serving = tokio::spawn(server::run(listener, http::router(api), bounds, stopping));
        Ok(App { addr, client, stop, serving })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The runtime behind the API.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns once the disk has failed, with what it did: end the process then, by [`App::abandon`] at most.
    pub async fn failed(&self) -> Arc<str> {
        self.client.failed().await
    }

    /// After the disk has failed: those who asked still get their answers, if that takes no time. Nothing is written.
    pub async fn abandon(self) {
        self.stop.now();
        let _ = tokio::time::timeout(LAST_WORDS, self.serving).await;
    }

    /// Stops: no new request is taken, those under way are answered, turns under way are committed.
    pub async fn shutdown(self) {
        self.stop.now();
        if !matches!(self.serving.await, Ok(true)) {
            tracing::warn!("stopped with requests under way: their connections were closed");
        }
        self.client.drain(PATIENCE).await;
    }
}

fn lost(error: &StoreError) -> Result<Option<Vec<u8>>, String> {
    tracing::error!(%error, "a component is damaged");
    Ok(None)
}

/// What runs the components that `store` holds, and the activities that the host has itself. Compiled components are kept
/// beside the database.
pub fn guests(config: &ServeConfig, store: Arc<dyn Store>) -> anyhow::Result<Guests> {
    let outgoing = Outgoing::new(&config.outgoing).context("cannot set up outgoing HTTP")?;
    let mut wasm = WasmConfig::new(config.data.join("compiled"));
    wasm.outgoing = Some((outgoing.clone(), config.outgoing.modules.clone()));
    wasm.compiler.clone_from(&config.compiler);
    let versions = store.modules().context("cannot read the modules")?;
    wasm.known = Some(versions.into_iter().map(|version| version.digest).collect());
    (wasm.turn_cpu_ms, wasm.activity_cpu_ms) = (config.turn_cpu_ms, config.activity_cpu_ms);
    wasm.instances = config.guests_in_memory;
    wasm.module_memory_bytes =
        config.modules.iter().filter_map(|(name, module)| Some((name.clone(), module.memory_bytes?))).collect();
    let source = move |digest: &str| {
        // What is damaged is as good as missing: only a new deployment helps.
        store.component(digest).or_else(|error| if error.is_lasting() { lost(&error) } else { Err(error.to_string()) })
    };
    let host = Arc::new(HttpActivities::new(&config.outgoing, outgoing));
    Ok(Guests { host, ..dacapo_wasm::guests(wasm, Arc::new(source))? })
}
