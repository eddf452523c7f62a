//! A server for one test, and what is asked of it.

use crate::fake;
use dacapo_core::InstanceId;
use dacapo_runtime::{InstanceView, ManualClock};
use dacapo_server::{App, Parts, ServeConfig};
use dacapo_store::memory::MemoryStore;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// 2026-01-31T12:34:56.789Z
pub(crate) const START_MS: u64 = 1_769_862_896_789;
/// The base path that everybody uses.
pub(crate) const BASE: &str = "/runtime/webhooks/durabletask";

/// A server on a free port, with the fake orchestrators deployed as module "flows".
pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8", "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The keys of the JSON object, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.json().as_object().expect("an object").keys().cloned().collect()
    }

    /// The text of an error, whose three parts must be there.
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.keys(), ["Message", "ExceptionMessage", "ExceptionType"]);
        let json = self.json();
        assert!(
            json.as_object()
                .expect("an object")
                .values()
                .all(|part| part.as_str().is_some_and(|text| !text.is_empty()))
        );
        json["ExceptionMessage"].as_str().expect("text").to_owned()
    }

    /// Nothing but the status.
    pub(crate) fn is_bare(&self, status: u16) {
        assert_eq!((self.status, self.body.as_str()), (status, ""), "{self:?}");
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, body: response.text().await.expect("a body") }
}

/// Settings for a test.
pub(crate) fn config() -> ServeConfig {
    ServeConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServeConfig::default() }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: ServeConfig) -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let parts = Parts { store: Arc::new(MemoryStore::new()), clock: clock.clone(), guests: fake::guests() };
        let app = App::start(config, parts).await.expect("starts");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        app.client().deploy("flows", fake::COMPONENT.into()).await.expect("deploys");
        Self { app, clock, http }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.app.addr())
    }

    /// A request to a path of the server.
    pub(crate) fn own(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.origin()))
    }

    /// A request to a path of the orchestration API.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.own(method, &format!("{BASE}{path}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        send(self.request(Method::DELETE, path)).await
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        send(request.body(body.to_owned())).await
    }

    /// Starts an orchestrator under an id.
    pub(crate) async fn begin(&self, orchestrator: &str, id: &str, input: &str) {
        let reply = self.post(&format!("/orchestrators/{orchestrator}/{id}"), input).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }

    /// Waits until the instance is as `wanted` says.
    pub(crate) async fn until(&self, id: &str, wanted: impl Fn(&InstanceView) -> bool) -> Arc<InstanceView> {
        let id = InstanceId::parse(id).expect("valid");
        let mut news = self.app.client().subscribe(&id);
        let mut view = self.app.client().status(&id).await.expect("reads").expect("is there");
        while !wanted(&view) {
            view = news.changed().await.expect("is not purged");
        }
        view
    }

    /// Waits until every path of the orchestrator waits for the first time.
    pub(crate) async fn parked(&self, id: &str) {
        self.until(id, |view| view.turn > 1).await;
    }

    pub(crate) async fn finished(&self, id: &str) {
        self.until(id, |view| view.status.is_finished()).await;
    }

    /// Runs an orchestrator to its end.
    pub(crate) async fn run(&self, orchestrator: &str, id: &str, input: &str) {
        self.begin(orchestrator, id, input).await;
        self.finished(id).await;
    }

    /// Lets time pass until `pending` is done.
    pub(crate) async fn as_time_passes<T>(&self, pending: impl Future<Output = T>) -> T {
        let mut pending = pin!(pending);
        loop {
            tokio::select! {
                biased;
                done = &mut pending => return done,
                () = tokio::task::yield_now() => self.clock.advance(Duration::from_millis(10)),
            }
        }
    }
}
