//! What the outside has been told, and what may not be otherwise after it.

use dacapo_core::InstanceId;
use dacapo_runtime::{ClientError, InstanceView};
use dacapo_store::InstanceKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A state of an instance, in the order in which there are such.
pub(crate) type State = (InstanceKey, u32, u64);

/// Who has shown something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reader {
    Status,
    List,
}

/// What was seen when a reader asked.
pub(crate) type Seen = BTreeMap<(Reader, InstanceId), State>;

/// What the outside knows.
#[derive(Default)]
pub(crate) struct Book {
    /// Starts that were acknowledged.
    pub(crate) started: BTreeSet<InstanceId>,
    /// Purges that were asked for: whether they were done nobody knows.
    pub(crate) purging: BTreeSet<InstanceId>,
    /// Events that were acknowledged.
    pub(crate) raised: BTreeSet<u64>,
    /// Terminations that were acknowledged.
    pub(crate) terminated: BTreeSet<InstanceId>,
    pub(crate) seen: Seen,
    pub(crate) lines: Vec<String>,
    /// What must not be.
    pub(crate) wrong: Option<String>,
}

/// Lists and statuses are one reader: what one has shown the other does not take back.
const READERS_AGREE: bool = true;

impl Book {
    pub(crate) fn accuse(&mut self, why: String) {
        self.wrong.get_or_insert(why);
    }

    fn check(&mut self, before: &Seen, reader: Reader, view: &InstanceView) {
        let now = (view.key, view.generation, view.turn);
        let earlier = before.get(&(reader, view.id.clone())).copied();
        if earlier.is_some_and(|earlier| now < earlier) {
            self.accuse(format!("[went back] {reader:?} had shown {earlier:?} of '{}', and shows {now:?}", view.id));
        }
        if view.stalled {
            self.accuse(format!("[stalled] '{}': {:?}", view.id, view.output));
        }
        for reader in [Reader::Status, Reader::List].into_iter().filter(|one| READERS_AGREE || *one == reader) {
            let latest = self.seen.entry((reader, view.id.clone())).or_insert(now);
            *latest = now.max(*latest);
        }
    }

    fn must_be_there(&mut self, before: &Seen, started: bool, reader: Reader, id: &InstanceId) {
        let was_there = started || before.contains_key(&(reader, id.clone()));
        if was_there && !self.purging.contains(id) {
            self.accuse(format!("[gone] {reader:?} does not show '{id}' any more"));
        }
    }

    /// `before`: what was seen when it was asked for; `started`: whether its start was acknowledged by then.
    pub(crate) fn status(
        &mut self,
        before: &Seen,
        started: bool,
        id: &InstanceId,
        answer: Result<Option<Arc<InstanceView>>, ClientError>,
    ) {
        match answer {
            Ok(Some(view)) => self.check(before, Reader::Status, &view),
            Ok(None) => self.must_be_there(before, started, Reader::Status, id),
            Err(_) => {}
        }
    }

    /// As [`Book::status`], of all.
    pub(crate) fn list(&mut self, before: &Seen, started: &BTreeSet<InstanceId>, views: &[InstanceView]) {
        views.iter().for_each(|view| self.check(before, Reader::List, view));
        let listed: BTreeSet<&InstanceId> = views.iter().map(|view| &view.id).collect();
        let known = before.keys().filter(|(reader, _)| *reader == Reader::List).map(|(_, id)| id).chain(started);
        for id in known.filter(|id| !listed.contains(id)).cloned().collect::<Vec<_>>() {
            self.must_be_there(before, started.contains(&id), Reader::List, &id);
        }
    }
}
