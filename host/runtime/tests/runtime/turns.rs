//! What the outside sees of a turn, and what becomes of it when the store or the machine does not play along.

use crate::world::{World, becomes, flow, id, json, until, until_in_time, waits};
use dacapo_core::RuntimeStatus;
use dacapo_runtime::{ClientError, RuntimeConfig};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_turn_is_visible_before_it_is_durable() {
    let (world, mut watching) = World::with_a_waiting(RuntimeConfig::default()).await;

    world.store.hold(true);
    let raising = tokio::spawn({
        let client = world.client.clone();
        async move { client.raise_event(&id("a"), "GO", json("1")).await }
    });
    let store = world.store.clone();
    tokio::task::spawn_blocking(move || store.until_held()).await.expect("held");
    assert!(!raising.is_finished(), "the event was acknowledged before it was durable");
    let seen = world.client.status(&id("a")).await.expect("reads").expect("known");
    assert_eq!(seen.status, RuntimeStatus::Running);

    world.store.hold(false);
    raising.await.expect("joins").expect("is acknowledged");
    let end = until(&mut watching, |view| view.status.is_finished()).await;
    assert_eq!((end.status, &end.output), (RuntimeStatus::Completed, &Some(json("1"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activity_with_effects_does_not_run_before_the_turn_that_asked_for_it_is_durable() {
    let world = World::new(RuntimeConfig::default()).await;
    world.store.only_turns();
    world.store.hold(true);
    let mut watching = world.client.subscribe(&id("a"));
    world.client.start(flow("a")).await.expect("starts");
    let store = world.store.clone();
    tokio::task::spawn_blocking(move || store.until_held()).await.expect("held");
    assert_eq!(world.guests.runs.load(Ordering::SeqCst), 0);
    world.store.hold(false);
    until(&mut watching, waits).await;
    assert_eq!(world.guests.runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pure_activity_runs_ahead_of_the_disk_and_nobody_sees_it() {
    let world = World::new(RuntimeConfig::default()).await;
    world.guests.pure.store(true, Ordering::SeqCst);
    world.store.only_turns();
    world.store.hold(true);
    let mut watching = world.client.subscribe(&id("a"));
    world.client.start(flow("a")).await.expect("starts");
    becomes(|| world.guests.runs.load(Ordering::SeqCst) == 1).await;
    let seen = world.client.status(&id("a")).await.expect("reads").expect("known");
    assert_eq!((seen.status, &seen.custom_status), (RuntimeStatus::Pending, &None));
    world.store.hold(false);
    until(&mut watching, waits).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_that_were_lost_with_the_store_are_played_again_with_all_that_ran_ahead() {
    for pure in [true, false] {
        let world = World::new(RuntimeConfig::default()).await;
        world.guests.pure.store(pure, Ordering::SeqCst);
        world.store.only_turns();
        world.store.fail(true);
        let mut watching = world.client.subscribe(&id("a"));
        world.client.start(flow("a")).await.expect("starts");
        becomes(|| world.store.failed() > 0).await;
        world.store.fail(false);
        world.client.raise_event(&id("a"), "Go", json("1")).await.expect("delivered");
        // Whatever the first attempts left, it is tried again after a while.
        let end = until_in_time(&world, &mut watching, |view| view.status.is_finished()).await;
        assert_eq!((&end.custom_status, &end.output), (&Some(json("7")), &Some(json("1"))), "pure: {pure}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_could_not_be_committed_is_played_again() {
    for warm_budget_bytes in [0, 1 << 20] {
        let (world, mut watching) =
            World::with_a_waiting(RuntimeConfig { warm_budget_bytes, ..RuntimeConfig::default() }).await;

        world.store.fail(true);
        let refused = world.client.raise_event(&id("a"), "Go", json("1")).await;
        assert!(matches!(refused, Err(ClientError::Store(_))), "{refused:?}");
        let refused = world.client.start(flow("b")).await;
        assert!(matches!(refused, Err(ClientError::Store(_))), "{refused:?}");
        assert!(world.client.status(&id("b")).await.expect("reads").is_none(), "half a start");

        world.store.fail(false);
        world.client.raise_event(&id("a"), "Go", json("2")).await.expect("the store is back");
        let end = until(&mut watching, |view| view.status.is_finished()).await;
        assert_eq!(end.output, Some(json("2")), "the event that was refused must not have arrived");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_are_tried_again_and_only_the_last_one_fails_the_instance() {
    let world = World::new(RuntimeConfig::default()).await;
    world.guests.cuts.set(2);
    let mut watching = world.client.subscribe(&id("a"));
    world.client.start(flow("a")).await.expect("starts");
    until(&mut watching, waits).await;

    world.guests.cuts.set(3);
    world.client.raise_event(&id("a"), "Go", json("1")).await.expect("delivered");
    let end = until(&mut watching, |view| view.status.is_finished()).await;
    assert_eq!(end.status, RuntimeStatus::Failed);
    let output = end.output.as_ref().expect("says why").to_string();
    assert!(output.contains("cut 3 times: by the test"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_runtime_refuses_and_loses_nothing() {
    let (world, watching) = World::with_a_waiting(RuntimeConfig::default()).await;
    world.clock.advance(Duration::from_secs(1));
    drop(watching);
    world.client.drain(Duration::from_secs(60)).await;
    let refused = world.client.raise_event(&id("a"), "Go", json("1")).await;
    assert!(matches!(refused, Err(ClientError::ShuttingDown)), "{refused:?}");
    let kept = world.client.status(&id("a")).await.expect("reads").expect("known");
    assert_eq!(kept.status, RuntimeStatus::Running);
}
