//! `GET /instances`.

use crate::harness::{Reply, Server, send};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = reply.json();
    json.as_array()
        .expect("an array")
        .iter()
        .map(|status| status["instanceId"].as_str().expect("text").into())
        .collect()
}

/// Five instances, a second apart, the first created at 12:34:56.789.
async fn five(server: &Server) {
    for (orchestrator, id) in [("Echo", "a1"), ("Gate", "a2"), ("Fails", "b1"), ("echo", "b2"), ("Gate", "A3")] {
        server.begin(orchestrator, id, "\"in\"").await;
        server.parked(id).await;
        server.clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn lists_by_creation_and_narrows_down() {
    let server = Server::start().await;
    five(&server).await;
    let cases: [(&str, &[&str]); 20] = [
        ("", &["a1", "a2", "b1", "b2", "A3"]),
        ("/", &["a1", "a2", "b1", "b2", "A3"]),
        ("?instanceIdPrefix=a", &["a1", "a2"]),
        ("?INSTANCEIDPREFIX=A", &["A3"]),
        ("?runtimeStatus=Running", &["a2", "A3"]),
        ("?runtimeStatus=Failed,Completed", &["a1", "b1", "b2"]),
        ("?runtimeStatus=Failed&runtimeStatus=Completed,Odd", &["a1", "b1", "b2"]),
        ("?runtimeStatus=failed,Odd", &["a1", "a2", "b1", "b2", "A3"]),
        ("?name=ECHO", &["a1", "b2"]),
        ("?name=nope", &[]),
        ("?createdTimeFrom=2026-01-31T12:34:58.789Z", &["b1", "b2", "A3"]),
        ("?createdTimeFrom=2026-01-31T12:34:58.790Z", &["b2", "A3"]),
        ("?createdTimeTo=2026-01-31T12:34:58.789000Z", &["a1", "a2", "b1"]),
        ("?createdTimeTo=2026-01-31T12:34:58.788000Z", &["a1", "a2"]),
        ("?createdTimeFrom=2026-01-31T13:34:58+01:00&createdTimeTo=2026-01-31T12:34:59.789Z", &["b1", "b2"]),
        ("?createdTimeFrom=2026-01-31T14:34:59 02:00&createdTimeTo=", &["b2", "A3"]),
        ("?createdTimeTo=9999-12-31T23:59:59.9999999Z", &["a1", "a2", "b1", "b2", "A3"]),
        ("?createdTimeFrom=1-01-01T00:00:00.000000Z&createdTimeTo=0001-01-01T00:00:00Z", &[]),
        ("?&taskHub=T&connection=C&code=&what=ever", &["a1", "a2", "b1", "b2", "A3"]),
        ("?runtimeStatus=Running&name=gate&instanceIdPrefix=A", &["A3"]),
    ];
    for (query, expected) in cases {
        let reply = server.get(&format!("/instances{query}")).await;
        assert_eq!(ids(&reply), expected, "{query}");
        assert!(reply.headers.contains_key("x-ms-continuation-token"));
        assert_eq!(reply.header("x-ms-continuation-token"), "");
    }
}

#[tokio::test]
async fn each_is_shown_as_its_own_status_is() {
    let server = Server::start().await;
    five(&server).await;
    let listed = server.get("/instances?name=fails").await;
    let own = server.get("/instances/b1").await;
    assert_eq!(listed.body, format!("[{}]", own.body));
    assert_eq!(own.json()["input"], json!("in"));
    let hidden = server.get("/instances?name=fails&showInput=false").await.json();
    assert_eq!(hidden[0]["input"], json!(null));
}

#[tokio::test]
async fn pages_are_full_until_the_last() {
    let server = Server::start().await;
    for n in 0..7 {
        server.run("Echo", &format!("i{n}"), "").await;
    }
    server.run("Fails", "f", "").await;
    let (mut token, mut pages) = (String::new(), Vec::new());
    loop {
        let request = server.request(Method::GET, "/instances?top=3&runtimeStatus=Completed");
        let reply = send(request.header("x-ms-continuation-token", &token)).await;
        pages.push(ids(&reply));
        token = reply.header("x-ms-continuation-token").to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, [vec!["i0", "i1", "i2"], vec!["i3", "i4", "i5"], vec!["i6"]]);
    let refused = send(server.request(Method::GET, "/instances").header("x-ms-continuation-token", "?!")).await;
    assert!(refused.error(400).contains("x-ms-continuation-token"));
}

#[tokio::test]
async fn a_page_has_a_hundred_by_default_and_a_thousand_at_most() {
    let server = Server::start().await;
    for n in 0..101 {
        server.begin("Echo", &n.to_string(), "").await;
    }
    assert_eq!(ids(&server.get("/instances").await).len(), 100);
    assert_eq!(ids(&server.get("/instances?top=1000").await).len(), 101);
    for more in ["1001", "99999999999999999999"] {
        assert_eq!(ids(&server.get(&format!("/instances?top={more}")).await).len(), 101);
    }
    for top in ["0", "-1", "x"] {
        assert!(server.get(&format!("/instances?top={top}")).await.error(400).contains("'top'"));
    }
    assert!(server.get("/instances?createdTimeTo=soon").await.error(400).contains("'createdTimeTo'"));
}
