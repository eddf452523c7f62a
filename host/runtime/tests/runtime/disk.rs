//! What the disk does to those who write, and what is said of it.

use crate::unruly_store::disk_failed;
use crate::world::{World, becomes, ended, flow, id, json, until, waits};
use dacapo_core::InstanceId;
use dacapo_runtime::{ClientError, RuntimeConfig};
use dacapo_store::{ContinueAfter, InstanceFilter, Maintained, Store as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A start that is being written when the disk fails, and a start and an event that come at that time.
async fn three(world: &World) -> [Result<(), ClientError>; 3] {
    world.store.hold(true);
    let first = tokio::spawn({
        let client = world.client.clone();
        async move { client.start(flow("first")).await.map(drop) }
    });
    let store = world.store.clone();
    tokio::task::spawn_blocking(move || store.until_held()).await.expect("held");
    let group = tokio::spawn({
        let client = world.client.clone();
        async move {
            let b = id("b");
            tokio::join!(biased; client.start(flow("b")), client.raise_event(&b, "Go", json("1")))
        }
    });
    world.store.hold(false);
    let first = first.await.expect("joins");
    let (started, raised) = group.await.expect("joins");
    [first, started.map(drop), raised]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failure_of_the_disk_nobody_knows_and_nothing_is_tried_again() {
    for has_happened in [true, false] {
        let world = World::new(RuntimeConfig::default()).await;
        world.store.break_disk(has_happened);
        let [first, started, raised] = three(&world).await;
        assert!(matches!(first, Err(ClientError::Unknown(_))), "{first:?}");
        assert!(first.expect_err("unknown").to_string().contains("an fsync failed"));
        for later in [started, raised] {
            assert!(matches!(later, Err(ClientError::ShuttingDown)), "never tried: {later:?}");
        }
        assert!(world.client.failed().await.contains("an fsync failed"));
        let there = world.store.instance(&id("first")).expect("reads").is_some();
        assert_eq!(there, has_happened, "nothing is tried a second time");
        let later = world.client.start(flow("later")).await;
        assert!(matches!(later, Err(ClientError::ShuttingDown)), "{later:?}");
        let trouble = world.client.health().storage.trouble.expect("is not well");
        assert!(trouble.contains("an fsync failed"), "{trouble}");
        world.client.drain(Duration::from_secs(3_600)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_of_the_disk_under_a_checkpoint_ends_writing_and_takes_nothing_back() {
    let world = World::new(RuntimeConfig::default()).await;
    // What follows the deployment must not be what fails.
    becomes(|| world.store.maintained() > 0).await;
    world.store.maintain_ends(Err(disk_failed()));
    world.client.start(flow("a")).await.expect("is durable");
    world.client.failed().await;
    let later = world.client.start(flow("b")).await;
    assert!(matches!(later, Err(ClientError::ShuttingDown)), "{later:?}");
    assert_eq!(world.client.health().storage.checkpoints.failed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_activity_begins_after_the_disk_has_failed() {
    let world = World::new(RuntimeConfig::default()).await;
    world.store.only_turns();
    world.store.break_disk(true);
    world.client.start(flow("a")).await.expect("starts");
    world.client.failed().await;
    world.client.drain(Duration::from_secs(3_600)).await;
    assert_eq!(world.guests.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_purges_go_on() {
    let (world, _watching) = World::with_a_waiting(RuntimeConfig::default()).await;
    world.store.fill_disk(true);
    let started = world.client.start(flow("b")).await;
    assert!(matches!(started, Err(ClientError::DiskFull(_))), "{started:?}");
    let health = world.client.health().storage;
    assert!(health.trouble.is_some_and(|trouble| trouble.contains("full")));
    assert!(!health.condition.has_room && health.commits.failed > 0);
    world.client.purge(&id("a"), true).await.expect("is purged");
    world.store.fill_disk(false);
    world.client.start(flow("b")).await.expect("starts");
    assert_eq!(world.client.health().storage.trouble, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_and_checkpoints_are_counted_and_a_failure_is_told_for_a_while() {
    let (world, _watching) = World::with_a_waiting(RuntimeConfig::default()).await;
    let moved = Maintained::Checkpointed { log_pages: 5, moved_pages: 5, is_held: true };
    world.store.maintain_ends(Ok(moved));
    // Commits a batch, and plays no turn.
    let nobody = world.client.purge(&id("nobody"), true).await;
    assert!(matches!(nobody, Err(ClientError::UnknownInstance(_))), "{nobody:?}");
    becomes(|| world.client.health().storage.checkpoints.succeeded == 1).await;
    let health = world.client.health().storage;
    assert!(health.commits.succeeded > 0 && health.commits.last_success_ms == Some(1_000), "{health:?}");
    assert_eq!((health.checkpoints.last_success_ms, &health.trouble), (Some(1_000), &None));

    world.store.poison("Poison");
    world.clock.advance(Duration::from_millis(500));
    let poisoned = world.client.raise_event(&id("a"), "Poison", json("1")).await;
    assert!(matches!(poisoned, Err(ClientError::Store(_))), "{poisoned:?}");
    let health = world.client.health().storage;
    assert!(health.commits.last_failure.is_some_and(|(at_ms, why)| at_ms == 1_500 && why.contains("disk is full")));
    assert!(health.trouble.is_some_and(|trouble| trouble.starts_with("commits fail")));
    world.clock.advance(Duration::from_millis(10_001));
    assert_eq!(world.client.health().storage.trouble, None, "nobody has written since: it may be over");
    let view = world.client.status(&InstanceId::parse("a").expect("valid")).await.expect("reads").expect("known");
    assert!(waits(&view));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_waits_behind_no_list() {
    let cold = RuntimeConfig { warm_budget_bytes: 0, ..RuntimeConfig::default() };
    let (world, mut watching) = World::with_a_waiting(cold).await;
    world.store.hold_lists(true);
    // More than there are threads for what blocks.
    let lists: Vec<_> = (0..600)
        .map(|_| {
            let client = world.client.clone();
            tokio::spawn(async move { client.list(InstanceFilter::default(), ContinueAfter::ZERO, 10, false).await })
        })
        .collect();
    becomes(|| world.store.lists_waiting() == 16).await;
    world.client.raise_event(&id("a"), "Go", json("1")).await.expect("delivered");
    assert_eq!(until(&mut watching, ended).await.output, Some(json("1")));
    assert_eq!(world.store.lists_waiting(), 16);
    world.store.hold_lists(false);
    for list in lists {
        assert_eq!(list.await.expect("joins").expect("lists").instances.len(), 1);
    }
}
