//! What a turn sends to other instances, new executions, and failed instances that go on.

use super::fixture::{Fixture, id, json, new_instance, raised, record};
use crate::{
    Delivery, InstanceKey, NewInstance, NextExecution, Outgoing, Parent, Refused, Sent, VersionId, Write, Written,
};
use dacapo_core::{Event, RuntimeStatus, TaskId};

/// The link of a child that `text` starts as its task 0.
fn parent(fixture: &Fixture, text: &str, waits: bool) -> Parent {
    let found = fixture.get(text);
    Parent { key: found.key, id: found.id, generation: found.generation, task: TaskId(0), waits }
}

fn child(fixture: &Fixture, text: &str, of: &str, waits: bool) -> NewInstance {
    NewInstance { parent: Some(parent(fixture, of, waits)), ..new_instance(text, fixture.some_version()) }
}

/// Commits a turn of `text` that sends this.
fn send(fixture: &Fixture, text: &str, outgoing: Vec<Outgoing>) -> Vec<Sent> {
    let mut turn = fixture.next_turn(text);
    turn.outgoing = outgoing;
    match fixture.done(Write::Turn(turn)) {
        Written::Turned { sent } => sent,
        other => panic!("{other:?}"),
    }
}

fn start(fixture: &Fixture, text: &str, of: &str) -> Vec<Sent> {
    send(fixture, of, vec![Outgoing::Start { new: child(fixture, text, of, true), rewind: None }])
}

fn rewind(fixture: &Fixture, text: &str, of: &str) -> Vec<Sent> {
    send(fixture, of, vec![Outgoing::Start { new: child(fixture, text, of, true), rewind: Some("again".into()) }])
}

/// The events in an inbox.
fn inbox(fixture: &Fixture, key: InstanceKey) -> Vec<Event> {
    fixture.store().inbox(key).expect("reads").into_iter().map(|entry| entry.event).collect()
}

fn told(task: u32) -> Event {
    Event::ChildCompleted { task: TaskId(task), result: json("1") }
}

/// It is there with the turn, it has work, and it knows its parent.
pub fn a_child_is_created_with_its_parents_turn(fixture: &mut Fixture) {
    fixture.create("p");
    let sent = start(fixture, "c", "p");
    fixture.reopen();
    let found = fixture.get("c");
    assert_eq!(found.parent, Some(parent(fixture, "p", true)));
    assert_eq!((found.status, found.has_work()), (RuntimeStatus::Pending, true));
    assert!(matches!(&sent[..], [Sent::Created { key, .. }] if *key == found.key), "{sent:?}");
    assert_eq!(fixture.get("p").parent, None);
}

/// Whoever has the id stays; the sender learns of it.
pub fn a_child_whose_id_is_taken_fails_its_sender(fixture: &mut Fixture) {
    let (key, other) = (fixture.create("p"), fixture.create("c"));
    let sent = start(fixture, "c", "p");
    assert_eq!(fixture.get("c").key, other);
    let [Event::ChildFailed { task: TaskId(0), failure }] = &inbox(fixture, key)[..] else { panic!("{sent:?}") };
    assert_eq!(failure.kind, "instance-exists");
    assert!(matches!(&sent[..], [Sent::Delivered { key: told, .. }] if *told == key));
}

/// As for any other start.
pub fn a_finished_instance_makes_way_for_a_child(fixture: &mut Fixture) {
    fixture.create("p");
    let old = fixture.create("c");
    fixture.finish("c", RuntimeStatus::Completed);
    start(fixture, "c", "p");
    let found = fixture.get("c");
    assert!(found.key > old && found.parent.is_some());
}

/// With its id, in the same transaction.
pub fn a_sender_that_does_not_wait_learns_that_the_child_is_there(fixture: &mut Fixture) {
    let key = fixture.create("p");
    send(fixture, "p", vec![Outgoing::Start { new: child(fixture, "c", "p", false), rewind: None }]);
    let event = Event::ChildCompleted { task: TaskId(0), result: json("\"c\"") };
    assert_eq!(inbox(fixture, key), [event]);
}

/// Only what failed goes on; what is at work or has completed is left alone, and what was terminated begins anew.
pub fn a_rewound_sender_reopens_the_child_that_failed(fixture: &mut Fixture) {
    fixture.create("p");
    start(fixture, "c", "p");
    let running = fixture.get("c");
    assert_eq!(rewind(fixture, "c", "p"), []);
    assert_eq!(fixture.get("c"), running);

    fixture.finish("c", RuntimeStatus::Failed);
    let failed = fixture.get("c");
    rewind(fixture, "c", "p");
    let reopened = fixture.get("c");
    assert_eq!((reopened.key, reopened.status, &reopened.output), (failed.key, RuntimeStatus::Running, &None));
    assert!(reopened.epoch > failed.epoch && reopened.has_work());
    assert_eq!(inbox(fixture, reopened.key), [Event::ExecutionRewound { reason: "again".into(), from_turn: None }]);

    fixture.play("c", |turn| {
        turn.inbox_done = 1;
        turn.status = RuntimeStatus::Completed;
    });
    let completed = fixture.get("c");
    assert_eq!(rewind(fixture, "c", "p"), []);
    assert_eq!(fixture.get("c"), completed);

    start(fixture, "d", "p");
    let terminated = fixture.get("d").key;
    fixture.finish("d", RuntimeStatus::Terminated);
    rewind(fixture, "d", "p");
    assert!(fixture.get("d").key > terminated);
}

/// The turn stands all the same.
pub fn an_event_for_nobody_is_dropped(fixture: &mut Fixture) {
    fixture.create("p");
    let there = fixture.create("there");
    fixture.create("ended");
    fixture.finish("ended", RuntimeStatus::Completed);
    let full = Delivery { limit: 1, ..raised("there", "Second") };
    let all = [raised("there", "First"), raised("nobody", "E"), raised("ended", "E"), full];
    let sent = send(fixture, "p", all.into_iter().map(Outgoing::Event).collect());
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(fixture.waiting(there), [(0, "First".to_owned())]);
}

/// Not another execution of it, and not one that has ended.
pub fn the_end_of_a_child_reaches_the_execution_that_waits(fixture: &mut Fixture) {
    let key = fixture.create("p");
    start(fixture, "c", "p");
    let link = parent(fixture, "p", true);
    let ended = |generation| Outgoing::Ended { parent: Parent { generation, ..link.clone() }, event: told(0) };
    assert_eq!(send(fixture, "c", vec![ended(1)]), []);
    assert_eq!(send(fixture, "c", vec![ended(0)]).len(), 1);
    assert_eq!(inbox(fixture, key), [told(0)]);
    fixture.finish("p", RuntimeStatus::Completed);
    assert_eq!(send(fixture, "c", vec![ended(0)]), []);
}

/// A sender that goes on gets what it sends itself; one that ends does not.
pub fn what_a_sender_sends_itself_ends_with_it(fixture: &mut Fixture) {
    let key = fixture.create("p");
    assert_eq!(send(fixture, "p", vec![Outgoing::ToSelf(told(3))]).len(), 1);
    assert_eq!(inbox(fixture, key), [told(3)]);
    let mut turn = fixture.next_turn("p");
    turn.status = RuntimeStatus::Completed;
    turn.outgoing = vec![Outgoing::ToSelf(told(4))];
    assert_eq!(fixture.done(Write::Turn(turn)), Written::Turned { sent: vec![] });
    assert_eq!(inbox(fixture, key), []);
}

/// Neither those that nobody waits for, nor those that have ended.
pub fn children_end_with_a_sender_that_says_so(fixture: &mut Fixture) {
    fixture.create("p");
    start(fixture, "taken", "p");
    start(fixture, "ended", "p");
    fixture.finish("ended", RuntimeStatus::Completed);
    send(fixture, "p", vec![Outgoing::Start { new: child(fixture, "free", "p", false), rewind: None }]);
    fixture.create("stranger");
    let sent = send(fixture, "p", vec![Outgoing::EndChildren { reason: "all".into() }]);
    assert!(matches!(&sent[..], [Sent::Delivered { id: told, .. }] if *told == id("taken")), "{sent:?}");
    let event = Event::ExecutionTerminated { reason: "all".into(), recursive: true };
    assert_eq!(inbox(fixture, fixture.get("taken").key), [event]);
}

/// Nothing of it has happened.
pub fn a_refused_turn_sends_nothing(fixture: &mut Fixture) {
    fixture.create("p");
    let (new, before) = (child(fixture, "c", "p", true), fixture.observe());
    let outgoing = |version| vec![Outgoing::Start { new: NewInstance { version, ..new.clone() }, rewind: None }];
    let mut fenced = fixture.next_turn("p");
    fenced.fence.next_seq += 1;
    fenced.outgoing = outgoing(new.version);
    assert_eq!(fixture.write(Write::Turn(fenced)), Err(Refused::Fenced));
    let mut unknown = fixture.next_turn("p");
    unknown.outgoing = outgoing(VersionId(99));
    assert_eq!(fixture.write(Write::Turn(unknown)), Err(Refused::UnknownVersion));
    let mut unknown = fixture.next_turn("p");
    unknown.next = Some(NextExecution { opening: record(7).encode(), version: VersionId(99) });
    assert_eq!(fixture.write(Write::Turn(unknown)), Err(Refused::UnknownVersion));
    assert_eq!(fixture.observe(), before);
}

/// Custom status and inbox go along; what was recorded does not.
pub fn a_next_execution_begins_with_its_opening_alone(fixture: &mut Fixture) {
    let key = fixture.create("p");
    fixture.play("p", |turn| turn.custom_status = Some(json("5")));
    fixture.raise("p", "E").expect("delivered");
    let version = fixture.version("newer");
    let opening = dacapo_core::Orchestration::opening("Flow", json("\"next\""), 7);
    fixture.play("p", |turn| turn.next = Some(NextExecution { opening: opening.encode(), version }));
    fixture.reopen();
    let found = fixture.get("p");
    assert_eq!((found.generation, found.next_seq, found.version, found.has_work()), (1, 1, version, true));
    assert_eq!((found.custom_status, found.status), (Some(json("5")), RuntimeStatus::Running));
    assert_eq!(fixture.waiting(key).len(), 1);
    assert_eq!(fixture.history(key), [], "the execution before it");
    let turns = fixture.store().history(key, 1, 0).expect("reads");
    assert_eq!(turns.into_iter().map(|turn| (turn.seq, turn.record)).collect::<Vec<_>>(), [(0, opening)]);
    assert_eq!(fixture.store().input(key).expect("reads"), Some(json("\"next\"")));
}

/// Nothing else can be rewound.
pub fn only_a_failed_instance_is_reopened(fixture: &mut Fixture) {
    let reopen = |text: &str| Write::Reopen { id: id(text), reason: "again".into() };
    assert_eq!(fixture.write(reopen("nobody")), Err(Refused::UnknownInstance));
    let key = fixture.create("a");
    assert_eq!(fixture.write(reopen("a")), Err(Refused::NotFailed { status: RuntimeStatus::Pending }));
    fixture.finish("a", RuntimeStatus::Completed);
    assert_eq!(fixture.write(reopen("a")), Err(Refused::NotFailed { status: RuntimeStatus::Completed }));
    fixture.create("b");
    fixture.finish("b", RuntimeStatus::Failed);
    let before = fixture.get("b");
    assert_eq!(fixture.write(reopen("b")), Ok(Written::Delivered { key: before.key, seq: 0 }));
    fixture.reopen();
    let after = fixture.get("b");
    assert_eq!((after.status, &after.output, after.has_work()), (RuntimeStatus::Running, &None, true));
    assert_eq!((after.epoch, after.next_seq), (before.epoch + 1, before.next_seq));
    assert!(after.key > key);
}
