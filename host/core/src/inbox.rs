//! The inbox of one instance, as far as it is in memory: what was delivered and is not yet part of a turn.
//!
//! Entries are numbered from 0 without a gap, and come in any order, some of them twice: from the store, and as they are
//! delivered. What stands behind a gap is not looked at before the gap is filled. A flow takes its entries in order, so
//! that one number says what it has consumed; that is a rule of flows, not of this file: [`Inbox::take`] takes any.

use crate::event::Event;
use std::collections::BTreeMap;
use std::ops::Range;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its number in the inbox, from 0.
    pub seq: u64,
    /// The execution that it is for; `None`: whichever is current.
    pub execution: Option<u32>,
    /// What was delivered.
    pub event: Event,
}

/// Entries that are known and not consumed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// Everything before it is consumed.
    done: u64,
    /// Consumed from `done` on: ranges that do not touch, by where they begin.
    taken: BTreeMap<u64, u64>,
    entries: BTreeMap<u64, InboxEntry>,
}

impl Inbox {
    /// One of which everything before `done` is consumed.
    pub fn new(done: u64) -> Self {
        Self { done, ..Self::default() }
    }

    /// Takes in an entry. One that is known is the same one; one that was consumed is of no use any more.
    pub fn put(&mut self, entry: InboxEntry) {
        if !self.is_taken(entry.seq) {
            self.entries.insert(entry.seq, entry);
        }
    }

    /// What can be taken now, in order.
    pub fn ready(&self) -> impl Iterator<Item = &InboxEntry> {
        let mut next = self.done;
        self.entries.values().take_while(move |entry| {
            next = self.skip_taken(next);
            let follows = entry.seq == next;
            next += 1;
            follows
        })
    }

    /// All that is known and not consumed, in order, behind a gap too.
    pub fn known(&self) -> impl Iterator<Item = &InboxEntry> {
        self.entries.values()
    }

    /// Whether something is known that cannot be taken, because what stands before it is not known: it was lost on the
    /// way, and stands in the store.
    pub fn has_gap(&self) -> bool {
        !self.entries.is_empty() && self.ready().count() < self.entries.len()
    }

    /// Entries with these numbers are consumed.
    pub fn take(&mut self, seqs: Range<u64>) {
        let (mut from, mut to) = (seqs.start.max(self.done), seqs.end);
        if from >= to {
            return;
        }
        self.entries.retain(|seq, _| !(from..to).contains(seq));
        while let Some((first, end)) = self.taken.range(..=to).next_back().map(|(first, end)| (*first, *end))
            && end >= from
        {
            self.taken.remove(&first);
            (from, to) = (from.min(first), to.max(end));
        }
        self.taken.insert(from, to);
        self.done = self.skip_taken(self.done);
        self.taken.retain(|first, _| *first > self.done);
    }

    /// Everything before this number is consumed.
    pub fn done(&self) -> u64 {
        self.done
    }

    fn is_taken(&self, seq: u64) -> bool {
        seq < self.done || self.taken.range(..=seq).next_back().is_some_and(|(_, end)| seq < *end)
    }

    fn skip_taken(&self, seq: u64) -> u64 {
        self.taken.get(&seq).copied().unwrap_or(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn entry(seq: u64) -> InboxEntry {
        InboxEntry { seq, execution: None, event: Event::TimerFired { task: crate::TaskId(0) } }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(u64),
        Take(u64, u64),
        TakeReady(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0u64..20).prop_map(Step::Put),
            1 => (0u64..20, 0u64..6).prop_map(|(from, len)| Step::Take(from, from + len)),
            2 => (0usize..5).prop_map(Step::TakeReady),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        /// Against two plain sets: what was put, and what was taken.
        #[test]
        fn what_can_be_taken_stands_before_the_first_gap_and_nothing_comes_twice(steps in steps()) {
            let (mut inbox, mut put, mut taken) = (Inbox::new(3), BTreeSet::new(), (0..3).collect::<BTreeSet<u64>>());
            for step in steps {
                match step {
                    Step::Put(seq) => {
                        inbox.put(entry(seq));
                        put.insert(seq);
                    }
                    Step::Take(from, to) => {
                        inbox.take(from..to);
                        taken.extend(from..to);
                    }
                    Step::TakeReady(most) => {
                        let ready: Vec<u64> = inbox.ready().take(most).map(|entry| entry.seq).collect();
                        prop_assert!(ready.iter().all(|seq| !taken.contains(seq)), "twice");
                        for seq in ready {
                            inbox.take(seq..seq + 1);
                            taken.insert(seq);
                        }
                    }
                }
                let gap = (0..).find(|seq| !put.contains(seq) && !taken.contains(seq)).expect("a number beyond all");
                let expected: Vec<u64> = (0..gap).filter(|seq| !taken.contains(seq)).collect();
                prop_assert_eq!(inbox.ready().map(|entry| entry.seq).collect::<Vec<_>>(), expected);
                prop_assert_eq!(inbox.done(), (0..).find(|seq| !taken.contains(seq)).expect("a number beyond all"));
                let behind = put.iter().any(|seq| *seq > gap && !taken.contains(seq));
                prop_assert_eq!(inbox.has_gap(), behind);
            }
        }
    }
}
