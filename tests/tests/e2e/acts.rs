//! What clients do to instances, and how they wait: terminate, raise, purge, list, long polls and watches.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::server::{expect, guest, has_ended, refusal, sample};
use dacapo_tests::{Server, Way, every_way};
use futures::future::{join_all, try_join_all};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::future::Future;
use std::time::Duration;

/// Starts an instance that waits for `Go`.
async fn park(server: &Server, id: &str) -> Result<()> {
    server.start_instance("Park", id, Value::Null).await?;
    server.until_custom_status(id, json!("waiting")).await?;
    Ok(())
}

/// Starts an instance that is over at once, and waits for that.
async fn finish(server: &Server, id: &str) -> Result<()> {
    server.start_instance("Trivial", id, Value::Null).await?;
    server.ended(id).await?;
    Ok(())
}

async fn terminate(server: &Server, id: &str, query: &str) -> Result<Response> {
    server.post(server.api(&format!("/instances/{id}/terminate?{query}"))).await
}

async fn purge(server: &Server, path: &str) -> Result<Response> {
    server.delete(server.api(&format!("/instances{path}"))).await
}

/// Moves the clock until `pending` is done.
async fn as_time_passes<T>(server: &Server, pending: impl Future<Output = T>) -> T {
    let mut pending = std::pin::pin!(pending);
    loop {
        tokio::select! {
            biased;
            done = &mut pending => return done,
            () = tokio::task::yield_now() => server.advance(Duration::from_millis(100)),
        }
    }
}

every_way! {
    async fn what_waits_is_terminated_and_keeps_its_status(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        park(server, "p").await?;
        server.interlude().await?;
        expect(terminate(server, "p", "reason=no%20longer%20needed&recursive=false").await?, StatusCode::ACCEPTED).await?;
        server.ended("p").await?;
        let end = server.status("p").await?;
        assert_eq!(end["runtimeStatus"], "Terminated");
        assert_eq!((&end["output"], &end["customStatus"]), (&json!("no longer needed"), &json!("waiting")));
        server.interlude().await?;
        assert_eq!(server.status("p").await?, end);
        for act in ["terminate", "raiseEvent/Go"] {
            let again = server.request(Method::POST, server.api(&format!("/instances/p/{act}"))).json(&1).send().await?;
            assert!(refusal(again, StatusCode::GONE).await?.contains("'p' is Terminated"));
        }
        // Without a reason, and with the one that a client makes of none.
        for (id, query, reason) in [("q", "", ""), ("r", "reason=undefined", "undefined")] {
            park(server, id).await?;
            expect(terminate(server, id, query).await?, StatusCode::ACCEPTED).await?;
            assert_eq!(server.ended(id).await?["output"], reason);
        }
    }

    async fn an_activity_in_flight_does_not_hold_up_the_end(server: &mut Server) {
        server.configure(|config| config.activity_cpu_ms = 1_000).await?;
        server.deploy(&guest("misbehaving")).await?;
        let call = json!({"name": "LoopActivity", "input": null});
        server.start_instance("CallActivity", "a", call).await?;
        server.until("a", |status| status["runtimeStatus"] == "Running").await?;
        expect(terminate(server, "a", "reason=enough").await?, StatusCode::ACCEPTED).await?;
        server.ended("a").await?;
        let end = server.status("a").await?;
        assert_eq!((&end["runtimeStatus"], &end["output"]), (&json!("Terminated"), &json!("enough")));
        // Stopping waits for the activity: its result comes too late for anybody.
        server.restart().await?;
        assert_eq!(server.status("a").await?, end);
    }

    async fn nobody_can_be_told_anything(server: &mut Server) {
        for act in ["terminate?reason=x", "raiseEvent/Go"] {
            let url = server.api(&format!("/instances/nobody/{act}"));
            let answer = server.request(Method::POST, url).json(&1).send().await?;
            assert!(refusal(answer, StatusCode::NOT_FOUND).await?.contains("'nobody'"));
        }
        for path in ["/instances/nobody", "/instances/nobody/watch"] {
            let answer = server.get(server.api(path)).await?;
            assert_eq!((answer.status(), answer.text().await?), (StatusCode::NOT_FOUND, String::new()));
        }
        refusal(purge(server, "/nobody").await?, StatusCode::NOT_FOUND).await?;
    }

    async fn two_hundred_events_keep_their_order(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        // One takes each as it comes, the other finds them all when it looks.
        let ids = ["Collect", "CollectLate"];
        for id in ids {
            server.start_instance(id, id, json!(200)).await?;
        }
        for n in 0..200 {
            for id in ids {
                server.raise(id, if n % 2 == 0 { "item" } else { "ITEM" }, json!(n)).await?;
            }
            if n == 99 {
                server.interlude().await?;
            }
        }
        server.raise("CollectLate", "Go", Value::Null).await?;
        server.interlude().await?;
        for id in ids {
            assert_eq!(server.ended(id).await?["output"], json!((0..200).collect::<Vec<_>>()));
        }
    }

    async fn an_id_can_be_used_again_once_its_instance_has_ended(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        park(server, "i").await?;
        let taken = server.post(server.api("/orchestrators/Trivial/i")).await?;
        assert!(refusal(taken, StatusCode::CONFLICT).await?.contains("'i' is Running"));
        server.raise("i", "Go", json!("first")).await?;
        assert_eq!(server.ended("i").await?["customStatus"], "waiting");
        server.interlude().await?;
        server.advance(Duration::from_secs(3_600));
        server.start_instance("Trivial", "i", json!("second")).await?;
        server.interlude().await?;
        let end = server.ended("i").await?;
        let wanted = json!({
            "name": "Trivial", "instanceId": "i", "runtimeStatus": "Completed", "input": null, "customStatus": null,
            "output": null, "createdTime": "2023-11-14T23:13:20Z", "lastUpdatedTime": "2023-11-14T23:13:20Z",
        });
        assert_eq!(end, wanted);
        let listed = expect(server.get(server.api("/instances")).await?, StatusCode::OK).await?;
        assert_eq!(listed[0]["input"], "second");
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "the old one is gone: {listed}");
        // An event that was meant for the old one is not there for the new one.
        server.start_instance("Park", "i", Value::Null).await?;
        server.raise("i", "Other", Value::Null).await?;
        expect(terminate(server, "i", "").await?, StatusCode::ACCEPTED).await?;
        server.ended("i").await?;
        park(server, "i").await?;
        server.interlude().await?;
        server.raise("i", "Go", json!("anew")).await?;
        assert_eq!(server.ended("i").await?["output"], "anew");
    }

    async fn one_instance_is_purged_when_it_has_ended_or_by_force(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        finish(server, "done").await?;
        park(server, "open").await?;
        server.interlude().await?;
        let refused = refusal(purge(server, "/open").await?, StatusCode::CONFLICT).await?;
        assert!(refused.contains("'open' is Running") && refused.contains("force=true"), "{refused}");
        for path in ["/done", "/open?force=true"] {
            assert_eq!(expect(purge(server, path).await?, StatusCode::OK).await?, json!({"instancesDeleted": 1}));
            refusal(purge(server, path).await?, StatusCode::NOT_FOUND).await?;
        }
        server.interlude().await?;
        assert_eq!(expect(server.get(server.api("/instances")).await?, StatusCode::OK).await?, json!([]));
    }

    async fn many_instances_are_purged_by_time_and_status_and_only_when_they_have_ended(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        for hour in 0..3 {
            finish(server, &format!("done-{hour}")).await?;
            park(server, &format!("open-{hour}")).await?;
            park(server, &format!("stopped-{hour}")).await?;
            expect(terminate(server, &format!("stopped-{hour}"), "").await?, StatusCode::ACCEPTED).await?;
            server.ended(&format!("stopped-{hour}")).await?;
            server.advance(Duration::from_secs(3_600));
        }
        server.interlude().await?;
        refusal(purge(server, "?createdTimeTo=2030-01-01T00:00:00Z").await?, StatusCode::BAD_REQUEST).await?;
        refusal(purge(server, "?createdTimeFrom=2030-01-01T00:00:00Z").await?, StatusCode::NOT_FOUND).await?;
        let day = "createdTimeFrom=2023-11-14T00:00:00Z";
        refusal(purge(server, &format!("?{day}&runtimeStatus=Running")).await?, StatusCode::NOT_FOUND).await?;
        let purges = [
            // Both bounds belong to it.
            (format!("?{day}&createdTimeTo=2023-11-14T22:13:20Z&runtimeStatus=Terminated"), 1),
            ("?createdTimeFrom=2023-11-15T00:13:20Z".to_owned(), 2),
            (format!("?{day}&runtimeStatus=Running,Completed"), 2),
            (format!("?{day}"), 1),
        ];
        for (query, deleted) in purges {
            let answer = expect(purge(server, &query).await?, StatusCode::OK).await?;
            assert_eq!(answer, json!({"instancesDeleted": deleted}), "{query}");
        }
        server.interlude().await?;
        assert_eq!(ids(server, "").await?, ["open-0", "open-1", "open-2"]);
    }

    async fn a_list_is_filtered(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        for (n, prefix) in ["a", "a", "b"].iter().enumerate() {
            finish(server, &format!("{prefix}-done-{n}")).await?;
            park(server, &format!("{prefix}-open-{n}")).await?;
            server.advance(Duration::from_secs(1));
        }
        server.interlude().await?;
        let all = ["a-done-0", "a-open-0", "a-done-1", "a-open-1", "b-done-2", "b-open-2"];
        let filters: [(&str, &[&str]); 11] = [
            ("", &all),
            ("instanceIdPrefix=a-o", &["a-open-0", "a-open-1"]),
            ("instanceIdPrefix=A", &[]),
            ("name=pARK", &["a-open-0", "a-open-1", "b-open-2"]),
            ("runtimeStatus=Completed&instanceIdPrefix=b", &["b-done-2"]),
            ("runtimeStatus=Failed,Terminated", &[]),
            ("runtimeStatus=NoSuchStatus", &all),
            ("createdTimeFrom=2023-11-14T22:13:21Z&createdTimeTo=2023-11-14T22:13:21.000Z", &["a-done-1", "a-open-1"]),
            ("createdTimeFrom=2023-11-14T23:13:22%2B01:00", &["b-done-2", "b-open-2"]),
            ("top=2", &["a-done-0", "a-open-0"]),
            ("top=1001&instanceIdPrefix=a-done", &["a-done-0", "a-done-1"]),
        ];
        for (filter, wanted) in filters {
            assert_eq!(ids(server, filter).await?, wanted, "{filter}");
        }
        for wrong in ["top=0", "top=x", "createdTimeFrom=yesterday"] {
            let answer = server.get(server.api(&format!("/instances?{wrong}"))).await?;
            refusal(answer, StatusCode::BAD_REQUEST).await?;
        }
    }

    async fn a_list_has_pages_that_are_full_up_to_the_last(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        for n in 0..25 {
            finish(server, &format!("i-{n:02}")).await?;
        }
        finish(server, "other").await?;
        server.interlude().await?;
        let (mut token, mut sizes, mut found) = (String::new(), Vec::new(), Vec::new());
        loop {
            let url = server.api("/instances?top=10&instanceIdPrefix=i-&showInput=false");
            let answer = server.request(Method::GET, url).header("x-ms-continuation-token", &token).send().await?;
            token = answer.headers()["x-ms-continuation-token"].to_str()?.to_owned();
            let page = expect(answer, StatusCode::OK).await?;
            let page = page.as_array().context("a list")?;
            sizes.push(page.len());
            found.extend(page.iter().filter_map(|status| status["instanceId"].as_str().map(str::to_owned)));
            if token.is_empty() {
                break;
            }
            // What is deleted and added between two pages moves nothing.
            purge(server, &format!("/i-{:02}", found.len() - 1)).await?;
            finish(server, &format!("new-{}", found.len())).await?;
            server.interlude().await?;
        }
        assert_eq!(sizes, [10, 10, 5]);
        assert_eq!(found, (0..25).map(|n| format!("i-{n:02}")).collect::<Vec<_>>());
    }

    async fn a_status_that_is_known_is_not_sent_again(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        park(server, "p").await?;
        let ask = async |server: &Server, tag: &str| {
            let request = server.request(Method::GET, server.api("/instances/p"));
            anyhow::Ok(request.header("if-none-match", tag).send().await?)
        };
        let tag = tag_of(&server.get(server.api("/instances/p")).await?)?;
        server.interlude().await?;
        let known = ask(server, &tag).await?;
        assert_eq!((known.status(), tag_of(&known)?), (StatusCode::NOT_MODIFIED, tag.clone()));
        assert_eq!(known.text().await?, "");
        assert_eq!(ask(server, "\"another\"").await?.status(), StatusCode::ACCEPTED);
        server.raise("p", "Go", Value::Null).await?;
        server.ended("p").await?;
        let news = ask(server, &tag).await?;
        assert_eq!(news.status(), StatusCode::OK);
        let tag = tag_of(&news)?;
        server.interlude().await?;
        assert_eq!(ask(server, &tag).await?.status(), StatusCode::NOT_MODIFIED);
    }

    async fn a_long_poll_ends_with_the_news_or_its_time(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        park(server, "p").await?;
        let tag = tag_of(&server.get(server.api("/instances/p")).await?)?;
        server.interlude().await?;
        let poll = |tag: &str| {
            let request = server.request(Method::GET, server.api("/instances/p"));
            request.header("prefer", "wait=5").header("if-none-match", tag).send()
        };
        let in_vain = as_time_passes(server, poll(&tag)).await?;
        assert_eq!(in_vain.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(in_vain.headers()["preference-applied"], "wait=5");
        // Time stands still: only news can end this one.
        let (news, raised) = tokio::join!(poll(&tag), server.raise("p", "Go", json!("news")));
        raised?;
        assert_eq!(expect(news?, StatusCode::OK).await?["output"], "news");
        // What is new already does not have to be waited for.
        assert_eq!(poll(&tag).await?.status(), StatusCode::OK);
    }

    async fn a_start_can_wait_for_the_end(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        server.deploy(&sample("Cities")).await?;
        let start = |path: &str, input: Value| {
            let url = server.api(&format!("/orchestrators/{path}&pollingInterval=0.5"));
            server.request(Method::POST, url).json(&input).send()
        };
        let done = start("Steps/done?timeout=30", json!(3)).await?;
        assert_eq!((done.status(), done.text().await?), (StatusCode::OK, "3".to_owned()));
        let failed = start("CityRecommender/failed?timeout=30.5", json!(9)).await?;
        assert_eq!(expect(failed, StatusCode::OK).await?["runtimeStatus"], "Failed");
        let path = "CityRecommender/failed?returnInternalServerErrorOnFailure=true&timeout=30";
        let failed = start(path, json!(9)).await?;
        assert_eq!(expect(failed, StatusCode::INTERNAL_SERVER_ERROR).await?["runtimeStatus"], "Failed");
        let open = as_time_passes(server, start("Park/open?timeout=2", Value::Null)).await?;
        assert_eq!(open.headers()["retry-after"], "10");
        let open = expect(open, StatusCode::ACCEPTED).await?;
        assert_eq!(open["id"], "open");
        let status = open["statusQueryGetUri"].as_str().context("a URL")?;
        assert_eq!(expect(server.get(status.to_owned()).await?, StatusCode::ACCEPTED).await?["instanceId"], "open");
        let half = server.post(server.api("/orchestrators/Park/half?timeout=2")).await?;
        refusal(half, StatusCode::BAD_REQUEST).await?;
        assert_eq!(server.get(server.api("/instances/half")).await?.status(), StatusCode::NOT_FOUND);
    }

    async fn every_watcher_sees_every_change_in_order(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("Collect", "c", json!(20)).await?;
        server.until("c", |status| status["runtimeStatus"] == "Running").await?;
        server.interlude().await?;
        let mut watches = try_join_all((0..10).map(|_| server.open_watch("c"))).await?;
        for watch in &mut watches {
            // All of them are there before anything happens.
            let first = watch.next().await?.context("the present status comes first")?;
            assert_eq!((&first["runtimeStatus"], &first["customStatus"]), (&json!("Running"), &Value::Null));
        }
        let raise = async {
            for n in 1..=20 {
                server.raise("c", "Item", json!(n)).await?;
                server.poll_until("c", |status| status["customStatus"] == n || has_ended(status)).await?;
            }
            anyhow::Ok(())
        };
        let see = join_all(watches.into_iter().map(async |mut watch| {
            let mut seen = Vec::new();
            while let Some(status) = watch.next().await? {
                seen.push((status["customStatus"].clone(), status["runtimeStatus"].clone()));
            }
            anyhow::Ok(seen)
        }));
        let (raised, seen) = tokio::join!(raise, see);
        raised?;
        // The last status is set by the turn that ends the instance.
        let state = |n| if n == 20 { json!("Completed") } else { json!("Running") };
        let wanted: Vec<_> = (1..=20).map(|n| (json!(n), state(n))).collect();
        for seen in seen {
            assert_eq!(seen?, wanted);
        }
    }

    async fn a_watch_goes_on_where_another_was_cut(server: &mut Server) {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("Collect", "c", json!(2)).await?;
        server.raise("c", "Item", Value::Null).await?;
        server.until_custom_status("c", json!(1)).await?;
        let mut watch = server.open_watch("c").await?;
        watch.next().await?.context("the present status")?;
        let id = watch.last_id().to_owned();
        drop(watch);
        server.interlude().await?;
        let resume = |id: String| {
            let request = server.request(Method::GET, server.api("/instances/c/watch"));
            request.header("last-event-id", id).send()
        };
        let mut resumed = dacapo_tests::watch::Watch::of(resume(id).await?);
        server.raise("c", "Item", Value::Null).await?;
        let next = resumed.next().await?.context("a change")?;
        assert_eq!((&next["customStatus"], &next["runtimeStatus"]), (&json!(2), &json!("Completed")));
        assert_eq!(resumed.next().await?, None);
        // A browser connects again after the end, unless it is told that there is no more.
        assert_eq!(resume(resumed.last_id().to_owned()).await?.status(), StatusCode::NO_CONTENT);
    }
}

/// The ids of a list's first page.
async fn ids(server: &Server, query: &str) -> Result<Vec<String>> {
    let list = expect(server.get(server.api(&format!("/instances?{query}"))).await?, StatusCode::OK).await?;
    let list = list.as_array().context("a list")?;
    Ok(list.iter().filter_map(|status| status["instanceId"].as_str().map(str::to_owned)).collect())
}

fn tag_of(answer: &Response) -> Result<String> {
    Ok(answer.headers().get("etag").context("a status has a tag")?.to_str()?.to_owned())
}

/// Each waiter follows the status by long polls up to the end; none may be left waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_long_polls_are_all_answered() -> Result<()> {
    Server::play(Way::Warm, async |server| {
        server.deploy(&guest("conformance")).await?;
        server.start_instance("Collect", "c", json!(10)).await?;
        let follow = async || {
            let mut last = 0;
            let end = server.poll_until("c", |status| {
                let now = status["customStatus"].as_u64().unwrap_or_default();
                assert!(now >= last, "a status went back from {last} to {now}");
                let ended = has_ended(status);
                last = now;
                ended
            });
            end.await
        };
        let raise = async {
            for n in 1..=10 {
                server.raise("c", "Item", json!(n)).await?;
                server.poll_until("c", |status| status["customStatus"] == n || has_ended(status)).await?;
            }
            anyhow::Ok(())
        };
        let (raised, ends) = tokio::join!(raise, join_all((0..100).map(|_| follow())));
        raised?;
        for end in ends {
            ensure!(end?["output"] == json!((1..=10).collect::<Vec<_>>()), "the last one is the end");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_are_drawn_sort_by_time() -> Result<()> {
    Server::play(Way::Warm, async |server| {
        server.deploy(&sample("Workloads")).await?;
        let mut drawn = Vec::new();
        for _ in 0..20 {
            let started =
                expect(server.post(server.api("/orchestrators/Trivial")).await?, StatusCode::ACCEPTED).await?;
            drawn.push(started["id"].as_str().context("an id")?.to_owned());
        }
        assert!(drawn.iter().all(|id| id.len() == 32 && id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))));
        assert!(drawn.is_sorted(), "{drawn:?}");
        Ok(())
    })
    .await
}
