//! `GET /instances/{id}/watch`.

use crate::harness::{Server, config};
use dacapo_server::ServeConfig;
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// One stream, read event by event.
struct Stream {
    response: Response,
    text: String,
}

/// One event: its id and its data; a comment has neither.
type Event = (String, Value);

impl Stream {
    async fn open(server: &Server, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = server.request(Method::GET, path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The lines up to the next empty one; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = self.response.chunk().await.expect("a chunk")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    async fn next(&mut self) -> Option<Event> {
        let block = self.block().await?;
        let field = |name: &str| {
            let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            lines.map(|value| value.strip_prefix(' ').unwrap_or(value)).collect::<Vec<_>>().join("\n")
        };
        Some((field("id"), serde_json::from_str(&field("data")).expect("JSON")))
    }

    async fn event(&mut self) -> Event {
        self.next().await.expect("an event")
    }
}

async fn step(server: &Server, id: &str, data: &str) {
    server.post(&format!("/instances/{id}/raiseEvent/step"), data).await.is_bare(202);
}

#[tokio::test]
async fn each_change_is_an_event_and_the_final_state_the_last() {
    let server = Server::start().await;
    server.begin("Steps", "a", "{\n\"pretty\":\r\n1}").await;
    server.parked("a").await;
    let mut stream = Stream::open(&server, "/instances/a/watch?showInput=true", None).await;
    let (first, status) = stream.event().await;
    assert_eq!(status, server.get("/instances/a").await.json());
    assert_eq!(status["input"], json!({"pretty": 1}));
    assert_eq!(format!("\"{first}\""), server.get("/instances/a").await.header("etag"));
    step(&server, "a", "").await;
    assert_eq!(stream.event().await.1["customStatus"], 1);
    // A turn that changes neither status is no event.
    step(&server, "a", "\"quiet\"").await;
    step(&server, "a", "").await;
    let (third, status) = stream.event().await;
    assert_eq!(status["customStatus"], 2);
    assert_ne!(third, first);
    step(&server, "a", "\"stop\"").await;
    let (_, last) = stream.event().await;
    assert_eq!((&last["runtimeStatus"], &last["output"]), (&json!("Completed"), &json!(2)));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn the_last_event_id_resumes() {
    let server = Server::start().await;
    server.begin("Steps", "a", "9").await;
    server.parked("a").await;
    let (first, status) = Stream::open(&server, "/instances/a/watch", None).await.event().await;
    assert_eq!(status["input"], json!(null));
    let mut resumed = Stream::open(&server, "/instances/a/watch", Some(&first)).await;
    step(&server, "a", "").await;
    assert_eq!(resumed.event().await.1["customStatus"], 1);
    // Missed while away: it comes first.
    let mut late = Stream::open(&server, "/instances/a/watch", Some(&first)).await;
    assert_eq!(late.event().await.1["customStatus"], 1);
    step(&server, "a", "\"stop\"").await;
    let (last, status) = late.event().await;
    assert_eq!(status["runtimeStatus"], "Completed");
    let request = server.request(Method::GET, "/instances/a/watch").header("last-event-id", last);
    crate::harness::send(request).await.is_bare(204);
}

#[tokio::test]
async fn a_comment_keeps_a_silent_stream_open() {
    let server = Server::start().await;
    server.begin("Gate", "a", "").await;
    server.parked("a").await;
    let mut stream = Stream::open(&server, "/instances/a/watch", None).await;
    stream.event().await;
    for _ in 0..2 {
        let block = server.as_time_passes(stream.block()).await.expect("goes on");
        assert!(block.starts_with(':'), "{block:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_instance_is_purged_or_the_server_stops() {
    let server = Server::start().await;
    for id in ["a", "b"] {
        server.begin("Gate", id, "").await;
        server.parked(id).await;
    }
    server.get("/instances/nobody/watch").await.is_bare(404);
    server.get("/instances/@x/watch").await.is_bare(404);
    let mut purged = Stream::open(&server, "/instances/a/watch", None).await;
    purged.event().await;
    server.delete("/instances/a?force=true").await;
    assert_eq!(purged.next().await, None);
    let mut stopped = Stream::open(&server, "/instances/b/watch", None).await;
    stopped.event().await;
    let (end, ()) = tokio::join!(stopped.next(), server.app.shutdown());
    assert_eq!(end, None);
}

#[tokio::test]
async fn open_streams_are_bounded() {
    let server = Server::with(ServeConfig { watch_streams: 1, ..config() }).await;
    server.begin("Gate", "a", "").await;
    server.parked("a").await;
    let mut stream = Stream::open(&server, "/instances/a/watch", None).await;
    stream.event().await;
    let refused = server.get("/instances/a/watch").await;
    assert!(refused.error(503).contains("`watch_streams`"));
    assert_eq!(refused.header("retry-after"), "5");
    server.post("/instances/a/raiseEvent/open", "").await;
    while stream.next().await.is_some() {}
    Stream::open(&server, "/instances/a/watch", None).await;
}
