//! The one client: it connects to checked addresses only, follows no redirect, uses no proxy, and is bounded.

use crate::config::OutgoingConfig;
use crate::rules::{Denied, Rules};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Time to connect, in milliseconds.
const CONNECT_MS: u64 = 10_000;

/// Sends requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outgoing {
    http: reqwest::Client,
    rules: Arc<Rules>,
    timeout_ms: u64,
    body_bytes: usize,
}

/// A request, whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Time for all of it, in milliseconds; the setting `http.timeout_ms` when absent.
    pub timeout_ms: Option<u64>,
}

/// A reply, whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no reply.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendError {
    /// It must not be called; nothing was sent.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Its host has no address.
    #[error("'{host}' cannot be resolved: {reason}")]
    Unresolved {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// Nobody could be connected to; nothing was sent.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// No reply within the time. It may have been received.
    #[error("no reply within {0} ms")]
    TimedOut(u64),
    /// The reply, or the request, is larger than the setting `http.body_bytes`.
    #[error("the {what} has more bytes than the limit `http.body_bytes`, which is {limit}")]
    TooLarge {
        /// Which of them.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// It broke off. It may have been received.
    #[error("the exchange broke off: {0}")]
    Broken(String),
}

impl Outgoing {
    /// A client under the operator's rules.
    pub fn new(config: &OutgoingConfig) -> Result<Self, reqwest::Error> {
        let rules = Arc::new(config.rules.clone());
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(Duration::from_millis(CONNECT_MS))
            .user_agent(concat!("dacapo/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Checked(rules.clone())))
            .build()?;
        Ok(Self { http, rules, timeout_ms: config.timeout_ms, body_bytes: config.body_bytes })
    }

    /// The largest body, of a request or a reply, in bytes.
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The time for a request of a flow or a module that wants so much of it, in milliseconds: never more than the
    /// operator gives.
    pub fn granted_ms(&self, wanted_ms: Option<u64>) -> Option<u64> {
        wanted_ms.map(|wanted_ms| wanted_ms.min(self.timeout_ms))
    }

    /// Sends a request and reads the reply.
    pub async fn send(&self, request: Request) -> Result<Reply, SendError> {
        self.rules.check_url(&request.url)?;
        let limit = self.body_bytes;
        if request.body.len() > limit {
            return Err(SendError::TooLarge { what: "request", limit });
        }
        let timeout_ms = request.timeout_ms.unwrap_or(self.timeout_ms);
        let sent = self
            .http
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body)
            .timeout(Duration::from_millis(timeout_ms));
        let judge = |error: reqwest::Error| judge(&error, timeout_ms);
        let mut reply = sent.send().await.map_err(judge)?;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) = reply.chunk().await.map_err(judge)? {
            if body.len() + chunk.len() > limit {
                return Err(SendError::TooLarge { what: "reply", limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body: body.freeze() })
    }
}

fn judge(error: &reqwest::Error, timeout_ms: u64) -> SendError {
    let mut cause = error.source();
    let mut last = None;
    while let Some(error) = cause {
        // What our resolver said.
        if let Some(error) = error.downcast_ref::<SendError>() {
            return error.clone();
        }
        last = Some(error.to_string());
        cause = error.source();
    }
    let reason = last.unwrap_or_else(|| error.to_string());
    match error {
        error if error.is_timeout() => SendError::TimedOut(timeout_ms),
        error if error.is_connect() => SendError::Unreachable(reason),
        _ => SendError::Broken(reason),
    }
}

/// Resolves a host to those of its addresses that may be connected to.
struct Checked(Arc<Rules>);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let unresolved = |reason: String| SendError::Unresolved { host: host.clone(), reason };
            let found =
                tokio::net::lookup_host((host.as_str(), 0)).await.map_err(|error| unresolved(error.to_string()));
            let (mut allowed, mut denied) = (Vec::new(), None);
            for address in found? {
                match rules.check_address(&host, address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(error) => denied = Some(error),
                }
            }
            match (allowed.is_empty(), denied) {
                (false, _) => Ok(Box::new(allowed.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send> as Addrs),
                (true, Some(denied)) => Err(SendError::Denied(denied).into()),
                (true, None) => Err(unresolved("it has no address".to_owned()).into()),
            }
        })
    }
}
