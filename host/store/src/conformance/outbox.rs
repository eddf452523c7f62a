//! What a turn sends to others and to itself, the next execution, and reopening.

use super::fixture::{Fixture, id, json, new_instance, raised, record, turn};
use crate::write::{Delivery, NewInstance, NextExecution, OutboxEntry, Sent, TurnWrite};
use crate::{Fence, Instance, InstanceKey, Parent, Refused, VersionId, Write, Written};
use dacapo_core::{By, Event, Failure, InboxEntry, Orchestration, Payload, RuntimeStatus, TaskId};

/// The link of a call by what `text` is now; the caller waits.
fn call(fixture: &Fixture, text: &str, task: u32) -> Parent {
    let Instance { key, id, generation, .. } = fixture.get(text);
    Parent { key, id, generation, task: TaskId(task), waits: true }
}

fn child(fixture: &Fixture, text: &str, parent: Parent) -> NewInstance {
    NewInstance { parent: Some(parent), ..new_instance(text, fixture.some_version()) }
}

fn start(new: &NewInstance) -> OutboxEntry {
    OutboxEntry::Start { new: new.clone(), rewind: None }
}

fn start_again(new: &NewInstance) -> OutboxEntry {
    OutboxEntry::Start { new: new.clone(), rewind: Some("again".to_owned()) }
}

fn commit(fixture: &Fixture, turn: TurnWrite) -> Vec<Sent> {
    match fixture.done(Write::Turn(turn)) {
        Written::Turned { sent } => sent,
        other => panic!("{other:?}"),
    }
}

/// Commits a turn that sends this, and goes on running.
fn send(fixture: &Fixture, text: &str, outbox: impl Into<Vec<OutboxEntry>>) -> Vec<Sent> {
    commit(fixture, TurnWrite { outbox: outbox.into(), ..fixture.next_turn(text) })
}

/// Commits a turn that sends this, and ends the instance.
fn send_at_the_end(fixture: &Fixture, text: &str, outbox: impl Into<Vec<OutboxEntry>>) -> Vec<Sent> {
    let turn = TurnWrite { outbox: outbox.into(), ..fixture.next_turn(text) };
    commit(fixture, TurnWrite { status: RuntimeStatus::Completed, ..turn })
}

/// A child "child" of a call by "a".
fn with_a_child(fixture: &Fixture) -> NewInstance {
    fixture.create("a");
    let new = child(fixture, "child", call(fixture, "a", 0));
    assert!(matches!(send(fixture, "a", [start(&new)])[..], [Sent::Created { .. }]));
    new
}

/// What waits in the inbox of whoever has the id now.
fn inbox(fixture: &Fixture, text: &str) -> Vec<Event> {
    let entries = fixture.store().inbox(fixture.get(text).key).expect("reads");
    entries.into_iter().map(|entry| entry.event).collect()
}

fn delivered(fixture: &Fixture, text: &str, seq: u64, event: Event) -> Sent {
    Sent::Delivered { id: id(text), key: fixture.get(text).key, entry: InboxEntry { seq, execution: None, event } }
}

/// As [`delivered`], for its present execution alone.
fn answered(fixture: &Fixture, text: &str, seq: u64, event: Event) -> Sent {
    let Instance { id, key, generation, .. } = fixture.get(text);
    Sent::Delivered { id, key, entry: InboxEntry { seq, execution: Some(generation), event } }
}

fn by_a() -> Option<By> {
    Some(By::Instance(id("a")))
}

fn rewound(by: Option<By>) -> Event {
    Event::ExecutionRewound { reason: "again".to_owned(), from_turn: None, by }
}

fn terminated() -> Event {
    Event::ExecutionTerminated { reason: "enough".to_owned(), recursive: true, by: by_a() }
}

fn completed(task: u32) -> Event {
    Event::ChildCompleted { task: TaskId(task), result: json("[1,  2]") }
}

fn next_execution(version: VersionId) -> NextExecution {
    NextExecution { opening: Orchestration::opening("Flow", json("\"next\""), 2_000).encode(), version }
}

/// In the transaction of the turn: the writes after it in the batch find it.
pub fn a_child_is_created_with_its_parent_link(fixture: &mut Fixture) {
    fixture.create("a");
    let new = child(fixture, "child", call(fixture, "a", 7));
    let turn = TurnWrite { outbox: vec![start(&new)], ..fixture.next_turn("a") };
    let batch =
        [Write::Turn(turn), Write::Create(new_instance("child", new.version)), Write::Deliver(raised("child", "E"))];
    let answers = fixture.store().commit(&batch).expect("commits");
    let instance = fixture.get("child");
    let key = instance.key;
    let expected = [
        Ok(Written::Turned { sent: vec![Sent::Created { key, epoch: 0, new: new.clone() }] }),
        Err(Refused::InstanceExists { status: RuntimeStatus::Pending }),
        Ok(Written::Delivered { key, seq: 0 }),
    ];
    assert_eq!(answers, expected);
    assert!(key > fixture.get("a").key && instance.has_work());
    assert_eq!((instance.status, instance.next_seq, instance.version), (RuntimeStatus::Pending, 1, new.version));
    assert_eq!(instance.parent, new.parent);
    assert_eq!(fixture.history(key)[0].record, new.opening);
    assert_eq!(fixture.get("a").parent, None);
    assert!(inbox(fixture, "a").is_empty(), "who waits hears of the end, not of the beginning");

    let before = fixture.observe();
    fixture.reopen();
    assert_eq!(fixture.observe(), before);
    fixture.play("child", |_| ());
    assert_eq!(fixture.get("child").parent, new.parent);
}

/// Whoever started it: a client, or another call of the same instance.
pub fn a_child_whose_id_is_in_use_is_not_started(fixture: &mut Fixture) {
    with_a_child(fixture);
    fixture.create("client's");
    fixture.play("client's", |_| ());
    let taken = [
        (start_again(&child(fixture, "child", call(fixture, "a", 1))), 1, "child", RuntimeStatus::Pending),
        (start_again(&child(fixture, "client's", call(fixture, "a", 2))), 2, "client's", RuntimeStatus::Running),
        (start(&child(fixture, "a", call(fixture, "a", 3))), 3, "a", RuntimeStatus::Running),
    ];
    for (seq, (outbox, task, text, status)) in (0..).zip(taken) {
        let before = ["child", "client's"].map(|text| fixture.get(text));
        let sent = send(fixture, "a", [outbox]);
        let Some(Event::ChildFailed { task: failed, failure }) = inbox(fixture, "a").pop() else { panic!("{sent:?}") };
        assert_eq!((failed, failure.kind.as_str()), (TaskId(task), "instance-exists"));
        assert!(failure.message.contains(&format!("'{text}' is {status}")), "{}", failure.message);
        assert_eq!(sent, [answered(fixture, "a", seq, Event::ChildFailed { task: failed, failure })]);
        assert_eq!(["child", "client's"].map(|text| fixture.get(text)), before);
    }
}

/// As for a creation by a client, in all ways in which an instance can end.
pub fn a_finished_instance_makes_way_for_a_child(fixture: &mut Fixture) {
    fixture.create("a");
    for (status, epoch) in RuntimeStatus::ALL.into_iter().filter(|status| status.is_finished()).zip(0..) {
        let old = if epoch == 0 { fixture.create("child") } else { fixture.get("child").key };
        fixture.finish("child", status);
        let new = child(fixture, "child", call(fixture, "a", epoch));
        let sent = send(fixture, "a", [start(&new)]);
        let instance = fixture.get("child");
        assert_eq!(sent, [Sent::Created { key: instance.key, epoch: instance.epoch, new: new.clone() }]);
        assert!(instance.key > old && instance.epoch == u64::from(epoch) + 1);
        assert_eq!((instance.status, instance.output), (RuntimeStatus::Pending, None));
        assert_eq!(instance.parent, new.parent);
        assert!(fixture.history(old).is_empty());
    }
    assert!(inbox(fixture, "a").is_empty());
}

/// With its id as the result, unless the turn was the sender's last.
pub fn a_detached_child_tells_its_sender_at_once(fixture: &mut Fixture) {
    let a = fixture.create("a");
    let detached =
        |fixture: &Fixture, text: &str, task| child(fixture, text, Parent { waits: false, ..call(fixture, "a", task) });
    let new = detached(fixture, "child", 4);
    let sent = send(fixture, "a", [start(&new)]);
    let key = fixture.get("child").key;
    let event = Event::ChildCompleted { task: TaskId(4), result: Payload::string("child") };
    assert_eq!(sent, [Sent::Created { key, epoch: 0, new: new.clone() }, answered(fixture, "a", 0, event.clone())]);
    assert_eq!(inbox(fixture, "a"), [event]);
    assert_eq!(fixture.get("child").parent, new.parent);

    let late = detached(fixture, "late", 5);
    let sent = send_at_the_end(fixture, "a", [start(&late)]);
    assert_eq!(sent, [Sent::Created { key: fixture.get("late").key, epoch: 0, new: late }]);
    assert!(fixture.store().inbox(a).expect("reads").is_empty());
}

/// With its history and the place in its inbox; who holds it in memory is fenced off.
pub fn a_rewound_call_reopens_its_failed_child(fixture: &mut Fixture) {
    let new = with_a_child(fixture);
    fixture.raise("child", "E").expect("delivered");
    fixture.finish("child", RuntimeStatus::Failed);
    let mut expected = fixture.get("child");
    let history = fixture.history(expected.key);
    let sent = send(fixture, "a", [start_again(&new)]);
    assert_eq!(sent, [delivered(fixture, "child", 1, rewound(by_a()))]);
    expected.status = RuntimeStatus::Running;
    expected.output = None;
    expected.epoch += 1;
    expected.inbox_next += 1;
    expected.inbox_bytes = rewound(None).size_bytes() as u64;
    assert_eq!(fixture.get("child"), expected);
    assert_eq!(fixture.history(expected.key), history);
    assert_eq!(inbox(fixture, "child"), [rewound(by_a())]);
    assert!(fixture.observe().busy.contains(&(expected.key, expected.id.clone())));
    assert!(inbox(fixture, "a").is_empty());

    let after = fixture.observe();
    fixture.reopen();
    assert_eq!(fixture.observe(), after);
    fixture.play("child", |turn| turn.inbox_done += 1);
    assert!(!fixture.get("child").has_work());
}

/// Its end will come. The same call without a rewind is one that a rewind has taken back and that was made again.
pub fn the_same_call_leaves_a_child_that_has_not_ended_alone(fixture: &mut Fixture) {
    let new = with_a_child(fixture);
    for status in [None, Some(RuntimeStatus::Running), Some(RuntimeStatus::Suspended)] {
        if let Some(status) = status {
            fixture.play("child", |turn| turn.status = status);
        }
        let before = fixture.get("child");
        assert_eq!(send(fixture, "a", [start_again(&new), start(&new)]), [], "{status:?}");
        assert_eq!(fixture.get("child"), before);
    }
    assert!(inbox(fixture, "a").is_empty() && inbox(fixture, "child").is_empty());
}

/// The first time it may have been lost with the end of the one that waited.
pub fn a_rewound_call_hears_again_of_a_child_that_has_completed(fixture: &mut Fixture) {
    let new = with_a_child(fixture);
    fixture.finish("child", RuntimeStatus::Completed);
    let before = fixture.get("child");
    let event = Event::ChildCompleted { task: TaskId(0), result: json("\"done\"") };
    assert_eq!(send(fixture, "a", [start_again(&new)]), [answered(fixture, "a", 0, event)]);
    assert_eq!(fixture.get("child"), before);
}

/// It would have nothing to run on: it is started anew.
pub fn a_failed_child_whose_version_is_gone_is_not_reopened(fixture: &mut Fixture) {
    let first = with_a_child(fixture);
    let gone = fixture.version("gone");
    let new = NewInstance { version: gone, ..first };
    fixture.finish("child", RuntimeStatus::Completed);
    send(fixture, "a", [start(&new)]);
    fixture.finish("child", RuntimeStatus::Failed);
    let failed = fixture.get("child").key;
    fixture.done(Write::DeleteVersion(gone));
    let reopen = Write::Reopen { id: id("child"), reason: "again".to_owned(), by: By::Client };
    assert_eq!(fixture.write(reopen), Err(Refused::UnknownVersion));
    let version = fixture.get("a").version;
    send(fixture, "a", [start_again(&NewInstance { version, ..new })]);
    assert!(fixture.get("child").key > failed);
}

/// A terminated child of the same call, and a failed one of another call, or of this one where it is not rewound.
pub fn what_no_rewound_call_can_reopen_is_started_anew(fixture: &mut Fixture) {
    let new = with_a_child(fixture);
    let other = child(fixture, "child", call(fixture, "a", 1));
    let anew = [
        (RuntimeStatus::Terminated, start_again(&new)),
        (RuntimeStatus::Canceled, start_again(&new)),
        (RuntimeStatus::Failed, start(&new)),
        (RuntimeStatus::Failed, start_again(&other)),
        (RuntimeStatus::Completed, start_again(&new)),
    ];
    for (status, outbox) in anew {
        fixture.finish("child", status);
        let before = fixture.get("child");
        let sent = send(fixture, "a", [outbox]);
        let instance = fixture.get("child");
        assert!(matches!(&sent[..], [Sent::Created { key, .. }] if *key == instance.key), "{status}: {sent:?}");
        assert!(instance.key > before.key && instance.epoch == before.epoch + 1, "{status}");
        assert_eq!((instance.status, instance.next_seq), (RuntimeStatus::Pending, 1));
        assert!(inbox(fixture, "child").is_empty());
    }
}

/// To nobody, or to a finished instance: the turn stands, and so does what else it sends.
pub fn an_event_that_nobody_is_there_for_is_dropped(fixture: &mut Fixture) {
    let a = fixture.create("a");
    fixture.create("b");
    fixture.create("done");
    fixture.finish("done", RuntimeStatus::Completed);
    let event = |text, name, limit| OutboxEntry::Event(Delivery { limit, ..raised(text, name) });
    let outbox = [
        event("nobody", "E", 9),
        event("done", "E", 9),
        event("b", "first", 1),
        event("b", "second", 2),
        event("a", "own", 1),
    ];
    let sent = send(fixture, "a", outbox);
    let got = |text: &str, seq, name: &str| delivered(fixture, text, seq, raised(text, name).event);
    let expected = [got("b", 0, "first"), got("b", 1, "second"), got("a", 0, "own")];
    assert_eq!(sent, expected);
    assert_eq!((fixture.get("a").next_seq, fixture.history(a).len()), (2, 2));
    assert_eq!(inbox(fixture, "b"), ["first", "second"].map(|name| raised("b", name).event));
    let done = fixture.get("done");
    assert_eq!((done.inbox_next, inbox(fixture, "done")), (0, vec![]));
}

/// Nothing of the turn happens: an event that is sent is not lost. What a turn consumes makes room for what it sends itself.
pub fn a_turn_whose_receiver_has_no_room_is_refused(fixture: &mut Fixture) {
    fixture.create("a");
    fixture.create("b");
    fixture.done(Write::Deliver(raised("a", "mine")));
    let event = |text, name, limit| OutboxEntry::Event(Delivery { limit, ..raised(text, name) });
    let before = fixture.observe();
    let full = |fixture: &Fixture, receiver: &str, name: &str, limit| Refused::ReceiverFull {
        sender: fixture.get("a").key,
        receiver: id(receiver),
        event: name.to_owned(),
        setting: "inbox_events",
        limit,
    };
    for (receiver, limit, outbox) in [
        ("b", 0, vec![event("b", "last", 0)]),
        ("b", 2, vec![event("nobody", "E", 9), event("b", "1", 2), event("b", "2", 2), event("b", "last", 2)]),
        ("a", 1, vec![event("b", "1", 2), event("a", "last", 1)]),
    ] {
        let turn = TurnWrite { outbox, ..fixture.next_turn("a") };
        let expected = full(fixture, receiver, "last", limit);
        assert_eq!(fixture.write(Write::Turn(turn)), Err(expected));
        assert_eq!(fixture.observe(), before);
    }
    let outbox = vec![event("a", "own", 1), event("b", "1", 1)];
    let turn = TurnWrite { inbox_done: 1, outbox, ..fixture.next_turn("a") };
    fixture.done(Write::Turn(turn));
    assert_eq!((inbox(fixture, "a").len(), inbox(fixture, "b").len()), (1, 1));
}

/// From the child's last turn, however full the parent's inbox is.
pub fn the_end_of_a_child_reaches_its_parent(fixture: &mut Fixture) {
    let parent = with_a_child(fixture).parent.expect("a child has one");
    let failure = Failure::new("kind", "wörds");
    let events = [completed(0), Event::ChildFailed { task: TaskId(0), failure }];
    let outbox = events.clone().map(|event| OutboxEntry::Ended { parent: parent.clone(), event });
    let sent = send_at_the_end(fixture, "child", outbox);
    let [first, second] = events.clone();
    assert_eq!(sent, [answered(fixture, "a", 0, first), answered(fixture, "a", 1, second)]);
    fixture.reopen();
    assert_eq!(inbox(fixture, "a"), events);
    assert!(fixture.get("a").has_work());
}

/// Neither its next execution, nor the parent after its end, nor another instance with the id.
pub fn the_end_of_a_child_reaches_nobody_but_its_parent(fixture: &mut Fixture) {
    let first = with_a_child(fixture).parent.expect("a child has one");
    let ended = |parent: &Parent| OutboxEntry::Ended { parent: parent.clone(), event: completed(0) };
    fixture.play("a", |turn| turn.next = Some(next_execution(fixture.some_version())));
    let second = call(fixture, "a", 0);
    let third = Parent { generation: second.generation + 1, ..second.clone() };
    assert_eq!(send(fixture, "child", [ended(&first), ended(&third)]), []);
    assert_eq!(send(fixture, "child", [ended(&second)]), [answered(fixture, "a", 0, completed(0))]);
    fixture.finish("a", RuntimeStatus::Completed);
    assert_eq!(send(fixture, "child", [ended(&second)]), []);
    fixture.create("a");
    let unknown = Parent { key: InstanceKey(999), generation: 0, ..second.clone() };
    assert_eq!(send(fixture, "child", [ended(&first), ended(&second), ended(&unknown)]), []);
    assert_eq!(fixture.get("a").inbox_next, 0);
    assert_eq!(fixture.get("child").next_seq, 5);
}

/// It would wait for ever; one that was told of the end already is not told again.
pub fn a_parent_learns_that_a_child_it_waits_for_was_purged(fixture: &mut Fixture) {
    let new = with_a_child(fixture);
    let detached = child(fixture, "detached", Parent { waits: false, ..call(fixture, "a", 1) });
    send(fixture, "a", [start(&detached)]);
    let purge = |text| Write::Purge { id: id(text), force: true, only: None };
    let key = fixture.get("child").key;
    let Written::Purged { key: purged, sent } = fixture.done(purge("child")) else { panic!("not purged") };
    let Some(Event::ChildFailed { task, failure }) = inbox(fixture, "a").pop() else { panic!("{sent:?}") };
    assert_eq!((purged, task, failure.kind.as_str()), (key, TaskId(0), "child-purged"));
    assert!(failure.message.contains("'child'") && failure.message.contains(&new.name), "{}", failure.message);
    assert_eq!(sent, [answered(fixture, "a", 1, Event::ChildFailed { task, failure })]);

    send(fixture, "a", [start(&new)]);
    fixture.finish("child", RuntimeStatus::Completed);
    for text in ["child", "detached"] {
        assert!(matches!(fixture.done(purge(text)), Written::Purged { sent, .. } if sent.is_empty()), "{text}");
    }
}

/// Then nobody would ever read it.
pub fn an_event_to_the_sender_is_dropped_where_it_ends(fixture: &mut Fixture) {
    fixture.create("a");
    let event = raised("a", "E").event;
    let sent = send(fixture, "a", [OutboxEntry::ToSelf(event.clone())]);
    assert_eq!(sent, [answered(fixture, "a", 0, event.clone())]);
    assert_eq!(inbox(fixture, "a"), std::slice::from_ref(&event));
    assert!(fixture.get("a").has_work());

    let next = Some(next_execution(fixture.some_version()));
    let turn = TurnWrite { next, outbox: vec![OutboxEntry::ToSelf(event.clone())], ..fixture.next_turn("a") };
    assert_eq!(commit(fixture, turn), [], "the next execution has not asked for it");
    assert_eq!(send_at_the_end(fixture, "a", [OutboxEntry::ToSelf(event)]), []);
    let instance = fixture.get("a");
    assert_eq!((instance.inbox_next, instance.inbox_done, inbox(fixture, "a")), (1, 1, vec![]));
    assert!(!instance.has_work());
}

/// Of any execution; neither those that nobody waits for, nor those that have ended, nor those of others.
pub fn the_children_that_end_are_the_unfinished_ones_waited_for(fixture: &mut Fixture) {
    fixture.create("a");
    fixture.create("b");
    let new = |fixture: &Fixture, text: &str, parent: Parent| start(&child(fixture, text, parent));
    let children = [
        new(fixture, "z", call(fixture, "a", 0)),
        new(fixture, "done", call(fixture, "a", 1)),
        new(fixture, "failed", call(fixture, "a", 2)),
        new(fixture, "suspended", call(fixture, "a", 3)),
    ];
    send(fixture, "a", children);
    send(fixture, "b", [new(fixture, "b's", call(fixture, "b", 0))]);
    send(fixture, "z", [new(fixture, "grandchild", call(fixture, "z", 0))]);
    fixture.play("a", |turn| turn.next = Some(next_execution(fixture.some_version())));
    fixture.finish("done", RuntimeStatus::Completed);
    fixture.finish("failed", RuntimeStatus::Failed);
    fixture.play("suspended", |turn| turn.status = RuntimeStatus::Suspended);

    let detached = Parent { waits: false, ..call(fixture, "a", 0) };
    let outbox = [
        new(fixture, "detached", detached),
        new(fixture, "last", call(fixture, "a", 1)),
        OutboxEntry::EndChildren { reason: "enough".to_owned(), by: By::Instance(id("a")) },
    ];
    let sent = send_at_the_end(fixture, "a", outbox);
    assert!(matches!(sent[..2], [Sent::Created { .. }, Sent::Created { .. }]), "{sent:?}");
    assert_eq!(sent[2..], ["z", "suspended", "last"].map(|text| delivered(fixture, text, 0, terminated())));
    for text in ["z", "suspended", "last"] {
        assert_eq!(inbox(fixture, text), [terminated()], "{text}");
    }
    for text in ["a", "b", "b's", "grandchild", "done", "failed", "detached"] {
        assert!(inbox(fixture, text).is_empty(), "{text}");
    }
    fixture.reopen();
    fixture.done(Write::Reopen { id: id("failed"), reason: "again".to_owned(), by: By::Client });
    fixture.create("a");
    assert_eq!(
        send(fixture, "a", [OutboxEntry::EndChildren { reason: "enough".to_owned(), by: By::Instance(id("a")) }]),
        []
    );
}

/// Whatever it was to send.
pub fn a_refused_turn_sends_nothing(fixture: &mut Fixture) {
    let new = with_a_child(fixture);
    let (key, parent) = (fixture.get("a").key, call(fixture, "a", 0));
    let mut turn = fixture.next_turn("a");
    turn.fence = Fence { epoch: turn.fence.epoch + 1, ..turn.fence };
    turn.next = Some(next_execution(new.version));
    turn.outbox = vec![
        start(&child(fixture, "other", parent.clone())),
        start(&new),
        OutboxEntry::Event(raised("child", "E")),
        OutboxEntry::Ended { parent, event: completed(0) },
        OutboxEntry::ToSelf(raised("a", "E").event),
        OutboxEntry::EndChildren { reason: "enough".to_owned(), by: By::Instance(id("a")) },
    ];
    let before = fixture.observe();
    assert_eq!(fixture.write(Write::Turn(turn.clone())), Err(Refused::Fenced));
    assert_eq!(fixture.observe(), before);
    turn.fence.epoch -= 1;
    turn.inbox_done = 1;
    assert_eq!(fixture.write(Write::Turn(turn.clone())), Err(Refused::Fenced));
    assert_eq!(fixture.observe(), before);
    turn.inbox_done = 0;
    let sent = commit(fixture, turn);
    // "other", and all but what was for the execution that has ended; "child" is there already.
    assert_eq!((sent.len(), fixture.get("a").key, fixture.get("a").inbox_next), (4, key, 0));
}

/// Of a child, wherever it stands among what is sent, or of the next execution.
pub fn a_turn_that_names_an_unknown_version_is_refused_whole(fixture: &mut Fixture) {
    fixture.create("a");
    fixture.create("b");
    fixture.create("done");
    fixture.finish("done", RuntimeStatus::Completed);
    let before = fixture.observe();
    let good = |text| child(fixture, text, call(fixture, "a", 0));
    let bad = |text| NewInstance { version: VersionId(999), ..good(text) };
    let turn = || fixture.next_turn("a");
    let refused = [
        TurnWrite { outbox: vec![start(&good("c")), OutboxEntry::Event(raised("b", "E")), start(&bad("d"))], ..turn() },
        TurnWrite { outbox: vec![start(&bad("done")), start(&good("c"))], ..turn() },
        TurnWrite { outbox: vec![start_again(&bad("b"))], ..turn() },
        TurnWrite { next: Some(next_execution(VersionId(999))), outbox: vec![start(&good("c"))], ..turn() },
    ];
    for turn in refused {
        assert_eq!(fixture.write(Write::Turn(turn.clone())), Err(Refused::UnknownVersion), "{turn:?}");
        assert_eq!(fixture.observe(), before, "{turn:?}");
    }
}

/// The instance stays itself: its key, its custom status, what waits in its inbox.
pub fn the_next_execution_begins_anew(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let other = fixture.version("other");
    for name in ["A", "B"] {
        fixture.raise("a", name).expect("delivered");
    }
    fixture.play("a", |turn| turn.custom_status = Some(json("\"kept\"")));
    fixture.create("b");
    let before = fixture.get("a");
    let next = next_execution(other);
    fixture.play("a", |turn| {
        turn.at_ms = 5_000;
        turn.status = RuntimeStatus::Suspended;
        turn.inbox_done = 1;
        turn.next = Some(next.clone());
    });
    let mut expected = before.clone();
    expected.generation = 1;
    expected.next_seq = 1;
    expected.version = other;
    expected.status = RuntimeStatus::Suspended;
    expected.inbox_done = 1;
    expected.inbox_bytes = before.inbox_bytes / 2;
    expected.updated_at_ms = 5_000;
    assert_eq!(fixture.get("a"), expected);
    assert_eq!(fixture.waiting(key), [(1, "B".to_owned())]);
    assert!(fixture.history(key).is_empty(), "of the execution before");
    let history = fixture.store().history(key, 1, 0).expect("reads");
    assert_eq!(history.iter().map(|turn| (turn.seq, turn.record.encode())).collect::<Vec<_>>(), [(0, next.opening)]);
    assert_eq!(fixture.store().input(key).expect("reads"), Some(json("\"next\"")));
    assert_eq!(fixture.history(fixture.get("b").key).len(), 1);

    // A turn of the execution before comes too late.
    let late = TurnWrite { inbox_done: 1, ..turn(&before) };
    assert_eq!(fixture.write(Write::Turn(late)), Err(Refused::Fenced));
    let after = fixture.observe();
    fixture.reopen();
    assert_eq!(fixture.observe(), after);
    // With nothing in the inbox, too, there is a first turn to play.
    fixture.play("a", |turn| {
        turn.inbox_done = 2;
        turn.next = Some(next_execution(other));
    });
    assert!(fixture.observe().busy.contains(&(key, id("a"))));
    fixture.play("a", |turn| turn.record = record(9).encode());
    assert!(!fixture.observe().busy.contains(&(key, id("a"))));
    let history = fixture.store().history(key, 2, 1).expect("reads");
    assert_eq!(history.iter().map(|turn| (turn.seq, turn.record.clone())).collect::<Vec<_>>(), [(1, record(9))]);
}

/// The version of the next execution is held, and that of the one before is not.
pub fn the_next_execution_holds_its_version(fixture: &mut Fixture) {
    let first = fixture.some_version();
    fixture.create("a");
    let second = fixture.version("other");
    assert_eq!(fixture.write(Write::DeleteVersion(first)), Err(Refused::Pinned { instances: 1 }));
    fixture.play("a", |turn| turn.next = Some(next_execution(second)));
    assert_eq!(fixture.write(Write::DeleteVersion(second)), Err(Refused::Pinned { instances: 1 }));
    assert_eq!(fixture.write(Write::DeleteVersion(first)), Ok(Written::ModuleChanged { versions: vec![] }));
}

/// Any other has nothing to go on with, or goes on anyhow.
pub fn only_a_failed_instance_is_reopened(fixture: &mut Fixture) {
    let reopen = |text: &str| Write::Reopen { id: id(text), reason: "again".to_owned(), by: By::Client };
    fixture.create("new");
    fixture.create("a");
    assert_eq!(fixture.write(reopen("nobody")), Err(Refused::UnknownInstance));
    assert_eq!(fixture.write(reopen("new")), Err(Refused::NotFailed { status: RuntimeStatus::Pending }));
    for status in RuntimeStatus::ALL.into_iter().filter(|status| *status != RuntimeStatus::Failed) {
        fixture.create(status.as_str());
        fixture.play(status.as_str(), |turn| turn.status = status);
        let before = fixture.observe();
        assert_eq!(fixture.write(reopen(status.as_str())), Err(Refused::NotFailed { status }));
        assert_eq!(fixture.observe(), before, "{status}");
    }
    let late = fixture.next_turn("a");
    fixture.raise("a", "E").expect("delivered");
    fixture.finish("a", RuntimeStatus::Failed);
    let mut expected = fixture.get("a");
    assert_eq!(fixture.write(reopen("a")), Ok(Written::Delivered { key: expected.key, seq: 1 }));
    expected.status = RuntimeStatus::Running;
    expected.output = None;
    expected.epoch += 1;
    expected.inbox_next = 2;
    expected.inbox_bytes = rewound(None).size_bytes() as u64;
    assert_eq!(fixture.get("a"), expected);
    assert_eq!(fixture.write(Write::Turn(late)), Err(Refused::Fenced));
    assert_eq!(fixture.write(reopen("a")), Err(Refused::NotFailed { status: RuntimeStatus::Running }));
    let before = fixture.observe();
    fixture.reopen();
    assert_eq!(fixture.observe(), before);
    assert_eq!(inbox(fixture, "a"), [rewound(Some(By::Client))]);
    assert!(before.busy.contains(&(expected.key, id("a"))));
    fixture.finish("a", RuntimeStatus::Failed);
    assert_eq!(fixture.write(reopen("a")), Ok(Written::Delivered { key: expected.key, seq: 2 }));
}
