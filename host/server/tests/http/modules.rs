//! `/api/modules` and `/api/health`.

use crate::harness::{Reply, Server, config, send};
use dacapo_server::ServeConfig;
use reqwest::Method;
use serde_json::{Value, json};

async fn deploy(server: &Server, name: &str, component: impl Into<reqwest::Body>) -> Reply {
    send(server.own(Method::PUT, &format!("/api/modules/{name}")).body(component)).await
}

async fn own(server: &Server, method: Method, path: &str) -> Reply {
    send(server.own(method, path)).await
}

#[tokio::test]
async fn a_deployment_tells_what_the_module_offers_and_needs() {
    let server = Server::start().await;
    let reply = deploy(&server, "mod", "fake: One, two, Three").await;
    assert_eq!(reply.status, 201);
    let keys =
        ["name", "version", "digest", "orchestrators", "activities", "imports", "sizeBytes", "createdTime", "active"];
    assert_eq!(reply.keys(), keys);
    let json = reply.json();
    assert_eq!((&json["name"], &json["version"], &json["active"]), (&json!("mod"), &json!(1), &json!(true)));
    assert_eq!(json["digest"].as_str().map(str::len), Some(64));
    assert_eq!((&json["orchestrators"], &json["activities"]), (&json!(["One", "Three"]), &json!(["two"])));
    assert_eq!((&json["imports"], &json["sizeBytes"]), (&json!(["dacapo:guest/context"]), &json!(21)));
    assert_eq!(json["createdTime"], "2026-01-31T12:34:56Z");
    let again = deploy(&server, "mod", "fake: One, two, Three").await;
    assert_eq!((again.status, again.json()), (200, json));
    assert_eq!(deploy(&server, "mod", "fake: One").await.json()["version"], 2);
}

#[tokio::test]
async fn modules_are_listed_with_their_versions() {
    let server = Server::start().await;
    deploy(&server, "Mod", "fake: One").await;
    let mut newest = deploy(&server, "Mod", "fake: One, Two").await.json();
    newest["instances"] = json!(0);
    let list = own(&server, Method::GET, "/API/Modules/").await.json();
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    let one = own(&server, Method::GET, "/api/modules/Mod").await.json();
    assert!(list.as_array().expect("an array").contains(&one));
    assert_eq!((&one["version"], &one["orchestrators"]), (&json!(2), &json!(["One", "Two"])));
    let versions: Vec<_> =
        one["versions"].as_array().expect("an array").iter().map(|one| (&one["version"], &one["active"])).collect();
    assert_eq!(versions, [(&json!(1), &json!(false)), (&json!(2), &json!(true))]);
    assert_eq!(one["versions"][1], newest);
    own(&server, Method::GET, "/api/modules/mod").await.error(404);
}

#[tokio::test]
async fn what_cannot_be_deployed_says_why() {
    let server = Server::start().await;
    assert!(deploy(&server, "m", "\0asm").await.error(400).contains("not a component"));
    deploy(&server, "m", "").await.error(400);
    assert!(deploy(&server, "m", "broken").await.error(422).contains("does not compile"));
    assert!(deploy(&server, "no%20name", "fake: One").await.error(400).contains("'no name'"));
    assert!(deploy(&server, "m", "fake: One, ONE").await.error(400).contains("ignoring case"));
    assert!(deploy(&server, "m", "fake: echo, ECHO").await.error(409).contains("'flows'"));
    assert_eq!(own(&server, Method::GET, "/api/modules").await.json().as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_component_has_a_size_limit_of_its_own() {
    let server = Server::start().await;
    let padded = |bytes: usize| format!("fake: One{}", " ".repeat(bytes - "fake: One".len()));
    assert_eq!(deploy(&server, "m", padded(2 << 20)).await.status, 201);
    let server = Server::with(ServeConfig { component_bytes: 1_000, ..config() }).await;
    let error = deploy(&server, "m", padded(1_001)).await.error(413);
    assert!(error.contains("`component_bytes` is 1000") && error.contains("1001"), "{error}");
    assert_eq!(deploy(&server, "m", padded(1_000)).await.status, 201);
}

#[tokio::test]
async fn a_version_is_deleted_unless_an_instance_is_on_it() {
    let server = Server::start().await;
    server.begin("Gate", "a", "").await;
    server.parked("a").await;
    deploy(&server, "flows", "fake: Gate").await;
    let error = own(&server, Method::DELETE, "/api/modules/flows/versions/1").await.error(409);
    assert!(error.contains("1 unfinished"), "{error}");
    server.post("/instances/a/terminate?reason=", "").await.is_bare(202);
    server.finished("a").await;
    own(&server, Method::DELETE, "/api/modules/flows/Versions/1/").await.is_bare(204);
    for gone in ["flows/versions/1", "flows/versions/9", "flows/versions/x", "nope/versions/1"] {
        own(&server, Method::DELETE, &format!("/api/modules/{gone}")).await.error(404);
    }
}

#[tokio::test]
async fn health_tells_how_the_server_is() {
    let server = Server::start().await;
    server.begin("Gate", "a", "").await;
    server.parked("a").await;
    server.clock.advance(std::time::Duration::from_millis(5_500));
    let reply = own(&server, Method::GET, "/api/health").await;
    assert_eq!(reply.keys(), ["version", "store", "durability", "uptimeSeconds", "warm", "storage"]);
    let json = reply.json();
    assert_eq!((&json["version"], &json["uptimeSeconds"]), (&json!(env!("CARGO_PKG_VERSION")), &json!(5)));
    assert!(json["store"].is_string() && json["durability"].is_string());
    assert_eq!(json["storage"]["state"], "ok");
    let commits = &json["storage"]["commits"];
    assert!(commits["succeeded"].as_u64().is_some_and(|count| count > 0) && commits["failed"] == 0, "{commits}");
    assert!(commits["lastSuccessTime"].is_string() && commits["lastFailure"].is_null(), "{commits}");
    assert!(matches!((&json["warm"]["instances"], &json["warm"]["bytes"]), (Value::Number(_), Value::Number(_))));
}
