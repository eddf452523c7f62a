//! Delivering to inboxes, and consuming them.

use super::fixture::{Fixture, json, raised};
use crate::write::Delivery;
use crate::{Refused, Write, Written};
use dacapo_core::{By, Event, Failure, RuntimeStatus, TaskId, Untaken};

/// Also where turns consume between the deliveries.
pub fn entries_are_numbered_from_zero_without_a_gap(fixture: &mut Fixture) {
    let key = fixture.create("a");
    for seq in 0..5 {
        assert_eq!(fixture.raise("a", "E"), Ok(Written::Delivered { key, seq }));
        if seq == 2 {
            fixture.play("a", |turn| turn.inbox_done = 3);
        }
    }
    let instance = fixture.get("a");
    assert_eq!((instance.inbox_next, instance.inbox_done), (5, 3));
    assert_eq!(fixture.waiting(key), [(3, "E".to_owned()), (4, "E".to_owned())]);
}

/// Every kind of arrival.
pub fn an_entry_comes_back_as_it_was_delivered(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let (task, failure) = (TaskId(3), Failure::detailed("kind", "wörds", Some(json("{\"x\" : [ ]}"))));
    let events = [
        Event::EventRaised { name: "Ünï".to_owned(), data: json("{ \"n\": 1.50 }"), by: Some(By::Client) },
        Event::EventRaised { name: "null".to_owned(), data: json("null"), by: None },
        Event::TaskCompleted { task, result: json("\"r\"") },
        Event::TaskFailed { task, failure },
        Event::TimerFired { task },
        Event::ExecutionTerminated { reason: "because\n\"so\"".to_owned(), recursive: false, by: None },
    ];
    for event in &events {
        let delivery = Delivery { event: event.clone(), ..raised("a", "") };
        fixture.done(Write::Deliver(delivery));
    }
    let entries = fixture.store().inbox(key).expect("reads");
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(entries.into_iter().map(|entry| entry.event).collect::<Vec<_>>(), events);
}

/// The rest stays, in order.
pub fn a_turn_consumes_a_prefix(fixture: &mut Fixture) {
    let key = fixture.create("a");
    for name in ["A", "B", "C"] {
        fixture.raise("a", name).expect("delivered");
    }
    fixture.play("a", |_| ());
    assert_eq!(fixture.waiting(key).len(), 3);
    fixture.play("a", |turn| turn.inbox_done = 2);
    assert_eq!(fixture.waiting(key), [(2, "C".to_owned())]);
    assert_eq!(fixture.get("a").inbox_done, 2);
    fixture.play("a", |turn| turn.inbox_done = 3);
    assert!(fixture.waiting(key).is_empty());
}

/// Neither what never came nor what is gone already.
pub fn a_turn_that_consumes_what_is_not_there_is_fenced(fixture: &mut Fixture) {
    fixture.create("a");
    fixture.raise("a", "A").expect("delivered");
    fixture.raise("a", "B").expect("delivered");
    fixture.play("a", |turn| turn.inbox_done = 1);
    let before = fixture.observe();
    for inbox_done in [0, 3, u64::MAX] {
        let mut turn = fixture.next_turn("a");
        turn.inbox_done = inbox_done;
        assert_eq!(fixture.write(Write::Turn(turn)), Err(Refused::Fenced), "{inbox_done}");
    }
    assert_eq!(fixture.observe(), before);
}

/// Nothing else of the instance changes; what holds on to another state of it is refused.
pub fn what_nobody_wants_is_discarded(fixture: &mut Fixture) {
    let key = fixture.create("a");
    fixture.play("a", |_| ());
    for name in ["A", "B"] {
        fixture.raise("a", name).expect("delivered");
    }
    let before = fixture.get("a");
    let discard = |fence, inbox_done| Write::Discard { fence, inbox_done };
    for inbox_done in [3, u64::MAX] {
        assert_eq!(fixture.write(discard(before.fence(), inbox_done)), Err(Refused::Fenced), "{inbox_done}");
    }
    assert_eq!(fixture.write(discard(before.fence(), 1)), Ok(Written::Discarded));
    let inbox_bytes = before.inbox_bytes / 2;
    assert_eq!(fixture.get("a"), crate::Instance { inbox_done: 1, inbox_bytes, ..before.clone() });
    assert_eq!(fixture.waiting(key), [(1, "B".to_owned())]);
    assert_eq!(fixture.write(discard(before.fence(), 0)), Err(Refused::Fenced), "it is gone already");
    assert!(fixture.observe().busy.contains(&(key, before.id.clone())));

    assert_eq!(fixture.write(discard(before.fence(), 2)), Ok(Written::Discarded));
    assert!(fixture.observe().busy.is_empty());
    fixture.reopen();
    assert_eq!(fixture.raise("a", "C"), Ok(Written::Delivered { key, seq: 2 }));
    fixture.play("a", |_| ());
    assert_eq!(fixture.write(discard(before.fence(), 3)), Err(Refused::Fenced), "a turn came between");
    fixture.finish("a", RuntimeStatus::Completed);
    let fence = fixture.get("a").fence();
    assert_eq!(fixture.write(discard(fence, 3)), Err(Refused::Fenced), "it has ended");
}

/// Nobody to deliver to.
pub fn deliver_refuses_an_unknown_id(fixture: &mut Fixture) {
    fixture.create("a");
    assert_eq!(fixture.raise("A", "E"), Err(Refused::UnknownInstance));
}

/// Whichever way it ended.
pub fn deliver_refuses_a_finished_instance(fixture: &mut Fixture) {
    for status in RuntimeStatus::ALL {
        let id = status.as_str();
        let key = fixture.create(id);
        fixture.play(id, |turn| turn.status = status);
        let expected = if status.is_finished() {
            Err(Refused::Finished { status })
        } else {
            Ok(Written::Delivered { key, seq: 0 })
        };
        assert_eq!(fixture.raise(id, "E"), expected);
    }
}

/// The limit counts what waits, not what was consumed.
pub fn deliver_refuses_when_the_inbox_is_full(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let raise = |limit| fixture.write(Write::Deliver(Delivery { limit, ..raised("a", "E") }));
    assert_eq!(raise(0), Err(Refused::InboxFull { setting: "inbox_events", limit: 0 }));
    assert_eq!(raise(2), Ok(Written::Delivered { key, seq: 0 }));
    assert_eq!(raise(2), Ok(Written::Delivered { key, seq: 1 }));
    assert_eq!(raise(2), Err(Refused::InboxFull { setting: "inbox_events", limit: 2 }));
    assert_eq!(raise(1), Err(Refused::InboxFull { setting: "inbox_events", limit: 1 }));
    fixture.play("a", |turn| turn.inbox_done = 1);
    assert_eq!(raise(2), Ok(Written::Delivered { key, seq: 2 }));
    assert_eq!(raise(u64::MAX), Ok(Written::Delivered { key, seq: 3 }));
}

/// Also what turns have taken in and the flow has not; and by bytes, but for the first.
pub fn deliver_refuses_what_the_flow_does_not_take(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let raise = |limit_untaken, limit_bytes| {
        fixture.write(Write::Deliver(Delivery { limit_untaken, limit_bytes, ..raised("a", "E") }))
    };
    let too_many = |limit| Err(Refused::InboxFull { setting: "untaken_events", limit });
    let too_much = |limit| Err(Refused::InboxFull { setting: "inbox_bytes", limit });
    assert_eq!(raise(9, 0), Ok(Written::Delivered { key, seq: 0 }), "the first is taken whatever its size");
    let bytes = raised("a", "E").event.size_bytes() as u64;
    assert_eq!(fixture.get("a").inbox_bytes, bytes);
    assert_eq!(raise(9, 2 * bytes - 1), too_much(2 * bytes - 1));
    assert_eq!(raise(9, 2 * bytes), Ok(Written::Delivered { key, seq: 1 }));

    // A turn takes one of them in, and nobody waits for it.
    fixture.play("a", |turn| {
        turn.inbox_done = 1;
        turn.untaken = Untaken { events: 1, bytes: 5 };
    });
    let held = fixture.get("a");
    assert_eq!((held.inbox_bytes, held.untaken), (bytes, Untaken { events: 1, bytes: 5 }));
    assert_eq!(raise(2, u64::MAX), too_many(2));
    assert_eq!(raise(9, 2 * bytes + 4), too_much(2 * bytes + 4));
    assert_eq!(raise(3, 2 * bytes + 5), Ok(Written::Delivered { key, seq: 2 }));
    fixture.reopen();
    fixture.play("a", |turn| (turn.inbox_done, turn.untaken) = (3, Untaken::default()));
    assert_eq!(fixture.get("a").inbox_bytes, 0);
    fixture.raise("a", "E").expect("delivered");
    fixture.write(Write::Discard { fence: fixture.get("a").fence(), inbox_done: 4 }).expect("discarded");
    assert_eq!(fixture.get("a").inbox_bytes, 0);
    fixture.finish("a", RuntimeStatus::Completed);
    assert_eq!(fixture.get("a").untaken, Untaken::default());
}

/// So that there is no gap.
pub fn a_refused_delivery_takes_no_number(fixture: &mut Fixture) {
    let key = fixture.create("a");
    fixture.raise("a", "A").expect("delivered");
    let before = fixture.observe();
    let refused = fixture.write(Write::Deliver(Delivery { limit: 1, ..raised("a", "B") }));
    assert_eq!(refused, Err(Refused::InboxFull { setting: "inbox_events", limit: 1 }));
    assert_eq!(fixture.observe(), before);
    assert_eq!(fixture.raise("a", "C"), Ok(Written::Delivered { key, seq: 1 }));
}

/// Each instance counts for itself.
pub fn inboxes_do_not_mix(fixture: &mut Fixture) {
    let (a, b) = (fixture.create("a"), fixture.create("b"));
    for (id, name) in [("a", "A"), ("b", "B"), ("a", "A2"), ("b", "B2")] {
        fixture.raise(id, name).expect("delivered");
    }
    fixture.play("a", |turn| turn.inbox_done = 2);
    assert!(fixture.waiting(a).is_empty());
    assert_eq!(fixture.waiting(b), [(0, "B".to_owned()), (1, "B2".to_owned())]);
}

/// Of a known instance and of none.
pub fn an_empty_inbox_is_empty(fixture: &mut Fixture) {
    let key = fixture.create("a");
    assert_eq!(fixture.store().inbox(key).expect("reads"), []);
    assert_eq!(fixture.store().inbox(crate::InstanceKey(999)).expect("reads"), []);
}
