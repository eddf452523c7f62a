//! Looks at a data folder that no program is on: is everything in it that is known, and is it whole?

use super::flows::Flow;
use super::ledger::{Broken, Fact, Known, Ledger};
use anyhow::{Context as _, Result};
use dacapo_core::InstanceId;
use dacapo_store::sqlite::{self, FILE_NAME, ID_FILE, SqliteStore};
use dacapo_store::{Instance, InstanceFilter, InstanceKey, Store};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What was broken.
pub type Findings = Vec<(Broken, String)>;

/// More than any test has.
const MANY: usize = 100_000;

/// Checks a copy of `data`: opening it changes it.
pub fn check_copy(data: &Path, ledger: &Ledger, known: &[Known]) -> Result<Findings> {
    let copy = tempfile::tempdir()?;
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal"), ID_FILE.to_owned()] {
        if data.join(&name).exists() {
            std::fs::copy(data.join(&name), copy.path().join(&name))?;
        }
    }
    check(copy.path(), ledger, known)
}

/// Opens what is in `data`, and compares it with what is `known`.
pub fn check(data: &Path, ledger: &Ledger, known: &[Known]) -> Result<Findings> {
    let store = match SqliteStore::open(data) {
        Ok(store) => store,
        Err(error) => return Ok(vec![(Broken::Malformed, format!("it does not open: {error}"))]),
    };
    let mut findings = Vec::new();
    if let Err(error) = known_is_there(&store, ledger, known, &mut findings) {
        findings.push((Broken::Malformed, format!("{error:#}")));
    }
    if let Err(error) = all_is_whole(&store, &mut findings) {
        findings.push((Broken::Malformed, format!("{error:#}")));
    }
    drop(store);
    // What the program itself says, and SQLite.
    match sqlite::check(data) {
        Ok(report) => {
            findings.extend(report.findings.into_iter().map(|found| (Broken::Malformed, format!("{found:?}"))));
        }
        Err(error) => findings.push((Broken::Malformed, format!("{error}"))),
    }
    Ok(findings)
}

fn known_is_there(store: &SqliteStore, ledger: &Ledger, known: &[Known], findings: &mut Findings) -> Result<()> {
    let mut found = BTreeMap::<String, Option<Instance>>::new();
    for Known { flow, fact, .. } in known {
        let flow = ledger.flow(*flow);
        let id = match fact {
            Fact::Delivered(instance, _) => instance,
            Fact::Exists | Fact::Shown(_) => &flow.id,
        };
        if !found.contains_key(id) {
            found.insert(id.clone(), store.instance(&InstanceId::parse(id)?)?);
        }
        let Some(instance) = &found[id] else {
            findings.push((Broken::Lost, format!("{id} is not there, although {fact:?}")));
            continue;
        };
        if let Some(wrong) = contradicts(&flow, instance, fact)? {
            findings.push(wrong);
        }
    }
    Ok(())
}

fn contradicts(flow: &Flow, instance: &Instance, fact: &Fact) -> Result<Option<(Broken, String)>> {
    Ok(match fact {
        Fact::Exists => None,
        Fact::Delivered(id, count) => (instance.inbox_next < *count)
            .then(|| (Broken::Lost, format!("{id} was sent {count} events, and knows {}", instance.inbox_next))),
        Fact::Shown(place) => {
            let stored = flow.place(&status(instance)?);
            (stored < *place)
                .then(|| (Broken::WentBack, format!("{} was shown at {place}, and is at {stored}", flow.id)))
        }
    })
}

/// As the API would show it.
fn status(instance: &Instance) -> Result<Value> {
    let json = |text: Option<&str>| text.map_or(Ok(Value::Null), serde_json::from_str::<Value>);
    Ok(json!({
        "runtimeStatus": instance.status.as_str(),
        "customStatus": json(instance.custom_status.as_ref().map(|payload| payload.as_str()))?,
        "output": json(instance.output.as_ref().map(|payload| payload.as_str()))?,
    }))
}

/// Every instance has its records, without a gap, and its inbox.
fn all_is_whole(store: &SqliteStore, findings: &mut Findings) -> Result<()> {
    let page = store.list(&InstanceFilter::default(), InstanceKey::ZERO, MANY)?;
    for instance in page.instances {
        let (id, key) = (&instance.id, instance.key);
        let history = store.history(key, instance.generation, 0).with_context(|| format!("the history of {id}"))?;
        let numbers: Vec<u64> = history.iter().map(|turn| turn.seq).collect();
        if !numbers.iter().copied().eq(0..instance.next_seq) {
            findings.push((Broken::Malformed, format!("{id} has records {numbers:?} of {}", instance.next_seq)));
        }
        let inbox: Vec<u64> = store.inbox(key)?.iter().map(|entry| entry.seq).collect();
        let waits = instance.inbox_done..instance.inbox_next;
        if !instance.status.is_finished() && !inbox.iter().copied().eq(waits.clone()) {
            findings.push((Broken::Malformed, format!("{id} has the inbox {inbox:?} of {waits:?}")));
        }
    }
    store.busy(InstanceKey::ZERO, MANY)?;
    store.timers((0, InstanceKey::ZERO), MANY)?;
    store.modules()?;
    Ok(())
}
