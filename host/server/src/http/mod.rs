//! The HTTP API: which route goes where, and what every handler is given.
//!
//! | module | holds |
//! |---|---|
//! | `server` | the loop that accepts connections, with its bounds and its end |
//! | `paths` | from what clients call to the one spelling the router knows |
//! | `query`, `body`, `conditional`, `prefer` | what a request says besides its path |
//! | `orchestrators` | start |
//! | `instances` | status, list, purge, raise event, terminate |
//! | `watch` | a status as a stream |
//! | `browser` | keeps pages of other sites out |
//! | `modules`, `health` | Dacapo's own routes |
//! | `changes` | an instance's status, and every newer one |
//! | `dto`, `urls`, `error` | what replies are made of |
//!
//! Handlers translate, call the runtime's client, and translate back.

mod body;
mod browser;
mod changes;
mod conditional;
mod dto;
mod error;
mod health;
mod history;
mod instances;
mod modules;
mod orchestrators;
mod paths;
mod prefer;
mod query;
pub(crate) mod server;
mod urls;
mod watch;

use crate::config::ServeConfig;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use dacapo_runtime::{Client, Clock};
use error::ApiError;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch as signal};
use tower::Service as _;

/// What the handlers need to know of the configuration.
pub(crate) struct Settings {
    addr: SocketAddr,
    public_url: Option<String>,
    trust_proxy: bool,
    /// Nothing but the address keeps others out: see `browser`.
    only_loopback: bool,
    payload_bytes: usize,
    payload_depth: usize,
    component_bytes: usize,
    watch_streams: usize,
}

impl Settings {
    /// For a server that listens on `addr`.
    pub(crate) fn of(config: &ServeConfig, addr: SocketAddr) -> Self {
        Self {
            addr,
            public_url: config.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
            trust_proxy: config.trust_proxy,
            only_loopback: !config.insecure && !config.trust_proxy && config.public_url.is_none(),
            payload_bytes: config.limits.payload_bytes,
            payload_depth: config.limits.payload_depth,
            component_bytes: config.component_bytes,
            watch_streams: config.watch_streams,
        }
    }
}

/// What every handler is given.
pub(crate) struct Api {
    client: Client,
    clock: Arc<dyn Clock>,
    settings: Settings,
    /// One permit for each watch stream that may still be opened.
    streams: Arc<Semaphore>,
    stopping: Stopping,
}

impl Api {
    pub(crate) fn new(client: Client, clock: Arc<dyn Clock>, settings: Settings, stopping: Stopping) -> Arc<Self> {
        let streams = Arc::new(Semaphore::new(settings.watch_streams));
        Arc::new(Self { client, clock, settings, streams, stopping })
    }
}

/// Tells the server to stop, at the latest when it is dropped.
pub(crate) struct Stop(signal::Sender<bool>);

impl Stop {
    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }
}

/// Whether the server was told to stop.
#[derive(Clone)]
pub(crate) struct Stopping(signal::Receiver<bool>);

impl Stopping {
    /// Returns once it was.
    pub(crate) async fn begun(&self) {
        // An error means that nobody is left who could say so: that is the end, too.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }
}

/// A way to say "stop", and the ear for it.
pub(crate) fn stop() -> (Stop, Stopping) {
    let (sender, receiver) = signal::channel(false);
    (Stop(sender), Stopping(receiver))
}

/// All routes, in the spelling of [`paths`].
pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/durabletask/orchestrators/{function}", post(orchestrators::start))
        .route("/durabletask/orchestrators/{function}/{id}", post(orchestrators::start_with_id))
        .route("/durabletask/instances", get(instances::list::list).delete(instances::purge::many))
        .route("/durabletask/instances/{id}", get(instances::status::status).delete(instances::purge::one))
        .route("/durabletask/instances/{id}/watch", get(watch::watch))
        .route("/durabletask/instances/{id}/raiseevent/{event}", post(instances::acts::raise_event))
        .route("/durabletask/instances/{id}/terminate", post(instances::acts::terminate))
        .route("/durabletask/instances/{id}/suspend", post(instances::acts::suspend))
        .route("/durabletask/instances/{id}/resume", post(instances::acts::resume))
        .route("/durabletask/instances/{id}/rewind", post(instances::acts::rewind))
        .route("/durabletask/instances/{id}/restart", post(instances::acts::restart))
        .route("/api/modules", get(modules::list))
        .route("/api/modules/{name}", put(modules::deploy).get(modules::one))
        .route("/api/modules/{name}/check", post(modules::check))
        .route("/api/modules/{name}/activate", post(modules::activate))
        .route("/api/modules/{name}/versions/{version}", delete(modules::delete_version))
        .route("/api/instances/{id}/timeline", get(instances::debug::timeline))
        .route("/api/instances/{id}/history", get(instances::debug::history))
        .route("/api/instances/{id}/upgrade", post(instances::debug::upgrade))
        .route("/api/health", get(health::health))
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_route)
        .layer(middleware::from_fn_with_state(api.clone(), browser::guard))
        .with_state(api)
}

/// Answers one request of `peer`.
pub(crate) async fn answer(mut router: Router, mut request: Request<Body>, peer: SocketAddr) -> Response {
    if !paths::canonicalise(&mut request, peer) {
        return not_found();
    }
    match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn unknown_route() -> Response {
    not_found()
}

/// 404 without a body: no such route, or no such instance to read.
fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// The values in a path, percent-decoded.
struct Segments<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, api).await {
            Ok(Path(values)) => Ok(Self(values)),
            Err(rejection) => Err(ApiError::bad_request("BadPath", rejection.body_text())),
        }
    }
}

/// The state, as handlers ask for it.
type Shared = State<Arc<Api>>;
