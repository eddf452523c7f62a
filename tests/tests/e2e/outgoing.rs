//! Activities that call services outside: as the operator has configured them, the built-in `Http`, and modules that were
//! let out. And what none of them may.

use anyhow::{Context as _, Result};
use dacapo_server::config::ServeConfig;
use dacapo_tests::server::guest;
use dacapo_tests::service::{Service, answer, answer_with};
use dacapo_tests::{Server, every_way};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Lets the server call `service`, with these activities on top.
async fn allow(server: &mut Server, service: &Service, more: &str) -> Result<()> {
    let text = format!(
        "[http]\nallow = [\"{}\"]\nnetworks = [\"127.0.0.0/8\"]\nmodules = [\"sends\"]\nbody_bytes = 100000\n{more}",
        service.url("")
    );
    let config = ServeConfig::default().with_file(&text, |name| (name == "TOKEN").then(|| "s3cret".to_owned()))?;
    server.configure(|config_now| config_now.outgoing = config.outgoing).await?;
    server.deploy(&guest("sends")).await?;
    Ok(())
}

fn output(status: &Value) -> (&str, &Value) {
    (status["runtimeStatus"].as_str().unwrap_or_default(), &status["output"])
}

every_way! {
    async fn a_configured_activity_calls_its_service_with_a_secret_and_a_key(server: &mut Server) {
        let service = Service::start(async |_| answer(200, r#"{"charged": 7}"#)).await?;
        let activity = format!(
            "[secrets]\ntoken = {{ env = \"TOKEN\" }}\n[activities.Charge]\nurl = \"{}\"\n\
             [activities.Charge.headers]\nauthorization = \"Bearer ${{token}}\"\n",
            service.url("/charges?now=1")
        );
        allow(server, &service, &activity).await?;
        server.start_instance("Caller", "c", json!(["charge", { "amount": 7 }])).await?;
        let end = server.ended("c").await?;
        assert_eq!(output(&end), ("Completed", &json!({ "charged": 7 })));
        server.interlude().await?;
        let received = service.received();
        assert_eq!(received.len(), 1);
        let call = &received[0];
        assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/charges?now=1"));
        assert_eq!(call.headers["authorization"], "Bearer s3cret");
        assert_eq!(call.headers["content-type"], "application/json");
        assert_eq!(call.body, r#"{"amount":7}"#);
        assert!(!call.key().is_empty());
    }

    async fn what_is_worth_another_attempt_gets_one_with_the_same_key(server: &mut Server) {
        let service = Service::start(async |call| match (call.path.as_str(), call.earlier) {
            ("/busy", 0) => answer(503, "try later"),
            ("/busy", _) => answer(200, "at last"),
            _ => answer(422, "no such card"),
        })
        .await?;
        let activities = ["Busy", "Never"]
            .map(|name| format!("[activities.{name}]\nurl = \"{}\"\n", service.url(&format!("/{}", name.to_lowercase()))));
        allow(server, &service, &activities.concat()).await?;
        server.start_instance("Caller", "busy", json!(["Busy", null])).await?;
        server.start_instance("Caller", "never", json!(["Never", null])).await?;
        let never = server.ended("never").await?;
        let refused = "Activity 'Never': POST /never answered 422 Unprocessable Entity.";
        let message = format!("Orchestrator function 'Caller' failed: Activity function 'Never' failed: {refused}");
        assert_eq!(output(&never), ("Failed", &json!(message)));
        server.interlude().await?;
        let busy = server.ended_in_time("busy").await?;
        assert_eq!(output(&busy), ("Completed", &json!("at last")));
        let keys: Vec<String> =
            service.received().iter().filter(|call| call.path == "/busy").map(|call| call.key()).collect();
        assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
        assert_eq!(service.effects()["/never"], 1);
    }

    async fn a_service_that_takes_its_time_is_asked_by_durable_timer(server: &mut Server) {
        let service = Service::start(async |call| match (call.path.as_str(), call.earlier) {
            ("/jobs", _) => answer_with(202, &[("location", "/jobs/1"), ("retry-after", "5")], ""),
            ("/jobs/1", earlier) if earlier < 3 => answer_with(202, &[("location", "/jobs/1")], "not yet"),
            _ => answer_with(200, &[("x-job", "1")], "done"),
        })
        .await?;
        allow(server, &service, "").await?;
        let request = json!({
            "method": "post", "uri": service.url("/jobs"), "content": { "n": 1 }, "headers": { "X-Caller": "me" }
        });
        server.start_instance("Caller", "h", json!(["Http", request])).await?;
        server.until_custom_status("h", json!("calling")).await?;
        server.interlude().await?;
        let end = server.ended_in_time("h").await?;
        let (status, output) = output(&end);
        assert_eq!((status, &output["statusCode"], &output["content"]), ("Completed", &json!(200), &json!("done")));
        assert_eq!(output["headers"]["x-job"], "1");
        let calls: Vec<String> = service.received().iter().map(|call| format!("{} {}", call.method, call.path)).collect();
        assert_eq!(calls, ["POST /jobs", "GET /jobs/1", "GET /jobs/1", "GET /jobs/1"]);
        assert!(service.received().iter().all(|call| call.headers["x-caller"] == "me"));
        let url = server.api("/instances/h?showHistory=true");
        let history: Value = server.get(url).await?.json().await?;
        let kinds: Vec<&str> = history["historyEvents"].as_array().context("a history")?.iter()
            .filter_map(|event| event["EventType"].as_str()).collect();
        let polled = ["TaskCompleted", "TimerFired"];
        let expected = [&["ExecutionStarted"][..], &polled, &polled, &polled, &["TaskCompleted", "ExecutionCompleted"]];
        assert_eq!(kinds, expected.concat());
    }

    async fn what_was_not_allowed_is_not_called(server: &mut Server) {
        let other = Service::start(async |_| answer(200, "reached")).await?;
        let away = other.url("/x");
        let service = Service::start(move |call| {
            let away = away.clone();
            async move {
                match call.path.as_str() {
                    "/away" => answer_with(302, &[("location", &away)], ""),
                    "/later" => answer_with(202, &[("location", &away), ("retry-after", "1")], ""),
                    _ => answer(200, "x".repeat(100_001)),
                }
            }
        })
        .await?;
        allow(server, &service, "").await?;
        let call = |uri: String| json!(["Http", { "uri": uri, "headers": { "authorization": "mine" } }]);
        server.start_instance("Caller", "other", call(other.url("/x"))).await?;
        server.start_instance("Caller", "metadata", call("http://169.254.169.254/latest".into())).await?;
        server.start_instance("Caller", "file", call("file:///etc/passwd".into())).await?;
        server.start_instance("Caller", "away", call(service.url("/away"))).await?;
        server.start_instance("Caller", "later", call(service.url("/later"))).await?;
        server.start_instance("Caller", "large", call(service.url("/large"))).await?;
        server.start_instance("Caller", "wrong", json!(["Http", { "url": service.url("/"), "verb": "GET" }])).await?;
        let host = json!(["Http", { "url": service.url("/"), "headers": { "Host": "inside.example" } }]);
        server.start_instance("Caller", "host", host).await?;
        server.until_custom_status("later", json!("calling")).await?;
        server.interlude().await?;
        for (id, said) in [
            ("other", "is not on the list of origins that may be called (setting `http.allow`)"),
            ("metadata", "'http://169.254.169.254' is not on the list"),
            ("file", "the scheme must be http or https"),
            ("later", "is not on the list of origins"),
            ("large", "the reply has more bytes than the limit `http.body_bytes`, which is 100000"),
            ("wrong", "unknown field `verb`"),
            ("host", "has a header 'host', which the client sets itself"),
        ] {
            let end = server.ended_in_time(id).await?;
            let (status, output) = output(&end);
            assert!(status == "Failed" && output.as_str().is_some_and(|text| text.contains(said)), "{id}: {end}");
        }
        let away = server.ended("away").await?;
        assert_eq!(away["output"]["statusCode"], 302);
        assert!(other.received().is_empty(), "{:?}", other.received());
    }

    async fn a_module_that_was_let_out_sends_and_reports_how_far_it_is(server: &mut Server) {
        let gate = Arc::new(Semaphore::new(0));
        let held = gate.clone();
        let service = Service::start(move |call| {
            let held = held.clone();
            async move {
                held.acquire().await.expect("open").forget();
                answer(200, format!("{} {}", call.method, call.body))
            }
        })
        .await?;
        allow(server, &service, "").await?;
        let request = json!({ "authority": service.authority(), "path": "/x", "body": "hello" });
        server.start_instance("Sender", "s", json!(["Send", request])).await?;
        let running = server.poll_until("s", |status| !status["activities"].is_null()).await?;
        let expected = json!([{ "name": "Send", "attempt": 1, "progress": { "sending": "/x" } }]);
        assert_eq!(running["activities"], expected);
        let keys: Vec<&String> = running.as_object().context("an object")?.keys().collect();
        assert_eq!(keys.last().map(|key| key.as_str()), Some("activities"));
        gate.add_permits(100);
        server.interlude().await?;
        let end = server.ended("s").await?;
        assert_eq!(output(&end), ("Completed", &json!({ "status": 200, "body": "POST hello" })));
        assert!(end.get("activities").is_none(), "{end}");
        server.start_instance("Sender", "twice", json!(["SendTwice", request])).await?;
        assert_eq!(output(&server.ended("twice").await?), ("Completed", &json!(2)));
    }

    async fn neither_an_orchestrator_nor_another_module_can_send(server: &mut Server) {
        let service = Service::start(async |_| answer(200, "reached")).await?;
        allow(server, &service, "").await?;
        let request = json!({ "authority": service.authority(), "path": "/x" });
        server.start_instance("SendsItself", "self", request.clone()).await?;
        let end = server.ended("self").await?;
        assert_eq!(end["runtimeStatus"], "Failed");
        server.configure(|config| config.outgoing.modules.clear()).await?;
        server.start_instance("Sender", "shut", json!(["Send", request])).await?;
        server.interlude().await?;
        let end = server.ended_in_time("shut").await?;
        assert_eq!(end["runtimeStatus"], "Failed");
        assert!(service.received().is_empty());
    }
}

/// Progress is pushed, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_what_an_activity_reports() -> Result<()> {
    Server::play(dacapo_tests::Way::Warm, async |server| {
        let gate = Arc::new(Semaphore::new(0));
        let held = gate.clone();
        let service = Service::start(move |_| {
            let held = held.clone();
            async move {
                held.acquire().await.expect("open").forget();
                answer(200, "")
            }
        })
        .await?;
        allow(server, &service, "").await?;
        let request = json!({ "authority": service.authority(), "path": "/x" });
        server.start_instance("Sender", "s", json!(["SendTwice", request])).await?;
        let mut watch = server.open_watch("s").await?;
        let (mut seen, mut permits) = (Vec::new(), 0);
        while let Some(status) = tokio::time::timeout(Duration::from_secs(60), watch.next()).await?? {
            let progress = status["activities"][0]["progress"].as_u64();
            if let Some(n) = progress.filter(|n| *n == permits) {
                seen.push(n);
                permits += 1;
                gate.add_permits(1);
            }
        }
        assert_eq!(seen, [0, 1]);
        Ok(())
    })
    .await
}
