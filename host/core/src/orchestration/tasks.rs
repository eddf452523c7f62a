//! The tasks of one execution: what is in flight, what is done, in which order.

use crate::error::{Failure, GuestFault};
use crate::event::Event;
use crate::ids::{TaskId, fold_name};
use crate::payload::Payload;
use crate::turn::ActivityCall;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

type Outcome = Result<Payload, Failure>;

#[derive(Debug)]
enum Task {
    /// A command that nobody can wait for.
    Unawaitable,
    Activity(ActivityCall),
    Timer {
        fire_at_ms: u64,
    },
    /// Waits for an event of this folded name.
    Event {
        name: String,
    },
    /// Done as the n-th of all; `event` remembers which event it took, so that cancelling gives it back.
    Done {
        order: u64,
        outcome: Outcome,
        event: Option<Taken>,
        returned: bool,
    },
    Taken,
    Cancelled,
}

/// The event that a task took: its folded name, and which one it was of all that were raised.
#[derive(Debug)]
struct Taken {
    name: String,
    number: u64,
}

/// All tasks of an execution, by command number.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tasks: Vec<Task>,
    done: u64,
    timers: BTreeSet<(u64, TaskId)>,
    activities: BTreeSet<TaskId>,
    waiting: BTreeMap<String, VecDeque<TaskId>>,
    /// Events that nothing has taken, by folded name, each with its number of all that were raised.
    buffered: BTreeMap<String, BTreeMap<u64, Payload>>,
    raised: u64,
}

impl Tasks {
    /// How many commands there are: the number of the next one.
    pub(super) fn commands(&self) -> u32 {
        u32::try_from(self.tasks.len()).expect("the history limit is far below 2^32 commands")
    }

    /// Counts a command; its task, if it has one, is added next.
    pub(super) fn next_command(&mut self) -> TaskId {
        let task = TaskId(self.commands());
        self.tasks.push(Task::Unawaitable);
        task
    }

    pub(super) fn add_activity(&mut self, call: ActivityCall) {
        self.activities.insert(call.task);
        let at = call.task;
        self.set(at, Task::Activity(call));
    }

    pub(super) fn add_timer(&mut self, task: TaskId, fire_at_ms: u64) {
        self.timers.insert((fire_at_ms, task));
        self.set(task, Task::Timer { fire_at_ms });
    }

    pub(super) fn add_event_wait(&mut self, task: TaskId, name: &str) {
        let name = fold_name(name);
        match self.buffered.get_mut(&name).and_then(BTreeMap::pop_first) {
            Some((number, data)) => self.finish(task, Ok(data), Some(Taken { name, number })),
            None => {
                self.waiting.entry(name.clone()).or_default().push_back(task);
                self.set(task, Task::Event { name });
            }
        }
    }

    /// Takes in what arrived. The error says why it cannot have: live, such an arrival is dropped.
    pub(super) fn arrive(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::TaskCompleted { task, result } => self.activity_done(*task, Ok(result.clone())),
            Event::TaskFailed { task, failure } => self.activity_done(*task, Err(failure.clone())),
            Event::TimerFired { task } => self.timer_fired(*task),
            Event::EventRaised { name, data } => {
                self.raised += 1;
                self.give_event(Taken { name: fold_name(name), number: self.raised }, data.clone());
                Ok(())
            }
            other => Err(format!("{other:?} cannot arrive within an execution")),
        }
    }

    fn activity_done(&mut self, task: TaskId, outcome: Outcome) -> Result<(), String> {
        if !self.activities.remove(&task) {
            return Err(format!("task {task} is not an activity in flight"));
        }
        self.finish(task, outcome, None);
        Ok(())
    }

    fn timer_fired(&mut self, task: TaskId) -> Result<(), String> {
        let Some(Task::Timer { fire_at_ms }) = self.get(task) else {
            return Err(format!("task {task} is not an armed timer"));
        };
        self.timers.remove(&(*fire_at_ms, task));
        self.finish(task, Ok(Payload::null()), None);
        Ok(())
    }

    /// To the task that has waited longest for it, or into the buffer, in the order in which events were raised.
    fn give_event(&mut self, event: Taken, data: Payload) {
        match self.waiting.get_mut(&event.name).and_then(VecDeque::pop_front) {
            Some(task) => self.finish(task, Ok(data), Some(event)),
            None => {
                self.buffered.entry(event.name).or_default().insert(event.number, data);
            }
        }
    }

    fn finish(&mut self, task: TaskId, outcome: Outcome, event: Option<Taken>) {
        self.done += 1;
        self.set(task, Task::Done { order: self.done, outcome, event, returned: false });
    }

    pub(super) fn can_cancel(&self, task: TaskId) -> bool {
        match self.get(task) {
            Some(Task::Activity(_) | Task::Timer { .. } | Task::Event { .. } | Task::Done { .. }) => true,
            Some(Task::Unawaitable | Task::Taken | Task::Cancelled) | None => false,
        }
    }

    /// Stops waiting. An event that the task had already taken goes back to where it was.
    pub(super) fn cancel(&mut self, task: TaskId) {
        let Some(slot) = self.tasks.get_mut(task.0 as usize) else { return };
        match std::mem::replace(slot, Task::Cancelled) {
            Task::Activity(_) => {
                self.activities.remove(&task);
            }
            Task::Timer { fire_at_ms } => {
                self.timers.remove(&(fire_at_ms, task));
            }
            Task::Event { name } => {
                if let Some(queue) = self.waiting.get_mut(&name) {
                    queue.retain(|other| *other != task);
                }
            }
            Task::Done { outcome: Ok(data), event: Some(event), .. } => self.give_event(event, data),
            Task::Done { .. } | Task::Unawaitable | Task::Taken | Task::Cancelled => {}
        }
    }

    /// Of `tasks`, the position of the one that was done first.
    pub(super) fn poll_any(&mut self, tasks: &[TaskId]) -> Result<Option<usize>, GuestFault> {
        if tasks.is_empty() {
            return Err(GuestFault::AwaitNothing);
        }
        let mut first: Option<(u64, usize)> = None;
        for (position, task) in tasks.iter().enumerate() {
            match self.get(*task) {
                Some(Task::Done { order, .. }) if first.is_none_or(|(best, _)| *order < best) => {
                    first = Some((*order, position));
                }
                Some(Task::Taken) => return Err(GuestFault::AwaitTaken(*task)),
                Some(Task::Cancelled) => return Err(GuestFault::AwaitCancelled(*task)),
                _ => {}
            }
        }
        let Some((_, position)) = first else { return Ok(None) };
        if let Some(Task::Done { returned, .. }) = self.tasks.get_mut(tasks[position].0 as usize) {
            *returned = true;
        }
        Ok(Some(position))
    }

    /// Takes the outcome of a task that `poll_any` returned.
    pub(super) fn take(&mut self, task: TaskId) -> Result<Outcome, GuestFault> {
        match self.get(task) {
            Some(Task::Done { returned: true, .. }) => {}
            Some(Task::Taken) => return Err(GuestFault::OutcomeTwice(task)),
            _ => return Err(GuestFault::OutcomeEarly(task)),
        }
        match std::mem::replace(&mut self.tasks[task.0 as usize], Task::Taken) {
            Task::Done { outcome, .. } => Ok(outcome),
            other => unreachable!("checked above to be done: {other:?}"),
        }
    }

    pub(super) fn due_timers(&self, now_ms: u64) -> Vec<TaskId> {
        self.timers.iter().take_while(|(at_ms, _)| *at_ms <= now_ms).map(|(_, task)| *task).collect()
    }

    pub(super) fn next_timer(&self) -> Option<u64> {
        self.timers.first().map(|(at_ms, _)| *at_ms)
    }

    pub(super) fn has_open_activities(&self) -> bool {
        !self.activities.is_empty()
    }

    pub(super) fn open_activities(&self) -> impl Iterator<Item = ActivityCall> + '_ {
        self.activities.iter().filter_map(|task| match self.get(*task) {
            Some(Task::Activity(call)) => Some(call.clone()),
            _ => None,
        })
    }

    fn get(&self, task: TaskId) -> Option<&Task> {
        self.tasks.get(task.0 as usize)
    }

    fn set(&mut self, task: TaskId, state: Task) {
        self.tasks[task.0 as usize] = state;
    }
}
