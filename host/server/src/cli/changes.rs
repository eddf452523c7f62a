//! The statuses of one instance as they change: by event stream, or by long poll.
//!
//! The stream delivers every committed change; a long poll delivers the present state whenever it has changed, so
//! that of several changes in a row it may show only the last.

use super::Session;
use super::api::Reply;
use super::events::{Event, EventReader};
use super::exit::{CliError, Exit};
use dacapo_core::InstanceId;
use reqwest::header::{ACCEPT, ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::{Response, StatusCode};
use std::collections::VecDeque;
use std::time::Duration;

/// The id to resume after for who has seen nothing: a server that remembers earlier changes sends those, too.
const BEFORE_THE_FIRST: &str = "0";

/// How long the server is asked to wait for a change.
const POLL: &str = "wait=30";

/// How long it may take over that.
const POLL_LIMIT: Duration = Duration::from_secs(60);

/// The statuses of one instance, from the present one on.
pub(crate) struct Changes<'a> {
    session: &'a Session,
    id: &'a InstanceId,
    source: Source,
}

enum Source {
    Stream(Box<Stream>),
    Poll { etag: Option<HeaderValue> },
}

/// An event stream, and where it stands.
struct Stream {
    response: Response,
    reader: EventReader,
    ready: VecDeque<Event>,
    last_id: String,
    /// Whether this connection brought anything.
    is_fruitful: bool,
}

impl<'a> Changes<'a> {
    /// Every change; where the server has no room for one more stream, what a long poll can see of them.
    pub(crate) async fn all(session: &'a Session, id: &'a InstanceId) -> Result<Self, CliError> {
        let source = match connect(session, id, BEFORE_THE_FIRST.into()).await? {
            Some(stream) => Source::Stream(stream),
            None => Source::Poll { etag: None },
        };
        Ok(Self { session, id, source })
    }

    /// The present state whenever it has changed: enough to wait for the end.
    pub(crate) fn latest(session: &'a Session, id: &'a InstanceId) -> Self {
        Self { session, id, source: Source::Poll { etag: None } }
    }

    /// The next status: the body of a status reply. Not to be called after the final one.
    pub(crate) async fn next(&mut self) -> Result<String, CliError> {
        loop {
            let found = match &mut self.source {
                Source::Stream(stream) => stream.next(self.session).await?,
                Source::Poll { etag } => poll(self.session, self.id, etag).await?,
            };
            if let Some(status) = found {
                return Ok(status);
            }
            if let Source::Stream(stream) = &self.source {
                self.source = self.reconnect(stream.is_fruitful, stream.last_id.clone()).await?;
            }
        }
    }

    /// Goes on after a stream that ended too early. One that brought nothing is not tried again: a long poll waits
    /// at the server, so that nobody is asked in a hot loop.
    async fn reconnect(&self, is_fruitful: bool, last_id: String) -> Result<Source, CliError> {
        if is_fruitful && let Some(stream) = connect(self.session, self.id, last_id).await? {
            return Ok(Source::Stream(stream));
        }
        Ok(Source::Poll { etag: None })
    }
}

impl Stream {
    /// The next status; `None` when the stream has ended.
    async fn next(&mut self, session: &Session) -> Result<Option<String>, CliError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.is_fruitful = true;
                self.last_id = event.id.unwrap_or_else(|| BEFORE_THE_FIRST.into());
                return Ok(Some(event.data));
            }
            match self.response.chunk().await {
                Ok(Some(piece)) => self.ready.extend(self.reader.read(&piece)),
                Ok(None) => return Ok(None),
                Err(_) if self.is_fruitful => return Ok(None),
                Err(error) => return Err(session.api.unreachable(&error)),
            }
        }
    }
}

/// Opens a stream; `None` where the server has no room for one more.
async fn connect(session: &Session, id: &InstanceId, last_id: String) -> Result<Option<Box<Stream>>, CliError> {
    let url = session.api.durable(&["instances", id.as_str(), "watch"], &[]);
    let request = session.api.get(url).header(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let response = session.api.open(request.header("last-event-id", &last_id)).await?;
    match response.status() {
        StatusCode::SERVICE_UNAVAILABLE => Ok(None),
        StatusCode::OK => {
            let (reader, ready) = (EventReader::default(), VecDeque::new());
            Ok(Some(Box::new(Stream { response, reader, ready, last_id, is_fruitful: false })))
        }
        _ => {
            let reply = session.api.read(response).await?.accepted(&missing(id))?;
            Err(CliError::error(format!("the server answered {} instead of an event stream", reply.status)))
        }
    }
}

/// Waits for a state other than the one `etag` names; `None` when there was none in time.
async fn poll(session: &Session, id: &InstanceId, etag: &mut Option<HeaderValue>) -> Result<Option<String>, CliError> {
    let url = session.api.durable(&["instances", id.as_str()], &[]);
    let mut request = session.api.get(url);
    // The first call asks for what is there now: without a state to compare with, the server would wait for the next.
    if let Some(etag) = etag {
        request = request.header(IF_NONE_MATCH, etag.clone()).header("prefer", HeaderValue::from_static(POLL));
    }
    let reply = session.api.send_within(request, POLL_LIMIT).await?;
    if reply.status == StatusCode::NOT_MODIFIED {
        return Ok(None);
    }
    let reply: Reply = reply.accepted(&missing(id))?;
    let found = reply.headers.get(ETAG).cloned();
    // Without it the next call would not wait, and we would ask in a hot loop.
    let without = || CliError::new(Exit::Error, "the server's answer has no ETag: is that a Dacapo?");
    *etag = Some(found.ok_or_else(without)?);
    Ok(Some(reply.body))
}

/// What to say when there is no such instance.
pub(crate) fn missing(id: &InstanceId) -> String {
    format!("there is no instance '{id}' on this server; `dacapo list` shows those that are")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::api::{Api, server_url};
    use crate::cli::output::{Format, Output};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    /// A server that gives these answers, one a connection; the requests that it got.
    async fn server(answers: &'static [&'static str]) -> (Session, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let served = tokio::spawn(async move {
            let mut requests = vec![];
            for answer in answers {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut request = vec![];
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.expect("a request"));
                }
                requests.push(String::from_utf8(request).expect("text").to_ascii_lowercase());
                stream.write_all(answer.replace('\n', "\r\n").as_bytes()).await.expect("answered");
            }
            requests
        });
        let api = Api::new(server_url(&address).expect("a server")).expect("a client");
        (Session { api, output: Output::new(Format::Json) }, served)
    }

    fn id() -> InstanceId {
        InstanceId::parse("a").expect("an id")
    }

    const STREAM: &str = "HTTP/1.1 200 OK\nconnection: close\ncontent-type: text/event-stream\n\n";

    #[tokio::test]
    async fn a_long_poll_goes_on_from_what_it_has_seen() {
        let (session, served) = server(&[
            "HTTP/1.1 202 Accepted\nconnection: close\netag: \"1\"\ncontent-length: 1\n\n1",
            "HTTP/1.1 304 Not Modified\nconnection: close\n\n",
            "HTTP/1.1 200 OK\nconnection: close\netag: \"2\"\ncontent-length: 1\n\n2",
        ])
        .await;
        let id = id();
        let mut changes = Changes::latest(&session, &id);
        assert_eq!(changes.next().await.expect("a status"), "1");
        assert_eq!(changes.next().await.expect("a status"), "2");
        let requests = served.await.expect("served");
        assert!(!requests[0].contains("if-none-match") && !requests[0].contains("prefer"), "{requests:?}");
        let waits = |request: &String| request.contains("if-none-match: \"1\"") && request.contains("prefer: wait=30");
        assert!(requests[1..].iter().all(waits), "{requests:?}");
    }

    #[tokio::test]
    async fn a_stream_that_breaks_is_resumed_after_its_last_event() {
        let first = "HTTP/1.1 200 OK\nconnection: close\n\nid: 1\ndata: one\n\nid: 2\ndata: two\n\nid: 3\ndata: th";
        let second = "HTTP/1.1 200 OK\nconnection: close\n\nid: 3\ndata: three\n\n";
        let (session, served) = server(vec![first, second].leak()).await;
        let id = id();
        let mut changes = Changes::all(&session, &id).await.expect("a stream");
        for wanted in ["one", "two", "three"] {
            assert_eq!(changes.next().await.expect("a status"), wanted);
        }
        let requests = served.await.expect("served");
        assert!(requests[0].contains("/instances/a/watch") && requests[0].contains("last-event-id: 0"), "{requests:?}");
        assert!(requests[1].contains("last-event-id: 2"), "{requests:?}");
    }

    #[tokio::test]
    async fn a_stream_that_brings_nothing_gives_way_to_a_long_poll() {
        let poll = "HTTP/1.1 200 OK\nconnection: close\netag: \"1\"\ncontent-length: 1\n\n1";
        for refusal in [STREAM, "HTTP/1.1 503 Service Unavailable\nconnection: close\ncontent-length: 0\n\n"] {
            let (session, served) = server(vec![refusal, poll].leak()).await;
            let id = id();
            let mut changes = Changes::all(&session, &id).await.expect("a way");
            assert_eq!(changes.next().await.expect("a status"), "1");
            assert!(!served.await.expect("served")[1].contains("/watch"));
        }
    }

    #[tokio::test]
    async fn an_unknown_instance_is_not_found() {
        let not_found = "HTTP/1.1 404 Not Found\nconnection: close\ncontent-length: 0\n\n";
        let (session, _served) = server(vec![not_found, not_found].leak()).await;
        let id = id();
        let Err(error) = Changes::all(&session, &id).await else { panic!("there is none") };
        assert_eq!(error.exit(), Exit::NotFound);
        let error = Changes::latest(&session, &id).next().await.expect_err("there is none");
        assert_eq!(error.exit(), Exit::NotFound);
    }
}
