//! How the server begins, bounds its connections, and ends.

use crate::fake;
use crate::harness::{Server, config, send};
use dacapo_runtime::{ManualClock, SystemClock};
use dacapo_server::{App, Parts, ServeConfig};
use dacapo_store::memory::MemoryStore;
use dacapo_store::{ContinueAfter, InstanceFilter};
use reqwest::Method;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn parts() -> Parts {
    Parts { store: Arc::new(MemoryStore::new()), clock: Arc::new(SystemClock), guests: fake::guests() }
}

async fn refused(config: ServeConfig) -> String {
    match App::start(config, parts()).await {
        Ok(app) => panic!("listens on {}", app.addr()),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused_without_a_word_for_it() {
    let exposed = ServeConfig { listen: ([0, 0, 0, 0], 0).into(), ..config() };
    assert!(refused(exposed.clone()).await.contains("--insecure"));
    let app = App::start(ServeConfig { insecure: true, ..exposed }, parts()).await.expect("starts");
    assert_ne!(app.addr().port(), 0);
    app.shutdown().await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let server = Server::start().await;
    let taken = ServeConfig { listen: server.app.addr(), ..config() };
    assert!(refused(taken).await.contains(&format!("cannot listen on {}", server.app.addr())));
}

#[tokio::test]
async fn http2_without_tls_is_understood() {
    let server = Server::start().await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let url = |path: &str| format!("{}/durabletask{path}", server.origin());
    let started = send(client.post(url("/orchestrators/Gate/a"))).await;
    assert_eq!(started.status, 202);
    assert!(started.header("location").starts_with(&url("/instances/a")));
    let status = send(client.get(url("/instances/a"))).await;
    assert_eq!(status.header("location"), url("/instances/a"));
}

#[tokio::test]
async fn a_shutdown_answers_what_is_under_way_and_takes_nothing_more() {
    let server = Server::start().await;
    server.begin("Gate", "a", "").await;
    server.parked("a").await;
    let known = server.get("/instances/a").await.header("etag").to_owned();
    let wait = server.request(Method::GET, "/instances/a").header("prefer", "wait=60").header("if-none-match", &known);
    let wait = tokio::spawn(send(wait));
    let late = tokio::spawn(send(server.request(Method::POST, "/orchestrators/Gate?timeout=60&pollingInterval=1")));
    // The start is answered by nothing but its end or the server's: once it is there, so is its request.
    while server
        .app
        .client()
        .list(InstanceFilter::default(), ContinueAfter::ZERO, 10, false)
        .await
        .expect("lists")
        .instances
        .len()
        < 2
    {
        tokio::task::yield_now().await;
    }
    let origin = server.origin();
    server.app.shutdown().await;
    wait.await.expect("answered").is_bare(304);
    assert_eq!(late.await.expect("answered").status, 202);
    assert!(server.http.get(format!("{origin}/api/health")).send().await.is_err());
}

#[tokio::test]
async fn work_goes_on_after_a_restart_on_the_same_store() {
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::new(crate::harness::START_MS)));
    let parts = || Parts { store: store.clone(), clock: clock.clone(), guests: fake::guests() };
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let first = App::start(config(), parts()).await.expect("starts");
    first.client().deploy("flows", fake::COMPONENT.into()).await.expect("deploys");
    let url = |app: &App, path: &str| format!("http://{}/durabletask{path}", app.addr());
    assert_eq!(send(http.post(url(&first, "/orchestrators/Gate/a")).body("3")).await.status, 202);
    first.shutdown().await;
    let second = App::start(config(), parts()).await.expect("starts");
    let raise = http.post(url(&second, "/instances/a/raiseEvent/open")).header("content-type", "application/json");
    send(raise.body("4")).await.is_bare(202);
    let status = http.get(url(&second, "/instances/a")).header("prefer", "wait=60").header("if-none-match", "\"x\"");
    let mut reply = send(status).await;
    while reply.status == 202 {
        let known = reply.header("etag").to_owned();
        reply = send(http.get(url(&second, "/instances/a")).header("prefer", "wait=60").header("if-none-match", known))
            .await;
    }
    assert_eq!(reply.json()["output"], 4);
}

#[tokio::test]
async fn connections_past_the_cap_wait_for_a_free_one() {
    let server = Server::with(ServeConfig { connections: 1, ..config() }).await;
    let ask = b"GET /api/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let first = TcpStream::connect(server.app.addr()).await.expect("connects");
    let mut second = TcpStream::connect(server.app.addr()).await.expect("connects");
    second.write_all(ask).await.expect("writes");
    let mut answer = String::new();
    // The second is not served while the first is open; closing the first lets it in.
    let (read, ()) = tokio::join!(second.read_to_string(&mut answer), async { drop(first) });
    read.expect("reads");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn slow_heads_are_cut_off() {
    let server = Server::start().await;
    let mut silent = TcpStream::connect(server.app.addr()).await.expect("connects");
    let mut slow = TcpStream::connect(server.app.addr()).await.expect("connects");
    let mut undecided = TcpStream::connect(server.app.addr()).await.expect("connects");
    slow.write_all(b"GET /api/health HTTP/1.1\r\nhost").await.expect("writes");
    undecided.write_all(b"PRI * HT").await.expect("writes");
    assert_eq!(send(server.own(Method::GET, "/api/health")).await.status, 200);
    // Nothing is due any more but the timeouts of the server: they come at once.
    tokio::time::pause();
    for stream in [&mut silent, &mut slow, &mut undecided] {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{answer:?}");
    }
}
