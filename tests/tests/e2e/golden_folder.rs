//! Data folders that earlier versions left: this one opens them, migrates them, and ends what was under way.

use anyhow::{Context as _, Result};
use dacapo_store::sqlite;
use dacapo_tests::server::{expect, read, sample};
use dacapo_tests::{Server, Way, golden};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

/// What had ended when the folder was left, and how.
const ENDED: [(&str, &str); 5] = [
    ("cities-completed", "Completed"),
    ("cities-failed", "Failed"),
    ("cities-terminated", "Terminated"),
    ("shop-closed", "Failed"),
    ("fan-out", "Completed"),
];

async fn finish(server: &Server) -> Result<Vec<(&'static str, Value)>> {
    for (id, status) in ENDED {
        assert_eq!(server.status(id).await?["runtimeStatus"], status, "{id}");
    }
    let act = async |path: &str| {
        expect(server.post(server.api(&format!("/instances/{path}"))).await?, StatusCode::ACCEPTED).await
    };
    server.raise("cities-waiting", "UserChoice", json!("Tokyo")).await?;
    server.raise("ticket-waiting", "BookingConfirmed", json!(true)).await?;
    server.raise("approval-ada", "Decision", json!(true)).await?;
    act("cities-suspended/resume?reason=now").await?;
    act("shop-closed/rewind?reason=open").await?;
    let mut ends = Vec::new();
    for id in ["cities-pending", "cities-event", "cities-waiting", "cities-suspended", "ticket-waiting", "approval"] {
        ends.push((id, server.ended(id).await?["output"].clone()));
    }
    ends.push(("approval-bob", server.ended("approval-bob").await?["output"].clone()));
    server.poll_until("shop-closed", |status| status["runtimeStatus"] == "Completed").await?;
    // Its timer was due in the meantime.
    server.until("monitor", |status| status["customStatus"]["generation"] == 2).await?;
    server.raise("monitor", "Stop", Value::Null).await?;
    for id in ["monitor", "order-retrying", "ticket-late"] {
        ends.push((id, server.ended_in_time(id).await?["output"].clone()));
    }
    Ok(ends)
}

async fn goes_on(way: Way) -> Result<()> {
    let mut folders = 0;
    for entry in std::fs::read_dir(golden::folders())? {
        let path = entry?.path();
        let sql = std::fs::read_to_string(&path)?;
        let data = tempfile::tempdir()?;
        let modules = golden::MODULES.map(|name| read(&sample(name)).map(|component| (name, component)));
        let modules = modules.into_iter().collect::<Result<Vec<_>>>()?;
        golden::restore(&sql, data.path(), &modules)?;
        let mut server = Server::on(way, data).await?;
        server.advance(Duration::from_secs(2));
        let ends = finish(&server).await.with_context(|| path.display().to_string())?;
        let expected = [
            ("cities-pending", json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"])),
            ("cities-event", json!("Seattle")),
            ("cities-waiting", json!("Tokyo")),
            ("cities-suspended", json!("London")),
            ("ticket-waiting", json!(true)),
            ("approval", json!({ "approved": true, "by": "ada", "escalated": false })),
            ("approval-bob", json!({ "approver": "bob", "approved": null })),
            ("monitor", json!(19)),
            ("order-retrying", json!({ "order": "o-1", "outcome": "complete", "reserved": 2 })),
            ("ticket-late", json!(false)),
        ];
        assert_eq!(ends, expected, "{}", path.display());
        server.stop().await;
        let report = sqlite::check(server.data())?;
        assert_eq!((report.findings, report.unfinished), (vec![], 0));
        folders += 1;
    }
    assert!(folders > 0, "there are no golden folders");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_golden_folder_is_opened_and_finished_warm() -> Result<()> {
    goes_on(Way::Warm).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_golden_folder_is_opened_and_finished_replayed() -> Result<()> {
    goes_on(Way::Replayed).await
}
