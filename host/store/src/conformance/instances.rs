//! Creating, replacing and purging instances.

use super::fixture::{Fixture, id, json, new_instance, purge};
use crate::{Instance, InstanceKey, Refused, VersionId, Write, Written};
use dacapo_core::{Orchestration, RuntimeStatus, Untaken};

const UNFINISHED: [RuntimeStatus; 4] =
    [RuntimeStatus::Pending, RuntimeStatus::Running, RuntimeStatus::Suspended, RuntimeStatus::ContinuedAsNew];

/// All fields of a new instance, and its opening record.
pub fn create_makes_a_pending_instance(fixture: &mut Fixture) {
    let version = fixture.some_version();
    let answer = fixture.done(Write::Create(new_instance("a", version)));
    let instance = fixture.get("a");
    assert_eq!(answer, Written::Created { key: instance.key, epoch: instance.epoch });
    let expected = Instance {
        key: instance.key,
        id: id("a"),
        name: "Flow".to_owned(),
        version,
        status: RuntimeStatus::Pending,
        generation: 0,
        epoch: instance.epoch,
        next_seq: 1,
        created_at_ms: 1_000,
        updated_at_ms: 1_000,
        custom_status: None,
        output: None,
        wake_at_ms: None,
        open_activities: false,
        inbox_next: 0,
        inbox_done: 0,
        inbox_bytes: 0,
        untaken: Untaken::default(),
        parent: None,
    };
    assert_eq!(instance, expected);
    let history = fixture.history(instance.key);
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].seq, 0);
    assert_eq!(history[0].record, Orchestration::opening("Flow", json("\"a\""), 1_000));
    assert!(fixture.waiting(instance.key).is_empty());
}

/// Reading what is not there.
pub fn an_unknown_id_is_nobody(fixture: &mut Fixture) {
    fixture.create("a");
    assert_eq!(fixture.find("b"), None);
    assert_eq!(fixture.history(InstanceKey(999)), Vec::new());
}

/// "a" and "A" are two.
pub fn ids_are_case_sensitive(fixture: &mut Fixture) {
    let (lower, upper) = (fixture.create("a"), fixture.create("A"));
    assert_ne!(lower, upper);
    assert_eq!((fixture.get("a").key, fixture.get("A").key), (lower, upper));
    assert_eq!(fixture.find("ä"), None);
}

/// Not even the newest key, after its instance is gone.
pub fn keys_ascend_and_are_never_used_twice(fixture: &mut Fixture) {
    let first = fixture.create("a");
    let second = fixture.create("b");
    fixture.done(purge("b", true));
    let third = fixture.create("b");
    assert!(InstanceKey::ZERO < first && first < second && second < third, "{first:?} {second:?} {third:?}");
}

/// Whatever unfinished status it has.
pub fn create_refuses_the_id_of_an_unfinished_instance(fixture: &mut Fixture) {
    let version = fixture.some_version();
    fixture.create("a");
    for status in UNFINISHED {
        if status != RuntimeStatus::Pending {
            fixture.play("a", |turn| turn.status = status);
        }
        let before = fixture.observe();
        let answer = fixture.write(Write::Create(new_instance("a", version)));
        assert_eq!(answer, Err(Refused::InstanceExists { status }));
        assert_eq!(fixture.observe(), before);
    }
}

/// A version must be there.
pub fn create_refuses_an_unknown_version(fixture: &mut Fixture) {
    fixture.create("a");
    let before = fixture.observe();
    let answer = fixture.write(Write::Create(new_instance("b", VersionId(999))));
    assert_eq!(answer, Err(Refused::UnknownVersion));
    assert_eq!(fixture.observe(), before);
}

/// The purge and the creation are one write.
pub fn a_refused_replacement_keeps_the_finished_instance(fixture: &mut Fixture) {
    fixture.create("a");
    fixture.finish("a", RuntimeStatus::Completed);
    let before = fixture.observe();
    let answer = fixture.write(Write::Create(new_instance("a", VersionId(999))));
    assert_eq!(answer, Err(Refused::UnknownVersion));
    assert_eq!(fixture.observe(), before);
}

/// Neither history nor inbox nor status of the one before.
pub fn a_replaced_instance_leaves_nothing(fixture: &mut Fixture) {
    let finished = RuntimeStatus::ALL.into_iter().filter(|status| status.is_finished());
    let mut old = fixture.create("a");
    for status in finished {
        fixture.raise("a", "E").expect("delivered");
        fixture.play("a", |turn| turn.custom_status = Some(json("1")));
        fixture.finish("a", status);
        let new = fixture.create("a");
        assert!(fixture.history(old).is_empty() && fixture.waiting(old).is_empty());
        assert_eq!(fixture.store().input(old).expect("reads"), None);
        let instance = fixture.get("a");
        assert_eq!((instance.status, instance.next_seq, instance.inbox_next), (RuntimeStatus::Pending, 1, 0));
        assert_eq!((instance.custom_status, instance.output), (None, None));
        assert_eq!(fixture.history(new).len(), 1);
        assert_eq!(fixture.observe().instances.len(), 1);
        old = new;
    }
}

/// So that nobody who holds the old one can go on with it.
pub fn a_replaced_id_has_a_new_key_and_the_next_epoch(fixture: &mut Fixture) {
    fixture.create("a");
    let old = fixture.get("a");
    fixture.finish("a", RuntimeStatus::Failed);
    let key = fixture.create("a");
    let new = fixture.get("a");
    assert!(key > old.key && new.key == key);
    assert_eq!(new.epoch, old.epoch + 1);
}

/// Nothing to purge.
pub fn purge_refuses_an_unknown_id(fixture: &mut Fixture) {
    fixture.create("a");
    assert_eq!(fixture.write(purge("b", false)), Err(Refused::UnknownInstance));
    assert_eq!(fixture.write(purge("b", true)), Err(Refused::UnknownInstance));
}

/// `force` is for those who know what they do.
pub fn purge_refuses_an_unfinished_instance_unless_forced(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let before = fixture.observe();
    assert_eq!(fixture.write(purge("a", false)), Err(Refused::Unfinished { status: RuntimeStatus::Pending }));
    assert_eq!(fixture.observe(), before);
    assert_eq!(fixture.write(purge("a", true)), Ok(Written::Purged { key, sent: vec![] }));
    assert_eq!(fixture.find("a"), None);
}

/// The id may have passed to another instance since.
pub fn a_purge_by_key_leaves_other_keys_alone(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let by_key = |only| Write::Purge { id: id("a"), force: true, only: Some(only) };
    let before = fixture.observe();
    assert_eq!(fixture.write(by_key(InstanceKey(key.0 + 1))), Err(Refused::UnknownInstance));
    assert_eq!(fixture.observe(), before);
    assert_eq!(fixture.write(by_key(key)), Ok(Written::Purged { key, sent: vec![] }));
}

/// Its neighbours stay.
pub fn a_purged_instance_leaves_nothing(fixture: &mut Fixture) {
    fixture.create("before");
    let key = fixture.create("a");
    fixture.create("after");
    fixture.raise("a", "E").expect("delivered");
    fixture.play("a", |turn| turn.wake_at_ms = Some(5));
    fixture.done(purge("a", true));
    assert_eq!(fixture.find("a"), None);
    assert!(fixture.history(key).is_empty() && fixture.waiting(key).is_empty());
    let left = fixture.observe();
    assert_eq!(left.instances.iter().map(|one| one.instance.id.as_str()).collect::<Vec<_>>(), ["before", "after"]);
    assert!(left.timers.is_empty() && left.busy.iter().all(|(busy, _)| *busy != key));
    assert_eq!(fixture.raise("a", "E"), Err(Refused::UnknownInstance));
}

/// As the client wrote it, and however many turns there were.
pub fn the_input_is_that_of_the_opening(fixture: &mut Fixture) {
    let mut new = new_instance("a", fixture.some_version());
    new.opening = Orchestration::opening("Flow", json(r#"{"b" : 1.0, "a":"ü"}"#), 1_000);
    let key = fixture.create_as(new);
    fixture.play("a", |_| ());
    let input = fixture.store().input(key).expect("reads");
    assert_eq!(input, Some(json(r#"{"b" : 1.0, "a":"ü"}"#)));
}

/// An unknown key is no error.
pub fn an_unknown_key_has_no_input(fixture: &mut Fixture) {
    let key = fixture.create("a");
    assert_eq!(fixture.store().input(InstanceKey(key.0 + 1)).expect("reads"), None);
}
