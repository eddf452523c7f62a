//! A client that costs next to nothing: requests are made once, answers are read up to their length and not looked into.

use anyhow::{Context as _, Result, bail, ensure};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Where the orchestration API begins.
const API: &str = "/runtime/webhooks/durabletask";

/// A request, as it goes over the wire.
pub(crate) fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n").into_bytes();
    if method != "GET" {
        bytes.extend(format!("content-type: application/json\r\ncontent-length: {length}\r\n").as_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// A start that is answered once it is durable.
pub(crate) fn start(name: &str, id: &str, input: &str) -> Vec<u8> {
    request("POST", &format!("{API}/orchestrators/{name}/{id}"), input.as_bytes())
}

/// A start that is answered with the output, once there is one.
pub(crate) fn start_and_wait(name: &str, input: &str) -> Vec<u8> {
    let path = format!("{API}/orchestrators/{name}?timeout=200&pollingInterval=1");
    request("POST", &path, input.as_bytes())
}

/// The present status of an instance.
pub(crate) fn status(id: &str) -> Vec<u8> {
    request("GET", &format!("{API}/instances/{id}"), b"")
}

/// At most one instance that has one of these statuses.
pub(crate) fn any_with(statuses: &str) -> Vec<u8> {
    request("GET", &format!("{API}/instances?top=1&showInput=false&runtimeStatus={statuses}"), b"")
}

/// An event for an instance.
pub(crate) fn raise(id: &str, event: &str, data: &str) -> Vec<u8> {
    request("POST", &format!("{API}/instances/{id}/raiseEvent/{event}"), data.as_bytes())
}

/// A connection that stays open from one request to the next.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 16 << 10], filled: 0 })
    }

    /// Sends a request and returns the body of its answer, which must have the code `wanted`.
    pub(crate) async fn call(&mut self, request: &[u8], wanted: u16) -> Result<&[u8]> {
        let (code, body) = self.answer(request).await?;
        ensure!(code == wanted, "{code} instead of {wanted}: {}", String::from_utf8_lossy(body));
        Ok(body)
    }

    /// Sends a request; the code of its answer, and the body.
    pub(crate) async fn answer(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        let head = loop {
            self.read().await?;
            if let Some(end) = find(&self.buffer[..self.filled], b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (code, length) = parse_head(&self.buffer[..head])?;
        while self.filled < head + length {
            self.read().await?;
        }
        Ok((code, &self.buffer[head..head + length]))
    }

    async fn read(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(2 * self.filled, 0);
        }
        match self.stream.read(&mut self.buffer[self.filled..]).await? {
            0 => bail!("the server closed the connection"),
            more => self.filled += more,
        }
        Ok(())
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The code, and the length of the body.
fn parse_head(head: &[u8]) -> Result<(u16, usize)> {
    let code = std::str::from_utf8(head.get(9..12).context("a short answer")?)?.parse()?;
    for line in head.split(|byte| *byte == b'\n') {
        if line.len() > 15 && line[..15].eq_ignore_ascii_case(b"content-length:") {
            return Ok((code, std::str::from_utf8(&line[15..])?.trim().parse()?));
        }
    }
    bail!("an answer without a length: {}", String::from_utf8_lossy(head))
}
