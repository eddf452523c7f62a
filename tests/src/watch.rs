//! One open watch of an instance: its statuses as the server pushes them.

use anyhow::Result;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use reqwest::Response;
use serde_json::Value;

/// An open stream of statuses.
pub struct Watch {
    stream: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    bytes: Vec<u8>,
    last_id: String,
}

impl Watch {
    /// Reads what comes as the body of `answer`.
    pub fn of(answer: Response) -> Self {
        let stream = answer.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        Self { stream, bytes: Vec::new(), last_id: String::new() }
    }

    /// The id of the last event: a watch can go on after it.
    pub fn last_id(&self) -> &str {
        &self.last_id
    }

    /// The next status; `None` at the end of the stream.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.bytes.drain(..end + 2).collect();
                let event = std::str::from_utf8(&event)?;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let status = field("data:").map(serde_json::from_str).transpose()?;
                self.last_id = field("id:").map_or_else(|| self.last_id.clone(), str::to_owned);
                if status.is_some() {
                    return Ok(status);
                }
            }
            match self.stream.next().await {
                Some(chunk) => self.bytes.extend(chunk?),
                None => return Ok(None),
            }
        }
    }
}
