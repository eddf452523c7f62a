//! What can go wrong between a turn and its commit, beside it and after it: nothing of it loses an instance.

use crate::unruly_store::Damage;
use crate::world::{World, becomes, ended, flow, id, json, nap, until, until_in_time, waits};
use dacapo_core::{Limits, RuntimeStatus};
use dacapo_runtime::client::Subscription;
use dacapo_runtime::{ClientError, RuntimeConfig};
use dacapo_store::{ContinueAfter, InstanceFilter};
use futures::poll;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// With warm guests, and with none.
fn both() -> [RuntimeConfig; 2] {
    [1 << 20, 0].map(|warm_budget_bytes| RuntimeConfig { warm_budget_bytes, ..RuntimeConfig::default() })
}

async fn goes_on(world: &World, watching: &mut Subscription) {
    world.client.raise_event(&id("a"), "Go", json("2")).await.expect("delivered");
    assert_eq!(until(watching, ended).await.output, Some(json("2")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_instance_is_played_though_a_turn_of_an_older_one_with_its_id_is_under_way() {
    for config in both() {
        let (world, mut watching) = World::with_a_waiting(config).await;

        world.guests.turns.close();
        world.client.raise_event(&id("a"), "Go", json("1")).await.expect("delivered");
        becomes(|| world.guests.turns.came() > 0).await;
        world.client.purge(&id("a"), true).await.expect("purged");
        world.client.start(flow("a")).await.expect("starts anew");
        world.guests.turns.reopen();
        until(&mut watching, waits).await;
        goes_on(&world, &mut watching).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_instance_is_played_though_a_turn_of_an_older_one_is_being_written() {
    for config in both() {
        let (world, mut watching) = World::with_a_waiting(config).await;

        // Purge and start go to the disk together with the turn, and before it.
        world.store.hold(true);
        let requests = tokio::spawn({
            let client = world.client.clone();
            async move {
                let a = id("a");
                let raised = client.raise_event(&a, "Other", json("1"));
                tokio::join!(biased; raised, client.purge(&a, true), client.start(flow("a")))
            }
        });
        let store = world.store.clone();
        tokio::task::spawn_blocking(move || store.until_held()).await.expect("held");
        world.store.hold(false);
        let (_, purged, started) = requests.await.expect("joins");
        purged.expect("purged");
        started.expect("starts anew");
        until(&mut watching, waits).await;
        goes_on(&world, &mut watching).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_of_an_older_instance_do_not_count_for_one_that_took_its_id() {
    for config in both() {
        let world = World::new(config).await;
        let mut watching = world.client.subscribe(&id("a"));
        world.guests.turns.close();
        world.guests.cuts.set(3);
        world.client.start(flow("a")).await.expect("starts");
        world.guests.turns.let_through(2);
        becomes(|| world.guests.turns.came() == 3).await;
        world.client.purge(&id("a"), true).await.expect("purged");
        world.client.start(flow("a")).await.expect("starts anew");
        world.guests.turns.reopen();
        let seen = until(&mut watching, |view| waits(view) || ended(view)).await;
        assert_eq!(seen.status, RuntimeStatus::Running, "{:?}", seen.output);
        goes_on(&world, &mut watching).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_that_could_not_be_read_fire_once_they_can() {
    let world = World::new(RuntimeConfig { timers_in_memory: 1, ..RuntimeConfig::default() }).await;
    let (mut first, mut second) = (world.client.subscribe(&id("n1")), world.client.subscribe(&id("n2")));
    world.client.start(nap("n1", 1_000)).await.expect("starts");
    until(&mut first, |view| view.turn == 2).await;
    world.client.start(nap("n2", 2_000)).await.expect("starts");
    until(&mut second, |view| view.turn == 2).await;

    world.store.fail_timers(true);
    world.clock.advance(Duration::from_millis(2_500));
    until(&mut first, ended).await;
    becomes(|| world.store.timers_failed() > 0).await;
    world.store.fail_timers(false);
    until_in_time(&world, &mut second, ended).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_between_a_timer_and_its_turn_loses_no_timer() {
    let world = World::new(RuntimeConfig { warm_budget_bytes: 0, ..RuntimeConfig::default() }).await;
    let mut watching = world.client.subscribe(&id("a"));
    world.client.start(nap("a", 1_000)).await.expect("starts");
    until(&mut watching, |view| view.turn == 2).await;

    world.store.hold_reads(true);
    world.clock.set(2_000);
    becomes(|| world.store.reads_waiting() > 0).await;
    world.clock.set(1_500);
    world.guests.turns.close();
    world.store.hold_reads(false);
    // The replay of its first turn passes; then it finds that it is too early.
    world.guests.turns.let_through(1);
    becomes(|| world.guests.turns.came() == 1).await;
    world.guests.turns.reopen();
    until_in_time(&world, &mut watching, ended).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_answer_for_a_while_fails_nothing() {
    for (not_now, no_room, panics) in [(3, 0, 0), (0, 3, 0), (0, 0, 3)] {
        for config in both() {
            let world = World::new(config).await;
            world.guests.not_now.set(not_now);
            world.guests.no_room.set(no_room);
            world.guests.panics.set(panics);
            let mut watching = world.client.subscribe(&id("a"));
            world.client.start(flow("a")).await.expect("starts");
            until_in_time(&world, &mut watching, waits).await;
            world.guests.not_now.set(not_now);
            world.guests.panics.set(panics);
            world.client.raise_event(&id("a"), "Go", json("2")).await.expect("delivered");
            let end = until_in_time(&world, &mut watching, ended).await;
            assert_eq!((end.status, &end.output), (RuntimeStatus::Completed, &Some(json("2"))));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_cannot_be_read_whole_is_stalled_and_can_be_ended() {
    for (damage, why) in [
        (Damage::History, "does not begin with ExecutionStarted"),
        (Damage::Inbox, "should hold the entries 0 to 1"),
        (Damage::CustomStatus, "column `custom_status`"),
    ] {
        let world = World::new(RuntimeConfig { warm_budget_bytes: 0, ..RuntimeConfig::default() }).await;
        for name in ["a", "b"] {
            let mut watching = world.client.subscribe(&id(name));
            world.client.start(flow(name)).await.expect("starts");
            until(&mut watching, waits).await;
            world.store.damage(Some(damage));
            world.client.raise_event(&id(name), "Go", json("1")).await.expect("delivered");
            let stalled = until(&mut watching, |view| view.stalled).await;
            assert_eq!(stalled.status, RuntimeStatus::Failed);
            let output = stalled.output.as_ref().expect("says why").to_string();
            assert!(output.contains(why), "{output}");
            let all = world.client.list(InstanceFilter::default(), ContinueAfter::ZERO, 10, false).await;
            let listed = all.expect("reads").instances.into_iter().find(|view| view.id == id(name)).expect("listed");
            assert!(listed.stalled && listed.output == stalled.output);
            world.store.damage(None);
        }
        world.store.damage(Some(damage));
        let mut watching = world.client.subscribe(&id("a"));
        world.client.terminate(&id("a"), "enough".into(), true).await.expect("delivered");
        assert_eq!(until(&mut watching, ended).await.status, RuntimeStatus::Terminated);
        if damage == Damage::History {
            // With another input than its own it would be another instance.
            let refused = world.client.restart(&id("a"), false).await.expect_err("refused");
            assert!(refused.to_string().contains("the input of 'a' cannot be read"), "{refused}");
        }

        world.client.purge(&id("b"), true).await.expect("purged");
        assert!(world.client.status(&id("b")).await.expect("reads").is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_has_ended_the_process_three_times_is_stalled_and_can_be_ended() {
    let config = RuntimeConfig { warm_budget_bytes: 0, ..RuntimeConfig::default() };
    let (world, mut watching) = World::with_a_waiting(config).await;
    world.store.set_deaths(3);
    world.client.raise_event(&id("a"), "Go", json("1")).await.expect("delivered");
    let stalled = until(&mut watching, |view| view.stalled).await;
    let output = stalled.output.as_ref().expect("says why").to_string();
    assert!(output.contains("has ended 3 times in a row while this instance was played"), "{output}");
    world.client.terminate(&id("a"), "enough".into(), true).await.expect("delivered");
    assert_eq!(until(&mut watching, ended).await.status, RuntimeStatus::Terminated);
    assert_eq!(world.store.playing().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_may_have_ended_the_process_are_played_one_at_a_time() {
    for config in both() {
        let world = World::new(config).await;
        world.store.set_deaths(2);
        world.guests.turns.close();
        let mut a = world.client.subscribe(&id("a"));
        world.client.start(flow("a")).await.expect("starts");
        becomes(|| world.guests.turns.came() > 0).await;
        let mut others = Vec::new();
        for other in ["b", "c", "d"] {
            others.push(world.client.subscribe(&id(other)));
            world.client.start(flow(other)).await.expect("starts");
        }
        assert_eq!(world.store.playing(), (1, 1));
        world.guests.turns.reopen();
        until(&mut a, waits).await;
        for mut other in others {
            until(&mut other, waits).await;
        }
        becomes(|| world.store.playing() == (0, 1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_cannot_be_read_at_all_is_not_tried_again_and_again() {
    let config = RuntimeConfig { warm_budget_bytes: 0, ..RuntimeConfig::default() };
    let (world, _watching) = World::with_a_waiting(config).await;
    world.store.damage(Some(Damage::Epoch));
    let before = world.store.reads();
    world.client.raise_event(&id("a"), "Other", json("1")).await.expect("delivered");
    becomes(|| world.store.reads() > before).await;
    let found = world.store.reads();
    // Whatever was to be tried again a second later is tried before the other one's timer comes.
    world.clock.advance(Duration::from_millis(1_500));
    let mut other = world.client.subscribe(&id("n"));
    world.store.damage(None);
    world.client.start(nap("n", 1_500)).await.expect("starts");
    until_in_time(&world, &mut other, ended).await;
    let turns_of_the_other = 2;
    assert!(world.store.reads() <= found + turns_of_the_other, "{} reads", world.store.reads() - found);
    world.client.purge(&id("a"), true).await.expect("purged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_not_every_reader_takes_fails_its_activity() {
    let world = World::new(RuntimeConfig::default()).await;
    world.guests.odd.set(1);
    let mut watching = world.client.subscribe(&id("a"));
    world.client.start(flow("a")).await.expect("starts");
    let end = until(&mut watching, ended).await;
    assert_eq!(end.status, RuntimeStatus::Failed);
    let output = end.output.as_ref().expect("says why").to_string();
    let said = "failed: Activity function 'Echo' failed: The result of activity 'Echo' is not I-JSON (RFC 7493)";
    assert!(output.contains(said), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_purged_while_it_is_found_to_be_stalled_is_not_shown_again() {
    for config in both() {
        let (world, mut watching) = World::with_a_waiting(config).await;

        world.guests.turns.close();
        world.guests.unplayable.set(1);
        world.client.raise_event(&id("a"), "Go", json("1")).await.expect("delivered");
        becomes(|| world.guests.turns.came() > 0).await;
        world.client.purge(&id("a"), true).await.expect("purged");
        // Whoever looks whether it is still there has not shown it before.
        world.store.hold_reads(true);
        world.guests.turns.reopen();
        becomes(|| world.store.reads_waiting() > 0).await;
        world.store.hold_reads(false);
        world.client.start(flow("a")).await.expect("starts anew");
        until(&mut watching, |view| {
            assert!(!view.stalled, "it is gone: {view:?}");
            waits(view)
        })
        .await;
        goes_on(&world, &mut watching).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_events_neither_refuses_a_termination_nor_makes_one_endless_turn() {
    for config in both() {
        let limits = Limits { inbox_events: 2_500, ..Limits::default() };
        let world = World::new(RuntimeConfig { limits, ..config }).await;
        let mut watching = world.client.subscribe(&id("a"));
        world.client.start(flow("a")).await.expect("starts");
        let before = until(&mut watching, waits).await.turn;

        world.guests.turns.close();
        for n in 0..2_500 {
            world.client.raise_event(&id("a"), "Other", json(&n.to_string())).await.expect("delivered");
        }
        let refused = world.client.raise_event(&id("a"), "Other", json("1")).await;
        assert!(matches!(refused, Err(ClientError::InboxFull { limit: 2_500, .. })), "{refused:?}");
        world.guests.turns.reopen();
        // One event in the turn that stood still, then the others in portions.
        until(&mut watching, |view| view.turn >= before + 4).await;

        world.guests.turns.close();
        world.client.raise_event(&id("a"), "Other", json("1")).await.expect("delivered");
        becomes(|| world.guests.turns.came() > 0).await;
        for _ in 0..2_499 {
            world.client.raise_event(&id("a"), "Other", json("1")).await.expect("delivered");
        }
        world.client.terminate(&id("a"), "enough".into(), true).await.expect("not refused");
        world.guests.turns.reopen();
        assert_eq!(until(&mut watching, ended).await.status, RuntimeStatus::Terminated);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_nobody_waits_for_are_refused_before_they_end_the_flow() {
    for config in both() {
        let limits = Limits { untaken_events: 30, history_events: 50, ..Limits::default() };
        let world = World::new(RuntimeConfig { limits, ..config }).await;
        let mut watching = world.client.subscribe(&id("a"));
        world.client.start(flow("a")).await.expect("starts");
        until(&mut watching, waits).await;
        let mut refused = None;
        for n in 0..100 {
            refused = world.client.raise_event(&id("a"), "Other", json(&n.to_string())).await.err();
            if refused.is_some() {
                assert_eq!(n, 30);
                break;
            }
        }
        assert!(matches!(refused, Some(ClientError::InboxFull { setting: "untaken_events", .. })), "{refused:?}");
        world.client.suspend(&id("a"), "hold on".into()).await.expect("not refused");
        until(&mut watching, |view| view.status == RuntimeStatus::Suspended).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_the_store_cannot_take_fails_alone() {
    let (world, mut watching) = World::with_a_waiting(RuntimeConfig::default()).await;
    world.store.hold(true);
    world.store.poison("Poison");
    let first = tokio::spawn({
        let client = world.client.clone();
        async move { client.start(flow("first")).await }
    });
    let store = world.store.clone();
    tokio::task::spawn_blocking(move || store.until_held()).await.expect("held");
    let group = tokio::spawn({
        let client = world.client.clone();
        async move {
            let a = id("a");
            let (poison, go) = (client.raise_event(&a, "Poison", json("1")), client.raise_event(&a, "Go", json("3")));
            tokio::join!(biased; client.start(flow("b")), poison, go)
        }
    });
    world.store.hold(false);
    first.await.expect("joins").expect("starts");
    let (started, poisoned, raised) = group.await.expect("joins");
    started.expect("starts");
    assert!(matches!(poisoned, Err(ClientError::Store(_))), "{poisoned:?}");
    raised.expect("delivered");
    assert_eq!(until(&mut watching, ended).await.output, Some(json("3")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_takes_in_what_activities_with_effects_have_come_to_and_gives_up_pure_ones() {
    for (pure, config) in [true, false].into_iter().flat_map(|pure| both().map(|config| (pure, config))) {
        let world = World::new(config).await;
        world.guests.pure.store(pure, Ordering::SeqCst);
        world.guests.activities.close();
        world.client.start(flow("a")).await.expect("starts");
        becomes(|| world.guests.activities.came() == 1).await;
        let mut draining = pin!(world.client.drain(Duration::from_secs(3_600)));
        if !pure {
            assert!(poll!(&mut draining).is_pending());
            world.guests.activities.reopen();
        }
        draining.await;
        let seen = world.client.status(&id("a")).await.expect("reads").expect("known");
        assert_eq!(seen.custom_status, if pure { None } else { Some(json("7")) });
    }
}
