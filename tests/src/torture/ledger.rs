//! What the world outside knows for sure: what was acknowledged, what was seen, what services were called, and when.

use super::flows::{Flow, Kind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something that must be so from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A start was acknowledged, or the instance was shown, or somebody was called for it: it is there.
    Exists,
    /// An event to this instance, or an act on it, was acknowledged: there were so many.
    Delivered(String, u64),
    /// This place was shown.
    Shown(u64),
}

/// A fact of a flow; `at`: the length of the recording when it became known, 0 where none is made.
#[derive(Clone, Debug)]
pub struct Known {
    /// The flow, by its place in the ledger.
    pub flow: usize,
    /// Since when.
    pub at: u64,
    /// What.
    pub fact: Fact,
}

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// Something that was acknowledged is not there.
    Lost,
    /// Something happened twice.
    Doubled,
    /// Something that was seen is not so any more.
    WentBack,
    /// The database is damaged, or a record is missing.
    Malformed,
    /// A flow did not end, or not as it had to.
    WrongEnd,
    /// The process went on, or ended, where it had to do the other.
    WrongEndOfProcess,
}

/// What was done and found, in numbers.
#[derive(Debug, Default)]
pub struct Figures {
    /// Rounds.
    pub rounds: AtomicU64,
    /// Starts that were acknowledged.
    pub starts: AtomicU64,
    /// Events that were acknowledged.
    pub events: AtomicU64,
    /// Suspends, resumes, terminates and rewinds that were acknowledged.
    pub acts: AtomicU64,
    /// Statuses that were read, one by one or in lists.
    pub reads: AtomicU64,
    /// Calls that services got.
    pub calls: AtomicU64,
    /// Requests whose outcome is unknown: broken off, or 503.
    pub unknown: AtomicU64,
    /// Times that the server was killed.
    pub kills: AtomicU64,
    /// Faults that were injected and met.
    pub faults: AtomicU64,
    /// Starts of the program.
    pub processes: AtomicU64,
    /// Images of power losses that were looked at.
    pub images: AtomicU64,
    /// Those of them on which the program was started, and all flows played to their end.
    pub played: AtomicU64,
}

impl Figures {
    /// One more.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Figures {
    /// Each counter with its name.
    pub(super) fn all(&self) -> [(&'static str, &AtomicU64); 12] {
        [
            ("rounds", &self.rounds),
            ("starts", &self.starts),
            ("events", &self.events),
            ("acts", &self.acts),
            ("reads", &self.reads),
            ("calls", &self.calls),
            ("unknown outcomes", &self.unknown),
            ("kills", &self.kills),
            ("injected faults", &self.faults),
            ("processes", &self.processes),
            ("power losses", &self.images),
            ("played on", &self.played),
        ]
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.all().map(|(name, counter)| (name, counter.load(Ordering::Relaxed)));
        let texts = counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}"));
        f.write_str(&texts.collect::<Vec<_>>().join(", "))
    }
}

#[derive(Default)]
struct Inner {
    flows: Vec<Flow>,
    by_id: BTreeMap<String, usize>,
    /// By flow, the furthest place that was shown.
    shown: Vec<Option<u64>>,
    known: Vec<Known>,
    /// By instance, acknowledged events and acts.
    delivered: BTreeMap<String, u64>,
    broken: Vec<(Broken, String)>,
}

/// The ledger of one data folder.
#[derive(Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
    /// The recording that says when something became known.
    recording: Option<PathBuf>,
    /// What was done.
    pub figures: Figures,
}

impl Ledger {
    /// An empty one; facts are as old as `recording` is long.
    pub fn new(recording: Option<PathBuf>) -> Self {
        Self { recording, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.recording.as_ref().and_then(|path| path.metadata().ok()).map_or(0, |found| found.len())
    }

    /// Takes flows in; their places.
    pub fn add(&self, flows: Vec<Flow>) -> Vec<usize> {
        let mut inner = self.lock();
        let first = inner.flows.len();
        for flow in flows {
            let place = inner.flows.len();
            inner.by_id.insert(flow.id.clone(), place);
            inner.flows.push(flow);
            inner.shown.push(None);
        }
        (first..inner.flows.len()).collect()
    }

    /// The flow in this place.
    pub fn flow(&self, place: usize) -> Flow {
        self.lock().flows[place].clone()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().flows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the flow with this id is.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.lock().by_id.get(id).copied()
    }

    /// It is known that the flow exists.
    pub fn exists(&self, flow: usize) {
        let at = self.now();
        self.lock().known.push(Known { flow, at, fact: Fact::Exists });
    }

    /// An event or act was acknowledged by this instance of the flow.
    pub fn delivered(&self, flow: usize, instance: &str) {
        let at = self.now();
        let mut inner = self.lock();
        let count = inner.delivered.entry(instance.to_owned()).or_default();
        *count += 1;
        let fact = Fact::Delivered(instance.to_owned(), *count);
        inner.known.push(Known { flow, at, fact });
    }

    /// The furthest place that was shown until now: whoever asks from now on must not be shown less.
    pub fn shown(&self, flow: usize) -> Option<u64> {
        self.lock().shown[flow]
    }

    /// Takes note of a status that was asked for when `before` was the furthest; returns its place.
    pub fn see(&self, flow: usize, before: Option<u64>, status: &Value) -> u64 {
        let at = self.now();
        Figures::count(&self.figures.reads);
        let mut inner = self.lock();
        let place = inner.flows[flow].place(status);
        if before > Some(place) {
            let text = format!("{} went back from {before:?} to {place}: {}", inner.flows[flow].id, short(status));
            inner.broken.push((Broken::WentBack, text));
        }
        if inner.shown[flow] < Some(place) {
            inner.shown[flow] = Some(place);
            inner.known.push(Known { flow, at, fact: Fact::Shown(place) });
        }
        place
    }

    /// What was known when the recording had this length; of each kind the latest, which holds the others.
    pub fn known_at(&self, at: u64) -> Vec<Known> {
        let inner = self.lock();
        let mut latest = BTreeMap::new();
        for known in inner.known.iter().filter(|known| known.at <= at) {
            let kind = match &known.fact {
                Fact::Exists => (0, ""),
                Fact::Delivered(instance, _) => (1, instance.as_str()),
                Fact::Shown(_) => (2, ""),
            };
            latest.insert((known.flow, kind), known);
        }
        latest.into_values().cloned().collect()
    }

    /// Everything that is known now.
    pub fn known(&self) -> Vec<Known> {
        self.known_at(u64::MAX)
    }

    /// The moments at which something became known.
    pub fn moments(&self) -> Vec<u64> {
        self.lock().known.iter().map(|known| known.at).collect()
    }

    /// Takes note of a promise that was broken.
    pub fn broke(&self, promise: Broken, what: impl Into<String>) {
        let what = what.into();
        let mut inner = self.lock();
        if inner.broken.len() < 200 {
            inner.broken.push((promise, what));
        }
    }

    /// What was broken.
    pub fn broken(&self) -> Vec<(Broken, String)> {
        self.lock().broken.clone()
    }

    /// Flows of these kinds.
    pub fn of_kinds(&self, kinds: &[Kind]) -> Vec<usize> {
        let inner = self.lock();
        (0..inner.flows.len()).filter(|place| kinds.contains(&inner.flows[*place].kind)).collect()
    }
}

fn short(status: &Value) -> String {
    let mut status = status.clone();
    if let Some(fields) = status.as_object_mut() {
        fields.remove("input");
    }
    status.to_string()
}
