//! `DELETE /instances/{id}` and `DELETE /instances`.

use crate::harness::Server;
use std::time::Duration;

#[tokio::test]
async fn a_finished_instance_can_be_deleted_an_unfinished_one_by_force() {
    let server = Server::start().await;
    server.run("Echo", "done", "").await;
    server.begin("Gate", "open", "").await;
    server.parked("open").await;
    let reply = server.delete("/instances/done").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{\"instancesDeleted\":1}"));
    server.get("/instances/done").await.is_bare(404);
    server.delete("/instances/done").await.error(404);
    assert!(server.delete("/instances/open?force=false").await.error(409).contains("force=true"));
    assert_eq!(server.get("/instances/open").await.status, 202);
    assert_eq!(server.delete("/instances/open?Force=True").await.body, "{\"instancesDeleted\":1}");
    server.get("/instances/open").await.is_bare(404);
}

#[tokio::test]
async fn many_are_deleted_by_time_and_status_but_never_unfinished_ones() {
    let server = Server::start().await;
    for (orchestrator, id) in [("Echo", "a"), ("Gate", "b"), ("Fails", "c"), ("Echo", "d"), ("Echo", "e")] {
        server.begin(orchestrator, id, "").await;
        server.parked(id).await;
        server.clock.advance(Duration::from_secs(1));
    }
    let from = "createdTimeFrom=2026-01-31T12:34:56Z";
    let purge = async |query: &str| server.delete(&format!("/instances{query}")).await;
    assert!(purge("").await.error(400).contains("'createdTimeFrom' is required"));
    purge("?createdTimeFrom=").await.error(400);
    purge("?createdTimeFrom=long%20ago").await.error(400);
    purge(&format!("?{from}&createdTimeTo=later")).await.error(400);
    purge(&format!("?{from}&runtimeStatus=Running,Pending")).await.error(404);
    for (wider, said) in [
        ("runtimeStatus=failed", "one or more of Pending, Running"),
        ("runtimeStatus=Failed,Odd", "found 'Odd'"),
        ("runtimeStatus=", "'runtimeStatus' is empty"),
        ("createdTimeTo=", "'createdTimeTo' is empty"),
        ("name=Echo", "'name' is not known here; known are createdTimeFrom, createdTimeTo, runtimeStatus"),
        ("createdTimeTo=2026-01-31&createdTimeTo=2027-01-31", "'createdTimeTo' is there twice"),
    ] {
        let text = purge(&format!("?{from}&{wider}")).await.error(400);
        assert!(text.contains(said), "{wider}: {text}");
    }
    assert_eq!(server.get("/instances").await.json().as_array().map(|left| left.len()), Some(5));
    purge("?createdTimeFrom=2027-01-01T00:00:00Z").await.error(404);
    assert_eq!(purge(&format!("/?{from}&runtimeStatus=Failed,Running")).await.body, "{\"instancesDeleted\":1}");
    let early = format!("?{from}&createdTimeTo=2026-01-31T12:34:59.788Z");
    assert_eq!(purge(&early).await.body, "{\"instancesDeleted\":1}");
    let ever = "?taskHub=&code=&createdTimeFrom=1-01-01T00:00:00.000000Z&createdTimeTo=9999-12-31T23:59:59.9999999Z";
    assert_eq!(purge(ever).await.body, "{\"instancesDeleted\":2}");
    let left = server.get("/instances").await.json();
    assert_eq!(left.as_array().map(|left| left.len()), Some(1));
    assert_eq!(left[0]["instanceId"], "b");
}
