//! Nothing that arrives is lost, is taken twice or by the wrong one, whatever came in between.

use crate::world::{World, becomes, ended, flow, id, json, start, until, until_in_time, waits};
use dacapo_core::{Limits, RuntimeStatus};
use dacapo_runtime::{InstanceView, RuntimeConfig};
use dacapo_store::{ContinueAfter, InstanceFilter, Store as _};
use futures::poll;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// With warm guests, and with none.
fn both() -> [RuntimeConfig; 2] {
    [1 << 20, 0].map(|warm_budget_bytes| RuntimeConfig { warm_budget_bytes, ..RuntimeConfig::default() })
}

fn shows(status: &str) -> impl Fn(&InstanceView) -> bool {
    let status = json(status);
    move |view| view.custom_status.as_ref() == Some(&status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_that_has_let_go_of_a_child_hears_what_comes_after_the_childs_end() {
    for config in both() {
        let world = World::new(config).await;
        let (mut parent, mut child) = (world.client.subscribe(&id("a")), world.client.subscribe(&id("c")));
        world.client.start(start("Leaver", "a")).await.expect("starts");
        until(&mut child, waits).await;
        world.client.raise_event(&id("a"), "Leave", json("1")).await.expect("delivered");
        until(&mut parent, shows("\"left\"")).await;
        world.client.raise_event(&id("c"), "Go", json("2")).await.expect("delivered");
        until(&mut child, ended).await;
        world.client.raise_event(&id("a"), "End", json("3")).await.expect("delivered");
        assert_eq!(until(&mut parent, ended).await.output, Some(json("3")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_that_sends_to_one_that_takes_nothing_fails_and_the_other_goes_on() {
    for config in both() {
        let limits = Limits { untaken_events: 3, ..config.limits };
        let world = World::new(RuntimeConfig { limits, ..config }).await;
        let (mut a, mut b) = (world.client.subscribe(&id("a")), world.client.subscribe(&id("b")));
        world.client.start(flow("b")).await.expect("starts");
        until(&mut b, waits).await;
        world.client.start(start("Teller", "a")).await.expect("starts");
        let received = || world.store.instance(&id("b")).expect("reads").expect("known").inbox_next;
        for n in 1..=3 {
            world.client.raise_event(&id("a"), "Tell", json("1")).await.expect("delivered");
            becomes(|| received() == n).await;
        }
        world.client.raise_event(&id("a"), "Tell", json("1")).await.expect("delivered");
        let end = until(&mut a, ended).await;
        let output = end.output.as_ref().expect("says why").to_string();
        assert_eq!(end.status, RuntimeStatus::Failed, "{output}");
        let why = "The event 'News' cannot be sent to 'b', which has not taken what it was given: 3 is the limit `untaken_events`";
        assert!(output.contains(why), "{output}");
        assert_eq!(received(), 3, "those before were sent");
        world.client.terminate(&id("b"), "enough".into(), true).await.expect("a way out is left");
        assert_eq!(until(&mut b, ended).await.status, RuntimeStatus::Terminated);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_wants_is_gone_from_the_store_too() {
    for config in both() {
        let world = World::new(config).await;
        let (mut parent, mut child) = (world.client.subscribe(&id("a")), world.client.subscribe(&id("c")));
        world.client.start(start("Leaver", "a")).await.expect("starts");
        until(&mut child, waits).await;
        world.client.raise_event(&id("a"), "Leave", json("1")).await.expect("delivered");
        until(&mut parent, shows("\"left\"")).await;
        world.client.raise_event(&id("c"), "Go", json("2")).await.expect("delivered");
        until(&mut child, ended).await;
        let stored = || world.store.instance(&id("a")).expect("reads").expect("known");
        becomes(|| stored().inbox_next == 2 && !stored().has_work()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_execution_does_not_take_what_the_one_before_has_asked_for() {
    for config in both() {
        let world = World::new(config).await;
        let (mut parent, mut second) = (world.client.subscribe(&id("a")), world.client.subscribe(&id("second")));
        world.client.start(start("Renewer", "a")).await.expect("starts");
        world.client.raise_event(&id("a"), "Go", json("1")).await.expect("delivered");
        until(&mut second, waits).await;
        world.client.raise_event(&id("second"), "Go", json("\"own\"")).await.expect("delivered");
        assert_eq!(until(&mut parent, ended).await.output, Some(json("\"own\"")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_need_not_wait_is_made_at_once() {
    for (pure, config) in [true, false].into_iter().flat_map(|pure| both().map(|config| (pure, config))) {
        let world = World::new(config).await;
        world.guests.pure.store(pure, Ordering::SeqCst);
        let mut watching = world.client.subscribe(&id("a"));
        world.client.start(start("Stubborn", "a")).await.expect("starts");
        let end = until_in_time(&world, &mut watching, ended).await;
        assert_eq!((end.status, &end.output), (RuntimeStatus::Completed, &Some(json("1"))));
        assert_eq!(world.guests.runs.load(Ordering::SeqCst), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_not_called_again_because_the_store_cannot_take_what_it_said() {
    for config in both() {
        let world = World::new(config).await;
        let mut watching = world.client.subscribe(&id("a"));
        world.guests.activities.close();
        world.client.start(flow("a")).await.expect("starts");
        becomes(|| world.guests.activities.came() == 1).await;
        world.store.only_turns();
        world.store.fail(true);
        world.guests.activities.reopen();
        for failed in 1..6 {
            becomes(|| {
                world.clock.advance(Duration::from_millis(100));
                world.store.failed() >= failed
            })
            .await;
        }
        assert_eq!(world.guests.runs.load(Ordering::SeqCst), 1, "its result is kept, whatever the store says");
        world.store.fail(false);
        until_in_time(&world, &mut watching, waits).await;
        assert_eq!(world.guests.runs.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_does_not_lengthen_what_the_server_itself_waits_for() {
    let world = World::new(RuntimeConfig::default()).await;
    let mut watching = world.client.subscribe(&id("a"));
    world.clock.set(10_000_000);
    world.guests.activities.close();
    world.client.start(start("Impatient", "a")).await.expect("starts");
    becomes(|| world.guests.activities.came() == 1).await;
    world.clock.set(1_000);
    world.clock.advance(Duration::from_millis(1_000));
    assert_eq!(until(&mut watching, ended).await.output, Some(json("\"too late\"")));

    // And a turn that could not be committed is tried again after a second, not after hours.
    let (world, mut watching) = World::with_a_waiting(RuntimeConfig::default()).await;
    world.clock.set(10_000_000);
    world.store.only_turns();
    world.store.fail(true);
    world.client.raise_event(&id("a"), "Go", json("2")).await.expect("delivered");
    becomes(|| world.store.failed() > 0).await;
    world.store.fail(false);
    world.clock.set(1_000);
    until_in_time(&world, &mut watching, ended).await;
    assert!(world.client.health().uptime_ms < 3_600_000, "no hours have passed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_module_is_known_though_its_client_has_gone() {
    let world = World::new(RuntimeConfig::default()).await;
    world.client.deploy("m", b"another".to_vec()).await.expect("deploys");
    let active =
        || world.client.modules().iter().filter(|version| version.active).map(|version| version.version).collect();
    let active = || -> Vec<u32> { active() };
    assert_eq!(active(), [2]);

    world.store.hold(true);
    {
        let mut activating = pin!(world.client.activate("m", Some("1")));
        assert!(poll!(&mut activating).is_pending());
    }
    world.store.hold(false);
    becomes(|| active() == [1]).await;

    world.store.hold(true);
    {
        let mut deleting = pin!(world.client.delete_version("m", "2"));
        assert!(poll!(&mut deleting).is_pending());
    }
    world.store.hold(false);
    becomes(|| world.client.modules().len() == 1).await;
    world.client.start(flow("a")).await.expect("starts on what there is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_not_ahead_of_the_status_after_it() {
    let (world, _watching) = World::with_a_waiting(RuntimeConfig::default()).await;
    world.store.only_turns();
    world.store.hold_answers(true);
    world.client.raise_event(&id("a"), "Go", json("1")).await.expect("delivered");
    let stored = || world.store.instance(&id("a")).expect("reads").expect("known").status;
    becomes(|| stored() == RuntimeStatus::Completed).await;
    let listing = tokio::spawn({
        let client = world.client.clone();
        async move { client.list(InstanceFilter::default(), ContinueAfter::ZERO, 10, false).await }
    });
    let early = world.client.status(&id("a")).await.expect("reads").expect("known");
    assert_eq!(early.status, RuntimeStatus::Running, "nobody was told of it yet");
    world.store.hold_answers(false);
    let listed = listing.await.expect("joins").expect("reads").instances[0].status;
    let after = world.client.status(&id("a")).await.expect("reads").expect("known").status;
    assert_eq!((listed, after), (RuntimeStatus::Completed, RuntimeStatus::Completed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_beside_a_turn_does_not_leave_the_instance_standing_there() {
    let world = World::new(RuntimeConfig::default()).await;
    let mut watching = world.client.subscribe(&id("a"));
    world.guests.size_panics.set(2);
    world.client.start(flow("a")).await.expect("starts");
    until(&mut watching, waits).await;
    becomes(|| {
        world.clock.advance(Duration::from_millis(100));
        world.client.health().warm_instances == 1
    })
    .await;
    world.client.raise_event(&id("a"), "Go", json("2")).await.expect("delivered");
    assert_eq!(until_in_time(&world, &mut watching, ended).await.output, Some(json("2")));
}
