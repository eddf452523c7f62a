//! The same writes, in the same batches, into both stores: the same answers and the same state after each batch.

use dacapo_core::{By, Event, Failure, Orchestration, Payload, RuntimeStatus, TaskId, Untaken};
use dacapo_store::conformance::fixture::{id, json, new_instance, new_module, purge, raised, record};
use dacapo_store::conformance::{Fixture, Observed};
use dacapo_store::memory::MemoryStore;
use dacapo_store::sqlite::SqliteStore;
use dacapo_store::write::{Delivery, NewInstance, NextExecution, OutboxEntry, TurnWrite};
use dacapo_store::{Fence, Instance, InstanceFilter, InstanceKey, Parent, Store, VersionId, Write};
use proptest::prelude::*;
use proptest::sample::select;

/// Few of each, so that they meet.
const IDS: [&str; 5] = ["a", "A", "ab", "ä", "a%"];
const NAMES: [&str; 4] = ["Flow", "FLOW", "Föhn", "FÖHN"];
const MODULES: [&str; 3] = ["m", "M", "n"];
const DIGESTS: [&str; 3] = ["d1", "d2", "d3"];
const FUNCTIONS: [&str; 5] = ["F", "f", "Ö", "ö", "G"];

/// A write before it is known what it builds on.
#[derive(Clone, Debug)]
enum Step {
    Create {
        id: &'static str,
        name: &'static str,
        version: i64,
        after_ms: u64,
    },
    Turn {
        id: &'static str,
        turn: Turn,
    },
    Deliver {
        id: &'static str,
        name: &'static str,
        limit: u64,
    },
    Reopen {
        id: &'static str,
    },
    /// With `late` built on what is not so any more.
    Discard {
        id: &'static str,
        entries: u64,
        late: bool,
    },
    Purge {
        id: &'static str,
        force: bool,
    },
    AddModule {
        module: &'static str,
        digest: &'static str,
        orchestrators: Vec<&'static str>,
        activities: Vec<&'static str>,
    },
    /// With `late` built on what is not so any more.
    Repin {
        id: &'static str,
        version: i64,
        late: bool,
    },
    Activate {
        version: i64,
    },
    DeleteVersion {
        version: i64,
    },
}

#[derive(Clone, Debug)]
struct Turn {
    status: RuntimeStatus,
    wrong: Wrong,
    consumed: u64,
    custom_status: Option<&'static str>,
    output: Option<&'static str>,
    wake_at_ms: Option<u64>,
    open_activities: bool,
    at_ms: u64,
    /// The version of the next execution; not used where the turn ends the instance.
    next: Option<i64>,
    outbox: Vec<Sending>,
}

/// An entry of an outbox, before it is known who sends it.
#[derive(Clone, Debug)]
enum Sending {
    Start {
        id: &'static str,
        version: i64,
        after_ms: u64,
        task: u32,
        waits: bool,
        rewind: bool,
    },
    /// Of a child that is there, by the same call; failed ones first.
    StartAgain {
        nth: usize,
        version: i64,
        rewind: bool,
    },
    Event {
        id: &'static str,
        name: &'static str,
        limit: u64,
    },
    Ended {
        parent: &'static str,
        generation: u32,
        failed: bool,
    },
    ToSelf {
        name: &'static str,
    },
    EndChildren,
}

#[derive(Clone, Copy, Debug)]
enum Wrong {
    Nothing,
    Key,
    Epoch,
    Generation,
    Seq,
    Inbox,
}

fn at_ms() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 0..20u64, 1 => Just(u64::MAX), 1 => Just(i64::MAX as u64)]
}

/// Times of creation nearly ascend: this is added to a time that does.
fn creation() -> impl Strategy<Value = u64> {
    prop_oneof![60 => 0..8u64, 1 => Just(u64::MAX)]
}

/// Mostly one of the two that are there from the beginning: what names an unknown one does nothing at all.
fn a_version() -> impl Strategy<Value = i64> {
    prop_oneof![12 => 1..3i64, 1 => 3..5i64]
}

fn a_sending() -> impl Strategy<Value = Sending> {
    let ids = || select(&IDS[..]);
    prop_oneof![
        6 => (ids(), a_version(), creation(), 0..2u32, prop::bool::weighted(0.7), any::<bool>()).prop_map(
            |(id, version, after_ms, task, waits, rewind)| Sending::Start { id, version, after_ms, task, waits, rewind }
        ),
        8 => (0..2usize, a_version(), prop::bool::weighted(0.7))
            .prop_map(|(nth, version, rewind)| Sending::StartAgain { nth, version, rewind }),
        2 => (ids(), select(&NAMES[..]), 0..6u64).prop_map(|(id, name, limit)| Sending::Event { id, name, limit }),
        2 => (ids(), 0..3u32, any::<bool>())
            .prop_map(|(parent, generation, failed)| Sending::Ended { parent, generation, failed }),
        1 => select(&NAMES[..]).prop_map(|name| Sending::ToSelf { name }),
        2 => Just(Sending::EndChildren),
    ]
}

fn a_turn() -> impl Strategy<Value = Turn> {
    let wrong = prop_oneof![
        16 => Just(Wrong::Nothing),
        1 => select(vec![Wrong::Key, Wrong::Epoch, Wrong::Generation, Wrong::Seq, Wrong::Inbox]),
    ];
    let status = prop_oneof![
        8 => Just(RuntimeStatus::Running),
        3 => Just(RuntimeStatus::Failed),
        3 => select(RuntimeStatus::ALL.to_vec()),
    ];
    let texts = || proptest::option::of(select(vec!["1", "null", "{\"a\" : [ ]}"]));
    let numbers = (0..4u64, proptest::option::of(at_ms()), at_ms());
    let next = proptest::option::weighted(0.15, a_version());
    let outbox = proptest::collection::vec(a_sending(), 0..4);
    (status, wrong, numbers, texts(), texts(), any::<bool>(), (next, outbox)).prop_map(
        |(status, wrong, (consumed, wake_at_ms, at_ms), custom_status, output, open_activities, (next, outbox))| Turn {
            status,
            wrong,
            consumed,
            custom_status,
            output,
            wake_at_ms,
            open_activities,
            at_ms,
            next,
            outbox,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let functions = || proptest::collection::vec(select(&FUNCTIONS[..]), 0..3);
    let ids = || select(&IDS[..]);
    prop_oneof![
        6 => (ids(), select(&NAMES[..]), a_version(), creation())
            .prop_map(|(id, name, version, after_ms)| Step::Create { id, name, version, after_ms }),
        16 => (ids(), a_turn()).prop_map(|(id, turn)| Step::Turn { id, turn }),
        6 => (ids(), select(&NAMES[..]), 0..6u64).prop_map(|(id, name, limit)| Step::Deliver { id, name, limit }),
        2 => ids().prop_map(|id| Step::Reopen { id }),
        2 => (ids(), 0u64..3, any::<bool>()).prop_map(|(id, entries, late)| Step::Discard { id, entries, late }),
        2 => (ids(), any::<bool>()).prop_map(|(id, force)| Step::Purge { id, force }),
        3 => (select(&MODULES[..]), select(&DIGESTS[..]), functions(), functions()).prop_map(
            |(module, digest, orchestrators, activities)| Step::AddModule { module, digest, orchestrators, activities }
        ),
        2 => (ids(), a_version(), prop::bool::weighted(0.2))
            .prop_map(|(id, version, late)| Step::Repin { id, version, late }),
        1 => (1..8i64).prop_map(|version| Step::Activate { version }),
        1 => (1..8i64).prop_map(|version| Step::DeleteVersion { version }),
    ]
}

/// The writes of a batch, built on the state before it; of several turns of one instance each builds on the one before.
fn writes(store: &dyn Store, now_ms: u64, steps: &[Step]) -> Vec<Write> {
    let mut instances: Vec<Instance> =
        IDS.iter().filter_map(|text| store.instance(&id(text)).expect("reads")).collect();
    let before = instances.clone();
    let mut write = |step: &Step| match step.clone() {
        Step::Create { id, name, version, after_ms } => {
            let at_ms = now_ms.saturating_add(after_ms);
            let opening = Orchestration::opening(name, json("[1,  2]"), at_ms);
            let new = new_instance(id, VersionId(version));
            Write::Create(NewInstance { name: name.to_owned(), opening, ..new })
        }
        Step::Turn { id, turn } => {
            let held = instances.iter_mut().find(|one| one.id.as_str() == id);
            Write::Turn(turn_write(held, turn, &before, now_ms))
        }
        Step::Reopen { id: text } => {
            if let Some(held) = instances.iter_mut().find(|one| one.id.as_str() == text)
                && held.status == RuntimeStatus::Failed
            {
                held.status = RuntimeStatus::Running;
                held.epoch += 1;
            }
            Write::Reopen { id: id(text), reason: "again".to_owned(), by: By::Client }
        }
        Step::Discard { id: text, entries, late } => {
            let nobody = Fence { key: InstanceKey(77), epoch: 0, generation: 0, next_seq: 1 };
            let held = instances.iter_mut().find(|one| one.id.as_str() == text);
            let (fence, inbox_done) = held.map_or((nobody, entries), |held| {
                held.inbox_done += if late { 0 } else { entries.min(held.inbox_next - held.inbox_done) };
                (held.fence(), held.inbox_done)
            });
            Write::Discard { fence: Fence { epoch: fence.epoch + u64::from(late), ..fence }, inbox_done }
        }
        Step::Deliver { id, name, limit } => {
            Write::Deliver(Delivery { limit, limit_untaken: limit + 1, limit_bytes: limit * 60, ..raised(id, name) })
        }
        Step::Purge { id, force } => purge(id, force),
        Step::AddModule { module, digest, orchestrators, activities } => {
            let mut new = new_module(module, digest, &orchestrators);
            new.activities = activities.into_iter().map(str::to_owned).collect();
            Write::AddModule(new)
        }
        Step::Repin { id: text, version, late } => {
            let nobody = Fence { key: InstanceKey(77), epoch: 0, generation: 0, next_seq: 1 };
            let held = instances.iter_mut().find(|one| one.id.as_str() == text);
            let fence = held.map_or(nobody, |held| {
                let fence = held.fence();
                // It may be refused all the same; then what builds on it is, too.
                held.epoch += u64::from(!late);
                fence
            });
            Write::Repin { fence: Fence { epoch: fence.epoch + u64::from(late), ..fence }, version: VersionId(version) }
        }
        Step::Activate { version } => Write::Activate(VersionId(version)),
        Step::DeleteVersion { version } => Write::DeleteVersion(VersionId(version)),
    };
    steps.iter().map(&mut write).collect()
}

fn turn_write(held: Option<&mut Instance>, turn: Turn, before: &[Instance], now_ms: u64) -> TurnWrite {
    let nobody = Fence { key: InstanceKey(77), epoch: 0, generation: 0, next_seq: 1 };
    let (mut fence, mut inbox_done) = (nobody, turn.consumed);
    let next = turn.next.filter(|_| !turn.status.is_finished());
    if let Some(held) = held {
        held.inbox_done += turn.consumed.min(held.inbox_next - held.inbox_done);
        (fence, inbox_done) = (held.fence(), held.inbox_done);
        held.status = turn.status;
        held.next_seq += 1;
        if next.is_some() {
            (held.generation, held.next_seq) = (held.generation + 1, 1);
        }
    }
    match turn.wrong {
        Wrong::Nothing => {}
        Wrong::Key => fence.key.0 += 1,
        Wrong::Epoch => fence.epoch += 1,
        Wrong::Generation => fence.generation += 1,
        Wrong::Seq => fence.next_seq += 1,
        Wrong::Inbox => inbox_done = turn.consumed,
    }
    TurnWrite {
        fence,
        inbox_done,
        record: record(turn.at_ms).encode(),
        at_ms: turn.at_ms,
        status: turn.status,
        custom_status: turn.custom_status.map(json),
        output: turn.output.map(json),
        // As many of what it consumed as of anything else.
        untaken: Untaken { events: turn.consumed, bytes: turn.consumed * 40 },
        wake_at_ms: turn.wake_at_ms,
        open_activities: turn.open_activities,
        next: next.map(|version| NextExecution {
            opening: Orchestration::opening("Flow", json("[3]"), turn.at_ms).encode(),
            version: VersionId(version),
        }),
        outbox: turn.outbox.into_iter().filter_map(|sending| outbox(sending, fence, before, now_ms)).collect(),
    }
}

/// What the instance of `fence` sends, if there is somebody to name in it.
fn outbox(sending: Sending, fence: Fence, before: &[Instance], now_ms: u64) -> Option<OutboxEntry> {
    Some(match sending {
        Sending::Start { id: text, version, after_ms, task, waits, rewind } => {
            let Fence { key, generation, .. } = fence;
            let parent = Parent { key, id: id("sender"), generation, task: TaskId(task), waits };
            let opening = Orchestration::opening("Flow", json("[4]"), now_ms.saturating_add(after_ms));
            let new = NewInstance { parent: Some(parent), opening, ..new_instance(text, VersionId(version)) };
            OutboxEntry::Start { new, rewind: rewind.then(|| "again".to_owned()) }
        }
        Sending::StartAgain { nth, version, rewind } => {
            let of_sender = |one: &&Instance| one.parent.as_ref().is_some_and(|parent| parent.key == fence.key);
            let mut children: Vec<&Instance> = before.iter().filter(of_sender).collect();
            children.sort_by_key(|child| child.status != RuntimeStatus::Failed);
            let child = children.get(nth)?;
            let again = new_instance(child.id.as_str(), VersionId(version));
            let opening = Orchestration::opening("Flow", json("[5]"), now_ms);
            let new = NewInstance { parent: child.parent.clone(), opening, ..again };
            OutboxEntry::Start { new, rewind: rewind.then(|| "again".to_owned()) }
        }
        Sending::Event { id, name, limit } => OutboxEntry::Event(Delivery { limit, ..raised(id, name) }),
        Sending::Ended { parent, generation, failed } => {
            let found = before.iter().find(|one| one.id.as_str() == parent)?;
            let task = TaskId(generation);
            let event = if failed {
                Event::ChildFailed { task, failure: Failure::new("kind", "wörds") }
            } else {
                Event::ChildCompleted { task, result: Payload::string("r") }
            };
            let parent = Parent { key: found.key, id: found.id.clone(), generation, task, waits: true };
            OutboxEntry::Ended { parent, event }
        }
        Sending::ToSelf { name } => OutboxEntry::ToSelf(raised("a", name).event),
        Sending::EndChildren => OutboxEntry::EndChildren { reason: "enough".to_owned(), by: By::Client },
    })
}

fn filter() -> impl Strategy<Value = InstanceFilter> {
    let prefix = proptest::option::of(select(vec!["", "a", "A", "a%", "ä", "b"]).prop_map(str::to_owned));
    let name = proptest::option::of(select(&NAMES[..]).prop_map(str::to_owned));
    let statuses = proptest::collection::vec(select(RuntimeStatus::ALL.to_vec()), 0..4);
    let bound = || proptest::option::of(prop_oneof![9 => 0..50u64, 1 => at_ms()]);
    (prefix, name, bound(), bound(), statuses).prop_map(
        |(id_prefix, name, created_from_ms, created_to_ms, statuses)| InstanceFilter {
            id_prefix,
            name,
            created_from_ms,
            created_to_ms,
            statuses,
        },
    )
}

type Question = (InstanceFilter, i64, usize, u64);

/// Pages from the middle, too.
fn ask(store: &dyn Store, (filter, after, limit, at_ms): &Question) -> String {
    let after = InstanceKey(*after);
    let page = store.list(filter, after, *limit).expect("lists");
    let busy = store.busy(after, *limit).expect("reads");
    let timers = store.timers((*at_ms, after), *limit).expect("reads");
    let input = store.input(after).expect("reads");
    let history = [0, 1, 2].map(|execution| store.history(after, execution, *limit as u64).expect("reads"));
    let inbox = store.inbox(after).expect("reads");
    format!("{page:?} {busy:?} {timers:?} {input:?} {history:?} {inbox:?}")
}

fn same_at_every_step(batches: &[Vec<Step>], questions: &[Question]) {
    let memory = MemoryStore::new();
    let folder = tempfile::tempdir().expect("a folder");
    let mut sqlite = Fixture::durable(move || SqliteStore::open(folder.path()).expect("opens"));
    for (round, steps) in batches.iter().enumerate() {
        let batch = writes(&memory, round as u64 * 2, steps);
        let expected = memory.commit(&batch).expect("commits");
        assert_eq!(sqlite.store().commit(&batch).expect("commits"), expected, "answers to {batch:?}");
        assert_eq!(sqlite.observe(), Observed::of(&memory), "after {batch:?}");
        let question = &questions[round % questions.len()];
        assert_eq!(ask(sqlite.store(), question), ask(&memory, question), "{question:?}");
        if round % 8 == 7 {
            sqlite.reopen();
        }
    }
    sqlite.reopen();
    assert_eq!(sqlite.observe(), Observed::of(&memory), "after reopening");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_answer_the_same(
        batches in proptest::collection::vec(proptest::collection::vec(step(), 1..8), 1..24),
        questions in proptest::collection::vec((filter(), 0..9i64, 0..5usize, at_ms()), 1..24),
    ) {
        // Without a module nothing can be created; most sequences would take long to get there, and to a family.
        let add = |module, digest, function| Step::AddModule { module, digest, orchestrators: vec![function], activities: vec![] };
        let create = |id| Step::Create { id, name: "Flow", version: 1, after_ms: 0 };
        let start = |id, task| Sending::Start { id, version: 2, after_ms: 0, task, waits: true, rewind: false };
        let parent = Turn {
            status: RuntimeStatus::Running,
            wrong: Wrong::Nothing,
            consumed: 0,
            custom_status: None,
            output: None,
            wake_at_ms: None,
            open_activities: false,
            at_ms: 0,
            next: None,
            outbox: vec![start("ab", 0), start("a%", 1)],
        };
        let mut all = vec![
            vec![add("m", "d1", "F"), add("n", "d2", "G"), create("a"), create("A")],
            vec![Step::Turn { id: "a", turn: parent }],
        ];
        all.extend(batches);
        same_at_every_step(&all, &questions);
    }
}
