//! What a turn costs in SQLite, beside what the disk and plain SQLite allow in the same run.
//!
//! `cargo bench -p dacapo-store`, or with `-- FOLDER` on another disk.

use dacapo_core::{
    ActivityOptions, Event, InstanceId, Orchestration, Payload, RuntimeStatus, TaskId, TurnRecord, Untaken,
};
use dacapo_store::sqlite::SqliteStore;
use dacapo_store::write::{Delivery, NewInstance, NewModule, TurnWrite};
use dacapo_store::{Fence, InstanceFilter, InstanceKey, Store, VersionId, Write, Written};
use std::path::Path;
use std::time::{Duration, Instant};

const GROUP: usize = 200;
const ROUND: Duration = Duration::from_secs(3);

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    // Cargo adds flags of its own.
    let base = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = match base {
        Some(base) => tempfile::tempdir_in(base)?,
        None => tempfile::tempdir()?,
    };
    println!("in {}", folder.path().display());
    floor(folder.path())?;
    for instances in [200, 20_000] {
        turns(&folder.path().join(format!("turns-{instances}")), instances)?;
    }
    starts(&folder.path().join("starts"))?;
    events(&folder.path().join("events"), 10_000)?;
    Ok(())
}

fn report(what: &str, count: usize, took: Duration) {
    println!("{what:<64} {:>9.0}/s", count as f64 / took.as_secs_f64());
}

/// One row, one commit; and one row of 200 in a commit: no store on SQLite can be faster.
fn floor(folder: &Path) -> Result<(), Failed> {
    let db = rusqlite::Connection::open(folder.join("floor.db"))?;
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (record BLOB);")?;
    let record = vec![b'x'; 180];
    for (what, group) in
        [("floor: one-row commits of plain SQLite", 1), ("floor: rows of plain SQLite, 200 a commit", GROUP)]
    {
        let (begun, mut rows) = (Instant::now(), 0);
        while begun.elapsed() < ROUND / 2 {
            db.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..group {
                db.prepare_cached("INSERT INTO t VALUES (?1)")?.execute([&record])?;
            }
            db.execute_batch("COMMIT")?;
            rows += group;
        }
        report(what, rows, begun.elapsed());
    }
    Ok(())
}

fn open(folder: &Path) -> Result<(SqliteStore, VersionId), Failed> {
    let store = SqliteStore::open(folder)?;
    let module = NewModule {
        module: "bench".into(),
        digest: "d".into(),
        component: vec![0; 1000],
        orchestrators: vec!["Flow".into()],
        activities: Vec::new(),
        imports: Vec::new(),
        created_at_ms: 1,
    };
    match commit(&store, &[Write::AddModule(module)])?.remove(0) {
        Written::ModuleAdded { version, .. } => Ok((store, version.id)),
        other => Err(format!("{other:?}").into()),
    }
}

fn commit(store: &dyn Store, batch: &[Write]) -> Result<Vec<Written>, Failed> {
    Ok(store.commit(batch)?.into_iter().collect::<Result<_, _>>()?)
}

/// Something like a drawn id: spread over the index of ids.
fn id(n: usize) -> Result<InstanceId, Failed> {
    let mixed = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Ok(InstanceId::parse(&format!("{mixed:016x}-0000-0000-{:012x}", n))?)
}

fn start(n: usize, version: VersionId) -> Result<Write, Failed> {
    let opening = Orchestration::opening("Flow", Payload::parse(r#"{"order":17}"#)?, 1_000);
    Ok(Write::Create(NewInstance { id: id(n)?, name: "Flow".into(), version, opening, parent: None }))
}

fn create(store: &dyn Store, version: VersionId, count: usize) -> Result<Vec<Fence>, Failed> {
    let mut fences = Vec::with_capacity(count);
    for from in (0..count).step_by(GROUP) {
        let batch = (from..count.min(from + GROUP)).map(|n| start(n, version)).collect::<Result<Vec<_>, _>>()?;
        for written in commit(store, &batch)? {
            let Written::Created { key, epoch } = written else { return Err("not created".into()) };
            fences.push(Fence { key, epoch, generation: 0, next_seq: 1 });
        }
    }
    Ok(fences)
}

/// A result arrives, the next activity is asked for: about 180 bytes.
fn turn(fence: Fence, status: RuntimeStatus) -> Result<TurnWrite, Failed> {
    let task = TaskId(0);
    let events = vec![
        Event::TaskCompleted { task, result: Payload::parse(r#"{"total":12.50,"currency":"EUR"}"#)? },
        Event::TaskScheduled {
            name: "Charge".into(),
            input: Payload::parse(r#"{"order":17}"#)?,
            options: ActivityOptions::default(),
        },
    ];
    let record = TurnRecord::new(1_700_000_000_000, events);
    Ok(TurnWrite {
        fence,
        inbox_done: 0,
        at_ms: record.at_ms,
        record: record.encode(),
        status,
        custom_status: None,
        output: None,
        untaken: Untaken::default(),
        wake_at_ms: None,
        open_activities: !status.is_finished(),
        next: None,
        outbox: Vec::new(),
    })
}

fn turns(folder: &Path, instances: usize) -> Result<(), Failed> {
    let (store, version) = open(folder)?;
    let mut fences = create(&store, version, instances)?;
    for (what, group, status) in [
        ("in groups of 200", GROUP, false),
        ("one a commit", 1, false),
        ("in groups of 200, with a custom status", GROUP, true),
    ] {
        let (begun, mut done) = (Instant::now(), 0);
        while begun.elapsed() < ROUND {
            let mut batch = Vec::with_capacity(group);
            for n in done..done + group {
                let fence = &mut fences[n % instances];
                let mut turn = turn(*fence, RuntimeStatus::Running)?;
                turn.custom_status = status.then(|| Payload::string(&format!("step {n}")));
                batch.push(Write::Turn(turn));
                fence.next_seq += 1;
            }
            commit(&store, &batch)?;
            done += group;
        }
        report(&format!("turns of {instances} instances, {what}"), done, begun.elapsed());
    }
    Ok(())
}

fn starts(folder: &Path) -> Result<(), Failed> {
    let (store, version) = open(folder)?;
    let mut started = 0;
    for (what, group) in [("in groups of 200", GROUP), ("in groups of 64", 64), ("one a commit", 1)] {
        let (begun, before) = (Instant::now(), started);
        while begun.elapsed() < ROUND {
            started = live_and_finish(&store, version, started, group)?;
        }
        report(&format!("instances started and finished, {what}"), started - before, begun.elapsed());
    }
    let filter = InstanceFilter { statuses: vec![RuntimeStatus::Running], ..InstanceFilter::default() };
    let begun = Instant::now();
    store.list(&filter, InstanceKey::ZERO, 100)?;
    println!("listing the running ones beside {started} finished: {:?}", begun.elapsed());
    let begun = Instant::now();
    drop(store);
    println!("closing: {:?}", begun.elapsed());
    Ok(())
}

/// A start in one commit, all of its life in the next.
fn live_and_finish(store: &dyn Store, version: VersionId, from: usize, group: usize) -> Result<usize, Failed> {
    let batch = (from..from + group).map(|n| start(n, version)).collect::<Result<Vec<_>, _>>()?;
    let mut turns = Vec::with_capacity(group);
    for written in commit(store, &batch)? {
        let Written::Created { key, epoch } = written else { return Err("not created".into()) };
        let fence = Fence { key, epoch, generation: 0, next_seq: 1 };
        turns.push(Write::Turn(turn(fence, RuntimeStatus::Completed)?));
    }
    commit(store, &turns)?;
    Ok(from + group)
}

/// An event for each of many parked instances, together with the turn that consumes it.
fn events(folder: &Path, instances: usize) -> Result<(), Failed> {
    let (store, version) = open(folder)?;
    let mut fences = create(&store, version, instances)?;
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < ROUND {
        let mut batch = Vec::with_capacity(2 * GROUP);
        for n in done..done + GROUP {
            let event =
                Event::EventRaised { name: "Approved".into(), data: Payload::parse(r#"{"by":"Ann"}"#)?, by: None };
            batch.push(Write::Deliver(Delivery {
                id: id(n % instances)?,
                event,
                limit: 1_000,
                limit_untaken: u64::MAX,
                limit_bytes: u64::MAX,
            }));
            let fence = &mut fences[n % instances];
            let inbox_done = (n / instances) as u64 + 1;
            batch.push(Write::Turn(TurnWrite {
                inbox_done,
                open_activities: false,
                ..turn(*fence, RuntimeStatus::Running)?
            }));
            fence.next_seq += 1;
        }
        commit(&store, &batch)?;
        done += GROUP;
    }
    report(&format!("events to {instances} parked instances, each with its turn"), done, begun.elapsed());
    Ok(())
}
