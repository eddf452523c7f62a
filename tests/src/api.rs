//! The HTTP API of a Dacapo that runs somewhere else, such as a [`crate::program::Program`].

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::Path;

/// Calls one server. Cheap to clone; connections are kept and used again.
#[derive(Clone)]
pub struct Api {
    url: String,
    http: reqwest::Client,
}

impl Api {
    /// Of the server at `url`.
    pub fn of(url: &str) -> Self {
        Self { url: url.to_owned(), http: reqwest::Client::new() }
    }

    /// A request below the base path of the contract. The answer's code, and its body: `null` where that is empty.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(StatusCode, Value)> {
        let mut request = self.http.request(method, format!("{}/runtime/webhooks/durabletask{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        Ok((status, body))
    }

    /// Deploys a module under its file's name.
    pub async fn deploy(&self, file: &Path) -> Result<()> {
        let bytes = std::fs::read(file).with_context(|| format!("{}: run `cargo xtask samples`", file.display()))?;
        let name = file.file_stem().and_then(|stem| stem.to_str()).context("a file name")?;
        let answer = self.http.put(format!("{}/api/modules/{name}", self.url)).body(bytes).send().await?;
        ensure!(answer.status().is_success(), "deploying {name}: {}", answer.text().await?);
        Ok(())
    }

    /// Starts an instance; an error unless that was acknowledged.
    pub async fn start(&self, name: &str, id: &str, input: &Value) -> Result<()> {
        let (code, body) = self.call(Method::POST, &format!("/orchestrators/{name}/{id}"), Some(input)).await?;
        ensure!(code == StatusCode::ACCEPTED, "starting {id}: {code} {body}");
        Ok(())
    }

    /// Raises an event; an error unless that was acknowledged.
    pub async fn raise(&self, id: &str, event: &str, data: &Value) -> Result<()> {
        let (code, body) = self.call(Method::POST, &format!("/instances/{id}/raiseEvent/{event}"), Some(data)).await?;
        ensure!(code == StatusCode::ACCEPTED, "raising {event} to {id}: {code} {body}");
        Ok(())
    }

    /// The status of an instance, if there is one.
    pub async fn status(&self, id: &str) -> Result<Option<Value>> {
        let (code, body) = self.call(Method::GET, &format!("/instances/{id}"), None).await?;
        Ok((code != StatusCode::NOT_FOUND).then_some(body))
    }

    /// The status of an instance, once it has changed or so many seconds have gone.
    pub async fn status_within(&self, id: &str, seconds: u32) -> Result<Value> {
        let url = format!("{}/runtime/webhooks/durabletask/instances/{id}", self.url);
        let now = self.http.get(&url).send().await?;
        let tag = now.headers().get("etag").cloned().context("a status has a tag")?;
        let request = self.http.get(&url).header("prefer", format!("wait={seconds}")).header("if-none-match", tag);
        let answer = request.send().await?.bytes().await?;
        if answer.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&answer)?) }
    }

    /// The first page of a list.
    pub async fn list(&self, query: &str) -> Result<Vec<Value>> {
        let (code, body) = self.call(Method::GET, &format!("/instances?{query}"), None).await?;
        ensure!(code == StatusCode::OK, "listing {query}: {code} {body}");
        Ok(serde_json::from_value(body)?)
    }

    /// Shows `see` every status from now on, until it has seen enough. An error if the stream ends before.
    pub async fn watch(&self, id: &str, mut see: impl FnMut(Value) -> ControlFlow<()>) -> Result<()> {
        let url = format!("{}/runtime/webhooks/durabletask/instances/{id}/watch", self.url);
        let answer = self.http.get(url).send().await?;
        ensure!(answer.status().is_success(), "watching {id}: {}", answer.status());
        let (mut stream, mut text) = (answer.bytes_stream(), String::new());
        while let Some(chunk) = stream.next().await {
            text.push_str(std::str::from_utf8(&chunk?)?);
            while let Some((event, rest)) = text.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data:"));
                let status = data.map(|data| serde_json::from_str(data.trim())).transpose()?;
                text = rest.to_owned();
                if status.is_some_and(|status| see(status).is_break()) {
                    return Ok(());
                }
            }
        }
        anyhow::bail!("the stream of {id} ended before what was waited for came")
    }
}
