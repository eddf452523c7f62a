//! What a batch is: judged write by write, seen as a whole, kept for good.

use super::fixture::{Fixture, json, new_instance, new_module, purge, raised, turn};
use crate::{Fence, InstanceFilter, InstanceKey, Refused, Store, VersionId, Write, Written};
use dacapo_core::RuntimeStatus;
use std::sync::atomic::{AtomicBool, Ordering};

/// One for each write.
pub fn answers_come_in_order(fixture: &mut Fixture) {
    let version = fixture.some_version();
    let ids: Vec<String> = (0..50).map(|n| format!("i{n}")).collect();
    let batch: Vec<Write> = ids.iter().map(|text| Write::Create(new_instance(text, version))).collect();
    let answers = fixture.store().commit(&batch).expect("commits");
    assert_eq!(answers.len(), 50);
    for (text, answer) in ids.iter().zip(answers) {
        let instance = fixture.get(text);
        assert_eq!(answer, Ok(Written::Created { key: instance.key, epoch: instance.epoch }));
    }
}

/// No write, no answer.
pub fn an_empty_batch_is_nothing(fixture: &mut Fixture) {
    fixture.create("a");
    let before = fixture.observe();
    assert_eq!(fixture.store().commit(&[]).expect("commits"), []);
    assert_eq!(fixture.observe(), before);
}

/// Wherever in the batch it stands.
pub fn a_refused_write_does_not_keep_the_others(fixture: &mut Fixture) {
    let key = fixture.create("a");
    let batch = [
        Write::Deliver(raised("nobody", "E")),
        Write::Deliver(raised("a", "first")),
        Write::Create(new_instance("b", VersionId(999))),
        Write::Deliver(raised("a", "second")),
        purge("a", false),
    ];
    let answers = fixture.store().commit(&batch).expect("commits");
    let expected = [
        Err(Refused::UnknownInstance),
        Ok(Written::Delivered { key, seq: 0 }),
        Err(Refused::UnknownVersion),
        Ok(Written::Delivered { key, seq: 1 }),
        Err(Refused::Unfinished { status: RuntimeStatus::Pending }),
    ];
    assert_eq!(answers, expected);
    assert_eq!(fixture.waiting(key), [(0, "first".to_owned()), (1, "second".to_owned())]);
}

/// Each kind of refusal, all in one batch.
pub fn a_refused_write_changes_nothing(fixture: &mut Fixture) {
    let version = fixture.some_version();
    fixture.create("a");
    fixture.create("done");
    fixture.finish("done", RuntimeStatus::Completed);
    let before = fixture.observe();
    let mut late = fixture.next_turn("a");
    late.fence = Fence { epoch: late.fence.epoch + 1, ..late.fence };
    let mut full = raised("a", "E");
    full.limit = 0;
    let batch = [
        Write::Create(new_instance("a", version)),
        Write::Create(new_instance("done", VersionId(999))),
        Write::Turn(late),
        Write::Deliver(raised("done", "E")),
        Write::Deliver(full),
        purge("a", false),
        purge("nobody", true),
        Write::AddModule(new_module("other", "dx", &["SOME"])),
        Write::DeleteVersion(version),
        Write::DeleteVersion(VersionId(999)),
    ];
    let answers = fixture.store().commit(&batch).expect("commits");
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    assert_eq!(fixture.observe(), before);
}

/// A whole life in one batch.
pub fn a_write_sees_those_before_it(fixture: &mut Fixture) {
    let version = fixture.some_version();
    fixture.create("model");
    let mut first = fixture.next_turn("model");
    fixture.done(purge("model", true));
    // Keys ascend by one as long as nothing else is created, and nothing else is.
    first.fence.key = InstanceKey(first.fence.key.0 + 1);
    let (key, mut last) = (first.fence.key, first.clone());
    last.fence.next_seq += 1;
    last.inbox_done = 1;
    last.status = RuntimeStatus::Completed;
    let batch = [
        Write::Create(new_instance("a", version)),
        Write::Create(new_instance("a", version)),
        Write::Deliver(raised("a", "E")),
        Write::Turn(first),
        Write::DeleteVersion(version),
        Write::Turn(last),
        Write::Deliver(raised("a", "late")),
        Write::DeleteVersion(version),
        Write::Create(new_instance("a", version)),
        purge("a", false),
    ];
    let expected = [
        Ok(Written::Created { key, epoch: 0 }),
        Err(Refused::InstanceExists { status: RuntimeStatus::Pending }),
        Ok(Written::Delivered { key, seq: 0 }),
        Ok(Written::Turned { sent: vec![] }),
        Err(Refused::Pinned { instances: 1 }),
        Ok(Written::Turned { sent: vec![] }),
        Err(Refused::Finished { status: RuntimeStatus::Completed }),
        Ok(Written::ModuleChanged { versions: vec![] }),
        Err(Refused::UnknownVersion),
        Ok(Written::Purged { key, sent: vec![] }),
    ];
    assert_eq!(fixture.store().commit(&batch).expect("commits"), expected);
    assert!(fixture.observe().instances.is_empty());
}

/// Several readers while batches are committed: none sees half of one, and none sees time run backwards.
pub fn readers_see_whole_batches(fixture: &mut Fixture) {
    for text in ["a", "b", "c"] {
        fixture.create(text);
    }
    let mut instances = ["a", "b", "c"].map(|text| fixture.get(text));
    let (store, done) = (fixture.store(), AtomicBool::new(false));
    let mut next_batch = || {
        let batch = instances.each_ref().map(|one| Write::Turn(turn(one)));
        instances.iter_mut().for_each(|one| one.next_seq += 1);
        batch
    };
    let answers = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| watch(store, &done));
        }
        let answers: Vec<_> = (0..150).map(|_| store.commit(&next_batch())).collect();
        done.store(true, Ordering::Release);
        answers
    });
    assert!(
        answers
            .into_iter()
            .flat_map(|batch| batch.expect("commits"))
            .all(|answer| answer == Ok(Written::Turned { sent: vec![] }))
    );
    assert_eq!(fixture.get("c").next_seq, 151);
}

fn watch(store: &dyn Store, done: &AtomicBool) {
    let mut seen = 0;
    let filters = [
        InstanceFilter::default(),
        InstanceFilter { statuses: vec![RuntimeStatus::Pending, RuntimeStatus::Running], ..Default::default() },
    ];
    while !done.load(Ordering::Acquire) {
        for filter in &filters {
            let page = store.list(filter, InstanceKey::ZERO, 10).expect("lists");
            let turns: Vec<u64> = page.instances.iter().map(|one| one.next_seq).collect();
            assert_eq!(turns.len(), 3);
            assert!(turns.iter().all(|turn| *turn == turns[0]) && turns[0] >= seen, "{turns:?} after {seen}");
            seen = turns[0];
            // What the row says is in the history too.
            let history = store.history(page.instances[2].key, 0, 0).expect("reads");
            assert!(history.len() as u64 >= seen);
        }
    }
}

/// Everything that was acknowledged.
pub fn reopening_shows_everything(fixture: &mut Fixture) {
    fixture.version("other");
    for text in ["a", "b", "ü"] {
        fixture.create(text);
        fixture.raise(text, "E").expect("delivered");
    }
    fixture.play("a", |turn| {
        turn.custom_status = Some(json("{\"x\": 1}"));
        turn.wake_at_ms = Some(70);
        turn.open_activities = true;
    });
    fixture.finish("b", RuntimeStatus::Failed);
    let before = fixture.observe();
    assert!(!before.busy.is_empty() && !before.timers.is_empty() && before.modules.len() == 1);
    fixture.reopen();
    assert_eq!(fixture.observe(), before);
    fixture.reopen();
    assert_eq!(fixture.observe(), before);
}

/// What was used once is not used again.
pub fn numbers_go_on_after_reopening(fixture: &mut Fixture) {
    let version = fixture.add(new_module("m", "d1", &[]));
    let (key, gone) = (fixture.create("a"), fixture.create("b"));
    fixture.raise("a", "E").expect("delivered");
    fixture.play("a", |turn| turn.inbox_done = 1);
    fixture.done(purge("b", true));
    let newest = fixture.add(new_module("m", "d2", &[]));
    fixture.done(Write::DeleteVersion(newest.id));
    fixture.reopen();
    assert!(fixture.create("c") > gone);
    assert_eq!(fixture.raise("a", "E"), Ok(Written::Delivered { key, seq: 1 }));
    let next = fixture.add(new_module("m", "d3", &[]));
    assert_eq!((version.version, newest.version, next.version), (1, 2, 3));
    assert!(next.id != newest.id && next.id != version.id);
    assert_eq!(fixture.get("a").next_seq, 2);
}

/// For people.
pub fn a_store_says_what_it_is(fixture: &mut Fixture) {
    let (kind, durability) = fixture.store().describe();
    assert!(!kind.is_empty() && !durability.is_empty());
}
