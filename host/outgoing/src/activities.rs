//! Activities that are one HTTP call each, as the operator has configured them, and the built-in `Http`.

use crate::client::{Outgoing, Reply, Request, SendError};
use crate::config::{ActivityCall, OutgoingConfig};
use bytes::Bytes;
use dacapo_core::ids::fold_name;
use dacapo_core::{Failure, Payload};
use dacapo_runtime::executor::{ActivityRun, HostActivities, Offer, RunEnd};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// The built-in activity.
const BUILT_IN: &str = "Http";
/// The call, whatever attempt or re-run of it: a service that knows the key already does nothing twice.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Where a service does not say when to ask again: as the original.
const POLL_MS: u64 = 30_000;
/// However often a service wants to be asked.
const SHORTEST_POLL_MS: u64 = 1_000;
const LONGEST_POLL_MS: u64 = 24 * 3_600 * 1_000;
/// Characters of a reply's body that a failure shows.
const SHOWN_CHARS: usize = 2_000;

/// Another attempt may succeed.
const UNAVAILABLE: &str = "http-unavailable";
/// Another attempt would not change the answer.
const REJECTED: &str = "http-rejected";
/// It was not allowed to be sent.
const DENIED: &str = "http-denied";
/// The request or the reply passes a limit.
const TOO_LARGE: &str = "http-too-large";
/// The input is not a request.
const BAD_REQUEST: &str = "http-bad-request";
/// The reply's body is not what it says it is.
const BAD_REPLY: &str = "http-bad-reply";

/// Runs the activities of a configuration.
pub struct HttpActivities {
    outgoing: Outgoing,
    calls: BTreeMap<String, Arc<ActivityCall>>,
}

impl HttpActivities {
    /// The activities of `config`, called through `outgoing`.
    pub fn new(config: &OutgoingConfig, outgoing: Outgoing) -> Self {
        let calls = config.activities.iter().map(|(name, call)| (name.clone(), Arc::new(call.clone()))).collect();
        Self { outgoing, calls }
    }
}

impl HostActivities for HttpActivities {
    fn offers(&self, name: &str) -> Option<Offer> {
        // Asked for every call of an activity, and most servers have none configured.
        if !self.calls.is_empty() && self.calls.contains_key(&fold_name(name)) {
            return Some(Offer::Configured);
        }
        name.eq_ignore_ascii_case(BUILT_IN).then_some(Offer::BuiltIn)
    }

    fn run(&self, run: ActivityRun) -> BoxFuture<'_, RunEnd> {
        Box::pin(async move {
            match self.calls.get(&fold_name(&run.name)) {
                Some(call) => RunEnd::Done(configured(&self.outgoing, call, &run).await),
                None => built_in(&self.outgoing, &run).await.unwrap_or_else(|failure| RunEnd::Done(Err(failure))),
            }
        })
    }
}

/// The input is the body; what a reply with a good status says is the result.
async fn configured(outgoing: &Outgoing, call: &ActivityCall, run: &ActivityRun) -> Result<Payload, Failure> {
    let mut headers = call.headers.clone();
    add_key(&mut headers, run);
    let has_body = !matches!(call.method, Method::GET | Method::HEAD | Method::DELETE) || !run.input.is_null();
    let body = if has_body { Bytes::from(run.input.to_string()) } else { Bytes::new() };
    if has_body {
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    }
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    let request =
        Request { method: call.method.clone(), url: call.url.clone(), headers, body, timeout_ms: call.timeout_ms };
    let reply = outgoing.send(request).await.map_err(|error| {
        let (connect, timeout) = (call.retryable.connect, call.retryable.timeout);
        unsent(&run.name, &error, connect, timeout)
    })?;
    if !reply.status.is_success() {
        let kind = if call.retryable.has_status(reply.status) { UNAVAILABLE } else { REJECTED };
        let message =
            format!("Activity '{}': {} {} answered {}.", run.name, call.method, call.url.path(), reply.status);
        return Err(Failure::detailed(kind, message, Payload::of(&Shown::of(&reply)).ok()));
    }
    result(&reply).map_err(|problem| {
        Failure::new(BAD_REPLY, format!("Activity '{}': the reply of {}: {problem}", run.name, call.url.path()))
    })
}

fn add_key(headers: &mut HeaderMap, run: &ActivityRun) {
    if let Ok(key) = HeaderValue::from_str(&run.idempotency_key) {
        headers.entry(IDEMPOTENCY_KEY).or_insert(key);
    }
}

fn unsent(activity: &str, error: &SendError, connect: bool, timeout: bool) -> Failure {
    let again = |yes| if yes { UNAVAILABLE } else { REJECTED };
    let kind = match error {
        SendError::Denied(_) => DENIED,
        SendError::TooLarge { .. } => TOO_LARGE,
        SendError::Unresolved { .. } | SendError::Unreachable(_) => again(connect),
        SendError::TimedOut(_) | SendError::Broken(_) => again(timeout),
    };
    Failure::new(kind, format!("Activity '{activity}': {error}."))
}

/// JSON as it is, text as a string, nothing as `null`.
fn result(reply: &Reply) -> Result<Payload, String> {
    if reply.body.is_empty() {
        return Ok(Payload::null());
    }
    let text = std::str::from_utf8(&reply.body).map_err(|_| "it is not UTF-8".to_owned())?;
    let content_type =
        reply.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match Payload::parse(text) {
        Ok(json) => Ok(json),
        Err(error) if content_type.contains("json") => Err(format!("it says that it is JSON, and is {error}")),
        Err(_) => Ok(Payload::string(text)),
    }
}

/// What a failure shows of a reply.
#[derive(Serialize)]
struct Shown {
    status: u16,
    body: String,
}

impl Shown {
    fn of(reply: &Reply) -> Self {
        let body = String::from_utf8_lossy(&reply.body).chars().take(SHOWN_CHARS).collect();
        Self { status: reply.status.as_u16(), body }
    }
}

/// Headers that decide who is called or how the exchange is framed.
const NOT_FOR_FLOWS: [HeaderName; 8] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::PROXY_AUTHORIZATION,
];

/// The input of `Http`, by the names of Durable Functions.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Call {
    #[serde(default = "get")]
    method: String,
    #[serde(alias = "url")]
    uri: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// A text is sent as it is, anything else as JSON.
    #[serde(default, alias = "body", skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
    /// Whether 202 with a `Location` is asked after, as long as it takes.
    #[serde(default = "yes", alias = "enablePolling")]
    asynchronous_pattern_enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
}

fn get() -> String {
    "GET".to_owned()
}

fn yes() -> bool {
    true
}

/// The result of `Http`, by the names of Durable Functions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    content: String,
}

impl Answer {
    fn of(reply: &Reply) -> Self {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in &reply.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let all = headers.entry(name.to_string()).or_default();
            all.push_str(if all.is_empty() { "" } else { ", " });
            all.push_str(&value);
        }
        let content = String::from_utf8_lossy(&reply.body).into_owned();
        Self { status_code: reply.status.as_u16(), headers, content }
    }
}

/// Whatever is answered is the result; what has only begun is asked after later.
async fn built_in(outgoing: &Outgoing, run: &ActivityRun) -> Result<RunEnd, Failure> {
    let bad = |problem: String| Failure::new(BAD_REQUEST, format!("Activity '{BUILT_IN}': the input {problem}"));
    let call: Call = serde_json::from_str(run.input.as_str()).map_err(|error| {
        bad(format!("must look like {{\"method\": \"POST\", \"uri\": \"https://...\", \"headers\": {{}}, \"content\": ...}}: {error}"))
    })?;
    let url = Url::parse(&call.uri).map_err(|error| bad(format!("has no valid uri: '{}': {error}", call.uri)))?;
    let method = Method::from_bytes(call.method.to_ascii_uppercase().as_bytes())
        .map_err(|error| bad(format!("has no valid method: {error}")))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|error| bad(format!("has a header '{name}': {error}")))?;
        if NOT_FOR_FLOWS.contains(&name) {
            return Err(bad(format!("has a header '{name}', which the client sets itself")));
        }
        let value = HeaderValue::from_str(value).map_err(|error| bad(format!("has a header '{name}': {error}")))?;
        headers.append(name, value);
    }
    let body = match &call.content {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(json) => {
            headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            Bytes::from(json.to_string())
        }
    };
    add_key(&mut headers, run);
    let timeout_ms = outgoing.granted_ms(call.timeout_ms);
    let request = Request { method, url: url.clone(), headers, body, timeout_ms };
    let sent = outgoing.send(request).await;
    let reply = sent.map_err(|error| unsent(BUILT_IN, &error, true, true))?;
    if reply.status == StatusCode::ACCEPTED
        && call.asynchronous_pattern_enabled
        && let Some(next) = reply.headers.get(header::LOCATION)
    {
        let problem = || Failure::new(BAD_REPLY, format!("Activity '{BUILT_IN}': 202 with a Location that is no URL."));
        let next = next.to_str().ok().and_then(|text| url.join(text).ok()).ok_or_else(problem)?;
        // What was meant for one origin is not shown to another.
        let headers = if next.origin() == url.origin() { call.headers } else { BTreeMap::new() };
        let after_ms = retry_after_ms(&reply.headers, run.now_ms);
        let poll = Call { method: get(), uri: next.into(), headers, content: None, ..call };
        let input = Payload::of(&poll).map_err(|error| Failure::new(BAD_REPLY, error.to_string()))?;
        return Ok(RunEnd::Later { input, after_ms });
    }
    let answer = Payload::of(&Answer::of(&reply)).map_err(|error| Failure::new(BAD_REPLY, error.to_string()))?;
    Ok(RunEnd::Done(Ok(answer)))
}

/// `Retry-After`, in seconds or as a date.
fn retry_after_ms(headers: &HeaderMap, now_ms: u64) -> u64 {
    let text = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::trim);
    let wanted = text.and_then(|text| match text.parse::<u64>() {
        Ok(seconds) => Some(seconds.saturating_mul(1_000)),
        Err(_) => {
            let at: Timestamp = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Some(u64::try_from(at.as_millisecond()).ok()?.saturating_sub(now_ms))
        }
    });
    wanted.unwrap_or(POLL_MS).clamp(SHORTEST_POLL_MS, LONGEST_POLL_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(value: &'static str) -> u64 {
        retry_after_ms(&HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]), 1_000_000)
    }

    #[test]
    fn a_service_says_when_to_ask_again_within_reason() {
        assert_eq!(after("5"), 5_000);
        assert_eq!(after("0"), SHORTEST_POLL_MS);
        assert_eq!(after("99999999999999999999"), POLL_MS);
        assert_eq!(after("9999999999"), LONGEST_POLL_MS);
        assert_eq!(after("Thu, 01 Jan 1970 00:17:10 GMT"), 30_000);
        assert_eq!(after("soon"), POLL_MS);
        assert_eq!(retry_after_ms(&HeaderMap::new(), 0), POLL_MS);
    }

    #[test]
    fn a_body_is_json_or_text_or_nothing() {
        let reply = |content_type: &'static str, body: &'static str| Reply {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]),
            body: Bytes::from_static(body.as_bytes()),
        };
        let of = |content_type, body| result(&reply(content_type, body)).map(|payload| payload.to_string());
        assert_eq!(of("application/json", "{\"a\": 1}"), Ok("{\"a\": 1}".to_owned()));
        assert_eq!(of("text/plain", "fine"), Ok("\"fine\"".to_owned()));
        assert_eq!(of("text/plain", ""), Ok("null".to_owned()));
        assert!(of("application/problem+json", "{").expect_err("broken").contains("says that it is JSON"));
    }
}
