//! Every sample does what its specification says, over HTTP.

use dacapo_tests::server::{has_ended, sample};
use dacapo_tests::{Way, every_way};
use serde_json::{Value, json};
use std::time::Duration;

/// The custom statuses, each once, in the order in which they were shown.
fn custom_statuses(seen: &[Value]) -> Vec<&Value> {
    let mut statuses: Vec<&Value> = seen.iter().map(|status| &status["customStatus"]).collect();
    statuses.dedup();
    statuses
}

every_way! {
    async fn hello_cities_shows_each_city_once_it_was_greeted(server: &mut Server) {
        server.deploy(&sample("Cities")).await?;
        server.start_instance("HelloCities", "h", Value::Null).await?;
        server.interlude().await?;
        let seen = server.watch("h", has_ended).await?;
        let last = seen.last().expect("seen");
        assert_eq!(last["output"], json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
        assert_eq!(last["runtimeStatus"], "Completed");
        assert_eq!(last["customStatus"], "London");
        let all = [Value::Null, json!("Tokyo"), json!("Seattle"), json!("London")];
        let statuses = custom_statuses(&seen);
        match server.way() {
            // The server that showed the first ones is gone; what is seen is the end of the sequence, without a gap.
            Way::Restarted => assert!(all.iter().collect::<Vec<_>>().ends_with(&statuses), "{statuses:?}"),
            Way::Warm | Way::Replayed => assert_eq!(statuses, all.iter().collect::<Vec<_>>()),
        }
    }

    async fn city_recommender_offers_what_suits_and_returns_the_choice(server: &mut Server) {
        server.deploy(&sample("Cities")).await?;
        let offers = [
            (json!(1), json!(["Tokyo", "Seattle"]), json!(["Spring", "Summer"]), "UserChoice"),
            (json!(2), json!(["Seattle", "London"]), json!(["Summer"]), "Choice"),
            // The Python client encodes twice.
            (json!("3"), json!(["Tokyo", "London"]), json!(["Spring", "Summer"]), "userchoice"),
        ];
        for (n, (input, cities, seasons, event)) in offers.into_iter().enumerate() {
            let id = format!("c{n}");
            server.start_instance("cityrecommender", &id, input).await?;
            let offer = json!({"recommendedCities": cities, "recommendedSeasons": seasons});
            server.until_custom_status(&id, offer.clone()).await?;
            server.interlude().await?;
            server.raise(&id, event, json!("Tokyo")).await?;
            let end = server.ended(&id).await?;
            assert_eq!((&end["output"], &end["customStatus"]), (&json!("Tokyo"), &offer));
        }
    }

    async fn city_recommender_names_an_input_that_it_does_not_know(server: &mut Server) {
        server.deploy(&sample("Cities")).await?;
        server.start_instance("CityRecommender", "c", json!(7)).await?;
        server.interlude().await?;
        let end = server.ended("c").await?;
        assert_eq!(end["runtimeStatus"], "Failed");
        let output = end["output"].as_str().expect("text");
        assert!(output.starts_with("Orchestrator function 'CityRecommender' failed: ") && output.contains('7'), "{output}");
    }

    async fn a_ticket_is_booked_when_it_is_confirmed_in_time(server: &mut Server) {
        server.deploy(&sample("Tickets")).await?;
        server.start_instance("ReserveTicket", "t", json!("user-1")).await?;
        let offered = server.until("t", |status| status["customStatus"]["bookingUrl"].is_string()).await?;
        let discount = offered["customStatus"]["discount"].as_u64().expect("a whole number");
        assert!(discount <= 50);
        assert_eq!(offered["customStatus"]["discountTimeout"], 60);
        assert_eq!(offered["customStatus"]["bookingUrl"], "https://www.myawesomebookingweb.com");
        server.interlude().await?;
        server.advance(Duration::from_secs(59));
        server.raise("t", "BookingConfirmed", json!(true)).await?;
        let end = server.ended("t").await?;
        assert_eq!(end["customStatus"], json!({"message": "Thank you for confirming your booking."}));
        assert_eq!(end["output"], true);
    }

    async fn a_ticket_that_is_not_confirmed_in_time_is_not_booked(server: &mut Server) {
        server.deploy(&sample("Tickets")).await?;
        server.start_instance("ReserveTicket", "t", json!("user-1")).await?;
        server.until("t", |status| status["customStatus"]["bookingUrl"].is_string()).await?;
        server.interlude().await?;
        server.advance(Duration::from_secs(60));
        let end = server.ended("t").await?;
        let message = "The booking was not confirmed on time. Please try again.";
        assert_eq!(end["customStatus"], json!({"message": message}));
        assert_eq!(end["output"], false);
    }

    async fn a_timer_that_came_due_while_the_server_was_down_fires_after_the_start(server: &mut Server) {
        server.deploy(&sample("Tickets")).await?;
        server.start_instance("ReserveTicket", "t", json!("user-1")).await?;
        server.until("t", |status| status["customStatus"]["bookingUrl"].is_string()).await?;
        server.stop().await;
        server.advance(Duration::from_secs(3_600));
        server.restart().await?;
        assert_eq!(server.ended("t").await?["output"], false);
    }

    async fn status_test_keeps_its_status_to_the_end(server: &mut Server) {
        server.deploy(&sample("Status")).await?;
        server.start_instance("StatusTest", "s", Value::Null).await?;
        let status = json!({"nextActions": ["A", "B", "C"], "foo": 2});
        server.until_custom_status("s", status.clone()).await?;
        server.interlude().await?;
        server.raise("s", "Done", Value::Null).await?;
        let end = server.ended("s").await?;
        assert_eq!((&end["runtimeStatus"], &end["customStatus"]), (&json!("Completed"), &status));
        server.interlude().await?;
        assert_eq!(server.status("s").await?["customStatus"], status);
    }

    async fn big_status_passes_up_to_the_limit_and_not_past_it(server: &mut Server) {
        server.deploy(&sample("Status")).await?;
        // The quotes of the JSON text count: 8,703 code units in all fit, 8,704 do not.
        server.start_instance("BigStatus", "fits", json!(8_701)).await?;
        assert_eq!(server.ended("fits").await?["runtimeStatus"], "Completed");
        server.start_instance("BigStatus", "large", json!(8_702)).await?;
        server.interlude().await?;
        let end = server.ended("large").await?;
        assert_eq!(end["runtimeStatus"], "Failed");
        let output = end["output"].as_str().expect("text");
        let rule = "The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. The current payload size is 17 KB.";
        assert!(output.contains(rule), "{output}");
    }

    async fn fail_once_fails_with_what_its_activity_said(server: &mut Server) {
        server.deploy(&sample("FailOnce")).await?;
        server.start_instance("FailOnce", "f", Value::Null).await?;
        server.interlude().await?;
        let end = server.ended("f").await?;
        assert_eq!(end["runtimeStatus"], "Failed");
        let output = end["output"].as_str().expect("text");
        let said = "Activity function 'BuyAtShop' failed: The shop opens in ";
        assert!(output.starts_with(&format!("Orchestrator function 'FailOnce' failed: {said}")), "{output}");
    }

    async fn an_order_is_complete_or_compensated_and_never_both(server: &mut Server) {
        server.deploy(&sample("Orders")).await?;
        let lines = |flaky: bool| {
            let sku = |n: usize| if flaky && n.is_multiple_of(10) { format!("flaky-{n}") } else { format!("sku-{n}") };
            (0..50).map(|n| json!({ "sku": sku(n), "quantity": 1 })).collect::<Vec<_>>()
        };
        let start = async |id: &str, order: Value| server.start_instance("OrderFulfilment", id, order).await;
        start("fine", json!({ "order": "a", "lines": lines(true) })).await?;
        start("short", json!({ "order": "b", "lines": lines(true), "failAt": "sku-7" })).await?;
        start("stuck", json!({ "order": "unshippable-c", "lines": lines(false) })).await?;
        let fine = server.ended_in_time("fine").await?;
        assert_eq!(fine["output"], json!({ "order": "a", "outcome": "complete", "reserved": 50 }));
        assert_eq!(fine["customStatus"], json!({ "done": 50, "total": 50, "stage": "complete" }));
        for (id, reason) in [("short", "sku-7 is out of stock"), ("stuck", "no courier takes unshippable-c")] {
            let end = server.ended_in_time(id).await?;
            assert_eq!((&end["output"]["outcome"], &end["output"]["reason"]), (&json!("compensated"), &json!(reason)));
            assert_eq!(end["customStatus"]["stage"], "compensated");
        }
    }

    async fn a_monitor_goes_on_through_new_executions_until_it_is_stopped(server: &mut Server) {
        server.deploy(&sample("Monitor")).await?;
        let watch = |job: &str, until: Value| json!({ "job": job, "intervalMs": 60_000, "until": until });
        server.start_instance("MonitorJob", "m", watch("tide", json!(5))).await?;
        server.interlude().await?;
        let end = server.ended_in_time("m").await?;
        assert_eq!(end["customStatus"], json!({ "job": "tide", "generation": 4, "reading": 32 }));
        assert_eq!(end["output"], 32);
        server.start_instance("MonitorJob", "n", watch("wind", Value::Null)).await?;
        let seen = |generation: u64| move |status: &Value| status["customStatus"]["generation"] == generation;
        server.until("n", seen(0)).await?;
        server.advance(Duration::from_secs(60));
        server.until("n", seen(1)).await?;
        server.interlude().await?;
        server.raise("n", "Stop", Value::Null).await?;
        assert_eq!(server.ended("n").await?["output"], 11);
    }

    async fn the_first_approver_to_answer_decides_and_the_others_are_told(server: &mut Server) {
        server.deploy(&sample("Approval")).await?;
        let request = json!({
            "request": "a new chair", "approvers": ["ann", "bob"], "escalateTo": "chief", "escalateAfterMs": 60_000,
        });
        for (id, after, answers, decision) in [
            ("early", 0, "bob", json!({ "approved": true, "by": "bob", "escalated": false })),
            ("late", 61, "chief", json!({ "approved": true, "by": "chief", "escalated": true })),
        ] {
            server.start_instance("Approval", id, request.clone()).await?;
            server.until(id, |status| status["customStatus"]["escalated"] == false).await?;
            server.interlude().await?;
            server.advance(Duration::from_secs(after));
            server.until(id, |status| status["customStatus"]["escalated"] == decision["escalated"]).await?;
            let child = format!("{id}-{answers}");
            let asked = server.until(&child, |status| status["customStatus"]["approver"] == answers).await?;
            assert_eq!(asked["parentInstanceId"], id);
            server.raise(&child, "Decision", json!(true)).await?;
            let end = server.ended(id).await?;
            assert_eq!((&end["output"], &end["customStatus"]), (&decision, &decision));
            let withdrawn = server.ended(&format!("{id}-ann")).await?;
            assert_eq!(withdrawn["output"], json!({ "approver": "ann", "approved": null }));
        }
    }

    async fn workloads_return_what_they_count(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        server.start_instance("Steps", "steps", json!(50)).await?;
        server.start_instance("FanOut", "fan", json!(200)).await?;
        server.start_instance("Trivial", "trivial", Value::Null).await?;
        server.start_instance("Park", "park", Value::Null).await?;
        server.interlude().await?;
        assert_eq!(server.ended("steps").await?["output"], 50);
        assert_eq!(server.ended("fan").await?["output"], 200);
        assert_eq!(server.ended("trivial").await?["output"], Value::Null);
        server.until_custom_status("park", json!("waiting")).await?;
        server.interlude().await?;
        server.raise("park", "go", json!({"a": 1})).await?;
        assert_eq!(server.ended("park").await?["output"], json!({"a": 1}));
    }
}
