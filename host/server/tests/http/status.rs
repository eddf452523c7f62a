//! `GET /instances/{id}`.

use crate::harness::{BASE, Server, send};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_running_instance_shows_its_status_in_the_contracts_order() {
    let server = Server::start().await;
    server.begin("gate", "a", "{\"x\":  1}").await;
    server.parked("a").await;
    let path = "/instances/a?taskHub=T&code=c";
    let reply = server.get(path).await;
    assert_eq!(reply.status, 202);
    assert_eq!(reply.header("location"), format!("{}{BASE}{path}", server.origin()));
    assert_eq!(reply.header("retry-after"), "5");
    let time = "2026-01-31T12:34:56Z";
    let expected = format!(
        "{{\"name\":\"gate\",\"instanceId\":\"a\",\"runtimeStatus\":\"Running\",\"input\":{{\"x\":  1}},\
         \"customStatus\":{{\"at\": \"gate\"}},\"output\":null,\"createdTime\":\"{time}\",\"lastUpdatedTime\":\"{time}\"}}"
    );
    assert_eq!(reply.body, expected);
    reply.json();
}

#[tokio::test]
async fn a_finished_instance_answers_200_without_a_location() {
    let server = Server::start().await;
    server.run("Echo", "done", "[true]").await;
    let reply = server.get("/instances/done").await;
    assert_eq!((reply.status, reply.header("location"), reply.header("retry-after")), (200, "", ""));
    let json = reply.json();
    assert_eq!((&json["runtimeStatus"], &json["output"]), (&json!("Completed"), &json!([true])));
    assert_eq!(json["customStatus"], Value::Null);

    server.begin("Gate", "ended", "").await;
    server.parked("ended").await;
    assert_eq!(server.post("/instances/ended/terminate?reason=no+need%20more", "").await.status, 202);
    server.finished("ended").await;
    let json = server.get("/instances/ended").await.json();
    assert_eq!((&json["runtimeStatus"], &json["output"]), (&json!("Terminated"), &json!("no need more")));
    assert_eq!(json["customStatus"], json!({"at": "gate"}));
}

#[tokio::test]
async fn a_failure_is_200_or_500_as_the_client_likes() {
    let server = Server::start().await;
    server.run("Fails", "f", "").await;
    let reply = server.get("/instances/f").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["output"], "Orchestrator function 'Fails' failed: it broke");
    let strict = server.get("/instances/f?ReturnInternalServerErrorOnFailure=True").await;
    assert_eq!((strict.status, &strict.body), (500, &reply.body));
    server.run("Echo", "e", "").await;
    assert_eq!(server.get("/instances/e?returnInternalServerErrorOnFailure=true").await.status, 200);
}

#[tokio::test]
async fn an_unknown_id_is_404_without_a_body() {
    let server = Server::start().await;
    for id in ["nobody", "@x", "a%2Fb", &"x".repeat(300)] {
        server.get(&format!("/instances/{id}")).await.is_bare(404);
    }
    server.run("Echo", "a", "").await;
    server.get("/instances/A").await.is_bare(404);
}

#[tokio::test]
async fn the_input_can_be_left_out() {
    let server = Server::start().await;
    server.run("Echo", "a", "7").await;
    for (query, input) in [("", json!(7)), ("?showInput=false", Value::Null), ("?SHOWINPUT=FALSE", Value::Null)] {
        let reply = server.get(&format!("/instances/a{query}")).await;
        assert_eq!(reply.json()["input"], input, "{query}");
        assert_eq!(reply.keys().len(), 8);
    }
}

#[tokio::test]
async fn ids_may_hold_anything_but_a_few_characters() {
    let server = Server::start().await;
    let ids = [
        ("a%20b", "a b"),
        ("%C3%BC%F0%9F%98%80", "ü😀"),
        ("100%25", "100%"),
        ("a%2525", "a%25"),
        ("a+b", "a+b"),
        ("a.b;c,d:e@f&g=h", "a.b;c,d:e@f&g=h"),
    ];
    for (escaped, id) in ids {
        let started = server.post(&format!("/orchestrators/Echo/{escaped}"), "").await;
        assert_eq!(started.json()["id"], id);
        server.finished(id).await;
        assert_eq!(send(server.http.get(started.header("location"))).await.json()["instanceId"], id);
        assert_eq!(server.get(&format!("/instances/{escaped}/")).await.json()["instanceId"], id);
    }
}

#[tokio::test]
async fn a_tag_names_the_state_and_how_it_is_shown() {
    let server = Server::start().await;
    server.begin("Gate", "a", "1").await;
    server.parked("a").await;
    let first = server.get("/instances/a").await.header("etag").to_owned();
    let hidden = server.get("/instances/a?showInput=false").await.header("etag").to_owned();
    assert!(first.starts_with('"') && first.ends_with('"') && first != hidden);
    let ask = async |known: &str| {
        let reply = send(server.request(Method::GET, "/instances/a").header("if-none-match", known)).await;
        (reply.status, reply.header("etag").to_owned(), reply.body.is_empty())
    };
    for known in [first.clone(), format!("W/{first}"), format!("\"x\", {first}"), "*".into()] {
        assert_eq!(ask(&known).await, (304, first.clone(), true), "{known}");
    }
    for known in [hidden.as_str(), "\"x\""] {
        assert_eq!(ask(known).await, (202, first.clone(), false), "{known}");
    }
    server.post("/instances/a/raiseEvent/open", "").await;
    server.finished("a").await;
    let (status, second, _) = ask(&first).await;
    assert_eq!(status, 200);
    assert_ne!(second, first);
    send(server.request(Method::GET, "/instances/b").header("if-none-match", "*")).await.is_bare(404);
}

#[tokio::test]
async fn the_history_comes_when_it_is_asked_for() {
    let server = Server::start().await;
    server.run("Echo", "a", "7").await;
    assert!(server.get("/instances/a").await.json().get("historyEvents").is_none());
    let with = |query: &str| format!("/instances/a?showHistory=true{query}");
    let events = server.get(&with("&showHistoryOutput=true")).await.json()["historyEvents"].clone();
    let kinds: Vec<_> = events.as_array().expect("a list").iter().map(|event| event["EventType"].clone()).collect();
    assert_eq!(kinds, ["ExecutionStarted", "ExecutionCompleted"]);
    assert_eq!((&events[0]["Input"], &events[1]["Result"]), (&serde_json::json!("7"), &serde_json::json!(7)));
    let less = server.get(&with("&showInput=false")).await.json()["historyEvents"].clone();
    assert!(less[0].get("Input").is_none() && less[1].get("Result").is_none(), "{less}");
    server.get("/instances/nobody?showHistory=true").await.is_bare(404);
}
