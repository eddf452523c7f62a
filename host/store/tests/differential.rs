//! The same writes, in the same batches, into both stores: the same answers and the same state after each batch.

use dacapo_core::{Orchestration, RuntimeStatus};
use dacapo_store::conformance::fixture::{id, json, new_instance, new_module, purge, raised, record};
use dacapo_store::conformance::{Fixture, Observed};
use dacapo_store::memory::MemoryStore;
use dacapo_store::sqlite::SqliteStore;
use dacapo_store::write::{Delivery, NewInstance, TurnWrite};
use dacapo_store::{Fence, Instance, InstanceFilter, InstanceKey, Store, VersionId, Write};
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
}

#[derive(Clone, Copy, Debug)]
enum Wrong {
    Nothing,
    Key,
    Epoch,
    Generation,
    Seq,
}

fn at_ms() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 0..20u64, 1 => Just(u64::MAX), 1 => Just(i64::MAX as u64)]
}

/// Times of creation nearly ascend: this is added to a time that does.
fn creation() -> impl Strategy<Value = u64> {
    prop_oneof![60 => 0..8u64, 1 => Just(u64::MAX)]
}

fn a_turn() -> impl Strategy<Value = Turn> {
    let wrong = prop_oneof![
        16 => Just(Wrong::Nothing),
        1 => select(vec![Wrong::Key, Wrong::Epoch, Wrong::Generation, Wrong::Seq]),
    ];
    let status = prop_oneof![3 => Just(RuntimeStatus::Running), 2 => select(RuntimeStatus::ALL.to_vec())];
    let texts = || proptest::option::of(select(vec!["1", "null", "{\"a\" : [ ]}"]));
    let numbers = (0..4u64, proptest::option::of(at_ms()), at_ms());
    (status, wrong, numbers, texts(), texts(), any::<bool>()).prop_map(
        |(status, wrong, (consumed, wake_at_ms, at_ms), custom_status, output, open_activities)| Turn {
            status,
            wrong,
            consumed,
            custom_status,
            output,
            wake_at_ms,
            open_activities,
            at_ms,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let functions = || proptest::collection::vec(select(&FUNCTIONS[..]), 0..3);
    let ids = || select(&IDS[..]);
    prop_oneof![
        6 => (ids(), select(&NAMES[..]), 1..5i64, creation())
            .prop_map(|(id, name, version, after_ms)| Step::Create { id, name, version, after_ms }),
        10 => (ids(), a_turn()).prop_map(|(id, turn)| Step::Turn { id, turn }),
        6 => (ids(), select(&NAMES[..]), 0..6u64).prop_map(|(id, name, limit)| Step::Deliver { id, name, limit }),
        2 => (ids(), any::<bool>()).prop_map(|(id, force)| Step::Purge { id, force }),
        3 => (select(&MODULES[..]), select(&DIGESTS[..]), functions(), functions()).prop_map(
            |(module, digest, orchestrators, activities)| Step::AddModule { module, digest, orchestrators, activities }
        ),
        1 => (1..8i64).prop_map(|version| Step::DeleteVersion { version }),
    ]
}

/// The writes of a batch, built on the state before it; of several turns of one instance each builds on the one before.
fn writes(store: &dyn Store, now_ms: u64, steps: &[Step]) -> Vec<Write> {
    let mut instances: Vec<Instance> =
        IDS.iter().filter_map(|text| store.instance(&id(text)).expect("reads")).collect();
    let mut write = |step: &Step| match step.clone() {
        Step::Create { id, name, version, after_ms } => {
            let at_ms = now_ms.saturating_add(after_ms);
            let opening = Orchestration::opening(name, json("[1,  2]"), at_ms);
            let new = new_instance(id, VersionId(version));
            Write::Create(NewInstance { name: name.to_owned(), opening, ..new })
        }
        Step::Turn { id, turn } => {
            let held = instances.iter_mut().find(|one| one.id.as_str() == id);
            Write::Turn(turn_write(held, turn))
        }
        Step::Deliver { id, name, limit } => Write::Deliver(Delivery { limit, ..raised(id, name) }),
        Step::Purge { id, force } => purge(id, force),
        Step::AddModule { module, digest, orchestrators, activities } => {
            let mut new = new_module(module, digest, &orchestrators);
            new.activities = activities.into_iter().map(str::to_owned).collect();
            Write::AddModule(new)
        }
        Step::DeleteVersion { version } => Write::DeleteVersion(VersionId(version)),
    };
    steps.iter().map(&mut write).collect()
}

fn turn_write(held: Option<&mut Instance>, turn: Turn) -> TurnWrite {
    let nobody = Fence { key: InstanceKey(77), epoch: 0, generation: 0, next_seq: 1 };
    let (mut fence, mut inbox_done) = (nobody, turn.consumed);
    if let Some(held) = held {
        (fence, inbox_done) = (held.fence(), held.inbox_done + turn.consumed);
        held.next_seq += 1;
    }
    match turn.wrong {
        Wrong::Nothing => {}
        Wrong::Key => fence.key.0 += 1,
        Wrong::Epoch => fence.epoch += 1,
        Wrong::Generation => fence.generation += 1,
        Wrong::Seq => fence.next_seq += 1,
    }
    TurnWrite {
        fence,
        inbox_done,
        record: record(turn.at_ms).encode(),
        at_ms: turn.at_ms,
        status: turn.status,
        custom_status: turn.custom_status.map(json),
        output: turn.output.map(json),
        wake_at_ms: turn.wake_at_ms,
        open_activities: turn.open_activities,
        next: None,
        outgoing: Vec::new(),
    }
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
    let history = store.history(after, 0, *limit as u64).expect("reads");
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
        // Without a module nothing can be created; most sequences would take long to get there.
        let add = |module, digest, function| Step::AddModule { module, digest, orchestrators: vec![function], activities: vec![] };
        let mut all = vec![vec![add("m", "d1", "F"), add("n", "d2", "G")]];
        all.extend(batches);
        same_at_every_step(&all, &questions);
    }
}
