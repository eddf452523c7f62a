//! `POST /instances/{id}/...`.

use crate::harness::{Server, config, send};
use dacapo_core::Limits;
use dacapo_server::ServeConfig;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_event_reaches_its_instance() {
    let server = Server::start().await;
    for (id, event, body, output) in [
        ("a", "open", "{\"n\":1}", "{\"n\":1}"),
        ("b", "OPEN", "", "null"),
        ("c", "Open", "\"\"", "\"\""),
        ("d", "open", "\u{feff}7", "7"),
    ] {
        server.begin("Gate", id, "").await;
        server.post(&format!("/instances/{id}/RaiseEvent/{event}?taskHub=x"), body).await.is_bare(202);
        let view = server.until(id, |view| view.status.is_finished()).await;
        assert_eq!(view.output.as_ref().map(|output| output.as_str()), Some(output));
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_told_in_a_fixed_order() {
    let server = Server::start().await;
    server.begin("Gate", "open", "").await;
    server.run("Echo", "done", "").await;
    let raise = async |id: &str, content_type: Option<&str>, body: &'static str| {
        let mut request = server.request(Method::POST, &format!("/instances/{id}/raiseEvent/x")).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        send(request).await
    };
    raise("nobody", None, "{").await.error(404);
    raise("@x", None, "{").await.error(404);
    raise("done", None, "{").await.error(410);
    for content_type in [None, Some("text/plain"), Some("application/jsonp")] {
        let text = raise("open", content_type, "{").await.error(400);
        assert_eq!(text, "Only application/json request content is supported");
    }
    let reply = raise("open", Some("application/json; charset=utf-8"), "{").await;
    reply.error(400);
    assert_eq!(reply.json()["Message"], "Invalid JSON content");
    raise("open", Some("Application/JSON;charset=utf-8"), "1").await.is_bare(202);
    let nameless = server.post(&format!("/instances/open/raiseEvent/{}", "x".repeat(257)), "1").await;
    assert!(nameless.error(400).contains("257"));
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused() {
    let limits = Limits { payload_bytes: 10, ..Limits::default() };
    let server = Server::with(ServeConfig { limits, ..config() }).await;
    server.begin("Gate", "a", "").await;
    server.parked("a").await;
    let error = server.post("/instances/a/raiseEvent/x", "\"123456789\"").await.error(413);
    assert!(error.contains("`payload_bytes` is 10") && error.contains("11"), "{error}");
    server.post("/instances/a/raiseEvent/x", "\"12345678\"").await.is_bare(202);
}

#[tokio::test]
async fn terminate_makes_the_reason_the_output() {
    let server = Server::start().await;
    for (id, query, output) in
        [("a", "?reason=undefined", "undefined"), ("b", "", ""), ("c", "?Reason=%C3%BC%26&recursive=false", "ü&")]
    {
        server.begin("Gate", id, "").await;
        server.post(&format!("/instances/{id}/terminate{query}"), "").await.is_bare(202);
        server.finished(id).await;
        assert_eq!(server.get(&format!("/instances/{id}")).await.json()["output"], json!(output));
        server.post(&format!("/instances/{id}/terminate{query}"), "").await.error(410);
    }
    server.post("/instances/nobody/terminate?reason=x", "").await.error(404);
}

#[tokio::test]
async fn operators_act_on_an_instance_in_any_case_of_the_route() {
    let server = Server::start().await;
    server.begin("Gate", "a", "").await;
    server.post("/instances/a/SUSPEND/?reason=x", "").await.is_bare(202);
    server.post("/instances/a/suspend", "").await.is_bare(202);
    server.post("/instances/a/Resume?reason=%C3%BC", "").await.is_bare(202);
    assert!(server.post("/instances/a/rewind", "").await.error(412).contains("only a failed one"));
    for act in ["suspend", "resume", "rewind", "restart"] {
        server.post(&format!("/instances/nobody/{act}"), "").await.error(404);
    }
    assert!(server.post("/instances/a/restart?restartWithNewInstanceId=false", "").await.error(409).contains("'a'"));
    let again = server.post("/instances/a/restart", "").await;
    assert_eq!(again.status, 202);
    assert!(again.json()["statusQueryGetUri"].as_str().is_some_and(|uri| uri.contains("/instances/")));
}
