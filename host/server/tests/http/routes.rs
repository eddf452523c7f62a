//! Which routes there are, and how leniently they are found.

use crate::harness::{BASE, Server, config, send};
use dacapo_server::config::ServeConfig;
use reqwest::Method;

#[tokio::test]
async fn unknown_routes_and_wrong_methods_are_404_without_a_body() {
    let server = Server::start().await;
    server.begin("Gate", "a", "").await;
    let unknown = [
        (Method::GET, ""),
        (Method::GET, "/"),
        (Method::GET, "/nope"),
        (Method::GET, "/runtime"),
        (Method::GET, "/runtime/webhooks/durabletask"),
        (Method::GET, "/runtime/webhooks/durabletask/nope"),
        (Method::GET, "/runtime/webhooks/durabletask/orchestrators/Gate"),
        (Method::POST, "/runtime/webhooks/durabletask/orchestrators"),
        (Method::POST, "/runtime/webhooks/durabletask/orchestrators/Gate/a/b"),
        (Method::POST, "/runtime/webhooks/durabletask/instances"),
        (Method::POST, "/runtime/webhooks/durabletask/instances/a"),
        (Method::PUT, "/runtime/webhooks/durabletask/instances/a"),
        (Method::GET, "/runtime/webhooks/durabletask/instances/a/terminate"),
        (Method::POST, "/runtime/webhooks/durabletask/instances/a/raiseEvent"),
        (Method::POST, "/runtime/webhooks/durabletask/instances/a/raiseEvent/x/y"),
        (Method::POST, "/runtime/webhooks/durabletask/instances/a/nope"),
        (Method::POST, "/runtime/webhooks/durabletask/instances//terminate"),
        (Method::DELETE, "/durabletask/orchestrators/Gate/a"),
        (Method::POST, "/api/health"),
        (Method::GET, "/api"),
        (Method::DELETE, "/api/modules/flows"),
        (Method::POST, "/api/modules"),
        (Method::OPTIONS, "/api/modules"),
    ];
    for (method, path) in unknown {
        let reply = send(server.own(method.clone(), path)).await;
        assert_eq!((reply.status, reply.body.as_str()), (404, ""), "{method} {path}");
    }
}

#[tokio::test]
async fn literals_ignore_case_and_a_trailing_slash_does_not_matter() {
    let server = Server::start().await;
    server.begin("Gate", "Instances", "").await;
    let spelt = [
        format!("{BASE}/instances/Instances"),
        format!("{BASE}/instances/Instances/"),
        "/Runtime/WEBHOOKS/durableTask/Instances/Instances/?&ShowInput=false".into(),
        "/durabletask/instances/Instances".into(),
        "/DURABLETASK/INSTANCES/Instances/".into(),
    ];
    for path in spelt {
        assert_eq!(send(server.own(Method::GET, &path)).await.status, 202, "{path}");
    }
    send(server.own(Method::GET, &format!("{BASE}/instances/instances"))).await.is_bare(404);
}

#[tokio::test]
async fn the_base_without_keys_does_not_answer_what_a_proxy_passes_on() {
    let server = Server::start().await;
    let ask = |base: &str| server.own(Method::GET, &format!("{base}/instances")).header("x-forwarded-for", "192.0.2.1");
    send(ask("/durabletask")).await.is_bare(404);
    assert_eq!(send(ask(BASE)).await.status, 200);
}

/// A page that somebody on this machine looks at must not be able to use the server.
#[tokio::test]
async fn pages_of_other_sites_are_kept_out() {
    let server = Server::start().await;
    let call = |header: &'static str, value: String| server.own(Method::GET, "/api/health").header(header, value);
    send(call("origin", "https://evil.example".into())).await.error(403);
    send(call("origin", "null".into())).await.error(403);
    send(call("host", "evil.example:7071".into())).await.error(403);
    let own = send(call("origin", server.origin())).await;
    assert_eq!(own.json()["version"], env!("CARGO_PKG_VERSION"));
    let behind = Server::with(ServeConfig { trust_proxy: true, ..config() }).await;
    let proxied = send(behind.own(Method::GET, "/api/health").header("host", "flows.example")).await;
    assert_eq!(proxied.json()["version"], env!("CARGO_PKG_VERSION"));
}
