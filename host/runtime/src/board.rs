//! The statuses that readers see: published at commit, kept in memory for recent instances, pushed to who waits.

use crate::view::{ActivityProgress, InstanceView, Progress};
use dacapo_core::{InstanceId, Payload, TaskId};
use dacapo_store::InstanceKey;
use lru::LruCache;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::broadcast;

/// Every view of an instance that is published while somebody waits, in order; `None` when it is purged.
/// Who falls behind by more than [`WATCH_BACKLOG`] misses the oldest ones, never the last.
pub(crate) type Watching = broadcast::Receiver<Option<Arc<InstanceView>>>;

/// Changes of one instance that are kept for a watcher that is slower, comes late or comes again.
pub(crate) const WATCH_BACKLOG: usize = 64;

const SHARDS: usize = 16;

/// Statuses of recent instances, and those who wait for a change of one.
pub(crate) struct StatusBoard {
    shards: [Mutex<Shard>; SHARDS],
    hasher: std::hash::RandomState,
    budget_bytes: usize,
    /// Instances that cannot be played on, with what is shown as their output.
    stalled: RwLock<HashMap<InstanceKey, Payload>>,
    last_report: AtomicU64,
}

/// A recent instance: its latest view, and the last ones that changed its status or custom status.
struct Recent {
    latest: Arc<InstanceView>,
    changes: VecDeque<Arc<InstanceView>>,
    weight_bytes: usize,
}

impl Recent {
    fn new(view: Arc<InstanceView>) -> Self {
        // The input is the same in all its views, and is counted once.
        let weight_bytes = 2 * view.own_bytes() + view.input.as_ref().map_or(0, Payload::len_bytes);
        Self { changes: VecDeque::from([view.clone()]), latest: view, weight_bytes }
    }

    /// `false`: the view is of an older instance that had this id.
    fn follow(&mut self, view: Arc<InstanceView>) -> bool {
        if view.key < self.latest.key {
            return false;
        }
        if view.key > self.latest.key {
            *self = Self::new(view);
            return true;
        }
        if (view.status, &view.custom_status) != (self.latest.status, &self.latest.custom_status) {
            if self.changes.len() == WATCH_BACKLOG
                && let Some(oldest) = self.changes.pop_front()
            {
                self.weight_bytes -= oldest.own_bytes();
            }
            self.weight_bytes += view.own_bytes();
            self.changes.push_back(view.clone());
        }
        self.weight_bytes = self.weight_bytes + view.own_bytes() - self.latest.own_bytes();
        self.latest = view;
        true
    }
}

/// Reports of one instance's activities, by call.
#[derive(Default)]
struct Reports {
    number: u64,
    by_task: BTreeMap<TaskId, ActivityProgress>,
}

impl Reports {
    fn shown(&self) -> Progress {
        Progress { number: self.number, activities: self.by_task.values().cloned().collect() }
    }
}

struct Shard {
    reports: HashMap<InstanceKey, Reports>,
    recent: LruCache<InstanceId, Recent>,
    weight_bytes: usize,
    watchers: HashMap<InstanceId, broadcast::Sender<Option<Arc<InstanceView>>>>,
    /// How often something that was known of an instance was taken back.
    taken_back: u64,
}

/// A moment of what is known of an instance: see [`StatusBoard::stall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(u64);

impl Shard {
    fn progress_of(&self, view: &InstanceView) -> Progress {
        match self.reports.get(&view.key) {
            Some(reports) if !view.status.is_finished() => reports.shown(),
            _ => Progress::default(),
        }
    }
}

impl StatusBoard {
    /// `started_at_ms`: so that no two runs of the server give reports the same number.
    pub(crate) fn new(budget_bytes: usize, started_at_ms: u64) -> Self {
        let shard = |_| {
            Mutex::new(Shard {
                reports: HashMap::new(),
                recent: LruCache::unbounded(),
                weight_bytes: 0,
                watchers: HashMap::new(),
                taken_back: 0,
            })
        };
        Self {
            shards: std::array::from_fn(shard),
            hasher: Default::default(),
            budget_bytes: budget_bytes / SHARDS,
            stalled: RwLock::default(),
            last_report: AtomicU64::new(started_at_ms),
        }
    }

    fn shard(&self, id: &InstanceId) -> MutexGuard<'_, Shard> {
        let at = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or_default();
        // A panic elsewhere cannot leave a shard half changed in a way that matters: it is a cache.
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called in the order of commits, and only once the commit is durable.
    pub(crate) fn publish(&self, view: InstanceView) {
        self.unstall(view.key);
        self.show(view);
    }

    /// For [`StatusBoard::stall`]: read the store after it.
    pub(crate) fn moment(&self, id: &InstanceId) -> Moment {
        Moment(self.shard(id).taken_back)
    }

    /// The instance cannot be played on, as the store had it after `since`. Nothing of that is stored.
    /// `false`: it may have been purged or moved to another version since; look again.
    pub(crate) fn stall(&self, since: Moment, view: InstanceView, output: Payload) -> bool {
        let shard = self.shard(&view.id);
        if Moment(shard.taken_back) != since {
            return false;
        }
        self.stalled.write().unwrap_or_else(PoisonError::into_inner).insert(view.key, output.clone());
        let progress = shard.progress_of(&view);
        self.show_in(shard, InstanceView { progress, ..view.stalled_with(output) });
        true
    }

    fn unstall(&self, key: InstanceKey) {
        let none = self.stalled.read().unwrap_or_else(PoisonError::into_inner).is_empty();
        if !none {
            self.stalled.write().unwrap_or_else(PoisonError::into_inner).remove(&key);
        }
    }

    /// What is known of it beyond the store is not so any more: it was moved to another version.
    pub(crate) fn revive(&self, id: &InstanceId, key: InstanceKey) {
        self.shard(id).taken_back += 1;
        self.unstall(key);
        self.forget(id);
    }

    /// A view of what is stored, with what is known beyond that.
    pub(crate) fn as_it_is(&self, view: InstanceView) -> InstanceView {
        let progress = self.shard(&view.id).progress_of(&view);
        let view = InstanceView { progress, ..view };
        match self.stalled.read().unwrap_or_else(PoisonError::into_inner).get(&view.key) {
            Some(output) if !view.status.is_finished() => view.stalled_with(output.clone()),
            _ => view,
        }
    }

    /// A running activity has come so far. Shown until it ends.
    pub(crate) fn report_progress(&self, id: &InstanceId, key: InstanceKey, task: TaskId, report: ActivityProgress) {
        let mut shard = self.shard(id);
        let reports = shard.reports.entry(key).or_default();
        reports.number = self.last_report.fetch_add(1, Ordering::Relaxed) + 1;
        reports.by_task.insert(task, report);
        let progress = reports.shown();
        self.show_progress(shard, id, key, progress);
    }

    /// The activity has ended.
    pub(crate) fn end_progress(&self, id: &InstanceId, key: InstanceKey, task: TaskId) {
        let mut shard = self.shard(id);
        let Some(reports) = shard.reports.get_mut(&key) else { return };
        if reports.by_task.remove(&task).is_none() {
            return;
        }
        reports.number = self.last_report.fetch_add(1, Ordering::Relaxed) + 1;
        let progress = reports.shown();
        if reports.by_task.is_empty() {
            shard.reports.remove(&key);
        }
        self.show_progress(shard, id, key, progress);
    }

    fn show_progress(&self, shard: MutexGuard<'_, Shard>, id: &InstanceId, key: InstanceKey, progress: Progress) {
        let latest = shard.recent.peek(id).map(|recent| recent.latest.clone());
        if let Some(latest) = latest.filter(|latest| latest.key == key && !latest.status.is_finished()) {
            self.show_in(shard, InstanceView { progress, ..(*latest).clone() });
        }
    }

    fn show(&self, view: InstanceView) {
        let shard = self.shard(&view.id);
        let progress = shard.progress_of(&view);
        self.show_in(shard, InstanceView { progress, ..view });
    }

    fn show_in(&self, mut shard: MutexGuard<'_, Shard>, view: InstanceView) {
        let view = Arc::new(view);
        let (before, after) = match shard.recent.get_mut(&view.id) {
            Some(recent) => {
                let before = recent.weight_bytes;
                if !recent.follow(view.clone()) {
                    return;
                }
                (before, recent.weight_bytes)
            }
            None => {
                let (id, recent) = (view.id.clone(), Recent::new(view.clone()));
                let after = recent.weight_bytes;
                shard.recent.put(id, recent);
                (0, after)
            }
        };
        if let Some(watchers) = shard.watchers.get(&view.id) {
            // Fails only when the last watcher has just left.
            let _ = watchers.send(Some(view));
        }
        shard.weight_bytes = shard.weight_bytes + after - before;
        while shard.weight_bytes > self.budget_bytes
            && let Some((_, old)) = shard.recent.pop_lru()
        {
            shard.weight_bytes -= old.weight_bytes;
        }
    }

    /// What is remembered of it is no longer so: it is read from the store when it is asked for.
    pub(crate) fn forget(&self, id: &InstanceId) {
        let mut shard = self.shard(id);
        if let Some(old) = shard.recent.pop(id) {
            shard.weight_bytes -= old.weight_bytes;
        }
    }

    /// The instance is gone. Another one may have its id already.
    pub(crate) fn remove(&self, id: &InstanceId, key: InstanceKey) {
        let mut shard = self.shard(id);
        shard.taken_back += 1;
        self.unstall(key);
        if shard.recent.peek(id).is_some_and(|recent| recent.latest.key > key) {
            return;
        }
        if let Some(old) = shard.recent.pop(id) {
            shard.weight_bytes -= old.weight_bytes;
        }
        if let Some(watchers) = shard.watchers.get(id) {
            let _ = watchers.send(None);
        }
    }

    pub(crate) fn recent(&self, id: &InstanceId) -> Option<Arc<InstanceView>> {
        self.shard(id).recent.get(id).map(|recent| recent.latest.clone())
    }

    /// The last changes of status and custom status, oldest first, as far as they are still in memory.
    pub(crate) fn changes(&self, id: &InstanceId) -> Vec<Arc<InstanceView>> {
        self.shard(id).recent.get(id).map(|recent| recent.changes.iter().cloned().collect()).unwrap_or_default()
    }

    /// From now on, every published view of `id`. Subscribe first, then read the present state: nothing is missed.
    pub(crate) fn subscribe(&self, id: &InstanceId) -> Watching {
        let mut shard = self.shard(id);
        shard.watchers.entry(id.clone()).or_insert_with(|| broadcast::Sender::new(WATCH_BACKLOG)).subscribe()
    }

    /// Called when a watcher leaves: the last one takes the entry along.
    pub(crate) fn unsubscribe(&self, id: &InstanceId, watching: Watching) {
        let mut shard = self.shard(id);
        drop(watching);
        if shard.watchers.get(id).is_some_and(|sender| sender.receiver_count() == 0) {
            shard.watchers.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dacapo_core::RuntimeStatus;

    fn view(id: &str, turn: u64) -> InstanceView {
        InstanceView {
            key: InstanceKey(1),
            id: InstanceId::parse(id).expect("valid"),
            name: "X".into(),
            status: RuntimeStatus::Running,
            generation: 0,
            turn,
            created_at_ms: 0,
            updated_at_ms: 0,
            input: None,
            custom_status: None,
            output: None,
            parent_id: None,
            stalled: false,
            progress: Progress::default(),
        }
    }

    #[test]
    fn keeps_the_latest_view_within_its_budget() {
        let board = StatusBoard::new(SHARDS * 10_000, 0);
        for n in 0..10_000 {
            board.publish(view(&format!("i{n}"), 1));
        }
        let kept = (0..10_000).filter(|n| board.recent(&view(&format!("i{n}"), 1).id).is_some()).count();
        assert!((100..1_000).contains(&kept), "{kept}");
        board.publish(view("i9999", 2));
        assert_eq!(board.recent(&view("i9999", 2).id).expect("recent").turn, 2);
        board.remove(&view("i9999", 2).id, InstanceKey(1));
        assert!(board.recent(&view("i9999", 2).id).is_none());
    }

    #[test]
    fn what_was_purged_is_not_shown_as_stalled_by_who_has_not_heard_of_it() {
        let board = StatusBoard::new(1 << 20, 0);
        let (id, why) = (view("a", 1).id, || Payload::of("why").expect("json"));
        let before = board.moment(&id);
        board.remove(&id, InstanceKey(1));
        assert!(!board.stall(before, view("a", 1), why()));
        assert!(board.recent(&id).is_none() && !board.as_it_is(view("a", 1)).stalled);

        let before = board.moment(&id);
        board.revive(&id, InstanceKey(1));
        assert!(!board.stall(before, view("a", 1), why()));
        assert!(board.stall(board.moment(&id), view("a", 1), why()));
        assert!(board.as_it_is(view("a", 1)).stalled);
    }

    #[test]
    fn keeps_the_changes_of_a_recent_instance_and_not_of_an_older_one_with_its_id() {
        let board = StatusBoard::new(1 << 20, 0);
        let with = |turn, status: u64| InstanceView { custom_status: Payload::of(&status).ok(), ..view("a", turn) };
        for published in [with(1, 1), with(2, 1), with(3, 2), with(4, 1)] {
            board.publish(published);
        }
        let turns = |board: &StatusBoard| board.changes(&view("a", 1).id).iter().map(|v| v.turn).collect::<Vec<_>>();
        assert_eq!(turns(&board), [1, 3, 4]);
        for n in 0..1_000 {
            board.publish(with(5 + n, n));
        }
        assert_eq!(turns(&board).len(), WATCH_BACKLOG);
        board.publish(InstanceView { key: InstanceKey(2), ..with(1, 1) });
        assert_eq!(turns(&board), [1]);
    }

    #[test]
    fn a_watcher_sees_what_is_published_and_leaves_nothing_behind() {
        let board = StatusBoard::new(1 << 20, 0);
        let id = view("a", 1).id;
        let mut watching = board.subscribe(&id);
        board.publish(view("a", 1));
        board.publish(view("a", 2));
        board.remove(&id, InstanceKey(1));
        let mut turns = Vec::new();
        while let Ok(Some(view)) = watching.try_recv() {
            turns.push(view.turn);
        }
        assert_eq!(turns, [1, 2]);
        board.unsubscribe(&id, watching);
        assert!(board.shard(&id).watchers.is_empty());
    }
}
