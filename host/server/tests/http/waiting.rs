//! `Prefer: wait=N`. Where a change and a wait for it race, either order must give the same answer.

use crate::harness::{Reply, START_MS, Server, send};
use dacapo_runtime::Clock as _;
use reqwest::Method;

async fn wait(server: &Server, id: &str, seconds: &str, known: Option<&str>) -> Reply {
    let mut request =
        server.request(Method::GET, &format!("/instances/{id}")).header("prefer", format!("wait={seconds}"));
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    send(request).await
}

async fn parked_gate(server: &Server) -> String {
    server.begin("Gate", "a", "").await;
    server.parked("a").await;
    server.get("/instances/a").await.header("etag").to_owned()
}

#[tokio::test]
async fn a_wait_ends_with_the_change() {
    let server = Server::start().await;
    let known = parked_gate(&server).await;
    let open = server.post("/instances/a/raiseEvent/open", "5");
    let (reply, _) = tokio::join!(wait(&server, "a", "60", Some(&known)), open);
    assert_eq!((reply.status, reply.header("preference-applied")), (200, "wait=60"));
    assert_eq!(reply.json()["output"], 5);
    assert_ne!(reply.header("etag"), known);
}

#[tokio::test]
async fn what_the_client_does_not_have_comes_at_once() {
    let server = Server::start().await;
    parked_gate(&server).await;
    let reply = wait(&server, "a", "60", Some("\"older\"")).await;
    assert_eq!((reply.status, reply.header("preference-applied")), (202, "wait=60"));
    assert_eq!(server.clock.now_ms(), START_MS);
}

#[tokio::test]
async fn a_wait_without_news_ends_with_304_after_the_time() {
    let server = Server::start().await;
    let known = parked_gate(&server).await;
    for (asked, applied, least_ms) in [("0", "wait=0", 0), ("7", "wait=7", 7_000), ("3600", "wait=60", 60_000)] {
        let before_ms = server.clock.now_ms();
        let reply = server.as_time_passes(wait(&server, "a", asked, Some(&known))).await;
        reply.is_bare(304);
        assert_eq!((reply.header("preference-applied"), reply.header("etag")), (applied, known.as_str()));
        assert!(server.clock.now_ms() - before_ms >= least_ms);
    }
}

#[tokio::test]
async fn without_a_tag_news_is_any_change_from_now_on() {
    let server = Server::start().await;
    parked_gate(&server).await;
    let reply = server.as_time_passes(wait(&server, "a", "5", None)).await;
    assert_eq!((reply.status, reply.header("preference-applied")), (202, "wait=5"));
    let open = server.post("/instances/a/raiseEvent/open", "");
    let (reply, _) = tokio::join!(wait(&server, "a", "60", None), open);
    assert_eq!(reply.status, 200);
    // What has ended does not change any more.
    assert_eq!(wait(&server, "a", "60", None).await.status, 200);
}

#[tokio::test]
async fn a_purge_ends_a_wait_and_nobody_waits_for_the_unknown() {
    let server = Server::start().await;
    let known = parked_gate(&server).await;
    let purge = server.delete("/instances/a?force=true");
    let (reply, purged) = tokio::join!(wait(&server, "a", "60", Some(&known)), purge);
    assert_eq!(purged.status, 200);
    reply.is_bare(404);
    wait(&server, "nobody", "60", None).await.is_bare(404);
}
