//! The work lists: who is busy, and whose timer fires when.

use super::fixture::{Fixture, purge};
use crate::InstanceKey;
use dacapo_core::RuntimeStatus;

fn busy(fixture: &Fixture) -> Vec<String> {
    let found = fixture.store().busy(InstanceKey::ZERO, 100).expect("reads");
    found.into_iter().map(|(_, id)| id.to_string()).collect()
}

/// A first turn to play, activities in flight, a filled inbox.
pub fn an_instance_is_busy_while_there_is_something_to_do(fixture: &mut Fixture) {
    fixture.create("a");
    assert_eq!(busy(fixture), ["a"], "its first turn");
    fixture.play("a", |turn| turn.wake_at_ms = Some(1));
    assert!(busy(fixture).is_empty(), "parked; a timer is on another list");
    fixture.play("a", |turn| turn.open_activities = true);
    assert_eq!(busy(fixture), ["a"], "activities in flight");
    fixture.play("a", |turn| turn.open_activities = true);
    assert_eq!(busy(fixture), ["a"], "still in flight");
    fixture.play("a", |_| ());
    assert!(busy(fixture).is_empty(), "parked");
    fixture.raise("a", "E").expect("delivered");
    fixture.raise("a", "F").expect("delivered");
    assert_eq!(busy(fixture), ["a"], "a filled inbox");
    fixture.play("a", |turn| {
        turn.inbox_done = 1;
        turn.status = RuntimeStatus::Suspended;
    });
    assert_eq!(busy(fixture), ["a"], "one is left, and a suspended instance keeps it");
    fixture.play("a", |turn| turn.inbox_done = 2);
    assert!(busy(fixture).is_empty(), "all consumed");
    assert!(!fixture.get("a").has_work());
}

/// Nor does it have a timer.
pub fn a_finished_instance_is_never_busy(fixture: &mut Fixture) {
    for status in RuntimeStatus::ALL.into_iter().filter(|status| status.is_finished()) {
        let id = status.as_str();
        fixture.create(id);
        fixture.raise(id, "E").expect("delivered");
        fixture.play(id, |turn| {
            turn.status = status;
            turn.open_activities = true;
            turn.wake_at_ms = Some(1);
        });
        assert!(!fixture.get(id).has_work());
    }
    assert!(busy(fixture).is_empty() && fixture.observe().timers.is_empty());
}

/// After a key, at most so many.
pub fn the_busy_are_paged_by_key(fixture: &mut Fixture) {
    for n in 0..9 {
        let id = format!("i{}", 9 - n);
        fixture.create(&id);
        if n % 3 == 1 {
            fixture.play(&id, |_| ());
        }
    }
    let (mut found, mut after) = (Vec::new(), InstanceKey::ZERO);
    loop {
        let page = fixture.store().busy(after, 2).expect("reads");
        let Some((last, _)) = page.last() else { break };
        assert!(*last > after, "a page begins after the one before");
        after = *last;
        assert!(page.len() <= 2);
        found.extend(page.into_iter().map(|(key, id)| {
            assert_eq!(fixture.get(id.as_str()).key, key);
            id.to_string()
        }));
    }
    assert_eq!(found, ["i9", "i7", "i6", "i4", "i3", "i1"]);
    assert!(fixture.store().busy(InstanceKey::ZERO, 0).expect("reads").is_empty());
}

/// Two that fire together come by key, also across pages.
pub fn timers_come_by_time_and_key(fixture: &mut Fixture) {
    for (id, wake_at_ms) in [("a", 50), ("b", 10), ("c", 50), ("d", 9), ("e", 50), ("f", 0), ("g", 100)] {
        fixture.create(id);
        fixture.play(id, |turn| turn.wake_at_ms = Some(wake_at_ms));
    }
    fixture.create("none");
    let expected = ["f", "d", "b", "a", "c", "e", "g"];
    for limit in 1..8 {
        let (mut found, mut after) = (Vec::new(), (0, InstanceKey::ZERO));
        loop {
            let page = fixture.store().timers(after, limit).expect("reads");
            let Some((at_ms, key, _)) = page.last() else { break };
            assert!((*at_ms, *key) > after, "a page begins after the one before");
            after = (*at_ms, *key);
            assert!(page.len() <= limit);
            found.extend(page.into_iter().map(|(at_ms, key, id)| {
                let instance = fixture.get(id.as_str());
                assert_eq!((instance.wake_at_ms, instance.key), (Some(at_ms), key));
                id.to_string()
            }));
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
}

/// And not at all once it is gone.
pub fn a_timer_that_is_moved_is_listed_once(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let times = || -> Vec<u64> {
        let found = fixture.store().timers((0, InstanceKey::ZERO), 100).expect("reads");
        found.into_iter().map(|(at_ms, _, _)| at_ms).collect()
    };
    for wake_at_ms in [Some(30), Some(10), Some(10), None, Some(20)] {
        fixture.play("a", |turn| turn.wake_at_ms = wake_at_ms);
        assert_eq!(times(), wake_at_ms.into_iter().collect::<Vec<_>>());
    }
    assert!(fixture.store().timers((20, key), 9).expect("reads").is_empty());
    assert_eq!(fixture.store().timers((20, InstanceKey(key.0 - 1)), 9).expect("reads").len(), 1);
    fixture.done(purge("a", true));
    assert!(times().is_empty());
}
