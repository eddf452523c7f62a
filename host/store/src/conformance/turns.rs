//! Committing turns, and reading histories.

use super::fixture::{Fixture, json, new_instance, purge, record};
use crate::{Fence, InstanceKey, Refused, StoreError, Write, Written};
use dacapo_core::{Orchestration, RuntimeStatus};

/// Each field of the instance, and the record.
pub fn a_turn_appends_its_record_and_sets_what_it_says(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let before = fixture.get("a");
    fixture.play("a", |turn| {
        turn.at_ms = 7_000;
        turn.record = record(7_000).encode();
        turn.custom_status = Some(json(r#"{"p": 1}"#));
        turn.wake_at_ms = Some(9_000);
        turn.open_activities = true;
    });
    let mut expected = before;
    expected.next_seq = 2;
    expected.updated_at_ms = 7_000;
    expected.status = RuntimeStatus::Running;
    expected.custom_status = Some(json(r#"{"p": 1}"#));
    expected.wake_at_ms = Some(9_000);
    expected.open_activities = true;
    assert_eq!(fixture.get("a"), expected);
    let history = fixture.history(key);
    assert_eq!(history.iter().map(|turn| turn.seq).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(history[1].record, record(7_000));

    fixture.play("a", |_| ());
    let instance = fixture.get("a");
    assert_eq!((instance.next_seq, instance.wake_at_ms, instance.open_activities), (3, None, false));
}

/// Every part of the fence is checked, and a refused turn leaves no trace.
pub fn a_turn_with_a_wrong_belief_is_fenced(fixture: &mut Fixture) {
    fixture.create("a");
    fixture.play("a", |_| ());
    let before = fixture.observe();
    let fence = fixture.get("a").fence();
    let wrong = [
        Fence { key: InstanceKey(fence.key.0 + 1), ..fence },
        Fence { epoch: fence.epoch + 1, ..fence },
        Fence { generation: fence.generation + 1, ..fence },
        Fence { next_seq: fence.next_seq + 1, ..fence },
        Fence { next_seq: fence.next_seq - 1, ..fence },
    ];
    for fence in wrong {
        let mut turn = fixture.next_turn("a");
        turn.fence = fence;
        turn.status = RuntimeStatus::Completed;
        assert_eq!(fixture.write(Write::Turn(turn)), Err(Refused::Fenced), "{fence:?}");
        assert_eq!(fixture.observe(), before, "{fence:?}");
    }
}

/// The second of two that build on the same state has lost.
pub fn a_turn_is_committed_once(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let turn = fixture.next_turn("a");
    let batch = [Write::Turn(turn.clone()), Write::Turn(turn.clone())];
    let answers = fixture.store().commit(&batch).expect("commits");
    assert_eq!(answers, [Ok(Written::Turned { sent: vec![] }), Err(Refused::Fenced)]);
    assert_eq!(fixture.write(Write::Turn(turn)), Err(Refused::Fenced));
    assert_eq!(fixture.history(key).len(), 2);
}

/// Purged, or replaced by another that has its id.
pub fn a_turn_of_an_instance_that_is_gone_is_fenced(fixture: &mut Fixture) {
    fixture.create("a");
    let turn = fixture.next_turn("a");
    fixture.done(purge("a", true));
    assert_eq!(fixture.write(Write::Turn(turn.clone())), Err(Refused::Fenced));
    fixture.create("a");
    assert_eq!(fixture.write(Write::Turn(turn)), Err(Refused::Fenced));
    let replaced = fixture.next_turn("a");
    fixture.finish("a", RuntimeStatus::Completed);
    fixture.create("a");
    assert_eq!(fixture.write(Write::Turn(replaced)), Err(Refused::Fenced));
    assert_eq!(fixture.get("a").next_seq, 1);
}

/// `null` clears it.
pub fn the_custom_status_stays_until_it_is_set_or_cleared(fixture: &mut Fixture) {
    fixture.create("a");
    let set = [
        (Some("\"x\""), Some("\"x\"")),
        (None, Some("\"x\"")),
        (Some("{}"), Some("{}")),
        (Some("null"), None),
        (None, None),
    ];
    for (given, expected) in set {
        fixture.play("a", |turn| turn.custom_status = given.map(json));
        assert_eq!(fixture.get("a").custom_status, expected.map(json), "after {given:?}");
    }
    fixture.play("a", |turn| turn.custom_status = Some(json("\"last\"")));
    fixture.finish("a", RuntimeStatus::Completed);
    assert_eq!(fixture.get("a").custom_status, Some(json("\"last\"")));
}

/// A store does not judge what a turn may become; only the end is final.
pub fn every_status_is_applied_as_given(fixture: &mut Fixture) {
    for status in RuntimeStatus::ALL {
        let id = status.as_str();
        fixture.create(id);
        fixture.play(id, |turn| turn.status = status);
        assert_eq!(fixture.get(id).status, status);
        if status.is_finished() {
            let more = fixture.next_turn(id);
            assert_eq!(fixture.write(Write::Turn(more)), Err(Refused::Fenced), "{status}");
            continue;
        }
        fixture.play(id, |turn| turn.output = Some(json("null")));
        assert_eq!((fixture.get(id).status, fixture.get(id).output), (RuntimeStatus::Running, Some(json("null"))));
    }
}

/// A finished instance has nothing left that could be worked on.
pub fn a_finishing_turn_ends_timers_activities_and_inbox(fixture: &mut Fixture) {
    for status in RuntimeStatus::ALL.into_iter().filter(|status| status.is_finished()) {
        let key = fixture.create("a");
        fixture.raise("a", "E").expect("delivered");
        fixture.raise("a", "F").expect("delivered");
        fixture.play("a", |turn| {
            turn.status = status;
            turn.output = Some(json("[]"));
            turn.wake_at_ms = Some(1);
            turn.open_activities = true;
        });
        let instance = fixture.get("a");
        assert_eq!((instance.status, instance.output), (status, Some(json("[]"))));
        assert_eq!((instance.wake_at_ms, instance.open_activities), (None, false));
        assert_eq!((instance.inbox_next, instance.inbox_done), (2, 2));
        assert!(fixture.waiting(key).is_empty());
        let all = fixture.observe();
        assert!(all.busy.is_empty() && all.timers.is_empty());
    }
}

/// From any number, of one execution.
pub fn a_history_is_read_from_a_number_on(fixture: &mut Fixture) {
    let key = fixture.create("a");
    for _ in 0..4 {
        fixture.play("a", |_| ());
    }
    let seqs = |generation, from| {
        let turns = fixture.store().history(key, generation, from).expect("reads");
        turns.into_iter().map(|turn| turn.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(0, 0), [0, 1, 2, 3, 4]);
    assert_eq!(seqs(0, 3), [3, 4]);
    assert!(seqs(0, 5).is_empty() && seqs(0, u64::MAX).is_empty() && seqs(1, 0).is_empty());
}

/// Turns of two instances that arrive by turns.
pub fn histories_do_not_mix(fixture: &mut Fixture) {
    let keys = [fixture.create("a"), fixture.create("b")];
    for round in 0..5 {
        for (offset, id) in (0..).zip(["a", "b"]) {
            fixture.play(id, |turn| turn.record = record(round * 10 + offset).encode());
        }
    }
    for (offset, key) in (0..).zip(keys) {
        let times: Vec<u64> = fixture.history(key)[1..].iter().map(|turn| turn.record.at_ms).collect();
        assert_eq!(times, [offset, 10 + offset, 20 + offset, 30 + offset, 40 + offset]);
    }
}

/// In the order of their numbers, not of their text.
pub fn a_long_history_comes_in_order(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let mut turn = fixture.next_turn("a");
    let mut batch = Vec::new();
    for at_ms in 1..=300 {
        turn.record = record(at_ms).encode();
        batch.push(Write::Turn(turn.clone()));
        turn.fence.next_seq += 1;
    }
    let answers = fixture.store().commit(&batch).expect("commits");
    assert!(answers.iter().all(|answer| *answer == Ok(Written::Turned { sent: vec![] })));
    let history = fixture.history(key);
    assert_eq!(history.len(), 301);
    for (seq, stored) in (0..).zip(&history) {
        assert_eq!(stored.seq, seq);
        assert!(seq == 0 || stored.record == record(seq));
    }
}

/// By the instance and the number of the record.
pub fn a_record_that_cannot_be_read_is_named(fixture: &mut Fixture) {
    let key = fixture.create("a");
    fixture.play("a", |turn| turn.record = b"\xff\x00".to_vec());
    let error = fixture.store().history(key, 0, 0).expect_err("cannot be read");
    assert!(matches!(error, StoreError::CorruptHistory { key: found, .. } if found == key.0), "{error}");
    assert!(error.to_string().contains("record 1"), "{error}");
}

/// A timer for "never" is a timer all the same.
pub fn times_beyond_the_range_are_cut(fixture: &mut Fixture) {
    const LATEST_MS: u64 = i64::MAX as u64;
    let mut new = new_instance("a", fixture.some_version());
    new.opening = Orchestration::opening("Flow", json("1"), u64::MAX);
    let key = fixture.create_as(new);
    assert_eq!(fixture.get("a").created_at_ms, LATEST_MS);
    fixture.play("a", |turn| {
        turn.at_ms = u64::MAX;
        turn.wake_at_ms = Some(u64::MAX);
    });
    let instance = fixture.get("a");
    assert_eq!((instance.updated_at_ms, instance.wake_at_ms), (LATEST_MS, Some(LATEST_MS)));
    assert_eq!(fixture.observe().timers, [(LATEST_MS, key, instance.id)]);
    assert_eq!(fixture.store().timers((u64::MAX, InstanceKey::ZERO), 9).expect("reads"), []);
}
