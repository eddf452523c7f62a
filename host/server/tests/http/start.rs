//! `POST /orchestrators/{function}/{id?}`.

use crate::harness::{BASE, Server, config, send};
use dacapo_server::ServeConfig;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_start_answers_with_everything_a_client_needs() {
    let server = Server::start().await;
    let reply = server.post("/orchestrators/Gate/my%20flow?code=s%2Fcret&taskHub=Hub&connection=Conn", "{}").await;
    assert_eq!(reply.status, 202);
    assert_eq!(reply.header("retry-after"), "10");
    let management = [
        "id",
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "purgeHistoryDeleteUri",
        "restartPostUri",
        "suspendPostUri",
        "resumePostUri",
        "rewindPostUri",
        "watchGetUri",
    ];
    assert_eq!(reply.keys(), management);
    let json = reply.json();
    let instance = format!("{}{BASE}/instances/my%20flow", server.origin());
    let common = "taskHub=Hub&connection=Conn&code=s%2Fcret";
    assert_eq!(json["id"], "my flow");
    assert_eq!(json["statusQueryGetUri"], format!("{instance}?{common}"));
    assert_eq!(json["sendEventPostUri"], format!("{instance}/raiseEvent/{{eventName}}?{common}"));
    for act in ["terminate", "suspend", "resume", "rewind"] {
        assert_eq!(json[format!("{act}PostUri")], format!("{instance}/{act}?reason={{text}}&{common}"));
    }
    assert_eq!(json["purgeHistoryDeleteUri"], format!("{instance}?{common}"));
    assert_eq!(json["restartPostUri"], format!("{instance}/restart?{common}"));
    assert_eq!(json["watchGetUri"], format!("{instance}/watch?{common}"));
    assert_eq!(reply.header("location"), json["statusQueryGetUri"].as_str().expect("text"));
    let status = send(server.http.get(reply.header("location"))).await;
    assert_eq!(status.json()["instanceId"], "my flow");
}

#[tokio::test]
async fn urls_have_the_base_the_client_used_and_the_default_names() {
    let server = Server::start().await;
    let reply = send(server.own(Method::POST, "/DurableTask/Orchestrators/Gate/a")).await;
    let expected = format!("{}/durabletask/instances/a?taskHub=DacapoHub&connection=Storage&code=", server.origin());
    assert_eq!(reply.json()["statusQueryGetUri"], expected);
}

#[tokio::test]
async fn urls_begin_as_the_operator_says() {
    let public = ServeConfig { public_url: Some("https://flows.example/x".into()), ..config() };
    let server = Server::with(public).await;
    let reply = server.post("/orchestrators/Gate/a", "").await;
    assert!(reply.header("location").starts_with(&format!("https://flows.example/x{BASE}/instances/a?")), "{reply:?}");
    assert_eq!(
        server.get("/instances/a").await.header("location"),
        format!("https://flows.example/x{BASE}/instances/a")
    );

    for (trust_proxy, origin) in [(true, "https://outer.example/"), (false, "http://127.0.0.1:")] {
        let server = Server::with(ServeConfig { trust_proxy, ..config() }).await;
        let request = server.request(Method::POST, "/orchestrators/Gate/a");
        let reply =
            send(request.header("x-forwarded-proto", "https").header("x-forwarded-host", "outer.example")).await;
        assert!(reply.header("location").starts_with(origin), "{reply:?}");
    }
}

#[tokio::test]
async fn drawn_ids_are_hex_digits_that_sort_by_time() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let reply = server.post("/orchestrators/Echo/?", "").await;
        ids.push(reply.json()["id"].as_str().expect("text").to_owned());
    }
    assert!(ids.is_sorted(), "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 32 && id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))), "{ids:?}");
}

#[tokio::test]
async fn the_input_is_json_whatever_the_content_type() {
    let server = Server::start().await;
    let cases = [
        ("", "null"),
        ("\"\"", "\"\""),
        (" {\"b\": 1,  \"a\": 2}", "{\"b\": 1,  \"a\": 2}"),
        ("\"1\"", "\"1\""),
        ("\u{feff}[1]", "[1]"),
        ("\u{feff}", "null"),
    ];
    for (at, (body, input)) in cases.into_iter().enumerate() {
        let request = server.request(Method::POST, &format!("/orchestrators/ECHO/{at}?version=1.0"));
        assert_eq!(send(request.header("content-type", "text/plain").body(body)).await.status, 202);
        server.finished(&at.to_string()).await;
        let status = server.get(&format!("/instances/{at}")).await;
        assert!(status.body.contains(&format!("\"input\":{input},")), "{}", status.body);
        assert!(status.body.contains(&format!("\"output\":{input},")), "{}", status.body);
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let server = Server::start().await;
    let reply = server.post("/orchestrators/Echo", "{not json").await;
    assert!(reply.error(400).starts_with("Invalid JSON content: "));
    assert_eq!(reply.json()["Message"], "Invalid JSON content");
    for (input, place) in
        [("\"\\ud800\"", "line 1 column 2"), ("[1,\n1e400]", "line 2 column 1"), ("{\"a\":1,\"a\":2}", "column 8")]
    {
        let text = server.post("/orchestrators/Echo", input).await.error(400);
        assert!(text.starts_with("Invalid JSON content: not I-JSON (RFC 7493): ") && text.contains(place), "{text}");
    }
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    let text = server.post("/orchestrators/Echo", &deep).await.error(400);
    assert!(text.contains("more than 128 levels (limit `payload_depth`) at line 1 column 128;"), "{text}");
    let text = server.post("/orchestrators/Nope", "{}").await.error(400);
    let wanted = "The function 'Nope' doesn't exist, is disabled, or is not an orchestrator function. ";
    assert!(text.starts_with(wanted) && text.contains("Echo, Fails, Gate"), "{text}");
    let long = "x".repeat(257);
    for bad in ["@x", "a%2Fb", "a%5Cb", "a%23b", "a%3Fb", "a%0Ab", long.as_str()] {
        server.post(&format!("/orchestrators/Echo/{bad}"), "{}").await.error(400);
    }
    server.post("/orchestrators/Echo/%FF", "{}").await.error(400);
    assert_eq!(server.get("/instances").await.json(), json!([]));
}

#[tokio::test]
async fn an_id_is_free_again_once_its_instance_has_ended() {
    let server = Server::start().await;
    server.begin("Gate", "a", "1").await;
    server.parked("a").await;
    assert!(server.post("/orchestrators/Gate/a", "2").await.error(409).contains("'a' is Running"));
    assert_eq!(server.post("/instances/a/raiseEvent/open", "").await.status, 202);
    server.finished("a").await;
    server.begin("Gate", "a", "3").await;
    let status = server.until("a", |view| !view.status.is_finished()).await;
    assert_eq!(status.input.as_ref().map(|input| input.as_str()), Some("3"));
}

#[tokio::test]
async fn with_a_timeout_the_answer_is_the_outcome() {
    let server = Server::start().await;
    let wait = "timeout=5&pollingInterval=0.5";
    let reply = server.post(&format!("/orchestrators/Echo?{wait}"), "[1, 2]").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "[1, 2]"));
    reply.json();

    let reply = server.post(&format!("/orchestrators/Fails/f?{wait}"), "").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["runtimeStatus"], "Failed");
    assert_eq!(reply.json()["output"], "Orchestrator function 'Fails' failed: it broke");
    let strict = format!("/orchestrators/Fails/g?{wait}&returnInternalServerErrorOnFailure=true");
    assert_eq!(server.post(&strict, "").await.status, 500);

    let reply = server.as_time_passes(server.post(&format!("/orchestrators/Gate/w?{wait}"), "")).await;
    assert_eq!((reply.status, reply.json()["id"].clone()), (202, Value::from("w")));

    let late = server.post("/orchestrators/Late?timeout=100&pollingInterval=1", "");
    let reply = server.as_time_passes(late).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "\"late\""));
}

#[tokio::test]
async fn timeout_and_interval_are_seconds_and_belong_together() {
    let server = Server::start().await;
    for query in ["timeout=1", "pollingInterval=1", "timeout=x&pollingInterval=1", "timeout=-1&pollingInterval=1"] {
        server.post(&format!("/orchestrators/Echo?{query}"), "").await.error(400);
    }
    assert_eq!(server.post("/orchestrators/Echo?timeout=&pollingInterval=", "").await.status, 202);
}

#[tokio::test]
async fn an_input_that_is_too_large_is_refused_and_the_setting_named() {
    let server = Server::start().await;
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    assert_eq!(server.post("/orchestrators/Echo/a", &text(1 << 20)).await.status, 202);
    for bytes in [(1 << 20) + 1, 8 << 20] {
        let error = server.post("/orchestrators/Echo/b", &text(bytes)).await.error(413);
        assert!(error.contains("`payload_bytes` is 1048576") && error.contains(&bytes.to_string()), "{error}");
    }
    server.get("/instances/b").await.is_bare(404);
}
