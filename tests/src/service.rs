//! An HTTP service outside of Dacapo, on loopback: what activities call, and who counts what they have done.

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Bytes of a request's body that are read.
const BODY_BYTES: usize = 4 << 20;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
    /// How many with its idempotency key came before it.
    pub earlier: usize,
}

impl Received {
    /// The key by which a service knows that it was asked before; empty where there is none.
    pub fn key(&self) -> String {
        self.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned()
    }
}

/// A service that answers as it is told, and keeps what it was asked.
pub struct Service {
    addr: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    serving: JoinHandle<()>,
}

impl Service {
    /// Serves `answer` on a free port until it is dropped.
    pub async fn start<F: Future<Output = Response> + Send>(
        answer: impl Fn(Received) -> F + Clone + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let kept = received.clone();
        let handler = move |request: Request| {
            let (kept, answer) = (kept.clone(), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, BODY_BYTES).await.unwrap_or_default();
                let mut received = Received {
                    method: parts.method,
                    path: parts.uri.to_string(),
                    headers: parts.headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                    earlier: 0,
                };
                {
                    let mut kept = lock(&kept);
                    received.earlier = kept.iter().filter(|earlier| earlier.key() == received.key()).count();
                    kept.push(received.clone());
                }
                answer(received).await
            }
        };
        let serving = tokio::spawn(async move {
            // Ends with its task.
            let _ = axum::serve(listener, Router::new().fallback(handler)).await;
        });
        Ok(Self { addr, received, serving })
    }

    /// Host and port.
    pub fn authority(&self) -> String {
        self.addr.to_string()
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Everything it was asked.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    /// By path, how many different idempotency keys it was asked with: things done, however often they were asked for.
    pub fn effects(&self) -> BTreeMap<String, usize> {
        let mut keys = BTreeMap::<String, std::collections::BTreeSet<String>>::new();
        for request in lock(&self.received).iter() {
            keys.entry(request.path.clone()).or_default().insert(request.key());
        }
        keys.into_iter().map(|(path, keys)| (path, keys.len())).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(received: &Mutex<Vec<Received>>) -> MutexGuard<'_, Vec<Received>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer with this status and body.
pub fn answer(status: u16, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = axum::http::StatusCode::from_u16(status).expect("a status");
    response
}

/// As [`answer`], with headers.
pub fn answer_with(status: u16, headers: &[(&'static str, &str)], body: impl Into<Body>) -> Response {
    let mut response = answer(status, body);
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().expect("a header value"));
    }
    response
}
