//! Calls of a server, and what its answers mean.

use super::exit::{CliError, Exit};
use crate::config::is_loopback;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long an answer may take, unless the call says otherwise. A deployment compiles for up to 90 seconds.
const ANSWER_TIME: Duration = Duration::from_secs(150);

/// A server.
pub(crate) struct Api {
    http: reqwest::Client,
    server: Url,
}

/// The answer to a call.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// The body of an error.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorBody {
    message: String,
    exception_message: Option<String>,
}

/// Reads the address of a server; `localhost:7071` will do.
pub(crate) fn server_url(text: &str) -> Result<Url, String> {
    let absolute = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&absolute).map_err(|error| format!("{error}; it looks like http://127.0.0.1:7071"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err("it looks like http://127.0.0.1:7071".into()),
    }
}

impl Api {
    /// Calls this server from now on.
    pub(crate) fn new(server: Url) -> Result<Self, CliError> {
        let mut http = reqwest::Client::builder().connect_timeout(CONNECT_TIME).read_timeout(ANSWER_TIME);
        // What a proxy calls this machine is another one.
        if server.host_str().is_some_and(is_loopback) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| CliError::error(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { http, server })
    }

    /// An address of Durable Functions' API.
    pub(crate) fn durable(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        self.url(&["runtime", "webhooks", "durabletask"], path, query)
    }

    /// An address of Dacapo's own API.
    pub(crate) fn own(&self, path: &[&str]) -> Url {
        self.own_with(path, &[])
    }

    /// As [`Api::own`], with a query.
    pub(crate) fn own_with(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        self.url(&["api"], path, query)
    }

    fn url(&self, base: &[&str], path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.server.clone();
        // Only addresses without a host have no segments, and `server_url` refuses those.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(base).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// A GET to be sent.
    pub(crate) fn get(&self, url: Url) -> RequestBuilder {
        self.http.get(url)
    }

    /// A DELETE to be sent.
    pub(crate) fn delete(&self, url: Url) -> RequestBuilder {
        self.http.delete(url)
    }

    /// A PUT of bytes to be sent.
    pub(crate) fn put(&self, url: Url, bytes: Vec<u8>) -> RequestBuilder {
        Self::component(self.http.put(url), bytes)
    }

    /// A POST of a component to be sent.
    pub(crate) fn post_component(&self, url: Url, bytes: Vec<u8>) -> RequestBuilder {
        Self::component(self.http.post(url), bytes)
    }

    fn component(request: RequestBuilder, bytes: Vec<u8>) -> RequestBuilder {
        request.header(CONTENT_TYPE, HeaderValue::from_static("application/wasm")).body(bytes)
    }

    /// A POST of JSON to be sent; no JSON is an empty body.
    pub(crate) fn post(&self, url: Url, json: Option<String>) -> RequestBuilder {
        let post = self.http.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        post.body(json.unwrap_or_default())
    }

    /// Sends a call and reads the whole answer, whatever it is.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Reply, CliError> {
        self.send_within(request, ANSWER_TIME).await
    }

    /// Like [`Api::send`], for an answer that may take longer or must come sooner.
    pub(crate) async fn send_within(&self, request: RequestBuilder, limit: Duration) -> Result<Reply, CliError> {
        self.read(self.open(request.timeout(limit)).await?).await
    }

    /// Sends a call whose answer is read piece by piece.
    pub(crate) async fn open(&self, request: RequestBuilder) -> Result<Response, CliError> {
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    /// Reads the rest of an answer.
    pub(crate) async fn read(&self, response: Response) -> Result<Reply, CliError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.map_err(|error| self.unreachable(&error))?;
        Ok(Reply { status, headers, body })
    }

    /// The error for a call that got no answer.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> CliError {
        let server = self.server.as_str().trim_end_matches('/');
        let message = format!(
            "no answer from {server}: {}\n\
             is `dacapo serve` running there? --server URL or DACAPO_SERVER names another server",
            cause(error)
        );
        CliError::new(Exit::Unreachable, message)
    }
}

/// The innermost cause: the outer ones only repeat the address.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

impl Reply {
    /// The answer, where the call succeeded; `missing` is what to say when something was not found.
    pub(crate) fn accepted(self, missing: &str) -> Result<Self, CliError> {
        let status = self.status;
        if status.is_success() {
            return Ok(self);
        }
        let message = self.message();
        Err(match status {
            StatusCode::NOT_FOUND => CliError::new(Exit::NotFound, missing),
            StatusCode::CONFLICT | StatusCode::GONE | StatusCode::PRECONDITION_FAILED => {
                CliError::new(Exit::Conflict, message)
            }
            _ => CliError::error(message),
        })
    }

    /// The body as a value.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, CliError> {
        parse(&self.body)
    }

    /// What the server said, or what its status code means where it said nothing.
    fn message(&self) -> String {
        let body: ErrorBody = serde_json::from_str(&self.body).unwrap_or_default();
        let said = match body.exception_message {
            Some(why) if body.message.is_empty() || why.contains(&body.message) => why,
            Some(why) if !body.message.contains(&why) => format!("{} {why}", body.message),
            _ => body.message,
        };
        match (said.is_empty(), self.status) {
            (false, _) => said,
            (true, StatusCode::GONE) => "the instance has ended: nothing can be done to it but purge".into(),
            (true, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => "the server does not let you do this".into(),
            (true, status) => format!("the server answered {status}"),
        }
    }
}

/// Reads what a server sent.
pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, CliError> {
    serde_json::from_str(json)
        .map_err(|error| CliError::error(format!("the server's answer is not understood ({error}): is that a Dacapo?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(server: &str) -> Api {
        Api::new(server_url(server).expect("a server")).expect("a client")
    }

    fn reply(status: u16, body: &str) -> Reply {
        let status = StatusCode::from_u16(status).expect("a status code");
        Reply { status, headers: HeaderMap::new(), body: body.into() }
    }

    fn refused(status: u16, body: &str) -> (Exit, String) {
        let error = reply(status, body).accepted("there is no such thing").expect_err("is refused");
        (error.exit(), format!("{error:?}"))
    }

    #[test]
    fn servers_are_named_in_short_or_in_full() {
        assert_eq!(server_url("localhost:7071").expect("short").as_str(), "http://localhost:7071/");
        assert_eq!(server_url("http://[::1]:80/base/").expect("full").path(), "/base/");
        for wrong in ["", "ftp://host", "http://", "http://host:port"] {
            server_url(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn ids_and_names_are_escaped_in_addresses() {
        let url = api("localhost:1").durable(&["instances", "a b/%?#ü"], &[("reason", "x&y z".into())]);
        let path = "/runtime/webhooks/durabletask/instances/a%20b%2F%25%3F%23%C3%BC";
        assert_eq!(url.as_str(), format!("http://localhost:1{path}?reason=x%26y+z"));
        assert_eq!(api("localhost:1/base/").own(&["modules"]).path(), "/base/api/modules");
    }

    #[test]
    fn the_exit_code_says_what_the_server_meant() {
        assert_eq!(refused(404, ""), (Exit::NotFound, refused(404, "").1));
        assert!(refused(404, "").1.contains("no such thing"));
        for code in [409, 410, 412] {
            assert_eq!(refused(code, "").0, Exit::Conflict);
        }
        for code in [400, 401, 413, 422, 429, 500, 503] {
            assert_eq!(refused(code, "").0, Exit::Error);
        }
        assert!(reply(202, "").accepted("").is_ok());
    }

    #[test]
    fn the_message_is_the_one_that_says_most() {
        let message = |body: &str| reply(400, body).message();
        assert_eq!(message(r#"{"Message":"Bad."}"#), "Bad.");
        assert_eq!(message(r#"{"Message":"Bad.","ExceptionMessage":"Bad. No 'X'."}"#), "Bad. No 'X'.");
        assert_eq!(message(r#"{"Message":"Bad.","ExceptionMessage":"No 'X'."}"#), "Bad. No 'X'.");
        assert_eq!(message("<html>"), "the server answered 400 Bad Request");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_has_its_own_exit_code() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let api = api(&address.to_string());
        let error = api.send(api.get(api.own(&["health"]))).await.expect_err("nobody is there");
        assert_eq!(error.exit(), Exit::Unreachable);
        assert!(format!("{error:?}").contains("DACAPO_SERVER"));
    }
}
